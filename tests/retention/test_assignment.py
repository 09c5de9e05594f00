from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from retention.cases import assignment
from retention.cases.assignment import (
    REASON_CODES,
    Ask,
    Assignment,
    Candidate,
    assignment_sentence,
    choose,
    choose_many,
)
from tests.cases.load import rows

TEAM, OTHER_TEAM = 7, 8
LI, WANG, ZHAO = 1, 2, 3
MONDAY = datetime(2026, 5, 11, 9, tzinfo=UTC)


def person(user_id: int, **known: Any) -> Candidate:
    return Candidate(user_id, **{"team_id": TEAM, **known})


# --- Rows from outside -------------------------------------------------------------------------------


def test_rows_from_outside_are_all_there():
    found = rows("assignment")
    assert [row["id"] for row in found] == [f"A{n}" for n in range(1, 8)]
    assert all(row["source"] and row["licence"] for row in found)


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in rows("assignment")])
def test_choose_many_is_as_other_products_expect(row: dict[str, Any]):
    people = [
        person(int(n), open_cases=load, capacity=row.get("capacity")) for n, load in row["people"].items()
    ]
    turns = {user_id: turn for turn, user_id in enumerate(row["last_assigned"])}
    chosen = [
        one.user_id for one in choose_many([Ask(None, TEAM)] * row["cases"], people, last_assigned=turns)
    ]
    if "expected" in row:
        assert chosen == row["expected"]
    else:
        loads = Counter(chosen) + Counter({int(n): load for n, load in row["people"].items()})
        assert loads == {int(n): load for n, load in row["loads_after"].items()}


# --- The owner ---------------------------------------------------------------------------------------


def test_choose_gives_the_case_to_the_owner_however_many_they_have():
    people = [person(LI, open_cases=40), person(WANG)]
    assert choose(LI, people, team_id=TEAM, last_assigned={}) == Assignment(
        LI, "owner", {"user": LI, "open_cases": 40}
    )


def test_choose_gives_the_case_to_the_owner_from_another_team_or_without_one():
    for owner in (person(LI, team_id=OTHER_TEAM), person(LI, team_id=None)):
        for team_id in (TEAM, None):
            assert choose(LI, [owner, person(WANG)], team_id=team_id, last_assigned={}).user_id == LI


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({"is_active": False}, "inactive"),
        ({"on_leave": True}, "on_leave"),
        ({"open_cases": 5, "capacity": 5}, "full"),
        ({"open_cases": 6, "capacity": 5}, "full"),
        ({"open_cases": 0, "capacity": 0}, "full"),
        ({"is_active": False, "on_leave": True}, "inactive"),
    ],
)
def test_choose_passes_the_owner_over_and_says_why_when_they_cannot_take_it(known: dict[str, Any], why: str):
    people = [person(LI, **known), person(WANG, open_cases=9)]
    assert choose(LI, people, team_id=TEAM, last_assigned={}) == Assignment(
        WANG,
        "least_loaded",
        {"owner": why, "equals": 1, "user": WANG, "open_cases": 9},
    )


def test_choose_gives_the_case_to_the_owner_when_one_more_just_fits():
    people = [person(LI, open_cases=4, capacity=5), person(WANG)]
    assert choose(LI, people, team_id=TEAM, last_assigned={}).user_id == LI


def test_choose_never_gives_a_case_to_an_owner_of_another_team_as_a_colleague():
    people = [
        person(LI, team_id=OTHER_TEAM, open_cases=0),
        person(WANG, open_cases=9),
        person(ZHAO, team_id=None),
    ]
    assert choose(None, people, team_id=TEAM, last_assigned={}).user_id == WANG


def test_choose_refuses_when_the_owner_is_not_among_the_candidates():
    with pytest.raises(ValueError, match="owner 99"):
        choose(99, [person(LI)], team_id=TEAM, last_assigned={})


# --- The team ----------------------------------------------------------------------------------------


def test_choose_takes_the_least_loaded_even_if_they_had_the_last_case():
    people = [person(LI, open_cases=3), person(WANG, open_cases=2), person(ZHAO, open_cases=3)]
    last = {LI: MONDAY, WANG: MONDAY + timedelta(hours=1), ZHAO: MONDAY}
    chosen = choose(None, people, team_id=TEAM, last_assigned=last)
    assert chosen == Assignment(
        WANG, "least_loaded", {"owner": "none", "equals": 1, "user": WANG, "open_cases": 2}
    )


def test_choose_takes_who_waited_longest_among_the_least_loaded():
    people = [person(LI, open_cases=2), person(WANG, open_cases=2), person(ZHAO, open_cases=3)]
    last = {LI: MONDAY + timedelta(hours=1), WANG: MONDAY, ZHAO: MONDAY - timedelta(days=9)}
    chosen = choose(None, people, team_id=TEAM, last_assigned=last)
    assert chosen == Assignment(
        WANG, "waited_longest", {"owner": "none", "equals": 2, "user": WANG, "open_cases": 2}
    )


def test_choose_takes_who_never_had_a_case_before_who_had_one():
    people = [person(LI), person(WANG)]
    assert choose(None, people, team_id=TEAM, last_assigned={LI: MONDAY}).user_id == WANG
    assert choose(None, people, team_id=TEAM, last_assigned={WANG: MONDAY}).user_id == LI


def test_choose_does_not_depend_on_the_order_of_candidates_or_of_equal_moments():
    people = [person(LI), person(WANG), person(ZHAO)]
    for last in ({}, {ZHAO: MONDAY, WANG: MONDAY, LI: MONDAY}):
        assert choose(None, people, team_id=TEAM, last_assigned=last).user_id == LI
        assert choose(None, people[::-1], team_id=TEAM, last_assigned=last).user_id == LI


@pytest.mark.parametrize("known", [{"is_active": False}, {"on_leave": True}, {"capacity": 0}])
def test_choose_passes_over_a_colleague_who_cannot_take_it(known: dict[str, Any]):
    people = [person(LI, **known), person(WANG, open_cases=50)]
    assert choose(None, people, team_id=TEAM, last_assigned={}).user_id == WANG


AWAY, FULL, GONE = {"on_leave": True}, {"capacity": 0}, {"is_active": False}


@pytest.mark.parametrize(
    ("team_id", "team", "code", "data"),
    [
        (None, [{}], "no_team", {"owner": "none"}),
        (TEAM, [], "team_empty", {"owner": "none", "away": 0, "full": 0}),
        (OTHER_TEAM, [{}], "team_empty", {"owner": "none", "away": 0, "full": 0}),
        (TEAM, [GONE, {**GONE, **AWAY}], "team_empty", {"owner": "none", "away": 0, "full": 0}),
        (TEAM, [FULL, FULL, GONE], "all_full", {"owner": "none", "away": 0, "full": 2}),
        (TEAM, [AWAY, AWAY, GONE], "all_away", {"owner": "none", "away": 2, "full": 0}),
        (TEAM, [{**AWAY, **FULL}], "all_away", {"owner": "none", "away": 1, "full": 0}),
        (TEAM, [AWAY, FULL], "all_full", {"owner": "none", "away": 1, "full": 1}),
    ],
)
def test_choose_gives_the_case_to_nobody_and_says_why_when_nobody_can_take_it(
    team_id: int | None, team: list[dict[str, Any]], code: str, data: dict[str, Any]
):
    people = [person(n, **known) for n, known in enumerate(team, start=1)]
    assert choose(None, people, team_id=team_id, last_assigned={}) == Assignment(None, code, data)


def test_choose_says_why_the_owner_was_passed_over_when_nobody_can_take_it():
    chosen = choose(LI, [person(LI, on_leave=True)], team_id=None, last_assigned={})
    assert chosen == Assignment(None, "no_team", {"owner": "on_leave"})


# --- Many at once ------------------------------------------------------------------------------------


def test_choose_many_counts_the_owners_new_cases_against_their_capacity_and_load():
    people = [person(LI, capacity=2), person(WANG, open_cases=1), person(ZHAO, open_cases=1)]
    asks = [Ask(LI, TEAM), Ask(LI, TEAM), Ask(LI, TEAM), Ask(None, TEAM)]
    assert [(one.user_id, one.reason_code) for one in choose_many(asks, people, last_assigned={})] == [
        (LI, "owner"),
        (LI, "owner"),
        (WANG, "waited_longest"),
        (ZHAO, "least_loaded"),
    ]


def test_choose_many_counts_a_case_as_owner_in_the_round_robin_of_the_team():
    people = [person(LI), person(WANG, open_cases=1)]
    asks = [Ask(LI, TEAM), Ask(None, TEAM)]
    assert [one.user_id for one in choose_many(asks, people, last_assigned={WANG: 5})] == [LI, WANG]


def test_choose_many_keeps_teams_apart():
    people = [person(LI), person(WANG, team_id=OTHER_TEAM), person(ZHAO, team_id=OTHER_TEAM)]
    asks = [Ask(None, OTHER_TEAM)] * 4 + [Ask(None, TEAM)]
    assert [one.user_id for one in choose_many(asks, people, last_assigned={})] == [
        WANG,
        ZHAO,
        WANG,
        ZHAO,
        LI,
    ]


candidates = st.builds(
    Candidate,
    user_id=st.just(0),
    open_cases=st.integers(0, 6),
    capacity=st.none() | st.integers(0, 8),
    is_active=st.booleans(),
    on_leave=st.booleans(),
    team_id=st.sampled_from([TEAM, OTHER_TEAM, None]),
)
teams = st.lists(candidates, min_size=1, max_size=6).map(
    lambda people: [replace(one, user_id=n) for n, one in enumerate(people, start=1)]
)


@st.composite
def batches(draw: Any) -> tuple[list[Candidate], list[Ask], dict[int, int]]:
    people = draw(teams)
    ids = st.sampled_from([one.user_id for one in people])
    asks = draw(
        st.lists(st.builds(Ask, st.none() | ids, st.sampled_from([TEAM, OTHER_TEAM, None])), max_size=20)
    )
    return people, asks, draw(st.dictionaries(ids, st.integers(0, 9), max_size=6))


@given(batches())
def test_choose_many_is_the_same_as_choosing_one_after_the_other(
    batch: tuple[list[Candidate], list[Ask], dict[int, int]],
):
    people, asks, last = batch
    expected = []
    loads = {one.user_id: one for one in people}
    turns: dict[int, int] = dict(last)
    for turn, ask in enumerate(asks, start=100):
        one = choose(ask.owner_id, loads.values(), team_id=ask.team_id, last_assigned=turns)
        expected.append(one)
        if one.user_id is not None:
            holder = loads[one.user_id]
            loads[one.user_id] = replace(holder, open_cases=holder.open_cases + 1)
            turns[one.user_id] = turn
    assert choose_many(asks, people, last_assigned=last) == expected


@given(batches())
def test_choose_many_gives_nothing_to_who_is_gone_away_or_full(
    batch: tuple[list[Candidate], list[Ask], dict[int, int]],
):
    people, asks, last = batch
    chosen = choose_many(asks, people, last_assigned=last)
    assert len(chosen) == len(asks)
    given_to = Counter(one.user_id for one in chosen)
    for one in people:
        if not one.is_active or one.on_leave:
            assert given_to[one.user_id] == 0
        elif one.capacity is not None and given_to[one.user_id]:
            assert one.open_cases + given_to[one.user_id] <= one.capacity


@given(st.integers(1, 8), st.integers(0, 60))
def test_choose_many_shares_evenly_when_all_start_alike(size: int, cases: int):
    people = [person(n) for n in range(size)]
    given_to = Counter(
        one.user_id for one in choose_many([Ask(None, TEAM)] * cases, people, last_assigned={})
    )
    shares = [given_to[one.user_id] for one in people]
    assert sum(shares) == cases and max(shares) - min(shares) <= 1


# --- The reason in words -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "data", "sentence"),
    [
        ("owner", {"user": 1, "open_cases": 3}, "Given to Li because Li looks after this customer."),
        (
            "least_loaded",
            {"owner": "on_leave", "equals": 1, "user": 1, "open_cases": 1},
            "The customer's account manager is away. "
            "Given to Li because nobody in the team has fewer open cases (1 case).",
        ),
        (
            "waited_longest",
            {"owner": "none", "equals": 2, "user": 1, "open_cases": 4},
            "The customer has no account manager. Given to Li because, of those in the team with the "
            "fewest open cases (4 cases each), Li has waited longest for a new one.",
        ),
        (
            "no_team",
            {"owner": "inactive"},
            "The customer's account manager no longer takes cases. "
            "Nobody got the case because the customer belongs to no team.",
        ),
        (
            "team_empty",
            {"owner": "none", "away": 0, "full": 0},
            "The customer has no account manager. "
            "Nobody got the case because nobody in the customer's team takes cases.",
        ),
        (
            "all_full",
            {"owner": "full", "away": 0, "full": 2},
            "The customer's account manager has as many open cases as agreed. "
            "Nobody in the team can take the case: all have as many open cases as agreed.",
        ),
        (
            "all_full",
            {"owner": "none", "away": 1, "full": 2},
            "The customer has no account manager. Nobody in the team can take the case. "
            "With as many open cases as agreed: 2. Away: 1.",
        ),
        (
            "all_away",
            {"owner": "none", "away": 2, "full": 0},
            "The customer has no account manager. Nobody in the team can take the case: all are away.",
        ),
    ],
)
def test_assignment_sentence_says_why(code: str, data: dict[str, Any], sentence: str):
    assert assignment_sentence(code, data, name="Li") == sentence


@pytest.mark.parametrize("code", REASON_CODES)
@pytest.mark.parametrize("open_cases", [0, 1, 2])
def test_assignment_sentence_fills_every_placeholder(code: str, open_cases: int):
    data = {"open_cases": open_cases, "full": 1, "away": 1}
    assert "%" not in assignment_sentence(code, data, name="Li")


def test_assignment_sentence_names_a_colleague_when_the_name_is_gone():
    assert (
        assignment_sentence("owner", {})
        == "Given to a colleague because a colleague looks after this customer."
    )


def test_assignment_sentence_keeps_a_name_with_a_percent_sign():
    sentence = assignment_sentence("least_loaded", {"owner": "none", "open_cases": 2}, name="100%s Li")
    assert "Given to 100%s Li because" in sentence


def test_assignment_sentence_refuses_a_code_that_there_is_not():
    with pytest.raises(ValueError, match="'lottery'"):
        assignment_sentence("lottery", {})


def test_assignment_sentence_is_rendered_in_the_active_language(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def remembering(text: str) -> str:
        asked.append(translation.get_language() or "")
        return text

    monkeypatch.setattr(assignment, "_", remembering)
    with translation.override("zh-hans"):
        assignment_sentence("no_team", {"owner": "none"})
    assert set(asked) == {"zh-hans"}


def test_assignment_reason_holds_no_name():
    people = [person(LI, name="Li Na"), person(WANG, name="Wang Fang")]
    for owner_id in (LI, None):
        chosen = choose(owner_id, people, team_id=TEAM, last_assigned={})
        assert "Li" not in str(chosen) and "Wang" not in str(chosen)
