"""Today's definitions applied to the time before: spells that would have been found, written once.

So that a backtest can judge rules by losses of the years before the company used Liuke.
"""

# ruff: noqa: S608 — names of our own tables; every value is bound
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q

from customers import company
from customers.ground import audit, localtime
from customers.models import Contract, Customer, User
from retention.losses.completing import complete, margins_before
from retention.losses.definitions import Definition, in_force
from retention.losses.finding import needed_days
from retention.losses.returns import moment_of
from retention.losses.window import SILENCES
from retention.measures import compute, dialect
from retention.measures.catalogue.orders import LEAST_PURCHASE_DAYS
from retention.measures.passes import Customers
from retention.models import Loss, LossKind, RetentionCase

_CUSTOMER = Customer._meta.db_table


@dataclass(frozen=True, order=True)
class _Return:
    at: datetime
    how: Loss.Ended


@dataclass(frozen=True)
class _Spell:
    customer_id: int
    began: int  # local day
    ended: _Return | None
    last: int  # day up to which the margin before is summed
    kind: LossKind
    contract_id: int | None = None
    is_active: bool = False


def write_history(*, since: datetime, by: User | None = None, at: datetime) -> int:
    """Write the spells that began between ``since`` and ``at``'s day by the definitions that count now.

    Each gets as ``recorded_at`` the beginning of the local day on which it would have been found, and as
    its end the moment of the next order, or at which the next contract was signed. From what is known
    today: that an order was recorded late is not seen. Partial losses are not applied to the past. What
    overlaps a loss that stands already is left out, so that it may be repeated and stopped anywhere; goes
    by ranges of customers, a transaction each.
    Side effects: audit ``losses.history``; no events, since nobody is to act on them.
    """
    definitions = in_force(at)
    firm = company.current()
    days = (localtime.day_number(since, firm.time_zone), company.today(at, firm).number)
    done = 0
    for customers in compute.shards(1, writing=True):
        with transaction.atomic():
            spells = _spells(definitions, customers, days, at=at, zone=firm.time_zone)
            found = _unless_known(_apart(spells, firm.time_zone), firm.time_zone)
            rows = _losses(found, firm.time_zone)
            Loss.objects.bulk_create(rows, batch_size=500)
        done += len(rows)
    codes = {"since": localtime.day_of(days[0]).isoformat(), "losses": done}
    audit.record("losses.history", obj=None, by=by, at=at, codes=codes)
    return done


def _spells(
    definitions: dict[LossKind, Definition],
    customers: Customers,
    days: tuple[int, int],
    *,
    at: datetime,
    zone: str,
) -> Iterator[_Spell]:
    """Yield the spells of every definition that is on."""
    contracts = _contracts_of(customers, at)
    silences = list(_silences(customers, at, days[1]))
    if definitions[LossKind.CONTRACT].is_on:
        orders: dict[int, list[datetime]] = defaultdict(list)
        for customer, _day, ordered_at, *_rest in silences:
            orders[customer].append(ordered_at)
        yield from _lapses(contracts, orders, days, zone)
    silent = [definitions[kind] for kind in (LossKind.WINDOW, LossKind.PERSONAL) if definitions[kind].is_on]
    if not silent:
        return
    for customer, last, _at, back, back_at, first, order_days in silences:
        for definition in silent:
            needed = _needed(definition, first=first, last=last, order_days=order_days)
            if needed is None or not days[0] <= last + needed <= days[1]:
                continue
            began = last + needed
            if (back is not None and back <= began) or _running(contracts[customer], began):
                continue
            ended = _return(contracts[customer], began, zone, ordered=back_at)
            yield _Spell(customer, began, ended, last, definition.kind)


def _needed(definition: Definition, *, first: int, last: int, order_days: int) -> int | None:
    if definition.kind == LossKind.WINDOW:
        return definition.days
    if order_days < LEAST_PURCHASE_DAYS:
        return None
    return needed_days(
        days=definition.days or 0, percent=definition.percent or 0, span=last - first, order_days=order_days
    )


def _silences(
    customers: Customers, at: datetime, today: int
) -> Iterator[tuple[int, int, datetime, int | None, datetime | None, int, int]]:
    """Yield for each day with an order: customer, day, moment; day and moment of the next; first day; count.

    The count is of the days with an order till then.
    """
    bound = {"at": dialect.bind_moment(at), "today": today, **customers.parameters()}
    rows = SILENCES.format(where=customers.condition("customer_id"))
    with transaction.atomic(), connection.cursor() as cursor, dialect.in_order(cursor):
        cursor.execute(
            "SELECT s.customer_id, occurred_day, first_at, back, back_at,"
            " min(occurred_day) OVER (PARTITION BY s.customer_id) AS first,"
            " row_number() OVER (PARTITION BY s.customer_id ORDER BY occurred_day) AS order_days"
            f" FROM ({rows}) s JOIN {_CUSTOMER} c ON c.id = s.customer_id AND c.gone_at IS NULL"
            " ORDER BY s.customer_id, occurred_day",
            bound,
        )
        for customer, last, told, back, back_at, first, order_days in cursor.fetchall():
            yield customer, last, moment_of(told), back, back_at and moment_of(back_at), first, order_days


def _contracts_of(customers: Customers, at: datetime) -> dict[int, list[Contract]]:
    rows = Contract.objects.filter(void=False, recorded_at__lt=at, customer__gone_at__isnull=True)
    if customers.low is not None:
        rows = rows.filter(customer__gte=customers.low, customer__lte=customers.high)
    found: dict[int, list[Contract]] = defaultdict(list)
    for row in rows.order_by("customer_id", "starts_day", "pk"):
        found[row.customer_id].append(row)
    return found


def _end_of(contract: Contract) -> int:
    """Return the first local day on which a contract does not run any more."""
    ends = contract.ends_day + 1
    return ends if contract.terminated_day is None else min(ends, contract.terminated_day)


def _running(contracts: Sequence[Contract], day: int) -> bool:
    return any(row.starts_day <= day < _end_of(row) for row in contracts)


def _return(
    contracts: Sequence[Contract], began: int, zone: str, *, ordered: datetime | None
) -> _Return | None:
    """Return what ended a spell first: an order, a contract that was signed, or one that starts in it."""
    lost = localtime.start_of_day(began, zone)
    found = [] if ordered is None else [_Return(ordered, Loss.Ended.ORDER)]
    for row in contracts:
        if _end_of(row) > began:
            starts = localtime.start_of_day(row.starts_day, zone)
            signed = row.occurred_at if row.occurred_at > lost else starts
            found += [_Return(signed, Loss.Ended.CONTRACT)] if signed > lost else []
    return min(found, default=None)


def _lapses(
    contracts: dict[int, list[Contract]],
    orders: dict[int, list[datetime]],
    days: tuple[int, int],
    zone: str,
) -> Iterator[_Spell]:
    for customer, rows in contracts.items():
        for row in rows:
            over = _end_of(row)
            if row.renewed_day is not None or not days[0] <= over <= days[1] or _running(rows, over):
                continue
            lost = localtime.start_of_day(over, zone)
            ordered = min((moment for moment in orders[customer] if moment > lost), default=None)
            yield _Spell(
                customer,
                over,
                _return(rows, over, zone, ordered=ordered),
                over - 1,
                LossKind.CONTRACT,
                row.pk,
                row.terminated_day is not None,
            )


def _apart(found: Iterator[_Spell], zone: str) -> list[_Spell]:
    """Return the spells without those that begin while another one of the customer lasts."""
    kept: list[_Spell] = []
    for one in sorted(found, key=lambda s: (s.customer_id, s.began, s.kind)):
        before = kept[-1] if kept and kept[-1].customer_id == one.customer_id else None
        began = localtime.start_of_day(one.began, zone)
        if before is None or (before.ended is not None and before.ended.at <= began):
            kept.append(one)
    return kept


def _unless_known(found: list[_Spell], zone: str) -> list[_Spell]:
    """Leave out what overlaps a loss that stands in the books, and contracts that have their loss."""
    ids = {one.customer_id for one in found}
    known: dict[int, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for customer, began, ended in Loss.objects.filter(customer__in=ids).values_list(
        "customer_id", "occurred_at", "ended_at"
    ):
        known[customer].append((began, ended))
    counted = set(
        Loss.objects.filter(Q(contract__isnull=False), customer__in=ids).values_list("contract_id", flat=True)
    )

    def is_new(one: _Spell) -> bool:
        began = localtime.start_of_day(one.began, zone)
        ended = one.ended.at if one.ended is not None else None
        return one.contract_id not in counted - {None} and not any(
            (ended is None or other_began < ended) and (other_ended is None or began < other_ended)
            for other_began, other_ended in known[one.customer_id]
        )

    return [one for one in found if is_new(one)]


def _losses(found: list[_Spell], zone: str) -> list[Loss]:
    kinds = RetentionCase.ChurnType
    rows: list[Loss] = []
    # a customer's spells lie apart in time: each round takes one of each, so that margins are summed in sets
    for turn in _turns(found):
        margins = margins_before({one.customer_id: one.last for one in turn})
        for one in turn:
            began = localtime.start_of_day(one.began, zone)
            ended = one.ended.at if one.ended is not None else None
            rows.append(
                Loss(
                    customer_id=one.customer_id,
                    contract_id=one.contract_id,
                    occurred_at=began,
                    recorded_at=began,
                    churn_type=kinds.ACTIVE if one.is_active else kinds.PASSIVE,
                    margin_365d=margins.get(one.customer_id, 0),
                    definition=one.kind,
                    last_order_day=None if one.kind == LossKind.CONTRACT else one.last,
                    ended_at=ended,
                    end_recorded_at=ended,
                    ended_because=one.ended.how if one.ended is not None else "",
                )
            )
    complete(rows)
    return rows


def _turns(found: list[_Spell]) -> list[list[_Spell]]:
    turns: list[list[_Spell]] = []
    place = 0
    for n, one in enumerate(found):
        place = place + 1 if n and found[n - 1].customer_id == one.customer_id else 0
        if place == len(turns):
            turns.append([])
        turns[place].append(one)
    return turns
