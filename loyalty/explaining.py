"""Points in words: what a rule says, and what an entry of a statement is and why.

Everything is worded from ids, codes and numbers when it is shown, so that it reads in the language of
whoever looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, ngettext

from customers.ground.money import format_money, to_minor
from customers.models import Order
from loyalty.earning import documents
from loyalty.earning.explaining import Explainer, grouped
from loyalty.models import PointsEntry, Programme, Redemption
from loyalty.naming import called

MINUS = "\u2212"
Kind = PointsEntry.Kind
_EXPLAINED = {"parts", "event", "was", "short", "rest"}
"""Keys of an entry's detail that have a reason to be told."""


@dataclass(frozen=True)
class Told:
    """An entry in words: what it is, and the lines that explain it."""

    title: str
    lines: list[str] = field(default_factory=list)


# --- What a rule says --------------------------------------------------------------------------
def sentence(document: Mapping[str, Any], *, currency: str, tiers: Mapping[str, str] | None = None) -> str:
    """Return in one sentence what a checked document of a rule says.

    Args:
        tiers: the names of tiers by their codes.
    """
    kind = document["kind"]
    if kind == documents.AMOUNT:
        each = ngettext(
            "%(points)s point for each %(money)s paid",
            "%(points)s points for each %(money)s paid",
            _one_or_more(document["points"]),
        )
        text = each % {"points": grouped(document["points"]), "money": _money(document["per"], currency)}
    elif kind == documents.ITEM:
        each = ngettext(
            "%(points)s point for each item",
            "%(points)s points for each item",
            _one_or_more(document["points"]),
        )
        text = each % {"points": grouped(document["points"])}
    elif kind == documents.MULTIPLIER:
        text = gettext("Points by amount × %(times)s") % {"times": document["times"]}
    elif kind == documents.EXCLUSION:
        text = gettext("Earns nothing")
    elif kind == documents.MINIMUM:
        text = gettext("Orders below %(money)s earn nothing") % {
            "money": _money(document["amount"], currency)
        }
    elif kind == documents.FIRST_ORDER:
        text = gettext("%(points)s points for the first order") % {"points": _whole(document["points"])}
    elif kind == documents.EVENT:
        text = gettext("%(points)s points: %(event)s") % {
            "points": _whole(document["points"]),
            "event": documents.EVENTS[document["event"]],
        }
    else:
        text = gettext("Orders bring at most %(points)s points a %(period)s") % {
            "points": _whole(document["points"]),
            "period": documents.PERIODS[document["period"]],
        }
    return gettext(" · ").join([text, *_conditions(document, tiers or {})])


def _one_or_more(points: Any) -> int:
    """Return the number that decides between *point* and *points*: half a point is of the many."""
    return 1 if Decimal(str(points)) == 1 else 2


def _conditions(document: Mapping[str, Any], tiers: Mapping[str, str]) -> list[str]:
    found = []
    if goods := [*document.get("products", ()), *document.get("labels", ())]:
        found.append(gettext("on: %(goods)s") % {"goods": _listed(goods)})
    if document.get("why"):
        found.append(gettext("reason: %(why)s") % {"why": documents.REASONS[document["why"]]})
    if "tiers" in document:
        named = [tiers.get(code, code) for code in document["tiers"]]
        found.append(gettext("in the tier: %(tiers)s") % {"tiers": _listed(named)})
    if "from" in document:
        found.append(gettext("from %(day)s") % {"day": _day(document["from"])})
    if "until" in document:
        found.append(gettext("until %(day)s") % {"day": _day(document["until"])})
    if "weekdays" in document:
        found.append(_listed([str(WEEKDAYS[day - 1]) for day in document["weekdays"]]))
    if "birthday" in document:
        found.append(str(documents.BIRTHDAYS[document["birthday"]]))
    if "times_a_year" in document:
        times = document["times_a_year"]
        found.append(
            ngettext("at most %(n)s time a year", "at most %(n)s times a year", times) % {"n": times}
        )
    return found


# --- What an entry is --------------------------------------------------------------------------
def told_of(entries: Iterable[PointsEntry], programme: Programme) -> dict[int, Told]:
    """Return the entries of a programme in words, by id; at most four queries, however many entries."""
    rows = list(entries)
    explainer = Explainer(programme) if any(_EXPLAINED & row.detail.keys() for row in rows) else None
    rewards, orders = _rewards(rows), _orders(rows)
    return {row.pk: Told(_title(row, rewards, orders), _lines(row, explainer)) for row in rows}


def order_of(row: PointsEntry) -> int | None:
    """Return the id of the order that an entry is about, if it is about one."""
    if row.source_type.partition(".")[0] == "order":
        return row.source_id
    found = row.detail.get("order")
    return found if isinstance(found, int) else None


def _orders(rows: list[PointsEntry]) -> dict[int, str]:
    """Return the numbers that orders have on the company's papers, by their ids."""
    wanted = {pk for row in rows if (pk := order_of(row)) is not None}
    if not wanted:
        return {}
    return dict(Order.objects.filter(pk__in=wanted).exclude(number="").values_list("pk", "number"))


def _rewards(rows: list[PointsEntry]) -> dict[int, str]:
    wanted = {row.source_id for row in rows if row.source_type == "redemption"}
    if not wanted:
        return {}
    found = Redemption.objects.filter(pk__in=wanted).select_related("reward")
    return {row.pk: called(row.reward) for row in found}


def _title(row: PointsEntry, rewards: Mapping[int, str], orders: Mapping[int, str]) -> str:
    order = order_of(row)
    values = {"number": orders.get(order or 0, order), "reward": rewards.get(row.source_id or 0, "")}
    if row.kind in (Kind.REDEEM, Kind.GIVE_BACK) and values["reward"]:
        if row.kind == Kind.REDEEM:
            return gettext("Redeemed: %(reward)s") % values
        return gettext("Redemption cancelled: %(reward)s") % values
    if row.kind == Kind.EARN:
        if "." in row.source_type and order is not None:
            return gettext("Earned by order no. %(number)s after it changed") % values
        said = {
            "order": gettext("Earned by order no. %(number)s"),
            "response": gettext("Earned for an answer to a survey"),
            "referral": gettext("Earned for referring a customer"),
            "referred": gettext("Earned for coming by a referral"),
            "account": gettext("Earned for opening the account"),
            "birthday": gettext("Earned for a birthday"),
        }
        return said.get(row.source_type, gettext("Earned")) % values
    if row.kind == Kind.TAKE_BACK and order is not None:
        if row.detail.get("moved"):
            return gettext("Taken back: order no. %(number)s went to another customer") % values
        if row.detail.get("returns") or "rest" in row.detail:
            return gettext("Taken back: goods of order no. %(number)s came back") % values
        return gettext("Taken back: order no. %(number)s brings less") % values
    said = {
        Kind.OPENING: gettext("Opening balance"),
        Kind.RELEASE: gettext("Return window over: pending points can be used"),
        Kind.REDEEM: gettext("Redeemed"),
        Kind.GIVE_BACK: gettext("Redemption cancelled"),
        Kind.TAKE_BACK: gettext("Taken back"),
        Kind.EXPIRE: gettext("Expired"),
        Kind.ADJUST: gettext("Adjusted by hand"),
        Kind.RECOVERY: gettext("To make up for a failure"),
        Kind.GIFT: gettext("A gift"),
        Kind.TRANSFER_OUT: gettext("Moved to the account that this customer was merged into"),
        Kind.TRANSFER_IN: gettext("Moved here from a customer that was merged"),
    }
    return said[Kind(row.kind)]


def _lines(row: PointsEntry, explainer: Explainer | None) -> list[str]:
    lines = explainer.sentences(row.detail) if explainer is not None else []
    if row.debt:
        said = (
            gettext("%(points)s of it paid a debt") if row.debt < 0 else gettext("%(points)s became a debt")
        )
        lines.append(said % {"points": _whole(abs(row.debt))})
    return lines


# --- Numbers -----------------------------------------------------------------------------------
def _money(text: str, currency: str) -> str:
    return format_money(to_minor(Decimal(str(text)), currency), currency, get_language() or "en")


def _whole(number: Any) -> str:
    value = int(number)
    return f"{MINUS if value < 0 else ''}{abs(value):,}"


def _day(text: str) -> str:
    return date_format(date.fromisoformat(text), "DATE_FORMAT")


def _listed(names: Iterable[str]) -> str:
    rows = list(names)
    text = gettext(", ").join(rows[:5])
    return (
        text if len(rows) <= 5 else gettext("%(names)s and %(n)s more") % {"names": text, "n": len(rows) - 5}
    )
