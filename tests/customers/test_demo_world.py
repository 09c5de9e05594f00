"""The hidden process of the demo company: repeatable, blind to Liuke, and followed by what it shows."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import holidays
import pytest

import customers.demo
from customers import causes
from customers.demo import company, seasons, truth, world
from customers.demo.moments import local_day
from customers.demo.world import World

UNTIL = date(2026, 6, 30)
FOLDER = Path(customers.demo.__file__).parent
# Changing what the demo company does changes these; an issue that adds a stream must not.
SMALL_FACTS = "878c81b34b3a226442829c27877cc96b92717819039e719556035c91cc419241"
SMALL_TRUTH = "acf044fdae2dff76d8b8c28f624915f0c9dbf2298d21d781fd823ad4387f77bc"
DEFAULT_FACTS = "e9b8bd8de2f927ce0bd870a1bbdada0f4a01a28047accfadea900e3215c32f9a"
DEFAULT_TRUTH = "6bf586332472945ccf1643e3a1a9c8a0de8b0ef18685e3b20b994b96cd498ee3"


@pytest.fixture(scope="module")
def small() -> World:
    return world.build(seed=7, customers=60, months=18, until=UNTIL)


@pytest.fixture(scope="module")
def town() -> World:
    return world.build(seed=11, customers=500, months=18, until=UNTIL)


def digests(told: World) -> tuple[str, str]:
    return world.customers_digest(told.facts), truth.truth_digest(told.truth)


# --- Again the same ------------------------------------------------------------------------------


def test_build_pins_the_digest_of_a_small_company(small: World) -> None:
    assert digests(small) == (SMALL_FACTS, SMALL_TRUTH)


@pytest.mark.slow
def test_build_pins_the_digest_of_the_default_company() -> None:
    told = world.build(seed=7, customers=2000, months=18, until=UNTIL)

    assert digests(told) == (DEFAULT_FACTS, DEFAULT_TRUTH)


def test_build_tells_the_same_story_when_told_again(small: World) -> None:
    again = world.build(seed=7, customers=60, months=18, until=UNTIL)

    assert again.facts == small.facts
    assert again.truth == small.truth


def test_build_tells_another_story_when_the_seed_or_the_day_differs(small: World) -> None:
    other_seed = world.build(seed=8, customers=60, months=18, until=UNTIL)
    other_day = world.build(seed=7, customers=60, months=18, until=date(2026, 7, 1))

    assert len({digests(told) for told in (small, other_seed, other_day)}) == 3


def test_build_keeps_a_customers_story_when_there_are_more_customers(small: World) -> None:
    fewer = world.build(seed=7, customers=20, months=18, until=UNTIL)

    assert fewer.facts.customers == small.facts.customers[:20]
    mine = {row.key for row in fewer.facts.customers}
    assert fewer.facts.orders == [row for row in small.facts.orders if row.customer in mine]


@pytest.mark.parametrize("hash_seed", ["1", "271828"])
def test_build_does_not_depend_on_the_hash_seed_of_the_process(hash_seed: str, small: World) -> None:
    code = (
        "from datetime import date; from customers.demo import truth, world; "
        "w = world.build(seed=7, customers=60, months=18, until=date(2026, 6, 30)); "
        "print(world.customers_digest(w.facts), truth.truth_digest(w.truth))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=FOLDER.parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )

    assert tuple(done.stdout.split()) == digests(small)


def test_truth_comes_back_as_it_was_written(small: World, tmp_path: Path) -> None:
    path = tmp_path / "demo" / "truth.json.gz"
    truth.write(small.truth, path)

    assert truth.read(path) == small.truth
    assert truth.truth_digest(truth.read(path)) == truth.truth_digest(small.truth)


def test_build_refuses_years_whose_new_year_is_unknown() -> None:
    with pytest.raises(ValueError, match="between"):
        world.build(seed=7, customers=1, months=18, until=date(2011, 6, 30))
    assert world.build(seed=7, customers=1, months=18, until=date(2012, 12, 30)).facts.customers


# --- Blind to Liuke ------------------------------------------------------------------------------


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_the_hidden_process_imports_nothing_of_retention_and_no_django() -> None:
    seen: set[str] = set()
    waiting = ["world", "truth"]
    while waiting:
        name = waiting.pop()
        imported = imports_of(FOLDER / f"{name}.py")
        seen.add(name)
        for target in imported:
            assert not target.startswith(("retention", "django", "customers.models", "numpy")), (name, target)
            if target.startswith("customers."):
                assert target.startswith("customers.demo"), (name, target)
                parts = target.split(".")
                waiting += [p for p in parts[2:4] if (FOLDER / f"{p}.py").exists() and p not in seen]
    assert {"life", "trade", "service", "contracts", "traits", "seasons"} <= seen


def test_no_module_of_the_demo_imports_retention() -> None:
    for path in FOLDER.rglob("*.py"):
        assert not any(target.startswith("retention") for target in imports_of(path)), path


# --- What the company is like --------------------------------------------------------------------


def test_the_new_years_are_those_of_the_chinese_calendar() -> None:
    for year, day in seasons.NEW_YEAR.items():
        if year < 2027:
            china = holidays.country_holidays("CN", years=year, language="en_US")
            names = china.get(date.fromordinal(day), "")
            assert "Chinese New Year" in names or "Spring Festival" in names, (year, names)


def test_revenue_dips_around_the_chinese_new_year(town: World) -> None:
    sold: Counter[int] = Counter()
    for order in town.facts.orders:
        sold[local_day(order.at) - seasons.NEW_YEAR[2026]] += order.amount
    gap = sum(sold[day] for day in range(-2, 9)) / 11
    autumn = sum(sold[day] for day in range(-140, -110)) / 30
    assert gap < 0.3 * autumn


def test_customers_are_mostly_companies_with_one_to_three_contacts(town: World) -> None:
    people = [row for row in town.facts.customers if row.kind == "person"]
    assert 0.10 < len(people) / len(town.facts.customers) < 0.20
    assert all(len(row.contacts) == 1 for row in people)
    assert {len(row.contacts) for row in town.facts.customers} == {1, 2, 3}
    assert len({row.name_zh for row in town.facts.customers}) == len(town.facts.customers)


def test_every_fact_was_known_after_it_happened_and_before_the_end(town: World) -> None:
    facts, end = town.facts, town.window.end
    for rows in (facts.orders, facts.returns, facts.contracts, facts.contract_ends, facts.interactions,
                 facts.complaints, facts.complaint_steps, facts.attributes):  # fmt: skip
        assert rows
        for row in rows:
            assert row.at <= row.known_at < end, row


def test_some_facts_are_late_some_corrected_and_some_void(town: World) -> None:
    facts = town.facts
    late = sum(row.known_at - row.at > 86400 for row in facts.orders) / len(facts.orders)
    changed = len(facts.order_changes) / len(facts.orders)
    assert 0.005 < late < 0.02
    assert 0.01 < changed < 0.02
    assert {row.void for row in facts.order_changes} == {True, False}
    assert any(row.void_at for row in facts.interactions)
    first_known = {row.key: row.known_at for row in facts.orders}
    assert all(row.known_at > first_known[row.order] for row in facts.order_changes)


def test_orders_add_up(small: World) -> None:
    rows: list[Any] = [*small.facts.orders, *small.facts.order_changes]
    for order in rows:
        assert order.amount == sum(line.amount for line in order.lines)
        assert order.cost == sum(line.cost for line in order.lines)
        assert all(line.amount == line.price * line.quantity and line.quantity > 0 for line in order.lines)


def test_complaints_go_from_step_to_step_in_order_of_time(town: World) -> None:
    steps = defaultdict(list)
    for step in town.facts.complaint_steps:
        steps[step.complaint].append(step)
    shapes = set()
    for complaint in town.facts.complaints:
        own = steps[complaint.key]
        assert [step.at for step in own] == sorted(step.at for step in own)
        assert all(step.at > complaint.at for step in own)
        assert all((step.due_day > 0) == (step.kind == "reopened") for step in own)
        shapes.add(" ".join(step.kind for step in own))
    assert {"acknowledged resolved", "acknowledged resolved reopened resolved"} <= shapes


def test_the_leavers_customers_are_handed_on_but_for_a_few(town: World) -> None:
    newest = {row.customer: row for row in town.facts.ownerships}
    left = [row for row in town.facts.employees if row.left_at]
    assert [row.key for row in left] == [company.LEAVER]
    handed = [row for row in town.facts.ownerships if row.reason == "left"]
    forgotten = [row for row in newest.values() if row.employee == company.LEAVER]
    assert len(handed) > len(forgotten) > 0
    assert all(row.at > left[0].left_at for row in handed)


# --- They really leave, and it shows before ---------------------------------------------------------


def test_about_a_fifth_leaves_in_a_year_for_all_reasons_in_all_ways(town: World) -> None:
    last = town.window.first + town.window.days
    year_before = last - 365
    gone = {d.customer for d in town.truth.departures if 0 < d.left <= year_before and not d.returned}
    here = {row.key for row in town.facts.customers if row.since < year_before} - gone
    lost = {d.customer for d in town.truth.departures if year_before < d.left <= last} & here
    assert 0.12 < len(lost) / len(here) < 0.25
    assert {d.type for d in town.truth.departures} == {"active", "passive", "hidden", "competitive"}
    assert {d.manner for d in town.truth.departures} == {"abrupt", "fading", "contract_end"}
    assert {d.cause for d in town.truth.departures} <= {code for code, _, _ in causes.CAUSES}
    assert any(d.returned for d in town.truth.departures)


def test_who_left_orders_no_more_until_coming_back(town: World) -> None:
    days = order_days(town)
    for gone in town.truth.departures:
        if gone.left:
            until = gone.returned or town.window.first + town.window.days
            assert not [day for day in days[gone.customer] if gone.left <= day < until], gone


def test_trouble_comes_more_often_before_a_discontented_customer_turns_away(town: World) -> None:
    failures = defaultdict(list)
    for row in town.facts.complaints:
        failures[row.customer].append(local_day(row.at))
    leaving = {d.customer: d.decided for d in town.truth.departures if d.type in ("active", "hidden")}
    before = [sum(day - 90 <= d < day for d in failures[key]) for key, day in leaving.items()]
    staying = {row.key for row in town.facts.customers} - {d.customer for d in town.truth.departures}
    middle = town.window.first + town.window.days * 2 // 3
    usual = [sum(middle - 90 <= d < middle for d in failures[key]) for key in staying]
    assert sum(before) / len(before) > 1.5 * sum(usual) / len(usual)


def test_a_fading_customer_orders_less_and_less(town: World) -> None:
    days = order_days(town)
    slower = total = 0
    for gone in town.truth.departures:
        if gone.manner == "fading" and gone.left and gone.left - gone.decided > 60:
            half = (gone.decided + gone.left) // 2
            span = gone.left - half
            late = sum(half <= day < gone.left for day in days[gone.customer])
            early = sum(gone.decided - span <= day < gone.decided for day in days[gone.customer])
            total += 1
            slower += late < early
    assert total > 20
    assert slower / total > 0.6


def test_alarming_customers_often_stay(town: World) -> None:
    """Near misses: a pause, a competitor's visit or a complaint handled badly is no departure."""
    days = order_days(town)
    leavers = {d.customer for d in town.truth.departures}
    over = [p for p in town.truth.pauses if p.last < town.window.first + town.window.days - 90]
    came_back = [p for p in over if any(day > p.last for day in days[p.customer])]
    assert len(came_back) / len(over) > 0.6
    assert all(not any(p.first <= day <= p.last for day in days[p.customer]) for p in over)
    courted = {row.customer for row in town.truth.courtings}
    assert len(courted - leavers) > len(courted & leavers)
    reopened = {row.customer for row in town.facts.complaint_steps if row.kind == "reopened"}
    assert reopened - leavers


def order_days(told: World) -> dict[str, list[int]]:
    days = defaultdict(list)
    for order in told.facts.orders:
        days[order.customer].append(local_day(order.at))
    return days
