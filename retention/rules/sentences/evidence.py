"""What a warning found, told from its frozen evidence alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.utils import translation
from django.utils.translation import gettext

from retention.measures import get
from retention.measures.expressions import Row
from retention.measures.own import thawed
from retention.models import EarlyWarning, WarningRule
from retention.rules.compile import AS_OF_DAY
from retention.rules.conditions import (
    MEASURES_ONLY,
    All,
    AnyOf,
    Condition,
    ConditionRefused,
    Leaf,
    Not,
    OfOwn,
    OrUnknown,
    Terms,
    parse,
)
from retention.rules.sentences.tales import TALES, Evidence, worth


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
        kept: dict[str, Any] = json.loads(warning.evidence)
    else:
        kept = json.loads(warning)
    own = {key: thawed(key, one) for key, one in kept.items() if isinstance(one, dict)}
    evidence: Row = {key: one["value"] if key in own else one for key, one in kept.items()}
    with translation.override(language):
        told = Evidence(evidence, currency, language, own)
        said = list(dict.fromkeys(filter(None, (_tell(*matter, told) for matter in _matters(rule, told)))))
        said += [text for text in [worth(told)] if with_worth and text and text not in said]
        return ("" if language.startswith("zh") else " ").join(said)


def _matters(rule: WarningRule | None, told: Evidence) -> Iterator[tuple[str, bool]]:
    """Yield the measures that made the rule match, and whether it may be by being unknown.

    All that were kept when its condition is gone, or speaks of none that held: an attribute or a segment
    leaves no evidence.
    """
    try:
        known = Terms(own=told.own) if told.own else MEASURES_ONLY
        tree = _of_measures(rule.condition) if rule is not None else None
        condition = parse(tree, terms=known) if tree is not None else None
    except ConditionRefused:
        condition = None
    holding = list(_holding(condition, told, wanted=True)) if condition is not None else []
    if not holding:
        yield from ((code, False) for code in told.row if code != AS_OF_DAY)
    for leaf in holding:
        if isinstance(leaf, OfOwn):
            yield leaf.term.key, leaf.or_unknown
        yield from ((code, isinstance(leaf, OrUnknown)) for code in leaf.codes())


def _of_measures(tree: Any) -> Any:
    """Return a stored tree without what it says of attributes and segments; nothing when that was all."""
    if not isinstance(tree, dict) or "attribute" in tree or "segment" in tree:
        return None
    for word in ("all", "any"):
        if isinstance(tree.get(word), list):
            parts = [part for part in map(_of_measures, tree[word]) if part is not None]
            return {word: parts} if parts else None
    if "not" in tree:
        part = _of_measures(tree["not"])
        return None if part is None else {"not": part}
    return tree


def _holding(condition: Condition, told: Evidence, *, wanted: bool) -> Iterator[Leaf]:
    """Yield the leaves by which a condition came out as ``wanted``."""
    if isinstance(condition, Not):
        yield from _holding(condition.part, told, wanted=not wanted)
    elif isinstance(condition, All | AnyOf):
        for part in condition.parts:
            if not part.columns() <= told.row.keys() or part.evaluate(told.row, told.day) is wanted:
                yield from _holding(part, told, wanted=wanted)
    elif isinstance(condition, Leaf):
        yield condition


def _tell(code: str, may_be_unknown: bool, told: Evidence) -> str:
    if code in told.own:
        term, found = told.own[code], told.row[code]
        if found is None:
            return gettext("%(measure)s: unknown.") % {"measure": term.label} if may_be_unknown else ""
        return gettext("%(measure)s: %(value)s.") % {"measure": term.label, "value": term.text(found)}
    measure = get(code)
    if not measure.columns() <= told.row.keys():
        return ""
    if told.value(code) is None:
        return gettext("%(measure)s: unknown.") % {"measure": measure.label} if may_be_unknown else ""
    if code in TALES:
        return TALES[code](told)
    return gettext("%(measure)s: %(value)s.") % {"measure": measure.label, "value": told.text(code)}
