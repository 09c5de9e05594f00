"""Rules that open only so many new cases a day: which of the waiting warnings may open theirs today."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from customers.models import Objection
from retention import cases, warnings
from retention.cases import holders
from retention.models import (
    CustomerMeasures,
    EarlyWarning,
    RuleState,
    Silence,
    SweepRun,
    WarningRule,
)


def release(run: SweepRun, *, at: datetime) -> tuple[int, int]:
    """Let the most valuable of those who wait open a case; return how many cases and calls came of it.

    A limited rule lets as many through a local day as it may; one that went live since lets all. Safe to
    repeat, and counted by one at a time: whoever gives out cases holds the desk.
    """
    waiting = _waiting(run, at=at)
    rules = WarningRule.objects.filter(pk__in=waiting.order_by().values("rule"), opens_work=True)
    opening = rules.in_state(RuleState.LIMITED, RuleState.LIVE).order_by("pk")  # type: ignore[attr-defined]
    able = [rule for rule in opening if _left(rule, run) != 0]
    if not able:
        return 0, 0
    with transaction.atomic():
        holders.hold_desk()
        released = sum(_release(waiting.filter(rule=rule), rule, run, at=at) for rule in able)
        return cases.open_for_warnings(run, at=at) if released else (0, 0)


def _waiting(run: SweepRun, *, at: datetime) -> QuerySet[EarlyWarning]:
    """Return the warnings of a run's rules that wait, but not of who is lost, silenced or objects."""
    lost = RawSQL(warnings.lost(), [])  # noqa: S611 — put together from declarations alone
    silenced = Silence.objects.filter(
        Q(customer__isnull=True) | Q(customer=OuterRef("customer")),
        rule=OuterRef("rule"),
        ended_at__isnull=True,
        starts_at__lte=at,
        until_day__gte=run.day,
    )
    return EarlyWarning.objects.exclude(customer__in=lost).filter(
        ~Exists(silenced),
        ~Exists(Objection.objects.filter(customer=OuterRef("customer"), lifted_at__isnull=True)),
        rule__code__in=run.codes or [],
        state=EarlyWarning.State.WITHHELD,
        no_case_because=EarlyWarning.NoCase.CAP,
    )


def _release(waiting: QuerySet[EarlyWarning], rule: WarningRule, run: SweepRun, *, at: datetime) -> int:
    margin = CustomerMeasures.objects.filter(customer=OuterRef("customer")).values("margin_365d")[:1]
    chosen = waiting.annotate(margin=Coalesce(Subquery(margin), 0)).order_by("-margin", "customer_id")
    if (left := _left(rule, run)) is not None:
        chosen = chosen[:left]
    ids = list(chosen.values_list("pk", flat=True))
    return warnings.release(EarlyWarning.objects.filter(pk__in=ids), run=run, at=at)


def _left(rule: WarningRule, run: SweepRun) -> int | None:
    """Return how many more warnings a rule may let through on the run's day; nothing when all of them."""
    if rule.state != RuleState.LIMITED:
        return None
    today = EarlyWarning.objects.filter(rule=rule, released_day=run.day).count()
    return max((rule.cases_a_day or 0) - today, 0)
