"""Triggers that no writer can forget: versions are kept, append-only rows stay."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from customers.facts import TWINS
from customers.ground import guards
from customers.ground.models import AuditEvent, Event
from customers.models import Order, OrderVersion, Team
from retention.models import RetentionCase
from tests.factories import NOW, CustomerFactory, OrderFactory

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=3)


@pytest.fixture
def order(company):
    return OrderFactory(customer=CustomerFactory(), occurred_at=NOW, recorded_at=NOW)


def refused():
    return pytest.raises(DatabaseError)


def test_update_writes_the_old_row_as_a_version(order):
    old = order.sold_base
    Order.objects.filter(pk=order.pk).update(sold_base=old + 5, recorded_at=LATER)
    version = OrderVersion.objects.get()
    assert (version.fact_id, version.sold_base, version.recorded_at, version.superseded_at) == (
        order.pk,
        old,
        NOW,
        LATER,
    )


def test_raw_sql_writes_a_version_too(order):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE customers_order SET void = %s, recorded_at = %s WHERE id = %s", [True, LATER, order.pk]
        )
    assert OrderVersion.objects.count() == 1


def test_update_without_difference_writes_no_version(order):
    Order.objects.filter(pk=order.pk).update(sold_base=order.sold_base, batch=None)
    assert not OrderVersion.objects.exists()


def test_update_of_a_text_alone_keeps_the_row_known_for_the_time_before(order):
    Order.objects.filter(pk=order.pk).update(number="A-17", recorded_at=LATER)
    version = OrderVersion.objects.get()
    assert (version.recorded_at, version.superseded_at) == (NOW, LATER)


def test_update_recorded_before_the_version_it_replaces_is_refused(order):
    with refused(), transaction.atomic():
        Order.objects.filter(pk=order.pk).update(sold_base=1, recorded_at=NOW - timedelta(seconds=1))
    assert not OrderVersion.objects.exists()


def test_facts_are_never_deleted(order):
    with refused(), transaction.atomic():
        Order.objects.filter(pk=order.pk)._raw_delete("default")


def test_every_fact_has_a_version_guard_and_a_delete_guard():
    kinds = {(type(g), g.model) for g in guards.registered()}
    for fact, twin in TWINS.items():
        assert (guards.Versioned, fact) in kinds
        assert {(guards.AppendOnly, fact), (guards.AppendOnly, twin)} <= kinds


def test_version_lets_only_the_customer_be_repointed(order):
    Order.objects.filter(pk=order.pk).update(sold_base=1, recorded_at=LATER)
    OrderVersion.objects.update(customer_id=CustomerFactory().pk)
    with refused(), transaction.atomic():
        OrderVersion.objects.update(sold_base=2)
    with refused(), transaction.atomic():
        OrderVersion.objects.all()._raw_delete("default")


def test_version_may_lose_its_time_and_get_no_other(order):
    Order.objects.filter(pk=order.pk).update(sold_base=1, recorded_at=LATER)
    for end in (NOW - timedelta(seconds=1), NOW + timedelta(seconds=1), LATER + timedelta(seconds=1)):
        with refused(), transaction.atomic():
            OrderVersion.objects.update(superseded_at=end)
    OrderVersion.objects.update(superseded_at=NOW)
    assert OrderVersion.objects.get().superseded_at == NOW
    with refused(), transaction.atomic():
        OrderVersion.objects.update(superseded_at=LATER)


@pytest.mark.parametrize("model", [Event, AuditEvent])
def test_events_let_only_the_customer_be_repointed(model):
    fields = (
        {"kind": "x", "occurred_at": NOW} if model is Event else {"act": "x", "at": NOW, "channel": "task"}
    )
    row = model.objects.create(customer_id=1, **fields)
    model.objects.filter(pk=row.pk).update(customer_id=2)
    with refused(), transaction.atomic():
        model.objects.filter(pk=row.pk).update(**{next(iter(fields)): "y"})
    with refused(), transaction.atomic():
        model.objects.filter(pk=row.pk)._raw_delete("default")


def test_install_replaces_nothing_that_stands():
    before = guards._present(connection)
    guards.install(connection)
    assert guards._present(connection) == before


def test_remove_and_install_bring_every_guard_back():
    before = guards._present(connection)
    guards.remove(connection)
    assert guards._present(connection) == {}
    guards.install(connection)
    assert guards._present(connection) == before


def test_without_its_guard_a_version_is_lost(order):
    """The known-bad variant: it is the trigger that keeps the old row."""
    guards.remove(connection)
    Order.objects.filter(pk=order.pk).update(sold_base=1, recorded_at=LATER)
    assert not OrderVersion.objects.exists()
    guards.install(connection)


def test_copied_column_is_filled_when_its_guard_is_made(company):
    """Old code writes rows until the migrations of an upgrade are through."""
    customer = CustomerFactory()
    case = RetentionCase.objects.create(customer=customer, opened_at=NOW)
    team = Team.objects.create(name="North")
    guards.remove(connection)
    type(customer).objects.filter(pk=customer.pk).update(team=team)
    guards.install(connection)
    case.refresh_from_db()
    assert case.team_id == team.pk
