"""The queue: its order, its pages, its words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, User
from retention import cases
from retention.cases.queue import in_order, place_of, queue, read, why_here
from retention.models import RetentionCase
from tests.factories import NOW, CustomerFactory
from tests.retention.makers import (
    give_margin,
    in_status,
    make_case,
)

Status = RetentionCase.Status


def test_queue_orders_missed_deadlines_then_severity_times_margin(team: Any, manager: User) -> None:
    def case(name: str, *, severity: int, margin: int, due: timedelta | None) -> RetentionCase:
        one = CustomerFactory(owner=manager, name=name)
        give_margin(one, margin)
        made = make_case(one, severity=severity)
        RetentionCase.objects.filter(pk=made.pk).update(due_at=None if due is None else NOW + due)
        return made

    hour = timedelta(hours=1)
    case("small, missed", severity=1, margin=10, due=-hour)
    case("large", severity=2, margin=1000, due=5 * hour)
    case("grave", severity=3, margin=900, due=5 * hour)
    case("equal, sooner", severity=2, margin=1000, due=4 * hour)
    case("equal, no call", severity=2, margin=1000, due=None)
    case("loss maker", severity=3, margin=-500, due=hour)
    case("due now", severity=1, margin=20, due=timedelta(0))
    order = [row.customer.name for row in read(queue(manager), at=NOW, most=10)]
    assert order == [
        "small, missed",
        "grave",
        "equal, sooner",
        "large",
        "equal, no call",
        "due now",
        "loss maker",
    ]


def test_queue_pages_on_after_any_row(team: Any, manager: User) -> None:
    for number in range(7):
        one = CustomerFactory(owner=manager)
        give_margin(one, (number % 3) * 100)
        made = make_case(one)
        RetentionCase.objects.filter(pk=made.pk).update(due_at=NOW + timedelta(hours=number % 2 - 0.5))
    rows = read(queue(manager), at=NOW, most=10)
    assert len(rows) == 7
    for position, row in enumerate(rows):
        behind = read(queue(manager), at=NOW, after=place_of(row, at=NOW), most=10)
        assert behind == rows[position + 1 :]


def test_queue_shows_each_what_is_theirs(
    customer: Customer, manager: User, teammate: User, lead: User, admin: User, outsider: User
) -> None:
    hers = make_case(customer)
    make_case(CustomerFactory(owner=teammate))
    foreign = make_case(CustomerFactory(owner=outsider))
    closed = in_status(CustomerFactory(owner=manager), Status.CLOSED, by=manager)
    covered = make_case(CustomerFactory(owner=manager))
    cases.assign(covered, to=teammate, by=lead, at=NOW)

    assert set(queue(manager)) == {hers}
    assert foreign not in queue(lead)
    assert queue(lead).count() == 3
    assert queue(admin).count() == 4
    assert closed not in queue(admin)


def test_why_here_says_it_in_words(customer: Customer, manager: User) -> None:
    give_margin(customer, 9_640_000)
    case = make_case(customer, severity=3)
    late = case.due_at + timedelta(minutes=35)
    assert why_here(case, late) == "deadline missed 35 min ago · severity high · margin ¥96,400 a year"
    assert why_here(case, case.due_at - timedelta(hours=2)).startswith("call due in 2 h · ")


def test_why_here_tells_when_there_is_no_call_and_no_margin(customer: Customer) -> None:
    case = make_case(customer, severity=1)
    case.due_at = None
    assert why_here(case, NOW) == "no call planned · severity low · no margin known"


def test_in_order_needs_one_query_for_any_number_of_rows(team: Any, manager: User) -> None:
    for number in (1, 3):
        for _ in range(number):
            make_case(CustomerFactory(owner=manager))
        with CaptureQueriesContext(connection) as captured:
            rows = list(in_order(RetentionCase.objects.select_related("customer"), at=NOW))
            assert all(why_here(row, NOW, currency="CNY") for row in rows)
        assert len(captured) == 1
