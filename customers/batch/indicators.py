"""Landing values of indicators."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from customers import company
from customers.batch import people, references
from customers.batch.landing import count, in_chunks, land_rows
from customers.batch.records import FactRecord, Landed, Refusal
from customers.ground.errors import Refused
from customers.indicators import milli_of
from customers.models import ImportBatch, Indicator, IndicatorValue


class UnknownIndicator(Refused):
    code = "unknown_indicator"
    message = _("There is no indicator “%(name)s”. Let an admin add it under “Indicators” first.")


@dataclass(slots=True, kw_only=True)
class IndicatorRecord(FactRecord):
    """A value of an indicator, named by its code or its name in either language."""

    indicator: str
    value: Decimal


def upsert_indicators(
    records: Iterable[IndicatorRecord],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
    create_missing: bool = False,
) -> Landed:
    """Create or change values of indicators. Side effects: marks on the customers touched."""
    zone = company.current().time_zone
    indicators = _indicators()

    def land(chunk: list[IndicatorRecord]) -> Landed:
        landed = Landed()
        read: dict[int, tuple[Indicator, int]] = {}
        sound = []
        for record in chunk:
            indicator = indicators.get(record.indicator.strip().lower())
            if indicator is None:
                reason = UnknownIndicator(name=record.indicator)
                landed.refused.append(Refusal(record, "indicator", reason))
                continue
            try:
                read[id(record)] = (indicator, milli_of(record.value))
            except Refused as refusal:
                landed.refused.append(Refusal(record, "value", refusal))
                continue
            sound.append(record)
        ids, known = people.customers_for(
            sound, source=source, create_missing=create_missing, batch=batch, at=at, landed=landed
        )
        wanted = []
        for record in known:
            indicator, milli = read[id(record)]
            wanted.append(
                references.wanted_fact(
                    record,
                    ids[record.customer],
                    zone=zone,
                    indicator_id=indicator.pk,
                    worse=indicator.worse,
                    milli=milli,
                )
            )
        rows = land_rows(IndicatorValue, "indicatorvalue", wanted, source=source, batch=batch, at=at)
        references.mark_changed(rows, at=at)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


def _indicators() -> dict[str, Indicator]:
    """Return the indicators by every name that files may give them."""
    rows = list(Indicator.objects.order_by("-is_retired", "-pk"))
    found: dict[str, Indicator] = {}
    for row in rows:
        found.update(dict.fromkeys((row.name_en.lower(), row.name_zh.lower()), row))
    return found | {row.code.lower(): row for row in rows}
