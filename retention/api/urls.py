"""Addresses of this app's API, below ``/api/v1/``."""

from __future__ import annotations

from retention.api import (
    backtests,
    calls,
    care,
    cases,
    changes,
    customers,
    health,
    improvements,
    loops,
    losses,
    own_measures,
    queue,
    renewals,
    rules,
    segments,
    sweeps,
    warnings,
)

ID = "[0-9]{1,18}"

RESOURCES = (
    ("measures", customers.Measures, "measure"),
    ("own-measures", own_measures.OwnMeasures, "own-measure"),
    ("customers", customers.CustomerMeasuresOf, "customer"),
    (f"customers/(?P<customer>{ID})/timeline", customers.Timeline, "customer-timeline"),
    ("rules/health", health.RuleHealths, "rule-healths"),
    ("rules", rules.Rules, "rule"),
    ("backtests", backtests.Backtests, "backtest"),
    (f"rules/(?P<rule>{ID})/versions", rules.RuleVersions, "rule-version"),
    ("silences", rules.Silences, "silence"),
    ("warnings", warnings.Warnings, "warning"),
    ("queue", queue.Queue, "queue"),
    ("cases", cases.Cases, "case"),
    (f"cases/(?P<case>{ID})/moves", cases.Moves, "case-move"),
    ("calls", calls.Calls, "call"),
    ("renewals", renewals.Renewals, "renewal"),
    ("loops", loops.Loops, "loop"),
    ("losses", losses.Losses, "loss"),
    ("changes/customers", changes.ConcernedCustomers, "change-customer"),
    ("changes", changes.Changes, "change"),
    ("care/touches", care.CareTouches, "care-touch"),
    ("care/plans", care.CarePlans, "care-plan"),
    ("segments", segments.Segments, "segment"),
    (f"segments/(?P<segment>{ID})/members", segments.SegmentMembers, "segment-member"),
    (f"segments/(?P<segment>{ID})/counts", segments.SegmentCounts, "segment-count"),
    ("improvements", improvements.Improvements, "improvement"),
    (
        f"improvements/(?P<improvement>{ID})/feedback",
        improvements.ImprovementFeedbacks,
        "improvement-feedback",
    ),
    (f"improvements/(?P<improvement>{ID})/notices", improvements.ImprovementNotices, "improvement-notice"),
    ("rises", improvements.Rises, "rise"),
    ("sweeps", sweeps.Sweeps, "sweep"),
)
"""Path, resource, and the stem of its route names (``case-list``, ``case-detail`` …)."""
