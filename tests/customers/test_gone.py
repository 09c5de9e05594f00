"""A customer that is gone counts nowhere and is seen by nobody; its row stays for the facts below it."""

from __future__ import annotations

import pytest

from customers.models import Customer
from retention.measures import compute
from retention.measures.changes import changed_customers
from retention.models import MeasureState
from tests.factories import NOW, CustomerFactory, OrderFactory, ago

pytestmark = pytest.mark.django_db


@pytest.fixture
def gone(manager, customer):
    """One who is gone beside one who is not, both owned by the manager, both with an order."""
    row = CustomerFactory(owner=manager, gone_at=NOW)
    for one in (row, customer):
        OrderFactory(customer=one, occurred_at=ago(3))
    return row


@pytest.mark.parametrize("who", ["admin", "analyst", "lead", "manager"])
def test_visible_to_leaves_out_who_is_gone(request, gone, customer, who):
    user = request.getfixturevalue(who)
    assert list(Customer.objects.visible_to(user)) == [customer]


def test_passes_leave_out_who_is_gone(gone, customer):
    with compute.at(as_of=NOW) as table:
        assert compute.values_of([gone.pk, customer.pk], table=table).keys() == {customer.pk}
    compute.refresh(as_of=NOW)
    assert compute.values_of([gone.pk, customer.pk]).keys() == {customer.pk}


def test_changed_customers_never_name_who_is_gone(gone, customer):
    compute.refresh(as_of=NOW)
    since, day = MeasureState.objects.get(), compute.today(NOW).number
    assert gone.pk not in changed_customers(since=since, day=day)
    Customer.objects.filter(pk=gone.pk).update(gone_at=None)
    assert gone.pk in changed_customers(since=since, day=day)


def test_pages_answer_404_for_who_is_gone(client, admin, gone):
    client.force_login(admin)
    assert client.get(f"/customers/{gone.pk}/").status_code == 404
    assert f"/customers/{gone.pk}/".encode() not in client.get("/customers/").content
