"""How many people a survey may ask a day so that the team can call those who answer badly."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Q

from customers.models import User
from retention.cases.holders import WORKING_ROLES
from retention.models import RetentionCase
from surveys.distributions import load as asking
from surveys.distributions.load import Proposal
from surveys.models import Invitation, Survey, SurveyResponse
from surveys.models.distributions import LIMITS

DAYS_CASES_TAKE = 90  # over which it is looked how long a case is open
DAYS_CASES_COME = 28  # and how many come
DAYS_ANSWERS = 180
ENOUGH = 30  # invitations, or answers, below which a share says little
ENOUGH_CASES = 10
ASSUMED_RATE = 0.2  # of answers, and of bad ones among them, until there are enough
ASSUMED_DAYS = 7.0


def register() -> None:
    """Enter with the distributions who knows the load."""
    asking.register(propose)


def propose(survey: Survey, team_id: int | None, at: datetime) -> Proposal | None:
    """Return how many asks a day leave no more bad answers than the people have room for.

    Room: by Little's law (Little 1961, L = λ·W) people who hold L cases at once, each open for W days, take
    L ÷ W new ones a day; those that come anyhow are taken off. Each ask brings a call with the probability
    that it is answered times that the answer is bad; both shares by Laplace's rule of succession,
    (k + 1) ÷ (n + 2), so that none of n is not never. Nothing when nobody has said how many cases a
    colleague holds at most.
    """
    people = User.objects.filter(is_active=True, role__in=WORKING_ROLES, capacity__isnull=False)
    if team_id is not None:
        people = people.filter(team=team_id)
    held = Count("cases", filter=~Q(cases__status=RetentionCase.Status.CLOSED))
    places = list(people.annotate(held=held).values_list("capacity", "held"))
    if not places:
        return None
    free = 0.0
    if any(capacity > open_now for capacity, open_now in places if capacity is not None):
        most = sum(capacity or 0 for capacity, _held in places)
        free = max(most / _days_open(team_id, at=at) - _come_a_day(team_id, at=at), 0.0)
    answer_rate, low_rate, is_assumed = _rates(survey, at=at)
    per_day = min(int(free / (answer_rate * low_rate)), LIMITS["per_day"][1])
    return Proposal(per_day, free, answer_rate, low_rate, is_assumed)


def _days_open(team_id: int | None, *, at: datetime) -> float:
    """Return for how many days a case is open, on average of those closed lately."""
    rows = RetentionCase.objects.filter(closed_at__gt=at - timedelta(days=DAYS_CASES_TAKE), closed_at__lte=at)
    if team_id is not None:
        rows = rows.filter(team=team_id)
    took = ExpressionWrapper(F("closed_at") - F("opened_at"), output_field=DurationField())
    found = rows.aggregate(n=Count("pk"), took=Avg(took))
    if found["n"] < ENOUGH_CASES:
        return ASSUMED_DAYS
    return max(found["took"] / timedelta(days=1), 0.1)


def _come_a_day(team_id: int | None, *, at: datetime) -> float:
    rows = RetentionCase.objects.filter(opened_at__gt=at - timedelta(days=DAYS_CASES_COME), opened_at__lte=at)
    if team_id is not None:
        rows = rows.filter(team=team_id)
    return rows.count() / DAYS_CASES_COME


def _rates(survey: Survey, *, at: datetime) -> tuple[float, float, bool]:
    """Return the share of the asked who answer, and of the answers that are to be followed by a call."""
    since = at - timedelta(days=DAYS_ANSWERS)
    asked = Invitation.objects.filter(survey=survey, contact__isnull=False, made_at__gt=since)
    invited = asked.aggregate(n=Count("pk"), answered=Count("pk", filter=Q(answered_at__isnull=False)))
    given = SurveyResponse.objects.filter(survey=survey, void=False, occurred_at__gt=since)
    told = given.aggregate(n=Count("pk"), low=Count("pk", filter=Q(is_low=True) | Q(wants_call=True)))
    answers = _share(invited["answered"], invited["n"])
    low = _share(told["low"], told["n"])
    return answers or ASSUMED_RATE, low or ASSUMED_RATE, answers is None or low is None


def _share(part: int, of: int) -> float | None:
    return (part + 1) / (of + 2) if of >= ENOUGH else None
