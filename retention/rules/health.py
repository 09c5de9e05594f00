"""The health of rules: what they raised in a span, what came of it, and what of it was noise.

All of it as known at a moment, in sets, with a bounded number of queries for any number of rules. Who is held
out is counted in ``Untouched`` only, among others and from thirty on (decision 14).
"""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import (
    Count,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce

from customers import company
from customers.models import Interaction, Objection
from retention.measures import dialect
from retention.models import EarlyWarning, FollowUpCall, Loss, LossKind, RetentionCase, WarningRule
from retention.rules.vitals import Health, Pair, Share, Untouched

SPANS = (30, 90)
HORIZON = 90  # days after a warning in which a loss proves it right
FLAPS, FLAP_DAYS = 3, 90
TOGETHER, TOGETHER_AT_LEAST = (4, 5), 20  # the share as a fraction; of customers that either warned of

_WARNING = EarlyWarning._meta.db_table
_Case = RetentionCase
_NoCase = EarlyWarning.NoCase
_COUNTED = "w.raised_at > %(after)s AND w.raised_at <= %(at)s AND NOT w.is_baseline " + (
    "AND w.no_case_because <> 'held_out'"
)


def of_rules(rules: Iterable[WarningRule], *, days: int, at: datetime) -> list[Health]:
    """Return the health of each rule over the ``days`` up to ``at``, in their order; six queries."""
    found = {rule.pk: Health(rule, days) for rule in rules}
    after, ids = at - timedelta(days=days), list(found)
    for row in _counts(ids, after=after, at=at):
        _take(found[row.pop("rule_id")], row)
    for rule, reason, number in _reasons(ids, after=after, at=at):
        found[rule].reasons[reason] = number
    for rule, lost, customers in _untouched(ids, days=days, at=at):
        found[rule].untouched = Untouched(lost, customers)
    for rule, flapping, customers in _flapping(ids, at=at):
        found[rule].flapping = Share(flapping, customers)
    for rule, pairs in _together(ids, after=after, at=at).items():
        found[rule].together = pairs
    return list(found.values())


def _take(health: Health, row: Mapping[str, int]) -> None:
    health.fired, health.shadow, health.waiting = row["fired"], row["shadow"], row["waiting"]
    health.cases, health.opened, health.closed = row["cases"], row["opened"], row["closed"]
    health.acted_on = Share(row["acted"], row["cases"])
    health.kept, health.lost = Share(row["kept"], row["closed"]), Share(row["lost"], row["closed"])
    health.recovered = Share(row["recovered"], row["closed"])
    health.dismissed = Share(row["dismissed"], health.told)


# --- What it raised, and what came of it ---------------------------------------------------------------
def _raised(rules: Sequence[int], *, after: datetime, until: datetime) -> QuerySet[EarlyWarning]:
    return EarlyWarning.objects.filter(
        rule__in=rules, raised_at__gt=after, raised_at__lte=until, is_baseline=False
    )


def _fired(rules: Sequence[int], *, after: datetime, at: datetime) -> QuerySet[EarlyWarning]:
    return _raised(rules, after=after, until=at).exclude(no_case_because=_NoCase.HELD_OUT)


def _counts(rules: Sequence[int], *, after: datetime, at: datetime) -> Iterator[dict[str, Any]]:
    """Yield the counts of each rule that fired; one query."""
    waits = Q(no_case_because=_NoCase.CAP) | Q(released_day__gt=company.today(at).number)
    has_case, is_closed = Q(case__opened_at__lte=at), Q(case__closed_at__lte=at)
    outcome = _Case.Outcome

    def cases(which: Q) -> Count:
        return Count("case_id", filter=which, distinct=True)

    yield from (
        _fired(rules, after=after, at=at)
        .alias(is_acted_on=_acted(at))
        .order_by()
        .values("rule_id")
        .annotate(
            fired=Count("pk"),
            shadow=Count("pk", filter=Q(no_case_because=_NoCase.SHADOW)),
            waiting=Count("pk", filter=waits),
            cases=cases(has_case),
            opened=cases(has_case & Q(case__opened_at__gte=F("raised_at"))),
            acted=cases(has_case & Q(is_acted_on=True)),
            closed=cases(is_closed),
            kept=cases(is_closed & Q(case__outcome__in=[outcome.SAVED, outcome.REGAINED])),
            lost=cases(is_closed & Q(case__outcome=outcome.LOST)),
            recovered=cases(is_closed & Q(case__outcome=outcome.RECOVERED)),
            dismissed=Count("pk", filter=Q(dismissal__at__lte=at)),
        )
    )


def _acted(at: datetime) -> Any:
    """Return the condition that somebody called or spoke with the customer for the sake of a warning."""
    calls = FollowUpCall.objects.filter(
        case=OuterRef("case_id"),
        status=FollowUpCall.Status.DONE,
        done_at__gte=OuterRef("raised_at"),
        done_at__lte=at,
    )
    spoken = _spoken(at).filter(occurred_at__lte=Coalesce(OuterRef("case__closed_at"), Value(at)))
    return Exists(calls) | Exists(spoken)


def _spoken(at: datetime) -> QuerySet[Interaction]:
    """Return the contacts with the customer of a warning from then on, as known at ``at``."""
    return Interaction.objects.filter(
        customer=OuterRef("customer_id"),
        void=False,
        occurred_at__gte=OuterRef("raised_at"),
        occurred_at__lte=at,
        recorded_at__lte=at,
    )


def _reasons(rules: Sequence[int], *, after: datetime, at: datetime) -> Iterator[tuple[int, str, int]]:
    said = _fired(rules, after=after, at=at).filter(dismissal__at__lte=at).order_by()
    yield from said.values_list("rule_id", "dismissal__reason").annotate(Count("pk"))


# --- Whom nobody touched -------------------------------------------------------------------------------
def _untouched(rules: Sequence[int], *, days: int, at: datetime) -> Iterator[tuple[int, int, int]]:
    """Yield rule, lost and customers: those nobody contacted until they were lost or the horizon was over.

    Each customer once a rule, by its first warning among those whose horizon was over at ``at``: of the
    ``days`` before. Warnings that were withheld are among them; baselines, partial losses and who objects to
    profiling are not.
    """
    horizon = timedelta(days=HORIZON)
    until = at - horizon
    raised = _raised(rules, after=until - timedelta(days=days), until=until)
    same = raised.filter(rule=OuterRef("rule_id"), customer=OuterRef("customer_id"))
    mine = OuterRef("raised_at")
    before = Q(raised_at__lt=mine) | Q(raised_at=mine, pk__lt=OuterRef("pk"))
    over = ExpressionWrapper(F("raised_at") + Value(horizon), output_field=DateTimeField())
    losses = Loss.objects.filter(
        customer=OuterRef("customer_id"),
        occurred_at__gt=OuterRef("raised_at"),
        occurred_at__lte=OuterRef("over"),
        recorded_at__lte=at,
    ).exclude(definition=LossKind.PARTIAL)
    calls = FollowUpCall.objects.filter(
        customer=OuterRef("customer_id"),
        status=FollowUpCall.Status.DONE,
        done_at__gte=OuterRef("raised_at"),
        done_at__lte=OuterRef("until"),
    )
    objecting = Objection.objects.filter(customer=OuterRef("customer_id"), lifted_at__isnull=True)
    alone = (
        raised.filter(~Exists(same.filter(before)), ~Exists(objecting))
        .alias(over=over)
        .alias(lost_at=Subquery(losses.order_by("occurred_at").values("occurred_at")[:1]))
        .alias(until=Coalesce(F("lost_at"), F("over")))
        .filter(~Exists(calls), ~Exists(_spoken(at).filter(occurred_at__lte=OuterRef("until"))))
        .order_by()
    )
    rows = alone.values("rule_id").annotate(
        lost=Count("pk", filter=Q(lost_at__isnull=False)), customers=Count("pk")
    )
    yield from rows.values_list("rule_id", "lost", "customers")


# --- Coming and going, and going together --------------------------------------------------------------
def _flapping(rules: Sequence[int], *, at: datetime) -> list[tuple[int, int, int]]:
    """Return rule, customers for whom it came and went three times in 90 days, and all whom it warned of."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rule_id, sum(CASE WHEN went >= %(flaps)s THEN 1 ELSE 0 END), count(*) FROM "
            "(SELECT w.rule_id, w.customer_id, sum(CASE WHEN w.closed_because = 'sign_gone' "
            f"AND w.closed_at <= %(at)s THEN 1 ELSE 0 END) AS went FROM {_WARNING} w "
            f"WHERE {dialect.among('w.rule_id', 'rules')} AND {_COUNTED} "
            "GROUP BY w.rule_id, w.customer_id) AS gone GROUP BY rule_id",
            _bound(rules, after=at - timedelta(days=FLAP_DAYS), at=at) | {"flaps": FLAPS},
        )
        return [(rule, int(flapping), customers) for rule, flapping, customers in cursor.fetchall()]


def _together(rules: Sequence[int], *, after: datetime, at: datetime) -> dict[int, list[Pair]]:
    """Return by rule those that warned of almost the same customers in the span, the most alike first."""
    part, of = TOGETHER
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH warned AS (SELECT DISTINCT w.rule_id, w.customer_id "
            f"FROM {_WARNING} w WHERE {_COUNTED}), "
            "sizes AS (SELECT rule_id, count(*) AS n FROM warned GROUP BY rule_id), "
            "pairs AS (SELECT x.rule_id AS one, y.rule_id AS other, count(*) AS shared FROM warned x "
            "JOIN warned y ON y.customer_id = x.customer_id AND y.rule_id <> x.rule_id "
            f"WHERE {dialect.among('x.rule_id', 'rules')} GROUP BY x.rule_id, y.rule_id) "
            "SELECT p.one, p.other, p.shared, a.n + b.n - p.shared AS either FROM pairs p "
            "JOIN sizes a ON a.rule_id = p.one JOIN sizes b ON b.rule_id = p.other "
            "WHERE a.n + b.n - p.shared >= %(least)s "
            "AND p.shared * %(of)s >= (a.n + b.n - p.shared) * %(part)s ORDER BY p.one, p.other",
            _bound(rules, after=after, at=at) | {"least": TOGETHER_AT_LEAST, "part": part, "of": of},
        )
        rows = cursor.fetchall()
    named = WarningRule.objects.in_bulk({other for _one, other, *_rest in rows})
    found: defaultdict[int, list[Pair]] = defaultdict(list)
    for one, other, shared, either in rows:
        found[one].append(Pair(named[other], shared, either))
    for pairs in found.values():
        pairs.sort(key=lambda pair: -pair.shared / pair.either)
    return found


def _bound(rules: Sequence[int], *, after: datetime, at: datetime) -> dict[str, Any]:
    moment = connection.ops.adapt_datetimefield_value
    return {"rules": dialect.bind_ids(rules), "after": moment(after), "at": moment(at)}
