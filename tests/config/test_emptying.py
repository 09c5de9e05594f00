"""Tests that commit leave nothing behind, in whatever order they run."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection, transaction

from customers.causes import CAUSES, DETAILS
from customers.ground.models import Event
from customers.models import Cause, Customer
from tests.factories import CustomerFactory


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_turn", [1, 2])
def test_emptying_removes_append_only_rows_and_keeps_what_migrations_laid_down(_turn: int) -> None:
    assert not Customer.objects.exists()
    assert not Event.objects.exists()
    assert Cause.objects.count() == len(CAUSES) + len(DETAILS)
    assert ContentType.objects.get_for_model(Customer).pk
    customer = CustomerFactory()
    event = Event.objects.create(
        kind="test", customer_id=customer.pk, occurred_at=customer.created_at, data={}
    )
    with pytest.raises(DatabaseError), transaction.atomic():
        event.delete()  # the guards are back after every emptying


@pytest.mark.django_db
def test_emptying_leaves_nothing_to_other_tests() -> None:
    assert not Customer.objects.exists()
    assert Cause.objects.count() == len(CAUSES) + len(DETAILS)
    assert connection.in_atomic_block
