"""Orders in the ledger: what they earn, and what is taken back."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError

from customers import merges
from customers.ground import outbox
from customers.ground.models import AuditEvent
from customers.models import Customer, Order, Product
from customers.writing import revise, void
from loyalty import programmes
from loyalty.earning import applying, counting, moving, rules, shortfalls
from loyalty.ledger import sealing
from loyalty.ledger.errors import NotEnoughPoints
from loyalty.models import OrderEarning, PointsAccount, PointsEntry, PointsLot, Programme, Tier
from tests.customers.undoing import bring, take_back
from tests.factories import NOW, CustomerFactory, UserFactory, ago, day
from tests.loyalty import factories
from tests.loyalty.earning import SPEND, apply, bought, make_rule, moves_of, record, state_of, sums_of

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture
def spend(programme: Programme) -> Programme:
    make_rule(programme, SPEND, at=ago(100))
    return programme


@pytest.fixture
def customer(spend: Programme) -> Customer:
    return CustomerFactory()


# --- Earning ----------------------------------------------------------------------------------
def test_an_order_earns_on_what_is_net_paid_and_says_why(customer):
    order = bought(customer, ("tea", 3, 20), ("", 1, -8))
    entry = PointsEntry.objects.get()
    assert (entry.kind, entry.points, entry.source_type, entry.source_id) == ("earn", 52, "order", order.pk)
    assert entry.detail["net"] == 5200
    assert entry.detail["parts"][0]["got"] == "52"
    assert sums_of(customer) == (52, 0, 0)


def test_the_same_order_again_changes_nothing(customer):
    order = bought(customer, ("tea", 1, 50))
    apply(order, order)
    apply(order, at=LATER)
    assert moves_of(customer) == [("earn", 50)]


def test_without_a_programme_nothing_happens(company):
    order = bought(CustomerFactory(), ("tea", 1, 50))
    assert apply(order).orders == 0
    assert not OrderEarning.objects.exists()


def test_orders_before_the_first_day_earn_nothing(customer, programme):
    Programme.objects.update(starts_day=day(NOW))
    bought(customer, ("tea", 1, 50), occurred_at=ago(1))
    assert not PointsAccount.objects.exists()
    bought(customer, ("tea", 1, 60))
    assert moves_of(customer) == [("earn", 60)]


def test_points_are_pending_in_the_return_window(customer, programme):
    Programme.objects.update(pending_days=14)
    bought(customer, ("tea", 1, 50))
    assert sums_of(customer) == (0, 50, 0)


def test_another_currency_counts_by_the_orders_frozen_rate(customer):
    order = record(customer, ("tea", 1, 100))
    Order.objects.filter(pk=order.pk).update(currency="USD", sold_base=71234)
    apply(order)
    assert moves_of(customer) == [("earn", 712)]


def test_the_version_made_by_the_moment_of_recording_counts(customer, programme):
    rule = programme.rules.get()
    early, late = record(customer, ("tea", 1, 10), at=ago(2)), record(customer, ("tea", 1, 10), at=NOW)
    rules.change_rule(rule, document={**SPEND, "points": "3"}, by=None, at=ago(1))
    apply(early, late)
    assert moves_of(customer) == [("earn", 10), ("earn", 30)]


def test_history_from_before_all_versions_earns_by_the_first_one_that_is_on(programme):
    customer = CustomerFactory()
    rule = make_rule(programme, SPEND, is_on=False, at=ago(3))
    rules.turn_rule(rule, is_on=True, by=None, at=ago(2))
    bought(customer, ("tea", 1, 10), at=ago(50))
    bought(customer, ("tea", 1, 20), at=ago(2.5))  # while it was off
    assert moves_of(customer) == [("earn", 10)]


def test_the_tier_of_the_day_multiplies(customer, programme):
    account = factories.make_account(customer)
    tier = Tier.objects.create(
        programme=programme, code="gold", name="Gold", threshold=0, multiplier_bp=15_000
    )
    PointsAccount.objects.filter(pk=account.pk).update(tier=tier, tier_since_day=day(NOW))
    bought(customer, ("tea", 1, 10), at=ago(1))
    bought(customer, ("tea", 1, 10))
    assert moves_of(customer) == [("earn", 10), ("earn", 15)]


def test_labels_are_categories_of_products(customer, programme):
    make_rule(programme, {"kind": "exclusion", "labels": ["delivery"]})
    Product.objects.create(code="post", name="Post", category="delivery")
    bought(customer, ("tea", 1, 10), ("post", 1, 5))
    assert moves_of(customer) == [("earn", 10)]


def test_a_cap_counts_what_earlier_orders_of_the_month_brought(customer, programme):
    make_rule(programme, {"kind": "cap", "period": "month", "points": 100})
    april = ago(15)  # 26 April
    bought(customer, ("tea", 1, 90), at=april)
    first, second = record(customer, ("tea", 1, 70)), record(customer, ("tea", 1, 70))
    apply(first, second)  # in one go
    other = CustomerFactory()
    bought(other, ("tea", 1, 70))
    assert moves_of(customer) == [("earn", 90), ("earn", 70), ("earn", 30)]
    assert moves_of(other) == [("earn", 70)]


def test_the_first_order_is_rewarded_once(customer, programme):
    make_rule(programme, {"kind": "first_order", "points": 100})
    bought(customer, ("tea", 1, 10))
    bought(customer, ("tea", 1, 10), at=LATER)
    bought(customer, ("tea", 1, 10), at=LATER, occurred_at=ago(3))  # came later, lies before
    assert moves_of(customer) == [("earn", 110), ("earn", 10), ("earn", 10)]


def test_a_first_order_below_the_minimum_is_the_first_all_the_same(customer, programme):
    make_rule(programme, {"kind": "first_order", "points": 100}, at=ago(100))
    make_rule(programme, {"kind": "minimum", "amount": "50"}, at=ago(100))
    small, large = bought(customer, ("tea", 1, 10)), bought(customer, ("tea", 1, 60), at=LATER)
    assert [(state_of(one).points, state_of(one).is_first) for one in (small, large)] == [
        (0, False),
        (60, False),
    ]


def test_who_ordered_before_the_programme_has_no_first_order(customer, programme):
    make_rule(programme, {"kind": "first_order", "points": 100})
    Programme.objects.update(starts_day=day(NOW))
    record(customer, ("tea", 1, 10), at=ago(5))
    bought(customer, ("tea", 1, 10))
    assert moves_of(customer) == [("earn", 10)]


# --- Paused -----------------------------------------------------------------------------------
def test_orders_of_a_pause_never_earn_and_those_before_it_later(company):
    programme = programmes.create_programme("p", name="P", by=None, at=ago(30))
    programmes.start_programme(programme, starts_on=None, by=None, at=ago(30))
    customer = CustomerFactory()
    before = record(customer, ("tea", 1, 10), at=ago(21))
    programmes.pause_programme(programme, by=None, at=ago(20))
    during = record(customer, ("tea", 1, 20), at=ago(15))
    apply(before, during, at=ago(14))
    assert not PointsEntry.objects.exists()
    programmes.resume_programme(programme, by=None, at=ago(10))
    record(customer, ("tea", 1, 40), at=ago(9))
    assert applying.earn_missed(NOW).earned == 50
    assert moves_of(customer) == [("earn", 10), ("earn", 40)]


def test_an_order_that_stands_again_in_a_pause_earns_when_that_is_over(customer, programme):
    order = record(customer, ("tea", 1, 100), at=ago(10))
    order = revise(order, at=ago(9), status=Order.Status.CANCELLED)
    apply(order, at=ago(9))
    programmes.pause_programme(programme, by=None, at=ago(5))
    order = revise(order, at=ago(4), status=Order.Status.DELIVERED)
    apply(order, at=ago(4))
    assert applying.earn_missed(ago(3)).earned == 0
    programmes.resume_programme(programme, by=None, at=ago(2))
    assert applying.earn_missed(NOW).earned == 100
    assert (sums_of(customer), state_of(order).points) == ((100, 0, 0), 100)
    assert applying.earn_missed(NOW).orders == 0


def test_what_comes_back_in_a_pause_is_taken_back(company):
    programme = programmes.create_programme("p", name="P", by=None, at=ago(30))
    programmes.start_programme(programme, by=None, at=ago(30))
    customer = CustomerFactory()
    bought(customer, ("tea", 2, 10), at=ago(21))
    programmes.pause_programme(programme, by=None, at=ago(20))
    bought(customer, ("tea", -1, 10), at=ago(15))
    assert moves_of(customer) == [("earn", 20), ("take_back", -10)]


# --- Taking back ------------------------------------------------------------------------------
def test_a_return_takes_back_in_proportion(customer):
    order = bought(customer, ("tea", 10, 10), ("cup", 1, 50))
    back = bought(customer, ("tea", -4, 10), at=LATER)
    entry = PointsEntry.objects.get(kind="take_back")
    assert (entry.points, entry.reverses.source_id) == (-40, order.pk)
    assert entry.detail == {"order": order.pk, "was": 150, "now": 110, "returns": [back.pk]}
    assert state_of(order).net_left == 11000


def test_returns_add_up_to_what_was_earned(customer, programme):
    Programme.objects.update(rounding="half_up")
    bought(customer, ("tea", 3, "10.50"))
    for n in range(3):
        bought(customer, ("tea", -1, "10.50"), at=NOW + timedelta(days=n + 1))
    assert moves_of(customer) == [("earn", 32), ("take_back", -11), ("take_back", -10), ("take_back", -11)]


def test_excluded_goods_that_come_back_take_nothing(customer, programme):
    make_rule(programme, {"kind": "exclusion", "products": ["card"]})
    bought(customer, ("tea", 1, 10), ("card", 1, 100))
    bought(customer, ("card", -1, 100), at=LATER)
    assert moves_of(customer) == [("earn", 10)]


def test_a_return_goes_to_the_newest_earlier_order_of_the_product(customer):
    first = bought(customer, ("tea", 1, 10), at=ago(5))
    second = bought(customer, ("tea", 1, 20), at=ago(4))
    other = bought(customer, ("cup", 1, 30), at=ago(3))
    bought(customer, ("tea", -1, 20), at=ago(2))
    bought(customer, ("tea", 1, 40), at=ago(1))
    assert [state_of(order).points for order in (first, second, other)] == [10, 0, 30]
    bought(customer, ("tea", -5, 10), at=ago(1.5))
    assert [state_of(order).points for order in (first, second, other)] == [0, 0, 30]
    assert sums_of(customer) == (70, 0, 0)


def test_a_return_that_names_its_order_goes_to_that_one(customer):
    first = bought(customer, ("tea", 1, 10), at=ago(5))
    second = bought(customer, ("tea", 1, 20), at=ago(4))
    back = record(customer, ("tea", -1, 10), ("gift", -1, 5))
    Order.objects.filter(pk=back.pk).update(returns_of=first)
    apply(back)
    assert [state_of(order).points for order in (first, second)] == [0, 20]


def test_of_money_paid_back_in_part_comes_back_that_part(customer):
    order = bought(customer, ("tea", 2, 50), ("", 1, -20))
    bought(customer, ("tea", -1, 10), at=LATER)  # of 40 that were paid for it
    assert state_of(order).points == 70
    bought(customer, ("tea", -1, 50), at=LATER + timedelta(days=1))  # more than was paid for it
    assert state_of(order).points == 30
    bought(customer, ("tea", -1, 50), at=LATER + timedelta(days=2))  # there is none left
    assert state_of(order).points == 30


def test_what_comes_back_without_a_product_counts_by_its_amount(customer):
    first = bought(customer, ("tea", 1, 100), at=ago(5))
    second = bought(customer, ("tea", 1, 20), ("cup", 1, 20), at=ago(4))
    bought(customer, ("", -1, 50))
    assert [state_of(order).points for order in (first, second)] == [90, 0]


def test_what_comes_back_in_an_order_beyond_it_counts_off_earlier_ones(customer):
    first = bought(customer, ("tea", 1, 100), at=ago(5))
    bought(customer, ("cup", 1, 20), ("tea", -1, 100))
    assert state_of(first).points == 20
    assert sums_of(customer)[0] == 20


def test_goods_of_before_the_programme_take_nothing(customer, programme):
    Programme.objects.update(starts_day=day(NOW))
    record(customer, ("tea", 1, 10), at=ago(5))
    bought(customer, ("cup", 1, 30))
    bought(customer, ("tea", -1, 10), at=LATER)
    assert moves_of(customer) == [("earn", 30)]


def test_spent_points_are_left_and_shown_where_the_programme_refuses(customer, programme):
    order = bought(customer, ("tea", 1, 100))
    factories.redeem(PointsAccount.objects.get(), 70)
    bought(customer, ("tea", -1, 100), at=LATER)
    assert moves_of(customer) == [("earn", 100), ("redeem", -70), ("take_back", -30)]
    assert PointsEntry.objects.get(kind="take_back").detail["short"] == 70
    assert (state_of(order).points, state_of(order).short) == (0, 70)
    assert [row.order_id for row in shortfalls.open_shortfalls(programme)] == [order.pk]


def test_what_came_short_is_settled_and_more_of_it_is_shown_again(customer, programme, lead, manager):
    order = bought(customer, ("tea", 2, 100))
    factories.redeem(PointsAccount.objects.get(), 200)
    bought(customer, ("tea", -1, 100), at=LATER)
    row = shortfalls.open_shortfalls(programme).get()
    with pytest.raises(shortfalls.SettleNotYours):
        shortfalls.settle(row, note="Left.", is_taken=False, by=manager, at=LATER)
    with pytest.raises(shortfalls.SettleNote):
        shortfalls.settle(row, note=" ", is_taken=False, by=lead, at=LATER)
    shortfalls.settle(row, note="Left.", is_taken=False, by=lead, at=LATER)
    assert not shortfalls.open_shortfalls(programme).exists()
    with pytest.raises(shortfalls.SettledAlready):
        shortfalls.settle(row, note="Left.", is_taken=False, by=lead, at=LATER)
    codes = {"order": order.pk, "points": 100, "taken": False}
    assert AuditEvent.objects.get(act="points.settle_short").codes == codes
    back = bought(customer, ("tea", -1, 100), at=LATER)
    again = shortfalls.open_shortfalls(programme).get()
    assert (again.short, again.settled) == (200, 100)
    void(back, at=LATER)
    apply(back, at=LATER)
    void(Order.objects.get(returned__gt=0, void=False), at=LATER)
    apply(*Order.objects.filter(customer=customer), at=LATER)
    assert (state_of(order).short, state_of(order).settled) == (0, 0)


def test_all_spent_is_shown_without_an_entry(customer, programme):
    order = bought(customer, ("tea", 1, 100))
    factories.redeem(PointsAccount.objects.get(), 100)
    back = bought(customer, ("tea", -1, 100), at=LATER)
    apply(back, order, at=LATER)
    assert moves_of(customer) == [("earn", 100), ("redeem", -100)]
    assert state_of(order).short == 100


def test_spent_points_are_a_debt_where_the_programme_says_so(customer, programme):
    Programme.objects.update(on_spent_return="debt")
    order = bought(customer, ("tea", 1, 100))
    factories.redeem(PointsAccount.objects.get(), 70)
    bought(customer, ("tea", -1, 100), at=LATER)
    assert sums_of(customer) == (0, 0, 70)
    assert state_of(order).short == 0
    bought(customer, ("tea", 1, 100), at=LATER)
    assert sums_of(customer) == (30, 0, 0)


def test_a_debt_is_paid_at_once_from_what_other_orders_brought(customer, programme):
    Programme.objects.update(on_spent_return="debt")
    orders = [bought(customer, ("tea", 1, 100), at=NOW + timedelta(hours=n)) for n in range(3)]
    account = PointsAccount.objects.get()
    factories.redeem(account, 150, at=NOW + timedelta(hours=3))
    for order in orders[:2]:
        void(order, at=LATER)
    apply(*orders[:2], at=LATER)
    assert sums_of(customer) == (0, 0, 50)
    with pytest.raises(NotEnoughPoints):
        factories.redeem(account, 1, at=LATER)
    assert moves_of(customer)[4:] == [("take_back", 0), ("take_back", -50), ("take_back", -100)]
    paid = PointsEntry.objects.latest("pk")
    assert (paid.debt, paid.occurred_at, paid.detail) == (-100, LATER, {"debt_paid": 100})
    apply(*orders, at=LATER)
    assert sums_of(customer) == (0, 0, 50)
    assert sealing.verify(at=LATER).findings == []


def test_what_expired_by_then_pays_no_debt(customer, programme):
    Programme.objects.update(on_spent_return="debt")
    first, second = bought(customer, ("tea", 1, 100), at=ago(9)), bought(customer, ("tea", 1, 100), at=ago(8))
    factories.redeem(PointsAccount.objects.get(), 100, at=ago(7))
    PointsLot.objects.filter(entry__source_id=second.pk).update(expires_day=day(NOW) - 2)
    apply(void(first, at=NOW), at=NOW)
    assert sums_of(customer) == (0, 0, 100)


def test_a_cancelled_order_is_taken_back_and_given_anew_when_it_stands_again(customer):
    order = bought(customer, ("tea", 1, 100))
    order = revise(order, at=LATER, status=Order.Status.CANCELLED)
    apply(order, at=LATER)
    assert sums_of(customer) == (0, 0, 0)
    assert state_of(order).net_left == 0
    order = revise(order, at=LATER + timedelta(days=1), status=Order.Status.PLACED)
    apply(order, at=LATER + timedelta(days=1))
    assert moves_of(customer) == [("earn", 100), ("take_back", -100), ("earn", 100)]
    order = revise(order, at=LATER + timedelta(days=2), status=Order.Status.CANCELLED)
    apply(order, at=LATER + timedelta(days=2))
    assert sums_of(customer) == (0, 0, 0)


def test_a_removed_order_is_taken_back(customer):
    order = bought(customer, ("tea", 1, 100))
    void(order, at=LATER)
    assert applying.earn_missed(LATER).taken_back == 100
    assert sums_of(customer) == (0, 0, 0)


def test_a_return_that_is_removed_gives_the_points_back(customer):
    bought(customer, ("tea", 1, 100))
    back = bought(customer, ("tea", -1, 100), at=LATER)
    void(back, at=LATER + timedelta(days=1))
    apply(back, at=LATER + timedelta(days=1))
    assert moves_of(customer) == [("earn", 100), ("take_back", -100), ("earn", 100)]


def test_a_changed_order_is_judged_by_the_rules_of_the_first_time(customer, programme):
    order = bought(customer, ("tea", 1, 100))
    rules.change_rule(programme.rules.get(), document={**SPEND, "points": "5"}, by=None, at=LATER)
    make_rule(programme, {"kind": "item", "products": ["tea"], "points": "7"}, at=LATER)
    order.lines.update(amount=12000)
    order = revise(order, at=LATER, sold=12000, sold_base=12000)
    apply(order, at=LATER)
    assert moves_of(customer) == [("earn", 100), ("earn", 20)]
    entry = PointsEntry.objects.latest("pk")
    assert (entry.source_type, entry.detail["was"], entry.detail["now"]) == ("order.2", 100, 120)
    order.lines.update(amount=1000)
    order = revise(order, at=LATER + timedelta(days=1), sold=1000, sold_base=1000)
    apply(order, at=LATER + timedelta(days=1))
    assert sums_of(customer) == (10, 0, 0)
    assert moves_of(customer)[2:] == [("take_back", -20), ("take_back", -90)]


def test_the_first_order_that_is_cancelled_makes_room_for_the_next(customer, programme):
    make_rule(programme, {"kind": "first_order", "points": 100})
    first = bought(customer, ("tea", 1, 10))
    revise(first, at=LATER, status=Order.Status.CANCELLED)
    second = record(customer, ("tea", 1, 20), at=LATER)
    apply(first, second, at=LATER)
    assert moves_of(customer) == [("earn", 110), ("earn", 120), ("take_back", -110)]
    assert not state_of(first).is_first
    assert state_of(second).is_first


# --- Events and imports -----------------------------------------------------------------------
ORDERS = "external_id,customer,occurred_at,product,quantity,unit_price\n"


def drained(at: Any = NOW) -> None:
    while outbox.drain(at=at):
        pass


def test_an_order_that_is_entered_earns_by_its_event(customer):
    record(customer, ("tea", 1, 50))
    drained()
    assert moves_of(customer) == [("earn", 50)]


def test_the_orders_of_a_file_earn_some_at_a_time_and_go_with_it(spend, tmp_path, monkeypatch):
    monkeypatch.setattr("loyalty.earning.events._IMPORTED_AT_ONCE", 2)
    lines = "".join(f"O-{n},C-{n % 2},2026-05-0{n},tea,1,{n}0\n" for n in range(1, 6))
    batch = bring(tmp_path, "orders", ORDERS + lines)
    drained()
    assert sorted(PointsAccount.objects.values_list("balance", flat=True)) == [60, 90]
    take_back(batch)
    assert list(PointsAccount.objects.values_list("balance", flat=True)) == [0, 0]


def test_a_correction_that_is_taken_back_gives_the_points_of_before(spend, tmp_path):
    bring(tmp_path, "orders", ORDERS + "O-1,C-1,2026-05-01,tea,1,100\n")
    drained()
    later = bring(tmp_path, "orders", ORDERS + "O-1,C-1,2026-05-01,tea,1,30\n", at=NOW + timedelta(hours=1))
    drained(NOW + timedelta(hours=1))
    assert PointsAccount.objects.get().balance == 30
    take_back(later)
    assert PointsAccount.objects.get().balance == 100


def test_a_correction_that_names_another_customer_moves_the_points_and_goes_with_them(spend, tmp_path):
    bring(tmp_path, "orders", ORDERS + "O-1,C-1,2026-05-01,tea,1,100\nO-2,C-2,2026-05-01,tea,1,1\n")
    drained()
    assert list(PointsAccount.objects.order_by("customer").values_list("balance", flat=True)) == [100, 1]
    moment = NOW + timedelta(hours=1)
    later = bring(tmp_path, "orders", ORDERS + "O-1,C-2,2026-05-01,tea,1,100\n", at=moment)
    drained(moment)
    assert list(PointsAccount.objects.order_by("customer").values_list("balance", flat=True)) == [0, 101]
    assert applying.earn_missed(LATER).orders == 0
    take_back(later)
    assert list(PointsAccount.objects.order_by("customer").values_list("balance", flat=True)) == [100, 1]


def test_the_night_finds_what_no_event_told_of_and_then_nothing(customer):
    record(customer, ("tea", 1, 50))
    assert applying.earn_missed(LATER).earned == 50
    assert applying.earn_missed(LATER).orders == 0


def test_the_night_finds_what_moved_to_before_the_first_day(customer, programme):
    order = bought(customer, ("tea", 1, 100))
    back = bought(customer, ("tea", -1, 40), at=NOW + timedelta(hours=1))
    other = bought(customer, ("tea", 1, 100), at=NOW + timedelta(hours=2))
    Programme.objects.update(starts_day=day(NOW) - 5)
    record(customer, ("tea", 1, 70), at=ago(9))
    revise(order, at=LATER, occurred_at=ago(8))
    assert applying.earn_missed(LATER).orders == 1
    assert ([state_of(one).points for one in (order, other)], sums_of(customer)) == ([0, 100], (100, 0, 0))
    revise(back, at=LATER, occurred_at=ago(7))
    assert applying.earn_missed(LATER).orders == 1
    assert applying.earn_missed(LATER).orders == 0


def test_what_earns_nothing_is_not_looked_at_again(customer, programme):
    make_rule(programme, {"kind": "exclusion", "products": ["tea"]})
    record(customer, ("tea", 1, 50))
    assert applying.earn_missed(LATER).orders == 1
    assert applying.earn_missed(LATER).orders == 0
    assert not PointsEntry.objects.exists()


def test_queries_do_not_grow_with_orders_that_earn_nothing(programme, django_assert_max_num_queries):
    make_rule(programme, {"kind": "minimum", "amount": "1000"})
    make_rule(programme, {"kind": "cap", "period": "year", "points": 1000})
    make_rule(programme, {"kind": "first_order", "points": 100})
    found = [record(CustomerFactory(), ("tea", 1, 10)) for _n in range(30)]
    with django_assert_max_num_queries(45):
        apply(*found)


def test_orders_of_a_customer_that_was_merged_are_taken_back_from_the_survivor(customer):
    admin = UserFactory(role="admin")
    other = CustomerFactory()
    bought(customer, ("tea", 10, 10))
    merges.merge_customers(other, customer, reason="Same.", by=admin, at=LATER)
    bought(other, ("tea", -4, 10), at=LATER + timedelta(days=1))
    back = PointsEntry.objects.get(kind="take_back")
    assert (back.customer, back.points) == (other, -40)
    assert sums_of(other)[0] == 60
    bought(other, ("tea", 1, 10), at=LATER + timedelta(days=1))
    assert sums_of(other)[0] == 70


def test_many_orders_earn_in_sets_what_each_earns_alone(spend, monkeypatch):
    monkeypatch.setattr(moving, "ONE_BY_ONE", 3)
    customers = [CustomerFactory(), CustomerFactory()]
    found = [record(customers[n % 2], ("tea", 1, 10 + n)) for n in range(6)]
    applied = apply(*found)
    assert (applied.orders, applied.earned) == (6, 75)
    assert [sums_of(customer)[0] for customer in customers] == [36, 39]
    entries = {row.source_id: row for row in PointsEntry.objects.all()}
    for n, order in enumerate(found):
        assert (entries[order.pk].points, state_of(order).entry) == (10 + n, entries[order.pk])
        assert entries[order.pk].detail["order"] == order.pk
    bought(customers[0], ("tea", -1, 14), at=LATER)
    assert sums_of(customers[0]) == (22, 0, 0)


# --- Caps, rounding and what fails ------------------------------------------------------------
CAP = {"kind": "cap", "period": "day", "points": 100}


def test_a_cap_that_was_turned_off_holds_for_orders_of_before(customer, programme):
    cap = make_rule(programme, CAP, at=ago(30))
    first, second = bought(customer, ("tea", 1, 80), at=ago(5)), bought(customer, ("tea", 1, 80), at=ago(5))
    rules.turn_rule(cap, is_on=False, by=None, at=ago(2))
    Order.objects.filter(pk=second.pk).update(recorded_at=ago(1))
    apply(second, at=ago(1))
    assert (state_of(first).points, state_of(second).points) == (80, 20)


def test_a_cap_counts_what_the_customer_earned_before_it_was_merged(customer, programme):
    make_rule(programme, CAP, at=ago(30))
    other = CustomerFactory()
    factories.make_account(other)
    first, second = bought(customer, ("tea", 1, 80), at=ago(5)), bought(customer, ("tea", 1, 80), at=ago(5))
    merges.merge_customers(other, customer, reason="Same.", by=None, at=ago(2))
    Order.objects.filter(pk=second.pk).update(recorded_at=ago(1))
    apply(second, at=ago(1))
    assert (state_of(first).points, state_of(second).points) == (80, 20)
    third = bought(other, ("tea", 1, 80), at=ago(1), occurred_at=ago(5))
    assert (state_of(third).points, sums_of(other)[0]) == (0, 100)


def test_orders_keep_the_rounding_by_which_they_earned(customer, programme):
    for n in range(3):
        bought(customer, ("tea", 1, "10.60"), at=ago(20 - n))
    bought(customer, ("cup", 1, 7), at=ago(10))
    programmes.change_programme(programme, values={"rounding": "half_up"}, by=None, at=ago(3))
    bought(customer, ("cup", -1, 7), at=ago(2))
    assert moves_of(customer) == [("earn", 10)] * 3 + [("earn", 7), ("take_back", -7)]
    bought(customer, ("tea", 1, "10.60"), at=ago(1))
    assert sums_of(customer)[0] == 41


def test_points_of_many_multipliers_are_kept_exactly(programme):
    make_rule(programme, {**SPEND, "per": "3"}, at=ago(100))
    for _n in range(18):
        make_rule(programme, {"kind": "multiplier", "times": "1.0007"}, at=ago(100))
    order = bought(CustomerFactory(), ("tea", 1, "1234.57"))
    assert len(state_of(order).exact) > 80
    assert OrderEarning._meta.get_field("exact").max_length is None
    assert OrderEarning._meta.get_field("fixed").max_length is None


def test_one_bad_order_keeps_no_other_one_from_earning_in_the_night(customer, monkeypatch, caplog):
    found = [record(customer, ("tea", 1, 10 + n)) for n in range(5)]
    judge = applying._Chunk._judge

    def judging(self: Any, row: OrderEarning, one: Any) -> None:
        if one.pk == found[3].pk:
            raise ValueError("bad")
        judge(self, row, one)

    monkeypatch.setattr(applying._Chunk, "_judge", judging)
    applied = applying.earn_missed(LATER)
    assert (applied.earned, applied.failed) == (10 + 11 + 12 + 14, 1)
    assert [row.order for row in caplog.records if row.name == applying.__name__] == [found[3].pk]
    monkeypatch.undo()
    assert applying.earn_missed(LATER).earned == 13


def test_trouble_with_the_database_is_not_taken_for_a_bad_order(customer, monkeypatch):
    record(customer, ("tea", 1, 10))

    def gone(self: Any, ids: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(applying._Chunk, "apply", gone)
    with pytest.raises(OperationalError):
        applying.earn_missed(LATER)


# --- How much is read for a return ------------------------------------------------------------
def counted_again(customer: Customer, programme: Programme) -> list[tuple[int, dict[str, list[str]]]]:
    """Return what came back of each order of a customer when all are counted from the beginning."""
    found = applying._Chunk(programme, at=NOW)._counted_again({customer.pk})
    return sorted((row.order_id, purchase.came_back) for row, purchase in found)


def as_kept(customer: Customer) -> list[tuple[int, dict[str, list[str]]]]:
    rows = OrderEarning.objects.filter(customer=customer, is_return=False).order_by("order")
    return list(rows.values_list("order_id", "came_back"))


def test_a_return_reads_only_orders_that_it_reaches(customer, programme, monkeypatch):
    monkeypatch.setattr(counting, "_READ_AT_ONCE", 2)
    found = [bought(customer, ("tea" if n % 2 else "cup", 1, 10), at=ago(30 - n)) for n in range(12)]
    read: list[int] = []
    purchase = counting.purchase_of

    def reading(row: OrderEarning, *given: Any) -> Any:
        read.append(row.order_id)
        return purchase(row, *given)

    def never(self: Any, customers: Any) -> Any:
        raise AssertionError("all orders are counted again")

    monkeypatch.setattr(counting, "purchase_of", reading)
    monkeypatch.setattr(applying._Chunk, "_counted_again", never)
    bought(customer, ("tea", -1, 10), at=ago(5))
    assert read == [found[11].pk]
    read.clear()
    bought(customer, ("cup", -3, 10), at=ago(4))
    assert read == [found[n].pk for n in (10, 8, 6)]
    read.clear()
    bought(customer, ("cup", -1, 10), at=ago(3), returns_of=found[0])
    assert read == [found[0].pk]
    read.clear()
    last = bought(customer, ("tea", 1, 30), at=ago(2))
    assert read == []
    apply(revise(last, at=ago(1), status=Order.Status.CANCELLED), at=ago(1))
    assert read == [last.pk]
    assert [row.points for row in OrderEarning.objects.filter(is_return=False).order_by("order")] == [
        *(0, 10, 10, 10, 10, 10, 0, 10, 0, 10, 0, 0),
        0,
    ]


@pytest.mark.parametrize("seed", range(4))
def test_returns_one_by_one_leave_what_counting_all_again_leaves(customer, programme, monkeypatch, seed):
    monkeypatch.setattr(counting, "_READ_AT_ONCE", 2)
    chance = random.Random(seed)
    found: list[Order] = []
    waiting: list[Order] = []
    for n in range(24):
        at = ago(60 - n)
        code, count = chance.choice(["tea", "cup", "pot"]), chance.randint(1, 3)
        if chance.random() < 0.55 or not found:
            other = chance.choice(["tea", "jar"])
            order = record(customer, (code, count, "10.30"), (other, 1, "5.55"), ("", 1, "-1.11"), at=at)
            found.append(order)
        elif chance.random() < 0.3:
            order = record(customer, (code, -count, "10.30"), at=at, returns_of=chance.choice(found))
        elif chance.random() < 0.3:
            order = record(customer, ("", -1, "7.77"), at=at)
        else:
            order = record(customer, (code, -count, "9.10"), ("jar", 1, 8), at=at)
        waiting.append(order)
        if chance.random() < 0.7:
            apply(*waiting, at=at)
            waiting = []
    apply(*waiting)
    assert as_kept(customer) == counted_again(customer, programme)
    assert any(came_back for _order, came_back in as_kept(customer))
    void(found[-2], at=NOW)
    apply(found[-2])
    assert as_kept(customer) == counted_again(customer, programme)


def test_what_one_customer_brings_back_takes_nothing_from_another(customer):
    other = CustomerFactory()
    mine, theirs = bought(customer, ("tea", 1, 10), at=ago(5)), bought(other, ("tea", 1, 20), at=ago(4))
    backs = [record(customer, ("tea", -1, 10), at=ago(3)), record(other, ("cup", -1, 10), at=ago(3))]
    apply(*backs, at=ago(3))
    assert [state_of(order).points for order in (mine, theirs)] == [0, 20]
    for back in backs:
        Order.objects.filter(pk=back.pk).update(recorded_at=ago(2))
    apply(*backs, at=ago(2))
    assert [state_of(order).points for order in (mine, theirs)] == [0, 20]


def test_an_order_that_is_changed_keeps_what_came_back_of_it(customer):
    order = bought(customer, ("tea", 4, 10), at=ago(5))
    bought(customer, ("tea", -1, 10), at=ago(4))
    second = bought(customer, ("cup", 1, 30), at=ago(3))
    second.lines.update(amount=2000)
    second = revise(second, at=ago(2), sold=2000, sold_base=2000)
    apply(order, second, at=ago(2))  # the first one as it is
    assert [state_of(one).points for one in (order, second)] == [30, 20]
    order.lines.update(amount=8000)
    order = revise(order, at=ago(1), sold=8000, sold_base=8000)
    back = record(customer, ("tea", -1, 20), at=ago(1))
    apply(order, back, at=ago(1))  # changed, and more of it back
    assert state_of(order).points == 50
    assert state_of(order).net_left == 5000
