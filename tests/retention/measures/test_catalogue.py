"""Every measure by example: what counts, and the nearest thing that does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from customers.models import Complaint, Customer, User
from retention import measures
from retention.measures import compute
from tests.factories import (
    CompanyFactory,
    ComplaintEventFactory,
    ComplaintFactory,
    ContractFactory,
    CustomerFactory,
    IndicatorValueFactory,
    InteractionFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    MentionFactory,
    OrderFactory,
    OrderLineFactory,
    OwnershipFactory,
    ProductFactory,
    SightingFactory,
    UsageFactory,
    UserActivityFactory,
    UserFactory,
    day,
)
from tests.retention import points
from tests.surveys.factories import SurveyAskedFactory

pytestmark = pytest.mark.django_db
MICROSECOND = timedelta(microseconds=1)
TODAY = date(2026, 4, 2)  # clocks went forward on 29 March in London, on 8 March in New York
N = TODAY.toordinal()
ZONES = ["Asia/Shanghai", "Europe/London", "America/New_York"]


def midnight(back: int, zone: str = "Asia/Shanghai") -> datetime:
    """Return the first moment of the local day ``back`` days before ``TODAY``."""
    return datetime.combine(TODAY - timedelta(days=back), time(), ZoneInfo(zone))


def noon(back: float = 0) -> datetime:
    """Return noon in Shanghai ``back`` days before ``TODAY``."""
    return midnight(0) + timedelta(hours=12) - timedelta(days=back)


def value_of(customer: Customer, code: str, *, as_of: datetime | None = None) -> Any:
    """Return one measure of one customer."""
    as_of = as_of or noon()
    with compute.at(as_of=as_of, customers=compute.only([customer.pk])) as table:
        row = compute.values_of([customer.pk], table=table)[customer.pk]
    return measures.get(code).read(row, today=compute.today(as_of).number)


# --- Windows: from local midnight, in every zone -----------------------------------------------
Made = Callable[[Customer, datetime], Any]


def order(customer: Customer, at: datetime) -> None:
    OrderFactory(customer=customer, occurred_at=at, sold=900, returned=200)


def contact(customer: Customer, at: datetime) -> None:
    InteractionFactory(customer=customer, occurred_at=at, direction="in")


def complaint(customer: Customer, at: datetime) -> None:
    ComplaintFactory(customer=customer, occurred_at=at)


def late_delivery(customer: Customer, at: datetime) -> None:
    came = day(at)
    OrderFactory(
        customer=customer,
        occurred_at=at - timedelta(days=20),
        promised_day=came - 3,
        delivered_day=came,
        status="delivered",
    )


def failed_payment(customer: Customer, at: datetime) -> None:
    invoice = InvoiceFactory(customer=customer, occurred_at=at - timedelta(days=20))
    InvoiceEventFactory(invoice=invoice, kind="failed", occurred_at=at)


def usage(customer: Customer, at: datetime) -> None:
    UsageFactory(customer=customer, occurred_at=at, quantity=7)


def balance(customer: Customer, at: datetime) -> None:
    UsageFactory(customer=customer, occurred_at=at, quantity=7, code="balance")


def courted(customer: Customer, at: datetime) -> None:
    SightingFactory(customer=customer, occurred_at=at, seen=9, ours=7)


def mentioned(customer: Customer, at: datetime) -> None:
    MentionFactory(customer=customer, occurred_at=at)


def unanswered(customer: Customer, at: datetime) -> None:
    SurveyAskedFactory(customer=customer, occurred_at=at)


def fallen(customer: Customer, at: datetime) -> None:
    IndicatorValueFactory(customer=customer, occurred_at=at - timedelta(days=90), number=50)
    IndicatorValueFactory(customer=customer, occurred_at=at, number=49)


def of_the_withdrawn(customer: Customer, at: datetime) -> None:
    product = ProductFactory(withdrawn_day=day(at) - 9, withdrawn_known_at=at - timedelta(days=9))
    OrderLineFactory(order=OrderFactory(customer=customer, occurred_at=at), product=product)


def redeemed(customer: Customer, at: datetime) -> None:
    points.entry(customer, "opening", 900, at - timedelta(days=400))
    points.entry(customer, "redeem", -100, at)


def tier_lost(customer: Customer, at: datetime) -> None:
    points.tier(customer, 0, 2, at - timedelta(days=400))
    points.tier(customer, 2, 1, at)


# code -> what is counted, its worth, the days back at which the window ends and begins (None: never)
WINDOWS: dict[str, tuple[Made, int, int, int | None]] = {
    "orders_30d": (order, 1, 0, 30),
    "orders_90d": (order, 1, 0, 90),
    "orders_prev_90d": (order, 1, 90, 180),
    "orders_365d": (order, 1, 0, 365),
    "orders_prev_365d": (order, 1, 365, 730),
    "spend_30d": (order, 700, 0, 30),
    "spend_90d": (order, 700, 0, 90),
    "spend_prev_90d": (order, 700, 90, 180),
    "spend_365d": (order, 700, 0, 365),
    "spend_prev_365d": (order, 700, 365, 730),
    "returned_365d": (order, 200, 0, 365),
    "margin_365d": (order, 210, 0, 365),
    "margin_prev_365d": (order, 210, 365, 730),
    "returned_90d": (order, 200, 0, 90),
    "complaints_60d": (complaint, 1, 0, 60),
    "deliveries_late_60d": (late_delivery, 1, 0, 60),
    "payments_failed_60d": (failed_payment, 1, 0, 60),
    "order_days_90d": (order, 1, 0, 90),
    "order_days_before_90d": (order, 1, 90, 455),
    "margin_455d": (order, 210, 0, 455),
    "contacts_90d": (contact, 1, 0, 90),
    "contacts_prev_90d": (contact, 1, 90, 180),
    "contacts_in_90d": (contact, 1, 0, 90),
    "complaints_90d": (complaint, 1, 0, 90),
    "complaints_prev_90d": (complaint, 1, 90, 180),
    "deliveries_late_90d": (late_delivery, 1, 0, 90),
    "payments_failed_30d": (failed_payment, 1, 0, 30),
    "usage_30d": (usage, 7, 0, 30),
    "usage_prev_30d": (usage, 7, 30, 60),
    "indicators_worse_30d": (fallen, 1, 0, 30),
    "withdrawn_products_365d": (of_the_withdrawn, 1, 0, 365),
    "balance_30d_ago": (balance, 7, 30, None),
    "competitor_sightings_90d": (courted, 1, 0, 90),
    "competitor_price_90d": (courted, 900, 0, 90),
    "own_price_90d": (courted, 700, 0, 90),
    "mentions_30d": (mentioned, 1, 0, 30),
    "negative_mentions_30d": (mentioned, 1, 0, 30),
    "non_response_365d": (unanswered, 1, 14, 365),
    "redemptions_365d": (redeemed, 1, 0, 365),
    "tiers_lost_90d": (tier_lost, 1, 0, 90),
}


def test_every_stored_measure_with_a_window_is_tested_at_its_edges() -> None:
    assert set(WINDOWS) == {m.code for m in measures.stored() if m.window}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("code", WINDOWS)
def test_window_begins_and_ends_at_local_midnight(code: str, zone: str) -> None:
    make, worth, newest, oldest = WINDOWS[code]
    CompanyFactory(time_zone=zone)
    as_of = midnight(-1, zone)  # the very end of the local day: not yet the next one
    as_of -= MICROSECOND
    last, after, first, before = CustomerFactory.create_batch(4)
    make(last, min(midnight(newest - 1, zone) - MICROSECOND, as_of - MICROSECOND))
    make(after, midnight(newest - 1, zone))
    assert [value_of(customer, code, as_of=as_of) for customer in (last, after)] == [worth, 0]
    if oldest is not None:
        make(first, midnight(oldest - 1, zone))
        make(before, midnight(oldest - 1, zone) - MICROSECOND)
        assert [value_of(customer, code, as_of=as_of) for customer in (first, before)] == [worth, 0]


@pytest.mark.parametrize("zone", ZONES)
def test_value_changes_at_local_midnight_and_not_before(zone: str) -> None:
    CompanyFactory(time_zone=zone)
    customer = CustomerFactory()
    order(customer, midnight(29, zone) + timedelta(hours=5))
    assert value_of(customer, "orders_30d", as_of=midnight(0, zone) + timedelta(hours=1)) == 1
    assert value_of(customer, "orders_30d", as_of=midnight(-1, zone) - MICROSECOND) == 1
    assert value_of(customer, "orders_30d", as_of=midnight(-1, zone)) == 0
    assert value_of(customer, "days_since_last_order", as_of=midnight(-1, zone) - MICROSECOND) == 29
    assert value_of(customer, "days_since_last_order", as_of=midnight(-1, zone)) == 30


# --- Orders -----------------------------------------------------------------------------------
def ordered(customer: Customer, *days_back: int, **values: Any) -> None:
    for back in days_back:
        OrderFactory(customer=customer, occurred_at=noon(back), recorded_at=noon(back), **values)


@pytest.mark.parametrize(
    ("values", "orders", "spend", "returned", "margin"),
    [
        ({"sold": 900}, 1, 900, 0, 270),
        ({"sold": 900, "status": "delivered"}, 1, 900, 0, 270),
        ({"sold": 900, "returned": 200}, 1, 700, 200, 210),
        ({"sold": 0, "returned": 200}, 0, -200, 200, -60),  # a pure return: its money counts
        ({"sold": 900, "status": "cancelled"}, 0, 0, 0, 0),
        ({"sold": 900, "void": True}, 0, 0, 0, 0),
    ],
)
def test_orders_count_unless_cancelled_void_or_a_pure_return(
    values: dict[str, Any], orders: int, spend: int, returned: int, margin: int, customer: Customer
) -> None:
    ordered(customer, 5, **values)
    codes = ("orders_30d", "spend_30d", "returned_365d", "margin_365d")
    assert [value_of(customer, code) for code in codes] == [orders, spend, returned, margin]


def test_order_days_are_those_of_purchases(customer: Customer) -> None:
    ordered(customer, 400, 100, 100, 10)
    ordered(customer, 500, 3, status="cancelled")
    ordered(customer, 600, 2, sold=0, returned=50)
    codes = ("first_order_day", "last_order_day", "order_days", "order_span_days", "days_since_last_order")
    assert [value_of(customer, code) for code in codes] == [N - 400, N - 10, 3, 390, 10]


def test_usual_interval_is_known_from_the_fourth_purchase_day(customer: Customer) -> None:
    ordered(customer, 100, 70, 70, 70, 50)
    assert value_of(customer, "usual_interval") is None
    assert value_of(customer, "overdue_ratio") is None
    ordered(customer, 30)
    assert value_of(customer, "usual_interval") == Fraction(70, 3)
    assert value_of(customer, "overdue_ratio") == Fraction(30 * 3, 70)


def test_overdue_ratio_reaches_two_after_twice_the_usual_interval(customer: Customer) -> None:
    ordered(customer, 50, 40, 30, 20)
    assert value_of(customer, "overdue_ratio") == 2
    assert value_of(customer, "overdue_ratio", as_of=noon(1)) == Fraction(19, 10)


@pytest.mark.parametrize(
    ("code", "recent", "before"),
    [
        ("orders_90d_vs_previous", 89, 90),
        ("orders_365d_vs_previous", 364, 365),
    ],
)
def test_orders_against_previous_are_unknown_without_any_before(
    code: str, recent: int, before: int, customer: Customer
) -> None:
    ordered(customer, recent, 3)
    assert value_of(customer, code) is None
    ordered(customer, before, before, before)
    assert value_of(customer, code) == Fraction(2, 3)


@pytest.mark.parametrize(
    ("code", "recent", "before"), [("spend_90d_vs_previous", 89, 90), ("spend_365d_vs_previous", 364, 365)]
)
def test_spend_against_previous_is_unknown_unless_there_was_some(
    code: str, recent: int, before: int, customer: Customer
) -> None:
    ordered(customer, recent, sold=500)
    ordered(customer, before, sold=0, returned=100)
    assert value_of(customer, code) is None  # only a return before: no ratio to a negative sum
    ordered(customer, before, sold=1100)
    assert value_of(customer, code) == Fraction(1, 2)


def test_return_share_is_unknown_when_nothing_was_sold(customer: Customer) -> None:
    ordered(customer, 364, sold=0, returned=100)
    assert value_of(customer, "return_share_365d") is None
    ordered(customer, 3, sold=400)
    ordered(customer, 365, sold=10**6)
    assert value_of(customer, "return_share_365d") == Fraction(1, 4)


# --- Contracts --------------------------------------------------------------------------------
def contract(customer: Customer, **values: Any) -> None:
    values = {"occurred_at": noon(200), "starts_day": N - 100, "ends_day": N + 60, "value": 5000, **values}
    ContractFactory(customer=customer, **values)


@pytest.mark.parametrize(
    ("values", "running"),
    [
        ({"starts_day": N, "ends_day": N}, 1),
        ({"starts_day": N + 1}, 0),
        ({"ends_day": N - 1}, 0),
        ({"renewed_day": N}, 0),
        ({"renewed_day": N + 1}, 1),  # as of today nobody knew that it would be renewed
        ({"terminated_day": N}, 0),
        ({"terminated_day": N + 1}, 1),
        ({"void": True}, 0),
    ],
)
def test_contract_runs_between_its_days_until_renewed_or_terminated(
    values: dict[str, Any], running: int, customer: Customer
) -> None:
    contract(customer, **values)
    assert value_of(customer, "contracts_running") == running
    assert value_of(customer, "contract_value_running") == 5000 * running
    assert (value_of(customer, "contract_end_day") is not None) == bool(running)


def test_contract_end_is_the_earliest_that_does_not_renew_itself(customer: Customer) -> None:
    contract(customer, ends_day=N + 10, auto_renew=True)
    assert value_of(customer, "contract_end_day") is None
    assert value_of(customer, "days_to_contract_end") is None
    contract(customer, ends_day=N + 90)
    contract(customer, ends_day=N + 60)
    assert value_of(customer, "contract_end_day") == N + 60
    assert value_of(customer, "days_to_contract_end") == 60
    assert value_of(customer, "contracts_running") == 3


def test_tenure_counts_from_the_first_order_or_signed_contract(customer: Customer) -> None:
    assert value_of(customer, "tenure_days") is None
    ordered(customer, 50)
    ordered(customer, 300, status="cancelled")
    assert value_of(customer, "tenure_days") == 50
    contract(customer)
    assert value_of(customer, "first_contract_day") == N - 200
    assert value_of(customer, "tenure_days") == 200


# --- Interactions -----------------------------------------------------------------------------
def test_contact_is_a_reached_interaction_in_either_direction(customer: Customer) -> None:
    ordered(customer, 1)
    InteractionFactory(customer=customer, occurred_at=noon(2), reached=False)
    InteractionFactory(customer=customer, occurred_at=noon(3), void=True)
    assert value_of(customer, "last_contact_day") is None
    assert value_of(customer, "days_since_last_contact") is None
    InteractionFactory(customer=customer, occurred_at=noon(8), direction="out")
    InteractionFactory(customer=customer, occurred_at=noon(7), direction="in")
    assert value_of(customer, "last_contact_day") == N - 7
    assert value_of(customer, "days_since_last_contact") == 7
    assert value_of(customer, "contacts_90d") == 2
    assert value_of(customer, "contacts_in_90d") == 1
    assert value_of(customer, "contacts_90d_vs_previous") is None
    InteractionFactory(customer=customer, occurred_at=noon(90))
    assert value_of(customer, "contacts_90d_vs_previous") == 2


# --- Complaints -------------------------------------------------------------------------------
def event(complaint: Complaint, kind: str, back: float, due_day: int | None = None) -> None:
    ComplaintEventFactory(complaint=complaint, kind=kind, occurred_at=noon(back), due_day=due_day)


def test_complaint_is_open_until_resolved_and_again_when_reopened(customer: Customer) -> None:
    filed = ComplaintFactory(customer=customer, occurred_at=noon(20))
    event(filed, "acknowledged", 18)
    codes = ("complaints_open", "complaints_reopened_open", "last_reopened_day")
    assert [value_of(customer, code) for code in codes] == [1, 0, None]
    event(filed, "resolved", 10)
    assert [value_of(customer, code) for code in codes] == [0, 0, None]
    event(filed, "reopened", 5)
    assert [value_of(customer, code) for code in codes] == [1, 1, N - 5]
    event(filed, "resolved", 2)
    assert [value_of(customer, code) for code in codes] == [0, 0, N - 5]


def test_complaint_resolved_at_the_moment_of_its_opening_is_not_open(customer: Customer) -> None:
    filed = ComplaintFactory(customer=customer, occurred_at=noon(20))
    event(filed, "resolved", 20)
    assert value_of(customer, "complaints_open") == 0


def test_complaint_without_an_opening_event_is_not_open(customer: Customer) -> None:
    filed = ComplaintFactory(customer=customer, occurred_at=noon(20))
    filed.events.update(void=True, recorded_at=noon(19))
    event(filed, "acknowledged", 18)
    assert value_of(customer, "complaints_open") == 0
    assert value_of(customer, "complaints_90d") == 0


def test_complaint_is_overdue_on_the_day_after_its_newest_due_day(customer: Customer) -> None:
    filed = ComplaintFactory(customer=customer, occurred_at=noon(20), due_day=N - 10)
    codes = ("complaints_overdue", "complaint_due_day", "days_complaint_overdue")
    assert [value_of(customer, code) for code in codes] == [1, N - 10, 10]
    event(filed, "due", 5, due_day=N)
    event(filed, "acknowledged", 4)  # says nothing about the due day
    assert [value_of(customer, code) for code in codes] == [0, N, 0]
    assert [value_of(customer, code, as_of=noon(-1)) for code in codes] == [1, N, 1]
    ComplaintFactory(customer=customer, occurred_at=noon(3), due_day=N - 1)
    assert [value_of(customer, code) for code in codes] == [1, N - 1, 1]


def test_resolved_complaint_is_never_overdue(customer: Customer) -> None:
    ComplaintFactory(customer=customer, occurred_at=noon(20), due_day=N - 10, resolved_at=noon(2))
    codes = ("complaints_overdue", "complaint_due_day", "days_complaint_overdue")
    assert [value_of(customer, code) for code in codes] == [0, None, None]


def test_reopening_does_not_count_as_another_complaint(customer: Customer) -> None:
    filed = ComplaintFactory(customer=customer, occurred_at=noon(100), resolved_at=noon(95))
    event(filed, "reopened", 5)
    assert value_of(customer, "complaints_90d") == 0
    assert value_of(customer, "complaints_prev_90d") == 1


# --- Ownership --------------------------------------------------------------------------------
OWNERSHIP = ("owner_since_day", "owner_changed_day", "days_since_owner_change", "owner_inactive")


def owned(customer: Customer, user: User | None, back: float) -> None:
    OwnershipFactory(customer=customer, user=user, team=None, occurred_at=noon(back))


@pytest.fixture
def nobodys(company: Any) -> Customer:
    """A customer whom nobody ever owned."""
    return CustomerFactory()


def test_first_owner_is_no_change(nobodys: Customer) -> None:
    assert [value_of(nobodys, code) for code in OWNERSHIP] == [None, None, None, 0]
    owned(nobodys, None, 50)
    assert [value_of(nobodys, code) for code in OWNERSHIP] == [None, None, None, 0]
    owned(nobodys, UserFactory(), 40)
    assert [value_of(nobodys, code) for code in OWNERSHIP] == [N - 40, None, None, 0]


def test_another_owner_is_a_change_and_the_same_one_is_not(nobodys: Customer) -> None:
    first, second = UserFactory.create_batch(2)
    owned(nobodys, first, 40)
    owned(nobodys, first, 30)
    assert [value_of(nobodys, code) for code in OWNERSHIP] == [N - 40, None, None, 0]
    owned(nobodys, second, 20)
    owned(nobodys, second, 10)
    assert [value_of(nobodys, code) for code in OWNERSHIP] == [N - 20, N - 20, 20, 0]


def test_losing_the_owner_is_a_change_and_leaves_the_customer_without(nobodys: Customer) -> None:
    user = UserFactory()
    owned(nobodys, user, 40)
    owned(nobodys, None, 20)
    assert [value_of(nobodys, code) for code in OWNERSHIP] == [None, N - 20, 20, 1]
    owned(nobodys, user, 10)
    assert [value_of(nobodys, code) for code in OWNERSHIP] == [N - 10, N - 10, 10, 0]


def test_owner_is_inactive_from_the_moment_on_until_she_comes_back(nobodys: Customer) -> None:
    user, other = UserFactory.create_batch(2)
    owned(nobodys, user, 40)
    UserActivityFactory(user=other, occurred_at=noon(30))
    assert value_of(nobodys, "owner_inactive") == 0
    UserActivityFactory(user=user, occurred_at=noon(10))
    assert value_of(nobodys, "owner_inactive") == 1
    assert value_of(nobodys, "owner_inactive", as_of=noon(10)) == 0
    UserActivityFactory(user=user, occurred_at=noon(5), is_active=True)
    assert value_of(nobodys, "owner_inactive") == 0
    owned(nobodys, other, 2)
    assert value_of(nobodys, "owner_inactive") == 1


def test_former_owner_does_not_matter(nobodys: Customer) -> None:
    user = UserFactory()
    owned(nobodys, user, 40)
    owned(nobodys, UserFactory(), 30)
    UserActivityFactory(user=user, occurred_at=noon(10))
    assert value_of(nobodys, "owner_inactive") == 0


def test_the_row_written_later_counts_when_two_have_the_same_moment(nobodys: Customer) -> None:
    user = UserFactory()
    owned(nobodys, user, 40)
    UserActivityFactory(user=user, occurred_at=noon(10), is_active=False)
    UserActivityFactory(user=user, occurred_at=noon(10), is_active=True)
    assert value_of(nobodys, "owner_inactive") == 0
    UserActivityFactory(user=user, occurred_at=noon(10), is_active=False)
    assert value_of(nobodys, "owner_inactive") == 1
