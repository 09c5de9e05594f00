"""Landing contracts and interactions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from customers import company
from customers.batch import people, references
from customers.batch.landing import count, in_chunks, land_rows
from customers.batch.orders import Rates
from customers.batch.records import (
    ContractRecord,
    InteractionRecord,
    Landed,
    Refusal,
)
from customers.batch.theirs import is_theirs, theirs
from customers.ground import money
from customers.ground.errors import Refused
from customers.models import (
    Contact,
    Contract,
    ImportBatch,
    Interaction,
)


def upsert_contracts(
    records: Iterable[ContractRecord],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
    create_missing: bool = False,
) -> Landed:
    """Create or change contracts; their base value is frozen at the rate of the day they were signed."""
    firm = company.current()

    def land(chunk: list[ContractRecord]) -> Landed:
        landed = Landed()
        rates = Rates(firm, {record.currency for record in chunk})
        rate_of, priced = {}, []
        for record in chunk:
            try:
                rate_of[record.external_id] = rates.on(record.currency, record.occurred_at)
                priced.append(record)
            except Refused as refusal:
                landed.refused.append(Refusal(record, "currency", refusal))
        ids, kept = people.customers_for(
            priced, source=source, create_missing=create_missing, batch=batch, at=at, landed=landed
        )
        wanted = []
        for record in kept:
            want = references.wanted_fact(
                record, ids[record.customer], zone=firm.time_zone, currency=record.currency
            )
            want.derived["value_base"] = money.convert(
                want.fields.get("value", 0),
                rate=rate_of[record.external_id],
                from_currency=record.currency,
                to_currency=firm.base_currency,
            )
            wanted.append(want)
        rows = land_rows(Contract, "contract", wanted, source=source, batch=batch, at=at)
        references.mark_changed(rows, at=at)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


def upsert_interactions(
    records: Iterable[InteractionRecord],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
    create_missing: bool = False,
) -> Landed:
    """Create or change interactions."""
    zone = company.current().time_zone

    def land(chunk: list[InteractionRecord]) -> Landed:
        landed = Landed()
        ids, known = people.customers_for(
            chunk, source=source, create_missing=create_missing, batch=batch, at=at, landed=landed
        )
        contacts = theirs(Contact, "contact", known, source=source)
        users = references.users_named(record.by for record in known)
        wanted, kept = [], []
        for record in known:
            if not is_theirs(record, ids[record.customer], "contact", contacts, landed):
                continue
            if record.by is not None and record.by not in users:
                landed.refused.append(Refusal(record, "by", references.UnknownUser(name=record.by)))
                continue
            kept.append(record)
            wanted.append(
                references.wanted_fact(
                    record,
                    ids[record.customer],
                    zone=zone,
                    **({"contact_id": contacts[record.contact][0]} if record.contact is not None else {}),
                    **({"by_id": users[record.by].pk} if record.by is not None else {}),
                )
            )
        rows = land_rows(Interaction, "interaction", wanted, source=source, batch=batch, at=at)
        references.mark_changed(rows, at=at)
        landed += count(rows)
        return landed

    return in_chunks(records, land)
