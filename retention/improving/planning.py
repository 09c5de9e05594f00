"""Planning an improvement, and carrying it out: each step is one verb."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit, localtime
from customers.ground.errors import Refused
from customers.models import Cause, Product, User
from customers.models.people import Role
from retention import measures
from retention.improving import reading
from retention.models import ImprovementAction
from surveys.models import Survey

State, Moves = ImprovementAction.State, ImprovementAction.Moves
TRANSITIONS: dict[str, tuple[str, ...]] = {
    State.PLANNED: (State.RUNNING, State.DONE, State.DROPPED),
    State.RUNNING: (State.DONE, State.DROPPED),
    State.DONE: (),
    State.DROPPED: (),
}
MOST_OF_TOLD = 600
"""Letters of what customers are told: it stands in a letter, and in their next invitation."""
MOST_COST = 10**15
_NUMBERS = (measures.Unit.COUNT, measures.Unit.MONEY, measures.Unit.DAYS, measures.Unit.FLAG)
LEADS = (Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION)


class ImprovementRefused(Refused):
    code = "improvement_refused"


class ImprovementState(Refused):
    code = "improvement_state"
    message = _("This improvement is %(state)s: that is not possible any more. Load the page again.")


class NoReason(Refused):
    code = "improvement_without_reason"
    message = _("Say why, in a few words.")


class TextRefused(Refused):
    code = "improvement_text"
    message = _("Write at most %(most)s letters, without “{{”.")


@dataclass(frozen=True)
class Plan:
    """What is to be done, by whom, until when, and what it should move.

    ``cost``: minor units of the base currency. ``survey``, ``measure``: of the figures that need one.
    """

    title: str
    owner: User
    due_on: date
    moves: str
    causes: Sequence[Cause] = ()
    product: Product | None = None
    lot: str = ""
    cost: int | None = None
    begins_on: date | None = None
    survey: Survey | None = None
    measure: str = ""


def measures_offered() -> list[measures.Measure]:
    """Return the measures of which a mean says something."""
    return [one for one in measures.stored() if one.unit in _NUMBERS and not one.is_inner]


def may_change(user: User, action: ImprovementAction) -> bool:
    """Say whether ``user`` may change an improvement: its owner, leads and admins."""
    return user.role in LEADS or (user.role == Role.ACCOUNT_MANAGER and action.owner_id == user.pk)


def plan_improvement(plan: Plan, *, by: User | None, at: datetime) -> ImprovementAction:
    """Plan an improvement; raise :class:`ImprovementRefused`. Audit ``improvement.plan``."""
    _check(plan)
    with transaction.atomic():
        action = ImprovementAction.objects.create(**_columns(plan), made_at=at, made_by=by)
        action.causes.set(plan.causes)
        audit.record("improvement.plan", obj=action, by=by, at=at, codes=_codes(plan))
    return action


def change_improvement(
    action: ImprovementAction, plan: Plan, *, by: User | None, at: datetime
) -> ImprovementAction:
    """Plan an open improvement anew; raise as :func:`plan_improvement` and :class:`ImprovementState`.

    Side effects: audit ``improvement.change``.
    """
    _check(plan)
    with transaction.atomic():
        open_ones = ImprovementAction.objects.filter(pk=action.pk, state__in=ImprovementAction.OPEN_STATES)
        if not open_ones.update(**_columns(plan)):
            _refuse(action)
        action.refresh_from_db()
        action.causes.set(plan.causes)
        audit.record("improvement.change", obj=action, by=by, at=at, codes=_codes(plan))
    return action


def begin(action: ImprovementAction, *, by: User | None, at: datetime) -> ImprovementAction:
    """Begin a planned improvement; raise :class:`ImprovementState`. Audit ``improvement.begin``."""
    return _move(action, State.RUNNING, by=by, at=at, begun_at=at)


def finish(
    action: ImprovementAction, *, told_en: str = "", told_zh: str = "", by: User | None, at: datetime
) -> ImprovementAction:
    """Say that an improvement is done, and what customers are told of it; nobody is told yet.

    Raises :class:`ImprovementState`, :class:`TextRefused`. Side effects: where it should move the mean of
    a measure, the mean is read; audit ``improvement.finish``.
    """
    told = _told(told_en, told_zh)
    with transaction.atomic():
        done = _move(action, State.DONE, by=by, at=at, ended_at=at, ended_on=_today(at), **told)
        reading.read_before(done, on=_today(at))
    return done


def drop(action: ImprovementAction, *, reason: str, by: User | None, at: datetime) -> ImprovementAction:
    """Give an improvement up; raise :class:`ImprovementState`, :class:`NoReason`.

    Side effects: audit ``improvement.drop``.
    """
    reason = reason.strip()[:500]
    if not reason:
        raise NoReason()
    return _move(action, State.DROPPED, by=by, at=at, ended_at=at, ended_on=_today(at), reason=reason)


def say(
    action: ImprovementAction, *, told_en: str, told_zh: str, by: User | None, at: datetime
) -> ImprovementAction:
    """Write anew what customers are told of an improvement, until they are.

    Raises :class:`ImprovementState`, :class:`TextRefused`. Side effects: audit ``improvement.say``.
    """
    told = _told(told_en, told_zh)
    with transaction.atomic():
        untold = ImprovementAction.objects.filter(pk=action.pk, telling_at=None).exclude(state=State.DROPPED)
        if not untold.update(**told):
            _refuse(action)
        audit.record("improvement.say", obj=action, by=by, at=at)
    action.refresh_from_db()
    return action


def _move(
    action: ImprovementAction, state: str, *, by: User | None, at: datetime, **values: object
) -> ImprovementAction:
    """Move to another state if the table allows it and nobody else moved it meanwhile."""
    acts = {State.RUNNING: "begin", State.DONE: "finish", State.DROPPED: "drop"}
    from_states = [one for one, to in TRANSITIONS.items() if state in to]
    with transaction.atomic():
        rows = ImprovementAction.objects.filter(pk=action.pk, state__in=from_states)
        if not rows.update(state=state, **values):
            _refuse(action)
        audit.record(f"improvement.{acts[State(state)]}", obj=action, by=by, at=at)
    action.refresh_from_db()
    return action


def _refuse(action: ImprovementAction) -> None:
    action.refresh_from_db(fields=["state"])
    raise ImprovementState(state=action.get_state_display())


def _check(plan: Plan) -> None:
    """Refuse what cannot be a plan, in words."""
    if not plan.title.strip() or len(plan.title) > 200:
        raise ImprovementRefused(_("Write a title of at most 200 letters."))
    if not plan.owner.is_active or plan.owner.role not in (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN):
        raise ImprovementRefused(_("Choose an owner who works here."))
    if plan.begins_on is not None and plan.begins_on > plan.due_on:
        raise ImprovementRefused(_("It cannot be due before it begins."))
    if plan.cost is not None and not 0 <= plan.cost <= MOST_COST:
        raise ImprovementRefused(_("Write the cost as an amount of 0 or more."))
    if plan.lot.strip() and plan.product is None:
        raise ImprovementRefused(_("A lot is one of a product: choose the product, too."))
    _check_moves(plan)


def _check_moves(plan: Plan) -> None:
    if plan.moves not in Moves.values:
        raise ImprovementRefused(_("Choose the figure that it should move."))
    if plan.moves == Moves.SCORE and plan.survey is None:
        raise ImprovementRefused(_("Choose the survey whose score it should move."))
    if plan.moves == Moves.RETURNS and plan.product is None:
        raise ImprovementRefused(_("Choose the product of which less should come back."))
    if plan.moves == Moves.COMPLAINTS and not plan.causes and plan.product is None:
        raise ImprovementRefused(_("Choose causes or a product: complaints about them are counted."))
    if plan.moves == Moves.MEAN and plan.measure not in {one.code for one in measures_offered()}:
        raise ImprovementRefused(_("Choose the measure whose mean it should move."))


def _columns(plan: Plan) -> dict[str, object]:
    return {
        "title": " ".join(plan.title.split()),
        "owner": plan.owner,
        "due_on": plan.due_on,
        "begins_on": plan.begins_on,
        "moves": Moves(plan.moves),
        "product": plan.product,
        "lot": plan.lot.strip()[:64],
        "cost": plan.cost,
        "survey": plan.survey if plan.moves == Moves.SCORE else None,
        "measure": plan.measure if plan.moves == Moves.MEAN else "",
    }


def _codes(plan: Plan) -> dict[str, object]:
    causes = sorted(cause.pk for cause in plan.causes)
    return {"owner": plan.owner.pk, "moves": str(plan.moves), "causes": causes}


def _told(told_en: str, told_zh: str) -> dict[str, str]:
    told = {"told_en": told_en.strip(), "told_zh": told_zh.strip()}
    if any(len(text) > MOST_OF_TOLD or "{{" in text for text in told.values()):
        raise TextRefused(most=MOST_OF_TOLD)
    return told


def _today(at: datetime) -> date:
    return localtime.day_of(company.today(at).number)
