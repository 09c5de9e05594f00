"""What tests of loyalty stand on: a live programme and an account without points."""

from __future__ import annotations

import pytest

from customers.ground.models import Company
from loyalty.models import PointsAccount, Programme
from tests.loyalty.factories import ProgrammeFactory, make_account


@pytest.fixture
def programme(company: Company) -> Programme:
    """A live programme whose points are usable at once and expire after twelve months."""
    return ProgrammeFactory()


@pytest.fixture
def account(programme: Programme) -> PointsAccount:
    """The account of a customer, with no points yet."""
    return make_account()
