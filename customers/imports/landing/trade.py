"""How lines become products, orders, contracts and exchange rates."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from customers import batch
from customers.batch import (
    ContractRecord,
    Landed,
    Line,
    OrderRecord,
    ProductRecord,
    keeping,
)
from customers.batch.keeping import Before
from customers.ground import localtime, money
from customers.ground.errors import Refused
from customers.ground.models import ExchangeRate
from customers.imports import errors
from customers.imports.checks import RATE_DIGITS
from customers.imports.kinds import Context, Group, LineRefusal, Outcome, Row
from customers.imports.landing.together import creating, land, new_customer
from customers.models import Order

_ONE = Decimal(1)


def land_products(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change products."""
    records = []
    for group in groups:
        values = dict(group.first.values)
        values.pop("code")
        if "unit_cost" in values and values["unit_cost"] is not None:
            values["unit_cost"] = money.to_minor(values["unit_cost"], context.firm.base_currency)
        if "margin" in values:
            values["margin_bp"] = values.pop("margin")
        if "withdrawn_on" in values:
            day = values.pop("withdrawn_on")
            values["withdrawn_day"] = day and day.toordinal()
            if day:
                begins = localtime.start_of_day(day.toordinal(), context.firm.time_zone)
                values["withdrawn_known_at"] = context.known(begins, None)[0]
        records.append(ProductRecord(code=group.key, values=values))

    def upsert(records: Any, *, source: str, **rest: Any) -> Landed:
        return batch.upsert_products(records, **rest)

    return land(upsert, groups, records, context)


def land_orders(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change orders; lines of one key that disagree on the customer are refused."""
    outcome, records, kept = Outcome(), [], []
    for group in groups:
        rows = _agreeing(group, outcome)
        first = group.first.values
        occurred_at = min(row.values["occurred_at"] for row in rows)
        recorded_at, assumed = context.known(occurred_at, first.get("recorded_at"))
        values: dict[str, Any] = {name: first[name] for name in ("number", "status") if name in first}
        for name in ("promised", "delivered"):
            if f"{name}_on" in first:
                day = first[f"{name}_on"]
                values[f"{name}_day"] = None if day is None else day.toordinal()
        if values.get("delivered_day") is not None and "status" not in values:
            values["status"] = Order.Status.DELIVERED
        records.append(
            OrderRecord(
                external_id=group.key,
                customer=first["customer"],
                occurred_at=occurred_at,
                recorded_at=recorded_at,
                recorded_assumed=assumed,
                currency=first.get("currency") or context.currency,
                values=values,
                lines=[_line(row) for row in rows],
                adds=context.is_mended,
                new_customer=new_customer(first),
            )
        )
        kept.append(Group(group.key, rows))
    return land(creating(batch.upsert_orders, context), kept, records, context, outcome)


def _agreeing(group: Group, outcome: Outcome) -> list[Row]:
    """Return the lines that name the same customer and currency as the first; refuse the others."""
    first = group.first
    rows = []
    for row in group.rows:
        if row.values["customer"] != first.values["customer"]:
            reason: Refused = errors.OtherCustomer(line=first.number)
            outcome.refused.append(LineRefusal(row.number, "customer", reason))
        elif row.values.get("currency") != first.values.get("currency"):
            reason = errors.OtherCurrency(line=first.number)
            outcome.refused.append(LineRefusal(row.number, "currency", reason))
        else:
            rows.append(row)
    return rows


def _line(row: Row) -> Line:
    values = row.values
    quantity, price = values.get("quantity", _ONE), values.get("unit_price")
    if price is None:  # only the line's amount is known
        amount = values["amount"]
        quantity, price = (_ONE if amount >= 0 else -_ONE), abs(amount)
    return Line(
        row.position,
        quantity,
        price,
        values.get("product", ""),
        values.get("description", ""),
        values.get("unit_cost"),
    )


def land_contracts(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change contracts; unsigned ones count as signed on the day that they start."""
    records = []
    for group in groups:
        values = group.first.values
        starts = localtime.start_of_day(values["starts_on"].toordinal(), context.firm.time_zone)
        occurred_at = values.get("occurred_at") or min(starts, context.at)
        recorded_at, assumed = context.known(occurred_at, values.get("recorded_at"))
        currency = values.get("currency") or context.currency
        fields: dict[str, Any] = {
            name.replace("_on", "_day"): values[name] and values[name].toordinal()
            for name in ("starts_on", "ends_on", "notice_on", "renewed_on", "terminated_on")
            if name in values
        }
        fields.update({name: values[name] for name in ("auto_renew", "number") if name in values})
        if "value" in values:
            fields["value"] = money.to_minor(values["value"] or Decimal(0), currency)
        records.append(
            ContractRecord(
                external_id=group.key,
                customer=values["customer"],
                occurred_at=occurred_at,
                recorded_at=recorded_at,
                recorded_assumed=assumed,
                currency=currency,
                values=fields,
                new_customer=new_customer(values),
            )
        )
    return land(creating(batch.upsert_contracts, context), groups, records, context)


def land_rates(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change exchange rates; facts that stand keep the rate that they were counted with."""
    wanted = {(g.first.values["currency"], g.first.values["day"]): g.first.values["rate"] for g in groups}
    present = {
        (row.currency, row.day): row
        for row in ExchangeRate.objects.filter(
            currency__in={currency for currency, _day in wanted}, day__in={day for _currency, day in wanted}
        )
    }
    outcome = Outcome()
    changed, before, new = [], [], []
    for (currency, day), rate in wanted.items():
        rate = rate.quantize(RATE_DIGITS)
        row = present.get((currency, day))
        if row is None:
            new.append(ExchangeRate(currency=currency, day=day, rate=rate))
        elif row.rate != rate:
            before.append(Before(row, {"rate": row.rate}))
            row.rate = rate
            changed.append(row)
    new.sort(key=lambda row: (row.currency, row.day))  # in order: no deadlock
    made = ExchangeRate.objects.bulk_create(  # somebody who was quicker is written over, as by a later call
        new, update_conflicts=True, unique_fields=["currency", "day"], update_fields=["rate"]
    )
    keeping.note_new(made, batch=context.batch, at=context.at)
    keeping.note_changed(before, batch=context.batch)
    if changed:
        ExchangeRate.objects.bulk_update(changed, ["rate"], batch_size=200)
    outcome.landed.created, outcome.landed.updated = len(new), len(changed)
    outcome.landed.unchanged = len(wanted) - len(new) - len(changed)
    return outcome
