"""The kinds of data that can be imported; upper apps enter theirs in ``AppConfig.ready()``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.functional import Promise

from customers.batch import Landed
from customers.ground.errors import Refused
from customers.ground.models import Company
from customers.imports import errors
from customers.imports.cells import Field, Type
from customers.models import ImportBatch


@dataclass(slots=True)
class Row:
    """One line, read: where it stood, its place in its group, its values by field."""

    number: int
    position: int
    values: dict[str, Any]


@dataclass(slots=True)
class Group:
    """The lines of one record; most kinds have one line in each."""

    key: str
    rows: list[Row]

    @property
    def first(self) -> Row:
        return self.rows[0]


@dataclass(slots=True)
class LineRefusal:
    """Why a line that could be read did not land."""

    number: int
    field: str
    reason: Refused


@dataclass
class Context:
    """What a kind needs to know to land its groups."""

    source: str
    at: datetime
    firm: Company
    batch: ImportBatch | None = None
    currency: str = ""
    zone: str = ""
    create_missing: bool = False
    history: bool = False
    delay: timedelta = timedelta(0)
    is_mended: bool = False
    returns: bool = True

    def known(self, occurred_at: datetime, recorded_at: datetime | None) -> tuple[datetime, bool]:
        """Return when the company knew of a fact and whether that is assumed (decision 1)."""
        if recorded_at is not None:
            return recorded_at, False
        if self.history:
            return min(max(occurred_at, occurred_at + self.delay), self.at), True
        return self.at, False


@dataclass(slots=True)
class Outcome:
    """What became of groups: counts of records, and the lines refused."""

    landed: Landed = field(default_factory=Landed)
    refused: list[LineRefusal] = field(default_factory=list)


Land = Callable[[Sequence[Group], Context], Outcome]
Check = Callable[[dict[str, Any], Context], None]
Doubtful = Callable[[dict[str, list[Any]], Context], set[int]]


@dataclass(frozen=True)
class Kind:
    """One kind of data.

    Args:
        fields: what columns can hold.
        key: the fields whose values, joined, name a record when no id is given.
        occurred: the field that says when it happened; empty when nothing is dated.
        is_grouped: several lines can be one record.
        check: looks at one line's values and raises a ``LineRefused`` (with ``field`` set) for what
            does not go together.
        land: writes groups in the caller's transaction.
        place: lines land in the order of what this returns of their values, not in that of the file.
        roles: who may bring a file of it in, by page or API; empty: everybody who may import.
    """

    code: str
    label: str | Promise
    fields: tuple[Field, ...]
    land: Land
    key: tuple[str, ...] = ("external_id",)
    occurred: str = ""
    is_grouped: bool = False
    has_customer: bool = True
    check: Check | None = None
    doubtful: Doubtful | None = None
    one_of: tuple[tuple[str, ...], ...] = ()  # of each of these, one column is needed
    # Of what is grouped: the fields of each line by itself, what the API calls them, whether one is needed.
    parts: tuple[str, ...] = ("quantity", "unit_price", "amount", "product", "description", "unit_cost")
    parts_name: str = "lines"
    parts_help: str = ""  # says in the API's document what one line is
    needs_parts: bool = True
    roles: frozenset[str] = frozenset()
    place: Callable[[dict[str, Any]], str] | None = None

    def is_for(self, role: str) -> bool:
        """Say whether somebody of this role may bring a file of this kind in."""
        return not self.roles or role in self.roles

    @property
    def has_money(self) -> bool:
        """Say whether a line can hold an amount of money."""
        return any(one.type == Type.PRICE for one in self.fields)

    @property
    def has_decimals(self) -> bool:
        """Say whether a line can hold a number with decimals."""
        numbers = (Type.NUMBER, Type.PRICE, Type.SHARE)
        return any(one.type in numbers and not one.is_whole for one in self.fields)

    @property
    def fields_by_name(self) -> dict[str, Field]:
        """Return the fields by their names."""
        return {known.name: known for known in self.fields}


class CellRefused(Exception):
    """A refusal of a check, with the field at fault."""

    def __init__(self, name: str, reason: Refused) -> None:
        self.field, self.reason = name, reason
        super().__init__(name)


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Enter a kind (in ``AppConfig.ready()``)."""
    _kinds[kind.code] = kind


def every() -> list[Kind]:
    """Return the kinds in the order in which they were entered."""
    return list(_kinds.values())


def named(code: str) -> Kind:
    """Return the kind called ``code``; raise ``UnknownKind``."""
    try:
        return _kinds[code]
    except KeyError as error:
        raise errors.UnknownKind(kind=code, kinds=", ".join(_kinds)) from error
