"""Landing usage."""

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
from customers.models import ImportBatch, Product, Usage, UsageMetric
from customers.usage import milli_of


class UnknownMetric(Refused):
    code = "unknown_metric"
    message = _(
        "There is no metric “%(name)s”. Write one of %(metrics)s, or let an admin add it under "
        "“Usage metrics”."
    )


class UnknownProduct(Refused):
    code = "unknown_product"
    message = _("There is no product “%(name)s”. Import the product first.")


@dataclass(slots=True, kw_only=True)
class UsageRecord(FactRecord):
    """Usage of a metric, named by its code or its name in either language; ``product`` is a code."""

    metric: str
    quantity: Decimal
    product: str | None = None  # "" for none; None leaves it as it is


def upsert_usage(
    records: Iterable[UsageRecord],
    *,
    source: str,
    batch: ImportBatch | None,
    at: datetime,
    create_missing: bool = False,
) -> Landed:
    """Create or change usage. Side effects: marks on the customers touched."""
    zone = company.current().time_zone
    metrics = _metrics()

    def land(chunk: list[UsageRecord]) -> Landed:
        landed = Landed()
        products = dict(
            Product.objects.filter(code__in={r.product for r in chunk if r.product}).values_list("code", "pk")
        )
        sound = []
        for record in chunk:
            try:
                sound.append((record, *_read(record, metrics, products)))
            except _At as place:
                landed.refused.append(Refusal(record, place.field, place.reason))
        ids, known = people.customers_for(
            [record for record, *_rest in sound],
            source=source,
            create_missing=create_missing,
            batch=batch,
            at=at,
            landed=landed,
        )
        kept = {id(record) for record in known}
        wanted = [
            references.wanted_fact(
                record,
                ids[record.customer],
                zone=zone,
                metric_id=metric.pk,
                kind=metric.kind,
                milli=milli,
                **({} if record.product is None else {"product_id": products.get(record.product)}),
            )
            for record, metric, milli in sound
            if id(record) in kept
        ]
        rows = land_rows(Usage, "usage", wanted, source=source, batch=batch, at=at)
        references.mark_changed(rows, at=at)
        landed += count(rows)
        return landed

    return in_chunks(records, land)


class _At(Exception):
    """A refusal with the field at fault."""

    def __init__(self, field: str, reason: Refused) -> None:
        self.field, self.reason = field, reason
        super().__init__(field)


def _metrics() -> dict[str, UsageMetric]:
    """Return the metrics by every name that files may give them."""
    found: dict[str, UsageMetric] = {}
    for metric in UsageMetric.objects.order_by("-is_retired", "-position", "-pk"):
        found.update(dict.fromkeys((metric.name_en.lower(), metric.name_zh.lower()), metric))
    found.update({metric.code: metric for metric in list(found.values())})
    return found


def _read(
    record: UsageRecord, metrics: dict[str, UsageMetric], products: dict[str, int]
) -> tuple[UsageMetric, int]:
    metric = metrics.get(record.metric.strip().lower())
    if metric is None:
        codes = ", ".join(sorted({metric.code for metric in metrics.values()}))
        raise _At("metric", UnknownMetric(name=record.metric, metrics=codes))
    if record.product and record.product not in products:
        raise _At("product", UnknownProduct(name=record.product))
    try:
        return metric, milli_of(record.quantity, kind=metric.kind)
    except Refused as refusal:
        raise _At("quantity", refusal) from refusal
