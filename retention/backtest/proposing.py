"""Proposals: the threshold that spares a rule most cases for next to nothing, out of its kept backtests.

The figures are those of the sweep of one comparison (``thresholds``), nothing is estimated. A proposal is
taken over as a new draft beside the rule, which goes on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit, localtime
from customers.ground.audit import Actor
from customers.ground.errors import Refused
from retention import rules
from retention.backtest import thresholds
from retention.backtest.provenance import taken_back_since
from retention.backtest.running import Wish, start
from retention.backtest.span import asked
from retention.backtest.thresholds import Threshold
from retention.models import BacktestRun, RuleState, WarningRule
from retention.rules.conditions import Json
from retention.rules.versions import content_of

FORGONE = 5  # percent of what is caught that may be lost at most
FEW = 30  # alarms that must have been judged
MOST_THRESHOLDS = 5
MOST_RUNS = 200
LONGEST_NAME = 120
CHANGES = (RuleState.LIMITED, RuleState.LIVE)
_NUMBER = re.compile(r"([^\d]*)([\d.,]+)(.*)")
_OPEN = (BacktestRun.Status.WAITING, BacktestRun.Status.RUNNING)


class ProposalGone(Refused):
    code = "proposal_gone"
    message = _("This is not proposed any more: the rule or its backtests changed. Look at it again.")


class NothingToAsk(Refused):
    code = "proposal_nothing_to_ask"
    message = _("There is nothing to count: each threshold of “%(rule)s” was tried, or waits to be.")


class Because(StrEnum):
    """Why nothing is proposed."""

    OFF = "off"  # the rule opens no cases
    BROKEN = "broken"  # its condition does not stand any more
    NO_THRESHOLD = "no_threshold"
    NOT_TRIED = "not_tried"  # its version has no complete backtest
    WAITING = "waiting"  # one waits or runs
    FEW = "few"  # too few alarms were judged
    NOTHING_CAUGHT = "nothing_caught"  # no loss is known that it caught
    NONE_BETTER = "none_better"


class Counts(NamedTuple):
    """A count at the present threshold, and at the proposed one."""

    now: int
    then: int

    @property
    def change(self) -> float:
        """Return the change: −0.31 for 31 % fewer."""
        return self.then / self.now - 1


@dataclass(frozen=True)
class Proposal:
    """Another threshold in one comparison, with the counts of the sweep at both."""

    run: BacktestRun
    threshold: Threshold
    value: Decimal
    cases: Counts  # alarms
    caught: Counts  # losses foreseen

    def said(self, *, currency: str) -> str:
        """Say it in a sentence: ``45 → 52 days: −31 % cases, −3 % caught``."""
        return gettext("%(before)s → %(after)s: %(cases)s cases, %(caught)s caught") % {
            "before": _bare(
                *(self._shown(value, currency) for value in (self.threshold.present, self.value))
            ),
            "after": self._shown(self.value, currency),
            "cases": signed(self.cases.change),
            "caught": signed(self.caught.change),
        }

    def _shown(self, value: Decimal, currency: str) -> str:
        return thresholds.shown(self.threshold, value, currency=currency)


@dataclass
class Advice:
    """What is proposed for a rule, or why nothing; ``untried``: comparisons to be counted."""

    proposal: Proposal | None = None
    because: Because | None = None
    untried: list[int] = field(default_factory=list)


def advise(rule: WarningRule) -> Advice:
    """Return what is proposed for a rule: among its comparisons the one that spares most cases.

    Out of the newest complete backtest of each comparison of the rule as it stands, that no taken-back import
    made void: the row of its sweep with the fewest alarms of those that lose at most 5 % of the losses
    foreseen. Writes nothing; a bounded number of queries.
    """
    if rule.state not in CHANGES:
        return Advice(because=Because.OFF)
    try:
        found = thresholds.every(rules.read(rule.condition))[:MOST_THRESHOLDS]
    except Refused:
        return Advice(because=Because.BROKEN)
    if not found:
        return Advice(because=Because.NO_THRESHOLD)
    done, under_way = _runs(rule, found)
    untried = [one.number for one in found if one.number not in done and one.number not in under_way]
    proposals, reasons = [], set[Because]()
    for one in found:
        if one.number in done:
            best = _best(done[one.number], one)
            proposals += [best] if isinstance(best, Proposal) else []
            reasons |= {best} if isinstance(best, Because) else set()
    if proposals:
        return Advice(min(proposals, key=lambda p: (p.cases.change, -p.caught.change)), untried=untried)
    if under_way:
        return Advice(because=Because.WAITING, untried=untried)
    if not done:
        return Advice(because=Because.NOT_TRIED, untried=untried)
    order = (Because.NONE_BETTER, Because.NOTHING_CAUGHT, Because.FEW)
    return Advice(because=next(one for one in order if one in reasons), untried=untried)


def ask(rule: WarningRule, *, by: Actor | None, at: datetime) -> list[BacktestRun]:
    """Lay down a backtest for each comparison that has none; return them.

    Raises :class:`NothingToAsk`, and what ``start`` does. Side effects as ``start``, all or none.
    """
    untried = advise(rule).untried
    if not untried:
        raise NothingToAsk(rule=str(rule))
    with transaction.atomic():
        span = asked(at=at)
        return [start(rule, span=span, wish=Wish(number), by=by, at=at) for number in untried]


def adopt(
    rule: WarningRule, *, run: int, value: Decimal, by: Actor | None, at: datetime
) -> tuple[WarningRule, bool]:
    """Take a proposal over as a new draft beside its rule; return the draft, and whether it is new.

    The rule stays as it is. Who adopts the same again gets the draft that stands. Raises
    :class:`ProposalGone` unless exactly this is proposed now. Side effects: those of ``rules.save``, and
    audit ``rule.adopt``.
    """
    with transaction.atomic():
        rule = WarningRule.objects.select_for_update(no_key=True).get(pk=rule.pk)
        proposal = advise(rule).proposal
        if proposal is None or (proposal.run.pk, proposal.value) != (run, value):
            raise ProposalGone()
        if (standing := draft_of(rule, proposal)) is not None:
            return standing, False
        content: dict[str, Any] = {**content_of(rule), **_names(rule, proposal)}
        content["condition"] = _condition(rule, proposal)
        draft = WarningRule(**content)
        draft.code, draft.position, draft.replaces = _free_code(rule), rule.position, rule
        rules.save(draft, reason=_reason(rule, proposal), by=by, at=at)
        codes = {"rule": draft.code, "replaces": rule.code, "version": rule.version, "backtest": run}
        audit.record("rule.adopt", obj=draft, by=by, at=at, codes=codes | {"value": str(value)})
        return draft, True


def draft_of(rule: WarningRule, proposal: Proposal) -> WarningRule | None:
    """Return the draft beside a rule that has the proposed threshold already. One query."""
    condition = _condition(rule, proposal)
    drafts = rule.replacements.in_state(RuleState.DRAFT).order_by("pk")
    return next((draft for draft in drafts if draft.condition == condition), None)


def signed(change: float) -> str:
    """Return a change as ``−31 %``, small ones with a decimal, none as ``±0 %``."""
    percent = round(100 * change, 0 if abs(change) >= 0.0095 else 1)
    if not percent:
        return "±0 %"
    return f"{'−' if percent < 0 else '+'}{abs(percent):g} %"


# --- Out of the kept backtests -------------------------------------------------------------------------
def _runs(rule: WarningRule, found: list[Threshold]) -> tuple[dict[int, BacktestRun], set[int]]:
    """Return the newest complete backtest of each comparison, and the comparisons that are being counted."""
    mine = rule.backtests.filter(version=rule.version).order_by("-pk")
    first, numbers = found[0].number, {one.number for one in found}
    newest, under_way = dict[int, int](), set[int]()
    for pk, comparison, status in mine.values_list("pk", "comparison", "status")[:MOST_RUNS]:
        number = first if comparison is None else comparison
        if status in _OPEN:
            under_way.add(number)
        elif status == BacktestRun.Status.DONE and number in numbers:
            newest.setdefault(number, pk)
    zone = company.current().time_zone
    read = rule.backtests.in_bulk(newest.values())
    done = {
        number: read[pk]
        for number, pk in newest.items()
        if read[pk].condition == rule.condition
        and _swept(read[pk]) == number
        and taken_back_since(read[pk], zone=zone) is None
    }
    return done, under_way


def _swept(run: BacktestRun) -> int | None:
    """Return the comparison that a complete backtest moved: an earlier release could move fewer of them."""
    swept = (run.result or {}).get("thresholds")
    return None if swept is None else swept["comparison"]


def _best(run: BacktestRun, threshold: Threshold) -> Proposal | Because:
    """Return the row of a sweep that spares most, or why there is none."""
    result: dict[str, Any] = run.result or {}
    rows = result["thresholds"]["rows"]
    present = next(row for row in rows if row["value"] == result["thresholds"]["present"])
    if result["judged"] < FEW:
        return Because.FEW
    losses = result["losses"]
    before = _caught(present, losses)
    if not before:
        return Because.NOTHING_CAUGHT
    kept = [
        row
        for row in rows
        if row["alarms"] < present["alarms"] and _caught(row, losses) * 100 >= before * (100 - FORGONE)
    ]
    if not kept:
        return Because.NONE_BETTER
    best = min(kept, key=lambda row: (row["alarms"], -_caught(row, losses)))
    return Proposal(
        run,
        threshold,
        Decimal(best["value"]),
        Counts(present["alarms"], best["alarms"]),
        Counts(before, _caught(best, losses)),
    )


def _caught(row: dict[str, Any], losses: int) -> int:
    """Return how many losses a row foresaw: its recall is that number ÷ losses."""
    return round((row["recall"] or 0) * losses)


# --- The draft -----------------------------------------------------------------------------------------
def _condition(rule: WarningRule, proposal: Proposal) -> Json:
    """Return the condition of the rule with the proposed threshold."""
    read = rules.read(rule.condition)
    return thresholds.moved(read, proposal.threshold, proposal.value).as_json()


def _names(rule: WarningRule, proposal: Proposal) -> dict[str, str]:
    """Return the names of the draft: those of the rule, with the threshold behind them."""
    currency, names = company.current().base_currency, {}
    for name, language, form in (("name_en", "en", "{} ({})"), ("name_zh", "zh-hans", "{}（{}）")):
        with translation.override(language):
            value = thresholds.shown(proposal.threshold, proposal.value, currency=currency)
        most = LONGEST_NAME - len(form.format("", value))
        names[name] = form.format(getattr(rule, name)[:most], value)
    return names


def _free_code(rule: WarningRule) -> str:
    stem = f"{rule.code[:54].rstrip('-')}-next"
    taken = set(WarningRule.objects.filter(code__startswith=stem).values_list("code", flat=True))
    return next(code for code in _codes(stem) if code not in taken)


def _codes(stem: str) -> Iterable[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1


def _reason(rule: WarningRule, proposal: Proposal) -> str:
    firm = company.current()
    counted = proposal.run.finished_at or proposal.run.made_at
    return gettext(
        "In the place of “%(rule)s” (%(code)s, version %(version)s). Backtest of %(day)s: %(proposal)s."
    ) % {
        "rule": rule,
        "code": rule.code,
        "version": rule.version,
        "day": localtime.day_of(localtime.day_number(counted, firm.time_zone)).isoformat(),
        "proposal": proposal.said(currency=firm.base_currency),
    }


def _bare(before: str, after: str) -> str:
    """Return the first without the words behind its number where the second has the same: ``45``."""
    one, other = _NUMBER.fullmatch(before), _NUMBER.fullmatch(after)
    if one is None or other is None or (one[1], one[3]) != (other[1], other[3]):
        return before
    return one[1] + one[2]
