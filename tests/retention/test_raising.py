"""The fold ``raises``: against a reference over random days, and against the sweep itself."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from customers.models import Customer
from retention import rules
from retention.measures.compute import EVERYONE
from retention.models import CustomerMeasures, EarlyWarning, SweepRun, WarningRule
from retention.rules.raising import Policy, Standing, State, launched, raises
from retention.sweep import ending
from retention.sweep.judging import judge
from tests.factories import NOW, CompanyFactory, CustomerFactory, day

MATCHES, BETWEEN, CLEAR = 9, 5, 1


# --- Single steps ----------------------------------------------------------------------------------------
def test_a_baseline_opens_nothing_until_its_sign_went_and_came_back() -> None:
    state = launched({1})
    state, first = raises({1, 2}, state, day=10, policy=Policy())
    assert (first.raised, first.opened) == ({2}, (2,))
    state, gone = raises({2}, state, day=11, policy=Policy(cool_down_days=30))
    assert (gone.closed, state.closed) == ({1}, {})  # a baseline leaves no cool-down
    _state, back = raises({1, 2}, state, day=12, policy=Policy(cool_down_days=30))
    assert back.raised == {1}


@pytest.mark.parametrize(("days", "raised"), [(2, False), (3, True)])
def test_a_sign_must_have_held_for_its_days_without_a_break(days: int, raised: bool) -> None:
    policy, state = Policy(hold_days=3), State()
    for number in range(days):
        state, one = raises({1}, state, day=number, policy=policy)
        assert not one.raised
    assert bool(raises({1}, state, day=days, policy=policy)[1].raised) is raised
    state, _one = raises(set(), state, day=days, policy=policy)
    assert not raises({1}, state, day=days + 1, policy=policy)[1].raised


def test_a_warning_stands_between_the_two_conditions() -> None:
    state, _day = raises({1}, State(), day=1, policy=Policy())
    state, between = raises(set(), state, day=2, policy=Policy(), cleared=set())
    assert (between.closed, dict(state.standing)) == (frozenset(), {1: Standing.OPEN})
    assert raises(set(), state, day=3, policy=Policy(), cleared={1})[1].closed == {1}


def test_the_most_valuable_open_first_and_the_rest_waits_for_tomorrow() -> None:
    policy, values = Policy(cases_a_day=2), {1: 10, 2: 30, 3: 30, 4: 5}
    state, first = raises({1, 2, 3, 4}, State(), day=1, policy=policy, values=values)
    assert (first.raised, first.opened) == ({1, 2, 3, 4}, (2, 3))
    assert raises({1, 2, 3, 4}, state, day=2, policy=policy, values=values)[1].opened == (1, 4)


# --- Against a reference ---------------------------------------------------------------------------------
def told(levels: list[int], policy: Policy, *, has_clear: bool) -> list[tuple[bool, bool]]:
    """Return by day whether one customer's warning is raised and closed, looking at the whole past anew."""
    out: list[tuple[bool, bool]] = []
    for today, level in enumerate(levels):
        stands = sum(r for r, _c in out) > sum(c for _r, c in out)
        streak = 0
        while streak <= today and levels[today - streak] == MATCHES:
            streak += 1
        last = max((n for n, (_r, c) in enumerate(out) if c), default=None)
        cool = last is not None and today - last < policy.cool_down_days
        raised = not stands and streak > policy.hold_days and not cool
        ends = level == CLEAR if has_clear else level != MATCHES
        out.append((raised, stands and ends))
    return out


@pytest.mark.parametrize("seed", range(60))
def test_the_fold_is_what_the_reference_says(seed: int) -> None:
    dice = random.Random(seed)
    policy = Policy(hold_days=dice.choice([0, 1, 3]), cool_down_days=dice.choice([0, 1, 4]))
    has_clear = dice.random() < 0.5
    days = {one: [dice.choice([MATCHES, MATCHES, BETWEEN, CLEAR]) for _ in range(60)] for one in range(8)}
    expected = {one: told(levels, policy, has_clear=has_clear) for one, levels in days.items()}
    state = State()
    for today in range(60):
        matches = {one for one, levels in days.items() if levels[today] == MATCHES}
        cleared = {one for one, levels in days.items() if levels[today] == CLEAR} if has_clear else None
        state, came = raises(matches, state, day=today, policy=policy, cleared=cleared)
        assert came.raised == {one for one in days if expected[one][today][0]}
        assert came.closed == {one for one in days if expected[one][today][1]}


# --- Against the sweep -----------------------------------------------------------------------------------
@pytest.fixture
def rule(db: None) -> WarningRule:
    CompanyFactory()
    return WarningRule(
        code="fold",
        name_en="Fold",
        name_zh="折叠",
        condition={"measure": "orders_90d", "op": ">=", "value": MATCHES},
    )


def swept(number: int, measured: Callable[[], int]) -> SweepRun:
    """Judge everybody on the day so many days from now, by what ``measured`` writes into the wide table."""
    at = NOW + timedelta(days=number)
    run = SweepRun.objects.create(
        scope="full", as_of=at, day=day(at), fingerprint="x", started_at=at, codes=["fold"]
    )
    found = judge(run, EVERYONE, measuring=measured)
    ending.release_into(found, run)
    return run


@pytest.mark.parametrize("seed", range(4))
def test_the_sweeps_of_many_days_are_the_fold(rule: WarningRule, seed: int) -> None:
    dice = random.Random(seed)
    policy = Policy(
        hold_days=[0, 1, 3, 2][seed], cool_down_days=[0, 2, 4, 3][seed], cases_a_day=[None, 1, 2, 1][seed]
    )
    has_clear = seed % 2 == 1
    rule.hold_days, rule.cool_down_days = policy.hold_days, policy.cool_down_days
    rule.clear_condition = {"measure": "orders_90d", "op": "<=", "value": CLEAR} if has_clear else None
    rules.save(rule, by=None, at=NOW)
    people: list[Customer] = [CustomerFactory() for _ in range(6)]
    values = {one.pk: dice.randrange(1000) for one in people}
    levels: dict[int, int] = {}

    def write(number: int) -> int:
        for pk, level in levels.items():
            CustomerMeasures.objects.update_or_create(
                customer_id=pk,
                defaults={
                    "as_of": NOW + timedelta(days=number),
                    "orders_90d": level,
                    "margin_365d": values[pk],
                },
            )
        return len(levels)

    levels = {one.pk: dice.choice([MATCHES, CLEAR]) for one in people}
    write(0)
    to = "limited" if policy.cases_a_day is not None else "live"
    rules.move(rule, to=to, cases_a_day=policy.cases_a_day, by=None, at=NOW)
    state = launched({pk for pk, level in levels.items() if level == MATCHES})
    for number in range(1, 25):
        levels = {one.pk: dice.choice([MATCHES, MATCHES, BETWEEN, CLEAR]) for one in people}
        swept(number, lambda number=number: write(number))  # type: ignore[misc]
        matches = {pk for pk, level in levels.items() if level == MATCHES}
        cleared = {pk for pk, level in levels.items() if level == CLEAR} if has_clear else None
        today = day(NOW + timedelta(days=number))
        state, _came = raises(matches, state, day=today, policy=policy, cleared=cleared, values=values)
        standing = EarlyWarning.objects.filter(rule=rule).exclude(state="closed")
        assert {w.customer_id: what_stands(w) for w in standing} == dict(state.standing)
        closed = EarlyWarning.objects.filter(rule=rule, state="closed", is_baseline=False)
        assert set(closed.values_list("customer_id", flat=True)) == set(state.closed)


def what_stands(warning: EarlyWarning) -> Standing:
    """Return what a warning is, in the words of the fold."""
    if warning.is_baseline:
        return Standing.BASELINE
    assert (warning.case_id is None) == (warning.state == "withheld")
    return Standing.WAITS if warning.state == "withheld" else Standing.OPEN
