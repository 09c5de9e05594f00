"""Two people join companies at the same moment."""

from __future__ import annotations

import pytest

from customers import customers
from customers.models import Customer
from tests.factories import NOW, CompanyFactory, CustomerFactory
from tests.retention.racing import race

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("_round", range(5))
def test_two_companies_cannot_become_each_others_parent(_round: int) -> None:
    CompanyFactory()
    one, other = CustomerFactory(), CustomerFactory()

    results = race(
        lambda: customers.change_customer(one, parent=other, by=None, at=NOW),
        lambda: customers.change_customer(other, parent=one, by=None, at=NOW),
    )

    assert sorted(type(result).__name__ for result in results) == ["Customer", "ParentInCircle"]
    assert Customer.objects.filter(parent__isnull=False).count() == 1
