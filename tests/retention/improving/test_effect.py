"""Before and after: equal windows around the day, exact figures, nothing shown of too few."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from retention.improving import attaching, effect, reading
from retention.models import CustomerMeasures
from tests.factories import NOW, CustomerFactory, OrderFactory, OrderLineFactory, ProductFactory, ago
from tests.retention.improvers import complaint, done
from tests.surveys.factories import SurveyAnswerFactory, SurveyVersionFactory

pytestmark = pytest.mark.django_db
DONE = NOW - timedelta(days=31)  # thirty whole days after it, up to yesterday


@pytest.fixture(autouse=True)
def _company(company: Any) -> None:
    """Every test has a company."""


def found(made: Any, *, at: Any = NOW) -> effect.Effect:
    one = effect.effect_of(made, at=at)
    assert one is not None
    return one


def test_nothing_before_the_first_whole_day_after():
    made = done(at=NOW)
    assert effect.effect_of(made, at=NOW + timedelta(days=1)) is None
    assert found(made, at=NOW + timedelta(days=2)).days == 1
    assert found(made, at=NOW + timedelta(days=400)).days == 90


def test_complaints_are_counted_in_equal_windows_without_the_day_itself():
    made, one = done(at=DONE), CustomerFactory()
    for days in (62, 31, 0):  # before the window, the day itself, today
        complaint(one, occurred_at=ago(days))
    for days in (61, 32, *[40] * 22):
        complaint(one, occurred_at=ago(days))
    for days in (30, 1, *[10] * 10):
        complaint(one, occurred_at=ago(days))
    complaint(one, about="price_raised", occurred_at=ago(10))
    complaint(one, kind="suggestion", occurred_at=ago(10))
    was = found(made)
    assert (was.days, was.before.n, was.after.n, was.difference) == (30, 24, 12, -12)
    assert was.interval is not None and was.interval[0] < -12 < was.interval[1]


@pytest.mark.parametrize(("number", "is_shown"), [(29, False), (30, True)])
def test_complaints_are_shown_from_thirty_in_both_windows(number, is_shown):
    made, one = done(at=DONE), CustomerFactory()
    for _n in range(number):
        complaint(one, occurred_at=ago(40))
    was = found(made)
    assert was.is_enough is is_shown
    assert (was.difference is not None) is is_shown
    assert (was.interval is not None) is is_shown


def test_returns_are_lines_back_of_lines_sold():
    product, one = ProductFactory(), CustomerFactory()
    made = done(at=DONE, moves="returns", product=product)
    for days, sold, back in ((40, 40, 10), (10, 50, 5)):
        order = OrderFactory(customer=one, occurred_at=ago(days))
        for n in range(sold + back):
            OrderLineFactory(
                order=order, customer=one, product=product, line_no=n + 1, quantity=1 if n < sold else -1
            )
        OrderLineFactory(order=order, customer=one, product=ProductFactory(), line_no=999, quantity=-1)
    was = found(made)
    assert (was.before.value, was.after.value, was.is_enough) == (0.25, 0.1, True)
    assert was.difference == pytest.approx(-0.15)
    # Garwood's limits of 10 and 5, over what was sold
    assert was.before.interval == (pytest.approx(4.795 / 40, abs=1e-3), pytest.approx(18.39 / 40, abs=1e-3))
    assert was.after.interval == (pytest.approx(1.623 / 50, abs=1e-3), pytest.approx(11.67 / 50, abs=1e-3))


def test_score_is_that_of_the_survey_only():
    version, other = SurveyVersionFactory(), SurveyVersionFactory()
    made = done(at=DONE, moves="score", survey=version.survey)
    one = CustomerFactory()
    for n in range(30):
        SurveyAnswerFactory(version=version, customer=one, number=9 if n < 15 else 3, occurred_at=ago(40))
        SurveyAnswerFactory(version=version, customer=one, number=9 if n < 24 else 7, occurred_at=ago(10))
        SurveyAnswerFactory(version=other, customer=one, number=0, occurred_at=ago(10))
    was = found(made)
    assert (was.kind, was.before.n, was.after.n) == ("nps", 30, 30)
    assert (was.before.value, was.after.value, was.difference) == (0, 80, 80)


def test_score_without_answers_says_nothing():
    was = found(done(at=DONE, moves="score", survey=SurveyVersionFactory().survey))
    assert (was.before.n, was.is_enough, was.difference) == (0, False, None)


def test_mean_is_over_the_customers_concerned_as_read_then_and_now():
    customers = [CustomerFactory() for _n in range(30)]
    for one in customers:
        CustomerMeasures.objects.update_or_create(customer=one, defaults={"as_of": DONE, "orders_90d": 2})
    CustomerMeasures.objects.update_or_create(
        customer=CustomerFactory(), defaults={"as_of": DONE, "orders_90d": 99}
    )
    from retention.improving import planning
    from tests.retention.improvers import improvement

    made = improvement(at=DONE, moves="mean", measure="orders_90d")
    for one in customers:
        attaching.attach(made, complaint=complaint(one), by=None, at=DONE)
    planning.finish(made, by=None, at=DONE)
    assert effect.effect_of(made, at=NOW) is None  # not read again yet
    CustomerMeasures.objects.filter(customer__in=customers[:15]).update(orders_90d=4)
    assert reading.read_after(at=NOW) == 1
    was = found(made)
    assert (was.before.value, was.after.value, was.after.n, was.difference) == (2.0, 3.0, 30, 1.0)
    # 1.96 · s/√30 with s = √(30/29)
    assert was.interval == (pytest.approx(1 - 0.36395, abs=1e-4), pytest.approx(1 + 0.36395, abs=1e-4))


@pytest.mark.parametrize(("days", "read"), [(0, 0), (1, 1), (90, 1), (91, 0)])
def test_mean_is_read_again_for_ninety_days(days, read):
    done(at=NOW, moves="mean", measure="orders_90d")
    done(at=NOW)
    assert reading.read_after(at=NOW + timedelta(days=days)) == read


def test_open_and_dropped_improvements_have_no_effect():
    from tests.retention.improvers import improvement

    assert effect.effect_of(improvement(at=DONE), at=NOW) is None
