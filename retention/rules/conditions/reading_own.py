"""Reading the leaves about own measures: what is wrong is refused, with its place and the cure."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from django.utils.translation import gettext_lazy as _

from retention.measures.own import PREFIX, SCALE, OwnTerm
from retention.measures.registry import Unit
from retention.rules.conditions.numbers import exact_number
from retention.rules.conditions.own import OfOwn
from retention.rules.conditions.reading_values import choice, day, values
from retention.rules.conditions.terms import Terms
from retention.rules.conditions.vocabulary import (
    KNOWING,
    LARGEST_OF_ATTRIBUTES,
    OPERATORS,
    ConditionRefused,
    Json,
    Path,
)

LARGEST_DAYS = Decimal(1_000_000)


def names_own(data: Json) -> bool:
    """Say whether a leaf is about an own measure."""
    return isinstance(data.get("measure"), str) and data["measure"].startswith(PREFIX)


def own_leaf(data: dict[str, Json], path: Path, *, terms: Terms) -> OfOwn:
    """Read ``{"measure": "own.code", "op": …, "value": …}``."""
    term = _term(data["measure"], path / "measure", terms)
    for key in data:
        if key in ("other", "factor"):
            raise ConditionRefused(
                _("%(path)s: own measures are compared with a value. Choose one."), path=path / key
            )
        if key not in ("measure", "op", "value", "unknown"):
            raise ConditionRefused(
                _("%(path)s: “%(word)s” is not a part of a condition. Remove it."),
                path=path,
                word=str(key)[:64],
            )
    op = data.get("op")
    allowed = OPERATORS[term.unit]
    if not isinstance(op, str) or op not in allowed:
        raise ConditionRefused(
            _("%(path)s: “%(measure)s” cannot be compared by “%(op)s”. Choose one of: %(allowed)s."),
            path=path / "op",
            measure=term.label,
            op=str(op)[:16],
            allowed=", ".join(sorted(allowed)),
        )
    if op in KNOWING:
        if "unknown" in data:
            raise ConditionRefused(
                _("%(path)s: whether a measure is known is never unknown. Remove it."), path=path / "unknown"
            )
        if "value" in data:
            raise ConditionRefused(
                _("%(path)s: known and unknown are asked without a value. Remove it."), path=path / "value"
            )
        return OfOwn(term, op)
    said = data.get("unknown", "no")
    if said not in ("yes", "no"):
        raise ConditionRefused(
            _("%(path)s: say “yes” if unknown shall count as a match, else “no”."), path=path / "unknown"
        )
    return OfOwn(term, op, _values(term, op, data.get("value"), path / "value"), said == "yes")


def _term(code: str, path: Path, terms: Terms) -> OwnTerm:
    if code not in terms.own:
        raise ConditionRefused(
            _("%(path)s: there is no measure called “%(measure)s”. Choose one from the list."),
            path=path,
            measure=code[:64],
        )
    if terms.own[code].is_retired:
        raise ConditionRefused(
            _("%(path)s: the measure “%(measure)s” is retired. Bring it back, or choose another one."),
            path=path,
            measure=terms.own[code].label,
        )
    return terms.own[code]


def _values(term: OwnTerm, op: str, value: Json, path: Path) -> tuple[int | str, ...]:
    return values(op, value, path, one=partial(_value, term), number=partial(_whole, term))


def _value(term: OwnTerm, value: Json, path: Path) -> int | str:
    if term.unit != Unit.CODE:
        return _whole(term, value, path)
    codes = [code for code, _en, _zh in term.choices]
    return choice(value, path, codes=codes, label=str(term.label))


def _whole(term: OwnTerm, value: Json, path: Path) -> int:
    """Return a threshold as its value is kept: a day's number, days, yes or no, ten-thousandths."""
    match term.unit:
        case Unit.FLAG:
            if value in (0, 1, "0", "1"):  # also false and true
                return int(value)
            raise ConditionRefused(_("%(path)s: answer with yes (1) or no (0)."), path=path)
        case Unit.DAY:
            return day(value, path)
        case Unit.DAYS:
            days = exact_number(value, path, most=LARGEST_DAYS)
            if days != days.to_integral_value():
                raise ConditionRefused(_("%(path)s: write a whole number."), path=path)
            return int(days)
    return int(exact_number(value, path, most=LARGEST_OF_ATTRIBUTES) * SCALE)
