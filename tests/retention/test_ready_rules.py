"""The ready rules: delivered switched off, and exactly whom each one finds, with near misses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation

from customers.ground import localtime
from customers.ground.models import Company
from customers.models import Customer, User
from retention import rules, sweep
from retention.models import EarlyWarning, RetentionCase, RuleVersion, WarningRule
from retention.rules import ready
from tests.factories import (
    NOW,
    AddressFactory,
    CommunityMembershipFactory,
    ComplaintEventFactory,
    ComplaintFactory,
    ContractFactory,
    CustomerFactory,
    IndicatorFactory,
    IndicatorValueFactory,
    InteractionFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    MainContactFactory,
    MentionFactory,
    OrderFactory,
    OrderLineFactory,
    OwnershipFactory,
    ProductFactory,
    SightingFactory,
    UsageFactory,
    UserActivityFactory,
    UserFactory,
    ago,
)
from tests.retention import points
from tests.surveys.factories import SurveyAnswerFactory, SurveyAskedFactory

TODAY = localtime.day_number(NOW, "Asia/Shanghai")


def bought(customer: Customer, *days_ago: float, **values: Any) -> None:
    """Let the customer order on these days, counted back from today."""
    for days in days_ago:
        OrderFactory(customer=customer, occurred_at=ago(days), **values)


def contacted(customer: Customer, days_ago: float, **values: Any) -> None:
    """Let somebody speak with the customer."""
    InteractionFactory(customer=customer, occurred_at=ago(days_ago), **values)


def complained(customer: Customer, days_ago: float, **values: Any) -> Any:
    """Let the customer complain."""
    return ComplaintFactory(customer=customer, occurred_at=ago(days_ago), **values)


def reopened(customer: Customer, *, resolved_again: bool = False) -> None:
    """Let a complaint be resolved five days ago and opened again two days ago."""
    complaint = complained(customer, 10, resolved_at=ago(5))
    ComplaintEventFactory(complaint=complaint, kind="reopened", occurred_at=ago(2))
    if resolved_again:
        ComplaintEventFactory(complaint=complaint, kind="resolved", occurred_at=ago(1))


def owned(customer: Customer, user: User | None, days_ago: float) -> None:
    """Let ``user`` look after the customer from that day on."""
    OwnershipFactory(customer=customer, user=user, occurred_at=ago(days_ago), team=None)


def gone(days_ago: float, *, back: bool = False) -> User:
    """Return a colleague who left, perhaps only for a while."""
    user = UserFactory()
    UserActivityFactory(user=user, is_active=False, occurred_at=ago(days_ago))
    if back:
        UserActivityFactory(user=user, is_active=True, occurred_at=ago(days_ago - 1))
    return user


def lost(customer: Customer, days_ago: float, *, followed: float | None = None, void: bool = False) -> None:
    """Let the main contact leave, and perhaps another one follow."""
    contact = customer.contacts.get()
    MainContactFactory(customer=customer, contact=contact, occurred_at=ago(days_ago), void=void)
    if followed is not None:
        MainContactFactory(customer=customer, contact=contact, kind="followed", occurred_at=ago(followed))


def lived(customer: Customer, *places: tuple[str, float]) -> None:
    """Let the customer be in these places, each since so many days."""
    for place, days_ago in places:
        AddressFactory(customer=customer, place=place, occurred_at=ago(days_ago))


def used(customer: Customer, quantity: int, days_ago: float, code: str = "logins") -> None:
    """Let the customer use something, or hold a balance."""
    UsageFactory(customer=customer, code=code, quantity=quantity, occurred_at=ago(days_ago))


def courted(customer: Customer, *days_ago: float, **values: Any) -> None:
    """Let competitors be seen at the customer, each so many days ago."""
    for days in days_ago:
        SightingFactory(customer=customer, occurred_at=ago(days), **values)


def wrote(customer: Customer, *days_ago: float, **values: Any) -> None:
    """Let the customer write about us in public, each so many days ago."""
    for days in days_ago:
        MentionFactory(customer=customer, occurred_at=ago(days), **values)


def held(customer: Customer, quantity: int, days_ago: float, **values: Any) -> None:
    """Let the customer hold a balance from that day on."""
    UsageFactory(customer=customer, code="balance", quantity=quantity, occurred_at=ago(days_ago), **values)


def missed(
    customer: Customer,
    day: int | None,
    *,
    bought_before: int = 30,
    quantity: int = 1,
    status: str = "placed",
    known_at: Any = None,
) -> None:
    """Let the customer buy a product so many days before a day on which it is withdrawn."""
    product = ProductFactory(
        is_withdrawn=day is not None,
        withdrawn_day=day,
        withdrawn_known_at=None if day is None else known_at or ago(500),
    )
    bought_on = (TODAY if day is None else day) - bought_before
    order = OrderFactory(customer=customer, occurred_at=ago(TODAY - bought_on), status=status)
    OrderLineFactory(order=order, product=product, quantity=quantity, amount=100 * quantity)


def joined(customer: Customer, *, left_ago: float | None = None) -> None:
    """Let the customer join a community, and leave it again."""
    left_at = None if left_ago is None else ago(left_ago)
    CommunityMembershipFactory(customer=customer, occurred_at=ago(60), left_at=left_at)


def scored(customer: Customer, *values: tuple[int, float], worse: str = "lower") -> None:
    """Give an indicator values, each so many days ago."""
    indicator = IndicatorFactory(code=worse, worse=worse)
    for number, days_ago in values:
        IndicatorValueFactory(
            customer=customer, indicator=indicator, number=number, occurred_at=ago(days_ago)
        )


def owes(customer: Customer, due_day: int, *, paid: int = 0, failed_ago: float | None = None) -> None:
    """Let the customer owe an invoice of 100.00, of which something is paid or a payment failed."""
    invoice = InvoiceFactory(customer=customer, occurred_at=ago(60), due_day=due_day)
    if paid:
        InvoiceEventFactory(invoice=invoice, amount=paid)
    if failed_ago is not None:
        InvoiceEventFactory(invoice=invoice, kind="failed", occurred_at=ago(failed_ago))


def awaits(customer: Customer, promised: int, delivered: int | None = None, **values: Any) -> None:
    """Let the customer have ordered something for a day, and perhaps have got it."""
    OrderFactory(
        customer=customer, occurred_at=ago(120), promised_day=promised, delivered_day=delivered, **values
    )


def earned(customer: Customer, number: int, days_ago: float, *, expires: int | None = None) -> None:
    """Let the customer earn points that can last be used on a day."""
    points.lot(points.entry(customer, "earn", number, ago(days_ago)), number, expires)


def redeemed(customer: Customer, number: int, *days_ago: float) -> None:
    """Let the customer redeem as many points on each of these days."""
    for days in days_ago:
        points.entry(customer, "redeem", -number, ago(days))


def in_grace(customer: Customer, days_ago: float, *, until: int, then: str = "") -> None:
    """Let the customer reach a tier, fall below its threshold, and then be held or fall."""
    points.tier(customer, 0, 2, ago(300))
    points.tier(customer, 2, 2, ago(days_ago), reason="grace", grace_until_day=until)
    if then:
        points.tier(customer, 2, 1 if then == "fell" else 2, ago(1), reason=then)


Story = Callable[[Customer], Any]


def scored_by(customer: Customer, *answers: tuple[str, int, float]) -> None:
    """Let the customer answer: kind of question, score, days ago."""
    for kind, number, days_ago in answers:
        SurveyAnswerFactory(customer=customer, kind=kind, number=number, occurred_at=ago(days_ago))


def asked(customer: Customer, *days_ago: float, answered: float | None = None) -> None:
    """Ask the customer on these days; ``answered``: how many days ago it answered."""
    day = None if answered is None else TODAY - int(answered)
    for days in days_ago:
        SurveyAskedFactory(customer=customer, occurred_at=ago(days), answered_day=day)


STORIES: dict[str, dict[str, tuple[bool, Story]]] = {
    "overdue": {
        # every 10 days, twice that has passed
        "twice the interval": (True, lambda c: bought(c, 50, 40, 30, 20)),
        "a day less": (False, lambda c: bought(c, 49, 39, 29, 19)),
        "no rhythm yet": (False, lambda c: bought(c, 300, 290, 280)),
        "several orders a day are one visit": (False, lambda c: bought(c, 300, 300, 290, 280)),
        "a cancelled order is none": (
            False,
            lambda c: (bought(c, 50, 40, 30), bought(c, 20, status="cancelled")),
        ),
        "a later return is no order": (
            True,
            lambda c: (bought(c, 50, 40, 30, 20), bought(c, 1, sold=0, returned=500)),
        ),
        "no order at all": (False, lambda c: None),
    },
    "spend-halved": {
        "exactly half": (True, lambda c: (bought(c, 100, 110, 120, sold=2000), bought(c, 5, sold=3000))),
        "a cent more": (False, lambda c: (bought(c, 100, 110, 120, sold=2000), bought(c, 5, sold=3001))),
        "only three orders": (False, lambda c: (bought(c, 100, 110, sold=3000), bought(c, 5, sold=3000))),
        "nothing left": (True, lambda c: bought(c, 90, 100, 110, 179)),
        "the edge of the windows": (False, lambda c: bought(c, 90, 100, 110, 180)),
        "89 days ago is within the last 90": (False, lambda c: bought(c, 100, 110, 120, 89, 89, 89)),
        "returns count against the spend": (
            True,
            lambda c: (
                bought(c, 100, 110, 120),
                bought(c, 5, sold=20000),
                bought(c, 4, sold=0, returned=5000),
            ),
        ),
        "nothing before": (False, lambda c: bought(c, 10, 20, 30, 40)),
    },
    "no-contact": {
        "60 days": (True, lambda c: contacted(c, 60)),
        "59 days": (False, lambda c: contacted(c, 59)),
        "never": (False, lambda c: None),
        "an unanswered call is no contact": (
            True,
            lambda c: (contacted(c, 60), contacted(c, 1, reached=False)),
        ),
        "they called us": (False, lambda c: (contacted(c, 90), contacted(c, 3, direction="in"))),
    },
    "complaint-overdue": {
        "due yesterday": (True, lambda c: complained(c, 10, due_day=TODAY - 1)),
        "due today": (False, lambda c: complained(c, 10, due_day=TODAY)),
        "resolved late": (False, lambda c: complained(c, 10, due_day=TODAY - 5, resolved_at=ago(1))),
        "without a due day": (False, lambda c: complained(c, 100)),
    },
    "complaint-reopened": {
        "open again": (True, reopened),
        "resolved again": (False, lambda c: reopened(c, resolved_again=True)),
        "open, never resolved": (False, lambda c: complained(c, 10)),
    },
    "complaints-rising": {
        "two against one": (True, lambda c: [complained(c, days) for days in (5, 10, 100)]),
        "two against two": (False, lambda c: [complained(c, days) for days in (5, 10, 100, 110)]),
        "one against none": (False, lambda c: complained(c, 5)),
        "the edge of the window": (False, lambda c: [complained(c, days) for days in (5, 90)]),
        "just inside": (True, lambda c: [complained(c, days) for days in (5, 89)]),
    },
    "contract-ending": {
        "in 60 days": (True, lambda c: ContractFactory(customer=c, ends_day=TODAY + 60)),
        "in 61 days": (False, lambda c: ContractFactory(customer=c, ends_day=TODAY + 61)),
        "today": (True, lambda c: ContractFactory(customer=c, ends_day=TODAY)),
        "ended yesterday": (False, lambda c: ContractFactory(customer=c, ends_day=TODAY - 1)),
        "renews by itself": (
            False,
            lambda c: ContractFactory(customer=c, ends_day=TODAY + 10, auto_renew=True),
        ),
        "renewed": (False, lambda c: ContractFactory(customer=c, ends_day=TODAY + 10, renewed_day=TODAY - 1)),
    },
    "owner-gone": {
        "owner left": (True, lambda c: owned(c, gone(5), 300)),
        "owner came back": (False, lambda c: owned(c, gone(5, back=True), 300)),
        "changed 30 days ago": (
            True,
            lambda c: (owned(c, UserFactory(), 300), owned(c, UserFactory(), 30)),
        ),
        "changed 31 days ago": (
            False,
            lambda c: (owned(c, UserFactory(), 300), owned(c, UserFactory(), 31)),
        ),
        "the first owner is no change": (False, lambda c: owned(c, UserFactory(), 5)),
        "nobody any more": (True, lambda c: (owned(c, UserFactory(), 300), owned(c, None, 200))),
        "never had one": (False, lambda c: None),
    },
    "usage-falling": {
        "exactly half": (True, lambda c: (used(c, 10, 40), used(c, 5, 3))),
        "one more": (False, lambda c: (used(c, 10, 40), used(c, 6, 3))),
        "nothing left": (True, lambda c: used(c, 10, 59)),
        "too little before": (False, lambda c: used(c, 9, 40)),
        "the edge of the windows": (False, lambda c: used(c, 10, 60)),
        "several metrics add up": (True, lambda c: (used(c, 8, 40), used(c, 2, 30, "visits"))),
        "a balance is no usage": (False, lambda c: used(c, 100, 40, "balance")),
    },
    "courted-by-competitor": {
        "seen twice": (True, lambda c: courted(c, 89, 2)),
        "seen once": (False, lambda c: courted(c, 2)),
        "one of two too long ago": (False, lambda c: courted(c, 90, 2)),
        "one was a mistake": (False, lambda c: (courted(c, 5), courted(c, 2, void=True))),
        "we are dearer by a twentieth": (True, lambda c: courted(c, 2, seen=100, ours=105)),
        "we are a little dearer": (False, lambda c: courted(c, 2, seen=100, ours=104)),
        "dearer too long ago": (False, lambda c: courted(c, 90, seen=100, ours=200)),
        "only their price is known": (False, lambda c: courted(c, 2, seen=100)),
    },
    "detractor": {
        "six": (True, lambda c: scored_by(c, ("nps", 6, 29))),
        "seven": (False, lambda c: scored_by(c, ("nps", 7, 5))),
        "too long ago": (False, lambda c: scored_by(c, ("nps", 0, 31))),
        "on the last day": (True, lambda c: scored_by(c, ("nps", 0, 30))),
        "content since": (False, lambda c: scored_by(c, ("nps", 2, 20), ("nps", 9, 5))),
        "content before": (True, lambda c: scored_by(c, ("nps", 9, 20), ("nps", 2, 5))),
        "an old one, and another question since": (
            False,
            lambda c: scored_by(c, ("nps", 2, 40), ("csat", 1, 5)),
        ),
        "taken back": (False, lambda c: SurveyAnswerFactory(customer=c, number=2, void=True)),
        "never answered": (False, lambda c: SurveyAskedFactory(customer=c, occurred_at=ago(50))),
    },
    "satisfaction-fell": {
        "by two": (True, lambda c: scored_by(c, ("csat", 5, 90), ("csat", 3, 30))),
        "by one": (False, lambda c: scored_by(c, ("csat", 5, 90), ("csat", 4, 5))),
        "by one, to where nobody is satisfied": (
            True,
            lambda c: scored_by(c, ("csat", 3, 90), ("csat", 2, 5)),
        ),
        "as bad as before": (False, lambda c: scored_by(c, ("csat", 2, 90), ("csat", 2, 5))),
        "too long ago": (False, lambda c: scored_by(c, ("csat", 5, 90), ("csat", 1, 31))),
        "recovered": (False, lambda c: scored_by(c, ("csat", 5, 90), ("csat", 1, 20), ("csat", 4, 5))),
        "the first answer": (False, lambda c: scored_by(c, ("csat", 1, 5))),
        "another question": (False, lambda c: scored_by(c, ("csat", 5, 90), ("ces", 1, 5))),
    },
    "never-answers": {
        "three": (True, lambda c: asked(c, 200, 100, 14)),
        "the third has a day left": (False, lambda c: asked(c, 200, 100, 13)),
        "two": (False, lambda c: asked(c, 200, 100)),
        "answered in between": (
            False,
            lambda c: (asked(c, 300, 200), asked(c, 100, answered=99), asked(c, 50, 20)),
        ),
        "three since the last answer": (
            True,
            lambda c: (asked(c, 300, answered=299), asked(c, 200, 100, 50)),
        ),
        "never asked": (False, lambda c: None),
    },
    "negative-mentions": {
        "twice": (True, lambda c: wrote(c, 29, 2)),
        "once": (False, lambda c: wrote(c, 2)),
        "one of two too long ago": (False, lambda c: wrote(c, 30, 2)),
        "one praises": (False, lambda c: (wrote(c, 2), wrote(c, 5, sentiment="positive"))),
        "nobody is sure about one": (False, lambda c: (wrote(c, 2), wrote(c, 5, sentiment="unsure"))),
        "one was removed": (False, lambda c: (wrote(c, 2), wrote(c, 5, void=True))),
    },
    "balance-falling": {
        "exactly half": (True, lambda c: (held(c, 1000, 200), held(c, 500, 29))),
        "a little more": (False, lambda c: (held(c, 1000, 200), held(c, 501, 29))),
        "fell long ago": (False, lambda c: (held(c, 1000, 200), held(c, 500, 30))),
        "rose again": (False, lambda c: (held(c, 1000, 40), held(c, 100, 10), held(c, 900, 5))),
        "half of one of two products": (
            True,
            lambda c: (held(c, 1000, 40), held(c, 100, 40, product=ProductFactory()), held(c, 400, 5)),
        ),
        "the other product stands for it": (
            False,
            lambda c: (held(c, 1000, 40), held(c, 1000, 40, product=ProductFactory()), held(c, 400, 5)),
        ),
        "used, not held": (False, lambda c: used(c, 10, 40)),
    },
    "indicator-worse": {
        "lower than before": (True, lambda c: scored(c, (50, 60), (49, 29))),
        "the same": (False, lambda c: scored(c, (50, 60), (50, 5))),
        "better": (False, lambda c: scored(c, (50, 60), (51, 5))),
        "worse, then better": (False, lambda c: scored(c, (50, 60), (40, 9), (41, 5))),
        "long ago": (False, lambda c: scored(c, (50, 60), (49, 30))),
        "the first value": (False, lambda c: scored(c, (1, 5))),
        "higher is worse": (True, lambda c: scored(c, (50, 60), (51, 5), worse="higher")),
        "another indicator": (False, lambda c: (scored(c, (50, 60)), scored(c, (49, 5), worse="higher"))),
        "no value": (False, lambda c: None),
    },
    "product-withdrawn": {
        "thirty days ago": (True, lambda c: missed(c, TODAY - 30)),
        "thirty-one days ago": (False, lambda c: missed(c, TODAY - 31)),
        "from tomorrow on": (False, lambda c: missed(c, TODAY + 1)),
        "bought 364 days before": (True, lambda c: missed(c, TODAY - 1, bought_before=364)),
        "bought 365 days before": (False, lambda c: missed(c, TODAY - 1, bought_before=365)),
        "only returned": (False, lambda c: missed(c, TODAY - 1, quantity=-1)),
        "cancelled": (False, lambda c: missed(c, TODAY - 1, status="cancelled")),
        "never withdrawn": (False, lambda c: missed(c, None)),
        "known since now": (False, lambda c: missed(c, TODAY - 1, known_at=NOW)),
    },
    "left-community": {
        "a week ago": (True, lambda c: joined(c, left_ago=7)),
        "eight days ago": (False, lambda c: joined(c, left_ago=8)),
        "never left": (False, lambda c: joined(c)),
        "one of two": (True, lambda c: (joined(c), joined(c, left_ago=1))),
        "never joined": (False, lambda c: None),
    },
    "invoice-overdue": {
        "eight days": (True, lambda c: owes(c, TODAY - 8)),
        "seven days": (False, lambda c: owes(c, TODAY - 7)),
        "paid in part": (True, lambda c: owes(c, TODAY - 8, paid=9999)),
        "paid in full": (False, lambda c: owes(c, TODAY - 8, paid=10000)),
        "another one is open": (False, lambda c: (owes(c, TODAY - 8, paid=10000), owes(c, TODAY))),
        "a payment that failed pays nothing": (True, lambda c: owes(c, TODAY - 8, failed_ago=1)),
    },
    "payment-failed": {
        "29 days ago": (True, lambda c: owes(c, TODAY + 5, failed_ago=29)),
        "30 days ago": (False, lambda c: owes(c, TODAY + 5, failed_ago=30)),
        "paid since": (False, lambda c: owes(c, TODAY + 5, failed_ago=29, paid=10000)),
        "never failed": (False, lambda c: owes(c, TODAY + 5)),
    },
    "delivery-late": {
        "overdue since today": (True, lambda c: awaits(c, TODAY - 1)),
        "promised for today": (False, lambda c: awaits(c, TODAY)),
        "cancelled": (False, lambda c: awaits(c, TODAY - 1, status="cancelled")),
        "delivered, the day is unknown": (False, lambda c: awaits(c, TODAY - 1, status="delivered")),
        "two came late": (
            True,
            lambda c: (awaits(c, TODAY - 90, TODAY - 89), awaits(c, TODAY - 10, TODAY - 9)),
        ),
        "one came late": (False, lambda c: awaits(c, TODAY - 10, TODAY - 9)),
        "one of two too long ago": (
            False,
            lambda c: (awaits(c, TODAY - 91, TODAY - 90), awaits(c, TODAY - 10, TODAY - 9)),
        ),
        "both in time": (
            False,
            lambda c: (awaits(c, TODAY - 10, TODAY - 10), awaits(c, TODAY - 9, TODAY - 10)),
        ),
    },
}

STORIES |= {
    "second-failure": {
        "two complaints": (True, lambda c: (complained(c, 59), complained(c, 5))),
        "the first a day too long ago": (False, lambda c: (complained(c, 60), complained(c, 5))),
        "a complaint, then a late delivery": (
            True,
            lambda c: (complained(c, 30), awaits(c, TODAY - 10, TODAY - 9)),
        ),
        "a late delivery, then a failed payment": (
            True,
            lambda c: (awaits(c, TODAY - 60, TODAY - 59), owes(c, TODAY + 5, failed_ago=2)),
        ),
        "came late 60 days ago": (
            False,
            lambda c: (awaits(c, TODAY - 61, TODAY - 60), owes(c, TODAY + 5, failed_ago=2)),
        ),
        "a payment failed 60 days ago": (
            False,
            lambda c: (owes(c, TODAY + 5, failed_ago=60), complained(c, 2)),
        ),
        "came in time": (False, lambda c: (complained(c, 30), awaits(c, TODAY - 10, TODAY - 10))),
        "one complaint, opened again": (False, reopened),
    },
    "goods-returned": {
        "a quarter": (True, lambda c: (bought(c, 9, sold=4000), bought(c, 5, sold=4000, returned=2000))),
        "a little less": (False, lambda c: (bought(c, 9, sold=4000), bought(c, 5, sold=4000, returned=1999))),
        "in a return of its own": (
            True,
            lambda c: (bought(c, 9, 8, sold=4000), bought(c, 5, sold=0, returned=2000, is_purchase=False)),
        ),
        "one order only": (False, lambda c: bought(c, 5, sold=4000, returned=2000)),
        "came back too long ago": (
            False,
            lambda c: (bought(c, 9, 8, sold=4000), bought(c, 90, sold=0, returned=9000, is_purchase=False)),
        ),
        "nothing came back": (False, lambda c: bought(c, 9, 5)),
    },
    "orders-declining": {
        "every two weeks, then none": (True, lambda c: bought(c, *range(90, 455, 14))),
        "every two weeks all the time": (False, lambda c: bought(c, *range(0, 455, 14))),
        "too few before": (False, lambda c: bought(c, *range(100, 430, 30))),
        "a newcomer": (False, lambda c: bought(c, *range(80, 89))),
    },
    "order-missing": {
        "every two weeks, not for 60 days": (True, lambda c: bought(c, *range(60, 411, 14))),
        "ten days less": (False, lambda c: bought(c, *range(50, 401, 14))),
        "three orders long ago": (False, lambda c: bought(c, 300, 310, 320)),
        "no order at all": (False, lambda c: None),
    },
    "main-contact-left": {
        "left, nobody followed": (True, lambda c: lost(c, 300)),
        "followed 30 days ago": (True, lambda c: lost(c, 30, followed=29)),
        "followed, 31 days ago": (False, lambda c: lost(c, 31, followed=30)),
        "the leaving was a mistake": (False, lambda c: lost(c, 10, void=True)),
        "nobody left": (False, lambda c: None),
    },
    "moved-away": {
        "60 days ago": (True, lambda c: lived(c, ("CN-31", 300), ("CN-32-05", 60))),
        "61 days ago": (False, lambda c: lived(c, ("CN-31", 300), ("CN-32-05", 61))),
        "another district of the same city": (False, lambda c: lived(c, ("CN-31", 300), ("CN-31", 5))),
        "the city became known": (False, lambda c: lived(c, ("CN", 300), ("CN-32", 9), ("CN-32-05", 5))),
        "the first address is no move": (False, lambda c: lived(c, ("CN-31", 5))),
        "the address was unknown between": (
            True,
            lambda c: lived(c, ("CN-31", 300), ("", 100), ("GB-LND", 5)),
        ),
    },
}

STORIES |= {
    "points-expiring": {
        "today": (True, lambda c: earned(c, 500, 300, expires=TODAY)),
        "in thirty days": (True, lambda c: earned(c, 500, 300, expires=TODAY + 30)),
        "in thirty-one days": (False, lambda c: earned(c, 500, 300, expires=TODAY + 31)),
        "yesterday": (False, lambda c: earned(c, 500, 300, expires=TODAY - 1)),
        "too few": (False, lambda c: earned(c, 499, 300, expires=TODAY + 3)),
        "never": (False, lambda c: earned(c, 500, 300)),
    },
    "points-idle": {
        "180 days": (True, lambda c: earned(c, 1000, 180)),
        "179 days": (False, lambda c: earned(c, 1000, 179)),
        "too few": (False, lambda c: earned(c, 999, 180)),
        "redeemed since": (False, lambda c: (earned(c, 1100, 180), redeemed(c, 100, 9))),
        "no member": (False, lambda c: None),
    },
    "redemption-stopped": {
        "twice, the last 180 days ago": (True, lambda c: (earned(c, 700, 400), redeemed(c, 100, 364, 180))),
        "179 days ago": (False, lambda c: (earned(c, 700, 400), redeemed(c, 100, 364, 179))),
        "once within the year": (False, lambda c: (earned(c, 700, 400), redeemed(c, 100, 365, 180))),
        "nothing left": (False, lambda c: (earned(c, 699, 400), redeemed(c, 100, 364, 180))),
        "never redeemed": (False, lambda c: earned(c, 700, 400)),
    },
    "tier-at-risk": {
        "in grace": (True, lambda c: in_grace(c, 5, until=TODAY + 25)),
        "held again": (False, lambda c: in_grace(c, 5, until=TODAY + 25, then="held")),
        "fell": (False, lambda c: in_grace(c, 40, until=TODAY - 2, then="fell")),
        "safe": (False, lambda c: points.tier(c, 0, 1, ago(5))),
        "never in a tier": (False, lambda c: None),
    },
    "membership-lapsing": {
        "in thirty days": (True, lambda c: points.member(c, TODAY + 30, ago(300))),
        "in thirty-one days": (False, lambda c: points.member(c, TODAY + 31, ago(300))),
        "ends today": (True, lambda c: points.member(c, TODAY, ago(300))),
        "ended 90 days ago": (True, lambda c: points.member(c, TODAY - 90, ago(400))),
        "ended 91 days ago": (False, lambda c: points.member(c, TODAY - 91, ago(400))),
        "renewed": (
            False,
            lambda c: (points.member(c, TODAY + 5, ago(360)), points.member(c, TODAY + 370, ago(2))),
        ),
        "never a member": (False, lambda c: None),
    },
}


@pytest.fixture(autouse=True)
def _company(company: Company) -> None:
    """Every test has a company in Shanghai."""


def warned(code: str) -> set[str]:
    """Return the names of the customers with an open warning of a rule."""
    open_ones = EarlyWarning.objects.filter(rule__code=code, state="open")
    return set(open_ones.values_list("customer__name", flat=True))


def on(codes: Iterable[str]) -> list[WarningRule]:
    """Switch rules on, opening cases for whoever matches."""
    found = rules.get(codes)
    for rule in found:
        rules.enable(rule, open_existing=True, by=None, at=NOW)
    return found


@pytest.mark.parametrize("code", STORIES)
def test_ready_rule_finds_exactly_whom_it_says_and_no_near_miss(code: str) -> None:
    for name, (_match, story) in STORIES[code].items():
        story(CustomerFactory(name=name))
    on([code])

    done = sweep.run(as_of=NOW)

    expected = {name for name, (match, _story) in STORIES[code].items() if match}
    assert warned(code) == expected
    assert done.warnings == {code: len(expected)}
    assert done.cases_opened == RetentionCase.objects.count() == len(expected)
    assert done.failed_rules == {}


def test_every_ready_rule_has_a_story_with_match_and_near_miss() -> None:
    assert set(STORIES) == {rule.code for rule in rules.READY}
    for stories in STORIES.values():
        assert {match for match, _story in stories.values()} == {True, False}


def test_ready_rules_are_delivered_switched_off_with_names_in_both_languages() -> None:
    delivered = WarningRule.objects.filter(is_ready_made=True)
    assert {rule.code for rule in delivered} == {rule.code for rule in rules.READY}
    assert not delivered.filter(is_enabled=True).exists()
    assert RuleVersion.objects.filter(rule__in=delivered, version=1).count() == len(rules.READY)
    for rule in delivered:
        assert rule.name_en.isascii() and not rule.name_zh.isascii()
        with translation.override("zh-hans"):
            assert str(rule) == rule.name_zh


def test_sync_changes_nothing_that_an_admin_edited_or_switched_on() -> None:
    (rule,) = on(["no-contact"])
    rules.revise(
        rule,
        condition={"measure": "days_since_last_contact", "op": ">=", "value": 90},
        severity=3,
        by=None,
        at=NOW,
    )

    assert ready.sync(at=NOW + timedelta(days=1)) == 0

    rule.refresh_from_db()
    assert (rule.condition["value"], rule.severity, rule.version, rule.is_enabled) == (90, 3, 2, True)


def test_sync_adds_a_rule_that_is_missing() -> None:
    RuleVersion.objects.filter(rule__code="overdue").delete()
    WarningRule.objects.filter(code="overdue").delete()

    assert ready.sync(at=NOW) == 1

    rule = WarningRule.objects.get(code="overdue")
    assert (rule.is_enabled, rule.position, rule.versions.count()) == (False, 1, 1)


def test_sweep_judges_all_ready_rules_at_once() -> None:
    names = {}
    for code, stories in STORIES.items():
        for name, (match, story) in stories.items():
            customer = CustomerFactory(name=f"{code}: {name}")
            story(customer)
            names[customer.name] = match
    on(STORIES)

    done = sweep.run(as_of=NOW, shards=4)

    assert done.failed_rules == {}
    for code in STORIES:
        own = {name for name in warned(code) if name.startswith(f"{code}:")}
        assert own == {name for name, match in names.items() if match and name.startswith(f"{code}:")}


def test_evidence_holds_whole_numbers_in_canonical_form_and_the_day() -> None:
    customer = CustomerFactory()
    bought(customer, 50, 40, 30, 20, sold=12345)
    on(["overdue"])
    sweep.run(as_of=NOW)

    evidence = EarlyWarning.objects.get().evidence

    assert evidence == (
        f'{{"as_of_day":{TODAY},"last_order_day":{TODAY - 20},"order_days":4,"order_span_days":30,'
        '"spend_365d":49380}'
    )
    assert json.dumps(json.loads(evidence), sort_keys=True, separators=(",", ":")) == evidence
