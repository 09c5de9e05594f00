"""One look over the whole file before anything is written: what it proves, and what must be asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from customers.ground.errors import Refused
from customers.imports import cells, dates, errors
from customers.imports.cells import Style, Type
from customers.imports.kinds import Kind
from customers.imports.mapping import Mapping
from customers.imports.reading import Table
from customers.imports.together import Together

OLD = timedelta(days=30)
MOST_UNFIT = 100_000  # lines at the start that cannot even be cut into cells


@dataclass
class Survey:
    """What the file shows.

    Args:
        lines: how many lines with data it has.
        dated, old: lines with a readable date, and those of them older than 30 days.
        styles: how each column writes what can be written in several ways, by column.
        unclear: the refusal for dates that can be read in two ways, if any.
        is_sorted: the lines of each record stand together, so that they can land as they come.
    """

    lines: int = 0
    dated: int = 0
    old: int = 0
    styles: dict[str, Style] = field(default_factory=dict)
    unclear: errors.AmbiguousDates | None = None
    is_sorted: bool = False

    @property
    def is_mostly_old(self) -> bool:
        return self.old * 2 > self.dated > 0

    def answers(self, mapping: Mapping) -> None:
        """Raise the refusal of the first question that the mapping leaves open, if any."""
        if self.lines == 0:
            raise errors.OnlyHeader()
        if self.unclear is not None:
            raise self.unclear
        if self.is_mostly_old and mapping.history is None and "recorded_at" not in mapping.columns:
            raise errors.WhenKnown(old=self.old, lines=self.dated)


def survey(
    table: Table, kind: Kind, mapping: Mapping, *, zone: str, at: datetime, most_lines: int = 0
) -> Survey:
    """Look over the file (or its first ``most_lines`` lines); ``zone``: of moments that name none."""
    steps = surveying(table, kind, mapping, zone=zone, at=at, most_lines=most_lines)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: Survey = done.value
            return found


def surveying(
    table: Table, kind: Kind, mapping: Mapping, *, zone: str, at: datetime, most_lines: int = 0
) -> Generator[int, None, Survey]:
    """Do the same in steps: yield the count of lines now and then, return the survey."""
    place = {name: index for index, name in enumerate(table.header)}
    typed = {column: kind.fields_by_name[name].type for name, column in mapping.columns.items()}
    occurred = mapping.columns.get(kind.occurred or "", mapping.columns.get("starts_on", ""))
    columns = [
        _Column(
            name,
            typed.get(name, Type.ID),
            stated=dates.order_of(mapping.date_format),
            decimal=mapping.decimal,
            limit=(at - OLD).astimezone(ZoneInfo(zone)).replace(tzinfo=None) if name == occurred else None,
        )
        for name in dict.fromkeys([*typed, *mapping.places])
    ]
    tallies = [(place[column.name], column, Counter[str]()) for column in columns if column.tells]
    found = Survey()
    key = _key_column(table, kind, mapping)
    runs = Together(is_grouped=kind.is_grouped)
    fits = False
    for block in table.blocks():
        rows = block.rows
        found.lines += len(rows) + len(block.odd)
        fits = fits or bool(rows)
        if not fits and found.lines >= MOST_UNFIT:
            raise errors.NothingFits(lines=found.lines, reason=str(block.odd[0].problem))
        if rows:
            cells_of = list(zip(*rows, strict=True))
            for index, column, tally in tallies:
                tally.update(cells_of[index])
                if len(tally) > 20_000:
                    column.see(tally)
            if key is not None:
                runs.see(cells_of[key])
        yield found.lines
        if most_lines and found.lines >= most_lines:
            break
    for _index, column, tally in tallies:
        column.see(tally)
    for column in columns:
        try:
            order = column.order()
        except errors.AmbiguousDates as refusal:
            found.unclear, order = found.unclear or refusal, "iso"
        if column.limit is not None:
            found.dated = column.dated
            found.old = max(column.before.values()) if found.unclear else column.before[order]
        found.styles[column.name] = Style(
            zone=zone,
            decimal=column.decimal or "point",
            order=order,
            is_whole=column.name in mapping.whole_numbers or column.is_floated,
        )
    found.is_sorted = key is not None and runs.stand()
    return found


def _key_column(table: Table, kind: Kind, mapping: Mapping) -> int | None:
    """Return the place of the one column that names the records, where there is one."""
    if table.is_mended or mapping.template or len(kind.key) != 1:
        return None
    column = mapping.columns.get(kind.key[0])
    if column is None or kind.fields_by_name[kind.key[0]].type != Type.ID:
        return None
    return table.header.index(column)


class _Column:
    """What the cells of one column prove."""

    def __init__(self, name: str, type_: Type, *, stated: str, decimal: str, limit: datetime | None) -> None:
        self.name, self.type, self.stated, self.limit = name, type_, stated, limit
        self.evidence = dates.Evidence(name)
        self.stated_decimal = decimal
        self.proofs: set[str] = set()
        self.floated = self.broken = False
        self.dated = 0
        self.before = dict.fromkeys((*dates.ORDERS, "iso", stated), 0)
        self.is_date = type_ in (Type.MOMENT, Type.DAY)
        self.is_number = type_ in (Type.NUMBER, Type.PRICE, Type.SHARE)
        self.tells = self.is_date or self.is_number or type_ == Type.ID

    def see(self, tally: Counter[str]) -> None:
        """Take the cells counted in ``tally`` into account and empty it."""
        for text, count in tally.items():
            if self.is_date:
                self.evidence.see(text, count)
                if self.limit is not None and (olds := _old_in(text, self.stated, self.limit)):
                    self.dated += count
                    for order in olds - {"some"}:
                        self.before[order] += count
            elif self.is_number:
                self.proofs.add(cells.decimal_of(text))
            elif cells.is_floated(text):
                self.floated = True
            elif text.count(".") == 1 and text.replace(".", "").strip().isdigit():
                self.broken = True
        tally.clear()

    def order(self) -> str:
        """Return the order of its dates; raise ``AmbiguousDates``."""
        return self.stated or (self.evidence.order() if self.is_date else "iso")

    @property
    def decimal(self) -> str:
        return self.stated_decimal or ("comma" if self.proofs - {""} == {"comma"} else "point")

    @property
    def is_floated(self) -> bool:
        return self.floated and not self.broken


def _old_in(text: str, stated: str, limit: datetime) -> set[str]:
    """Return ``some`` if it is a date at all, and the orders in which it lies before ``limit``."""
    found: dict[str, datetime] = {}
    if "%" in stated:
        try:
            found = {stated: dates.read(text, stated)}
        except Refused:
            found = {}
    else:
        found = dict(dates.readings(text))
    olds = {order for order, moment in found.items() if moment.replace(tzinfo=None) < limit}
    if "iso" in olds:
        olds |= {*dates.ORDERS, *({stated} if stated else ())}
    return olds | {"some"} if found else olds
