"""The part of SurveyJS expressions that our conditions can say: comparisons joined by *and*, or by *or*."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.utils.translation import gettext as _

from surveys.definition import SCALES, VALUELESS, Json, Kind, Op

_NUMBER = r"-?\d+(?:\.\d+)?"
_TEST = re.compile(
    r"^\{\s*(?P<name>[^{}]+?)\s*\}\s*"
    r"(?P<op><=|>=|==|=|<>|!=|<|>|\bnotempty\b|\bempty\b|\bcontains\b|\bnotcontains\b|\banyof\b)"
    r"\s*(?P<value>.*)$",
    re.I,
)
_EMPTY = {"empty": Op.NOT_ANSWERED, "notempty": Op.ANSWERED}


class NotSaid(Exception):
    """An expression that our conditions cannot say; its text says why."""


def split(text: str) -> tuple[str, list[str]]:
    """Return whether all or any of the parts must hold, and the parts.

    Raises :class:`NotSaid` for brackets, and for *and* beside *or*.
    """
    pieces = _outside_quotes(text)
    if "(" in pieces or ")" in pieces:
        raise NotSaid(_("brackets and functions are not taken over"))
    words = {word.lower() for word in re.findall(r"\s(and|or|&&|\|\|)\s", pieces, re.I)}
    kinds = {"and" if word in ("and", "&&") else "or" for word in words}
    if len(kinds) > 1:
        raise NotSaid(_("“and” beside “or” is not taken over"))
    parts, start = [], 0
    for found in re.finditer(r"\s(?:and|or|&&|\|\|)\s", pieces, re.I):
        parts.append(text[start : found.start()].strip())
        start = found.end()
    return ("any" if kinds == {"or"} else "all"), [*parts, text[start:].strip()]


def test_of(text: str, codes: Mapping[str, Json], values: Mapping[str, Mapping[str, str]]) -> Json:
    """Return our comparison for one of SurveyJS.

    Args:
        codes: our question, by the name there. ``values``: our codes of its values, by the same name.

    Raises :class:`NotSaid`.
    """
    found = _TEST.match(text)
    if found is None:
        raise NotSaid(_("“%(text)s” is no comparison that is taken over") % {"text": text[:80]})
    name, op, value = found["name"], found["op"].lower(), found["value"].strip()
    question = codes.get(name)
    if question is None:
        raise NotSaid(_("“%(text)s” is no question before it") % {"text": name[:80]})
    if op in _EMPTY:
        return {"question": question["code"], "op": str(_EMPTY[op])}
    kind = Kind(question["kind"])
    if kind in SCALES:
        return {"question": question["code"], **_scale(op, value)}
    quoted = re.fullmatch(r"['\"](.*)['\"]|(true|false|" + _NUMBER + ")", value, re.I)
    if quoted is None:
        raise NotSaid(_("“%(text)s” is no value that is taken over") % {"text": value[:80]})
    plain = quoted[1] if quoted[1] is not None else quoted[2].lower()
    code = values.get(name, {}).get(plain)
    ours = _OF_CHOICES.get((kind, op))
    if ours is None or code is None:
        raise NotSaid(_("“%(text)s” is no comparison that is taken over") % {"text": text[:80]})
    if kind == Kind.YES_NO and op in ("<>", "!="):
        code = {"yes": "no", "no": "yes"}[code]
    return {"question": question["code"], "op": str(ours), "value": code}


_OF_CHOICES = {
    **{(Kind.SINGLE, op): Op.IS for op in ("=", "==")},
    **{(Kind.SINGLE, op): Op.IS_NOT for op in ("<>", "!=")},
    **{(Kind.YES_NO, op): Op.IS for op in ("=", "==", "<>", "!=")},
    (Kind.MULTIPLE, "contains"): Op.INCLUDES,
    (Kind.MULTIPLE, "notcontains"): Op.EXCLUDES,
}


def _scale(op: str, value: str) -> Json:
    if not re.fullmatch(r"['\"]?-?\d+['\"]?", value):
        raise NotSaid(_("“%(text)s” is no whole number") % {"text": value[:80]})
    number = int(value.strip("'\""))
    ours: dict[str, tuple[Op, int]] = {
        "<=": (Op.AT_MOST, 0), ">=": (Op.AT_LEAST, 0), "=": (Op.EQUAL, 0), "==": (Op.EQUAL, 0),
        "<": (Op.AT_MOST, -1), ">": (Op.AT_LEAST, 1),
    }  # fmt: skip
    if op not in ours:
        raise NotSaid(_("“%(text)s” of a scale is not taken over") % {"text": op})
    said, shift = ours[op]
    return {"op": str(said), "value": number + shift}


def written(condition: Json, kinds: Mapping[str, Kind]) -> str:
    """Return a condition of ours as an expression of SurveyJS."""
    joined = " or " if condition["match"] == "any" else " and "
    return joined.join(_written(test, kinds[test["question"]]) for test in condition["tests"])


def _written(test: Json, kind: Kind) -> str:
    name, op = f"{{{test['question']}}}", Op(test["op"])
    if op in VALUELESS:
        return f"{name} {'notempty' if op == Op.ANSWERED else 'empty'}"
    value = test["value"]
    if kind in SCALES:
        return f"{name} {op} {value}"
    if kind == Kind.YES_NO:
        return f"{name} = {'true' if value == 'yes' else 'false'}"
    theirs = {Op.IS: "=", Op.IS_NOT: "<>", Op.INCLUDES: "contains", Op.EXCLUDES: "notcontains"}[op]
    return f"{name} {theirs} '{value}'"


def _outside_quotes(text: str) -> str:
    """Return the text with what stands in quotes and braces replaced by as many letters."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|\{[^{}]*\}", lambda found: "x" * len(found[0]), text)
