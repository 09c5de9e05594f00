"""Points in words: what a rule says, why an order earned what it did, and what an entry of a statement is.

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
from loyalty.earning import documents
from loyalty.models import EarningRule, PointsEntry, Redemption
from loyalty.naming import called

MINUS = "\u2212"
Kind = PointsEntry.Kind
Names = Mapping[int, str]


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
        text = gettext("%(points)s points for each %(money)s paid") % {
            "points": document["points"],
            "money": _money(document["per"], currency),
        }
    elif kind == documents.ITEM:
        text = gettext("%(points)s points for each item") % {"points": document["points"]}
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


def _conditions(document: Mapping[str, Any], tiers: Mapping[str, str]) -> list[str]:
    found = []
    if goods := [*document.get("products", ()), *document.get("labels", ())]:
        found.append(gettext("on: %(goods)s") % {"goods": _listed(goods)})
    if document.get("why"):
        found.append(str(documents.REASONS[document["why"]]))
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


# --- Why an order earned what it did -----------------------------------------------------------
def because(detail: Mapping[str, Any], *, names: Names, currency: str) -> list[str]:
    """Return the lines that explain the ``detail`` of an earning.

    Args:
        names: what rules are called, by id; see :func:`names_in`.
    """
    parts = detail.get("parts") or ()
    lines = [_part(part, names=names, currency=currency) for part in parts]
    if parts and detail.get("exact") not in (None, str(detail.get("points"))) and "points" in detail:
        said = gettext("%(exact)s, to the nearest point: %(points)s")
        if detail.get("rounding") == "down":
            said = gettext("%(exact)s, rounded down: %(points)s")
        lines.append(said % {"exact": detail["exact"], "points": _whole(detail["points"])})
    if parts and detail.get("net") is not None:
        paid = format_money(detail["net"], currency, get_language() or "en")
        lines.insert(0, gettext("Net paid, after discounts and points: %(money)s") % {"money": paid})
    return [line for line in lines if line]


def names_in(details: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """Return what the rules that details speak of are called; one query when they speak of any."""
    ids = set()
    for detail in details:
        ids |= {detail["rule"]} if isinstance(detail.get("rule"), int) else set()
        for part in detail.get("parts") or ():
            ids.add(part["rule"])
            ids |= {pk for pk, _version, _times in part.get("times", ())}
    if not ids:
        return {}
    return {rule.pk: called(rule) for rule in EarningRule.objects.filter(pk__in=ids)}


def _part(part: Mapping[str, Any], *, names: Names, currency: str) -> str:
    kind = part["kind"]
    values: dict[str, Any] = {"rule": names.get(part["rule"], gettext("a rule")), "got": part.get("got", "0")}
    language = get_language() or "en"
    if "base" in part:
        values["base"] = format_money(part["base"], currency, language)
    if kind == documents.AMOUNT:
        values |= {"points": part["points"], "per": _money(part["per"], currency)}
        text = gettext("%(rule)s: %(base)s at %(points)s for each %(per)s") % values
        for pk, _version, times in part.get("times", ()):
            text += gettext(" × %(times)s (%(rule)s)") % {"times": times, "rule": names.get(pk, "")}
        if "tier_bp" in part:
            text += gettext(" × %(times)s (tier)") % {"times": _share(part["tier_bp"])}
        return text + gettext(" = %(got)s") % values
    if kind == documents.ITEM:
        values |= {"items": part["items"], "points": part["points"]}
        return gettext("%(rule)s: %(items)s × %(points)s = %(got)s") % values
    if kind == documents.EXCLUSION:
        return gettext("%(rule)s: %(base)s earns nothing") % values
    if kind == documents.MINIMUM:
        values["least"] = _money(part["amount"], currency)
        return gettext("%(rule)s: %(base)s is below %(least)s, so nothing is earned") % values
    if kind == documents.CAP:
        values |= {"most": _whole(part["most"]), "cut": _whole(part["cut"])}
        values["period"] = documents.PERIODS[part["period"]]
        return gettext("%(rule)s: at most %(most)s a %(period)s, %(cut)s less") % values
    return gettext("%(rule)s: %(got)s") % values


# --- What an entry is --------------------------------------------------------------------------
def told_of(
    entries: Iterable[PointsEntry], *, currency: str, rewards: Mapping[int, str] | None = None
) -> dict[int, Told]:
    """Return the entries in words, by id; at most two queries, however many entries.

    Args:
        rewards: names of redeemed rewards by redemption, where the caller knows them already.
    """
    rows = list(entries)
    names = names_in(row.detail for row in rows)
    given = rewards if rewards is not None else _rewards(rows)
    return {row.pk: Told(_title(row, given), _lines(row, names, currency)) for row in rows}


def _rewards(rows: list[PointsEntry]) -> dict[int, str]:
    wanted = {row.source_id for row in rows if row.source_type == "redemption"}
    if not wanted:
        return {}
    found = Redemption.objects.filter(pk__in=wanted).select_related("reward")
    return {row.pk: called(row.reward) for row in found}


def _title(row: PointsEntry, rewards: Mapping[int, str]) -> str:
    values = {"number": row.source_id, "reward": rewards.get(row.source_id or 0, "")}
    if row.kind in (Kind.REDEEM, Kind.GIVE_BACK) and values["reward"]:
        if row.kind == Kind.REDEEM:
            return gettext("Redeemed: %(reward)s") % values
        return gettext("Redemption cancelled: %(reward)s") % values
    if row.kind == Kind.EARN:
        said = {
            "order": gettext("Earned by order no. %(number)s"),
            "response": gettext("Earned for an answer to a survey"),
            "referral": gettext("Earned for referring a customer"),
            "referred": gettext("Earned for coming by a referral"),
            "account": gettext("Earned for opening the account"),
            "birthday": gettext("Earned for a birthday"),
        }
        return said.get(row.source_type, gettext("Earned")) % values
    if row.kind == Kind.TAKE_BACK and "order" in row.detail:
        return gettext("Taken back: goods of order no. %(number)s came back") % {
            "number": row.detail["order"]
        }
    said = {
        Kind.OPENING: gettext("Opening balance"),
        Kind.RELEASE: gettext("Return window over: pending points can be used"),
        Kind.REDEEM: gettext("Redeemed"),
        Kind.GIVE_BACK: gettext("Redemption cancelled"),
        Kind.TAKE_BACK: gettext("Taken back"),
        Kind.EXPIRE: gettext("Expired"),
        Kind.ADJUST: gettext("Adjusted by hand"),
        Kind.RECOVERY: gettext("To make up for a failure"),
        Kind.TRANSFER_OUT: gettext("Moved to the account that this customer was merged into"),
        Kind.TRANSFER_IN: gettext("Moved here from a customer that was merged"),
    }
    return said[Kind(row.kind)]


def _lines(row: PointsEntry, names: Names, currency: str) -> list[str]:
    lines = because(row.detail, names=names, currency=currency)
    if row.debt:
        text = (
            gettext("%(points)s of it paid a debt") if row.debt < 0 else gettext("%(points)s became a debt")
        )
        lines.append(text % {"points": _whole(abs(row.debt))})
    if short := row.detail.get("short"):
        lines.append(
            gettext("%(points)s were spent already and are not taken back") % {"points": _whole(short)}
        )
    return lines


# --- Numbers -----------------------------------------------------------------------------------
def _money(text: str, currency: str) -> str:
    return format_money(to_minor(Decimal(str(text)), currency), currency, get_language() or "en")


def _whole(number: Any) -> str:
    value = int(number)
    return f"{MINUS if value < 0 else ''}{abs(value):,}"


def _share(bp: int) -> str:
    return f"{(Decimal(bp) / 10_000).normalize():f}"


def _day(text: str) -> str:
    return date_format(date.fromisoformat(text), "DATE_FORMAT")


def _listed(names: Iterable[str]) -> str:
    rows = list(names)
    text = gettext(", ").join(rows[:5])
    return (
        text if len(rows) <= 5 else gettext("%(names)s and %(n)s more") % {"names": text, "n": len(rows) - 5}
    )
