"""Compiled rules: the database says of every row what the reference evaluator says (promise P12)."""

from __future__ import annotations

import os
import random
import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from customers.ground.localtime import day_of
from retention.measures import Measure, Unit, dialect, every, stored
from retention.measures.compute import EVERYONE
from retention.measures.registry import _book
from retention.rules import Params, canonical_evidence, compile_rule, parse
from retention.rules.compile import evidence_columns, evidence_sql
from retention.rules.conditions import OPERATORS
from retention.rules.scan import Scan, matching
from tests.retention.makers import make_rule

TODAY = 739_000
FEW_TREES = 1_000
MANY_TREES = int(os.environ.get("LIUKE_RULE_TREES", "10000"))  # 100,000 before a release
ROWS = 40
AT_ONCE = 20
TABLE = "some_measures"
AS_OF = "2026-05-11 02:00:00+00:00"
DECLARED = {"0", "1", "4", "10000"}  # numbers that stand in declarations of measures, or in “> 0”

# --- Random rows and trees --------------------------------------------------------------------


def random_rows(seed: int) -> list[dict[str, int | str | None]]:
    """Return rows whose values lie close to each other and to the thresholds, a quarter unknown."""
    chance = random.Random(seed)
    ranges = {
        Unit.COUNT: (0, 7),
        Unit.MONEY: (-30, 60),
        Unit.DAYS: (-3, 40),
        Unit.DAY: (TODAY - 40, TODAY + 20),
        Unit.FLAG: (0, 1),
    }
    rows: list[dict[str, int | str | None]] = []
    for number in range(ROWS):
        row: dict[str, int | str | None] = {}
        for measure in stored():
            if measure.unit == Unit.CODE:
                row[measure.code] = chance.choice([None, *(code for code, _label in measure.choices)])
                continue
            low, high = ranges[measure.unit]
            factor = 10**11 if measure.unit == Unit.MONEY and number % 4 == 0 else 1
            row[measure.code] = None if chance.random() < 0.25 else chance.randint(low, high) * factor
        rows.append(row)
    return rows


def number_for(measure: Measure) -> st.SearchStrategy[Any]:
    """Return thresholds for a measure: whole ones, and such with up to four decimals as text."""
    if measure.unit == Unit.FLAG:
        return st.sampled_from([0, 1])
    if measure.unit == Unit.DAY:
        return st.integers(TODAY - 40, TODAY + 20).map(lambda day: day_of(day).isoformat())
    whole = st.integers(-5, 45)
    exact = st.decimals(-5, 40, places=2).map(str)
    return st.one_of(whole, exact)


@st.composite
def leaves(draw: st.DrawFn) -> dict[str, Any]:
    """Return a valid leaf of any measure and any comparison that its unit allows."""
    measure = draw(st.sampled_from(list(every().values())))
    op = draw(st.sampled_from(sorted(OPERATORS[measure.unit])))
    leaf: dict[str, Any] = {"measure": measure.code, "op": op}
    if op in ("is_known", "is_unknown"):
        return leaf
    if draw(st.booleans()):
        leaf["unknown"] = draw(st.sampled_from(["yes", "no"]))
    if measure.unit == Unit.CODE:
        code = st.sampled_from([code for code, _label in measure.choices])
        return {**leaf, "value": draw(st.lists(code, min_size=1, max_size=4) if op == "one_of" else code)}
    if op == "one_of":
        return {**leaf, "value": draw(st.lists(st.integers(0, 40), min_size=1, max_size=4))}
    if op == "between":
        ends = draw(st.tuples(number_for(measure), number_for(measure)))
        return {**leaf, "value": sorted(ends, key=in_order)}
    others = [m.code for m in every().values() if m.unit == measure.unit]
    if measure.unit in (Unit.COUNT, Unit.MONEY, Unit.DAYS, Unit.RATIO) and draw(st.booleans()):
        factor = draw(st.sampled_from(["0.5", 1, 2, "1.25", "0.3333", 7]))
        return {**leaf, "factor": factor, "other": draw(st.sampled_from(others))}
    return {**leaf, "value": draw(number_for(measure))}


def in_order(threshold: Any) -> Any:
    """Return what sorts thresholds of one measure: dates as text, all others as numbers."""
    return threshold if isinstance(threshold, str) and threshold.count("-") > 1 else Decimal(threshold)


TREE = st.recursive(
    leaves(),
    lambda part: st.one_of(
        st.lists(part, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(part, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        part.map(lambda one: {"not": one}),
    ),
    max_leaves=8,
).filter(lambda tree: depth_of(tree) <= 8)


def depth_of(tree: Any) -> int:
    """Return how many levels a tree has."""
    parts = tree.get("all") or tree.get("any") or ([tree["not"]] if "not" in tree else [])
    return 1 + max(map(depth_of, parts), default=0)


def numbers_in(text: str) -> set[str]:
    """Return the numbers that stand in SQL as such, not in names of columns or placeholders."""
    without_placeholders = re.sub(r"%\(\w+\)s", "?", text)
    return set(re.findall(r"(?<![\w.])-?\d[\d.]*", without_placeholders))


# --- One answer -------------------------------------------------------------------------------


@pytest.fixture
def rows(db: None) -> Any:
    """A table of the wide table's shape with random rows, each under its index as customer id."""
    made = random_rows(seed=20260511)
    columns = [measure.code for measure in stored()]
    with connection.cursor() as cursor:
        cursor.execute(dialect.create_temporary(TABLE, stored()))
        marks = ", ".join(["%s"] * (len(columns) + 2))
        cursor.executemany(
            f'INSERT INTO "{TABLE}" (customer_id, as_of, {", ".join(columns)}) VALUES ({marks})',
            [[number, AS_OF, *(row[column] for column in columns)] for number, row in enumerate(made)],
        )
    yield made
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE "{TABLE}"')


def of_trees(number: int) -> settings:
    """Return the settings of a run over so many trees."""
    return settings(
        max_examples=-(-number // AT_ONCE),
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
        ],
    )


@of_trees(FEW_TREES)
@given(trees=st.lists(TREE, min_size=AT_ONCE, max_size=AT_ONCE))
@example(trees=[{"measure": "spend_90d_vs_previous", "op": "<=", "value": "0.5"}])
@example(trees=[{"not": {"measure": "days_since_last_order", "op": ">", "value": "39.5"}}])
@example(trees=[{"measure": "orders_90d", "op": "=", "value": "1.5"}])
def test_database_and_evaluator_agree_on_every_tree(rows: list[dict[str, Any]], trees: list[Any]) -> None:
    agree(rows, trees)


@pytest.mark.slow
@of_trees(MANY_TREES)
@given(trees=st.lists(TREE, min_size=AT_ONCE, max_size=AT_ONCE))
def test_database_and_evaluator_agree_on_very_many_trees(
    rows: list[dict[str, Any]], trees: list[Any]
) -> None:
    agree(rows, trees)


def agree(rows: list[dict[str, Any]], trees: list[Any]) -> None:
    """Check that the database and the evaluator say the same of every row, and the SQL holds no value."""
    conditions = [parse(tree) for tree in trees]
    params = Params(TODAY)
    texts = [condition.sql(params) for condition in conditions]
    said = ", ".join(f"CASE WHEN {text} THEN 1 WHEN NOT {text} THEN 0 END" for text in texts)

    with connection.cursor() as cursor:
        cursor.execute(f'SELECT {said} FROM "{TABLE}" m ORDER BY customer_id', params.values)
        found = cursor.fetchall()

    for number, row in enumerate(rows):
        answers = [condition.evaluate(row, TODAY) for condition in conditions]
        assert list(found[number]) == [None if says is None else int(says) for says in answers]
    for text, condition in zip(texts, conditions, strict=True):
        assert numbers_in(text) <= DECLARED
        assert "'" not in text and '"' not in text
        assert parse(condition.as_json()) == condition


def test_numbers_of_a_rule_stand_in_parameters_and_not_in_the_text() -> None:
    params = Params(TODAY)
    text = parse(
        {
            "all": [
                {"measure": "orders_90d", "op": ">=", "value": 5},
                {"measure": "overdue_ratio", "op": "<", "value": "77.5"},
                {"measure": "days_since_last_contact", "op": ">", "value": 61},
                {"measure": "spend_90d", "op": "<", "factor": "0.25", "other": "spend_365d"},
            ]
        }
    ).sql(params)
    assert sorted(v for k, v in params.values.items() if k != "today") == [2, 4, 5, 155, TODAY - 61]
    assert numbers_in(text) <= DECLARED


def test_codes_are_bound_even_when_they_look_like_sql(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "a' OR 1=1 --"
    tier = Measure(
        "tier", "Tier", Unit.CODE, "orders", aggregate="max(tier)", choices=((hostile, "A"), ("b", "B"))
    )
    monkeypatch.setitem(_book, "tier", tier)
    params = Params(TODAY)
    one = {"measure": "tier", "op": "=", "value": hostile}
    several = {"measure": "tier", "op": "one_of", "value": [hostile, "b"]}
    text = parse({"any": [one, several]}).sql(params)
    assert hostile not in text and "'" not in text
    assert list(params.values.values()) == [TODAY, hostile, hostile, "b"]


def test_days_since_is_arranged_so_that_the_bare_column_stands_on_the_left() -> None:
    params = Params(TODAY)
    text = parse({"measure": "days_since_last_order", "op": ">=", "value": 60}).sql(params)
    assert text == "(m.last_order_day <= %(c1)s)"
    assert params.values["c1"] == TODAY - 60
    ahead = Params(TODAY)
    assert parse({"measure": "days_to_contract_end", "op": "<=", "value": 60}).sql(ahead) == (
        "(m.contract_end_day <= %(c1)s)"
    )
    assert ahead.values["c1"] == TODAY + 60


# --- One scan for all -------------------------------------------------------------------------

TREES_OF_A_SCAN: list[Any] = [
    {"measure": "orders_90d", "op": ">=", "value": 4},
    {"not": {"measure": "spend_90d_vs_previous", "op": "<=", "value": "0.5"}},
    {
        "any": [
            {"measure": "complaints_open", "op": "is_unknown"},
            {"measure": "owner_inactive", "op": "=", "value": 1},
        ]
    },
    {"measure": "overdue_ratio", "op": ">=", "value": 2},
]


def test_scan_finds_for_each_rule_whom_the_evaluator_finds_with_the_same_evidence(
    rows: list[dict[str, Any]],
) -> None:
    compiled = [compile_rule(make_rule(condition=tree)) for tree in TREES_OF_A_SCAN]

    with matching(compiled, scan=Scan(TABLE, EVERYONE, TODAY)) as found:
        got = sorted(found.rows())
        counts = found.counts()

    expected = sorted(
        (number, rule.code, canonical_evidence(rule.evidence, row, today=TODAY))
        for rule in compiled
        for number, row in enumerate(rows)
        if rule.condition.evaluate(row, TODAY)
    )
    assert got == expected
    assert counts == {rule.code: sum(code == rule.code for _n, code, _e in expected) for rule in compiled}
    assert all(counts.values())


def test_scan_of_no_rule_finds_nobody(rows: list[dict[str, Any]]) -> None:
    with matching([], scan=Scan(TABLE, EVERYONE, TODAY)) as found:
        assert (found.rows(), found.counts()) == ([], {})


def test_evidence_is_the_same_bytes_in_the_database_and_in_python(rows: list[dict[str, Any]]) -> None:
    columns = tuple(sorted(measure.code for measure in stored()))
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT customer_id, {evidence_sql(columns, prefix="m.", today="%(today)s")} FROM "{TABLE}" m',
            {"today": TODAY},
        )
        made = dict(cursor.fetchall())
    assert made == {n: canonical_evidence(columns, row, today=TODAY) for n, row in enumerate(rows)}


def test_evidence_keeps_what_the_sentence_needs_beside_what_the_condition_reads() -> None:
    silent = parse({"measure": "days_since_last_contact", "op": ">=", "value": 60})
    assert evidence_columns(silent) == ("last_contact_day", "spend_365d")
    overdue = parse({"measure": "complaints_overdue", "op": ">=", "value": 1})
    assert evidence_columns(overdue) == ("complaint_due_day", "complaints_overdue", "spend_365d")
