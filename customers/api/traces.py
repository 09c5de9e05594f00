"""What a batch did to each record: the rows before and after, compared in a bounded number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, Model

from customers import company
from customers.batch import Landed
from customers.ground import localtime
from customers.ground.models import ExchangeRate
from customers.imports.kinds import Group
from customers.imports.landing.mentions import platform_of
from customers.models import (
    AttributeValue,
    CommunityMembership,
    CompetitorSighting,
    Complaint,
    ComplaintEvent,
    Consent,
    Contact,
    Contract,
    Customer,
    ExternalRef,
    ImportBatch,
    IndicatorValue,
    Interaction,
    Invoice,
    InvoiceEvent,
    Mention,
    Order,
    OrderLine,
    Product,
    Usage,
    User,
)

_NAMED: dict[str, tuple[str, type[Model], tuple[tuple[type[Model], str], ...]]] = {
    "customers": ("customer", Customer, ()),
    "contacts": ("contact", Contact, ()),
    "attributes": ("attribute", AttributeValue, ()),
    "orders": ("order", Order, ((OrderLine, "order_id"),)),
    "contracts": ("contract", Contract, ()),
    "interactions": ("interaction", Interaction, ()),
    "consents": ("consent", Consent, ()),
    "complaints": ("complaint", Complaint, ((ComplaintEvent, "complaint_id"),)),
    "usage": ("usage", Usage, ()),
    "sightings": ("sighting", CompetitorSighting, ()),
    "mentions": ("mention", Mention, ()),
    "communities": ("communitymembership", CommunityMembership, ()),
    "indicators": ("indicatorvalue", IndicatorValue, ()),
    "payments": ("invoice", Invoice, ((InvoiceEvent, "invoice_id"),)),
}
"""Kind → the name of its references, its table, and the tables of its parts."""
Stand = tuple[str, int | None]


def register(
    kind: str, *, name: str, model: type[Model], parts: tuple[tuple[type[Model], str], ...] = ()
) -> None:
    """Enter the kind of an upper app (in ``AppConfig.ready()``): see :data:`_NAMED`."""
    _NAMED[kind] = (name, model, parts)


class Trace:
    """How the records called ``keys`` stood before a batch; :meth:`after` says what became of each."""

    def __init__(
        self, kind: str, keys: Sequence[str], *, source: str, groups: Mapping[str, Group] | None = None
    ) -> None:
        self.kind, self.keys, self.source, self.groups = kind, keys, source, groups or {}
        self.before = self._numbers()
        self.stood = self._rows(self.before.values())

    def after(self, landed: Landed) -> dict[str, Stand]:
        """Return each record's status and our number, by its key; the refused ones are left out."""
        now = self._numbers()
        stands: dict[str, Stand] = {}
        # what is new here but was not made by us: somebody was quicker
        new = "created" if landed.created else "updated" if landed.updated else "unchanged"
        now_rows = None
        if landed.updated and landed.unchanged:  # else the counts alone tell
            now_rows = self._rows(self.before.values())
        for key, pk in now.items():
            if key not in self.before:
                stands[key] = (new, pk)
            elif now_rows is None:
                stands[key] = ("updated" if landed.updated else "unchanged", pk)
            else:
                stands[key] = ("unchanged" if now_rows[pk] == self.stood[pk] else "updated", pk)
        return stands

    def _numbers(self) -> dict[str, int]:
        if self.kind == "products":
            return dict(Product.objects.filter(code__in=self.keys).values_list("code", "pk"))
        if self.kind == "rates":
            days = ExchangeRate.objects.filter(currency__in={key[:3] for key in self.keys})
            found = {
                f"{currency}-{day}": pk for currency, day, pk in days.values_list("currency", "day", "pk")
            }
            return {key: found[key] for key in self.keys if key in found}
        if self.kind == "mentions":  # known by platform and id
            mine = {key: platform_of(group.first.values, self.source) for key, group in self.groups.items()}
            rows = Mention.objects.filter(external_id__in=self.keys).order_by("pk")
            told = rows.values_list("external_id", "platform", "pk")
            return {key: pk for key, platform, pk in told if mine.get(key) == platform}
        name = _NAMED[self.kind][0]
        refs = ExternalRef.objects.filter(source=self.source, kind=name, external_id__in=self.keys)
        return dict(refs.values_list("external_id", "object_id"))

    def _rows(self, numbers: Iterable[int]) -> dict[int, Any]:
        numbers = list(numbers)
        own: type[Model] = {"products": Product, "rates": ExchangeRate}.get(self.kind) or _NAMED[self.kind][1]
        found: dict[int, list[Any]] = {
            row["id"]: [row] for row in own._default_manager.filter(pk__in=numbers).values()
        }
        for part, field in _NAMED.get(self.kind, ("", own, ()))[2]:
            own_names = [one.attname for one in part._meta.concrete_fields]
            rows = part._default_manager.filter(**{f"{field}__in": numbers}).order_by("pk")
            for row in rows.values(*dict.fromkeys([*own_names, field])):
                found[row[field]].append(row)
        return found


def batch_of_today(kind: str, *, by: User, at: datetime) -> ImportBatch:
    """Return the import to which this day's batches of one caller and kind belong."""
    day = localtime.day_of(localtime.day_number(at, company.current().time_zone))
    named = {"kind": kind, "by": by, "file_name": f"API {day.isoformat()}"}
    found = ImportBatch.objects.filter(**named, status=ImportBatch.Status.DONE, stored_as="").first()
    return found or ImportBatch.objects.create(
        **named, status=ImportBatch.Status.DONE, made_at=at, started_at=at, finished_at=at
    )


def count(batch: ImportBatch, counts: dict[str, int]) -> None:
    """Add what became of one batch to its day's import."""
    total = sum(counts.values())
    ImportBatch.objects.filter(pk=batch.pk).update(
        lines=F("lines") + total,
        accepted=F("accepted") + total - counts["refused"],
        **{name: F(name) + number for name, number in counts.items()},
    )
