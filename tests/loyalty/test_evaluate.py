"""What a basket earns, and why: the cases from outside, and the edges of each kind of rule."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.earning import documents, evaluate
from loyalty.earning.evaluate import Basket, Line, Rule, Rules
from tests.cases import load

CASES = load.document("loyalty_earning")
DAY = date(2024, 4, 27).toordinal()  # a Saturday


def ready(*found: dict[str, Any], rounding: str = "down") -> Rules:
    checked = [Rule(n, 1, documents.check(one)) for n, one in enumerate(found, start=1)]
    return Rules(checked, exponent=2, rounding=rounding)


def line(no: int, amount: int, *, product: str = "", label: str = "", quantity: str = "1") -> Line:
    return Line(no, product, label, Decimal(quantity), amount)


def basket(*lines: Line, **given: Any) -> Basket:
    return Basket(evaluate.net_goods(lines).goods, given.pop("day", DAY), **given)


def points(*rules: dict[str, Any], of: Basket, rounding: str = "down", **given: Any) -> int:
    return evaluate.evaluate(of, ready(*rules, rounding=rounding), **given).points


def case_lines(name: str) -> list[Line]:
    return [
        Line(
            no,
            row["product"],
            row["label"],
            Decimal(row["quantity"]),
            int(Decimal(row["quantity"]) * Decimal(row["price"]) * 100),
        )
        for no, row in enumerate(CASES["baskets"][name], start=1)
    ]


SPEND = {"kind": "amount", "points": "1", "per": "1"}


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in CASES["rows"]])
def test_cases_from_outside(row: dict[str, Any]) -> None:
    rules = ready(*row["rules"])
    if "event" in row:
        assert sum(rule.document["points"] for rule in rules.event(row["event"])) == row["expected"]
        return
    goods = evaluate.net_goods(case_lines(row["basket"])).goods
    outcome = evaluate.evaluate(Basket(goods, DAY), rules)
    if "returned" not in row:
        assert outcome.points == row["expected"]
        return
    back = {1: Fraction(row["returned"]) / Fraction(goods[0].quantity)}
    kept = evaluate.kept(outcome.exact, outcome.shares, outcome.fixed, back, lines=[1], rounding="down")
    assert kept == row["expected"]


def test_a_discount_line_is_spread_by_share_to_the_last_cent() -> None:
    goods = evaluate.net_goods([line(1, 1000), line(2, 500), line(3, 500), line(4, -101)]).goods
    assert [one.amount for one in goods] == [949, 475, 475]  # 50.5, 25.25, 25.25: the greatest remainder


def test_a_discount_beyond_the_goods_leaves_nothing() -> None:
    assert points(SPEND, of=basket(line(1, 1000), line(2, -5000))) == 0
    assert points(SPEND, of=basket(line(1, 1000), line(2, -900))) == 1


def test_what_comes_back_in_the_order_counts_off_its_product_first() -> None:
    lines = [
        line(1, 3000, product="a", quantity="3"),
        line(2, 4000, product="b"),
        line(3, -1000, product="a", quantity="-1"),
    ]
    netted = evaluate.net_goods(lines)
    assert [(one.product, one.quantity, one.amount) for one in netted.goods] == [
        ("a", 2, 2000),
        ("b", 1, 4000),
    ]
    assert netted.beyond == 0


def test_what_comes_back_beyond_the_order_is_told() -> None:
    netted = evaluate.net_goods([line(1, 1000, product="a"), line(2, -1500, product="b", quantity="-1")])
    assert sum(one.amount for one in netted.goods) == 0
    assert netted.beyond == 500


def test_items_earn_fixed_points_that_are_not_multiplied() -> None:
    item = {"kind": "item", "labels": ["toys"], "points": "2.5"}
    of = basket(line(1, 1000, label="toys", quantity="3"), line(2, 1000), tier_bp=20_000)
    assert points(item, {"kind": "multiplier", "times": "3"}, of=of) == 7


def test_goods_for_which_nothing_is_paid_earn_nothing_by_item() -> None:
    item = {"kind": "item", "products": ["a"], "points": "10"}
    of = basket(line(1, 0, product="a"), line(2, 100, product="b"))
    assert points(item, of=of) == 0


def test_multipliers_multiply_each_other_and_the_tier() -> None:
    double = {"kind": "multiplier", "times": "2"}
    red = {"kind": "multiplier", "times": "1.5", "labels": ["red"]}
    of = basket(line(1, 1000, label="red"), line(2, 1000), tier="gold", tier_bp=15_000)
    assert points(SPEND, double, red, of=of) == 45 + 30


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"from": "2024-04-27", "until": "2024-04-27"}, True),
        ({"from": "2024-04-28"}, False),
        ({"until": "2024-04-26"}, False),
        ({"weekdays": [6]}, True),
        ({"weekdays": [5, 7]}, False),
        ({"tiers": ["gold"]}, True),
        ({"tiers": ["silver"]}, False),
        ({"birthday": "month"}, True),
        ({"birthday": "day"}, False),
    ],
)
def test_conditions_of_a_multiplier(condition: dict[str, Any], holds: bool) -> None:
    of = basket(line(1, 1000), tier="gold", birthday=frozenset({"month"}))
    assert points(SPEND, {"kind": "multiplier", "times": "2", **condition}, of=of) == (20 if holds else 10)


def test_a_label_needs_a_label() -> None:
    of = basket(line(1, 1000, label=""))
    assert points(SPEND, {"kind": "exclusion", "labels": ["red"]}, of=of) == 10


def test_the_minimum_is_reached_at_its_amount_before_exclusions() -> None:
    minimum = {"kind": "minimum", "amount": "100"}
    without = {"kind": "exclusion", "products": ["b"]}
    assert points(SPEND, minimum, without, of=basket(line(1, 9000), line(2, 1000, product="b"))) == 90
    assert points(SPEND, minimum, of=basket(line(1, 9999))) == 0


def test_the_first_order_earns_once_more_and_below_the_minimum_nothing() -> None:
    first = {"kind": "first_order", "points": 100}
    assert points(SPEND, first, of=basket(line(1, 1000), is_first=True)) == 110
    assert points(SPEND, first, of=basket(line(1, 1000))) == 10
    assert (
        points(SPEND, first, {"kind": "minimum", "amount": "11"}, of=basket(line(1, 1000), is_first=True))
        == 0
    )


def test_rounding_is_once_for_the_order() -> None:
    thirds = {"kind": "amount", "points": "1", "per": "3"}
    of = basket(line(1, 250), line(2, 250))
    assert points(thirds, of=of) == 1  # 5/3, and not 0 + 0
    assert points(thirds, of=of, rounding="half_up") == 2
    assert (
        points({"kind": "amount", "points": "0.5", "per": "1"}, of=basket(line(1, 100)), rounding="half_up")
        == 1
    )
    assert (
        points({"kind": "amount", "points": "0.49", "per": "1"}, of=basket(line(1, 100)), rounding="half_up")
        == 0
    )


@pytest.mark.parametrize(
    ("period", "earned", "expected"),
    [("order", 0, 30), ("day", 10, 20), ("month", 29, 1), ("year", 30, 0), ("year", 99, 0), ("day", 0, 30)],
)
def test_caps_leave_room_by_period(period: str, earned: int, expected: int) -> None:
    cap = {"kind": "cap", "points": 30, "period": period}
    of = basket(line(1, 5000))
    outcome = evaluate.evaluate(of, ready(SPEND, cap), earned={period: earned, "order": 99})
    assert outcome.points == outcome.exact == expected
    assert outcome.parts[-1]["cut"] == 50 - expected


def test_the_explanation_holds_every_number() -> None:
    red = {"kind": "multiplier", "times": "3", "labels": ["red"]}
    rules = ready(
        {"kind": "amount", "points": "4", "per": "1"}, red, {"kind": "exclusion", "products": ["b"]}
    )
    of = basket(line(1, 1234, label="red"), line(2, 9900, product="b"), tier="gold", tier_bp=12_500)
    assert evaluate.evaluate(of, rules).detail() == {
        "net": 11134,
        "parts": [
            {"rule": 3, "version": 1, "kind": "exclusion", "base": 9900},
            {
                "rule": 1,
                "version": 1,
                "kind": "amount",
                "base": 1234,
                "points": "4",
                "per": "1",
                "got": "185.1",
                "times": [[2, 1, "3"]],
                "tier": "gold",
                "tier_bp": 12_500,
            },
        ],
        "exact": "185.1",
        "rounding": "down",
        "points": 185,
    }


def test_what_belongs_to_no_line_is_kept_while_anything_is() -> None:
    shares = {1: Fraction(60), 2: Fraction(40)}

    def kept(back: dict[int, Fraction], exact: int = 150) -> int:
        return evaluate.kept(Fraction(exact), shares, Fraction(50), back, lines=[1, 2], rounding="down")

    assert kept({}) == 150
    assert kept({1: Fraction(1)}) == 90
    assert kept({1: Fraction(1, 2), 2: Fraction(1)}) == 80
    assert kept({1: Fraction(1), 2: Fraction(1)}) == 0
    assert kept({1: Fraction(1)}, exact=75) == 45  # capped: in proportion to what it earned


@given(
    st.integers(0, 10**9),
    st.lists(st.integers(0, 10**9), min_size=1, max_size=8).filter(any),
)
def test_spreading_loses_nothing_and_differs_by_less_than_one(amount: int, weights: list[int]) -> None:
    parts = evaluate.spread(amount, weights)
    assert sum(parts) == amount
    total = sum(weights)
    assert all(abs(part * total - amount * w) < total for part, w in zip(parts, weights, strict=True))
