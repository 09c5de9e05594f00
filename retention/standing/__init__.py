"""How customers stand: value tier A–D, RFM scores, stage of life; see docs/losses.md."""

from retention.standing.cutting import BadShares, fit, policy, set_policy
from retention.standing.judging import appraise, nightly, write_history

__all__ = [
    "BadShares",
    "appraise",
    "fit",
    "nightly",
    "policy",
    "set_policy",
    "write_history",
]
