"""What one cell means: text, number, moment, choice … or why it means nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.functional import Promise
from django.utils.translation import get_language

from customers.ground import money
from customers.imports import dates, errors

Read = Callable[[str], Any]
MOST_WORDS = 12
_KEPT = 5_000  # readings of a column that are kept


class Type(StrEnum):
    ID = "id"
    TEXT = "text"
    NUMBER = "number"
    PRICE = "price"  # a number not below zero
    SHARE = "share"  # 0.3 or 30%
    MOMENT = "moment"
    DAY = "day"
    FLAG = "flag"
    CHOICE = "choice"
    MAIL = "mail"
    ZONE = "zone"
    CURRENCY = "currency"


@dataclass(frozen=True)
class Field:
    """One thing that a column can hold.

    ``guesses`` are names that its column often has (lower case, without blanks and signs);
    ``choices`` maps words, in any case, to the value stored. ``example`` is what a sample file shows in
    its three lines: texts, pairs of a text in English and in Chinese, or days from today; without it
    something of the type.
    """

    name: str
    label: str | Promise
    type: Type = Type.TEXT
    required: bool = False
    guesses: tuple[str, ...] = ()
    most: int = 200
    choices: Mapping[str, Any] | None = None
    default: Any = ""  # when the cell is empty
    example: tuple[str | int | tuple[str, str], ...] | None = None
    is_whole: bool = False  # a number without decimals


@dataclass(frozen=True)
class Style:
    """How the file writes what can be written in several ways."""

    zone: str
    decimal: str = "point"  # or "comma"
    order: str = "iso"  # of dates, see ``dates``
    is_whole: bool = False  # ids of digits are written with .0 behind


_PLAIN = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d{1,2})?")
_GROUPED = {
    "point": re.compile(r"[-+]?\d{1,3}(?:[, '’]\d{3})+(?:\.\d+)?"),
    "comma": re.compile(r"[-+]?\d{1,3}(?:[. '’]\d{3})+(?:,\d+)?|[-+]?\d+(?:,\d+)?"),
}
_AROUND = re.compile(r"^(?:[A-Z]{3}\s*)?[¥$€£元]?\s*|\s*(?:[¥$€£元]|[A-Z]{3})?$")
_FLOATED = re.compile(r"(\d+)\.0+")
_YES = {"yes", "y", "true", "t", "1", "x", "是", "有", "对", "已", "✓"}
_NO = {"no", "n", "false", "f", "0", "否", "无", "不", "未", "-"}
_ZONES = frozenset(available_timezones())


def reader_of(field: Field, style: Style) -> Read:
    """Return the function that reads the cells of a column; it raises a ``LineRefused``.

    An empty cell reads as the field's default, or is refused when the field is required.
    """
    read = _readers[field.type](field, style)
    known: dict[str, Any] = {}  # files say the same thing many times

    def cell(text: str) -> Any:
        if text in known:
            return known[text]
        plain = text.strip()
        if plain:
            value = read(plain)
        elif field.required:
            raise errors.Missing()
        else:
            value = field.default
        if len(known) >= _KEPT:
            known.clear()
        if len(text) <= 100:
            known[text] = value
        return value

    return cell


def number(text: str, decimal: str) -> Decimal:
    """Return the number that a cell shows, with thousands separators, currency sign or brackets."""
    if _PLAIN.fullmatch(text) and (decimal == "point" or text.lstrip("+-").isdigit()):
        return _bounded(Decimal(text))
    clean = unicodedata.normalize("NFKC", text).replace("−", "-").strip()
    minus = clean.startswith("(") and clean.endswith(")")
    clean = clean[1:-1].strip() if minus else clean
    if clean.startswith("-") and clean[1:2] in "¥$€£":
        minus, clean = True, clean[1:]
    elif clean.endswith("-"):
        minus, clean = True, clean[:-1]
    clean = _AROUND.sub("", clean)
    if decimal == "point" and _PLAIN.fullmatch(clean):
        found = Decimal(clean)
    elif _GROUPED[decimal].fullmatch(clean):
        digits = re.sub(r"[ '’]", "", clean)
        found = Decimal(
            digits.replace(",", "") if decimal == "point" else digits.replace(".", "").replace(",", ".")
        )
    else:
        raise errors.NotNumber()
    return _bounded(-found if minus else found)


def decimal_of(text: str) -> str:
    """Return which decimal sign a number proves (``point``, ``comma``), or nothing."""
    text = _AROUND.sub("", text.strip())
    if re.fullmatch(r"[-+]?\d{1,3}(\.\d{3})*,(\d{1,2}|\d{4,})|[-+]?\d+,(\d{1,2}|\d{4,})", text):
        return "comma"
    if re.fullmatch(r"[-+]?\d{1,3}(?:\.\d{3}){2,}(,\d+)?|[-+]?\d{1,3}(?:\.\d{3})+,\d+", text):
        return "comma"
    if (
        "." in text
        and _PLAIN.fullmatch(text.replace(",", ""))
        and not re.fullmatch(r"[-+]?\d{1,3}\.\d{3}", text)
    ):
        return "point"
    return ""


def is_floated(text: str) -> bool:
    """Say whether an id of digits is written as a number with ``.0`` behind."""
    return _FLOATED.fullmatch(text.strip()) is not None


def _bounded(found: Decimal) -> Decimal:
    if abs(found) >= Decimal(10) ** 11:
        raise errors.NumberTooLarge()
    return found


def _id(field: Field, style: Style) -> Read:
    def read(text: str) -> str:
        if len(text) > min(field.most, 190):
            raise errors.TooLong(most=min(field.most, 190))
        if style.is_whole and (match := _FLOATED.fullmatch(text)):
            return match[1]
        return text

    return read


def _text(field: Field, style: Style) -> Read:
    def read(text: str) -> str:
        if len(text) > field.most:
            raise errors.TooLong(most=field.most)
        return text

    return read


def _number(field: Field, style: Style) -> Read:
    return lambda text: number(text, style.decimal)


def _price(field: Field, style: Style) -> Read:
    def read(text: str) -> Decimal:
        found = number(text, style.decimal)
        if found < 0:
            raise errors.Negative()
        return found

    return read


def _share(field: Field, style: Style) -> Read:
    def read(text: str) -> int:
        percent = text.endswith(("%", "％"))
        found = number(text.rstrip("%％ "), style.decimal) / (100 if percent else 1)
        if not 0 <= found <= 1:
            raise errors.NotShare()
        return int((found * 10000).to_integral_value())

    return read


def _moment(field: Field, style: Style) -> Read:
    zone = ZoneInfo(style.zone)

    def read(text: str) -> datetime:
        moment = dates.read(text, style.order)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)

    return read


def _day(field: Field, style: Style) -> Read:
    def read(text: str) -> date:
        return dates.read(text, style.order).date()

    return read


def _flag(field: Field, style: Style) -> Read:
    def read(text: str) -> bool:
        word = text.lower()
        if word in _YES or word in _NO:
            return word in _YES
        raise errors.NotFlag()

    return read


def _words_for(choices: Mapping[str, Any]) -> str:
    """Return one word for each choice, in the reader's language where there is one; not more than a dozen."""
    is_chinese = (get_language() or "").startswith("zh")
    words: dict[str, list[str]] = {}
    for word, value in choices.items():
        words.setdefault(str(value), []).append(word)
    told = [next((word for word in some if word.isascii() != is_chinese), some[0]) for some in words.values()]
    return ", ".join(told[:MOST_WORDS]) + (" …" if len(told) > MOST_WORDS else "")


def _choice(field: Field, style: Style) -> Read:
    choices = field.choices or {}

    def read(text: str) -> Any:
        word = text.lower()
        if word not in choices:
            raise errors.NotChoice(choices=_words_for(choices))
        return choices[word]

    return read


def _mail(field: Field, style: Style) -> Read:
    def read(text: str) -> str:
        try:
            validate_email(text)
        except ValidationError as error:
            raise errors.NotMail() from error
        if len(text) > 254:
            raise errors.TooLong(most=254)
        return text

    return read


def _zone(field: Field, style: Style) -> Read:
    def read(text: str) -> str:
        if text not in _ZONES:
            raise errors.NotZone()
        return text

    return read


def _currency(field: Field, style: Style) -> Read:
    def read(text: str) -> str:
        if text.upper() not in money.EXPONENTS:
            raise errors.NotCurrency()
        return text.upper()

    return read


_readers: dict[Type, Callable[[Field, Style], Read]] = {
    Type.ID: _id,
    Type.TEXT: _text,
    Type.NUMBER: _number,
    Type.PRICE: _price,
    Type.SHARE: _share,
    Type.MOMENT: _moment,
    Type.DAY: _day,
    Type.FLAG: _flag,
    Type.CHOICE: _choice,
    Type.MAIL: _mail,
    Type.ZONE: _zone,
    Type.CURRENCY: _currency,
}
