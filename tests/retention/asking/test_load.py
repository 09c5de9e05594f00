"""How many asks a day are proposed: what the people have room for, by the share that answers badly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers.ground import clock
from retention.asking import load
from retention.models import RetentionCase
from surveys import invitations
from surveys.models import Invitation
from tests.factories import NOW, CustomerFactory, UserFactory, ago
from tests.surveys.distributing import people
from tests.surveys.makers import answered, live

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


def colleague(capacity: int | None = 14, **said: Any) -> Any:
    return UserFactory(role="account_manager", capacity=capacity, **said)


def closed_cases(number: int, *, days: float) -> None:
    """Cases that were open for so many days and are closed; opened too long ago to count as coming."""
    RetentionCase.objects.bulk_create(
        RetentionCase(
            customer=CustomerFactory(contact=False),
            status="closed",
            outcome="saved",
            opened_at=ago(40),
            closed_at=ago(40 - days),
        )
        for _n in range(number)
    )


def test_nothing_is_proposed_where_nobody_said_how_much_she_can_hold():
    colleague(capacity=None)
    assert load.propose(live(), None, NOW) is None


def test_room_is_places_by_days_and_asks_are_room_by_the_shares():
    colleague(14)
    proposal = load.propose(live(), None, NOW)
    assert proposal is not None
    assert (proposal.free, proposal.is_assumed) == (2.0, True)  # 14 places, 7 days each
    assert proposal.per_day == int(2.0 / (0.2 * 0.2))
    closed_cases(10, days=14)
    longer = load.propose(live("longer"), None, NOW)
    assert longer is not None
    assert longer.free == pytest.approx(1.0)


def test_cases_that_come_anyhow_are_taken_off_and_full_hands_take_none():
    hands = colleague(14)
    RetentionCase.objects.bulk_create(
        RetentionCase(
            customer=CustomerFactory(contact=False), status="assigned", assignee=hands, opened_at=ago(20)
        )
        for _n in range(7)
    )
    proposal = load.propose(live(), None, NOW)
    assert proposal is not None
    assert proposal.free == pytest.approx(2.0 - 7 / 28)
    type(hands).objects.filter(pk=hands.pk).update(capacity=7)
    full = load.propose(live("full"), None, NOW)
    assert full is not None
    assert (full.free, full.per_day) == (0.0, 0)


def test_only_the_team_counts_and_who_has_left_does_not(team):
    colleague(14, team=team)
    colleague(70)
    colleague(70, team=team, is_active=False)
    proposal = load.propose(live(), team.pk, NOW)
    assert proposal is not None
    assert proposal.free == 2.0


def test_shares_are_those_of_the_survey_once_there_are_enough():
    colleague(14)
    survey = live("asked")
    contacts = people(60)
    for number, contact in enumerate(contacts[:30]):
        answered(contact, score=3 if number < 6 else 9, survey=survey)
    for contact in contacts[30:]:
        invitations.invite(survey, contact, by=None, now=clock.real_now(), at=NOW)
    Invitation.objects.update(made_at=NOW - timedelta(days=1))
    proposal = load.propose(survey, None, NOW)
    assert proposal is not None
    assert not proposal.is_assumed
    assert proposal.answer_rate == pytest.approx(31 / 62)
    assert proposal.low_rate == pytest.approx(7 / 32)
    assert proposal.per_day == int(2.0 / (31 / 62 * 7 / 32))
