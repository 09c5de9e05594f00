"""Why a rule speaks of one customer, or why not: each condition with the value seen, as of any moment.

Nothing is written. Whether a match opened a case is told by the warning that people may see, and by nothing
else, so that hold-out, limit, cool-down, baseline and silence share one wording (decision 14).
"""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext

from customers import company
from customers.ground.localtime import day_of, days_before
from customers.models import Customer, Objection, User
from retention.measures import compute, get
from retention.measures.compute import format_value
from retention.measures.expressions import Row
from retention.measures.own import value_sql
from retention.models import EarlyWarning, RuleState, RuleVersion, WarningRule
from retention.rules import terms
from retention.rules.conditions import (
    All,
    AnyOf,
    AttributeKind,
    Condition,
    InSegment,
    Leaf,
    Not,
    OfAttribute,
    OfOwn,
    Params,
)
from retention.rules.conditions.dated import SCALE, newest_value
from retention.rules.sentences import rule_sentence
from retention.rules.versions import content_of_version


@dataclass(frozen=True)
class Line:
    """A condition of the tree, or a group: how deep, what it asks, what was seen, whether it held."""

    depth: int
    text: str
    seen: str
    held: bool | None  # nothing when that is unknown
    is_group: bool = False


class Verdict(StrEnum):
    """What came of a rule for a customer on a day."""

    NOT_WRITTEN = "not_written"
    OFF = "off"
    OBJECTED = "objected"
    NOT_MET = "not_met"
    TOO_NEW = "too_new"
    WARNED = "warned"
    NO_CASE = "no_case"


@dataclass(frozen=True)
class Answer:
    """Why, or why not. ``earlier``: whether it held so many days before, where the rule must have held."""

    verdict: Verdict
    state: RuleState | None
    version: int | None
    lines: list[Line]
    held: bool | None
    earlier: bool | None
    hold_days: int
    warning: EarlyWarning | None


# --- One condition, one customer -------------------------------------------------------------------------
def tried(
    condition: Condition, customer: Customer, *, as_of: datetime, currency: str
) -> tuple[list[Line], bool | None]:
    """Return every condition with the value that is seen as of a moment, and whether all of it holds.

    The leaves are asked in the database by the SQL of the sweep; a bounded number of queries.
    """
    leaves = list(condition.leaves())
    today = company.today(as_of).number
    with compute.at(as_of=as_of, customers=compute.only([customer.pk])) as table:
        row = compute.values_of([customer.pk], table=table).get(customer.pk, {})
        held, seen = _ask(leaves, customer.pk, table, as_of=as_of, today=today)
    asked = _Asked(row, today, currency, iter(zip(held, seen, strict=True)))
    lines: list[Line] = []
    result = asked.walk(condition, 0, lines)
    return lines, result


def _ask(
    leaves: list[Leaf], customer: int, table: str, *, as_of: datetime, today: int
) -> tuple[list[bool | None], list[int | str | None]]:
    params = Params(today, as_of=as_of, mode="past")
    columns = []
    for leaf in leaves:
        sql = leaf.sql(params)
        columns.append(f"CASE WHEN {sql} THEN 1 WHEN NOT {sql} THEN 0 END")
        columns.append(_seen_sql(leaf, params))
    params.values["customer"] = customer
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT {", ".join(columns)} FROM "{table}" m WHERE m.customer_id = %(customer)s', params.values
        )
        found = cursor.fetchone() or (None,) * len(columns)
    held = [None if one is None else bool(one) for one in found[::2]]
    return held, list(found[1::2])


def _seen_sql(leaf: Leaf, params: Params) -> str:
    if isinstance(leaf, OfOwn):
        return value_sql(leaf.term, params)
    return newest_value(leaf.term, params, "m.") if isinstance(leaf, OfAttribute) else "NULL"


@dataclass
class _Asked:
    """The answers of the database, handed out from left to right."""

    row: Row
    today: int
    currency: str
    answers: Iterator[tuple[bool | None, int | str | None]]

    def walk(self, node: Condition, depth: int, lines: list[Line], *, negated: bool = False) -> bool | None:
        """Append the lines of a node and return whether it holds."""
        if isinstance(node, Not):
            inner = self.walk(node.part, depth, lines, negated=not negated)
            return None if inner is None else not inner
        if isinstance(node, All | AnyOf):
            place = len(lines)
            found = [self.walk(part, depth + 1, lines) for part in node.parts]
            result = _all(found) if isinstance(node, All) else _any(found)
            shown = _not(result) if negated else result
            lines.insert(place, Line(depth, _words(node, negated=negated), "", shown, is_group=True))
            return result
        held, seen = next(self.answers)
        text = rule_sentence(Not(node) if negated else node, currency=self.currency)
        lines.append(Line(depth, text, self._seen(node, seen, held), _not(held) if negated else held))
        return held

    def _seen(self, leaf: Condition, value: int | str | None, held: bool | None) -> str:
        if isinstance(leaf, OfAttribute):
            return _attribute(leaf, value)
        if isinstance(leaf, OfOwn):
            return gettext("unknown") if value is None else leaf.term.text(_kept(value))
        if isinstance(leaf, InSegment):
            return gettext("in it") if held else gettext("not in it")
        said = []
        for code in leaf.measures():
            measure = get(code)
            found = measure.read(self.row, today=self.today) if self.row else None
            if found is None:
                said.append(gettext("unknown"))
            else:
                said.append(
                    format_value(measure, found, currency=self.currency, language=get_language() or "en")
                )
        return gettext(" against ").join(said)


def _kept(value: Any) -> int | str:
    return value if isinstance(value, str) else int(value)


def _attribute(leaf: OfAttribute, value: int | str | None) -> str:
    if value is None:
        return gettext("unknown")
    if leaf.term.kind == AttributeKind.CHOICE:
        return leaf.term.label_of(str(value))
    if leaf.term.kind == AttributeKind.DATE:
        return date_format(day_of(int(value)), "DATE_FORMAT")
    if leaf.term.kind == AttributeKind.NUMBER:
        number = Decimal(value) / SCALE
        return format(number.normalize(), "f") if number != number.to_integral_value() else f"{int(number):,}"
    return str(value)


def _words(node: All | AnyOf, *, negated: bool) -> str:
    if isinstance(node, All):
        return gettext("Not all of these") if negated else gettext("All of these")
    return gettext("None of these") if negated else gettext("Any of these")


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _all(found: list[bool | None]) -> bool | None:
    return False if False in found else None if None in found else True


def _any(found: list[bool | None]) -> bool | None:
    return True if True in found else None if None in found else False


# --- Why, or why not ------------------------------------------------------------------------------------
def why(rule: WarningRule, customer: Customer, *, as_of: datetime, user: User, currency: str) -> Answer:
    """Say why a rule warned of a customer as of a moment, or why it did not, to ``user``.

    The version that stood then is asked; of a moment before the first, the first. Raises
    ``ConditionRefused`` when its condition no longer stands.
    """
    version = _version_at(rule, as_of)
    content = content_of_version(version) if version is not None else {"condition": rule.condition}
    condition = terms.read(content["condition"])
    hold_days = int(content.get("hold_days", rule.hold_days))
    lines, held = tried(condition, customer, as_of=as_of, currency=currency)
    earlier = None
    if hold_days and held:
        before = days_before(as_of, hold_days, company.today(as_of).zone)
        earlier = tried(condition, customer, as_of=before, currency=currency)[1] is True
    state = state_at(rule, as_of)
    warning = _warned(rule, customer, as_of=as_of, user=user)
    verdict = _verdict(
        state, customer, as_of=as_of, held=held, earlier=earlier, is_warned=warning is not None
    )
    number = version.version if version is not None else None
    return Answer(verdict, state, number, lines, held, earlier, hold_days, warning)


def _verdict(
    state: RuleState | None,
    customer: Customer,
    *,
    as_of: datetime,
    held: bool | None,
    earlier: bool | None,
    is_warned: bool,
) -> Verdict:
    if state is None:
        return Verdict.NOT_WRITTEN
    if state in (RuleState.DRAFT, RuleState.RETIRED):
        return Verdict.OFF
    if _objected(customer, as_of):
        return Verdict.OBJECTED
    if is_warned:
        return Verdict.WARNED
    if held is not True:
        return Verdict.NOT_MET
    return Verdict.TOO_NEW if earlier is False else Verdict.NO_CASE


def state_at(rule: WarningRule, at: datetime) -> RuleState | None:
    """Return the state that a rule was in; ``None`` before it was written."""
    if _version_at(rule, at) is None:
        return None
    last = rule.moves.filter(at__lte=at).order_by("at", "pk").last()
    if last is not None:
        return RuleState(last.after)
    following = rule.moves.order_by("at", "pk").first()
    if following is not None:
        return RuleState(following.before)
    if rule.enabled_at is not None and rule.enabled_at > at:
        return RuleState.DRAFT
    return rule.state


def _version_at(rule: WarningRule, at: datetime) -> RuleVersion | None:
    found: RuleVersion | None = rule.versions.filter(made_at__lte=at).order_by("version").last()
    return found


def _objected(customer: Customer, at: datetime) -> bool:
    standing = Objection.objects.filter(customer=customer, recorded_at__lte=at)
    return standing.filter(Q(lifted_at__isnull=True) | Q(lifted_at__gt=at)).exists()


def _warned(rule: WarningRule, customer: Customer, *, as_of: datetime, user: User) -> EarlyWarning | None:
    """Return the warning that stood then, of those that ``user`` may see."""
    seen = EarlyWarning.objects.visible_to(user).filter(rule=rule, customer=customer)  # type: ignore[attr-defined]
    stood = seen.filter(Q(closed_at__isnull=True) | Q(closed_at__gt=as_of), raised_at__lte=as_of)
    found: EarlyWarning | None = stood.order_by("-raised_at", "-pk").first()
    return found
