"""What the timeline tells of usage, invoices, payments, competitors, mentions, communities and indicators."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import get_language, gettext

from customers.models import (
    CommunityMembership,
    CompetitorSighting,
    IndicatorValue,
    InvoiceEvent,
    Mention,
    Usage,
    UsageKind,
)
from customers.models.usage import THOUSANDTHS
from retention.timeline.places import Entry
from retention.timeline.sources import Source, Told, entry_of, money

_STEP = ("kind", "amount", "invoice__number", "invoice__currency", "invoice_id")
_MEMBER = ("community__name", "contact__name")
_FIGURE = ("indicator__name_en", "indicator__name_zh", "indicator__unit", "milli")
_METRIC = ("metric__name_en", "metric__name_zh", "milli", "product__name")
_POSTED = ("platform", "sentiment", "rating", "text", "contact__name")
_SEEN = (
    *("competitor__name", "competitor__merged_into__name", "offered", "product__name"),
    *("currency", "price_seen", "price_ours"),
)


def sources(facts: dict[str, Any]) -> dict[str, Source]:
    """Return the sources; ``facts`` narrows each to what stands of one customer."""
    members = CommunityMembership.objects.filter(**facts)
    used = Usage.objects.filter(**facts)
    return {
        "invoice": Source(InvoiceEvent.objects.filter(**facts), "occurred_at", _STEP, _invoice),
        # by kind, as the indexes are
        "usage": Source(used.filter(kind=UsageKind.USE), "occurred_at", _METRIC, _usage),
        "competitor": Source(CompetitorSighting.objects.filter(**facts), "occurred_at", _SEEN, _sighting),
        "mention": Source(Mention.objects.filter(**facts), "occurred_at", _POSTED, _mention),
        "balance": Source(used.filter(kind=UsageKind.BALANCE), "occurred_at", _METRIC, _balance),
        "indicator": Source(IndicatorValue.objects.filter(**facts), "occurred_at", _FIGURE, _figure),
        "community": Source(members, "occurred_at", _MEMBER, _joined),
        "community_left": Source(members.exclude(left_at=None), "left_at", _MEMBER, _left),
    }


def _invoice(row: Told) -> Entry:
    title = {
        InvoiceEvent.Kind.ISSUED: gettext("Invoice %(number)s issued, %(amount)s"),
        InvoiceEvent.Kind.PAID: gettext("Invoice %(number)s: %(amount)s paid"),
        InvoiceEvent.Kind.FAILED: gettext("Invoice %(number)s: payment of %(amount)s failed"),
        InvoiceEvent.Kind.WRITTEN_OFF: gettext("Invoice %(number)s: %(amount)s written off"),
    }[InvoiceEvent.Kind(row.kind)]
    values = {
        "number": row.invoice__number or row.invoice_id,
        "amount": money(row.amount, row.invoice__currency),
    }
    kind = "payment_failed" if row.kind == InvoiceEvent.Kind.FAILED else "invoice"
    return entry_of("invoice", row, kind, title % values)


def _usage(row: Told) -> Entry:
    return entry_of("usage", row, "usage", _counted(row), text=row.product__name or "")


def _balance(row: Told) -> Entry:
    return entry_of("balance", row, "usage", _counted(row), text=row.product__name or "")


def _sighting(row: Told) -> Entry:
    values = {"competitor": row.competitor__merged_into__name or row.competitor__name}
    if row.price_seen is None:
        title = gettext("Competitor seen: %(competitor)s")
    elif row.price_ours is None:
        title = gettext("Competitor seen: %(competitor)s, at %(price)s")
    else:
        title = gettext("Competitor seen: %(competitor)s, at %(price)s against our %(ours)s")
    for name, minor in (("price", row.price_seen), ("ours", row.price_ours)):
        values[name] = "" if minor is None else money(minor, row.currency)
    text = " · ".join(part for part in (row.product__name, row.offered) if part)
    return entry_of("competitor", row, "competitor", title % values, text=text)


def _mention(row: Told) -> Entry:
    values = {
        "platform": Mention.Platform(row.platform).label,
        "sentiment": Mention.Sentiment(row.sentiment).label,
        "stars": "" if row.rating is None else f"{float(row.rating):g}",
    }
    if row.rating is None:
        title = gettext("Wrote in public (%(platform)s): %(sentiment)s")
    else:
        title = gettext("Wrote in public (%(platform)s): %(sentiment)s, %(stars)s of 5 stars")
    return entry_of("mention", row, "mention", title % values, text=row.text, whom=row.contact__name or "")


def _counted(row: Told) -> str:
    is_chinese = (get_language() or "").startswith("zh")
    metric = row.metric__name_zh if is_chinese else row.metric__name_en
    quantity = f"{(Decimal(row.milli) / THOUSANDTHS).normalize():,f}"
    return gettext("%(metric)s: %(quantity)s") % {"metric": metric, "quantity": quantity}


def _joined(row: Told) -> Entry:
    title = gettext("Joined the community %(community)s") % {"community": row.community__name}
    return entry_of("community", row, "community", title, whom=row.contact__name or "")


def _left(row: Told) -> Entry:
    title = gettext("Left the community %(community)s") % {"community": row.community__name}
    return entry_of(
        "community_left", row, "community_left", title, moment="left_at", whom=row.contact__name or ""
    )


def _figure(row: Told) -> Entry:
    is_chinese = (get_language() or "").startswith("zh")
    name = row.indicator__name_zh if is_chinese else row.indicator__name_en
    value = f"{(Decimal(row.milli) / THOUSANDTHS).normalize():,f} {row.indicator__unit}".rstrip()
    title = gettext("%(indicator)s: %(value)s") % {"indicator": name, "value": value}
    return entry_of("indicator", row, "indicator", title)
