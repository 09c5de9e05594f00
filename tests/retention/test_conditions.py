"""Conditions: what may stand in a tree, what is refused and where, and what a tree says of a row."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation

from retention.measures import stored
from retention.rules import ConditionRefused, parse
from retention.rules.conditions import DEEPEST, MOST_NODES, OPERATORS, Against, Between, Compare, Path

TODAY = 739_000
ORDERS = {"measure": "orders_90d", "op": ">=", "value": 4}
SILENT = {"measure": "days_since_last_contact", "op": ">=", "value": 60}
RATIO = {"measure": "overdue_ratio", "op": ">=", "value": "2.5"}


def row(**values: int | str | None) -> dict[str, int | str | None]:
    """Return a row of the wide table; what is not given is unknown."""
    return {**{measure.code: None for measure in stored()}, **values}


def says(tree: Any, **values: int | str | None) -> bool | None:
    """Evaluate a tree on one row."""
    return parse(tree).evaluate(row(**values), TODAY)


# --- What is refused, and where ---------------------------------------------------------------

REFUSED = {
    "nothing": ({}, "condition", "missing"),
    "no object": ([], "condition", "missing"),
    "empty all": ({"all": []}, "all", "empty"),
    "empty any": ({"all": [ORDERS, {"any": []}]}, "all › 2 › any", "empty"),
    "group of one thing": ({"all": ORDERS}, "all", "empty"),
    "not of nothing": ({"not": {}}, "not", "nothing stands"),
    "not of null": ({"any": [{"not": None}]}, "any › 1 › not", "nothing stands"),
    "unknown measure": (
        {"all": [ORDERS, {**ORDERS, "measure": "shoe_size"}]},
        "all › 2 › measure",
        "shoe_size",
    ),
    "measure that is no text": ({**ORDERS, "measure": ["orders_90d"]}, "measure", "no measure"),
    "no measure": ({"op": ">=", "value": 4}, "measure", "no measure"),
    "both groups": ({"all": [ORDERS], "any": [ORDERS]}, "condition", "not a part"),
    "unknown key": ({**ORDERS, "regex": ".*"}, "condition", "regex"),
    "unknown comparison": ({**ORDERS, "op": "like"}, "comparison", "like"),
    "comparison that is no text": ({**ORDERS, "op": [">="]}, "comparison", "cannot be compared"),
    "text for a number": ({**ORDERS, "value": "many"}, "value", "not a number"),
    "flag for a number": ({**ORDERS, "value": True}, "value", "not a number"),
    "nothing for a number": ({"measure": "orders_90d", "op": ">="}, "value", "not a number"),
    "five decimals": ({**RATIO, "value": "0.12345"}, "value", "four decimals"),
    "a float too long": ({**RATIO, "value": 0.1 + 0.2}, "value", "four decimals"),
    "not a number": ({**RATIO, "value": float("nan")}, "value", "not a number"),
    "exponent": ({**RATIO, "value": "1e3"}, "value", "not a number"),
    "other digits": ({**RATIO, "value": "２"}, "value", "not a number"),
    "too large": ({**ORDERS, "value": 10**15 + 1}, "value", "too large"),
    "ratio too large": ({**RATIO, "value": 10_001}, "value", "too large"),
    "between reversed": ({**ORDERS, "op": "between", "value": [5, 4]}, "value", "Exchange"),
    "between of one": ({**ORDERS, "op": "between", "value": [5]}, "value", "two values"),
    "between of text": ({**ORDERS, "op": "between", "value": [1, "x"]}, "value › 2", "not a number"),
    "one of none": ({**ORDERS, "op": "one_of", "value": []}, "value", "at least one"),
    "one of a half": ({**ORDERS, "op": "one_of", "value": [1, "1.5"]}, "value › 2", "whole number"),
    "one of amounts": ({"measure": "spend_90d", "op": "one_of", "value": [1]}, "comparison", "cannot"),
    "flag by more": ({"measure": "owner_inactive", "op": ">", "value": 0}, "comparison", "cannot"),
    "flag of two": ({"measure": "owner_inactive", "op": "=", "value": 2}, "value", "yes"),
    "day by number": ({"measure": "last_order_day", "op": ">", "value": 5}, "value", "not a date"),
    "known with value": ({**ORDERS, "op": "is_known"}, "value", "without a value"),
    "value and measure": ({**ORDERS, "other": "orders_prev_90d"}, "value", "either"),
    "other kind": (
        {"measure": "orders_90d", "op": "<", "other": "spend_90d"},
        "other measure",
        "different things",
    ),
    "other unknown": ({"measure": "orders_90d", "op": "<", "other": "x"}, "other measure", "no measure"),
    "days against days of the calendar": (
        {"measure": "last_order_day", "op": "<", "other": "first_order_day"},
        "other measure",
        "different things",
    ),
    "factor without other": (
        {"measure": "orders_90d", "op": "<", "factor": 2},
        "other measure",
        "no measure",
    ),
    "factor of zero": (
        {"measure": "orders_90d", "op": "<", "factor": 0, "other": "orders_prev_90d"},
        "factor",
        "greater than zero",
    ),
    "between measures": (
        {"measure": "orders_90d", "op": "between", "other": "orders_prev_90d"},
        "comparison",
        "two measures",
    ),
}


@pytest.mark.parametrize(("tree", "path", "word"), REFUSED.values(), ids=REFUSED)
def test_parse_refuses_and_names_the_place_when_the_tree_is_wrong(tree: Any, path: str, word: str) -> None:
    with pytest.raises(ConditionRefused) as refused:
        parse(tree)
    assert str(refused.value).startswith(f"{path}: ")
    assert word in str(refused.value)
    assert refused.value.code == "condition_refused"


def nested(depth: int) -> Any:
    """Return a tree of groups ``depth`` levels deep, the leaf being the last."""
    return ORDERS if depth == 1 else {"all": [nested(depth - 1)]}


def test_parse_takes_the_deepest_tree_and_refuses_one_level_more() -> None:
    assert parse(nested(DEEPEST)).measures() == ["orders_90d"]
    with pytest.raises(ConditionRefused, match="deeper than 8"):
        parse(nested(DEEPEST + 1))
    with pytest.raises(ConditionRefused, match="deeper than 8"):
        parse(nested(400))


def test_parse_takes_the_largest_tree_and_refuses_one_node_more() -> None:
    assert len(list(parse({"any": [ORDERS] * (MOST_NODES - 1)}).leaves())) == MOST_NODES - 1
    with pytest.raises(ConditionRefused, match="more than 200"):
        parse({"any": [ORDERS] * MOST_NODES})


def test_refusal_says_the_place_in_the_language_of_the_reader() -> None:
    path = Path(("all", 2, "measure"))
    assert str(path) == "all › 2 › measure"
    with translation.override("zh-hans"):
        assert str(path).split(" › ")[1] == "2"


def test_every_unit_has_its_comparisons() -> None:
    from retention.measures import Unit

    assert set(OPERATORS) == set(Unit)
    for unit in Unit:
        assert {"is_known", "is_unknown", "="} <= OPERATORS[unit]


# --- What is read -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tree",
    [
        ORDERS,
        SILENT,
        RATIO,
        {"all": [ORDERS, {"any": [SILENT, {"not": RATIO}]}]},
        {"measure": "orders_90d", "op": "between", "value": [1, 4]},
        {"measure": "orders_90d", "op": "one_of", "value": [1, 4]},
        {"measure": "overdue_ratio", "op": "is_unknown"},
        {"measure": "last_order_day", "op": "<", "value": "2026-05-11"},
        {"measure": "orders_90d", "op": "<", "factor": "0.5", "other": "orders_prev_90d"},
        {"measure": "days_since_last_order", "op": ">=", "factor": 2, "other": "usual_interval"},
    ],
)
def test_as_json_gives_back_what_was_read(tree: Any) -> None:
    assert parse(tree).as_json() == tree
    assert parse(json.loads(json.dumps(parse(tree).as_json()))) == parse(tree)


def test_numbers_are_kept_exactly_however_they_were_written() -> None:
    for value in ("2.50", "2.5", 2.5):
        condition = parse({**RATIO, "value": value})
        assert condition == Compare("overdue_ratio", ">=", Decimal("2.5"))
        assert condition.as_json()["value"] == "2.5"
    assert parse({**RATIO, "value": "2.0"}).as_json()["value"] == 2
    assert parse({**ORDERS, "op": "between", "value": ["1.5", 4]}) == Between(
        "orders_90d", Decimal("1.5"), Decimal(4)
    )


def test_factor_is_one_when_left_out() -> None:
    tree = {"measure": "orders_90d", "op": "<", "other": "orders_prev_90d"}
    assert parse(tree) == Against("orders_90d", "<", Decimal(1), "orders_prev_90d")


def test_columns_are_those_that_the_measures_read() -> None:
    condition = parse({"all": [RATIO, ORDERS, SILENT, ORDERS]})
    assert condition.measures() == ["overdue_ratio", "orders_90d", "days_since_last_contact"]
    assert condition.columns() == {
        "last_order_day",
        "order_days",
        "order_span_days",
        "orders_90d",
        "last_contact_day",
    }


# --- What is true -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("<", 5, {3: True, 4: True, 5: False, 6: False}),
        ("<=", 5, {4: True, 5: True, 6: False}),
        (">", 5, {5: False, 6: True}),
        (">=", 5, {4: False, 5: True}),
        ("=", 5, {4: False, 5: True, 6: False}),
        ("!=", 5, {4: True, 5: False}),
        ("<", "4.5", {4: True, 5: False}),
        (">=", "4.5", {4: False, 5: True}),
        ("=", "4.5", {4: False, 5: False}),
        ("!=", "4.5", {4: True, 5: True}),
        ("between", [4, 5], {3: False, 4: True, 5: True, 6: False}),
        ("between", ["4.2", "4.8"], {4: False, 5: False}),
        ("one_of", [4, 6], {3: False, 4: True, 5: False, 6: True}),
    ],
)
def test_comparison_holds_at_its_edge_and_not_beside_it(
    op: str, value: Any, expected: dict[int, bool]
) -> None:
    tree = {"measure": "orders_90d", "op": op, "value": value}
    assert {found: says(tree, orders_90d=found) for found in expected} == expected
    assert says(tree) is None


def test_ratio_is_compared_exactly() -> None:
    third = {"measure": "orders_90d_vs_previous", "op": ">=", "value": "0.3333"}
    assert says(third, orders_90d=1, orders_prev_90d=3) is True
    assert says({**third, "value": "0.3334"}, orders_90d=1, orders_prev_90d=3) is False
    assert says(third, orders_90d=1, orders_prev_90d=0) is None


def test_own_past_is_compared_with_its_factor() -> None:
    tree = {"measure": "spend_90d", "op": "<=", "factor": "0.5", "other": "spend_prev_90d"}
    assert says(tree, spend_90d=50, spend_prev_90d=100) is True
    assert says(tree, spend_90d=51, spend_prev_90d=100) is False
    assert says(tree, spend_90d=50) is None


def test_unknown_matches_nothing_and_its_negation_neither() -> None:
    assert says(SILENT) is None
    assert says({"not": SILENT}) is None
    assert says({"not": {"not": SILENT}}) is None
    assert says({"all": [SILENT, ORDERS]}, orders_90d=9) is None
    assert says({"all": [SILENT, ORDERS]}, orders_90d=1) is False
    assert says({"any": [SILENT, ORDERS]}, orders_90d=9) is True
    assert says({"any": [SILENT, ORDERS]}, orders_90d=1) is None
    assert says({"measure": "days_since_last_contact", "op": "is_unknown"}) is True
    assert says({"not": {"measure": "days_since_last_contact", "op": "is_known"}}) is True


# --- Cases from outside (Zammad spec/models/ticket/selector: bli, bla, blub as 1, 2, 3 orders) -


def is_(number: int) -> Any:
    """Return the leaf that one of the three satisfies."""
    return {"measure": "orders_90d", "op": "=", "value": number}


ANY_OF_THEM = {"measure": "orders_90d", "op": "between", "value": [1, 3]}


@pytest.mark.parametrize(
    ("tree", "count"),
    [
        pytest.param({"all": [ANY_OF_THEM] * 3}, 3, id="R1"),
        pytest.param({"not": {"all": [ANY_OF_THEM] * 3}}, 0, id="R2"),
        pytest.param({"any": [is_(1), is_(2), is_(3)]}, 3, id="R3"),
        pytest.param({"any": [is_(9), is_(2), is_(3)]}, 2, id="R4"),
        pytest.param({"all": [is_(1), is_(2), is_(3)]}, 0, id="R5"),
        pytest.param({"any": [is_(1), {"any": [is_(2), is_(3)]}]}, 3, id="R6"),
        pytest.param({"any": [is_(1), {"any": [is_(9), is_(3)]}]}, 2, id="R7"),
        pytest.param({"all": [is_(1), {"all": [is_(2), is_(3)]}]}, 0, id="R8"),
    ],
)
def test_groups_count_as_other_products_count(tree: Any, count: int) -> None:
    assert sum(says(tree, orders_90d=orders) is True for orders in (1, 2, 3)) == count


@pytest.mark.parametrize("tree", [{"all": []}, {"all": [ANY_OF_THEM, {"all": []}]}], ids=["R9", "R10"])
def test_empty_groups_are_refused_by_our_policy(tree: Any) -> None:
    with pytest.raises(ConditionRefused, match="empty"):
        parse(tree)


# --- What an unknown counts as -------------------------------------------------------------------
SILENT = {"measure": "days_since_last_contact", "op": ">=", "value": 60}


@pytest.mark.parametrize(
    ("said", "known_yes", "known_no", "unknown", "unknown_of_negation"),
    [({}, True, False, None, None), ({"unknown": "no"}, True, False, None, None)]
    + [({"unknown": "yes"}, True, False, True, False)],
)
def test_comparison_says_what_an_unknown_counts_as(
    said: dict[str, str], known_yes: bool, known_no: bool, unknown: Any, unknown_of_negation: Any
) -> None:
    leaf = parse({**SILENT, **said})
    assert leaf.evaluate(row(last_contact_day=TODAY - 60), TODAY) is known_yes
    assert leaf.evaluate(row(last_contact_day=TODAY - 59), TODAY) is known_no
    assert leaf.evaluate(row(), TODAY) is unknown
    assert parse({"not": {**SILENT, **said}}).evaluate(row(), TODAY) is unknown_of_negation


@pytest.mark.parametrize(
    "leaf",
    [
        SILENT,
        {"measure": "usual_interval", "op": "between", "value": [1, 2]},
        {"measure": "days_since_last_order", "op": "one_of", "value": [1, 2]},
        {"measure": "days_since_last_contact", "op": ">", "factor": 2, "other": "usual_interval"},
    ],
)
def test_what_an_unknown_counts_as_is_written_as_it_was_read(leaf: dict[str, Any]) -> None:
    told = {**leaf, "unknown": "yes"}
    assert parse(told).as_json()["unknown"] == "yes"
    assert parse(parse(told).as_json()) == parse(told) != parse(leaf)
    assert parse({**leaf, "unknown": "no"}) == parse(leaf)
    assert parse(told).evaluate(row(), TODAY) is True


@pytest.mark.parametrize(
    ("leaf", "said"),
    [
        ({**SILENT, "unknown": "maybe"}, "say “yes” if unknown shall count as a match"),
        ({**SILENT, "unknown": True}, "say “yes” if unknown shall count as a match"),
        ({**SILENT, "unknown": None}, "say “yes” if unknown shall count as a match"),
        ({"measure": "usual_interval", "op": "is_known", "unknown": "yes"}, "is never unknown"),
    ],
)
def test_what_an_unknown_counts_as_is_refused_where_it_says_nothing(leaf: Any, said: str) -> None:
    with pytest.raises(ConditionRefused) as refused:
        parse(leaf)
    assert said in str(refused.value)
    assert str(refused.value).startswith("when unknown")
