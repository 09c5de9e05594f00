"""The wide table: who is written, when, and that the changed alone equal a full pass."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers import movers, touched
from customers.ground.models import Company
from customers.models import Customer, Order, TouchedCustomer
from retention import measures
from retention.measures import compute
from retention.models.measures import CustomerMeasures, MeasureState
from tests.factories import (
    NOW,
    ComplaintFactory,
    ContractFactory,
    CustomerFactory,
    InteractionFactory,
    OrderFactory,
    OrderLineFactory,
    OwnershipFactory,
    ProductFactory,
    UserActivityFactory,
    UserFactory,
    ago,
    day,
)
from tests.retention.measures.histories import History, histories, looks_at
from tests.retention.measures.test_point_in_time import world

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def wide(customer: Customer, code: str) -> Any:
    """Return the stored value of one measure."""
    return CustomerMeasures.objects.values_list(code, flat=True).get(customer=customer)


# --- refresh ----------------------------------------------------------------------------------
def test_refresh_writes_a_row_of_nothing_for_a_customer_without_facts(company: Company) -> None:
    customer = CustomerFactory()
    assert compute.refresh(as_of=NOW) == 1
    row = compute.values_of([customer.pk])[customer.pk]
    counted = {"count", "money", "flag"}
    nothing = {
        m.code: 0 if m.unit in counted and m.is_counted and not m.vector else None for m in measures.stored()
    }
    assert row == nothing
    today = compute.today(NOW).number
    derived = [m for m in measures.every().values() if not m.is_stored]
    assert all(
        m.read(row, today=today) == (0 if m.unit == "count" and m.is_counted else None) for m in derived
    )


def test_refresh_leaves_a_row_alone_when_it_is_as_new(customer: Customer) -> None:
    assert compute.refresh(as_of=NOW) == 1
    OrderFactory(customer=customer)
    assert compute.refresh(as_of=NOW) == 0
    assert compute.refresh(as_of=NOW - DAY) == 0
    assert wide(customer, "orders_30d") == 0
    assert compute.refresh(as_of=NOW + timedelta(microseconds=1)) == 1
    assert wide(customer, "orders_30d") == 1


def test_refresh_acts_on_the_given_customers_only(company: Company) -> None:
    first, second, third = CustomerFactory.create_batch(3)
    assert compute.refresh(as_of=NOW, customers=compute.only([third.pk, first.pk, first.pk])) == 2
    assert set(CustomerMeasures.objects.values_list("customer_id", flat=True)) == {first.pk, third.pk}
    assert compute.refresh(as_of=NOW, customers=compute.between(second.pk, second.pk)) == 1
    assert compute.refresh(as_of=NOW, customers=compute.only([])) == 0
    assert not MeasureState.objects.exists()


def test_refresh_of_everyone_is_noted_and_never_goes_back(customer: Customer) -> None:
    compute.refresh(as_of=NOW)
    compute.refresh(as_of=NOW - DAY)
    state = MeasureState.objects.get()
    assert (state.as_of, state.day, state.fingerprint) == (NOW, day(NOW), measures.fingerprint())


@pytest.mark.parametrize("customers", [1, 3])
def test_refresh_takes_the_same_statements_however_many_customers(customers: int, company: Company) -> None:
    for _ in range(customers):
        OrderFactory.create_batch(2, customer=CustomerFactory())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        compute.refresh(as_of=NOW, customers=compute.between(1, compute.LAST_ID))
    assert len([q for q in queries if "INSERT" in q["sql"]]) == 1
    # company, savepoints and releases, settings and back, the one statement; then parameters, what the
    # vector measures read, and what they write
    assert len([q for q in queries if q["sql"].startswith("UPDATE")]) == 1
    assert len(queries) <= 14


# --- the changed ------------------------------------------------------------------------------
@settings(
    max_examples=30,
    deadline=None,
    print_blob=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)
@given(history=histories(), data=st.data())
def test_refresh_changed_equals_a_full_pass_when_the_clock_moves(
    history: History, data: st.DataObject
) -> None:
    as_of = data.draw(looks_at(history))
    with world(history.zone) as recorder:
        pks = [customer.pk for customer in recorder.customers]
        recorder.write(history.facts, until=as_of)
        compute.refresh(as_of=as_of)
        for step in data.draw(st.permutations([0.3, 1, 2, 7, 40])):
            as_of += step * DAY
            touched.mark(recorder.write(history.facts, until=as_of), at=as_of)
            refreshed = compute.refresh_changed(as_of=as_of)
            TouchedCustomer.objects.all().delete()
            assert set(refreshed) <= set(pks)
            with compute.at(as_of=as_of) as full:
                assert compute.values_of(pks) == compute.values_of(pks, table=full)


def edge_cases() -> dict[str, Any]:
    """Return, for each kind of edge, a maker of a fact that something happens to at the next midnight."""
    today = NOW.date().toordinal()  # 10:00 in Shanghai, 02:00 UTC: the same day
    return {
        "30 days": lambda c: OrderFactory(customer=c, occurred_at=ago(29)),
        "90 days": lambda c: InteractionFactory(customer=c, occurred_at=ago(89)),
        "180 days": lambda c: ComplaintFactory(customer=c, occurred_at=ago(179), resolved_at=ago(170)),
        "365 days": lambda c: OrderFactory(customer=c, occurred_at=ago(364)),
        "730 days": lambda c: OrderFactory(customer=c, occurred_at=ago(729)),
        "due day": lambda c: ComplaintFactory(customer=c, occurred_at=ago(10), due_day=today),
        "contract begins": lambda c: ContractFactory(customer=c, starts_day=today + 1),
        "contract ends": lambda c: ContractFactory(customer=c, starts_day=today - 9, ends_day=today),
        "contract terminated": lambda c: ContractFactory(customer=c, terminated_day=today + 1),
        "product withdrawn": lambda c: OrderLineFactory(
            order=OrderFactory(customer=c, occurred_at=ago(50)),
            product=ProductFactory(withdrawn_day=today + 1, withdrawn_known_at=ago(9)),
        ),
        "contract renewed": lambda c: ContractFactory(customer=c, renewed_day=today + 1),
    }


@pytest.mark.parametrize("edge", edge_cases())
def test_refresh_changed_finds_a_customer_when_an_edge_is_crossed(edge: str, customer: Customer) -> None:
    bystander = CustomerFactory()
    OrderFactory(customer=bystander, occurred_at=ago(50))
    edge_cases()[edge](customer)
    compute.refresh(as_of=NOW)
    assert compute.refresh_changed(as_of=NOW + DAY) == [customer.pk]


@pytest.mark.parametrize("edge", edge_cases())
def test_refresh_changed_leaves_a_customer_when_the_edge_is_a_day_away(edge: str, customer: Customer) -> None:
    edge_cases()[edge](customer)
    yesterday = NOW - DAY
    CustomerMeasures.objects.all().delete()
    compute.refresh(as_of=yesterday)
    assert compute.refresh_changed(as_of=yesterday + timedelta(hours=1)) == []


def test_refresh_changed_finds_the_touched_and_the_new(company: Company) -> None:
    quiet, marked = CustomerFactory.create_batch(2)
    compute.refresh(as_of=NOW)
    touched.mark([marked.pk], at=NOW)
    new = CustomerFactory()
    assert compute.refresh_changed(as_of=NOW + DAY) == [marked.pk, new.pk]
    assert TouchedCustomer.objects.count() == 1  # the sweep's to claim
    assert set(CustomerMeasures.objects.values_list("customer_id", flat=True)) == {
        quiet.pk,
        marked.pk,
        new.pk,
    }


def test_refresh_changed_finds_the_customers_of_a_colleague_who_left(customer: Customer) -> None:
    CustomerFactory(owner=UserFactory())
    compute.refresh(as_of=NOW)
    UserActivityFactory(user=customer.owner, occurred_at=NOW + timedelta(hours=1))
    assert compute.refresh_changed(as_of=NOW + DAY) == [customer.pk]
    assert wide(customer, "owner_inactive") == 1


def test_refresh_changed_refreshes_everybody_without_a_pass_to_start_from(company: Company) -> None:
    pks = [customer.pk for customer in CustomerFactory.create_batch(2)]
    assert compute.refresh_changed(as_of=NOW) == pks
    assert compute.refresh_changed(as_of=NOW + timedelta(hours=1)) == []


def test_refresh_changed_refreshes_everybody_when_the_registry_changed(customer: Customer) -> None:
    compute.refresh(as_of=NOW)
    MeasureState.objects.update(fingerprint="older")
    assert compute.refresh_changed(as_of=NOW + timedelta(hours=1)) == [customer.pk]


def test_refresh_changed_does_nothing_when_a_later_pass_is_noted(customer: Customer) -> None:
    compute.refresh(as_of=NOW)
    touched.mark([customer.pk], at=NOW)
    assert compute.refresh_changed(as_of=NOW) == []
    assert compute.refresh_changed(as_of=NOW - DAY) == []


# --- a past moment ----------------------------------------------------------------------------
def test_at_leaves_nothing_behind(customer: Customer) -> None:
    tables = set(connection.introspection.table_names())
    with compute.at(as_of=NOW) as table:
        assert compute.values_of([customer.pk], table=table)
    with pytest.raises(ZeroDivisionError), compute.at(as_of=NOW):
        raise ZeroDivisionError
    assert set(connection.introspection.table_names()) == tables
    assert not CustomerMeasures.objects.exists()


def test_at_gives_two_moments_side_by_side(customer: Customer) -> None:
    OrderFactory(customer=customer, occurred_at=ago(5))
    with compute.at(as_of=ago(10)) as then, compute.at(as_of=NOW) as now:
        before, after = (compute.values_of([customer.pk], table=t)[customer.pk] for t in (then, now))
    assert (before["orders_30d"], after["orders_30d"]) == (0, 1)


def test_values_of_leaves_out_a_customer_without_a_row(customer: Customer) -> None:
    assert compute.values_of([customer.pk]) == {}
    assert compute.values_of([]) == {}


# --- merging two customers --------------------------------------------------------------------
def test_merging_drops_the_row_of_the_one_who_goes(company: Company) -> None:
    gone, stays = CustomerFactory.create_batch(2)
    compute.refresh(as_of=NOW)
    move = movers.movers()[CustomerMeasures]
    assert move("contact", gone.pk, stays.pk) == 0
    assert move("customer", gone.pk, stays.pk) == 1
    assert list(CustomerMeasures.objects.values_list("customer_id", flat=True)) == [stays.pk]
    assert move("customer", gone.pk, stays.pk) == 0


# --- shards -----------------------------------------------------------------------------------
@pytest.mark.parametrize(("customers", "wanted", "made"), [(0, 4, 1), (1, 4, 1), (7, 3, 3), (7, 7, 7)])
def test_shards_cover_every_customer_once(customers: int, wanted: int, made: int, company: Company) -> None:
    CustomerFactory.create_batch(customers, contact=False)
    ranges = compute.shards(wanted)
    assert len(ranges) == made
    assert (ranges[0].low, ranges[-1].high) == (1, compute.LAST_ID)
    for before, after in itertools.pairwise(ranges):
        assert before.high is not None and after.low == before.high + 1
    sizes = [Customer.objects.filter(pk__range=(shard.low, shard.high)).count() for shard in ranges]
    assert sum(sizes) == customers and max(sizes) - min(sizes) <= 1


def test_shards_hold_a_bounded_number_of_customers(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "LARGEST_SHARD", 2)
    CustomerFactory.create_batch(5, contact=False)
    assert len(compute.shards(1)) == 3


def test_shards_together_equal_one_pass(company: Company) -> None:
    customers = CustomerFactory.create_batch(5)
    for customer in customers:
        OrderFactory(customer=customer, occurred_at=ago(1 + customer.pk % 7))
    pks = [customer.pk for customer in customers]
    with compute.at(as_of=NOW) as whole:
        expected = compute.values_of(pks, table=whole)
    for shard in compute.shards(3):
        compute.refresh(as_of=NOW, customers=shard)
    compute.note_full_pass(as_of=NOW)
    assert compute.values_of(pks) == expected
    assert compute.refresh_changed(as_of=NOW + timedelta(seconds=1)) == []


# --- history ----------------------------------------------------------------------------------
def months_ago(n: int, of_day: int = 15) -> datetime:
    return NOW.replace(month=NOW.month - n, day=of_day)


def test_history_counts_by_calendar_month_what_the_measures_count(customer: Customer) -> None:
    midnight = datetime.fromisoformat("2026-04-01T00:00:00+08:00")
    OrderFactory(customer=customer, occurred_at=midnight, sold=700)
    OrderFactory(customer=customer, occurred_at=midnight - timedelta(microseconds=1), sold=500)
    OrderFactory(customer=customer, occurred_at=months_ago(2), status="cancelled")
    OrderFactory(customer=customer, occurred_at=months_ago(2), sold=0, returned=100)
    OrderFactory(customer=customer, occurred_at=NOW)  # not before ``at``
    OrderFactory(occurred_at=ago(3))
    InteractionFactory(customer=customer, occurred_at=ago(2))
    InteractionFactory(customer=customer, occurred_at=ago(2), reached=False)
    ComplaintFactory(customer=customer, occurred_at=months_ago(1))
    Order.objects.filter(pk=OrderFactory(customer=customer, occurred_at=ago(1)).pk).update(void=True)
    assert compute.history(customer.pk, at=NOW, months=4) == {
        "orders": [0, 1, 1, 0],
        "spend": [0, 400, 700, 0],
        "contacts": [0, 0, 0, 1],
        "complaints": [0, 0, 1, 0],
    }


def test_history_goes_back_over_the_new_year(customer: Customer) -> None:
    OrderFactory(customer=customer, occurred_at=datetime.fromisoformat("2025-06-01T00:00:00+08:00"))
    OrderFactory(customer=customer, occurred_at=datetime.fromisoformat("2025-05-31T23:59:59+08:00"))
    assert compute.history(customer.pk, at=NOW)["orders"] == [1] + [0] * 11


@pytest.mark.parametrize("orders", [1, 3])
def test_history_takes_the_same_queries_however_many_facts(orders: int, customer: Customer) -> None:
    for n in range(orders):
        OrderFactory(customer=customer, occurred_at=ago(n + 1))
    with CaptureQueriesContext(connection) as queries:
        compute.history(customer.pk, at=NOW)
    assert len(queries) == 4  # company, orders, interactions, complaint events


def test_history_has_a_course_for_every_measure_that_asks_for_one(customer: Customer) -> None:
    wanted = {m.spark for m in measures.every().values() if m.spark}
    assert wanted == set(compute.history(customer.pk, at=NOW))


def test_owners_without_activity_count_as_active(customer: Customer) -> None:
    OwnershipFactory(customer=customer, user=UserFactory(), occurred_at=ago(3))
    compute.refresh(as_of=NOW)
    assert wide(customer, "owner_inactive") == 0
