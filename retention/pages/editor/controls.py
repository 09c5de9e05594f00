"""What one may choose from: what a condition is about, how it is compared, and by which control."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext

from retention.measures import Measure, Unit, every, sources
from retention.measures.own import OwnTerm
from retention.pages.editor.draft import LeafDraft
from retention.rules.conditions import (
    ATTRIBUTE_OPERATORS,
    COUNTED,
    OPERATORS,
    TESTS,
    AttributeKind,
    AttributeTerm,
    SegmentTerm,
    Terms,
)

ORDER = ("<", "<=", "=", "!=", ">=", ">", "between", "one_of", "is_known", "is_unknown")
AGAINST = frozenset({Unit.COUNT, Unit.MONEY, Unit.DAYS, Unit.RATIO})


@dataclass(frozen=True)
class Option:
    """Something that a condition can be about."""

    what: str
    label: str
    unit: str
    help: str = ""

    @property
    def searched(self) -> str:
        """Return what the search looks into."""
        return f"{self.label} {self.help} {self.what}".casefold()


@dataclass(frozen=True)
class Options:
    """The options of one source."""

    label: str
    options: list[Option]


def options(terms: Terms, *, without: str = "") -> list[Options]:
    """Return all that a condition can be about: measures by source, attributes, segments.

    ``without``: the code of the segment whose own condition it is.
    """
    found = [
        Options(str(source.label), [_of_measure(m) for m in every().values() if m.source == source.code])
        for source in sources().values()
    ]
    made = sorted((one for one in terms.own.values() if not one.is_retired), key=lambda term: term.label)
    found.append(Options(gettext("Own measures"), [_of_own(term) for term in made]))
    attributes = sorted(terms.attributes.values(), key=lambda term: term.label)
    found.append(Options(gettext("Attributes"), [_of_attribute(term) for term in attributes]))
    offered = [one for one in terms.segments.values() if not one.is_retired and one.code != without]
    offered.sort(key=lambda term: term.name)
    found.append(Options(gettext("Segments"), [_of_segment(term) for term in offered]))
    return [group for group in found if group.options]


def _of_measure(measure: Measure) -> Option:
    return Option(f"measure:{measure.code}", str(measure.label), unit_of(measure.unit), str(measure.help))


def _of_own(term: OwnTerm) -> Option:
    return Option(f"measure:{term.key}", term.label, unit_of(term.unit), term.help)


def _of_attribute(term: AttributeTerm) -> Option:
    return Option(f"attribute:{term.code}", term.label, _KINDS()[term.kind])


def _of_segment(term: SegmentTerm) -> Option:
    return Option(f"segment:{term.code}", term.name, gettext("belongs to it or not"))


def option_of(leaf: LeafDraft, terms: Terms) -> Option | None:
    """Return what a leaf is about; ``None`` when it is nothing that there is."""
    if leaf.family == "measure" and leaf.code in every():
        return _of_measure(every()[leaf.code])
    if leaf.family == "measure" and leaf.code in terms.own:
        return _of_own(terms.own[leaf.code])
    if leaf.family == "attribute" and leaf.code in terms.attributes:
        return _of_attribute(terms.attributes[leaf.code])
    if leaf.family == "segment" and leaf.code in terms.segments:
        return _of_segment(terms.segments[leaf.code])
    return None


def unit_of(unit: Unit) -> str:
    """Return what a measure counts, in a word."""
    return {
        Unit.COUNT: gettext("number"),
        Unit.MONEY: gettext("amount"),
        Unit.DAYS: gettext("days"),
        Unit.DAY: gettext("date"),
        Unit.RATIO: gettext("ratio"),
        Unit.FLAG: gettext("yes or no"),
        Unit.CODE: gettext("choice"),
    }[unit]


def _KINDS() -> dict[AttributeKind, str]:
    return {
        AttributeKind.NUMBER: gettext("number"),
        AttributeKind.CHOICE: gettext("choice"),
        AttributeKind.DATE: gettext("date"),
        AttributeKind.TEXT: gettext("text"),
    }


# --- Comparisons -------------------------------------------------------------------------------------
def allowed_ops(leaf: LeafDraft, terms: Terms) -> list[str]:
    """Return the comparisons that a leaf allows, in order; those with another measure begin with x."""
    if leaf.family == "measure" and leaf.code in every():
        measure = every()[leaf.code]
        ops = [op for op in ORDER if op in OPERATORS[measure.unit]]
        if measure.unit in AGAINST:
            ops += [f"x{op}" for op in ORDER if op in TESTS]
        return ops
    if leaf.family == "measure" and leaf.code in terms.own:
        return [op for op in ORDER if op in OPERATORS[terms.own[leaf.code].unit]]
    if leaf.family == "attribute" and leaf.code in terms.attributes:
        kind = terms.attributes[leaf.code].kind
        return [op for op in ORDER if op in ATTRIBUTE_OPERATORS[kind]]
    return []


def first_op(leaf: LeafDraft, terms: Terms) -> str:
    """Return the comparison that one most likely wants: at least, or the same as."""
    ops = allowed_ops(leaf, terms)
    return next((op for op in (">=", "=") if op in ops), ops[0] if ops else "")


def op_label(op: str, *, is_date: bool) -> str:
    """Return a comparison in words."""
    if op.startswith("x"):
        return {
            "<": gettext("is less than … times"),
            "<=": gettext("is at most … times"),
            ">": gettext("is more than … times"),
            ">=": gettext("is at least … times"),
            "=": gettext("is exactly … times"),
            "!=": gettext("is not … times"),
        }[op[1:]]
    dates = {
        "<": gettext("is before"),
        "<=": gettext("is on or before"),
        ">": gettext("is after"),
        ">=": gettext("is on or after"),
        "=": gettext("is on"),
        "!=": gettext("is not on"),
    }
    if is_date and op in dates:
        return dates[op]
    return {
        "<": gettext("is less than"),
        "<=": gettext("is at most"),
        ">": gettext("is more than"),
        ">=": gettext("is at least"),
        "=": pgettext("comparison", "is"),
        "!=": pgettext("comparison", "is not"),
        "between": gettext("is between"),
        "one_of": gettext("is one of"),
        "is_known": gettext("is known"),
        "is_unknown": gettext("is unknown"),
    }[op]


# --- Values ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Control:
    """How the value is entered: ``kind`` of the input, how many, the unit behind it, what to choose from."""

    kind: str  # none, number, date, text, choice, choices, numbers, against
    count: int = 1
    unit: str = ""
    choices: tuple[tuple[str, str | Promise], ...] = ()


def control_of(leaf: LeafDraft, terms: Terms, *, currency: str) -> Control:
    """Return the control for the value of a leaf."""
    count = 2 if leaf.op == "between" else 1
    if leaf.family == "segment" or leaf.op in ("is_known", "is_unknown", ""):
        return Control("none")
    if leaf.op.startswith("x"):
        return Control("against")
    if leaf.family == "attribute":
        return _for_attribute(terms.attributes[leaf.code], leaf.op, count)
    made = terms.own.get(leaf.code)
    unit = made.unit if made else every()[leaf.code].unit
    match unit:
        case Unit.FLAG:
            return Control("choice", choices=(("1", gettext("yes")), ("0", gettext("no"))))
        case Unit.CODE:
            listed = [(code, made.label_of(code)) for code, _en, _zh in made.choices] if made else None
            choices = every()[leaf.code].choices if listed is None else tuple(listed)
            return Control("choices" if leaf.op == "one_of" else "choice", choices=choices)
        case Unit.DAY:
            return Control("date", count)
        case Unit.MONEY:
            return Control("number", count, currency)
    words = gettext("days") if unit == Unit.DAYS else made.words if made else ""
    return Control("numbers" if leaf.op == "one_of" else "number", count, words)


def _for_attribute(term: AttributeTerm, op: str, count: int) -> Control:
    match term.kind:
        case AttributeKind.CHOICE:
            choices = tuple((code, term.label_of(code)) for code, _en, _zh in term.choices)
            return Control("choices" if op == "one_of" else "choice", choices=choices)
        case AttributeKind.DATE:
            return Control("date", count)
        case AttributeKind.TEXT:
            return Control("texts" if op == "one_of" else "text")
    return Control("numbers" if op == "one_of" else "number", count)


def comparable(code: str) -> Iterator[Options]:
    """Yield, by source, the measures that the one called ``code`` can be compared with."""
    mine = every()[code]
    for source in sources().values():
        among = [
            m for m in every().values() if m.source == source.code and m.code != code and _alike(mine, m)
        ]
        if among:
            yield Options(str(source.label), [_of_measure(m) for m in among])


def _alike(one: Measure, other: Measure) -> bool:
    if one.unit == other.unit:
        return one.unit in COUNTED or one.unit == Unit.RATIO
    return {one.unit, other.unit} == {Unit.DAYS, Unit.RATIO}
