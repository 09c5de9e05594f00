"""The life of a rule: its states, the moves between them, and what each move does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit
from customers.ground.audit import Actor
from customers.ground.errors import Refused
from retention import warnings
from retention.measures import compute, fingerprint
from retention.models import (
    CustomerMeasures,
    EarlyWarning,
    PendingMatch,
    RuleMove,
    RuleState,
    SweepRun,
    WarningRule,
)
from retention.rules import holdout
from retention.rules.compile import compile_rule
from retention.rules.holdout import Shares
from retention.rules.scan import Scan, matching

DRAFT, SHADOW, LIMITED, LIVE, RETIRED = RuleState

MOVES: dict[RuleState, tuple[RuleState, ...]] = {
    DRAFT: (SHADOW, LIMITED, LIVE, RETIRED),
    SHADOW: (LIMITED, LIVE, DRAFT, RETIRED),
    LIMITED: (LIVE, SHADOW, RETIRED),
    LIVE: (LIMITED, SHADOW, RETIRED),
    RETIRED: (DRAFT, SHADOW, LIMITED, LIVE),
}
"""What may follow each state. A rule that has opened cases is retired, not made a draft at once."""

OPENING = (LIMITED, LIVE)
ON = (SHADOW, LIMITED, LIVE)
MOST_A_DAY = 10_000
LONGEST_REASON = 300


class UnknownRule(Refused):
    code = "unknown_rule"
    message = _("There is no rule called “%(rule)s”. See: python manage.py rules list")


class MayNotMove(Refused):
    code = "rule_may_not_move"
    message = _("“%(rule)s” is %(before)s. From there it cannot become %(after)s.")


class HowManyADay(Refused):
    code = "rule_cases_a_day"
    message = _("Say how many new cases a day the rule may open, from 1 to 10,000.")


class MovedMeanwhile(Refused):
    code = "rule_moved_meanwhile"
    message = _("Somebody else has just moved “%(rule)s”. Look at it again.")


def get(codes: Iterable[str]) -> list[WarningRule]:
    """Return the rules with these codes in their order; raise :class:`UnknownRule`."""
    wanted = list(dict.fromkeys(codes))
    found = {rule.code: rule for rule in WarningRule.objects.filter(code__in=wanted)}
    for code in wanted:
        if code not in found:
            raise UnknownRule(rule=code[:64])
    return [found[code] for code in wanted]


def move(
    rule: WarningRule,
    *,
    to: str,
    open_existing: bool = False,
    cases_a_day: int | None = None,
    shares: Shares | None = None,
    retire_replaced: bool = False,
    reason: str = "",
    by: Actor | None,
    at: datetime,
) -> bool:
    """Move a rule to another state of its life; return whether it was elsewhere.

    Args:
        to: the state; ``limited`` takes ``cases_a_day``, and may be given anew with another number.
        open_existing: at a launch (``limited``, ``live``) the next sweep opens a case for everybody who
            matches. Else those who match now become the rule's baseline: a warning stands for each of them
            that opens no case until the sign went away and came back.
        shares: of the hold-out that begins with a launch; left as it is when not given.
        retire_replaced: at a launch the rule that it was proposed in the place of is retired, if it is on.

    Raises :class:`MayNotMove`, :class:`HowManyADay`, ``NeverHeldOut``, :class:`MovedMeanwhile`, and
    ``ConditionRefused`` for a rule that does not compile. Side effects: a ``RuleMove`` and an audit event;
    warnings close when the rule is switched off, or leaves or enters the shadow; cases stay open. Waits for a
    sweep that is just using the rule. For a baseline the measures are brought up to date first, in short
    transactions, so that no other writer waits long.
    """
    before, after = rule.state, RuleState(to)
    if after == before and not (after == LIMITED and cases_a_day not in (None, rule.cases_a_day)):
        return False
    if after != before and after not in MOVES[before]:
        raise MayNotMove(rule=str(rule), before=before.label, after=after.label)
    if after == LIMITED and not (cases_a_day and 0 < cases_a_day <= MOST_A_DAY):
        raise HowManyADay()
    if after in ON:
        compile_rule(rule)
    is_launch = after in OPENING and before not in OPENING
    if is_launch and not open_existing:
        compute.refresh_changed(as_of=at)
    with transaction.atomic():
        _write(rule, before, after, cases_a_day, at=at)
        if after in OPENING and shares is not None:
            holdout.start(rule, shares=shares, at=at)
        codes: dict[str, Any] = {"rule": rule.code, "version": rule.version, "before": str(before)}
        codes |= {"after": str(after), "warnings_closed": _close_what_ends(rule, before, after, at=at)}
        if is_launch:
            codes |= {"open_existing": open_existing}
            codes |= {"baseline": 0 if open_existing else _lay_baseline(rule, at=at)}
            if retire_replaced:
                _retire_replaced(rule, by=by, at=at)
        RuleMove.objects.create(
            rule=rule,
            before=before,
            after=after,
            version=rule.version,
            at=at,
            by_id=by.pk if by is not None else None,
            reason=reason.strip()[:LONGEST_REASON],
        )
        audit.record(_KINDS.get(after, "rule.move"), obj=rule, by=by, at=at, codes=codes)
        rule.refresh_from_db()
    return True


_KINDS = {LIVE: "rule.enable", RETIRED: "rule.disable"}


def enable(
    rule: WarningRule, *, open_existing: bool, shares: Shares | None = None, by: Actor | None, at: datetime
) -> bool:
    """Let a rule go live, from wherever it stands; return whether it did not. Raises as :func:`move`.

    Without ``shares`` nobody is held out.
    """
    return move(rule, to=LIVE, open_existing=open_existing, shares=shares or Shares(), by=by, at=at)


def disable(rule: WarningRule, *, by: Actor | None, at: datetime) -> bool:
    """Retire a rule that is on, and close its open warnings; return whether it was on. Cases stay open."""
    return move(rule, to=RETIRED, by=by, at=at) if rule.state in ON else False


def _write(
    rule: WarningRule, before: RuleState, after: RuleState, cases_a_day: int | None, *, at: datetime
) -> None:
    """Write the columns that make the state, if the rule still stands where it was found."""
    columns: dict[str, Any] = {
        "is_enabled": after in ON,
        "stage": after if after in (SHADOW, LIMITED) else "",
        "retired_at": at if after == RETIRED else None,
        "cases_a_day": cases_a_day if after == LIMITED else None,
    }
    if after not in ON:
        columns |= {"enabled_at": None, "broken_since": None}
    elif before not in ON:
        columns |= {"enabled_at": at, "broken_since": None}
    standing = WarningRule.objects.in_state(before).filter(pk=rule.pk)  # type: ignore[attr-defined]
    if not standing.update(**columns):
        raise MovedMeanwhile(rule=str(rule))
    rule.refresh_from_db()


def _close_what_ends(rule: WarningRule, before: RuleState, after: RuleState, *, at: datetime) -> int:
    """Close the warnings that a move ends; return how many."""
    because = EarlyWarning.Closed.RULE_MOVED
    if after not in ON:
        because = EarlyWarning.Closed.RULE_OFF
        PendingMatch.objects.filter(rule=rule).delete()
    elif SHADOW not in (before, after) or before not in ON:
        return 0
    return warnings.close(EarlyWarning.objects.filter(rule=rule), because=because, at=at)


def _retire_replaced(rule: WarningRule, *, by: Actor | None, at: datetime) -> None:
    """Retire the rule that another one takes the place of, unless it is off."""
    replaced = WarningRule.objects.filter(pk=rule.replaces_id).first()
    if replaced is not None and replaced.state in ON:
        reason = gettext("“%(rule)s” takes its place.") % {"rule": rule}
        move(replaced, to=RETIRED, reason=reason, by=by, at=at)


def _lay_baseline(rule: WarningRule, *, at: datetime) -> int:
    """Let a warning without a case stand for everybody who matches now; return how many."""
    day = company.today(at)
    run = SweepRun.objects.create(
        scope=SweepRun.Scope.BASELINE, as_of=at, day=day.number, fingerprint=fingerprint(), started_at=at
    )
    scan = Scan(CustomerMeasures._meta.db_table, compute.EVERYONE, day.number, as_of=at)
    with matching([compile_rule(rule)], scan=scan) as found:
        raised = warnings.raise_matches(found, run=run, at=at, is_baseline=True)
    run.warnings, run.finished_at, run.status = raised, at, SweepRun.Status.DONE
    run.save(update_fields=["warnings", "finished_at", "status"])
    return sum(raised.values())
