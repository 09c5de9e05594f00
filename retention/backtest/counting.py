"""A whole backtest, step by step: whom the rule would have told of, and what came of it.

The result is one object of plain numbers, days (ISO) and codes::

    {"rule", "version", "from", "to", "steps", "step_days", "horizon_days", "gap_days",
     "alarms", "standing_at_start", "judged", "right", "losses", "caught",
     "precision", "precision_ci": [low, high], "recall", "lead_days_median", "lead_days_p10",
     "alarms_per_week", "people", "alarms_per_person_week", "minutes_per_call", "minutes_per_week",
     "baselines": {"random", "recency", "value"}: {"precision", "recall"},
     "overlap": [{"rule", "alarms", "precision", "recall", "jaccard", "caught_by_both"}],
     "marginal_recall",
     "thresholds": {"comparison", "present", "rows": [{"value", "alarms", "alarms_per_week", "precision",
                    "recall", "lead_days_median"}]} or null,
     "loss_definitions": {definition: losses}, "facts", "assumed_share", "ingested_until",
     "by_step": [{"day", "at_risk", "matches", "alarms"}], "failed_rules": {rule: code}}

What cannot be said is null: precision and recall where no loss is known, most of all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import localtime
from customers.ground.errors import Refused
from customers.models import User
from customers.models.people import Role
from retention import losses
from retention.backtest import provenance, thresholds
from retention.backtest.alarms import Fold
from retention.backtest.baselines import Chance, Ranked
from retention.backtest.interval import precision_interval
from retention.backtest.looking import Seen, columns_of, look
from retention.backtest.scoring import Score, score
from retention.backtest.span import Span
from retention.losses import Spell
from retention.measures import compute
from retention.models import BacktestRun, RuleState, RuleVersion, WarningRule
from retention.rules import terms
from retention.rules.compile import Compiled, compile_rule
from retention.rules.conditions.leaves import exactly
from retention.rules.versions import content_of_version
from retention.sweep.trying import Match


class RuleFailed(Refused):
    code = "backtest_rule_failed"
    message = _("The database could not run the rule's condition (%(error)s). Nothing was counted.")


@dataclass(frozen=True)
class Progress:
    """Ranges of customers that were looked at, over all steps."""

    done: int
    total: int


@dataclass(frozen=True)
class Counted:
    """What a backtest gave, and what it rests on."""

    result: dict[str, Any]
    provenance: provenance.Provenance


Counting = Generator[Progress, None, Counted]
OnRows = Callable[[int, Sequence[Match]], None]


def span_of(run: BacktestRun) -> Span:
    """Return the span that a run is about."""
    return Span(run.first_day, run.last_day, run.step_days, run.horizon_days, run.gap_days)


def tested(run: BacktestRun) -> Compiled:
    """Return the condition of a run compiled; raise ``ConditionRefused`` when it no longer stands.

    It is the rule with the condition and the re-fire period that the run keeps, and with the days that it
    must hold of the version that the run is about. A clear condition of its own is left out.
    """
    rule = copy(run.rule) if run.rule else WarningRule(pk=0, code="", version=0)
    rule.condition, rule.cool_down_days, rule.clear_condition = run.condition, run.re_fire_days, None
    version = RuleVersion.objects.filter(rule=run.rule_id, version=run.version).first()
    if version is not None:
        rule.hold_days = content_of_version(version).get("hold_days", rule.hold_days)
    return compile_rule(rule)


def counting(run: BacktestRun, *, on_rows: OnRows | None = None) -> Counting:
    """Count a backtest; yields after each range of customers, and returns the result.

    Reads facts as of each step, and losses as they are known today. ``on_rows`` gets, after each step,
    its day and the rule's match set as ``sweep --dry-run --out`` writes it. Raises ``ConditionRefused``,
    :class:`RuleFailed`. Writes nothing.
    """
    work = _Work(run)
    ranges = compute.shards(1)
    total = len(ranges) * len(work.span.steps)
    for number, day in enumerate(work.span.steps):
        seen = Seen([set() for _rule in work.asked])
        for place, customers in enumerate(ranges, start=1):
            look(
                work.asked,
                seen,
                customers=customers,
                as_of=work.span.moment(day, work.zone),
                day=day,
                with_rows=on_rows is not None,
            )
            yield Progress(number * len(ranges) + place, total)
        work.take(day, seen)
        if on_rows is not None:
            on_rows(day, seen.rows)
    return work.counted()


@dataclass
class _Work:
    """What grows from step to step. The tested rule is the first that is asked."""

    run: BacktestRun
    span: Span = field(init=False)
    asked: list[Compiled] = field(init=False)

    def __post_init__(self) -> None:
        run, firm = self.run, company.current()
        self.span, self.zone = span_of(run), firm.time_zone
        self.known_until = company.today(run.made_at).number - 1
        rule = tested(run)
        self.failed: dict[str, str] = {}
        self.threshold = thresholds.chosen(rule.condition, run.comparison)
        self.others = _live_rules(run, self.failed)
        self.values = self._values()
        moved = [self._moved(rule, value, number) for number, value in enumerate(self.values)]
        asked = [rule, *self.others, *moved]
        self.asked = [replace(one, rule_id=number) for number, one in enumerate(asked, start=1)]
        self.folds = [Fold(one.cool_down_days) for one in self.asked]
        self.spells = losses.spells(
            since=self.span.moment(self.span.first, self.zone),
            until=localtime.start_of_day(self.known_until + 1, self.zone),
        )
        self.starts = _starts(self.spells, self.zone)
        self.chance = Chance(self.span, self.starts)
        self.recency, self.value = Ranked(self.span), Ranked(self.span)
        self.shared, self.either = Counter[str](), Counter[str]()
        self.by_step: list[dict[str, Any]] = []

    # --- Step by step -----------------------------------------------------------------------------
    def take(self, day: int, seen: Seen) -> None:
        """Take what was seen at a step: fold alarms, and let the baselines choose as many."""
        if error := seen.failed.get(self.asked[0].code):
            raise RuleFailed(error=error)
        self.failed |= seen.failed
        lost = _lost_at(self.spells, self.span.moment(day, self.zone))
        found = [matched - lost for matched in seen.matched]
        new = [len(fold.step(day, matched)) for fold, matched in zip(self.folds, found, strict=True)]
        at_risk = seen.at_risk(lost)
        self.chance.step(day, new[0], at_risk.ids)
        self.recency.step(day, new[0], at_risk.ids, at_risk.last_order)
        self.value.step(day, new[0], at_risk.ids, -at_risk.margin)
        for number, other in enumerate(self.others, start=1):
            self.shared[other.code] += len(found[0] & found[number])
            self.either[other.code] += len(found[0] | found[number])
        self.by_step.append(
            {
                "day": localtime.day_of(day).isoformat(),
                "at_risk": len(at_risk.ids),
                "matches": len(seen.matched[0]),
                "alarms": new[0],
            }
        )

    # --- At the end -------------------------------------------------------------------------------
    def counted(self) -> Counted:
        """Return the result."""
        span, run, own = self.span, self.run, self._score(0)
        people = User.objects.filter(role=Role.ACCOUNT_MANAGER, is_active=True).count()
        rests_on = provenance.of_columns(columns_of(self.asked), as_of=span.moment(span.steps[-1], self.zone))
        per_week = own.alarms / span.weeks
        interval = precision_interval(own.by_customer) if own.precision is not None else None
        overlap, marginal = self._overlap(own)
        return Counted(
            {
                "rule": run.rule.code if run.rule else None,
                "version": run.version,
                "from": localtime.day_of(span.first).isoformat(),
                "to": localtime.day_of(span.last).isoformat(),
                "steps": len(span.steps),
                "step_days": span.step,
                "horizon_days": span.horizon,
                "gap_days": span.gap,
                "alarms": own.alarms,
                "standing_at_start": self.by_step[0]["alarms"],
                "judged": own.judged,
                "right": own.right,
                "losses": own.losses,
                "caught": len(own.caught),
                "precision": own.precision,
                "precision_ci": list(interval) if interval else None,
                "recall": own.recall,
                "lead_days_median": own.lead_median,
                "lead_days_p10": own.lead_p10,
                "alarms_per_week": per_week,
                "people": people,
                "alarms_per_person_week": per_week / people if people else None,
                "minutes_per_call": run.minutes_per_call,
                "minutes_per_week": per_week * run.minutes_per_call,
                "baselines": self._baselines(own),
                "overlap": overlap,
                "marginal_recall": marginal,
                "thresholds": self._thresholds(),
                "loss_definitions": self._definitions(),
                "facts": rests_on.facts,
                "assumed_share": rests_on.share,
                "ingested_until": rests_on.ingested_until.isoformat() if rests_on.ingested_until else None,
                "by_step": self.by_step,
                "failed_rules": self.failed,
            },
            rests_on,
        )

    def _score(self, number: int) -> Score:
        return self._of(self.folds[number].alarms)

    def _of(self, alarms: list[tuple[int, int]]) -> Score:
        return score(alarms, self.starts, span=self.span, known_until=self.known_until)

    def _baselines(self, own: Score) -> dict[str, dict[str, float | None]]:
        chance = {
            "precision": self.chance.precision(known_until=self.known_until) if own.is_told else None,
            "recall": self.chance.recall(known_until=self.known_until),
        }
        ranked = {"recency": self._of(self.recency.alarms), "value": self._of(self.value.alarms)}
        return {
            "random": chance,
            **{name: {"precision": one.precision, "recall": one.recall} for name, one in ranked.items()},
        }

    def _overlap(self, own: Score) -> tuple[list[dict[str, Any]], float | None]:
        """Return how much the rule says what live rules say, and the share of losses that it alone foresees.

        Jaccard: customers × steps that both match ÷ those that either does.
        """
        told, by_others = [], set[tuple[int, int]]()
        for number, other in enumerate(self.others, start=1):
            if other.code in self.failed:
                continue
            its, either = self._score(number), self.either[other.code]
            by_others |= its.caught.keys()
            told.append(
                {
                    "rule": other.code,
                    "alarms": its.alarms,
                    "precision": its.precision,
                    "recall": its.recall,
                    "jaccard": self.shared[other.code] / either if either else None,
                    "caught_by_both": len(own.caught.keys() & its.caught.keys()),
                }
            )
        alone = len(own.caught.keys() - by_others)
        return told, alone / own.losses if own.losses else None

    def _thresholds(self) -> dict[str, Any] | None:
        if self.threshold is None:
            return None
        rows = []
        for number, value in enumerate(self.values, start=1 + len(self.others)):
            its = self._score(number)
            rows.append(
                {
                    "value": str(exactly(value)),
                    "alarms": its.alarms,
                    "alarms_per_week": its.alarms / self.span.weeks,
                    "precision": its.precision,
                    "recall": its.recall,
                    "lead_days_median": its.lead_median,
                }
            )
        return {
            "comparison": self.threshold.number,
            "present": str(exactly(self.threshold.present)),
            "rows": rows,
        }

    def _definitions(self) -> dict[str, int]:
        days = [(one.definition, localtime.day_number(one.began_at, self.zone)) for one in self.spells]
        told = [name for name, day in days if self.span.counts(day, known_until=self.known_until)]
        return dict(sorted(Counter(told).items()))

    def _values(self) -> list[Decimal]:
        if self.threshold is None:
            return []
        return thresholds.around(self.threshold, as_of=self.span.moment(self.span.steps[-1], self.zone))

    def _moved(self, rule: Compiled, value: Decimal, number: int) -> Compiled:
        assert self.threshold is not None  # noqa: S101 — there are values
        condition = thresholds.moved(rule.condition, self.threshold, value)
        return replace(rule, condition=condition, code=f"{rule.code}~{number}")


def _live_rules(run: BacktestRun, failed: dict[str, str]) -> list[Compiled]:
    """Return the other rules that open cases; one that no longer compiles is named in ``failed``."""
    found, known = [], terms.known()
    live = WarningRule.objects.in_state(RuleState.LIMITED, RuleState.LIVE)  # type: ignore[attr-defined]
    for rule in live.exclude(pk=run.rule_id or 0):
        try:
            found.append(compile_rule(rule, known=known))
        except Refused as refusal:
            failed[rule.code] = refusal.code
    return found


def _starts(spells: Sequence[Spell], zone: str) -> dict[int, list[int]]:
    """Return the local days on which each customer was lost, in order."""
    found: dict[int, list[int]] = {}
    for spell in spells:
        found.setdefault(spell.customer_id, []).append(localtime.day_number(spell.began_at, zone))
    return found


def _lost_at(spells: Sequence[Spell], moment: datetime) -> set[int]:
    """Return who was lost at a moment: nobody is at risk of what has happened."""
    return {
        spell.customer_id
        for spell in spells
        if spell.began_at < moment and (spell.ended_at is None or spell.ended_at > moment)
    }
