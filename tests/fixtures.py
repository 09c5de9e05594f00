"""The fixed cast: one owns, one is on the team, one leads it, one must see nothing."""

from __future__ import annotations

import pytest

from customers.ground.models import Company
from customers.models import Customer, Team, User
from tests.factories import CompanyFactory, CustomerFactory, TeamFactory, UserFactory


@pytest.fixture
def company(db: None) -> Company:
    """The company, in Shanghai, with yuan as its base currency."""
    return CompanyFactory()


@pytest.fixture
def team(company: Company) -> Team:
    """The team of ``manager``, ``teammate`` and ``lead``."""
    return TeamFactory(name="North")


@pytest.fixture
def manager(team: Team) -> User:
    """An account manager who owns ``customer``."""
    return UserFactory(username="manager", team=team)


@pytest.fixture
def teammate(team: Team) -> User:
    """An account manager of the same team, who owns nothing."""
    return UserFactory(username="teammate", team=team)


@pytest.fixture
def lead(team: Team) -> User:
    """The lead of the team."""
    return UserFactory(username="lead", role="team_lead", team=team)


@pytest.fixture
def outsider(company: Company) -> User:
    """An account manager of another team, who must not see ``customer``."""
    return UserFactory(username="outsider", team=TeamFactory(name="South"))


@pytest.fixture
def admin(company: Company) -> User:
    """An admin of the product (not of Django)."""
    return UserFactory(username="admin", role="admin")


@pytest.fixture
def analyst(company: Company) -> User:
    """An analyst: sees everything, changes nothing."""
    return UserFactory(username="analyst", role="analyst")


@pytest.fixture
def customer(manager: User) -> Customer:
    """A customer of ``manager``."""
    return CustomerFactory(name="Blue Lake Trading", name_alt="蓝湖贸易", owner=manager)
