"""What tests of care stand on: the company, and a clock that stands."""

from __future__ import annotations

import pytest

from customers.ground import clock
from customers.ground.models import Company
from tests.factories import NOW


@pytest.fixture(autouse=True)
def _now(company: Company) -> None:
    clock.fix(NOW)
