"""Two people change accounts at the same moment."""

from __future__ import annotations

from typing import Any

import pytest

from customers import people
from customers.models import Team, User
from customers.models.people import Role
from tests.factories import NOW, CompanyFactory, UserFactory
from tests.retention.racing import race

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _company() -> None:
    CompanyFactory()


def kinds(results: list[Any]) -> list[str]:
    return sorted(type(result).__name__ for result in results)


@pytest.mark.parametrize("_round", range(5))
def test_create_user_refuses_in_words_when_somebody_is_quicker_with_the_name(_round: int) -> None:
    def create() -> User:
        return people.create_user(username="ada", password=None, role=Role.ANALYST, by=None, at=NOW)

    assert kinds(race(create, create, create)) == ["NameTaken", "NameTaken", "User"]
    assert User.objects.filter(username="ada").count() == 1


def test_create_team_refuses_in_words_when_somebody_is_quicker_with_the_name() -> None:
    def create() -> Team:
        return people.create_team(name="North", by=None, at=NOW)

    assert kinds(race(create, create, create)) == ["NameTaken", "NameTaken", "Team"]


@pytest.mark.parametrize("_round", range(5))
def test_two_last_admins_cannot_lock_each_other_out(_round: int) -> None:
    anna, ben = UserFactory(role="admin"), UserFactory(role="admin")

    results = race(
        lambda: people.set_active(anna, is_active=False, by=ben, at=NOW),
        lambda: people.set_active(ben, is_active=False, by=anna, at=NOW),
    )

    assert kinds(results) == ["LastAdmin", "User"]
    assert User.objects.filter(role="admin", is_active=True).count() == 1
