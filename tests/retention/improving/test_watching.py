"""The watch raises exactly what rose against its own past, once, and is silent of what was decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers.models import Complaint, OrderLine, Product
from retention.improving import planning, watching
from retention.models import ImprovementAction, RiseAlarm
from tests.factories import (
    NOW,
    ComplaintFactory,
    CustomerFactory,
    OrderFactory,
    OrderLineFactory,
    ProductFactory,
    ago,
)

pytestmark = pytest.mark.django_db
RECENT_DAYS, PAST_DAYS = (1, 28), (29, 196)


@pytest.fixture(autouse=True)
def _company(company: Any) -> None:
    """Every test has a company."""


def complain(product: Product, number: int, *, days: int, lot: str = "", **said: Any) -> list[Complaint]:
    customer = said.pop("customer", None) or CustomerFactory()
    return [
        ComplaintFactory(customer=customer, product=product, lot=lot, occurred_at=ago(days), **said)
        for _n in range(number)
    ]


def sell(product: Product, number: int, *, days: int, quantity: int = 1, **said: Any) -> list[OrderLine]:
    order = OrderFactory(
        customer=said.pop("customer", None) or CustomerFactory(), occurred_at=ago(days), **said
    )
    first = 1 + order.lines.count()
    return [
        OrderLineFactory(
            order=order, customer=order.customer, product=product, line_no=first + n, quantity=quantity
        )
        for n in range(number)
    ]


def raised() -> set[tuple[str, int, str]]:
    return set(RiseAlarm.objects.values_list("kind", "product_id", "lot"))


def test_watch_raises_exactly_the_product_whose_complaints_rose():
    rose, stays, few = ProductFactory(), ProductFactory(), ProductFactory()
    complain(rose, 6, days=5)
    complain(rose, 2, days=60)
    complain(stays, 2, days=5)
    complain(stays, 9, days=60)
    complain(few, 4, days=5)  # four in all say nothing
    assert watching.watch(at=NOW) == {"watched": 2, "risen": 1, "raised": 1, "read": 0}
    (alarm,) = RiseAlarm.objects.all()
    assert (alarm.kind, alarm.product, alarm.lot, alarm.basis) == ("complaints", rose, "", "days")
    assert (alarm.recent, alarm.before, alarm.recent_of, alarm.before_of) == (6, 2, 28, 168)
    assert alarm.p < alarm.q < 0.05


@pytest.mark.parametrize(
    ("days", "recent", "before"), [(0.01, 0, 0), (1, 1, 0), (28, 1, 0), (29, 0, 1), (196, 0, 1), (197, 0, 0)]
)
def test_counts_are_of_whole_days_up_to_yesterday(days, recent, before):
    product = ProductFactory()
    complain(product, 5, days=60)
    complain(product, 1, days=days)
    (one,) = watching.counts(last=NOW.toordinal() - 1)
    assert (one.recent, one.before) == (recent, 5 + before)


def test_complaints_are_measured_against_what_was_sold():
    product = ProductFactory()
    complain(product, 6, days=5)
    complain(product, 2, days=60)
    sell(product, 60, days=5)  # three times as many were sold, so nothing rose
    sell(product, 20, days=60)
    (one,) = watching.counts(last=NOW.toordinal() - 1)
    assert (one.basis, one.recent_of, one.before_of) == ("lines", 60, 20)
    watching.watch(at=NOW)
    assert raised() == set()


def test_what_is_sold_for_the_first_time_has_no_past():
    product = ProductFactory()
    complain(product, 9, days=5)
    sell(product, 60, days=5)
    assert list(watching.counts(last=NOW.toordinal() - 1)) == []


def test_lot_is_watched_beside_its_product():
    product = ProductFactory()
    complain(product, 6, days=5, lot="L7")
    complain(product, 1, days=300, lot="L7")
    complain(product, 36, days=60, lot="L1")  # of the product as many as ever
    watching.watch(at=NOW)
    assert raised() == {("complaints", product.pk, "L7")}


@pytest.mark.parametrize("is_sold", [False, True])
def test_lot_without_a_complaint_before_has_no_past(is_sold):
    product = ProductFactory()
    complain(product, 30, days=60, lot="L1")
    complain(product, 9, days=28, lot="L2")
    complain(product, 9, days=5, lot="L2")
    complain(product, 1, days=29, lot="L3", void=True)
    complain(product, 1, days=29, lot="L3", kind="praise")
    complain(product, 1, days=29, lot="L4")  # its past begins the day after: there is none
    complain(ProductFactory(), 1, days=60, lot="L3")  # another product's
    for lot in ("L3", "L4"):
        complain(product, 9, days=5, lot=lot)
    if is_sold:
        sell(product, 30, days=5)
        sell(product, 30, days=60)
    counted = watching.counts(last=NOW.toordinal() - 1)
    assert [(one.lot, one.recent, one.before) for one in counted] == [("", 36, 31)]


@pytest.mark.parametrize(
    ("days", "before", "before_of"), [(30, 0, 1), (60, 0, 31), (196, 0, 167), (197, 0, 168), (400, 0, 168)]
)
def test_past_of_a_lot_begins_on_the_day_after_its_first_complaint(days, before, before_of):
    product = ProductFactory()
    complain(product, 2, days=days, lot="L7")
    complain(product, 5, days=5, lot="L7")
    complain(product, 1, days=29, lot="L7")
    (one,) = (one for one in watching.counts(last=NOW.toordinal() - 1) if one.lot)
    assert (one.recent, one.before, one.recent_of, one.before_of) == (5, before + 1, 28, before_of)


def test_lot_that_draws_as_many_as_since_it_came_raises_nothing():
    """One every four days from the first day on, seven weeks ago: nothing rose."""
    product = ProductFactory()
    for days in range(1, 50, 4):
        complain(product, 1, days=days, lot="L7")
    watching.watch(at=NOW)
    assert ("complaints", product.pk, "L7") not in raised()


def test_returns_are_measured_against_what_was_sold():
    rose, stays = ProductFactory(), ProductFactory()
    for product, back in ((rose, 8), (stays, 2)):
        sell(product, 30, days=5)
        sell(product, 100, days=60)
        sell(product, back, days=4, quantity=-1)
        sell(product, 6, days=50, quantity=-1)
    watching.watch(at=NOW)
    (alarm,) = RiseAlarm.objects.all()
    assert (alarm.kind, alarm.product, alarm.basis) == ("returns", rose, "lines")
    assert (alarm.recent, alarm.before, alarm.recent_of, alarm.before_of) == (8, 6, 30, 100)


def test_praise_voided_and_cancelled_do_not_count():
    product = ProductFactory()
    complain(product, 6, days=5, kind="praise")
    complain(product, 6, days=5, void=True)
    sell(product, 30, days=60)
    sell(product, 30, days=5)
    sell(product, 6, days=60, quantity=-1, status="cancelled")
    assert list(watching.counts(last=NOW.toordinal() - 1)) == []


def test_many_looked_at_need_more_to_be_raised():
    """One in twenty by chance is no alarm: 4 of 5 recent, p = 1.8 %, stands among thirty that stay."""
    near = ProductFactory()
    complain(near, 3, days=5)
    complain(near, 2, days=60)
    watching.watch(at=NOW)
    assert raised() == {("complaints", near.pk, "")}
    RiseAlarm.objects.all().delete()
    for _n in range(30):
        complain(ProductFactory(), 5, days=60)
    watching.watch(at=NOW)
    assert raised() == set()


def test_watch_again_brings_open_alarms_up_to_date_and_raises_none_twice():
    product = ProductFactory()
    complain(product, 6, days=5)
    watching.watch(at=NOW)
    complain(product, 2, days=0)
    assert watching.watch(at=NOW + timedelta(days=7))["raised"] == 0
    (alarm,) = RiseAlarm.objects.all()
    assert (alarm.recent, alarm.raised_at) == (8, NOW)


def test_weekly_watches_once_a_local_week():
    assert watching.weekly(at=NOW) is not None
    assert watching.weekly(at=NOW) is None
    assert watching.weekly(at=NOW + timedelta(days=7)) is not None


@pytest.mark.parametrize(("days", "again"), [(27, 0), (29, 1)])
def test_dismissed_alarm_is_quiet_for_four_weeks(days, again, lead):
    product = ProductFactory()
    complain(product, 6, days=5)
    watching.watch(at=NOW)
    watching.dismiss(RiseAlarm.objects.get(), reason="a recall", by=lead, at=NOW)
    complain(product, 9, days=-days + 1)
    assert watching.watch(at=NOW + timedelta(days=days))["raised"] == again


def test_taken_up_alarm_is_quiet_while_it_is_improved(lead):
    product = ProductFactory()
    complain(product, 6, days=5)
    watching.watch(at=NOW)
    action = watching.take_up(RiseAlarm.objects.get(), by=lead, at=NOW)
    complain(product, 9, days=-59)
    later = NOW + timedelta(days=60)
    assert watching.watch(at=later)["raised"] == 0
    planning.drop(action, reason="no", by=lead, at=NOW)
    assert watching.watch(at=later)["raised"] == 1


def test_take_up_plans_what_the_rise_asks_for_once(lead):
    product = ProductFactory(name="Kettle")
    recent = complain(product, 6, days=5, lot="L7")
    complain(product, 1, days=60, lot="L7")
    complain(product, 2, days=5, lot="L8")
    watching.watch(at=NOW)
    alarm = RiseAlarm.objects.get(lot="L7")
    action = watching.take_up(alarm, by=lead, at=NOW)
    assert (action.owner, action.product, action.lot, action.moves) == (lead, product, "L7", "complaints")
    assert "Kettle L7" in action.title
    assert {row.complaint for row in action.feedback.all()} == set(recent)
    assert (alarm.state, alarm.action) == ("acted", action)
    with pytest.raises(watching.AlarmDecided):
        watching.take_up(alarm, by=lead, at=NOW)
    assert ImprovementAction.objects.count() == 1


def test_dismiss_needs_a_reason_and_an_open_alarm(lead):
    complain(ProductFactory(), 6, days=5)
    watching.watch(at=NOW)
    alarm = RiseAlarm.objects.get()
    with pytest.raises(planning.NoReason):
        watching.dismiss(alarm, reason=" ", by=lead, at=NOW)
    assert watching.dismiss(alarm, reason="a recall", by=lead, at=NOW).state == "dismissed"
    with pytest.raises(watching.AlarmDecided):
        watching.dismiss(alarm, reason="again", by=lead, at=NOW)


def test_concerned_are_who_complained_returned_or_bought_lately():
    product = ProductFactory()
    complained, returned, bought, early, other = (CustomerFactory() for _n in range(5))
    complain(product, 6, days=5, customer=complained)
    sell(product, 1, days=4, quantity=-1, customer=returned)
    sell(product, 1, days=4, customer=bought)
    sell(product, 1, days=60, customer=early)
    sell(ProductFactory(), 1, days=4, customer=other)
    watching.watch(at=NOW)
    alarm = RiseAlarm.objects.get(kind="complaints") if RiseAlarm.objects.exists() else None
    assert alarm is not None
    found = {
        (one.pk, one.has_complained, one.has_returned, one.has_bought) for one in watching.concerned(alarm)
    }
    assert found == {
        (complained.pk, True, False, False),
        (returned.pk, False, True, False),
        (bought.pk, False, False, True),
    }
