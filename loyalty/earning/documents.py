"""What an earning rule says: a small JSON document, checked strictly; nothing unknown is accepted.

Numbers of points and amounts stand as texts ("4", "0.5"), so that nothing is a float. Amounts are in
whole units of the programme's currency. A *label* is the category of a product.

===============  ======================================================================================
``kind``         fields (those in brackets may be left out)
===============  ======================================================================================
``amount``       ``points`` for each ``per`` of money paid; [``products``, ``labels``]: on these goods only
``item``         ``points`` for each item of ``products`` or ``labels``
``multiplier``   ``times``; what is earned by amount is multiplied, and several multiply each other.
                 [``products``, ``labels``: on these goods only; ``tiers``, ``from``, ``until``,
                 ``weekdays`` (1 Monday … 7 Sunday), ``birthday``: ``day`` or ``month`` of a contact]
``exclusion``    ``products`` or ``labels`` that earn nothing; ``why``: ``delivery``, ``sale``, ``goods``
``minimum``      ``amount`` that the order must reach, before exclusions; below it nothing is earned
``first_order``  ``points`` once, for the first order of a customer
``event``        ``points`` when ``event`` happens: ``account_opened``, ``survey_answered``, ``birthday``;
                 [``times_a_year``]
``cap``          at most ``points`` by orders in a ``period``: ``order``, ``day``, ``month``, ``year``
===============  ======================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground.errors import Refused

Json = dict[str, Any]
Document = Mapping[str, Any]

AMOUNT, ITEM, MULTIPLIER, EXCLUSION = "amount", "item", "multiplier", "exclusion"
MINIMUM, FIRST_ORDER, EVENT, CAP = "minimum", "first_order", "event", "cap"
KINDS: dict[str, str | Promise] = {
    AMOUNT: _("points for money spent"),
    ITEM: _("points for goods"),
    MULTIPLIER: _("multiplier"),
    EXCLUSION: _("goods that earn nothing"),
    MINIMUM: _("minimum order"),
    FIRST_ORDER: _("first order"),
    EVENT: _("points for what a customer does"),
    CAP: _("at most so many points"),
}
ACCOUNT_OPENED, SURVEY_ANSWERED, BIRTHDAY = "account_opened", "survey_answered", "birthday"
EVENTS: dict[str, str | Promise] = {
    ACCOUNT_OPENED: _("account opened"),
    SURVEY_ANSWERED: _("survey answered"),
    BIRTHDAY: _("birthday"),
}
PERIODS: dict[str, str | Promise] = {
    "order": _("order"),
    "day": _("day"),
    "month": _("month"),
    "year": _("year"),
}
REASONS: dict[str, str | Promise] = {
    "delivery": pgettext_lazy("why goods earn nothing", "delivery"),
    "sale": _("sale goods"),
    "goods": _("other goods"),
}
BIRTHDAYS: dict[str, str | Promise] = {
    "day": _("on the birthday"),
    "month": _("in the month of the birthday"),
}
MOST_POINTS = 1_000_000
MOST_TIMES = 100
MOST_AMOUNT = 1_000_000_000
MOST_NAMES = 500
DECIMALS = 4


class DocumentRefused(Refused):
    """What a rule says cannot be used; ``field`` names where."""

    code = "earning_rule_refused"

    def __init__(self, message: str | Promise, *, field: str, **values: object) -> None:
        super().__init__(message, field=field, **values)
        self.field = field


UNKNOWN_KIND = _("“%(given)s” is no kind of rule. Choose one of: %(known)s.")
NOT_A_DOCUMENT = _("A rule is an object with a “kind” and its fields.")
UNKNOWN_FIELD = _("A rule of this kind has no “%(field)s”. It may have: %(known)s.")
MISSING_FIELD = _("“%(field)s” is missing.")
NOT_A_NUMBER = _("“%(field)s” must be a number above zero, written as digits, at most %(most)s.")
TOO_FINE = _("“%(field)s” has more than %(decimals)s decimals.")
NOT_WHOLE = _("“%(field)s” must be a whole number above zero, at most %(most)s.")
NOT_NAMES = _("“%(field)s” must be a list of 1 to %(most)s codes, each of them once.")
NOT_A_DAY = _("“%(field)s” must be a date like 2026-12-31.")
NOT_CHOSEN = _("“%(field)s” must be one of: %(known)s.")
NOT_WEEKDAYS = _("“%(field)s” must be a list of days of the week, 1 for Monday to 7 for Sunday.")
ENDS_BEFORE = _("“until” must not lie before “from”.")
NO_GOODS = _("Say which products or labels this is about.")
SAME_TIMES = _("A multiplier of 1 changes nothing.")


@dataclass(frozen=True)
class _Field:
    read: Callable[[str, Any], Any]
    is_needed: bool = False


def check(document: object) -> Json:
    """Return a rule's document in its one written form, or raise :class:`DocumentRefused` naming the field.

    Numbers come out as texts without needless zeros, lists of codes in order.
    """
    if not isinstance(document, Mapping):
        raise DocumentRefused(NOT_A_DOCUMENT, field="kind")
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in _SHAPES:
        raise DocumentRefused(UNKNOWN_KIND, field="kind", given=kind, known=", ".join(_SHAPES))
    shape = _SHAPES[kind]
    for name in document:
        if name != "kind" and name not in shape:
            raise DocumentRefused(UNKNOWN_FIELD, field=str(name), known=", ".join(shape))
    found: Json = {"kind": kind}
    for name, field in shape.items():
        if name in document:
            found[name] = field.read(name, document[name])
        elif field.is_needed:
            raise DocumentRefused(MISSING_FIELD, field=name)
    _check_together(found)
    return found


def _check_together(found: Json) -> None:
    if found["kind"] in {ITEM, EXCLUSION} and not (found.get("products") or found.get("labels")):
        raise DocumentRefused(NO_GOODS, field="products")
    if "from" in found and "until" in found and found["until"] < found["from"]:
        raise DocumentRefused(ENDS_BEFORE, field="until")
    if found["kind"] == MULTIPLIER and number(found["times"]) == 1:
        raise DocumentRefused(SAME_TIMES, field="times")


def number(text: str) -> Fraction:
    """Return a number of a checked document, exactly."""
    return Fraction(Decimal(text))


def _number(most: int) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        refused = DocumentRefused(NOT_A_NUMBER, field=name, most=f"{most:,}")
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise refused
        text = str(value)
        if not text.isascii() or "_" in text or len(text) > 30:
            raise refused
        try:
            given = Decimal(text)
        except InvalidOperation as error:
            raise refused from error
        if not given.is_finite() or not 0 < given <= most:
            raise refused
        if given != given.quantize(Decimal(1).scaleb(-DECIMALS)):
            raise DocumentRefused(TOO_FINE, field=name, decimals=DECIMALS)
        return f"{given.normalize():f}"

    return read


def _whole(most: int) -> Callable[[str, Any], int]:
    def read(name: str, value: Any) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
            raise DocumentRefused(NOT_WHOLE, field=name, most=f"{most:,}")
        return value

    return read


def _codes(name: str, value: Any) -> list[str]:
    refused = DocumentRefused(NOT_NAMES, field=name, most=MOST_NAMES)
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MOST_NAMES:
        raise refused
    if not all(isinstance(one, str) and 0 < len(one.strip()) <= 64 for one in value):
        raise refused
    found = sorted({one.strip() for one in value})
    if len(found) != len(value):
        raise refused
    return found


def _day(name: str, value: Any) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError) as error:
        raise DocumentRefused(NOT_A_DAY, field=name) from error


def _weekdays(name: str, value: Any) -> list[int]:
    refused = DocumentRefused(NOT_WEEKDAYS, field=name)
    if not isinstance(value, list | tuple) or not value:
        raise refused
    if not all(isinstance(one, int) and not isinstance(one, bool) and 1 <= one <= 7 for one in value):
        raise refused
    return sorted(set(value))


def _one_of(known: Mapping[str, object]) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise DocumentRefused(NOT_CHOSEN, field=name, known=", ".join(known))
        return value

    return read


_GOODS = {"products": _Field(_codes), "labels": _Field(_codes)}
_SHAPES: dict[str, dict[str, _Field]] = {
    AMOUNT: {
        "points": _Field(_number(MOST_POINTS), is_needed=True),
        "per": _Field(_number(MOST_AMOUNT), is_needed=True),
        **_GOODS,
    },
    ITEM: {"points": _Field(_number(MOST_POINTS), is_needed=True), **_GOODS},
    MULTIPLIER: {
        "times": _Field(_number(MOST_TIMES), is_needed=True),
        **_GOODS,
        "tiers": _Field(_codes),
        "from": _Field(_day),
        "until": _Field(_day),
        "weekdays": _Field(_weekdays),
        "birthday": _Field(_one_of(BIRTHDAYS)),
    },
    EXCLUSION: {**_GOODS, "why": _Field(_one_of(REASONS))},
    MINIMUM: {"amount": _Field(_number(MOST_AMOUNT), is_needed=True)},
    FIRST_ORDER: {"points": _Field(_whole(MOST_POINTS), is_needed=True)},
    EVENT: {
        "event": _Field(_one_of(EVENTS), is_needed=True),
        "points": _Field(_whole(MOST_POINTS), is_needed=True),
        "times_a_year": _Field(_whole(366)),
    },
    CAP: {
        "points": _Field(_whole(MOST_POINTS * 1000), is_needed=True),
        "period": _Field(_one_of(PERIODS), is_needed=True),
    },
}


def fields_of(kind: str) -> list[str]:
    """Return the names of the fields that a rule of this kind may have."""
    return list(_SHAPES[kind])
