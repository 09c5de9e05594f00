"""Who belongs to a segment, now or on any day since the first fact.

The answer is a set of customers like any other, to be narrowed, counted and paged: a select over the
wide table, or over one that a pass as of the past filled.
"""

# ruff: noqa: S608, S611 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import Min, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.facts import TWINS
from customers.ground import localtime
from customers.ground.errors import Refused
from customers.models import Customer
from retention.measures import compute
from retention.models import CustomerMeasures, Segment
from retention.rules import terms
from retention.rules.conditions import Condition, InSegment, Params, Terms, parse

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_LEAST = timedelta(microseconds=1)
_BARE = f"(SELECT id AS customer_id FROM {Customer._meta.db_table})"


class NothingKnown(Refused):
    code = "nothing_known"
    message = _("Nothing was known of any customer on that day. Choose %(first)s or a later day.")


class ToCome(Refused):
    code = "day_to_come"
    message = _("That day is still to come. Choose today or an earlier day.")


def condition_of(segment: Segment, *, known: Terms | None = None) -> Condition:
    """Return the condition that its members meet; raise ``ConditionRefused`` when it no longer stands."""
    known = known or terms.known()
    if segment.kind == Segment.Kind.LIST:
        return InSegment(terms.segment_term(segment))
    return parse(segment.condition, terms=known, within=segment.code)


def matching(
    condition: Condition, *, among: QuerySet[Customer] | None = None, at: datetime
) -> QuerySet[Customer]:
    """Return the customers for whom a condition holds now, of all that count or of those ``among``.

    Measures are those of the wide table, which follows each fact within seconds; attributes and lists
    are as they stand, what was recorded at this very moment included.
    """
    return _selected(condition, *_now(condition, at=at), among=among)


def count_matching(condition: Condition, *, at: datetime) -> int:
    """Return for how many of all customers a condition holds now: a count of :func:`matching`.

    The wide table alone is read, and those that are gone are looked up: no join of everybody.
    """
    params, table = _now(condition, at=at)
    text = (
        f"SELECT count(*) FROM {table} m WHERE ({condition.sql(params)}) AND NOT EXISTS"
        f" (SELECT 1 FROM {Customer._meta.db_table} gone WHERE gone.id = m.customer_id"
        " AND gone.gone_at IS NOT NULL)"
    )
    with connection.cursor() as cursor:
        cursor.execute(*_positional(text, params))
        return int(cursor.fetchone()[0])


def _now(condition: Condition, *, at: datetime) -> tuple[Params, str]:
    table = f'"{CustomerMeasures._meta.db_table}"' if condition.columns() else _BARE
    return Params(company.today(at).number, as_of=at + _LEAST), table


@contextmanager
def members(
    segment: Segment, *, at: datetime, on: date | None = None, known: Terms | None = None
) -> Iterator[QuerySet[Customer]]:
    """Yield the customers who belong to a segment now, or did at the end of the day ``on``.

    A condition is asked in its present form, of what was known on that day. The customers can be read
    inside the block only. Raises :class:`ToCome`, :class:`NothingKnown`, ``ConditionRefused``.
    """
    condition = condition_of(segment, known=known)
    as_of = as_of_day(on, at=at) if on is not None else None
    if as_of is None:
        yield matching(condition, at=at)
        return
    params = Params(on.toordinal() if on else 0, as_of=as_of, mode="past")
    columns = condition.columns()
    if not columns:
        yield _selected(condition, params, _BARE)
        return
    with compute.at(as_of=as_of, columns=columns) as table:
        yield _selected(condition, params, f'"{table}"')


def as_of_day(on: date, *, at: datetime) -> datetime | None:
    """Return the last moment of the day; nothing for today, which is read as it stands.

    Raises :class:`ToCome` for a later day, :class:`NothingKnown` for one before all facts.
    """
    today = company.today(at)
    if on.toordinal() > today.number:
        raise ToCome()
    if on.toordinal() == today.number:
        return None
    as_of = localtime.start_of_day(on.toordinal() + 1, company.current().time_zone) - _LEAST
    known = {"occurred_at__lt": as_of, "recorded_at__lt": as_of}
    if not any(fact._default_manager.filter(**known).exists() for fact in TWINS):
        raise NothingKnown(first=_first_day())
    return as_of


def _first_day() -> str:
    found = [fact._default_manager.aggregate(first=Min("recorded_at"))["first"] for fact in TWINS]
    first = min((one for one in found if one is not None), default=None)
    zone = company.current().time_zone
    return date_format(localtime.to_local(first, zone), "DATE_FORMAT") if first else "—"


def _selected(
    condition: Condition, params: Params, table: str, among: QuerySet[Customer] | None = None
) -> QuerySet[Customer]:
    text = f"SELECT m.customer_id FROM {table} m WHERE {condition.sql(params)}"
    present: QuerySet[Customer] = Customer.objects.present()  # type: ignore[attr-defined]
    return (among if among is not None else present).filter(pk__in=RawSQL(*_positional(text, params)))


def _positional(text: str, params: Params) -> tuple[str, list[int | str]]:
    """Return SQL with its parameters in order, as Django's expressions take them."""
    order = _PLACEHOLDER.findall(text)
    return _PLACEHOLDER.sub("%s", text), [params.values[name] for name in order]
