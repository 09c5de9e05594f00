"""What would have been earned, and the sentences that explain it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import translation

from customers.models import Order, Product
from loyalty.earning import documents, rules, simulate
from loyalty.earning.explaining import Explainer, explained, name_in
from loyalty.earning.simulate import Wanted
from loyalty.models import PointsAccount, PointsEntry, Programme, Tier
from tests.factories import NOW, CustomerFactory, ago, day
from tests.loyalty import factories
from tests.loyalty.earning import SPEND, bought, make_rule, record

pytestmark = pytest.mark.django_db


def wanted(product: str, price: str, quantity: str = "1") -> Wanted:
    return Wanted(product, Decimal(quantity), Decimal(price))


@pytest.fixture
def four(programme: Programme) -> Programme:
    make_rule(programme, {**SPEND, "points": "4"}, name="Spend", code="spend")
    return programme


def test_a_basket_would_have_earned_because(four):
    make_rule(four, {"kind": "exclusion", "products": ["sku000"]}, name="No tea")
    found = simulate.simulate_basket(
        four, [wanted("sku123", "12"), wanted("sku000", "100"), wanted("sku0001", "40")], day=day(NOW)
    )
    assert found.outcome.points == 208
    assert found.why == "208 points: ¥100 earned nothing (“No tea”); ¥52 × 4 = 208 (“Spend”)"
    assert not PointsEntry.objects.exists()


def test_a_basket_is_tried_by_category_tier_first_order_and_birthday(four):
    Tier.objects.create(programme=four, code="gold", name="Gold", threshold=0, multiplier_bp=12_500)
    Product.objects.create(code="cup", name="Cup", category="red")
    make_rule(four, {"kind": "multiplier", "times": "3", "labels": ["red"], "birthday": "day"}, name="Red")
    make_rule(four, {"kind": "first_order", "points": 7}, name="Welcome")
    found = simulate.simulate_basket(
        four, [wanted("cup", "0.99")], day=day(NOW), tier="gold", is_first=True, birthday=["day"]
    )
    assert found.why == (
        "21 points: ¥0.99 × 4 × 3 (“Red”) × 1.25 (tier Gold) = 14.85 (“Spend”); "
        "7 for the first order (“Welcome”); 21.85 rounded down to 21"
    )


def test_rules_that_are_off_do_not_count_and_others_can_be_tried(four):
    make_rule(four, {"kind": "first_order", "points": 100}, is_on=False)
    basket = [wanted("tea", "1500")]
    assert simulate.simulate_basket(four, basket, day=day(NOW), is_first=True).outcome.points == 6000
    tried = simulate.rules_of(four, [{"kind": "amount", "points": "1", "per": "1000"}])
    found = simulate.simulate_basket(four, basket, day=day(NOW), rules=tried)
    assert found.why == "1 point: ¥1,500 ÷ ¥1,000 × 1 = 1.5 (“#-1”); 1.5 rounded down to 1"
    with pytest.raises(documents.DocumentRefused):
        simulate.rules_of(four, [{"kind": "gift"}])


def test_every_part_has_its_sentence_in_both_languages(four):
    ready = [
        make_rule(four, {"kind": "minimum", "amount": "10"}, name="Least", name_alt="起点"),
        make_rule(four, {"kind": "item", "products": ["tea"], "points": "5"}, name="Tea"),
        make_rule(four, {"kind": "cap", "period": "day", "points": 100}, name="Cap"),
    ]
    few = simulate.simulate_basket(four, [wanted("tea", "9.99")], day=day(NOW))
    assert few.why == "0 points: ¥9.99 is below the minimum of ¥10 (“Least”)"
    many = simulate.simulate_basket(four, [wanted("tea", "20", "2")], day=day(NOW))
    assert many.why == (
        "100 points: ¥40 × 4 = 160 (“Spend”); 2 items × 5 = 10 (“Tea”); "
        "70 fewer, because at most 100 are earned in a day (“Cap”)"
    )
    with translation.override("zh-hans"):
        assert Explainer(four).rules[ready[0].pk] == "起点"
    assert name_in("zh-hans", "茶", "Tea") == name_in("zh-hans", "Tea", "茶") == "茶"
    assert name_in("en", "茶", "Tea") == name_in("en", "Tea", "") == "Tea"


def test_entries_are_explained(four, django_assert_num_queries):
    customer = CustomerFactory()
    bought(customer, ("tea", 2, 10))
    factories.redeem(PointsAccount.objects.get(), 50)
    bought(customer, ("tea", -2, 10), at=NOW + timedelta(days=1))
    entries = list(PointsEntry.objects.order_by("pk"))
    with django_assert_num_queries(2):
        found = explained(entries, four)
    assert list(found.values()) == [
        ["¥20 × 4 = 80 (“Spend”)"],
        [],
        ["goods came back: the order keeps 0 of 80 points", "50 points were spent and stay"],
    ]


# --- A year -----------------------------------------------------------------------------------
def test_a_year_counts_its_orders_by_the_rules_that_are_on(four):
    Programme.objects.update(worth_of_100=150)
    four.refresh_from_db()
    item = make_rule(four, {"kind": "item", "products": ["cup"], "points": "3"})
    one, other = CustomerFactory(), CustomerFactory()
    record(one, ("tea", 1, 10), at=ago(364))
    record(one, ("cup", 2, 5), at=ago(3))
    record(other, ("tea", 1, 100), at=ago(2))
    record(other, ("tea", -1, 100), at=ago(1))
    record(other, ("tea", 1, 1000), at=ago(365))  # before the year
    cancelled = record(other, ("tea", 1, 1000), at=ago(1))
    Order.objects.filter(pk=cancelled.pk).update(status="cancelled")
    found = simulate.simulate_year(four, at=NOW)
    assert (found.first_day, found.last_day) == (day(NOW) - 364, day(NOW))
    assert (found.orders, found.earning, found.customers) == (3, 3, 2)
    assert (found.earned, found.returned, found.points) == (40 + 46 + 400, 400, 86)
    assert found.worth == 129
    assert found.by_rule == {rules.current_rules(four)[0].id: 480, item.pk: 6}
    assert not PointsEntry.objects.exists()


def test_a_year_by_other_rules_with_first_orders_caps_and_tiers(programme):
    old, new = CustomerFactory(), CustomerFactory()
    account = factories.make_account(new)
    tier = Tier.objects.create(programme=programme, code="g", name="G", threshold=0, multiplier_bp=20_000)
    PointsAccount.objects.filter(pk=account.pk).update(tier=tier)
    record(old, ("tea", 1, 10), at=ago(400))
    record(old, ("tea", 1, 10), at=ago(40))
    record(new, ("tea", 1, 10), at=ago(20))
    record(new, ("tea", 1, 10), at=ago(19))
    tried = simulate.rules_of(
        programme,
        [SPEND, {"kind": "first_order", "points": 100}, {"kind": "cap", "period": "month", "points": 130}],
    )
    found = simulate.simulate_year(programme, rules=tried, at=NOW)
    assert (found.earned, found.cut) == (10 + 120 + 10, 10)
    assert found.by_rule == {-1: 50, -2: 100}


def test_a_year_is_read_in_pieces(four, monkeypatch, django_assert_num_queries):
    customer = CustomerFactory()
    for n in range(5):
        record(customer, ("tea", 1, 10), at=ago(n + 1))
    whole = simulate.simulate_year(four, at=NOW)
    monkeypatch.setattr(simulate, "AT_ONCE", 2)
    with django_assert_num_queries(3 + 2 * 3 + 1):  # rules, company, tiers; orders and lines; the end
        assert simulate.simulate_year(four, at=NOW) == whole
    assert whole.earned == 200
