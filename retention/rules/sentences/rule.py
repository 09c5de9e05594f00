"""What a rule looks for, as a sentence."""

from __future__ import annotations

from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import get_language, gettext

from customers import company
from customers.ground.localtime import day_of
from retention.measures import Measure, Unit, get
from retention.measures.compute import format_value
from retention.rules.conditions import (
    Against,
    All,
    AnyOf,
    AttributeKind,
    Between,
    Compare,
    Condition,
    InSegment,
    IsKnown,
    Not,
    OfAttribute,
    OfMeasure,
    OfOwn,
    OneOf,
    OrUnknown,
)
from retention.rules.conditions.dated import SCALE


def rule_sentence(condition: Condition, *, currency: str | None = None) -> str:
    """Return a condition as one sentence in the active language.

    Amounts are written in ``currency``, the company's base currency when not given.
    """
    return gettext("%(condition)s.") % {"condition": _say(condition, currency, top=True)}


def _say(condition: Condition, currency: str | None, *, top: bool = False) -> str:
    if isinstance(condition, All | AnyOf):
        parts = [_say(part, currency) for part in condition.parts]
        if len(parts) == 1:
            return parts[0]
        said = parts[0]
        for part in parts[1:]:
            pair = {"first": said, "second": part}
            if isinstance(condition, All):
                said = gettext("%(first)s and %(second)s") % pair
            else:
                said = gettext("%(first)s or %(second)s") % pair
        return said if top else gettext("(%(group)s)") % {"group": said}
    if isinstance(condition, Not):
        return gettext("it is not so that %(condition)s") % {"condition": _say(condition.part, currency)}
    if isinstance(condition, OrUnknown):
        said_of = {"comparison": _say_leaf(condition.of, currency)}
        return gettext("(%(comparison)s, or this is unknown)") % said_of
    if isinstance(condition, OfMeasure):
        return _say_leaf(condition, currency)
    if isinstance(condition, OfAttribute):
        return _say_attribute(condition)
    if isinstance(condition, OfOwn):
        said = _said(condition.term.label, condition.op, [condition.term.text(v) for v in condition.values])
        return (
            gettext("(%(comparison)s, or this is unknown)") % {"comparison": said}
            if condition.or_unknown
            else said
        )
    if isinstance(condition, InSegment):
        return gettext("the customer is in the segment “%(segment)s”") % {"segment": condition.term.name}
    raise TypeError(f"{type(condition).__name__} has no words")


def _say_leaf(leaf: OfMeasure, currency: str | None) -> str:
    measure = get(leaf.measure)
    named: dict[str, object] = {"measure": gettext("“%(label)s”") % {"label": measure.label}}
    match leaf:
        case Against():
            named |= {
                "factor": format(leaf.factor.normalize(), "f"),
                "other": gettext("“%(label)s”") % {"label": get(leaf.other).label},
            }
            return (_against_itself(leaf) if leaf.factor == 1 else _against_times(leaf)) % named
        case Between():
            named |= {
                "low": _value(measure, leaf.low, currency),
                "high": _value(measure, leaf.high, currency),
            }
            return gettext("%(measure)s is between %(low)s and %(high)s") % named
        case OneOf():
            named["values"] = gettext(", ").join(_value(measure, one, currency) for one in leaf.values)
            return gettext("%(measure)s is one of %(values)s") % named
        case IsKnown():
            return (
                gettext("%(measure)s is known") if leaf.known else gettext("%(measure)s is unknown")
            ) % named
        case Compare():
            named["value"] = _value(measure, leaf.value, currency)
            return _compared(leaf.op) % named
    raise TypeError(f"{type(leaf).__name__} has no words")


def _say_attribute(leaf: OfAttribute) -> str:
    return _said(leaf.term.label, leaf.op, [_attribute_value(leaf, one) for one in leaf.values])


def _said(label: str, op: str, values: list[str]) -> str:
    named = {"measure": gettext("“%(label)s”") % {"label": label}}
    match op:
        case "between":
            named |= {"low": values[0], "high": values[1]}
            return gettext("%(measure)s is between %(low)s and %(high)s") % named
        case "one_of":
            named["values"] = gettext(", ").join(values)
            return gettext("%(measure)s is one of %(values)s") % named
        case "is_known":
            return gettext("%(measure)s is known") % named
        case "is_unknown":
            return gettext("%(measure)s is unknown") % named
    return _compared(op) % {**named, "value": values[0]}


def _attribute_value(leaf: OfAttribute, value: int | str) -> str:
    if isinstance(value, str):
        written = leaf.term.label_of(value) if leaf.term.kind == AttributeKind.CHOICE else value
        return gettext("“%(label)s”") % {"label": written}
    if leaf.term.kind == AttributeKind.DATE:
        return date_format(day_of(value), "DATE_FORMAT")
    number = Decimal(value) / SCALE
    return f"{number:,f}" if number == number.to_integral_value() else format(number.normalize(), "f")


def _compared(op: str) -> str:
    return {
        "<": gettext("%(measure)s is less than %(value)s"),
        "<=": gettext("%(measure)s is at most %(value)s"),
        ">": gettext("%(measure)s is more than %(value)s"),
        ">=": gettext("%(measure)s is at least %(value)s"),
        "=": gettext("%(measure)s is %(value)s"),
        "!=": gettext("%(measure)s is not %(value)s"),
    }[op]


def _against_itself(leaf: Against) -> str:
    return {
        "<": gettext("%(measure)s is less than %(other)s"),
        "<=": gettext("%(measure)s is at most %(other)s"),
        ">": gettext("%(measure)s is more than %(other)s"),
        ">=": gettext("%(measure)s is at least %(other)s"),
        "=": gettext("%(measure)s is the same as %(other)s"),
        "!=": gettext("%(measure)s is not the same as %(other)s"),
    }[leaf.op]


def _against_times(leaf: Against) -> str:
    return {
        "<": gettext("%(measure)s is less than %(factor)s times %(other)s"),
        "<=": gettext("%(measure)s is at most %(factor)s times %(other)s"),
        ">": gettext("%(measure)s is more than %(factor)s times %(other)s"),
        ">=": gettext("%(measure)s is at least %(factor)s times %(other)s"),
        "=": gettext("%(measure)s is %(factor)s times %(other)s"),
        "!=": gettext("%(measure)s is not %(factor)s times %(other)s"),
    }[leaf.op]


def _value(measure: Measure, value: Decimal | int | str, currency: str | None) -> str:
    """Return a threshold as people write it; decimals as they stand in the rule, never rounded."""
    if isinstance(value, str):
        return str(dict(measure.choices).get(value, value))
    number = Decimal(value)
    whole = number == number.to_integral_value()
    if measure.unit == Unit.RATIO or not whole:
        return format(number.normalize(), "f")
    money = currency or (company.current().base_currency if measure.unit == Unit.MONEY else "")
    return format_value(measure, int(number), currency=money, language=get_language() or "en")
