"""Orders that are told of again: what a cap, a first order and a return leave stays as it is."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F, Sum
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers import merges
from customers.models import Customer, Order
from customers.writing import revise, void
from loyalty import programmes
from loyalty.earning import applying, baskets, evaluate, holding, moving, rules, shortfalls
from loyalty.earning.explaining import Explainer
from loyalty.ledger import adjusting, expiring, sealing
from loyalty.ledger.errors import NotOfThisKind
from loyalty.models import OrderEarning, PointsAccount, PointsEntry, PointsLot, Programme, Tier
from loyalty.tiers import counting
from tests.factories import NOW, CompanyFactory, CustomerFactory, ago, day
from tests.loyalty import factories
from tests.loyalty.earning import SPEND, apply, bought, make_rule, moves_of, record, state_of, sums_of

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
LATER = NOW + timedelta(days=1)
FIRST = {"kind": "first_order", "points": 50}
HELD = (Customer, PointsAccount)


def cap(period: str, points: int) -> dict[str, Any]:
    return {"kind": "cap", "period": period, "points": points}


@pytest.fixture
def spend(programme: Programme) -> Programme:
    make_rule(programme, SPEND, at=ago(100))
    return programme


@pytest.fixture
def customer(spend: Programme) -> Customer:
    return CustomerFactory()


def removed(order: Order, *, at: Any) -> None:
    apply(void(order, at=at), at=at)


# --- Caps -------------------------------------------------------------------------------------
def test_a_cap_takes_nothing_from_an_order_of_which_goods_came_back(customer, programme):
    make_rule(programme, cap("month", 100), at=ago(100))
    first = bought(customer, ("tea", 2, 50))
    bought(customer, ("tea", -1, 50), at=NOW + HOUR)
    second = bought(customer, ("cup", 1, 100), at=NOW + 2 * HOUR)
    assert sums_of(customer) == (50, 0, 0)  # what came back makes no room
    apply(revise(first, at=LATER, status="delivered"), at=LATER)
    apply(first, second, at=LATER)
    Order.objects.filter(is_purchase=True).update(recorded_at=LATER)
    applying.earn_missed(LATER + HOUR)
    assert moves_of(customer) == [("earn", 100), ("take_back", -50)]


@pytest.mark.parametrize("is_together", [False, True])
def test_a_cap_counts_the_same_in_one_go_or_in_two(customer, programme, is_together):
    make_rule(programme, cap("month", 100), at=ago(100))
    first = bought(customer, ("tea", 2, 50))
    bought(customer, ("tea", -1, 50), at=NOW + HOUR)
    second = record(customer, ("cup", 1, 100), at=NOW + 2 * HOUR)
    apply(*([first, second] if is_together else [second]), at=NOW + 2 * HOUR)
    assert moves_of(customer) == [("earn", 100), ("take_back", -50)]


def test_a_return_that_is_removed_leads_no_higher_than_the_cap(customer, programme):
    make_rule(programme, cap("day", 100), at=ago(100))
    bought(customer, ("tea", 1, 100))
    back = bought(customer, ("tea", -1, 100), at=NOW + HOUR)
    bought(customer, ("cup", 1, 100), at=NOW + 2 * HOUR)
    removed(back, at=NOW + 3 * HOUR)
    assert sums_of(customer) == (100, 0, 0)


def test_a_cap_takes_nothing_for_orders_that_are_judged_without_it(customer, programme):
    rule = make_rule(programme, cap("month", 100), at=ago(100))
    first = bought(customer, ("tea", 1, 80), at=NOW)
    rules.turn_rule(rule, is_on=False, by=None, at=NOW + HOUR)
    bought(customer, ("cup", 1, 500), at=NOW + 2 * HOUR)
    apply(first, at=LATER)
    assert sums_of(customer) == (580, 0, 0)


def test_an_order_that_falls_away_makes_room_for_those_that_a_cap_cut(customer, programme):
    make_rule(programme, cap("day", 100), at=ago(100))
    first = bought(customer, ("tea", 1, 90))
    second, third = (bought(customer, ("cup", 1, price), at=NOW + HOUR) for price in (40, 30))
    other = bought(customer, ("cup", 1, 70), at=LATER)
    assert [state_of(order).points for order in (first, second, third, other)] == [90, 10, 0, 70]
    apply(revise(first, at=LATER, status=Order.Status.CANCELLED), at=LATER)
    assert [state_of(order).points for order in (first, second, third, other)] == [0, 40, 30, 70]
    apply(revise(first, at=LATER + HOUR, status=Order.Status.PLACED), at=LATER + HOUR)
    assert [state_of(order).points for order in (first, second, third, other)] == [30, 40, 30, 70]
    before = moves_of(customer)
    apply(first, second, third, other, at=LATER + 2 * HOUR)
    assert moves_of(customer) == before


@pytest.fixture
def months(customer: Customer, programme: Programme) -> tuple[Order, Order, Order]:
    """Two orders in April, of which a cap cut the second, and one in May."""
    make_rule(programme, cap("month", 100), at=ago(100))
    april, later = ago(40), ago(40) + HOUR
    return (
        bought(customer, ("tea", 1, 100), at=april),
        bought(customer, ("cup", 1, 100), at=later),
        bought(customer, ("cup", 1, 100), at=NOW),
    )


def brought(*orders: Order) -> list[int]:
    return [state_of(order).brought for order in orders]


def balances(*customers: Customer) -> list[int]:
    return [sums_of(one)[0] for one in customers]


def moved(order: Order, customer: Customer, *, at: Any = LATER) -> Order:
    """Let an order be another customer's, as the correction of a file does, and tell of it."""
    order = revise(Order.objects.get(pk=order.pk), at=at, customer_id=customer.pk)
    apply(order, at=at)
    return order


def test_an_order_that_moves_to_another_month_is_below_the_cap_there(customer, months):
    order, *others = months
    assert brought(order, *others) == [100, 0, 100]
    order = revise(order, at=LATER, occurred_at=NOW + HOUR)
    apply(order, at=LATER)
    assert (brought(order, *others), sums_of(customer)) == ([0, 100, 100], (200, 0, 0))
    order = revise(order, at=LATER + HOUR, occurred_at=ago(40))
    apply(order, at=LATER + HOUR)
    assert (brought(order, *others), sums_of(customer)) == ([0, 100, 100], (200, 0, 0))


def test_an_order_that_moves_within_its_month_keeps_what_it_brings(customer, months):
    order, *others = months
    before = moves_of(customer)
    apply(revise(order, at=LATER, occurred_at=ago(38)), at=LATER)
    assert (brought(order, *others), moves_of(customer)) == ([100, 0, 100], before)


def test_an_order_of_another_customer_now_is_below_the_cap_of_that_one(customer, months):
    order, *others = months
    other = CustomerFactory()
    theirs = bought(other, ("pot", 1, 70), at=ago(40))
    order = revise(order, at=LATER, customer_id=other.pk)
    apply(order, at=LATER)
    assert brought(order, *others, theirs) == [30, 100, 100, 70]
    assert balances(customer, other) == [200, 100]
    apply(revise(order, at=LATER + HOUR, customer_id=customer.pk), at=LATER + HOUR)
    assert brought(order, *others, theirs) == [0, 100, 100, 70]
    assert balances(customer, other) == [200, 70]


def test_a_cap_of_one_order_makes_no_room(customer, programme, monkeypatch):
    make_rule(programme, cap("order", 10), at=ago(100))
    orders = [bought(customer, ("tea", 1, 90), at=NOW + n * HOUR) for n in range(3)]
    assert judged_by(monkeypatch, lambda: removed(orders[0], at=LATER)) == [orders[0].pk]
    make_rule(programme, cap("day", 15), at=LATER)
    orders = [bought(customer, ("tea", 1, 90), at=LATER + n * HOUR) for n in range(1, 4)]
    assert brought(*orders) == [10, 5, 0]
    judged = judged_by(monkeypatch, lambda: removed(orders[2], at=LATER + 5 * HOUR))
    assert judged == [orders[2].pk]
    judged = judged_by(monkeypatch, lambda: removed(orders[0], at=LATER + 6 * HOUR))
    assert (judged, brought(*orders)) == ([orders[0].pk, orders[1].pk], [0, 10, 0])


def judged_by(monkeypatch: pytest.MonkeyPatch, act: Any) -> list[int]:
    """Return the orders that are judged while something happens."""
    judged: list[int] = []
    judge = applying._Chunk._judge

    def judging(self: Any, row: OrderEarning, one: Any) -> None:
        judged.append(one.pk)
        judge(self, row, one)

    with monkeypatch.context() as patched:
        patched.setattr(applying._Chunk, "_judge", judging)
        act()
    return judged


def test_room_is_made_some_orders_at_a_time_the_earliest_first(customer, programme, monkeypatch):
    make_rule(programme, cap("year", 100), at=ago(100))
    other_year = bought(customer, ("tea", 1, 30), at=ago(99), occurred_at=ago(200))
    first = bought(customer, ("tea", 1, 100), at=ago(40))
    late, early = (bought(customer, ("cup", 1, 60), at=ago(n)) for n in (10, 20))
    monkeypatch.setattr(applying, "AT_ONCE", 1)
    with CaptureQueriesContext(connection) as asked:
        removed(first, at=LATER)
    assert brought(first, early, late, other_year) == [0, 60, 40, 30]
    reading = [query["sql"] for query in asked if '"net" > 0' in query["sql"]]
    assert len(reading) == 1
    assert all('"occurred_day" >= ' in sql and '"came_back"' not in sql for sql in reading)


# --- The first order --------------------------------------------------------------------------
def test_a_first_order_that_falls_away_makes_the_next_one_the_first(customer, programme):
    make_rule(programme, FIRST, at=ago(100))
    first = bought(customer, ("tea", 1, 10))
    second, third = (bought(customer, ("tea", 1, price), at=NOW + HOUR) for price in (20, 30))
    applied = apply(revise(first, at=LATER, status=Order.Status.CANCELLED), at=LATER)
    assert (applied.orders, applied.earned, applied.taken_back) == (1, 50, 60)
    assert [state_of(order).points for order in (first, second, third)] == [0, 70, 30]
    apply(revise(first, at=LATER + HOUR, status=Order.Status.PLACED), at=LATER + HOUR)
    assert [state_of(order).is_first for order in (first, second, third)] == [False, True, False]


def test_first_orders_are_one_of_each_customer_also_after_a_merge_was_taken_back(customer, programme):
    make_rule(programme, FIRST, at=ago(100))
    other = CustomerFactory()
    factories.make_account(other)
    order = record(customer, ("tea", 1, 10))
    merge = merges.merge_customers(other, customer, reason="Same.", by=None, at=NOW)
    apply(order)
    merges.undo_merge(merge, by=None, at=LATER)
    later = record(other, ("tea", 1, 10), at=LATER)
    assert applying.earn_missed(LATER + HOUR).failed == 0
    assert (state_of(order).is_first, state_of(later).is_first) == (True, True)
    assert state_of(order).account == state_of(later).account
    apply(order, later, at=LATER + HOUR)
    assert bought(customer, ("tea", 1, 10), at=LATER + HOUR)
    assert OrderEarning.objects.filter(is_first=True).count() == 2


def test_a_first_order_that_is_of_another_customer_now_is_no_second_first_there(customer, programme):
    make_rule(programme, FIRST, at=ago(100))
    other = CustomerFactory()
    order, next_one = (bought(customer, ("tea", 1, 10), at=NOW + n * HOUR) for n in range(2))
    theirs = bought(other, ("tea", 1, 10), at=NOW - HOUR)
    found = (order, next_one, theirs)
    order = revise(order, at=LATER, customer_id=other.pk)
    apply(order, at=LATER)
    assert [state_of(one).is_first for one in found] == [False, True, True]
    assert [state_of(one).points for one in found] == [10, 60, 60]
    assert balances(customer, other) == [60, 70]
    apply(revise(order, at=LATER + HOUR, customer_id=customer.pk), at=LATER + HOUR)
    assert [state_of(one).is_first for one in found] == [False, True, True]
    assert [state_of(one).points for one in found] == [10, 60, 60]
    assert balances(customer, other) == [70, 60]


def test_the_only_order_of_a_customer_is_the_first_again_when_it_comes_back(customer, programme):
    make_rule(programme, FIRST, at=ago(100))
    other = CustomerFactory()
    order = bought(customer, ("tea", 1, 10))
    bought(other, ("tea", 1, 10), at=NOW - HOUR)
    apply(revise(order, at=LATER, customer_id=other.pk), at=LATER)
    assert (state_of(order).is_first, state_of(order).points) == (False, 10)
    assert balances(customer, other) == [0, 70]
    order.refresh_from_db()
    apply(revise(order, at=LATER + HOUR, customer_id=customer.pk), at=LATER + HOUR)
    assert (state_of(order).is_first, state_of(order).points) == (True, 60)
    assert balances(customer, other) == [60, 60]


@pytest.mark.services
def test_whose_order_it_was_is_held_with_whose_it_is(customer, programme):
    make_rule(programme, FIRST, at=ago(100))
    newer = CustomerFactory()
    accounts_of = [factories.make_account(one) for one in (customer, newer)]
    order = bought(customer, ("tea", 1, 10))
    order = revise(order, at=LATER, customer_id=newer.pk)
    with CaptureQueriesContext(connection) as asked:
        apply(order, at=LATER)
    locks = [query["sql"] for query in asked if "FOR NO KEY UPDATE" in query["sql"]]
    held = [next(sql for sql in locks if f'FROM "{model._meta.db_table}"' in sql) for model in HELD]
    assert locks[:2] == held
    for sql, pks in zip(held, ([customer.pk, newer.pk], [one.pk for one in accounts_of]), strict=True):
        assert set(pks) <= set(map(int, re.findall(r"\d+", sql.split(" WHERE ")[1])))
    assert balances(customer, newer) == [0, 60]


def test_whose_an_order_is_when_its_customer_is_held_is_held_as_well(customer, monkeypatch):
    other = CustomerFactory()
    order = bought(customer, ("tea", 1, 10))
    order = revise(order, at=LATER, status="delivered")
    read, hold, held = applying._Chunk._customers_of, holding._held, []

    def reading(self: Any, ids: Any) -> Any:
        found = read(self, ids)
        revise(Order.objects.get(pk=order.pk), at=LATER, customer_id=other.pk)  # somebody was before us
        return found

    def noting(customers: Any) -> Any:
        held.append(set(customers))
        return hold(customers)

    monkeypatch.setattr(applying._Chunk, "_customers_of", reading)
    monkeypatch.setattr(holding, "_held", noting)
    apply(order, at=LATER)
    assert held == [{customer.pk}, {customer.pk, other.pk}]
    assert balances(customer, other) == [0, 10]


def test_two_customers_that_become_one_keep_what_they_got_for_their_first_orders(customer, programme):
    make_rule(programme, FIRST, at=ago(100))
    other = CustomerFactory()
    found = [bought(customer, ("tea", 1, 10)), bought(other, ("tea", 1, 20))]
    merges.merge_customers(other, customer, reason="Same.", by=None, at=NOW)
    apply(*found, at=LATER)
    apply(found[0], at=LATER)
    assert [state_of(order).points for order in found] == [60, 70]


def test_a_sample_for_which_nothing_was_paid_does_not_keep_what_the_first_order_got(customer, programme):
    make_rule(programme, FIRST, at=ago(100))
    order = bought(customer, ("tea", 2, 50), ("cup", 1, 0))
    bought(customer, ("tea", -1, 50), at=NOW + HOUR, returns_of=order)
    assert state_of(order).points == 100
    bought(customer, ("tea", -1, 50), at=LATER, returns_of=order)
    assert (state_of(order).points, sums_of(customer)) == (0, (0, 0, 0))


# --- Of another customer now --------------------------------------------------------------------
def test_an_order_that_moves_to_another_customer_takes_its_points_along(customer):
    other = CustomerFactory()
    order = bought(customer, ("tea", 1, 100))
    bought(customer, ("cup", 1, 30), at=NOW + HOUR)
    moved(order, other)
    assert (moves_of(customer), moves_of(other)) == (
        [("earn", 100), ("earn", 30), ("take_back", -100)],
        [("earn", 100)],
    )
    given = PointsEntry.objects.get(customer=other)
    assert (given.source_type, given.source_id, given.account) == (
        "order.2",
        order.pk,
        state_of(order).account,
    )
    told = Explainer(given.programme)
    assert told.sentences(PointsEntry.objects.get(kind="take_back").detail) == [
        "the order belongs to another customer"
    ]
    before = moves_of(customer), moves_of(other)
    apply(order, at=LATER + HOUR)
    applying.earn_missed(LATER + HOUR)
    assert (moves_of(customer), moves_of(other)) == before
    for n, (one, sums) in enumerate([(customer, [130, 0]), (other, [30, 100]), (customer, [130, 0])]):
        order = moved(order, one, at=LATER + (n + 2) * HOUR)
        assert balances(customer, other) == sums
    apply(revise(order, at=LATER + 9 * HOUR, status=Order.Status.CANCELLED), at=LATER + 9 * HOUR)
    assert balances(customer, other) == [30, 0]
    assert sealing.verify(at=LATER).findings == []


def test_the_caps_hold_for_each_of_two_customers_between_whom_an_order_moved(customer, programme):
    make_rule(programme, cap("month", 100), at=ago(100))
    other = CustomerFactory()
    order = bought(customer, ("tea", 1, 100))
    bought(customer, ("tea", 1, 100), at=NOW + HOUR)
    moved(order, other)
    assert balances(customer, other) == [100, 100]


def test_who_has_the_first_order_no_more_gets_its_points_once(customer, programme):
    make_rule(programme, FIRST, at=ago(100))
    other = CustomerFactory()
    order = bought(customer, ("tea", 1, 10))
    bought(customer, ("tea", 1, 10), at=NOW + HOUR)
    moved(order, other)
    assert balances(customer, other) == [60, 60]


def test_an_order_that_moves_is_judged_by_the_rules_of_before_and_the_tier_of_who_has_it(customer, programme):
    gold = Tier.objects.create(
        programme=programme, code="gold", name="Gold", threshold=0, multiplier_bp=20_000
    )
    account = factories.make_account(customer)
    PointsAccount.objects.filter(pk=account.pk).update(tier=gold, tier_since_day=day(NOW))
    other = CustomerFactory()
    order = bought(customer, ("tea", 1, 10))
    rules.change_rule(programme.rules.get(), document={**SPEND, "points": "5"}, by=None, at=NOW + HOUR)
    order = moved(order, other)
    assert (balances(customer, other), state_of(order).context["tier"]) == ([0, 10], "")
    order = moved(order, customer, at=LATER + HOUR)
    assert (balances(customer, other), state_of(order).context["tier"]) == ([20, 0], "gold")


@pytest.mark.parametrize("policy", ["refuse", "debt"])
def test_what_was_spent_of_an_order_that_moves_stays_with_who_spent_it(customer, programme, lead, policy):
    Programme.objects.update(on_spent_return=policy)
    other = CustomerFactory()
    order = bought(customer, ("tea", 1, 100))
    factories.redeem(PointsAccount.objects.get(), 70)
    order = moved(order, other)
    debt, open_of = (70, []) if policy == "debt" else (0, [(customer.pk, 70)])
    assert (sums_of(customer), sums_of(other)) == ((0, 0, debt), (100, 0, 0))
    listed = shortfalls.open_shortfalls(programme)
    assert list(listed.values_list("customer", "short")) == open_of
    factories.redeem(PointsAccount.objects.get(customer=other), 60, at=LATER)
    order = moved(order, customer, at=LATER + HOUR)
    assert (sums_of(customer), sums_of(other)) == ((30, 0, 0), (0, 0, 60 if policy == "debt" else 0))
    assert [row.customer_id for row in listed] == ([other.pk] if policy == "refuse" else [])
    before = moves_of(customer), moves_of(other)
    apply(order, at=LATER + 2 * HOUR)
    assert (moves_of(customer), moves_of(other)) == before
    apply(revise(order, at=LATER + 3 * HOUR, status=Order.Status.CANCELLED), at=LATER + 3 * HOUR)
    row = state_of(order)
    assert (row.points, row.short, sums_of(customer)) == (0, 70 - debt, (0, 0, debt))
    assert sealing.verify(at=LATER).findings == []


def test_what_was_decided_of_an_order_that_moves_comes_back_with_it(customer, programme, lead):
    other = CustomerFactory()
    order = bought(customer, ("tea", 1, 100))
    account = PointsAccount.objects.get()
    factories.redeem(account, 100)
    order = moved(order, other)
    past = shortfalls.open_shortfalls(programme).get()
    factories.earn(account, 100, at=LATER)
    shortfalls.settle(past, note="Taken.", is_taken=True, by=lead, at=LATER)
    assert (state_of(order).settled_note, balances(customer, other)) == ("", [0, 100])
    order = moved(order, customer, at=LATER + HOUR)
    assert balances(customer, other) == [100, 0]
    assert not OrderEarning.objects.filter(order=order, is_past=True, customer=customer).exists()
    assert state_of(order).settled_note.endswith("Taken.")


def test_what_was_taken_back_by_hand_is_not_given_when_the_order_comes_back(customer):
    other = CustomerFactory()
    order = bought(customer, ("tea", 1, 100))
    adjusting.reverse_entry(PointsEntry.objects.get(), reason="Fraud.", key="r", by=None, at=NOW)
    moved(order, other)
    assert balances(customer, other) == [0, 100]
    moved(order, customer, at=LATER + HOUR)
    assert (balances(customer, other), state_of(order).points) == ([0, 0], 100)


def test_returns_that_move_with_their_order_are_taken_from_who_has_it(customer):
    other = CustomerFactory()
    order = bought(customer, ("tea", 2, 100))
    back = bought(customer, ("tea", -1, 100), at=NOW + HOUR, returns_of=order)
    both = [revise(one, at=LATER, customer_id=other.pk) for one in (order, back)]
    apply(*both, at=LATER)
    assert balances(customer, other) == [0, 100]
    removed(both[1], at=LATER + HOUR)
    assert balances(customer, other) == [0, 200]
    order = revise(Order.objects.get(pk=order.pk), at=LATER + 2 * HOUR, status=Order.Status.CANCELLED)
    apply(order, at=LATER + 2 * HOUR)
    assert balances(customer, other) == [0, 0]


def test_a_return_that_stays_behind_is_taken_from_who_has_the_order_that_it_names(customer):
    other = CustomerFactory()
    order = bought(customer, ("tea", 2, 100))
    bought(customer, ("tea", 1, 100), at=NOW + HOUR)
    back = bought(customer, ("tea", -1, 100), at=NOW + 2 * HOUR, returns_of=order)
    moved(order, other)
    assert balances(customer, other) == [100, 100]
    again = bought(customer, ("tea", -1, 60), at=LATER + HOUR, returns_of=order)
    assert balances(customer, other) == [100, 40]
    for n, one in enumerate((back, again)):
        removed(one, at=LATER + (n + 2) * HOUR)
    assert balances(customer, other) == [100, 200]


def test_a_return_without_an_order_stays_with_its_customer(customer):
    other = CustomerFactory()
    first = bought(customer, ("tea", 1, 100))
    order = bought(customer, ("tea", 1, 100), at=NOW + HOUR)
    back = bought(customer, ("tea", -1, 100), at=NOW + 2 * HOUR)
    assert [state_of(one).points for one in (first, order)] == [100, 0]
    moved(order, other)
    assert [state_of(one).points for one in (first, order)] == [0, 100]
    assert balances(customer, other) == [0, 100]
    moved(back, other, at=LATER + HOUR)
    assert [state_of(one).points for one in (first, order)] == [100, 0]
    assert balances(customer, other) == [100, 0]


def test_an_order_that_moves_cancelled_earns_where_it_stands_again(customer):
    other = CustomerFactory()
    order = bought(customer, ("tea", 1, 100))
    order = revise(order, at=LATER, customer_id=other.pk, status=Order.Status.CANCELLED)
    apply(order, at=LATER)
    assert (sums_of(customer)[0], PointsAccount.objects.count()) == (0, 1)
    apply(revise(order, at=LATER + HOUR, status=Order.Status.PLACED), at=LATER + HOUR)
    assert balances(customer, other) == [0, 100]


def test_an_order_that_moves_while_the_programme_is_paused_keeps_its_points(customer, programme):
    other = CustomerFactory()
    order = bought(customer, ("tea", 1, 100), at=ago(10))
    programmes.pause_programme(programme, by=None, at=ago(5))
    moved(order, other, at=ago(4))
    assert balances(customer, other) == [0, 100]


@pytest.mark.parametrize("then", ["moved", "back"])
def test_an_order_that_moved_counts_for_no_tier_of_who_had_it_on_any_day(customer, programme, then):
    Programme.objects.update(tier_basis="points", tier_window="rolling", tier_window_days=30)
    programme.refresh_from_db()
    other = CustomerFactory()
    order = bought(customer, ("tea", 1, 100), at=ago(60))
    bought(customer, ("cup", 1, 80), at=ago(5))
    order = moved(order, other)
    taken = PointsEntry.objects.get(kind="take_back")
    assert (taken.occurred_at, taken.recorded_at) == (ago(60), LATER)
    if then == "back":
        moved(order, customer, at=LATER + HOUR)
    for window, mine, theirs in (
        (30, [80], []),
        (90, [100, 80], [0]) if then == "back" else (90, [0, 80], [100]),
    ):
        programme.tier_window_days = window
        which = counting.counting(programme, at=LATER + HOUR)
        days = [counting.by_day(which, customer_id=one.pk) for one in (customer, other)]
        assert [[points for _day, points in one] for one in days] == [mine, theirs]
    assert sealing.verify(at=LATER).findings == []


def test_an_order_whose_day_was_corrected_is_taken_back_as_of_the_day_of_its_points(customer, programme):
    Programme.objects.update(tier_basis="points", tier_window="rolling", tier_window_days=30)
    programme.refresh_from_db()
    order = bought(customer, ("tea", 1, 100), at=ago(60))
    bought(customer, ("cup", 1, 80), at=ago(5))
    order = revise(order, at=NOW, occurred_at=ago(10))
    apply(order, at=NOW)
    moved(order, CustomerFactory())
    assert PointsEntry.objects.get(kind="take_back").occurred_at == ago(60)
    days = counting.by_day(counting.counting(programme, at=LATER), customer_id=customer.pk)
    assert [points for _day, points in days] == [80]


@pytest.mark.parametrize("is_many", [False, True])
def test_what_an_order_brings_that_is_over_by_now_pays_no_debt_of_who_has_it_now(
    customer, programme, monkeypatch, is_many
):
    Programme.objects.update(on_spent_return="debt")
    other = CustomerFactory()
    old = bought(customer, ("tea", 1, 100), at=ago(90), occurred_at=ago(390))
    order = bought(other, ("tea", 1, 60), at=ago(3))
    factories.redeem(PointsAccount.objects.get(customer=other), 60, at=ago(2))
    bought(other, ("tea", -1, 60), at=ago(1), returns_of=order)
    if is_many:
        monkeypatch.setattr(moving, "ONE_BY_ONE", 0)
        bought(other, ("tea", 1, 100), occurred_at=ago(390))
    else:
        moved(old, other, at=NOW)
    assert sums_of(other) == (100, 0, 60)
    expiring.expire_all(NOW)
    assert sums_of(other) == (0, 0, 60)
    bought(other, ("tea", 1, 70))
    assert sums_of(other) == (10, 0, 0)
    assert sealing.verify(at=LATER).findings == []


# --- Moved, and the two were one for a while --------------------------------------------------------
def whose() -> list[tuple[Any, ...]]:
    values = ("customer", "is_past", "account__customer", "points", "short", "gone")
    return list(OrderEarning.objects.order_by("pk").values_list(*values))


def one_for_a_while(survivor: Customer, gone: Customer, *, at: Any = LATER) -> None:
    both = [Customer.objects.get(pk=one.pk) for one in (survivor, gone)]  # as they stand now
    merge = merges.merge_customers(*both, reason="Same.", by=None, at=at)
    merges.undo_merge(merge, by=None, at=at + HOUR)


@pytest.fixture(params=[False, True], ids=["merged-into-old", "merged-into-new"])
def pair(request: pytest.FixtureRequest, customer: Customer) -> tuple[Customer, Customer, Any]:
    """Who had an order, who has it then, and a merge of the two that is taken back; either survives."""
    other = CustomerFactory()

    def merged(*, at: Any = LATER) -> None:
        one_for_a_while(*((other, customer) if request.param else (customer, other)), at=at)

    return customer, other, merged


@pytest.mark.parametrize("policy", ["refuse", "debt"])
def test_an_order_that_moved_stays_with_who_has_it_when_a_merge_is_taken_back(pair, policy):
    Programme.objects.update(on_spent_return=policy)
    customer, other, merged = pair
    order = bought(customer, ("tea", 1, 100))
    moved(order, other)
    factories.redeem(PointsAccount.objects.get(customer=other), 60, at=LATER)
    before = whose()
    merged()
    assert whose() == before
    sums = sums_of(customer), sums_of(other)
    apply(order, at=LATER + 2 * HOUR)
    assert (sums_of(customer), sums_of(other)) == sums == ((0, 0, 0), (40, 0, 0))
    bought(customer, ("tea", -1, 50), at=LATER + 3 * HOUR)  # of something else
    assert balances(customer, other) == [0, 40]


def test_what_stays_of_an_order_that_moved_does_not_follow_it_when_a_merge_is_taken_back(pair):
    customer, other, merged = pair
    order = bought(customer, ("tea", 1, 100))
    factories.redeem(PointsAccount.objects.get(), 70)
    order = moved(order, other)
    before = whose()
    merged()
    assert whose() == before
    third = CustomerFactory()
    order = moved(order, third, at=LATER + 2 * HOUR)
    moved(order, other, at=LATER + 3 * HOUR)
    assert balances(customer, other, third) == [0, 100, 0]
    past = OrderEarning.objects.filter(is_past=True).values_list("customer", "short")
    assert set(past) == {(customer.pk, 70), (third.pk, 0)}


def test_what_stays_of_an_order_that_moved_on_is_parted_as_it_was(pair):
    customer, other, merged = pair
    third = CustomerFactory()
    order = bought(customer, ("tea", 1, 100))
    factories.redeem(PointsAccount.objects.get(), 30)
    order = moved(order, other)
    factories.redeem(PointsAccount.objects.get(customer=other), 60, at=LATER)
    moved(order, third, at=LATER + HOUR)
    before = whose()
    merged(at=LATER + 2 * HOUR)
    assert whose() == before


def test_an_order_that_moved_and_is_not_told_of_yet_moves_after_a_merge_was_taken_back(pair):
    customer, other, merged = pair
    order = bought(customer, ("tea", 1, 100))
    factories.make_account(other)
    order = revise(order, at=LATER, customer_id=other.pk)
    before = whose()
    merged()
    assert (whose(), balances(customer, other)) == (before, [100, 0])
    apply(order, at=LATER + 2 * HOUR)
    assert balances(customer, other) == [0, 100]


def test_an_order_that_moved_on_while_two_were_one_leaves_its_row_with_who_had_it(customer):
    other, third = CustomerFactory(), CustomerFactory()
    order = bought(customer, ("tea", 1, 100))
    bought(other, ("tea", 1, 10))
    factories.redeem(PointsAccount.objects.get(customer=customer), 70)
    merge = merges.merge_customers(other, customer, reason="Same.", by=None, at=LATER)
    moved(order, third, at=LATER + HOUR)
    merges.undo_merge(merge, by=None, at=LATER + 2 * HOUR)
    assert list(OrderEarning.objects.filter(is_past=True).values_list("customer", "short")) == [
        (customer.pk, 70)
    ]


# --- Taken back by hand, spent, expired ---------------------------------------------------------
def test_what_was_taken_back_by_hand_is_not_given_when_a_return_is_removed(customer):
    order = bought(customer, ("tea", 2, 50))
    adjusting.reverse_entry(PointsEntry.objects.get(), reason="Fraud.", key="r", by=None, at=NOW)
    half = bought(customer, ("tea", -1, 50), at=LATER)
    assert (state_of(order).points, state_of(order).gone) == (50, 50)
    rest = bought(customer, ("tea", -1, 50), at=LATER)
    removed(half, at=LATER + HOUR)
    removed(rest, at=LATER + HOUR)
    assert moves_of(customer) == [("earn", 100), ("take_back", -100)]
    assert (state_of(order).points, state_of(order).gone, state_of(order).short) == (100, 0, 0)


def test_what_expired_is_not_given_when_a_return_is_removed(customer):
    order = bought(customer, ("tea", 1, 100), at=ago(90))
    PointsLot.objects.update(expires_day=day(NOW) - 50)
    expiring.expire_all(ago(20))
    back = bought(customer, ("tea", -1, 100), at=ago(10))
    assert (state_of(order).short, state_of(order).gone) == (0, 100)
    removed(back, at=ago(9))
    assert moves_of(customer) == [("earn", 100), ("expire", -100)]
    assert (state_of(order).points, state_of(order).gone) == (100, 0)


@pytest.mark.parametrize("policy", ["refuse", "debt"])
def test_what_was_spent_comes_short_once_however_many_returns_come(customer, policy):
    Programme.objects.update(on_spent_return=policy)
    order = bought(customer, ("tea", 10, 10), at=ago(90))
    factories.redeem(PointsAccount.objects.get(), 10, at=ago(80))
    PointsLot.objects.update(expires_day=day(NOW) - 50)
    expiring.expire_all(ago(20))
    backs = [bought(customer, ("tea", -2, 10), at=ago(10 - n)) for n in range(5)]
    short, debt = (10, 0) if policy == "refuse" else (0, 10)
    assert (state_of(order).short, state_of(order).gone, sums_of(customer)) == (short, 90, (0, 0, debt))
    for back in backs:
        removed(back, at=ago(2))
    row = state_of(order)
    assert (row.points, row.short, row.gone) == (100, 0, 0)
    assert sums_of(customer) == (0, 0, 0)


def test_returns_of_an_order_that_was_raised_reach_all_of_its_earnings(customer):
    order = bought(customer, ("tea", 10, 10))
    account = PointsAccount.objects.get()
    order.lines.update(amount=15_000)
    order = revise(order, at=NOW + HOUR, sold=15_000, sold_base=15_000)
    apply(order, at=NOW + HOUR)
    first, second = PointsLot.objects.order_by("pk")
    PointsLot.objects.filter(pk=second.pk).update(expires_day=first.expires_day - 1)  # it goes first
    factories.redeem(account, 50, at=NOW + HOUR)
    for n in range(5):
        bought(customer, ("tea", -2, 15), at=LATER + n * HOUR)
    assert (state_of(order).points, state_of(order).short) == (0, 50)
    assert sums_of(customer) == (0, 0, 0)
    assert sealing.verify(at=LATER).findings == []


# --- Settled ----------------------------------------------------------------------------------
@pytest.mark.parametrize(("is_taken", "then", "balance"), [(True, 20, 120), (False, 120, 120)])
def test_settling_takes_the_points_itself_and_only_those_are_given_when_the_return_is_removed(
    customer, lead, is_taken, then, balance
):
    order = bought(customer, ("tea", 1, 100))
    account = PointsAccount.objects.get()
    factories.redeem(account, 100)
    back = bought(customer, ("tea", -1, 100), at=LATER)
    factories.earn(account, 120, at=LATER)
    shortfalls.settle(state_of(order), note="Done.", is_taken=is_taken, by=lead, at=LATER)
    assert sums_of(customer) == (then, 0, 0)
    with pytest.raises(shortfalls.SettledAlready):
        shortfalls.settle(state_of(order), note="Done.", is_taken=True, short=100, by=lead, at=LATER)
    assert sums_of(customer) == (then, 0, 0)
    removed(back, at=LATER + HOUR)
    row = state_of(order)
    assert sums_of(customer) == (balance, 0, 0)
    assert (row.points, row.short, row.settled, row.adjusted) == (100, 0, 0, 0)
    assert sealing.verify(at=LATER).findings == []


def test_taking_what_the_account_does_not_hold_is_refused_and_creates_nothing(customer, lead):
    order = bought(customer, ("tea", 1, 100))
    account = PointsAccount.objects.get()
    factories.redeem(account, 100)
    back = bought(customer, ("tea", -1, 100), at=LATER)
    factories.earn(account, 99, at=LATER)
    with pytest.raises(shortfalls.SettleNotHeld, match="holds 99 points to use, and 100 are"):
        shortfalls.settle(state_of(order), note="Taken.", is_taken=True, by=lead, at=LATER)
    row = state_of(order)
    assert (row.short, row.settled, row.adjusted, row.settled_note) == (100, 0, 0, "")
    removed(back, at=LATER + HOUR)
    assert sums_of(customer) == (99, 0, 0)


def test_what_was_taken_says_so_in_the_ledger_is_no_activity_and_is_not_reversed_by_hand(customer, lead):
    order = bought(customer, ("tea", 1, 100))
    account = PointsAccount.objects.get()
    factories.redeem(account, 100)
    bought(customer, ("tea", -1, 100), at=LATER)
    factories.earn(account, 120, at=LATER)
    moved = PointsAccount.objects.get().moved_day
    shortfalls.settle(state_of(order), note="The tea.", is_taken=True, by=lead, at=LATER + timedelta(days=3))
    entry = PointsEntry.objects.latest("pk")
    assert (entry.kind, entry.points, entry.by, entry.note.text) == ("take_back", -100, lead, "The tea.")
    assert entry.detail == {"order": order.pk, "rest": 100}
    assert PointsAccount.objects.get().moved_day == moved
    with pytest.raises(NotOfThisKind):
        adjusting.reverse_entry(entry, reason="No.", key="no", by=lead, at=LATER + timedelta(days=3))


def test_the_same_order_can_come_short_again_after_it_was_taken_and_given_anew(customer, lead):
    order = bought(customer, ("tea", 1, 100))
    account = PointsAccount.objects.get()
    factories.redeem(account, 100)
    for n in range(2):
        at = LATER + n * 3 * HOUR
        back = bought(customer, ("tea", -1, 100), at=at)
        factories.earn(account, 100, at=at)
        shortfalls.settle(state_of(order), note="Taken.", is_taken=True, by=lead, at=at)
        assert sums_of(customer) == (0, 0, 0)
        removed(back, at=at + HOUR)
        assert sums_of(customer) == (100, 0, 0)
        factories.redeem(account, 100, at=at + HOUR)
    assert sealing.verify(at=LATER).findings == []


def test_of_what_was_taken_in_part_only_that_part_is_given(customer, lead):
    order = bought(customer, ("tea", 2, 50))
    account = PointsAccount.objects.get()
    factories.redeem(account, 100)
    factories.earn(account, 50, at=LATER)
    first = bought(customer, ("tea", -1, 50), at=LATER)
    shortfalls.settle(state_of(order), note="Taken.", is_taken=True, by=lead, at=LATER)
    second = bought(customer, ("tea", -1, 50), at=LATER + HOUR)
    removed(first, at=LATER + 2 * HOUR)
    row = state_of(order)
    assert (row.points, row.short, row.settled, row.adjusted, sums_of(customer)) == (
        50,
        50,
        50,
        50,
        (0, 0, 0),
    )
    removed(second, at=LATER + 3 * HOUR)
    row = state_of(order)
    assert (row.points, row.short, row.settled, row.adjusted, sums_of(customer)) == (100, 0, 0, 0, (50, 0, 0))


def test_notes_of_what_was_settled_stand_below_each_other_with_their_days(customer, lead):
    order = bought(customer, ("tea", 2, 50))
    factories.redeem(PointsAccount.objects.get(), 100)
    for n, note in enumerate(["Left, long known.", " Left again. "]):
        bought(customer, ("tea", -1, 50), at=LATER + timedelta(days=n))
        shortfalls.settle(state_of(order), note=note, is_taken=False, by=lead, at=LATER + timedelta(days=n))
    said = state_of(order).settled_note.splitlines()
    assert said == ["2026-05-12: Left, long known.", "2026-05-13: Left again."]


def test_what_came_short_cannot_be_settled_where_the_order_went_away(customer, programme, lead):
    other = CustomerFactory()
    order = bought(customer, ("tea", 1, 100))
    factories.redeem(PointsAccount.objects.get(), 100)
    bought(customer, ("tea", -1, 50), at=NOW + HOUR, returns_of=order)
    seen = shortfalls.open_shortfalls(programme).get()
    order = moved(order, other)
    past = shortfalls.open_shortfalls(programme).get()
    assert (past.pk != seen.pk, past.customer, past.short) == (True, customer, 100)
    with pytest.raises(shortfalls.SettledAlready, match="Load the page anew"):
        shortfalls.settle(seen, note="Left.", is_taken=False, by=lead, at=LATER)
    moved(order, customer, at=LATER + HOUR)
    with pytest.raises(shortfalls.SettledAlready, match="Load the page anew"):
        shortfalls.settle(past, note="Left.", is_taken=False, by=lead, at=LATER + HOUR)


# --- How much is read ---------------------------------------------------------------------------
def returned(customers: int) -> tuple[int, int, list[tuple[int, int, int]]]:
    """Let as many customers bring something back at once: queries without writing, and with it, and sums."""
    found = [CustomerFactory() for _n in range(customers)]
    for one in found:
        bought(one, ("tea", 2, 10), ("cup", 1, 5), at=ago(9))
        bought(one, ("pot", 1, 7), at=ago(9))
    named = Order.objects.filter(customer=found[-1]).order_by("pk").first()
    backs = [record(one, ("tea", -1, 10), at=ago(8)) for one in found[:-1]]
    backs.append(record(found[-1], ("tea", -1, 10), at=ago(8), returns_of=named))
    with CaptureQueriesContext(connection) as asked:
        apply(*backs, at=ago(8))
    reading = [query for query in asked if query["sql"].startswith("SELECT")]
    return len(reading), len(asked), [sums_of(one) for one in found]


def test_returns_of_many_customers_are_read_at_once(customer):
    returned(2)
    few, many = returned(2), returned(6)
    assert set(few[2]) == set(many[2]) == {(22, 0, 0)}
    assert many[0] - few[0] <= 4  # of each entry, whether a merge let it be written before
    assert many[1] - few[1] <= 4 * 11


def test_versions_and_first_orders_are_not_read_for_each_order(customer, programme, monkeypatch):
    rule = programme.rules.get()
    found = []
    for n in range(6):
        found.append(bought(customer, ("tea", 1, 10 + n), at=ago(50 - n)))
        rules.change_rule(rule, document={**SPEND, "points": str(n + 2)}, by=None, at=ago(50 - n) + HOUR)
        rule.refresh_from_db()

    def never(_orders: Any) -> Any:
        raise AssertionError("no rule asks for the first order")

    monkeypatch.setattr(baskets, "first_orders", never)
    asked = []
    for some in (found[:1], found):
        with CaptureQueriesContext(connection) as queries:
            apply(*some, at=LATER)
        asked.append(sum("earningruleversion" in query["sql"] for query in queries))
    assert asked[0] == asked[1]


# --- Any history --------------------------------------------------------------------------------
ACTS = ["buy", "buy", "buy", "back", "named", "money", "cancel", "restore", "remove", "change", "redeem"]
ACTS += ["move", "give", "give", "merge"]
GOODS = ["tea", "cup", "pot"]


class Story:
    """What happens to two customers: orders that also move, returns, cancellations, and what is told."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.customers = [CustomerFactory(), CustomerFactory()]
        self.orders: dict[int, Order] = {}
        self.waiting: set[int] = set()
        self.at = ago(60)

    def go_on(self) -> None:
        self.at += self.draw(st.sampled_from([1, 5, 30, 400])) * HOUR
        getattr(self, self.draw(st.sampled_from(ACTS)))()
        if self.draw(st.integers(0, 2)):
            self.tell()

    def tell(self) -> None:
        """Tell of what waits, together or one after the other in any order."""
        waiting = self.draw(st.permutations(sorted(self.waiting)))
        some = [waiting] if self.draw(st.booleans()) else [[pk] for pk in waiting]
        for pks in some:
            applying.apply_orders(pks, at=self.at)
        self.waiting.clear()

    def _some(self, *, is_purchase: bool | None = None) -> Order | None:
        found = [one for one in self.orders.values() if is_purchase is None or one.is_purchase == is_purchase]
        return self.draw(st.sampled_from(found)) if found else None

    def _customer(self) -> Customer:
        return self.customers[self.draw(st.integers(0, 3)) == 3]

    def _record(self, *lines: Any, **given: Any) -> None:
        order = record(self._customer(), *lines, at=self.at, **given)
        self._now(order)

    def _now(self, order: Order) -> None:
        self.orders[order.pk] = order
        self.waiting.add(order.pk)

    def buy(self) -> None:
        line = (self.draw(st.sampled_from(GOODS)), self.draw(st.integers(1, 3)), "10.30")
        given = {}
        if self.draw(st.integers(0, 4)) == 0:  # it was entered late
            given["occurred_at"] = self.at - self.draw(st.integers(1, 500)) * HOUR
        self._record(line, ("jar", 1, "5.55"), ("", 1, "-1.11"), **given)

    def back(self) -> None:
        self._record((self.draw(st.sampled_from(GOODS)), -self.draw(st.integers(1, 4)), "9.90"))

    def named(self) -> None:
        if (order := self._some(is_purchase=True)) is not None:
            self._record((self.draw(st.sampled_from(GOODS)), -1, "10.30"), returns_of=order)

    def money(self) -> None:
        self._record(("", -1, "7.77"))

    def cancel(self, status: str = Order.Status.CANCELLED) -> None:
        if (order := self._some()) is not None and not order.void:
            self._now(revise(order, at=self.at, status=status))

    def restore(self) -> None:
        self.cancel(Order.Status.PLACED)

    def remove(self) -> None:
        if (order := self._some()) is not None and not order.void:
            self._now(void(order, at=self.at))

    def change(self) -> None:
        if (order := self._some(is_purchase=True)) is not None and not order.void:
            line = order.lines.filter(amount__gt=0).order_by("line_no").first()
            amount = self.draw(st.integers(100, 6000))
            sold = order.sold + amount - line.amount
            order.lines.filter(pk=line.pk).update(amount=amount)
            self._now(revise(order, at=self.at, sold=sold, sold_base=sold))

    def move(self) -> None:
        if (order := self._some()) is not None and not order.void:
            moment = self.at - self.draw(st.integers(1, 1500)) * HOUR
            self._now(revise(order, at=self.at, occurred_at=moment))

    def give(self) -> None:
        """Let an order be another customer's, alone or with the returns that name it."""
        if (order := self._some()) is not None and not order.void:
            customer = self._customer()
            found = [order]
            if self.draw(st.booleans()):
                found += [one for one in self.orders.values() if one.returns_of_id == order.pk]
            for one in found:
                if not one.void:
                    self._now(revise(one, at=self.at, customer_id=customer.pk))

    def redeem(self) -> None:
        account = PointsAccount.objects.filter(customer=self._customer()).first()
        if account is not None and account.balance > 1:
            factories.redeem(account, self.draw(st.integers(1, account.balance)), at=self.at)

    def merge(self) -> None:
        """Let the two be one for a moment, which changes nothing, whatever waits to be told of."""
        before = whose()
        survivor, gone = self.draw(st.permutations(self.customers))
        one_for_a_while(survivor, gone, at=self.at)
        assert whose() == before
        self.at += HOUR

    def state(self) -> Any:
        values = ("order", "brought", "points", "short", "gone", "net_left", "is_first", "moves", "raised")
        rows = OrderEarning.objects.order_by("order").values_list(*values)
        return list(rows), [moves_of(customer) for customer in self.customers]


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_telling_all_orders_again_changes_nothing(db: None, data: st.DataObject) -> None:
    with transaction.atomic():
        try:
            _tell(data.draw)
        finally:
            transaction.set_rollback(True)


def _tell(draw: Any) -> None:
    CompanyFactory()
    policy, rounding = draw(st.sampled_from(["refuse", "debt"])), draw(st.sampled_from(["down", "half_up"]))
    pending = draw(st.sampled_from([0, 7]))
    programme = factories.ProgrammeFactory(on_spent_return=policy, rounding=rounding, pending_days=pending)
    make_rule(programme, {**SPEND, "points": "1.3"}, at=ago(100))
    make_rule(programme, {"kind": "minimum", "amount": "9"}, at=ago(100))
    if draw(st.booleans()):
        make_rule(programme, FIRST, at=ago(100))
    caps = [cap("day", 45), cap("month", 120), cap("year", 200), cap("order", 40)]
    chosen = draw(st.lists(st.sampled_from(caps), unique_by=str))
    for document in chosen:
        make_rule(programme, document, at=ago(100))
    story = Story(draw)
    for _n in range(draw(st.integers(2, 14))):
        story.go_on()
    story.tell()
    before = story.state()
    applying.apply_orders(list(story.orders), at=LATER)
    assert story.state() == before
    for pk in draw(st.permutations(list(story.orders))):
        applying.apply_orders([pk], at=LATER)
    assert story.state() == before
    firsts = list(OrderEarning.objects.filter(is_first=True).values_list("customer", flat=True))
    assert len(firsts) == len(set(firsts))
    assert sealing.verify(at=LATER).findings == []
    _keeps_caps(chosen)
    for pk in story.orders:
        _is_in_ledger(pk)
    for row, purchase in applying._Chunk(programme, at=LATER)._counted_again({c.pk for c in story.customers}):
        assert row.came_back == purchase.came_back


def _keeps_caps(chosen: list[dict[str, Any]]) -> None:
    most = {one["period"]: one["points"] for one in chosen}
    for period, points in most.items():
        sums: dict[tuple[int, int], int] = {}
        for row in OrderEarning.objects.all():
            part = row.pk if period == "order" else evaluate.start_of(period, row.occurred_day)
            key = row.customer_id, part
            sums[key] = sums.get(key, 0) + row.brought
        assert max(sums.values(), default=0) <= points


def _is_in_ledger(order_id: int) -> None:
    """Each customer who has an order, or had, has of it what its earnings brought and was not taken back."""
    of_order = PointsEntry.objects.filter(source_type__startswith="order", source_id=order_id, kind="earn")
    rows = OrderEarning.objects.filter(order=order_id, account__isnull=False)
    noted = {row.customer_id: row.points + row.short + row.gone for row in rows}
    stands: dict[int, int] = {}
    for entries in (of_order, PointsEntry.objects.filter(reverses__in=of_order, kind="take_back")):
        sums = entries.values_list("customer").annotate(sum=Sum(F("points") + F("pending") - F("debt")))
        for customer_id, points in sums.order_by():
            stands[customer_id] = stands.get(customer_id, 0) + points
    for customer_id in noted | stands:
        assert stands.get(customer_id, 0) == noted.get(customer_id, 0)
