"""The sweep: measures → rules → warnings → cases, for everybody or for whom something has changed."""

from retention.sweep.everybody import SweepFailed, help_out
from retention.sweep.nightly import nightly
from retention.sweep.sweeping import RuleIsOff, SweepTooEarly, run
from retention.sweep.touched import sweep_touched, touched

__all__ = [
    "RuleIsOff",
    "SweepFailed",
    "SweepTooEarly",
    "help_out",
    "nightly",
    "run",
    "sweep_touched",
    "touched",
]
