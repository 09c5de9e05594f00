"""How a file's columns become fields: stated in a mapping file or by the wizard, or guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import translation

from customers.ground import localtime, money
from customers.ground.errors import Refused
from customers.imports import dates, errors, lines
from customers.imports.cells import Field
from customers.imports.kinds import Kind
from customers.imports.reading import ERROR_COLUMNS

_PLACE = re.compile(r"\{([^{}]*)\}")
RETURNS = ("negative quantity", "none")


@dataclass
class Mapping:
    """What a mapping file can say.

    Args:
        columns: field → name of the file's column.
        source: whose ids these are; records are known by source and id.
        currency, time_zone: of amounts and moments that do not say it; empty: the company's.
        date_format: ``iso``, ``day/month/year``, ``month/day/year``, ``year/month/day`` or a strptime
            pattern; empty: the file must prove it.
        decimal: ``point`` or ``comma``; empty: looked up in the file.
        group_by: the columns that together name one order, when no column does.
        external_id: a template of columns, for example ``{CustomerID}-{InvoiceDate}``.
        on_missing_customer: ``create`` or ``refuse``.
        returns: ``negative quantity`` or ``none``.
        history: the company knew of each fact when it happened (true), or knows it only now (false);
            ``None``: not said.
        delay_days: with ``history``, how many days later it knew.
        whole_numbers: columns of ids that are written as ``17850.0``; others are looked up.
        encoding, delimiter: when the file shall not be asked.
    """

    columns: dict[str, str] = field(default_factory=dict)
    source: str = "import"
    currency: str = ""
    time_zone: str = ""
    date_format: str = ""
    decimal: str = ""
    group_by: list[str] = field(default_factory=list)
    external_id: str = ""
    on_missing_customer: str = "refuse"
    returns: str = "negative quantity"
    history: bool | None = None
    delay_days: int = 0
    whole_numbers: list[str] = field(default_factory=list)
    encoding: str = ""
    delimiter: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return the mapping as plain JSON values."""
        return asdict(self)

    @property
    def template(self) -> str:
        """Return the template of the id: the stated one, else the columns of ``group_by``."""
        return self.external_id or "-".join(f"{{{name}}}" for name in self.group_by)

    @property
    def places(self) -> list[str]:
        """Return the columns that the template names."""
        return _PLACE.findall(self.template)


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file; raise an ``ImportRefused`` that says what is wrong with it."""
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise errors.NoFile(name=path.name) from error
    except (ValueError, RecursionError) as error:
        raise errors.BadMapping() from error
    return from_data(data)


def from_data(data: Any) -> Mapping:
    """Return the mapping that plain values describe; raise an ``ImportRefused`` for what is not possible."""
    if not isinstance(data, dict):
        raise errors.BadMapping()
    known = {entry.name for entry in fields(Mapping)}
    for key in data:
        if key not in known:
            raise errors.UnknownKey(key=str(key)[:60], keys=", ".join(sorted(known)))
    if isinstance(data.get("group_by"), str):
        data = {**data, "group_by": [data["group_by"]]}
    if lines.odd_characters(json.dumps(data, ensure_ascii=False)) is not None:
        raise errors.BadMapping()
    for key, value in data.items():
        if not _fits(key, value):
            raise errors.BadValue(key=key, value=str(value)[:60], hint="docs/import.md")
    made = Mapping(**data)
    _check(made)
    return made


def _fits(key: str, value: Any) -> bool:
    if key == "columns":
        return isinstance(value, dict) and all(isinstance(v, str) for pair in value.items() for v in pair)
    if key in ("group_by", "whole_numbers"):
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if key == "history":
        return value is None or isinstance(value, bool)
    if key == "delay_days":
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 3650
    return isinstance(value, str) and len(value) <= 500


def _check(made: Mapping) -> None:
    if made.currency and made.currency not in money.EXPONENTS:
        raise errors.BadValue(key="currency", value=made.currency, hint="CNY, EUR, GBP …")
    if made.time_zone:
        try:
            localtime.zone_of(made.time_zone)
        except Refused as refusal:
            raise errors.BadValue(key="time_zone", value=made.time_zone, hint=str(refusal)) from refusal
    if made.on_missing_customer == "park":
        raise errors.ParkingLater()
    for key, possible in (
        ("on_missing_customer", ("create", "refuse")),
        ("returns", RETURNS),
        ("decimal", ("", "point", "comma")),
        ("encoding", ("", "utf-8", "gb18030")),
        ("delimiter", ("", ",", ";", "\t")),
    ):
        if getattr(made, key) not in possible:
            hint = ", ".join(repr(choice) for choice in possible if choice)
            raise errors.BadValue(key=key, value=getattr(made, key), hint=hint)
    if not re.fullmatch(r"[^\s].{0,63}", made.source):
        raise errors.BadValue(key="source", value=made.source, hint="shop")
    dates.order_of(made.date_format)
    if made.external_id and not made.places:
        raise errors.BadValue(key="external_id", value=made.external_id, hint="{CustomerID}-{InvoiceDate}")
    if made.external_id and set(made.group_by) - set(made.places):
        raise errors.BadValue(
            key="external_id", value=made.external_id, hint="{" + "}-{".join(made.group_by) + "}"
        )


def guess(kind: Kind, header: Sequence[str]) -> dict[str, str]:
    """Return field → column for the columns whose names are known, each column and field once.

    What a field is called on the page, in any of our languages, says it most clearly.
    """
    plain = {name: _plain(name) for name in header if name not in ERROR_COLUMNS}
    found: dict[str, str] = {}
    for names_of in (_labels_of, _guesses_of):
        for known in kind.fields:
            for wanted in names_of(known) if known.name not in found else ():
                column = next(
                    (name for name, short in plain.items() if short == wanted and name not in found.values()),
                    None,
                )
                if column is not None:
                    found[known.name] = column
                    break
    return {known.name: found[known.name] for known in kind.fields if known.name in found}


def _labels_of(known: Field) -> list[str]:
    labels = []
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            labels.append(_plain(str(known.label)))
    return labels


def _guesses_of(known: Field) -> tuple[str, ...]:
    return (_plain(known.name), *known.guesses)


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-./()（）:：#]+", "", name).lower()


def complete(mapping: Mapping, kind: Kind, header: Sequence[str], *, guessing: bool = True) -> Mapping:
    """Check the mapping against a file's columns, guessing those that it does not name.

    Returns it with the columns filled in. Raises an ``ImportRefused`` for fields and columns that do
    not exist, and when a field that is needed has no column.
    """
    names = {known.name for known in kind.fields}
    for wanted, column in mapping.columns.items():
        if wanted not in names:
            raise errors.UnknownField(field=wanted, fields=", ".join(sorted(names)))
        _need(column, header)
    if mapping.template and "external_id" not in names:
        raise errors.UnknownField(field="external_id", fields=", ".join(sorted(names)))
    for column in (*mapping.places, *mapping.whole_numbers):
        _need(column, header)
    columns = dict(mapping.columns)
    if guessing and not columns:
        columns = guess(kind, header)
    if mapping.template:
        columns.pop("external_id", None)
    columns = {name: column for name, column in columns.items() if column}
    missing = [
        known.label
        for known in kind.fields
        if known.required
        and known.name not in columns
        and not (known.name == "external_id" and mapping.template)
    ]
    missing += [
        " / ".join(str(kind.fields_by_name[name].label) for name in group)
        for group in kind.one_of
        if not any(name in columns for name in group)
    ]
    if missing:
        raise errors.FieldsMissing(fields=", ".join(map(str, missing)), columns=", ".join(header)[:1000])
    return Mapping(**{**mapping.as_data(), "columns": columns})


def _need(column: str, header: Sequence[str]) -> None:
    if column not in header:
        raise errors.NoSuchColumn(column=column[:100], columns=", ".join(header)[:1000])


def fill(template: str, values: AnyMapping[str, str]) -> str:
    """Return the template with each ``{column}`` replaced."""
    return _PLACE.sub(lambda match: values[match[1]], template)


def shape_of(template: str) -> str:
    """Return the template for ``%``: its columns' values in the order of ``places``."""
    return "%s".join(part.replace("%", "%%") for part in _PLACE.split(template)[::2])
