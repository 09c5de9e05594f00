"""A rule made ready for the scan: its condition as SQL, and which columns prove it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from retention.measures import Unit, get, stored
from retention.measures.expressions import Row
from retention.measures.own import OwnTerm
from retention.models import EarlyWarning, RuleState, WarningRule
from retention.models.rules import CaseKind
from retention.rules import terms
from retention.rules.conditions import Condition, OfOwn, Terms

ALWAYS_SHOWN = ("spend_365d",)
"""Measures that every evidence keeps, because every sentence says what the customer is worth."""

SHOWN_WITH: Mapping[str, tuple[str, ...]] = {
    "complaints_overdue": ("complaint_due_day",),
    "complaints_reopened_open": ("last_reopened_day",),
    "overdue_ratio": ("last_order_day", "order_days", "order_span_days"),
}
"""Measures that the sentence about another one needs."""

AS_OF_DAY = "as_of_day"


@dataclass(frozen=True)
class Compiled:
    """One version of a rule with its condition, and the stored columns and own measures of its evidence.

    ``hold_days``: how long it must have held. ``clear``: what ends a warning; without it, that the
    condition is not met any more. ``no_case``: why none of its warnings opens a case, by its own
    (``EarlyWarning.NoCase``). ``is_held_out_of``: customers are drawn before they get a warning.
    """

    rule_id: int
    code: str
    version: int
    severity: int
    cool_down_days: int
    condition: Condition
    evidence: tuple[str, ...]
    own: tuple[OwnTerm, ...] = ()
    hold_days: int = 0
    clear: Condition | None = None
    no_case: str = ""
    is_held_out_of: bool = False


def compile_rule(rule: WarningRule, *, known: Terms | None = None) -> Compiled:
    """Return the rule compiled; raise :class:`ConditionRefused` when its condition no longer stands.

    ``known``: the attributes and segments that there are; asked for when a condition names one and it is
    not given.
    """
    condition = terms.read(rule.condition, terms=known)
    clear = terms.read(rule.clear_condition, terms=known) if rule.clear_condition else None
    return Compiled(
        rule_id=rule.pk,
        code=rule.code,
        version=rule.version,
        severity=rule.severity,
        cool_down_days=rule.cool_down_days,
        condition=condition,
        evidence=evidence_columns(condition),
        own=own_read(condition),
        hold_days=rule.hold_days,
        clear=clear,
        no_case=_no_case(rule),
        is_held_out_of=(
            rule.holdout_from is not None
            and rule.state in (RuleState.LIMITED, RuleState.LIVE)
            and may_hold_out(rule, condition)
        ),
    )


def may_hold_out(rule: WarningRule, condition: Condition) -> bool:
    """Say whether customers may be held out of a rule: never of one that recovers, or reads complaints."""
    if rule.case_kind == CaseKind.RECOVERY:
        return False
    return all(get(column).source != "complaints" for column in condition.columns())


def _no_case(rule: WarningRule) -> str:
    """Return why a rule opens no case at once, whoever it is about."""
    if rule.state == RuleState.SHADOW:
        return EarlyWarning.NoCase.SHADOW
    if not rule.opens_work:
        return EarlyWarning.NoCase.WARNS_ONLY
    return EarlyWarning.NoCase.CAP if rule.state == RuleState.LIMITED else ""


def evidence_columns(condition: Condition) -> tuple[str, ...]:
    """Return the stored columns that a warning keeps: what the condition reads and what is told with it."""
    told = [*ALWAYS_SHOWN, *(code for read in condition.measures() for code in SHOWN_WITH.get(read, ()))]
    there = {measure.code for measure in stored()}
    return tuple(sorted(condition.columns() | (set(told) & there)))


def own_read(condition: Condition) -> tuple[OwnTerm, ...]:
    """Return the own measures that a condition asks for, each once."""
    found = {leaf.term.key: leaf.term for leaf in condition.leaves() if isinstance(leaf, OfOwn)}
    return tuple(found[key] for key in sorted(found))


def evidence_sql(
    columns: Iterable[str], *, prefix: str, today: str, own: Mapping[str, str] | None = None
) -> str:
    """Return SQL that makes the canonical JSON of ``columns`` and the day; ``today`` is a placeholder.

    Keys in order, no blanks, whole numbers, codes and null only, so that both databases and
    :func:`canonical_evidence` give the same bytes. ``own``: the JSON of own measures, as SQL by name.
    """
    made: dict[str, str] = {AS_OF_DAY: f"CAST({today} AS text)", **(own or {})}
    for code in columns:
        quoted = get(code).unit == Unit.CODE  # codes are plain ASCII words: nothing to escape
        text = f"""'"' || {prefix}{code} || '"'""" if quoted else f"CAST({prefix}{code} AS text)"
        made[code] = f"coalesce({text}, 'null')"
    pairs = [f"""'"{key}":' || {made[key]}""" for key in sorted(made)]
    return "('{' || " + " || ',' || ".join(pairs) + " || '}')"


def canonical_evidence(columns: Iterable[str], row: Row, *, today: int) -> str:
    """Return the evidence of a row of the wide table, byte for byte what the scan writes."""
    values = {AS_OF_DAY: today, **{code: row[code] for code in columns}}
    return json.dumps(values, sort_keys=True, separators=(",", ":"))
