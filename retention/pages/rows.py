"""The lines of a queue: what each shows, read in a bounded number of queries for any number of lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import (
    Case,
    Count,
    IntegerField,
    Prefetch,
    QuerySet,
    Value,
    When,
    prefetch_related_objects,
)
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from customers import company
from customers.ground.localtime import day_of
from customers.models import Order, User
from retention import cases, rules
from retention.cases import queue
from retention.models import EarlyWarning, RetentionCase

MOST_TAGS = 3
MONTHS = 12
_SHOWN = (
    *("pk", "kind", "status", "severity", "margin_365d", "reason", "due_at", "rank", "customer_id"),
    *("assignee_id", "assign_reason", "assign_data", "customer__name", "customer__name_alt"),
    *("assignee__username", "assignee__first_name", "assignee__last_name"),
)

_OF_RULE = ("rule__name_en", "rule__name_zh", "rule__condition", "rule__position")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the queue, ready to show."""

    id: int
    url: str
    name: str
    alt: str
    severity: int
    tags: list[tuple[str, str]]
    why: str
    bars: list[int]
    worth: int | None
    due_at: datetime | None
    due_note: str
    place: queue.Place = field(compare=False)


def shown(found: QuerySet[RetentionCase]) -> QuerySet[RetentionCase]:
    """Let cases be read with what a line shows and no more."""
    return found.select_related("customer", "assignee").only(*_SHOWN)


def rows_of(found: Sequence[RetentionCase], *, user: User, at: datetime) -> list[Row]:
    """Return cases (read by :func:`shown`, in the order of the queue) as lines; two queries."""
    firm = company.current()
    read_warnings(found)
    bars = orders_by_month([case.customer_id for case in found], last_day=company.today(at, firm).number)
    return [
        _row(case, bars[case.customer_id], user=user, currency=firm.base_currency, at=at) for case in found
    ]


def read_warnings(found: Sequence[RetentionCase]) -> None:
    """Read the open warnings of cases into ``open_warnings``, the gravest first, each with its rule."""
    calling = EarlyWarning.objects.calling()  # type: ignore[attr-defined]
    brief = calling.select_related("rule").only("case_id", "severity", "evidence", *_OF_RULE)
    prefetch_related_objects(list(found), Prefetch("warnings", queryset=brief, to_attr="open_warnings"))
    for case in found:
        case.open_warnings.sort(key=lambda w: (-w.severity, w.rule.position, w.pk))  # type: ignore[attr-defined]


def reasons_of(warnings: Iterable[EarlyWarning], *, currency: str) -> str:
    """Return the evidence of the warnings as sentences, each once, the gravest first."""
    language = get_language() or "en"
    said = (
        rules.evidence_sentence(w, w.rule, language=language, currency=currency, with_worth=False)
        for w in warnings
    )
    space = "" if language.startswith("zh") else " "
    return space.join(dict.fromkeys(sentence for sentence in said if sentence))


def orders_by_month(
    customer_ids: Sequence[int], *, last_day: int, months: int = MONTHS
) -> dict[int, list[int]]:
    """Return how many orders each customer placed in each of the last months, oldest first; one query.

    The database counts by month, from the index of the measures alone, so that a customer with very
    many orders costs no more than the reading.
    """
    last = day_of(last_day)
    newest = last.year * 12 + last.month - 1
    starts = [
        last.replace(year=month // 12, month=month % 12 + 1, day=1).toordinal()
        for month in range(newest - months + 1, newest + 1)
    ]
    counts: dict[int, list[int]] = defaultdict(lambda: [0] * months)
    if not customer_ids:
        return counts
    ends = [*starts[1:], last_day + 1]
    month_of = Case(
        *(When(occurred_day__lt=end, then=Value(number)) for number, end in enumerate(ends[:-1])),
        default=Value(months - 1),
        output_field=IntegerField(),
    )
    placed = Order.objects.filter(
        customer_id__in=customer_ids,
        occurred_day__gte=starts[0],
        occurred_day__lte=last_day,
        is_purchase=True,
        void=False,
    ).exclude(status=Order.Status.CANCELLED)
    by_month = placed.annotate(month=month_of).values_list("customer_id", "month").annotate(placed=Count("*"))
    for customer_id, month, number in by_month.order_by():
        counts[customer_id][month] = number
    return counts


def _row(case: Any, bars: list[int], *, user: User, currency: str, at: datetime) -> Row:
    tags = [("accent" if case.kind == "recovery" else "", case.get_kind_display())]
    tags += [("bad" if w.severity == 3 else "warn", str(w.rule)) for w in case.open_warnings[:MOST_TAGS]]
    if case.status == RetentionCase.Status.UNASSIGNED:
        tags.append(("warn", _("nobody holds it")))
    return Row(
        id=case.pk,
        url=reverse("retention:case", args=[case.pk]),
        name=case.customer.name,
        alt=case.customer.name_alt,
        severity=case.severity,
        tags=tags,
        why=reasons_of(case.open_warnings, currency=currency) or case.reason or cases.why_assigned(case),
        bars=bars,
        worth=case.margin_365d if case.margin_365d > 0 else None,
        due_at=case.due_at,
        due_note=str(case.assignee) if case.assignee_id not in (None, user.pk) else "",
        place=queue.place_of(case, at=at),
    )
