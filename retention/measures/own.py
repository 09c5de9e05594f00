"""Own measures: made by an admin without code, read from the facts as of the moment when they are asked.

No column of the wide table stands for one, so that a web request never changes a table, and every process
sees a new one at once: whoever reads conditions brings those that there are along (:func:`known`). Numbers
are whole ten-thousandths, so that both databases and Python agree to the last digit.
"""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from django.db import connection
from django.utils.translation import get_language, gettext, ngettext

from customers.company import today
from customers.ground.localtime import day_of
from customers.models import Attribute, AttributeValue, Indicator, IndicatorValue, Worse
from retention.measures import dialect
from retention.measures.display import UNKNOWN, format_number, format_value
from retention.measures.passes import Customers, Mode, only, visible_facts
from retention.measures.registry import Measure, Source, Unit
from retention.models.own import OwnMeasure, Way

PREFIX = "own."
SOURCE = "own"
SCALE = 10_000
_MILLI = SCALE // 1000  # an indicator's thousandths in ten-thousandths
_MOST = 10**11  # of an attribute; a greater number that an earlier release let in is unknown, not cut off


@dataclass(frozen=True)
class Kind:
    """What a way gives, of which facts it can, and what else it must be told."""

    unit: Unit
    of: str  # kind of attribute, or ``indicator``
    needs_days: bool = False
    needs_choice: bool = False


WAYS: Mapping[Way, Kind] = {
    Way.NUMBER: Kind(Unit.COUNT, Attribute.Kind.NUMBER),
    Way.DAY: Kind(Unit.DAY, Attribute.Kind.DATE),
    Way.DAYS_SINCE: Kind(Unit.DAYS, Attribute.Kind.DATE),
    Way.DAYS_UNTIL: Kind(Unit.DAYS, Attribute.Kind.DATE),
    Way.CHOICE: Kind(Unit.CODE, Attribute.Kind.CHOICE),
    Way.IS_CHOICE: Kind(Unit.FLAG, Attribute.Kind.CHOICE, needs_choice=True),
    Way.NEWEST: Kind(Unit.COUNT, "indicator"),
    Way.CHANGE: Kind(Unit.COUNT, "indicator", needs_days=True),
    Way.WORST: Kind(Unit.COUNT, "indicator", needs_days=True),
    Way.AVERAGE: Kind(Unit.COUNT, "indicator", needs_days=True),
    Way.DAYS_SINCE_VALUE: Kind(Unit.DAYS, "indicator"),
}
"""The closed vocabulary: which way suits which facts."""


class Binding(Protocol):
    """The parameters of a statement: see ``retention.rules.conditions.Params``."""

    today: int

    @property
    def mode(self) -> Mode:
        """Return whether current versions are read, or those known at a past moment."""

    def bind(self, value: int | str) -> str:
        """Keep a value and return its placeholder."""


@dataclass(frozen=True)
class OwnTerm:
    """An own measure as conditions and pages read it."""

    pk: int
    code: str
    label_en: str
    label_zh: str
    way: Way
    of_en: str = ""
    of_zh: str = ""
    attribute: int | None = None
    indicator: int | None = None
    is_lower_worse: bool = False
    days: int = 0
    choice: str = ""
    choices: tuple[tuple[str, str, str], ...] = ()
    words: str = ""  # of the unit, given by who defined the indicator
    is_retired: bool = False

    @property
    def key(self) -> str:
        """Return its name in conditions, and where a row keeps its value for the evaluator."""
        return f"{PREFIX}{self.code}"

    @property
    def unit(self) -> Unit:
        """Return what its value counts."""
        return WAYS[self.way].unit

    @property
    def label(self) -> str:
        """Return its name in the language of the reader."""
        return _in_language(self.label_en, self.label_zh)

    def label_of(self, choice: str) -> str:
        """Return the label of a choice in the language of the reader."""
        for code, english, chinese in self.choices:
            if code == choice:
                return _in_language(english, chinese)
        return choice

    @property
    def help(self) -> str:
        """Say in a sentence what it counts."""
        named = {"name": _in_language(self.of_en, self.of_zh), "choice": self.label_of(self.choice)}
        days = ngettext("%(days)s day", "%(days)s days", self.days) % {"days": self.days}
        match self.way:
            case Way.NUMBER | Way.DAY | Way.CHOICE:
                said = gettext("The attribute “%(name)s” as it was known.")
            case Way.DAYS_SINCE:
                said = gettext(
                    "Days that have passed since the attribute “%(name)s”; below 0 while it is to come."
                )
            case Way.DAYS_UNTIL:
                said = gettext(
                    "Days that are left until the attribute “%(name)s”; below 0 once it has passed."
                )
            case Way.IS_CHOICE:
                said = gettext("Whether the attribute “%(name)s” is “%(choice)s”. Unknown without a value.")
            case Way.NEWEST:
                said = gettext("Newest value of the indicator “%(name)s”.")
            case Way.CHANGE:
                said = gettext(
                    "Newest value of the indicator “%(name)s” minus the one that stood %(days)s ago. "
                    "Unknown without one then."
                )
            case Way.WORST:
                said = gettext("Worst value that the indicator “%(name)s” got in the last %(days)s.")
            case Way.AVERAGE:
                said = gettext(
                    "Average of the values that the indicator “%(name)s” got in the last %(days)s."
                )
            case _:
                said = gettext("Days that have passed since the indicator “%(name)s” last got a value.")
        return said % {**named, "days": days}

    def text(self, value: int | str | None) -> str:
        """Return a value for people to read, in the active language."""
        if value is None:
            return UNKNOWN
        if isinstance(value, str):
            return self.label_of(value)
        if self.unit == Unit.COUNT:
            number = format_number(Decimal(value) / SCALE)
            return f"{number} {self.words}".rstrip()
        shown = Measure(self.key, self.label, self.unit, SOURCE)
        return format_value(shown, value, currency="", language=get_language() or "en")

    def plain(self, value: int | str | None) -> int | str | bool | None:
        """Return a value as JSON holds it without loss; a number with decimals as text."""
        if value is None or isinstance(value, str):
            return value
        match self.unit:
            case Unit.COUNT:
                return format((Decimal(value) / SCALE).normalize(), "f")
            case Unit.DAY:
                return day_of(value).isoformat()
            case Unit.FLAG:
                return bool(value)
        return value


def _in_language(english: str, chinese: str) -> str:
    first, second = (chinese, english) if (get_language() or "").startswith("zh") else (english, chinese)
    return first or second


# --- Which there are -----------------------------------------------------------------------------
def known(*, also_retired: bool = True) -> dict[str, OwnTerm]:
    """Return the own measures by their names in conditions, as they stand now. One query."""
    rows = OwnMeasure.objects.select_related("attribute", "indicator").order_by("code")
    if not also_retired:
        rows = rows.filter(retired_at=None)
    return {term.key: term for term in map(term_of, rows)}


def term_of(row: OwnMeasure) -> OwnTerm:
    """Return an own measure as conditions and pages read it."""
    source: Attribute | Indicator = row.attribute or row.indicator  # type: ignore[assignment]
    is_attribute = isinstance(source, Attribute)
    return OwnTerm(
        pk=row.pk,
        code=row.code,
        label_en=row.label_en,
        label_zh=row.label_zh,
        way=Way(row.way),
        of_en=source.label_en if isinstance(source, Attribute) else source.name_en,
        of_zh=source.label_zh if isinstance(source, Attribute) else source.name_zh,
        attribute=row.attribute_id,
        indicator=row.indicator_id,
        is_lower_worse=not is_attribute and source.worse == Worse.LOWER,
        days=row.days or 0,
        choice=row.choice,
        choices=_choices(source) if isinstance(source, Attribute) else (),
        words="" if isinstance(source, Attribute) else source.unit,
        is_retired=row.retired_at is not None,
    )


_OWN = ("id", "code", "label_en", "label_zh", "way", "attribute_id", "indicator_id", "days", "choice")
_ATTRIBUTE = ("label_en", "label_zh", "choices", "choice_labels")
_INDICATOR = ("name_en", "name_zh", "unit", "worse")
OF_TERM = (
    *_OWN,
    *(f"attribute__{name}" for name in _ATTRIBUTE),
    *(f"indicator__{name}" for name in _INDICATOR),
)
"""The values of an own measure that :func:`read` needs, for pages that gather all their lists at once."""


def read(row: Any) -> OwnTerm:
    """Return a row of the values ``OF_TERM`` as conditions and pages read it."""
    made = OwnMeasure(**{name: getattr(row, name) for name in _OWN})
    if made.attribute_id is not None:
        parts = {name: getattr(row, f"attribute__{name}") for name in _ATTRIBUTE}
        made.attribute = Attribute(pk=made.attribute_id, **parts)
    else:
        parts = {name: getattr(row, f"indicator__{name}") for name in _INDICATOR}
        made.indicator = Indicator(pk=made.indicator_id, **parts)
    return term_of(made)


def _choices(attribute: Attribute) -> tuple[tuple[str, str, str], ...]:
    named = attribute.choice_labels
    return tuple((str(code), *named.get(code, (str(code), str(code)))) for code in attribute.choices)


# --- Its value as SQL ----------------------------------------------------------------------------
@dataclass(frozen=True)
class TheOne(Customers):
    """The one customer of the outer row."""

    outer: str = ""

    def condition(self, column: str) -> str:
        """Return the condition on a column that holds the customer's id."""
        return f"{column} = {self.outer}"


_ATTRIBUTES = Source("attributes", "", AttributeValue._meta.label, ("attribute_id", "occurred_at"))
_INDICATORS = Source(
    "indicator_values",
    "",
    IndicatorValue._meta.label,
    ("indicator_id", "occurred_at", "occurred_day", "milli"),
)


def value_sql(term: OwnTerm, params: Binding, *, prefix: str = "m.") -> str:
    """Return the value of the row's customer as one expression; NULL where it is unknown.

    Only facts count that had occurred, and that were known, before the moment ``%(as_of)s``.
    """
    one = TheOne(outer=f"{prefix}customer_id")
    if term.attribute is not None:
        return _of_attribute(term, params, one)
    facts = visible_facts(_INDICATORS, one, mode=params.mode)
    within = f"FROM ({facts}) f WHERE f.indicator_id = {params.bind(term.indicator or 0)}"
    newest = "ORDER BY f.occurred_at DESC, f.id DESC LIMIT 1"
    ten = params.bind(_MILLI)
    edge = params.bind(params.today - term.days)
    match term.way:
        case Way.NEWEST:
            return f"(SELECT f.milli * {ten} {within} {newest})"
        case Way.CHANGE:
            then = f"(SELECT f.milli * {ten} {within} AND f.occurred_day <= {edge} {newest})"
            return f"((SELECT f.milli * {ten} {within} {newest}) - {then})"
        case Way.WORST:
            worst = "min" if term.is_lower_worse else "max"
            return f"(SELECT {worst}(f.milli) * {ten} {within} AND f.occurred_day > {edge})"
        case Way.AVERAGE:
            # Of whole thousandths, cut off: a sum of whole numbers is exact on both databases.
            average = "CAST(sum(f.milli) AS bigint) / count(f.milli)"
            return f"(SELECT {average} * {ten} {within} AND f.occurred_day > {edge})"
        case Way.DAYS_SINCE_VALUE:
            return f"(%(today)s - (SELECT max(f.occurred_day) {within}))"
    raise TypeError(f"{term.way} is no way of an indicator")


def _of_attribute(term: OwnTerm, params: Binding, one: Customers) -> str:
    column = {Unit.COUNT: "number", Unit.CODE: "choice", Unit.FLAG: "choice"}.get(term.unit, "day")
    source = Source(_ATTRIBUTES.code, "", _ATTRIBUTES.fact, (*_ATTRIBUTES.columns, column))
    facts = visible_facts(source, one, mode=params.mode)
    newest = (
        f"FROM ({facts}) f WHERE f.attribute_id = {params.bind(term.attribute or 0)} "
        "ORDER BY f.occurred_at DESC, f.id DESC LIMIT 1"
    )
    value = f"(SELECT f.{column} {newest})"
    match term.way:
        case Way.NUMBER:
            fits = f"abs(f.number) < {params.bind(_MOST)}"
            return f"(SELECT CASE WHEN {fits} THEN round(f.number * {params.bind(SCALE)}) END {newest})"
        case Way.DAYS_SINCE:
            return f"(%(today)s - {value})"
        case Way.DAYS_UNTIL:
            return f"({value} - %(today)s)"
        case Way.CHOICE:
            return f"nullif({value}, {params.bind('')})"
        case Way.IS_CHOICE:
            said = f"SELECT nullif({value}, {params.bind('')}) AS one"
            chosen = f"CASE WHEN v.one = {params.bind(term.choice)} THEN 1 ELSE 0 END"
            return f"(SELECT {chosen} FROM ({said}) v WHERE v.one IS NOT NULL)"
    return value


# --- Frozen into the evidence of a warning -------------------------------------------------------
MOST_FROZEN_CHOICES = 20


def frozen_sql(term: OwnTerm, params: Binding, *, prefix: str) -> str:
    """Return SQL that makes the JSON of a value, with all that is needed to tell it: see :func:`thawed`."""
    value = value_sql(term, params, prefix=prefix)
    if term.unit == Unit.CODE:
        text = dialect.json_text(value)
    else:
        text = f"coalesce(CAST(CAST({value} AS bigint) AS text), 'null')"
    choices = term.choices if len(term.choices) <= MOST_FROZEN_CHOICES else ()
    told = {"choices": choices, "en": term.label_en, "way": term.way.value, "words": term.words}
    rest = json.dumps({**told, "zh": term.label_zh}, ensure_ascii=False, separators=(",", ":"))
    before, after = params.bind('{"value":'), params.bind(f",{rest[1:]}")
    return f"(CAST({before} AS text) || {text} || CAST({after} AS text))"


def thawed(key: str, frozen: Mapping[str, Any]) -> OwnTerm:
    """Return an own measure as it was when a warning froze its value."""
    return OwnTerm(
        pk=0,
        code=key.removeprefix(PREFIX),
        label_en=frozen["en"],
        label_zh=frozen["zh"],
        way=Way(frozen["way"]),
        choices=tuple((code, english, chinese) for code, english, chinese in frozen["choices"]),
        words=frozen["words"],
    )


# --- Values and coverage -------------------------------------------------------------------------
class _Bound:
    """The parameters of a statement about own measures as they stand."""

    mode: Mode = "live"

    def __init__(self, *, as_of: datetime) -> None:
        self.today = today(as_of).number
        self.values: dict[str, Any] = {"today": self.today, "as_of": dialect.bind_moment(as_of)}

    def bind(self, value: int | str) -> str:
        name = f"c{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"


def values_of(
    customer_ids: Sequence[int], terms: Iterable[OwnTerm], *, at: datetime
) -> dict[int, dict[str, int | str | None]]:
    """Return the own measures of some customers, by customer and name. One query."""
    listed = list(terms)
    if not listed or not customer_ids:
        return {pk: {} for pk in customer_ids}
    bound = _Bound(as_of=at)
    columns = ", ".join(value_sql(term, bound) for term in listed)
    customers = only(list(customer_ids))
    rows = f"SELECT id AS customer_id FROM customers_customer WHERE {customers.condition('id')}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT m.customer_id, {columns} FROM ({rows}) m", {**bound.values, **customers.parameters()}
        )
        return {
            row[0]: {term.key: _whole(value) for term, value in zip(listed, row[1:], strict=True)}
            for row in cursor.fetchall()
        }


def _whole(value: Any) -> int | str | None:
    return value if value is None or isinstance(value, str) else int(value)


def counted(terms: Iterable[OwnTerm], *, table: str, at: datetime) -> dict[str, int]:
    """Return of how many customers of the wide table each own measure is known. One query."""
    listed = list(terms)
    if not listed:
        return {}
    bound = _Bound(as_of=at)
    counts = ", ".join(f"count(*) FILTER (WHERE {value_sql(term, bound)} IS NOT NULL)" for term in listed)
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT {counts} FROM "{table}" m', bound.values)
        return dict(zip((term.key for term in listed), cursor.fetchone(), strict=True))


def newest_days(terms: Iterable[OwnTerm], *, day: int) -> dict[str, int | None]:
    """Return the local day of the newest fact behind each own measure, by ``day``. Two queries."""
    found: dict[tuple[str, int], int | None] = {}
    for model, name in ((AttributeValue, "attribute"), (IndicatorValue, "indicator")):
        table = model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {name}_id, max(occurred_day) FROM {table}"
                f" WHERE occurred_day <= %s AND NOT void GROUP BY {name}_id",
                [day],
            )
            found |= {(name, pk): newest for pk, newest in cursor.fetchall()}
    return {
        term.key: found.get(
            ("attribute", term.attribute) if term.attribute else ("indicator", term.indicator or 0)
        )
        for term in terms
    }
