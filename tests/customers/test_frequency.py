"""How often somebody wants to be contacted at most: what it lets through, who changes it, and its end."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from customers import consents, contacts, merges
from customers import contact as contacting
from customers.contact.budget import Limit, Quiet
from customers.contact.frequency import FrequencyRefused
from customers.erasure import erase_person, export_person
from customers.ground import clock, drain
from customers.ground.models import AuditEvent, SealedValue
from customers.models import Contact, ContactReservation
from customers.objections import Erased
from tests.api.conftest import Caller
from tests.customers.test_contact import DAY, GRANTED, agreeing, ask, told
from tests.factories import NOW, CustomerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(company):
    contacting.set_limits({}, quiet=Quiet(0, 0), by=None, at=NOW)
    return agreeing()


def wish(contact, days, *, by=None, at=NOW):
    return contacting.set_frequency(contact, days=days, by=by, at=at)


def often(contact):
    return Contact.objects.values_list("at_most_once_in_days", flat=True).get(pk=contact.pk)


# --- What it lets through ------------------------------------------------------------------------
@pytest.mark.parametrize("days", [30, 90])
def test_she_is_contacted_once_in_so_many_days_over_all_classes(contact, days):
    wish(contact, days)
    assert told(ask(contact, "care")) == GRANTED
    over = ask(contact, "offer", key="over", at=NOW + (days - 1) * DAY)
    assert told(over)[:2] == ("deferred", "limit_reached")
    assert over.due_at.date() == (NOW + (days - 1) * DAY).date()  # midnight in Shanghai
    assert NOW + (days - 1) * DAY < over.due_at <= NOW + days * DAY
    assert told(ask(contact, "event_survey", key="next", at=NOW + days * DAY)) == GRANTED


@pytest.mark.parametrize(
    ("days", "first", "free"),
    [
        (30, "relationship_survey", 90),
        (90, "offer", 90),
        (30, "offer", 30),
        (None, "relationship_survey", 90),
    ],
)
def test_the_stricter_of_her_limit_and_the_companys_counts(contact, days, first, free):
    contacting.set_limits({"offer": Limit(1, 10)}, by=None, at=NOW)
    wish(contact, days)
    assert told(ask(contact, first)) == GRANTED
    assert told(ask(contact, first, key="before", at=NOW + (free - 1) * DAY))[1] == "limit_reached"
    assert told(ask(contact, first, key="then", at=NOW + free * DAY)) == GRANTED


def test_what_she_needs_anyway_is_not_limited_and_counts_nothing(contact):
    wish(contact, 90)
    assert {told(ask(contact, "service", key=f"s{n}")) for n in range(3)} == {GRANTED}
    assert told(ask(contact, "offer")) == GRANTED
    assert told(ask(contact, "service", key="after")) == GRANTED


def test_a_reminder_counts_and_waits_as_in_the_limit_over_all_classes(contact):
    first = ask(contact, "event_survey")
    wish(contact, 30)
    again = ask(contact, "event_survey", key="again", follows=first, at=NOW + 4 * DAY)
    assert told(again)[:2] == ("deferred", "limit_reached")


def test_the_limit_is_hers_alone_and_no_limits_of_the_company_leave_it(contact):
    off = dict.fromkeys(("offer", "care", "together"), Limit(None, 1))
    contacting.set_limits(off, by=None, at=NOW)
    other = agreeing(customer=contact.customer, is_main=False)
    wish(contact, 30)
    asked = [ask(one, key=f"{one.pk}:{n}").state for one in (contact, other) for n in range(2)]
    assert asked == ["granted", "deferred", "granted", "granted"]


def test_what_she_says_counts_for_whoever_read_her_record_before(contact):
    old = Contact.objects.get(pk=contact.pk)
    wish(contact, 30)
    assert ask(old).state == "granted"
    assert ask(old, key="k2").state == "deferred"


# --- What waits ----------------------------------------------------------------------------------
@pytest.mark.parametrize(("now", "state"), [(None, "granted"), (30, "granted"), (90, "deferred")])
def test_what_waits_is_decided_anew_when_she_allows_more(contact, now, state):
    wish(contact, 90)
    ask(contact, "care")
    later = NOW + 40 * DAY
    row = ask(contact, "offer", key="waits", at=later)
    assert row.state == "deferred"
    wish(contact, now, at=later)
    drain.until_empty(at=later)
    row.refresh_from_db()
    assert row.state == state


def test_what_waits_for_quiet_hours_and_what_waits_of_others_stays(contact):
    other = agreeing()
    wish(contact, 90)
    contacting.set_limits({"offer": Limit(1, 30)}, quiet=Quiet(9 * 60, 11 * 60), by=None, at=NOW)
    quiet = ask(contact, "care")
    ask(other, key="o", at=NOW + timedelta(hours=3))
    waits = ask(other, key="p", at=NOW + timedelta(hours=3))
    before = [row.due_at for row in (quiet, waits)]
    assert [row.reason for row in (quiet, waits)] == ["quiet_hours", "limit_reached"]
    wish(contact, None)
    for row in (quiet, waits):
        row.refresh_from_db()
    assert [row.due_at for row in (quiet, waits)] == before


def test_one_who_allows_less_waits_longer_when_it_is_decided_anew(contact):
    contacting.set_limits({"offer": Limit(1, 30)}, by=None, at=NOW)
    ask(contact)
    row = ask(contact, key="waits")
    wish(contact, 90)
    drain.until_empty(at=NOW + 30 * DAY)
    row.refresh_from_db()
    assert (row.state, row.tries) == ("deferred", 2)
    drain.until_empty(at=NOW + 90 * DAY)
    row.refresh_from_db()
    assert row.state == "granted"


# --- Saying it -----------------------------------------------------------------------------------
def test_it_is_audited_without_words_and_once(contact, manager):
    wish(contact, 30, by=manager)
    wish(contact, 30, by=manager)
    event = AuditEvent.objects.get(act="contact.set_frequency")
    assert (event.codes, event.actor_id, event.customer_id) == (
        {"fields": ["at_most_once_in_days"]},
        manager.pk,
        contact.customer_id,
    )
    assert SealedValue.objects.filter(holder=f"contact:{contact.pk}").count() == 1


@pytest.mark.parametrize("wrong", [0, 1, 29, 31, 60, -30])
def test_nothing_else_can_be_chosen(contact, manager, wrong):
    with pytest.raises(FrequencyRefused, match="30 days"):
        wish(contact, wrong)
    with pytest.raises(FrequencyRefused):
        contacts.change_contact(contact, at_most_once_in_days=wrong, by=manager, at=NOW)
    with pytest.raises(FrequencyRefused):
        contacts.create_contact(contact.customer, name="Li", at_most_once_in_days=wrong, by=manager, at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Contact.objects.filter(pk=contact.pk).update(at_most_once_in_days=wrong)
    assert often(contact) is None


def test_who_read_the_record_before_does_not_overwrite_it(contact, manager):
    old = Contact.objects.get(pk=contact.pk)
    wish(contact, 90)
    with pytest.raises(contacts.changing.ChangedMeanwhile):
        contacts.change_contact(old, phone="2", at_most_once_in_days=None, by=manager, at=NOW)
    assert wish(old, 30).at_most_once_in_days == 30  # her own word needs no version


def test_the_api_shows_and_changes_it_and_what_waits_goes_on(contact, admin):
    clock.fix(NOW)
    call = Caller(admin)
    wish(contact, 90)
    ask(contact)
    row = ask(contact, key="waits")
    address = f"contacts/{contact.pk}/"
    assert call.get(address).json()["at_most_once_in_days"] == 90

    def patch(days):
        sent = {"at_most_once_in_days": days}
        return call("patch", address, sent, If_Match=call.get(address)["ETag"])

    refused = patch(31)
    assert (refused.status_code, "at_most_once_in_days" in refused.content.decode()) == (400, True)
    changed = patch(None)
    assert (changed.status_code, changed.json()["at_most_once_in_days"]) == (200, None)
    row.refresh_from_db()
    assert NOW <= row.due_at < NOW + timedelta(minutes=1)
    made = call(
        "post", "contacts/", {"customer": contact.customer_id, "name": "Li", "at_most_once_in_days": 30}
    )
    assert made.json()["at_most_once_in_days"] == 30


# --- Merged, exported, erased ----------------------------------------------------------------------
def test_it_goes_with_her_through_a_merge_and_back(contact, admin):
    survivor = CustomerFactory()
    wish(contact, 90)
    customer = contact.customer
    customer.refresh_from_db()
    merge = merges.merge_customers(survivor, customer, reason="one", by=admin, at=NOW)
    contact = Contact.objects.get(pk=contact.pk)
    assert (contact.customer_id, contact.at_most_once_in_days) == (survivor.pk, 90)
    assert [ask(contact, key=key).state for key in "ab"] == ["granted", "deferred"]
    merges.undo_merge(merge, by=admin, at=NOW + DAY)
    contact.refresh_from_db()
    assert (contact.customer_id, contact.at_most_once_in_days) == (customer.pk, 90)
    assert ask(contact, key="c", at=NOW + 30 * DAY).state == "deferred"


def test_it_stands_in_what_is_handed_to_her_and_goes_when_she_is_erased(contact, admin):
    wish(contact, 90)
    wish(contact, 30)
    told_her = export_person(contact, by=admin, at=NOW)
    assert told_her["tables"]["customers.Contact"][0]["at_most_once_in_days"] == 30
    assert any(
        row["values"].get("after") == {"at_most_once_in_days": 90} for row in told_her["earlier_values"]
    )
    erase_person(contact, reason="request", by=admin, at=NOW)
    assert often(contact) is None
    assert not SealedValue.objects.filter(holder=f"contact:{contact.pk}").exists()
    with pytest.raises(Erased):
        wish(contact, 90)


# --- By chance -------------------------------------------------------------------------------------
def test_whatever_she_chooses_no_two_contacts_are_nearer_than_that(contact):
    """Random asks over a year, her wish fixed: the gap of what is granted is never below it."""
    chance = random.Random(11)
    wish(contact, 30)
    for n in range(60):
        at = NOW + timedelta(days=chance.randrange(0, 6) + n * 6)
        ask(contact, chance.choice(["offer", "care", "event_survey"]), key=f"k{n}", at=at)
    days = sorted(
        ContactReservation.objects.filter(contact=contact, state="granted").values_list(
            "granted_day", flat=True
        )
    )
    assert len(days) > 5
    assert all(after - before >= 30 for before, after in pairwise(days))


def test_one_more_limit_asks_no_more_questions(contact, django_assert_num_queries):
    with CaptureQueriesContext(connection) as before:
        ask(contact, key="a")
    other = agreeing()
    wish(other, 30)
    with django_assert_num_queries(len(before)):
        ask(other, key="b")


def test_consent_still_comes_first(contact):
    wish(contact, 30)
    said = {"source": "link", "by": None, "at": NOW}
    consents.record_consent(contact, purposes=["offer"], channels=["email"], is_given=False, **said)
    assert told(ask(contact))[:2] == ("closed", "no_consent")
