"""Rules and their evidence said in plain sentences, in the reader's language.

A rule's sentence says what it looks for. The sentence of a warning says what was found, from the
numbers frozen in its evidence alone: it reads the same for ever, whatever the customer did since.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, ngettext

from customers import company
from customers.ground.localtime import day_of
from retention.measures import Measure, Unit, get
from retention.measures.compute import format_value
from retention.measures.expressions import Row
from retention.models import EarlyWarning, WarningRule
from retention.rules.compile import AS_OF_DAY
from retention.rules.conditions import (
    Against,
    All,
    AnyOf,
    Between,
    Compare,
    Condition,
    ConditionRefused,
    IsKnown,
    Leaf,
    Not,
    OneOf,
    parse,
)

# --- What a rule looks for --------------------------------------------------------------------


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
    if isinstance(condition, Leaf):
        return _say_leaf(condition, currency)
    raise TypeError(f"{type(condition).__name__} has no words")


def _say_leaf(leaf: Leaf, currency: str | None) -> str:
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


# --- What a warning found ---------------------------------------------------------------------


def evidence_sentence(
    warning: EarlyWarning | str,
    rule: WarningRule | None = None,
    *,
    language: str,
    currency: str,
    with_worth: bool = True,
) -> str:
    """Return why a warning was raised: “Orders every 9 days on average; the last was 41 days ago.”

    Reads nothing but the frozen evidence (``warning.evidence``, or that text itself) and the rule's
    condition, which says what matters; of alternatives only those that hold are told. ``currency``
    is the base currency. ``with_worth`` adds what the customer paid in the past year.
    """
    if isinstance(warning, EarlyWarning):
        rule = rule or warning.rule
        evidence: Row = json.loads(warning.evidence)
    else:
        evidence = json.loads(warning)
    with translation.override(language):
        told = _Evidence(evidence, currency, language)
        said = list(dict.fromkeys(filter(None, (_tell(code, told) for code in _matters(rule, told)))))
        said += [text for text in [_worth(told)] if with_worth and text and text not in said]
        return ("" if language.startswith("zh") else " ").join(said)


@dataclass(frozen=True)
class _Evidence:
    """The frozen numbers of a warning."""

    row: Row
    currency: str
    language: str

    @property
    def day(self) -> int:
        return int(self.row[AS_OF_DAY] or 0)

    def value(self, code: str) -> int | Fraction | str | None:
        """Return a measure's value as of the warning's day, ``None`` when unknown or not kept."""
        measure = get(code)
        if not measure.columns() <= self.row.keys():
            return None
        return measure.read(self.row, today=self.day)

    def whole(self, code: str) -> int | None:
        """Return a whole number."""
        value = self.value(code)
        return int(value) if value is not None else None

    def text(self, code: str) -> str:
        """Return the value as people read it."""
        return format_value(get(code), self.value(code), currency=self.currency, language=self.language)

    def date(self, code: str) -> str:
        """Return a day as people read it."""
        day = self.whole(code)
        return date_format(day_of(day), "DATE_FORMAT") if day is not None else "—"


def _matters(rule: WarningRule | None, told: _Evidence) -> Iterator[str]:
    """Yield the measures that made the rule match; all that were kept when its condition is gone."""
    try:
        condition = parse(rule.condition) if rule is not None else None
    except ConditionRefused:
        condition = None
    if condition is None:
        yield from (code for code in told.row if code != AS_OF_DAY)
        return
    yield from (code for leaf in _holding(condition, told, wanted=True) for code in leaf.codes())


def _holding(condition: Condition, told: _Evidence, *, wanted: bool) -> Iterator[Leaf]:
    """Yield the leaves by which a condition came out as ``wanted``."""
    if isinstance(condition, Not):
        yield from _holding(condition.part, told, wanted=not wanted)
    elif isinstance(condition, All | AnyOf):
        for part in condition.parts:
            if not part.columns() <= told.row.keys() or part.evaluate(told.row, told.day) is wanted:
                yield from _holding(part, told, wanted=wanted)
    elif isinstance(condition, Leaf):
        yield condition


def _tell(code: str, told: _Evidence) -> str:
    measure = get(code)
    if not measure.columns() <= told.row.keys():
        return ""
    if told.value(code) is None:
        return ""
    if code in _TALES:
        return _TALES[code](told)
    return gettext("%(measure)s: %(value)s.") % {"measure": measure.label, "value": told.text(code)}


def _days(number: int) -> str:
    return ngettext("%(days)s day", "%(days)s days", number) % {"days": f"{number:,}"}


def _rhythm(told: _Evidence) -> str:
    interval, since = told.value("usual_interval"), told.whole("days_since_last_order")
    if not isinstance(interval, Fraction | int) or since is None:
        return ""
    numbers = {"interval": _average_days(Fraction(interval)), "since": _days(since)}
    return gettext("Orders every %(interval)s on average; the last was %(since)s ago.") % numbers


def _average_days(interval: Fraction) -> str:
    """Return an average of days, with one decimal below ten unless it is whole."""
    exact = Decimal(interval.numerator) / Decimal(interval.denominator)
    places = Decimal("0.1") if exact < 10 else Decimal(1)
    number = exact.quantize(places, ROUND_HALF_UP)
    if number == number.to_integral_value():
        return _days(int(number))
    return gettext("%(days)s days") % {"days": number}


def _spend(told: _Evidence) -> str:
    amounts = {"now": told.text("spend_90d"), "before": told.text("spend_prev_90d")}
    return gettext("Paid %(now)s in the last 90 days, %(before)s in the 90 days before.") % amounts


def _orders(told: _Evidence) -> str:
    number = told.whole("orders_180d") or 0
    text = ngettext(
        "Placed %(orders)s order in these 180 days.", "Placed %(orders)s orders in these 180 days.", number
    )
    return text % {"orders": f"{number:,}"}


def _silence(told: _Evidence) -> str:
    since = told.whole("days_since_last_contact") or 0
    return gettext("The last contact was %(since)s ago.") % {"since": _days(since)}


def _overdue(told: _Evidence) -> str:
    number = told.whole("complaints_overdue") or 0
    text = ngettext(
        "%(complaints)s complaint is overdue: it should have been resolved by %(day)s.",
        "%(complaints)s complaints are overdue: the first should have been resolved by %(day)s.",
        number,
    )
    return text % {"complaints": f"{number:,}", "day": told.date("complaint_due_day")}


def _reopened(told: _Evidence) -> str:
    number = told.whole("complaints_reopened_open") or 0
    text = ngettext(
        "%(complaints)s complaint was opened again after it had been resolved, last on %(day)s.",
        "%(complaints)s complaints were opened again after they had been resolved, last on %(day)s.",
        number,
    )
    return text % {"complaints": f"{number:,}", "day": told.date("last_reopened_day")}


def _complaints(told: _Evidence) -> str:
    if told.value("complaints_prev_90d") is None:
        number = told.whole("complaints_90d") or 0
        text = ngettext(
            "%(complaints)s complaint in the last 90 days.",
            "%(complaints)s complaints in the last 90 days.",
            number,
        )
        return text % {"complaints": f"{number:,}"}
    numbers = {"now": told.text("complaints_90d"), "before": told.text("complaints_prev_90d")}
    return gettext("Complaints: %(now)s in the last 90 days, %(before)s in the 90 days before.") % numbers


def _contract(told: _Evidence) -> str:
    left = told.whole("days_to_contract_end") or 0
    if left == 0:
        return gettext("The contract ends today.")
    parts = {"left": _days(left), "day": told.date("contract_end_day")}
    return gettext("The contract ends in %(left)s, on %(day)s.") % parts


def _owner_gone(told: _Evidence) -> str:
    if told.value("owner_inactive"):
        return gettext("The account manager of this customer is gone.")
    return gettext("The account manager of this customer is there.")


def _owner_changed(told: _Evidence) -> str:
    since = told.whole("days_since_owner_change") or 0
    if since == 0:
        return gettext("The account manager changed today.")
    return gettext("The account manager changed %(since)s ago.") % {"since": _days(since)}


def _worth(told: _Evidence) -> str:
    if not told.value("spend_365d"):
        return ""
    return gettext("Paid %(amount)s in the past year.") % {"amount": told.text("spend_365d")}


_TALES: Mapping[str, Callable[[_Evidence], str]] = {
    "overdue_ratio": _rhythm,
    "usual_interval": _rhythm,
    "spend_90d_vs_previous": _spend,
    "orders_180d": _orders,
    "days_since_last_contact": _silence,
    "complaints_overdue": _overdue,
    "complaints_reopened_open": _reopened,
    "complaints_90d": _complaints,
    "complaints_prev_90d": _complaints,
    "days_to_contract_end": _contract,
    "owner_inactive": _owner_gone,
    "days_since_owner_change": _owner_changed,
    "spend_365d": _worth,
}
