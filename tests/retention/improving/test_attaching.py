"""Feedback is attached to what answers it: exactly what names the same, once, and who said it."""

from __future__ import annotations

from typing import Any

import pytest

from customers.contact import reserve_contact
from customers.models import Complaint, UnknownFeedback
from retention.improving import attaching
from retention.models import ImprovementFeedback, ImprovementNotice, LoopClosure
from tests.customers.test_contact import agreeing
from tests.factories import NOW, ContactFactory, CustomerFactory, ProductFactory, ago
from tests.retention.improvers import complaint, done, improvement, loop
from tests.retention.makers import cause

pytestmark = pytest.mark.django_db
WHO: dict[str, Any] = {"by": None, "at": NOW}
LONG_AGO = NOW.toordinal() - 400


@pytest.fixture(autouse=True)
def _company(company: Any) -> None:
    """Every test has a company."""


def unknown(**said: Any) -> UnknownFeedback:
    values = {
        "kind": "complaint",
        "channel": "web",
        "text": "Late again.",
        "language": "en",
        "occurred_at": NOW,
        "recorded_at": NOW,
        "respond_by": NOW,
        "due_at": NOW,
    } | said
    return UnknownFeedback.objects.create(**values)


def matching(made: Any, among: Any = None, since: int = LONG_AGO) -> set[int]:
    attaching.attach_matching(
        made, among=Complaint.objects.all() if among is None else among, since_day=since, **WHO
    )
    rows = ImprovementFeedback.objects.filter(action=made)
    return set(rows.values_list("complaint_id", flat=True))


def test_attach_is_done_once_and_a_loop_of_a_complaint_stands_for_it():
    made, said = improvement(), complaint(CustomerFactory())
    theirs = loop(source="complaint", complaint=said, customer=said.customer)
    first = attaching.attach(made, complaint=said, **WHO)
    assert attaching.attach(made, loop=theirs, **WHO) == first
    assert attaching.attach(made, complaint=said, **WHO) == first
    other = attaching.attach(made, loop=loop(unknown=unknown()), **WHO)
    assert (other.complaint, ImprovementFeedback.objects.count()) == (None, 2)


@pytest.mark.parametrize("given", [{}, {"complaint": 1, "loop": 1}])
def test_attach_takes_either_a_complaint_or_a_loop(given):
    with pytest.raises(ValueError, match="either"):
        attaching.attach(improvement(), **given, **WHO)


def test_match_attaches_exactly_what_names_the_cause_or_one_below_it():
    made = improvement(causes=[cause("service_experience")])
    one = CustomerFactory()
    same, below = complaint(one, about="service_experience"), complaint(one, about="late_delivery")
    found = complaint(one, about="")
    loop(source="complaint", complaint=found, customer=one, cause=cause("late_delivery"))
    complaint(one, about="price_raised")
    complaint(one, about="")
    complaint(one, about="service_experience", void=True)
    complaint(one, about="service_experience", occurred_at=ago(500))
    assert matching(made) == {same.pk, below.pk, found.pk}
    assert matching(made) == {same.pk, below.pk, found.pk}  # nothing twice


def test_match_asks_for_product_and_lot_where_they_are_named():
    product, one = ProductFactory(), CustomerFactory()
    right = complaint(one, about="", product=product, lot="L1")
    other_lot = complaint(one, about="", product=product, lot="L2")
    complaint(one, about="", product=ProductFactory(), lot="L1")
    complaint(one, about="")
    assert matching(improvement(product=product, lot="L1")) == {right.pk}
    assert matching(improvement(product=product)) == {right.pk, other_lot.pk}
    both = improvement(product=product, causes=[cause("late_delivery")])
    assert matching(both) == set()


def test_match_attaches_only_what_it_may():
    mine, theirs = complaint(CustomerFactory()), complaint(CustomerFactory())
    assert matching(improvement(), among=Complaint.objects.filter(pk=mine.pk)) == {mine.pk} != {theirs.pk}


def test_match_is_refused_when_nothing_is_named():
    with pytest.raises(attaching.NothingNamed):
        matching(improvement(moves="mean", measure="orders_90d"))


def test_people_are_who_said_it_else_the_main_contact():
    made = improvement()
    firm = CustomerFactory()
    named = ContactFactory(customer=firm, is_main=False)
    attaching.attach(made, complaint=complaint(firm, contact=named), **WHO)
    other = CustomerFactory()
    attaching.attach(made, complaint=complaint(other), **WHO)
    known = CustomerFactory()
    looped = loop(unknown=unknown(), customer=known)
    attaching.attach(made, loop=looped, **WHO)
    attaching.attach(made, loop=loop(unknown=unknown()), **WHO)  # nobody knows who
    complaint(CustomerFactory())  # not attached
    people = attaching.people_of(ImprovementFeedback.objects.filter(action=made))
    main = [one.contacts.get(is_main=True) for one in (other, known)]
    assert set(people) == {named, *main}


def test_detach_takes_it_off_unless_who_said_it_was_told():
    made = done(told_en="We pack better.")
    person = agreeing()
    row = attaching.attach(made, complaint=complaint(person.customer, contact=person), **WHO)
    other = attaching.attach(made, complaint=complaint(CustomerFactory()), **WHO)
    attaching.detach(other, **WHO)
    ImprovementNotice.objects.create(
        action=made,
        customer=person.customer,
        contact=person,
        channel="email",
        reservation=reserve_contact(person, purpose="care", channel="email", key="x", **WHO),
        asked_at=NOW,
    )
    with pytest.raises(attaching.AlreadyTold):
        attaching.detach(row, **WHO)
    assert list(made.feedback.all()) == [row]


def test_feedback_is_seen_by_who_sees_the_customer(manager, outsider, lead, customer):
    made = improvement()
    seen = attaching.attach(made, complaint=complaint(customer), **WHO)
    hidden = attaching.attach(made, loop=loop(unknown=unknown()), **WHO)
    rows = ImprovementFeedback.objects.filter(action=made)
    assert set(rows.visible_to(manager)) == {seen}
    assert set(rows.visible_to(outsider)) == set()
    assert set(rows.visible_to(lead)) == {seen, hidden}  # leads see what nobody known wrote
    LoopClosure.objects.filter(pk=hidden.loop_id).update(owner=outsider)
    assert set(rows.visible_to(outsider)) == {hidden}
