"""The usual way in Django: grouped ORM aggregates, rules in Python, rows written back in bulk.

It computes the measures of orders, contacts, contracts and complaints that are grouped aggregates, fewer
than ours, judges the same rules and keeps the same warnings. It is written as a good Django programmer
would: one query a source, no query in a loop, batches.
"""

from __future__ import annotations

import multiprocessing
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.apps.registry import Apps
from django.db import connection, models
from django.db.models import Case, Count, F, Max, Min, Q, Sum, When

from benchmarks import rulebook
from customers.models import ComplaintEvent, Contract, Customer, Interaction, Order
from retention.measures import stored

CODES = (
    *("first_order_day", "last_order_day", "order_days", "order_span_days", "orders_30d", "spend_30d"),
    *("orders_90d", "spend_90d", "orders_prev_90d", "spend_prev_90d", "orders_365d", "spend_365d"),
    *("orders_prev_365d", "spend_prev_365d", "margin_365d", "margin_prev_365d", "returned_365d"),
    *("contacts_90d", "contacts_prev_90d", "contacts_in_90d", "last_contact_day"),
    *("contracts_running", "contract_value_running", "contract_end_day", "first_contract_day"),
    *("complaints_open", "complaints_overdue", "complaint_due_day", "complaints_90d"),
    *("complaints_prev_90d", "complaints_reopened_open", "last_reopened_day"),
)
EMPTY = {measure.code: measure.empty for measure in stored() if measure.code in CODES}
AT_ONCE = 20_000  # customers whose rows are in memory at a time
BATCH = 2_000


class _Own:
    """Options of models that only the benchmark knows: no migration, no admin, no declaration."""

    apps = Apps()
    app_label = "benchmarks"


UsualMeasures: Any = type(
    "UsualMeasures",
    (models.Model,),
    {
        "__module__": __name__,
        "customer_id": models.BigIntegerField(primary_key=True),
        **{code: models.BigIntegerField(null=True) for code in CODES},
        "Meta": type("Meta", (_Own,), {"db_table": "bench_usual_measures"}),
    },
)


class UsualWarning(models.Model):
    """A rule that holds for a customer."""

    customer_id = models.BigIntegerField()
    rule = models.IntegerField()
    raised_at = models.DateTimeField()

    class Meta(_Own):
        db_table = "bench_usual_warning"
        constraints = [models.UniqueConstraint(fields=["customer_id", "rule"], name="bench_usual_once")]


def make_tables() -> None:
    """Make the two tables."""
    with connection.schema_editor() as editor:
        editor.create_model(UsualMeasures)
        editor.create_model(UsualWarning)


def sweep(*, at: datetime, today: int, rules: int, processes: int) -> int:
    """Compute, judge and write everybody's measures and warnings; return the number of customers."""
    last = Customer.objects.aggregate(last=Max("id"))["last"] or 0
    ranges = [(low, min(low + AT_ONCE - 1, last), at, today, rules) for low in range(1, last + 1, AT_ONCE)]
    if processes == 1 or len(ranges) == 1:
        return sum(_range(one) for one in ranges)
    connection.close()  # a process shares no connection
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        return sum(pool.imap_unordered(_range, ranges))


def _range(bounds: tuple[int, int, datetime, int, int]) -> int:
    low, high, at, today, rules = bounds
    rows = {pk: dict(EMPTY) for pk in _customers(low, high)}
    for found in _aggregated(low, high, at, today):
        code = found.pop("customer_id")
        rows[code].update({key: value for key, value in found.items() if value is not None})
    for row in rows.values():
        first, last = row["first_order_day"], row["last_order_day"]
        row["order_span_days"] = None if first is None else last - first
    UsualMeasures.objects.bulk_create(
        [UsualMeasures(customer_id=pk, **row) for pk, row in rows.items()],
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["customer_id"],
        update_fields=list(CODES),
    )
    _judge(rows, rulebook.rules(rules), low, high, at, today)
    return len(rows)


def _judge(
    rows: dict[int, dict[str, Any]],
    rules: Sequence[rulebook.Rule],
    low: int,
    high: int,
    at: datetime,
    today: int,
) -> None:
    """Keep a warning for each rule that holds; remove those that no longer do."""
    standing = UsualWarning.objects.filter(customer_id__range=(low, high))
    old = {(one.customer_id, one.rule): one.pk for one in standing}
    new = {(pk, rule.n) for pk, row in rows.items() for rule in rules if rule.holds(row, today)}
    UsualWarning.objects.filter(pk__in=[old[key] for key in old.keys() - new]).delete()
    UsualWarning.objects.bulk_create(
        [UsualWarning(customer_id=pk, rule=n, raised_at=at) for pk, n in sorted(new - old.keys())],
        batch_size=BATCH,
    )


def _customers(low: int, high: int) -> Iterator[int]:
    return Customer.objects.filter(pk__range=(low, high)).values_list("pk", flat=True).iterator()


def _aggregated(low: int, high: int, at: datetime, today: int) -> Iterator[dict[str, Any]]:
    """Yield what each source says of its customers, one grouped query a source."""
    seen = {
        "customer__gte": low,
        "customer__lte": high,
        "void": False,
        "occurred_at__lt": at,
        "recorded_at__lt": at,
    }
    yield from _orders(Order.objects.filter(**seen), today)
    yield from _interactions(Interaction.objects.filter(**seen), today)
    yield from _contracts(Contract.objects.filter(**seen), today)
    yield from _complaints(ComplaintEvent.objects.filter(**seen), today)


def _last(today: int, days: int) -> Q:
    return Q(occurred_day__gt=today - days)


def _before(today: int, days: int) -> Q:
    return Q(occurred_day__gt=today - 2 * days, occurred_day__lte=today - days)


def _orders(rows: Any, today: int) -> Iterator[dict[str, Any]]:
    bought, net = Q(is_purchase=True), F("sold_base") - F("returned_base")
    made: dict[str, Any] = {
        "first_order_day": Min("occurred_day", filter=bought),
        "last_order_day": Max("occurred_day", filter=bought),
        "order_days": Count("occurred_day", filter=bought, distinct=True),
        "orders_30d": Count("id", filter=bought & _last(today, 30)),
        "spend_30d": Sum(net, filter=_last(today, 30)),
        "returned_365d": Sum("returned_base", filter=_last(today, 365)),
    }
    for days in (90, 365):
        for name, where in (("", _last(today, days)), ("prev_", _before(today, days))):
            made[f"orders_{name}{days}d"] = Count("id", filter=bought & where)
            made[f"spend_{name}{days}d"] = Sum(net, filter=where)
            if days == 365:
                made[f"margin_{name}{days}d"] = Sum("margin_base", filter=where)
    yield from rows.exclude(status="cancelled").values("customer_id").annotate(**made)


def _interactions(rows: Any, today: int) -> Iterator[dict[str, Any]]:
    yield from (
        rows.filter(reached=True)
        .values("customer_id")
        .annotate(
            contacts_90d=Count("id", filter=_last(today, 90)),
            contacts_prev_90d=Count("id", filter=_before(today, 90)),
            contacts_in_90d=Count("id", filter=_last(today, 90) & Q(direction="in")),
            last_contact_day=Max("occurred_day"),
        )
    )


def _contracts(rows: Any, today: int) -> Iterator[dict[str, Any]]:
    runs = (
        Q(starts_day__lte=today, ends_day__gte=today)
        & (Q(renewed_day=None) | Q(renewed_day__gt=today))
        & (Q(terminated_day=None) | Q(terminated_day__gt=today))
    )
    yield from rows.values("customer_id").annotate(
        contracts_running=Count("id", filter=runs),
        contract_value_running=Sum("value_base", filter=runs),
        contract_end_day=Min("ends_day", filter=runs & Q(auto_renew=False)),
        first_contract_day=Min("occurred_day"),
    )


def _complaints(rows: Any, today: int) -> Iterator[dict[str, Any]]:
    """One row a complaint from the database, added up by customer in Python."""
    opened = Q(kind__in=["opened", "reopened"])
    each = rows.values("customer_id", "complaint_id").annotate(
        opened_day=Min("occurred_day", filter=opened),
        opened_at=Max("occurred_at", filter=opened),
        resolved_at=Max("occurred_at", filter=Q(kind="resolved")),
        reopened_day=Max(Case(When(kind="reopened", then=F("occurred_day")))),
        due_day=Max("due_day"),
    )
    by_customer: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in each:
        row["open"] = row["opened_at"] is not None and (
            row["resolved_at"] is None or row["opened_at"] > row["resolved_at"]
        )
        by_customer[row["customer_id"]].append(row)
    for customer, some in by_customer.items():
        days = [row["opened_day"] for row in some if row["opened_day"] is not None]
        dues = [row["due_day"] for row in some if row["open"] and row["due_day"] is not None]
        yield {
            "customer_id": customer,
            "complaints_open": sum(row["open"] for row in some),
            "complaints_overdue": sum(due < today for due in dues),
            "complaint_due_day": min(dues, default=None),
            "complaints_90d": sum(day > today - 90 for day in days),
            "complaints_prev_90d": sum(today - 180 < day <= today - 90 for day in days),
            "complaints_reopened_open": sum(row["open"] and row["reopened_day"] is not None for row in some),
            "last_reopened_day": max(
                (row["reopened_day"] for row in some if row["reopened_day"] is not None), default=None
            ),
        }
