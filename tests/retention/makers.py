"""The smallest true rows above the customers: rules, runs, warnings, and cases by their own verbs."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import count
from typing import Any

from customers import complaints
from customers.models import Cause, Complaint, Customer, User
from retention import backtest, cases, measures
from retention.models import (
    BacktestRun,
    CustomerMeasures,
    EarlyWarning,
    FollowUpCall,
    RetentionCase,
    SweepRun,
    WarningRule,
)
from tests.factories import NOW, day

_number = count(1)


def make_rule(**values: Any) -> WarningRule:
    """Make an enabled rule of medium severity whose first call is due within two working days."""
    number = next(_number)
    return WarningRule.objects.create(
        **{
            "code": f"rule-{number}",
            "name_en": f"Rule {number}",
            "name_zh": f"规则{number}",
            "condition": {"measure": "complaints_open", "op": "gte", "value": 1},
            "is_enabled": True,
            **values,
        }
    )


def make_backtest(*, at: datetime = NOW) -> BacktestRun:
    """Make a backtest that waits, of a ready rule."""
    rule = WarningRule.objects.get(code="overdue")
    return backtest.start(rule, span=backtest.asked(at=at), by=None, at=at)


def make_run(*, at: datetime = NOW) -> SweepRun:
    """Make a finished full sweep."""
    return SweepRun.objects.create(
        scope="full",
        status="done",
        as_of=at,
        day=day(at),
        fingerprint=measures.fingerprint(),
        started_at=at,
        finished_at=at,
    )


def make_warning(
    customer: Customer, *, run: SweepRun, rule: WarningRule | None = None, **values: Any
) -> EarlyWarning:
    """Make an open warning that ``run`` raised and that has no case yet."""
    rule = rule or make_rule()
    return EarlyWarning.objects.create(
        **{
            "customer": customer,
            "rule": rule,
            "rule_version": rule.version,
            "severity": rule.severity,
            "raised_at": run.as_of,
            "as_of_day": run.day,
            "evidence": json.dumps({"as_of_day": run.day, "complaints_open": 2}),
            "fingerprint": run.fingerprint,
            "sweep_run": run,
            **values,
        }
    )


def give_margin(customer: Customer, margin: int, *, at: datetime = NOW) -> None:
    """Put the margin of the last 365 days into the wide table."""
    CustomerMeasures.objects.update_or_create(
        customer=customer, defaults={"as_of": at, "margin_365d": margin}
    )


def make_case(
    customer: Customer, *, by: User | None = None, at: datetime = NOW, **values: Any
) -> RetentionCase:
    """Open a case by the verb, as the system unless ``by`` is given."""
    return cases.open_case(
        customer, **{"kind": "save", "severity": 2, "reason": "Seems unhappy.", "by": by, "at": at, **values}
    )


def planned_call(case: RetentionCase) -> FollowUpCall:
    """Return the one planned call of a case."""
    return FollowUpCall.objects.get(case=case, status="planned")


def steps(case: RetentionCase) -> list[str]:
    """Return the kinds of all steps of a case, in order."""
    return list(case.moves.order_by("at", "id").values_list("kind", flat=True))


def in_status(customer: Customer, status: str, *, by: User) -> RetentionCase:
    """Return a case that reached ``status`` by the verbs alone."""
    case = make_case(customer)
    if status == RetentionCase.Status.UNASSIGNED:
        return cases.unassign(case, by=by, at=NOW)
    if status == RetentionCase.Status.WORKING:
        cases.move_to(case, RetentionCase.Status.WORKING, kind="working", by=by, at=NOW)
    if status == RetentionCase.Status.CLOSED:
        cases.close_case(case, outcome="saved", reason="Stays.", by=by, at=NOW)
    return case


def file_complaint(customer: Customer, *, by: User, at: Any = NOW, **values: Any) -> Complaint:
    """File a grave complaint by the verb; the drain opens its case."""
    return complaints.file_complaint(
        customer, **{"text": "Late again.", "severity": 3, "by": by, "at": at, **values}
    )


def cause(code: str) -> Cause:
    """Return a delivered cause."""
    return Cause.objects.get(code=code)
