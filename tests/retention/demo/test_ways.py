"""A way written at once leaves what the verbs leave: the columns of the loop, and its steps."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from customers import company
from customers.models import Customer, FeedbackKind, User
from retention import loop as looping
from retention.demo.ways import Way, write
from retention.loop import owners
from retention.loop.told import Told
from retention.models import LoopClosure, LoopStep, RetentionCase
from tests.factories import NOW, ComplaintFactory
from tests.retention.loop.world import filed
from tests.retention.makers import cause

pytestmark = pytest.mark.django_db
OWN = {"id", "complaint_id", "case_id", "salt", "token_hash", "due_at", "respond_by"}
"""What belongs to the other complaint, and not to what was done about it."""


def at(hours: int) -> datetime:
    return NOW + timedelta(hours=hours)


def seen(loop: LoopClosure) -> dict[str, Any]:
    """Return the columns and steps of a loop, but for what is its own."""
    row = LoopClosure.objects.filter(pk=loop.pk).values().get()
    steps = LoopStep.objects.filter(loop=loop).order_by("at", "id")
    told = list(steps.values_list("kind", "by", "owner", "text"))
    return {name: value for name, value in row.items() if name not in OWN} | {"steps": told}


def other(loop: LoopClosure) -> Way:
    """Begin the way of another complaint, told as the one of a loop."""
    known = loop.complaint
    assert known is not None and loop.customer is not None
    complaint = ComplaintFactory(customer=loop.customer, contact=known.contact, severity=known.severity)
    told = Told(
        source=LoopClosure.Source.COMPLAINT,
        subject=complaint,
        kind=FeedbackKind.COMPLAINT,
        customer=loop.customer,
        contact=known.contact,
        severity=known.severity,
        received_at=loop.received_at,
        respond_by=loop.respond_by,
        due_at=loop.due_at,
    )
    return Way(told, customer=loop.customer, case=loop.case, owner=owners.owner_for(loop.customer, loop.case))


def asked_by_verbs(loop: LoopClosure, *, by: User | None) -> None:
    looping.log_contact(loop, text="Talked.", by=by, at=at(2))
    looping.diagnose_loop(loop, cause=cause("price"), by=by, at=at(3))
    looping.act(loop, action="explained", text="Explained.", by=by, at=at(4))
    looping.ask_customer(loop, message="Is it solved?", by_hand=True, by=by, at=at(5))


def asked(way: Way) -> None:
    way.contacted("Talked.", at=at(2))
    way.diagnosed(cause("price"), at=at(3))
    way.acted("explained", "Explained.", at=at(4))
    way.asked("Is it solved?", at=at(5))


@pytest.mark.parametrize("end", ["asked", "confirmed", "told", "silent", "withdrawn"])
def test_way_leaves_what_the_verbs_leave(customer: Customer, lead: User, end: str) -> None:
    loop = filed(customer)
    way, by = other(loop), loop.owner
    if end == "withdrawn":
        looping.withdraw(loop, reason="Filed twice.", by=lead, at=at(2))
        way.withdrawn("Filed twice.", by=lead, at=at(2))
    else:
        asked_by_verbs(loop, by=by)
        asked(way)
    if end == "confirmed":
        looping.confirm(loop, by=None, at=at(6))
        way.confirmed(at=at(6))
    elif end == "told":
        looping.confirm(loop, words="She said so.", by=by, at=at(6))
        way.confirmed("She said so.", by=by, at=at(6))
    elif end == "silent":
        assert looping.expire(at=at(24 * 8)) == 1
        way.kept_silent(at=at(24 * 8))
    write([way], at=at(200))
    assert seen(way.loop) == seen(loop)


def test_way_that_is_not_solved_goes_to_the_lead_as_by_the_verb(customer: Customer, lead: User) -> None:
    loop = filed(customer)
    way = other(loop)
    asked_by_verbs(loop, by=loop.owner)
    asked(way)
    looping.not_solved(loop, words="Still broken.", by=None, at=at(6))
    calendar = company.working_calendar()
    way.not_solved("Still broken.", lead=owners.lead_for(loop.team_id), calendar=calendar, at=at(6))
    asked_by_verbs_again = seen(loop)
    write([way], at=at(7))
    assert seen(way.loop) == asked_by_verbs_again
    assert (way.loop.owner, way.loop.level, way.loop.reopened) == (lead, 2, 1)
    rows = LoopClosure.objects.filter(pk__in=[loop.pk, way.loop.pk])
    assert len(set(rows.values_list("due_at", "first_due_at"))) == 1


def test_way_that_is_answered_in_public_ends_with_its_words(customer: Customer) -> None:
    way = other(filed(customer))
    way.answered("Said so on our page.", by=None, at=at(2))
    write([way], at=at(3))
    row = LoopClosure.objects.get(pk=way.loop.pk)
    assert (row.state, row.message_text, row.ended_at) == ("answered", "Said so on our page.", at(2))


@pytest.mark.parametrize("ends", [False, True])
def test_only_who_is_still_waited_for_gets_a_case(customer: Customer, lead: User, ends: bool) -> None:
    complaint = ComplaintFactory(customer=customer)
    told = Told(
        source=LoopClosure.Source.COMPLAINT,
        subject=complaint,
        kind=FeedbackKind.COMPLAINT,
        customer=customer,
        received_at=NOW,
        needs_case=True,
    )
    way = Way(told, customer=customer, case=None, owner=lead)
    if ends:
        way.withdrawn("Filed twice.", by=lead, at=at(1))
    write([way], at=at(2))
    assert RetentionCase.objects.filter(customer=customer).exists() is not ends
    assert LoopClosure.objects.get(pk=way.loop.pk).case_id == way.loop.case_id
