"""Backtests: what a rule would have said in the past, step by step, and what came of it."""

from retention.backtest.counting import RuleFailed, span_of
from retention.backtest.proposing import (
    Advice,
    Because,
    NothingToAsk,
    Proposal,
    ProposalGone,
    adopt,
    advise,
    ask,
    draft_of,
)
from retention.backtest.provenance import taken_back_since
from retention.backtest.running import (
    MINUTES_PER_CALL,
    Cancelled,
    TooManyWaiting,
    Unsaved,
    Wish,
    cancel,
    run_now,
    start,
    work,
)
from retention.backtest.span import Span, SpanRefused, asked
from retention.backtest.thresholds import NoThreshold, Threshold
from retention.backtest.thresholds import every as thresholds_of
from retention.backtest.thresholds import shown as shown_threshold

__all__ = [
    "MINUTES_PER_CALL",
    "Advice",
    "Because",
    "Cancelled",
    "NoThreshold",
    "NothingToAsk",
    "Proposal",
    "ProposalGone",
    "RuleFailed",
    "Span",
    "SpanRefused",
    "Threshold",
    "TooManyWaiting",
    "Unsaved",
    "Wish",
    "adopt",
    "advise",
    "ask",
    "asked",
    "cancel",
    "draft_of",
    "run_now",
    "shown_threshold",
    "span_of",
    "start",
    "taken_back_since",
    "thresholds_of",
    "work",
]
