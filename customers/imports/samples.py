"""A sample file for every kind: the columns in the reader's language and three lively lines.

It is made from what the kind's fields declare, so that a new kind has one without further work, and it
imports as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils.translation import get_language

from customers.company import today
from customers.ground import localtime
from customers.ground.models import Company
from customers.imports.cells import Field, Type
from customers.imports.kinds import Kind

LINES = 3
_BASE = ("USD", "EUR", "GBP", "JPY")


def header_of(kind: Kind) -> list[str]:
    """Return the names of the columns in the language in force."""
    return [str(field.label) for field in kind.fields]


def lines_of(kind: Kind, *, firm: Company, at: datetime) -> list[list[str]]:
    """Return three lines; days and moments lie around ``at``, currencies are the company's."""
    return [[_cell(kind, field, n, firm=firm, at=at) for field in kind.fields] for n in range(LINES)]


def _cell(kind: Kind, field: Field, n: int, *, firm: Company, at: datetime) -> str:
    if field.example is not None:
        given = field.example[n % len(field.example)]
        if isinstance(given, tuple):  # in English, in Chinese
            return given[1 if _is_chinese() else 0]
        if isinstance(given, str):
            return given
        return _moment(field, given, firm=firm, at=at)
    return _MAKERS[field.type](kind, field, n, firm, at)


def _is_chinese() -> bool:
    return (get_language() or "").startswith("zh")


def _moment(field: Field, days: int, *, firm: Company, at: datetime) -> str:
    """Return the day that lies ``days`` from today, or a moment in the morning of it."""
    day = localtime.day_of(today(at, firm).number + days)
    return day.isoformat() if field.type == Type.DAY else f"{day.isoformat()} 09:{15 + abs(days) % 40}"


def _choice(kind: Kind, field: Field, n: int, firm: Company, at: datetime) -> str:
    """Return a word for a choice, another one each line, in the language in force where there is one."""
    words: dict[Any, list[str]] = {}
    for word, value in (field.choices or {}).items():
        words.setdefault(value, []).append(word)
    of_one = list(words.values())[n % len(words)]
    chinese = next((word for word in of_one if not word.isascii()), None)
    return chinese if chinese is not None and _is_chinese() else of_one[0]


def _currency(kind: Kind, field: Field, n: int, firm: Company, at: datetime) -> str:
    """Return the base currency, and for rates another one each line."""
    others = [code for code in _BASE if code != firm.base_currency]
    return others[n] if "rate" in kind.fields_by_name else firm.base_currency


_MAKERS: dict[Type, Callable[[Kind, Field, int, Company, datetime], str]] = {
    Type.ID: lambda kind, field, n, firm, at: f"{kind.code[:2].upper()}-{1001 + n}" if field.required else "",
    Type.TEXT: lambda kind, field, n, firm, at: f"{field.label} {n + 1}" if field.required else "",
    Type.NUMBER: lambda kind, field, n, firm, at: str((3, 1, 12)[n]),
    Type.PRICE: lambda kind, field, n, firm, at: ("49.90", "1280.00", "15.50")[n],
    Type.SHARE: lambda kind, field, n, firm, at: ("30%", "25%", "40%")[n],
    Type.MOMENT: lambda kind, field, n, firm, at: (
        _moment(field, -9 + 3 * n, firm=firm, at=at) if field.required else ""
    ),
    Type.DAY: lambda kind, field, n, firm, at: (
        _moment(field, -9 + 3 * n, firm=firm, at=at) if field.required else ""
    ),
    Type.FLAG: lambda kind, field, n, firm, at: (("yes", "no", "yes"), ("是", "否", "是"))[_is_chinese()][n],
    Type.CHOICE: _choice,
    Type.MAIL: lambda kind, field, n, firm, at: f"{('li.na', 'wang.wei', 'zoe')[n]}@example.com",
    Type.ZONE: lambda kind, field, n, firm, at: firm.time_zone,
    Type.CURRENCY: _currency,
}
