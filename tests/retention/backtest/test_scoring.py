"""Alarms against losses by hand: edges of gap and horizon to the day, each with its near miss."""

from __future__ import annotations

from fractions import Fraction

import pytest

from retention.backtest.scoring import ppv, quantile, score
from retention.backtest.span import Span, SpanRefused

SPAN = Span(first=1000, last=1100, step=50, horizon=30, gap=5)  # steps 1000, 1050, 1100
LATER = 2000


def right(alarm: int, loss: int) -> tuple[int, int]:
    found = score([(1, alarm)], {1: [loss]}, span=SPAN, known_until=LATER)
    return found.judged, found.right


@pytest.mark.parametrize(("loss", "is_right"), [(1055, 0), (1056, 1), (1085, 1), (1086, 0), (1050, 0)])
def test_a_loss_proves_an_alarm_right_in_the_half_open_window(loss: int, is_right: int) -> None:
    assert right(1050, loss) == (1, is_right)


@pytest.mark.parametrize(("known_until", "judged"), [(1084, 0), (1085, 1)])
def test_an_alarm_is_judged_when_its_window_is_over(known_until: int, judged: int) -> None:
    found = score([(1, 1050)], {2: [1060]}, span=SPAN, known_until=known_until)
    assert (found.alarms, found.judged, found.right) == (1, judged, 0)


@pytest.mark.parametrize(("loss", "counts"), [(1005, 0), (1006, 1), (1155, 1), (1156, 0)])
def test_losses_are_those_that_the_steps_could_foresee(loss: int, counts: int) -> None:
    # after the first step and its gap; up to where a further step would have told: 1100 + 50 + 5
    assert score([], {1: [loss]}, span=SPAN, known_until=LATER).losses == counts


def test_a_loss_of_another_customer_proves_nothing() -> None:
    found = score([(1, 1050)], {2: [1060]}, span=SPAN, known_until=LATER)
    assert (found.precision, found.recall, found.lead_median) == (0.0, 0.0, None)


def test_numbers_of_a_handful_of_customers() -> None:
    alarms = [(1, 1000), (2, 1000), (3, 1050), (3, 1100), (4, 1100)]
    losses = {1: [1010], 3: [1084, 1120], 5: [1020], 6: [900]}
    found = score(alarms, losses, span=SPAN, known_until=LATER)

    # 1 right (10 ahead); 2 wrong; 3 right (34 ahead) and right (20 ahead); 4 wrong
    assert (found.alarms, found.judged, found.right) == (5, 5, 3)
    assert found.precision == 3 / 5
    assert found.losses == 4  # 1010, 1084, 1120, 1020; 900 came before the first step
    assert found.caught == {(1, 1010): 10, (3, 1084): 34, (3, 1120): 20}
    assert found.recall == 3 / 4
    assert (found.lead_median, found.lead_p10) == (20.0, 12.0)  # 10, 20, 34: 10 + 0.2 · 10
    assert found.by_customer == {1: (1, 1), 2: (1, 0), 3: (2, 2), 4: (1, 0)}


def test_the_earliest_alarm_of_a_loss_tells_how_many_days_ahead() -> None:
    span = Span(first=1000, last=1100, step=10, horizon=60, gap=0)
    found = score([(1, 1000), (1, 1040)], {1: [1050]}, span=span, known_until=LATER)
    assert found.caught == {(1, 1050): 50}
    assert found.right == 2


def test_without_any_loss_nothing_is_said_of_precision_and_recall() -> None:
    found = score([(1, 1050)], {2: [900]}, span=SPAN, known_until=LATER)
    assert (found.judged, found.right, found.losses) == (1, 0, 0)
    assert (found.precision, found.recall) == (None, None)


def test_quantiles_lie_between_two_numbers() -> None:
    assert quantile([30, 10, 20], Fraction(1, 2)) == 20.0
    assert quantile([10, 20], Fraction(1, 10)) == 11.0
    assert quantile([7], Fraction(1, 10)) == 7.0


def test_ppv_as_science_says() -> None:
    assert round(ppv(prevalence=0.02, sensitivity=0.7, specificity=0.95), 3) == 0.222


def test_precision_of_a_whole_population_is_its_ppv() -> None:
    """1,000 customers, 2 % lost; the rule tells of 70 % of the lost and of 5 % of the others."""
    lost, kept = range(20), range(20, 1000)
    alarms = [(one, 1000) for one in [*lost[:14], *kept[:49]]]
    found = score(alarms, {one: [1010] for one in lost}, span=SPAN, known_until=LATER)
    assert found.precision == pytest.approx(ppv(prevalence=0.02, sensitivity=0.7, specificity=0.95))
    assert found.recall == 0.7


@pytest.mark.parametrize(
    "span",
    [
        Span(10, 9),
        Span(10, 101),
        Span(0, 10),
        Span(10, 20, step=0),
        Span(10, 20, horizon=0),
        Span(10, 20, gap=-1),
        Span(1, 500, step=1),
    ],
)
def test_a_span_that_cannot_be_asked_is_refused(span: Span) -> None:
    with pytest.raises(SpanRefused):
        span.check(today=100 if span.last < 200 else 1000)


def test_a_span_up_to_today_can_be_asked() -> None:
    assert Span(10, 100).check(today=100).steps == [10, 38, 66, 94]
    assert len(Span(1, 400, step=1).check(today=1000).steps) == 400
