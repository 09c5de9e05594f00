"""What the timeline tells of usage."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import get_language, gettext

from customers.models import Usage, UsageKind
from customers.models.usage import THOUSANDTHS
from retention.timeline.places import Entry
from retention.timeline.sources import Source, Told, entry_of

_METRIC = ("metric__name_en", "metric__name_zh", "milli", "product__name")


def sources(facts: dict[str, Any]) -> dict[str, Source]:
    """Return the sources; ``facts`` narrows each to what stands of one customer."""
    used = Usage.objects.filter(**facts)
    return {
        # by kind, as the indexes are
        "usage": Source(used.filter(kind=UsageKind.USE), "occurred_at", _METRIC, _usage),
        "balance": Source(used.filter(kind=UsageKind.BALANCE), "occurred_at", _METRIC, _balance),
    }


def _usage(row: Told) -> Entry:
    return entry_of("usage", row, "usage", _counted(row), text=row.product__name or "")


def _balance(row: Told) -> Entry:
    return entry_of("balance", row, "usage", _counted(row), text=row.product__name or "")


def _counted(row: Told) -> str:
    is_chinese = (get_language() or "").startswith("zh")
    metric = row.metric__name_zh if is_chinese else row.metric__name_en
    quantity = f"{(Decimal(row.milli) / THOUSANDTHS).normalize():,f}"
    return gettext("%(metric)s: %(quantity)s") % {"metric": metric, "quantity": quantity}
