"""Landing what competitors were seen to offer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from customers import company, competitor_names, competitors
from customers.batch import people, references
from customers.batch.landing import Wanted, count, find_refs, in_chunks, land_rows
from customers.batch.orders import Rates
from customers.batch.records import FactRecord, Landed, Refusal
from customers.batch.usage import UnknownProduct
from customers.ground.errors import Refused
from customers.models import CompetitorSighting, ImportBatch, Product
from customers.sightings import Prices, prices_of


@dataclass(slots=True, kw_only=True)
class SightingRecord(FactRecord):
    """What a competitor, named in any spelling, was seen to offer.

    Prices are in minor units of ``currency``; ``product`` is a code.
    """

    competitor: str
    currency: str
    has_prices: bool = False  # False leaves them as they are
    price_seen: int | None = None
    price_ours: int | None = None
    product: str | None = None  # "" for none; None leaves it as it is


def upsert_sightings(
    records: Iterable[SightingRecord],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
    create_missing: bool = False,
) -> Landed:
    """Create or change sightings; competitors that nobody knows are entered "to be checked".

    Base amounts are frozen at the rate of the day; without one a sighting with a price is refused. Side
    effects: marks on the customers touched.
    """
    firm = company.current()

    def land(chunk: list[SightingRecord]) -> Landed:
        landed = Landed()
        rates = Rates(firm, {record.currency for record in chunk if record.has_prices})
        products = dict(
            Product.objects.filter(code__in={r.product for r in chunk if r.product}).values_list("code", "pk")
        )
        prices: dict[str, Prices] = {}
        sound = []
        for record in chunk:
            try:
                prices[record.external_id] = _read(record, products, rates, firm.base_currency)
                sound.append(record)
            except _At as place:
                landed.refused.append(Refusal(record, place.field, place.reason))
        ids, kept = people.customers_for(
            sound, source=source, create_missing=create_missing, batch=batch, at=at, landed=landed
        )
        by = batch.by if batch is not None else None
        named = competitors.named_all((record.competitor for record in kept), by=by, at=at)
        stand = _standing((record.external_id for record in kept), source=source)
        wanted = []
        for record in kept:
            meant = named[record.competitor].pk
            stored, merged_into = stand.get(record.external_id, (meant, None))
            fields: dict[str, Any] = {"competitor_id": stored if merged_into == meant else meant}
            if record.product is not None:
                fields["product_id"] = products.get(record.product)
            want = references.wanted_fact(record, ids[record.customer], zone=firm.time_zone, **fields)
            if record.has_prices:
                _put(want, prices[record.external_id])
            wanted.append(want)
        rows = land_rows(CompetitorSighting, "sighting", wanted, source=source, batch=batch, at=at)
        references.mark_changed(rows, at=at)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


class _At(Exception):
    """A refusal with the field at fault."""

    def __init__(self, field: str, reason: Refused) -> None:
        self.field, self.reason = field, reason
        super().__init__(field)


def _read(record: SightingRecord, products: dict[str, int], rates: Rates, base_currency: str) -> Prices:
    try:
        competitor_names.key_of(record.competitor)
    except Refused as refusal:
        raise _At("competitor", refusal) from refusal
    if record.product and record.product not in products:
        raise _At("product", UnknownProduct(name=record.product))
    if not record.has_prices:
        return Prices()
    has_any = record.price_seen is not None or record.price_ours is not None
    try:
        rate = rates.on(record.currency, record.occurred_at) if has_any else Decimal(1)
    except Refused as refusal:
        raise _At("currency", refusal) from refusal
    try:
        return prices_of(
            record.price_seen,
            record.price_ours,
            currency=record.currency,
            rate=rate,
            base_currency=base_currency,
        )
    except Refused as refusal:
        raise _At("price_seen", refusal) from refusal


def _put(want: Wanted, prices: Prices) -> None:
    """Say the prices of a sighting: those of its currency are compared, the base amounts follow."""
    for name, value in prices.values().items():
        (want.derived if name.endswith("_base") else want.fields)[name] = value


def _standing(names: Iterable[str], *, source: str) -> dict[str, tuple[int, int | None]]:
    """Return the competitor that each sighting names already, and what that one was merged into.

    So a rerun that says the same writes nothing, though two competitors were made one since.
    """
    refs = find_refs("sighting", names, source=source)
    rows = CompetitorSighting.objects.filter(pk__in=refs.values(), competitor__merged_into__isnull=False)
    found = {
        pk: (own, into)
        for pk, own, into in rows.values_list("pk", "competitor_id", "competitor__merged_into_id")
    }
    return {name: found[pk] for name, pk in refs.items() if pk in found}
