"""What a plan does: those greeted against those withheld, by lot, each customer once, in sums only."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from retention import care
from retention.care.effect import Effect, Group
from retention.models import CareTouch
from tests.customers.test_contact import agreeing
from tests.factories import NOW, OrderFactory, ago
from tests.retention.care.makers import plan

pytestmark = pytest.mark.django_db
TODAY = date(2026, 5, 11).toordinal()


def touch(made, state, *, days_ago, contact=None, is_drawn=True, occasion="2026"):
    one = contact or agreeing()
    ended = {"ended_at": NOW} if state in ("sent", "closed") else {}
    more = {"sent": {"version": 1}, "closed": {"reason": "too_late"}}.get(state, {})
    CareTouch.objects.create(
        plan=made,
        customer=one.customer,
        contact=one,
        occasion=occasion,
        occasion_day=TODAY - days_ago,
        due_day=TODAY - days_ago,
        latest_day=TODAY - days_ago,
        state=state,
        channel="email",
        is_drawn=is_drawn,
        made_at=NOW,
        **ended,
        **more,
    )
    return one.customer


def order(customer, days_ago, **values):
    OrderFactory(customer=customer, occurred_at=ago(days_ago), recorded_at=ago(days_ago), **values)


def test_counts_orders_of_ninety_days_after_the_occasion():
    made = plan()
    for state in ("sent", "withheld"):
        order(touch(made, state, days_ago=100), 99)  # the day after
        order(touch(made, state, days_ago=100), 10)  # the ninetieth day
        order(touch(made, state, days_ago=100), 100)  # the day itself
        order(touch(made, state, days_ago=100), 9)  # too late
    order(touch(made, "sent", days_ago=100), 50, status="cancelled")
    order(touch(made, "sent", days_ago=100), 50, is_purchase=False, sold=0, returned=1)
    effect = care.effect_of(made, at=NOW)
    assert (effect.greeted, effect.withheld, effect.running) == (Group(6, 2), Group(4, 2), 0)


def test_who_was_drawn_counts_whatever_became_of_it_and_who_was_not_does_not():
    made = plan()
    for state in ("sent", "closed", "waiting", "deferred"):
        touch(made, state, days_ago=91)
        touch(made, state, days_ago=91, is_drawn=False)
    touch(made, "withheld", days_ago=91)
    touch(plan(code="other"), "withheld", days_ago=91)
    effect = care.effect_of(made, at=NOW)
    assert (effect.greeted.customers, effect.withheld.customers) == (4, 1)


def test_ninety_days_must_be_over():
    made = plan()
    touch(made, "sent", days_ago=91)
    touch(made, "sent", days_ago=90)
    touch(made, "withheld", days_ago=0)
    effect = care.effect_of(made, at=NOW)
    assert (effect.greeted.customers, effect.withheld.customers, effect.running) == (1, 0, 2)
    assert effect.difference is None
    assert effect.interval is None
    later = care.effect_of(made, at=NOW + timedelta(days=1))
    assert (later.greeted.customers, later.running) == (2, 1)


def test_each_customer_counts_once_from_its_first_occasion():
    made, one = plan(), agreeing()
    customer = touch(made, "sent", days_ago=500, contact=one, occasion="2025")
    touch(made, "sent", days_ago=135, contact=one)
    order(customer, 130)
    effect = care.effect_of(made, at=NOW)
    assert effect.greeted == Group(1, 0)


def test_difference_and_interval_are_newcombes():
    """Of 56/70 against 48/80 Newcombe (1998, example a) gives 0.0524 to 0.3339 by method 10."""
    effect = Effect(Group(70, 56), Group(80, 48), 0)
    assert effect.difference == pytest.approx(0.2)
    assert effect.interval == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_counts_leave_out_who_is_withheld(admin, outsider):
    made = plan()
    for state in ("sent", "sent", "closed", "waiting", "deferred", "withheld"):
        touch(made, state, days_ago=1)
    CareTouch.objects.filter(state="sent").update(points=5)
    assert care.counts_of([made.pk], user=outsider) == {}
    counted = care.counts_of([made.pk], user=admin)[made.pk]
    assert (counted.waiting, counted.sent, counted.closed, counted.points) == (2, 2, 1, 10)
