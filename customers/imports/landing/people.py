"""How lines become customers, contacts and values of attributes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from customers import attributes, batch
from customers.batch import AttributeRecord, ContactRecord, CustomerRecord
from customers.batch.references import UnknownAttribute
from customers.ground.errors import Refused
from customers.imports import checks, places
from customers.imports.cells import number
from customers.imports.kinds import Context, Group, LineRefusal, Outcome
from customers.imports.landing.together import land, without_id
from customers.models import Attribute


def land_customers(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change customers."""
    records = []
    for group in groups:
        values = places.read(group.first.values)
        beside = {name: values.pop(name, None) for name in ("owner", "team", "parent", "address_since")}
        records.append(CustomerRecord(external_id=group.key, values=without_id(values), **beside))
    return land(batch.upsert_customers, groups, records, context)


def land_contacts(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change contacts."""
    records = []
    for group in groups:
        values = dict(group.first.values)
        beside = {"customer": values.pop("customer"), "successor": values.pop("successor", None)}
        birthday = checks.birthday_columns(values, context)
        for name in ("birthday", "birth_calendar", "birth_is_leap"):
            values.pop(name, None)
        values |= birthday
        records.append(ContactRecord(external_id=group.key, values=without_id(values), **beside))
    return land(batch.upsert_contacts, groups, records, context)


def land_attributes(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change values of attributes; a choice may be named by its code or in either language."""
    known = {row.code: row for row in Attribute.objects.all()}
    outcome, records, kept = Outcome(), [], []
    for group in groups:
        values = group.first.values
        attribute = known.get(values["attribute"])
        try:
            if attribute is None:
                raise UnknownAttribute(name=values["attribute"])
            columns = attributes.columns_of(attribute, _value(attribute, values.get("value") or ""))
        except Refused as refusal:
            name = "attribute" if attribute is None else "value"
            outcome.refused.append(LineRefusal(group.first.number, name, refusal))
            continue
        recorded_at, assumed = context.known(values["occurred_at"], values.get("recorded_at"))
        records.append(
            AttributeRecord(
                external_id=group.key,
                customer=values["customer"],
                occurred_at=values["occurred_at"],
                recorded_at=recorded_at,
                recorded_assumed=assumed,
                values=columns,
                attribute=attribute.code,
            )
        )
        kept.append(group)
    return land(batch.upsert_attributes, kept, records, context, outcome)


def _value(attribute: Attribute, text: str) -> Decimal | date | str | None:
    """Return what a cell says for an attribute; text that cannot be read stays text, and is refused."""
    match attribute.kind:
        case Attribute.Kind.NUMBER if text:
            try:
                return number(text, "point")
            except Refused:
                return text
        case Attribute.Kind.DATE if text:
            try:
                return date.fromisoformat(text.strip())
            except ValueError:
                return text
        case Attribute.Kind.CHOICE:
            named = {name: code for code, names in attribute.choice_labels.items() for name in names}
            return text if text in attribute.choices else named.get(text, text)
    return text
