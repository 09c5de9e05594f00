"""Distributions are made, changed, started, paused and ended here; each act is audited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers import company
from customers import contact as contacting
from customers.ground import audit, drain, outbox
from customers.ground.errors import Refused
from customers.ground.models import OutboxRow
from customers.models import Contact, Team, User
from customers.models.channels import SENDABLE
from customers.models.people import Role
from surveys import sending
from surveys.building import SurveyClosed, SurveyNotLive
from surveys.distributions import asks, audiences, triggers
from surveys.models import Distribution, PlannedAsk, Survey, SurveyDispatch
from surveys.models.distributions import LIMITS

Kind, Status = Distribution.Kind, Distribution.Status
TRANSITIONS: dict[str, set[str]] = {
    Status.DRAFT: {Status.LIVE},
    Status.LIVE: {Status.PAUSED, Status.ENDED},
    Status.PAUSED: {Status.LIVE, Status.ENDED},
    Status.ENDED: set(),
}
FIXED = (
    "kind",
    "team_id",
    "audience",
    "audience_id",
    "trigger",
    "delay_days",
    "period_days",
    "whom",
    "share",
)
"""What is not changed any more once it was started: who is asked would not follow from it."""
AT_ONCE = 200
WAITING = "surveys.distribution_ended"


class SettingRefused(Refused):
    """One setting does not fit; ``field`` says which."""

    code = "distribution_setting"

    def __init__(self, field: str, message: str | Promise) -> None:
        super().__init__(message)
        self.field = field


class WrongState(Refused):
    code = "distribution_state"
    message = _("That does not go any more: this distribution is %(status)s. Load the page again.")


class NobodyChosen(Refused):
    code = "distribution_nobody"
    message = _("Nobody is chosen yet. Add people first.")


class NotAList(Refused):
    code = "distribution_not_a_list"
    message = _("Who is asked follows from what this distribution is for; nobody is added by hand.")


@dataclass(frozen=True)
class Settings:
    """What a distribution does; see ``docs/surveys.md``. Numbers lie within ``LIMITS``."""

    name: str
    kind: str
    channel: str
    fallback: str = ""
    team_id: int | None = None
    audience: str = ""
    audience_id: int | None = None
    trigger: str = ""
    delay_days: int = 0
    period_days: int | None = None
    whom: str = Distribution.Whom.MAIN
    share: int = 100
    per_day: int | None = None
    remind_after: int | None = None
    useful_days: int = 14
    not_asked_days: int = 30


@transaction.atomic
def create(survey: Survey, settings: Settings, *, by: User | None, at: datetime) -> Distribution:
    """Make a distribution of ``survey`` as a draft; nobody is asked. Return it.

    A lead's is for her team. Raises :class:`SettingRefused`, ``SurveyClosed``. Side effects: audit
    ``distribution.create``.
    """
    if survey.status == Survey.Status.CLOSED:
        raise SurveyClosed()
    values = _checked(settings, by=by)
    made = Distribution.objects.create(survey=survey, made_at=at, by=by, **values)
    audit.record("distribution.create", obj=made, by=by, at=at, codes=_codes(values))
    return made


@transaction.atomic
def revise(distribution: Distribution, settings: Settings, *, by: User | None, at: datetime) -> Distribution:
    """Give a distribution other settings; who is asked stays once it was started.

    Raises :class:`SettingRefused`, :class:`WrongState`. Side effects: a day that was full is looked at anew;
    audit ``distribution.revise``.
    """
    locked = _locked(distribution)
    if locked.status == Status.ENDED:
        raise WrongState(status=locked.get_status_display())
    values = _checked(settings, by=by)
    if locked.status != Status.DRAFT:
        for name in FIXED:
            if values[name] != getattr(locked, name):
                raise SettingRefused(name, _("This is fixed since the distribution was started."))
    elif values["kind"] != locked.kind and locked.asks.exists():
        raise SettingRefused("kind", _("People are chosen already. Make another distribution instead."))
    Distribution.objects.filter(pk=locked.pk).update(**values, full_until=None, fault="")
    distribution.refresh_from_db()
    audit.record("distribution.revise", obj=distribution, by=by, at=at, codes=_codes(values))
    transaction.on_commit(drain.wake)
    return distribution


@transaction.atomic
def add_people(
    distribution: Distribution, contacts: Iterable[Contact], *, by: User | None, at: datetime
) -> int:
    """Add people to a distribution to chosen people; return how many were not on it.

    Raises :class:`NotAList`, :class:`WrongState`. Side effects: audit ``distribution.add``.
    """
    locked = _locked(distribution)
    if locked.kind != Kind.LIST:
        raise NotAList()
    if locked.status == Status.ENDED:
        raise WrongState(status=locked.get_status_display())
    before = locked.asks.count()
    rows = [
        PlannedAsk(
            distribution=locked,
            customer_id=contact.customer_id,
            contact=contact,
            key=asks.key_of(locked, contact.pk),
            planned_at=at,
            due_at=at,
        )
        for contact in contacts
    ]
    asks.write(rows)
    added = locked.asks.count() - before
    audit.record("distribution.add", obj=locked, by=by, at=at, codes={"people": added})
    transaction.on_commit(drain.wake)
    return added


@transaction.atomic
def remove_people(distribution: Distribution, *, by: User | None, at: datetime) -> int:
    """Take everybody off a draft again; return how many. Raises :class:`WrongState`.

    Side effects: audit ``distribution.empty``.
    """
    locked = _locked(distribution)
    if locked.status != Status.DRAFT:
        raise WrongState(status=locked.get_status_display())
    gone = locked.asks.all().delete()[0]
    audit.record("distribution.empty", obj=locked, by=by, at=at, codes={"people": gone})
    return gone


@transaction.atomic
def start(distribution: Distribution, *, by: User | None, at: datetime) -> Distribution:
    """Begin to ask. What happened before is not asked about; of a period, one day's share is due today.

    Raises :class:`WrongState`, ``SurveyNotLive``, :class:`NobodyChosen`, ``AudienceGone``. Side effects: the
    drain wakes after the commit; audit ``distribution.start``.
    """
    locked = _locked(distribution)
    if locked.status != Status.DRAFT:
        raise WrongState(status=locked.get_status_display())
    if locked.survey.status != Survey.Status.LIVE:
        raise SurveyNotLive()
    if locked.kind == Kind.LIST and not locked.asks.exists():
        raise NobodyChosen()
    with audiences.customers_of(locked, at=at):
        pass
    return _move(locked, Status.LIVE, "start", by=by, at=at, started_at=at, **_from_today(locked, at=at))


@transaction.atomic
def pause(distribution: Distribution, *, by: User | None, at: datetime) -> Distribution:
    """Ask nobody any more for now. What happens meanwhile is kept; whose turn it would be waits for the next.

    Raises :class:`WrongState`. Side effects: audit ``distribution.pause``.
    """
    return _move(_locked(distribution), Status.PAUSED, "pause", by=by, at=at, paused_at=at)


@transaction.atomic
def resume(distribution: Distribution, *, by: User | None, at: datetime) -> Distribution:
    """Go on asking. Raises :class:`WrongState`, ``SurveyNotLive``. Audit ``distribution.resume``."""
    locked = _locked(distribution)
    if locked.status != Status.PAUSED:
        raise WrongState(status=locked.get_status_display())
    if locked.survey.status != Survey.Status.LIVE:
        raise SurveyNotLive()
    return _move(
        locked, Status.LIVE, "resume", by=by, at=at, paused_at=None, fault="", **_from_today(locked, at=at)
    )


@transaction.atomic
def end(
    distribution: Distribution,
    *,
    reason: str = PlannedAsk.Reason.ENDED,
    by: User | None,
    at: datetime,
) -> Distribution:
    """Ask nobody any more for good. Who is planned or waits is not asked; links that are out work on.

    Raises :class:`WrongState`. Side effects: audit ``distribution.end``.
    """
    ended = _move(_locked(distribution), Status.ENDED, "end", by=by, at=at, ended_at=at, paused_at=None)
    waiting = PlannedAsk.objects.filter(distribution=ended, state=PlannedAsk.State.PLANNED)
    waiting.update(state=PlannedAsk.State.SKIPPED, reason=PlannedAsk.Reason(reason), ended_at=at)
    outbox.add(
        WAITING, due_at=at, dedupe_key=f"distribution.end:{ended.pk}", payload={"distribution": ended.pk}
    )
    return ended


@outbox.handler(WAITING)
def take_back_waiting(row: OutboxRow, at: datetime) -> None:
    """Send nothing of an ended distribution that still waits for quiet hours or limits; some at once."""
    number, after = row.payload["distribution"], row.payload.get("after", 0)
    waiting = SurveyDispatch.objects.filter(
        planned__distribution=number, state=SurveyDispatch.State.WAITING, pk__gt=after
    )
    some = list(waiting.select_related("reservation").order_by("pk")[:AT_ONCE])
    for dispatch in some:
        try:
            sending.take_back(dispatch, by=None, at=at)
        except contacting.ReservationEnded:  # decided meanwhile, so it is on its way
            continue
    if len(some) == AT_ONCE:
        after = some[-1].pk
        payload = {"distribution": number, "after": after}
        outbox.add(WAITING, due_at=at, dedupe_key=f"distribution.end:{number}:{after}", payload=payload)


@transaction.atomic
def remove(distribution: Distribution, *, by: User | None, at: datetime) -> None:
    """Remove a draft with whom it was to ask. Raises :class:`WrongState`. Audit ``distribution.remove``."""
    locked = _locked(distribution)
    if locked.status != Status.DRAFT:
        raise WrongState(status=locked.get_status_display())
    audit.record("distribution.remove", obj=locked, by=by, at=at, codes={"survey": locked.survey_id})
    locked.asks.all().delete()
    locked.delete()


def _move(
    distribution: Distribution, status: str, act: str, *, by: User | None, at: datetime, **values: Any
) -> Distribution:
    """Change the status as ``TRANSITIONS`` allows it; of two who do so at once the second is refused."""
    old = distribution.status
    rows = Distribution.objects.filter(pk=distribution.pk, status=old)
    if status not in TRANSITIONS[old] or not rows.update(status=status, **values):
        raise WrongState(status=distribution.get_status_display())
    distribution.refresh_from_db()
    audit.record(
        f"distribution.{act}", obj=distribution, by=by, at=at, codes={"survey": distribution.survey_id}
    )
    transaction.on_commit(drain.wake)
    return distribution


def _from_today(distribution: Distribution, *, at: datetime) -> dict[str, Any]:
    if distribution.kind != Kind.PERIODIC:
        return {}
    return {"planned_through": company.today(at).number - 1, "planning_day": None, "cursor": 0}


def _locked(distribution: Distribution) -> Distribution:
    rows = Distribution.objects.select_for_update(of=("self",), no_key=True)
    found: Distribution = rows.select_related("survey").get(pk=distribution.pk)
    return found


def _checked(settings: Settings, *, by: User | None) -> dict[str, Any]:
    """Return the columns that the settings mean; what the kind has no use for is left out of them."""
    values = asdict(settings)
    values["name"] = " ".join(settings.name.split())
    if not values["name"]:
        raise SettingRefused("name", _("Give it a name, by which colleagues find it again."))
    kind = _choice("kind", settings.kind, Kind)
    for name, (least, most) in LIMITS.items():
        if values[name] is not None and not least <= values[name] <= most:
            said = _("Write a whole number from %(least)s to %(most)s.") % {"least": least, "most": most}
            raise SettingRefused(name, said)
    _choice("whom", settings.whom, Distribution.Whom)
    _check_ways(settings)
    if by is not None and by.role == Role.TEAM_LEAD:
        if by.team_id is None:
            raise SettingRefused("team_id", _("You lead no team yet. Ask an admin to put you into one."))
        values["team_id"] = by.team_id
    elif settings.team_id is not None and not Team.objects.filter(pk=settings.team_id).exists():
        raise SettingRefused("team_id", _("There is no such team."))
    if kind != Kind.EVENT:
        values |= {"trigger": "", "delay_days": 0}
    elif triggers.get(settings.trigger) is None:
        raise SettingRefused("trigger", _("Choose what is asked about."))
    if kind != Kind.PERIODIC:
        values["period_days"] = None
    elif settings.period_days is None:
        raise SettingRefused("period_days", _("Say after how many days each person is asked again."))
    return values | _audience(settings, kind)


def _check_ways(settings: Settings) -> None:
    ways = [str(one) for one in SENDABLE]
    if settings.channel not in ways:
        raise SettingRefused("channel", _("Choose e-mail, text message or messenger."))
    if settings.fallback and settings.fallback not in ways:
        raise SettingRefused("fallback", _("Choose e-mail, text message or messenger."))
    if settings.fallback == settings.channel:
        raise SettingRefused("fallback", _("Choose another way than the first, or none."))


def _audience(settings: Settings, kind: str) -> dict[str, Any]:
    if kind == Kind.LIST:  # people are chosen by hand, from whomever the one who chooses may see
        return {"audience": "", "audience_id": None, "whom": Distribution.Whom.MAIN}
    if not settings.audience:
        if kind == Kind.SEGMENT:
            raise SettingRefused("audience_id", _("Choose the group of customers."))
        return {"audience": "", "audience_id": None}
    if settings.audience_id is None or not audiences.is_offered(settings.audience, settings.audience_id):
        raise SettingRefused("audience_id", _("Choose the group of customers."))
    return {}


def _choice(field: str, value: str, choices: Any) -> str:
    if value not in choices.values:
        raise SettingRefused(field, _("Choose one of the list."))
    return value


def _codes(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "name"}
