"""NPS, satisfaction, effort and rating: cases of others, published intervals, and no figure from nothing."""

from __future__ import annotations

from typing import Any

import pytest

from surveys import figures
from surveys.figures import Tally, nps, nps_interval, tally, wilson
from tests.cases.load import rows

CASES = rows("survey_scoring")


def counted(kind: str, points: int, answers: list[Any]) -> Tally:
    return tally(kind, points, answers)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    found = counted(case["metric"], case["points"], case["answers"])
    expected = case["expected"]
    assert found.answers == expected["responses"]
    for name in ("low", "middle", "high"):
        if name in expected:
            assert getattr(found, name) == expected[name], name
    for name in ("value", "mean"):
        if name in expected:
            value = getattr(found, name)
            assert (value if value is None else round(value, 2)) == expected[name], name


@pytest.mark.parametrize(
    ("score", "band"),
    [(n, "low") for n in range(7)] + [(7, "middle"), (8, "middle"), (9, "high"), (10, "high")],
)
def test_boundary_of_nps(score: int, band: str) -> None:  # S12
    found = counted("nps", 11, [score])
    assert [getattr(found, one) for one in ("low", "middle", "high")] == [
        int(band == one) for one in ("low", "middle", "high")
    ]


# science.md §8: promoters, passives, detractors → NPS, its adjusted Wald interval
@pytest.mark.parametrize(
    ("counts", "value", "interval"),
    [
        ((50, 30, 20), 30.0, (14.05, 44.20)),
        ((60, 20, 20), 40.0, (23.38, 54.29)),
        ((5, 3, 2), 30.0, (-19.05, 65.20)),
        ((500, 300, 200), 30.0, (25.08, 34.74)),
    ],
)
def test_interval_of_nps(counts: tuple[int, int, int], value: float, interval: tuple[float, float]) -> None:
    assert nps(*counts) == pytest.approx(value)
    assert nps_interval(*counts) == pytest.approx(interval, abs=0.01)


def test_interval_of_nps_is_cut_at_the_end_of_the_scale() -> None:
    low, high = nps_interval(10, 0, 0) or (0, 0)
    assert (round(low, 1), high) == (47.5, 100.0)
    low, high = nps_interval(0, 0, 10) or (0, 0)
    assert (low, round(high, 1)) == (-100.0, -47.5)


@pytest.mark.parametrize(
    ("part", "answers", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_interval_of_a_share(part: int, answers: int, low: float, high: float) -> None:
    assert wilson(part, answers) == pytest.approx((low, high), abs=0.00005)


def test_interval_of_a_mean() -> None:
    found = counted("ces", 7, [7, 6, 1])  # s = 3.2146, 1.95996 · s / √3 = 3.6376
    assert found.interval == pytest.approx((14 / 3 - 3.6376, 7.0), abs=0.001)
    assert counted("rating", 5, [4]).interval is None
    assert counted("rating", 5, [4] * 40).interval == (4.0, 4.0)


@pytest.mark.parametrize(("kind", "points"), [("nps", 11), ("csat", 5), ("ces", 7), ("rating", 5)])
def test_no_answer_is_no_figure(kind: str, points: int) -> None:
    found = counted(kind, points, [])
    assert (found.value, found.interval, found.shares, found.mean) == (None, None, None, None)


def test_what_is_not_on_the_scale_is_no_answer() -> None:
    assert counted("csat", 5, [0, 6, "3", 3.0, True, None, 5]).answers == 1
    assert counted("nps", 11, [-1, 11, 0, 10]).answers == 2
    assert counted("ces", 5, [6, 7, 5]).answers == 1


def test_figures_are_shown_from_thirty_answers_on() -> None:
    assert figures.FEWEST == 30
    assert not counted("nps", 11, [9] * 29).is_enough
    assert counted("nps", 11, [9] * 30).is_enough
