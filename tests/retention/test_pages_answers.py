"""The surveys of a customer: what was asked and answered, and a link to copy."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers import consents
from customers.ground import clock, drain, events
from customers.models import Contact, Customer, Message
from customers.search import index
from surveys import answering, invitations, sending
from surveys.definition import Given
from surveys.models import Invitation, Survey, SurveyDispatch
from surveys.stating import Stated
from tests.factories import NOW, CustomerFactory
from tests.surveys.makers import draft, live

pytestmark = pytest.mark.django_db


def page(customer: Customer, name: str = "customer_surveys", *more: int) -> str:
    return reverse(f"retention:{name}", args=[customer.pk, *more])


@pytest.fixture(autouse=True)
def _now(db: Any) -> None:
    clock.fix(NOW)


def test_link_is_made_shown_once_and_answers(client, manager, customer, settings):
    survey, contact = live(), customer.contacts.get()
    client.force_login(manager)
    form = {"survey": survey.pk, "contact": contact.pk}
    html = client.post(page(customer, "customer_surveys_link"), form).content.decode()
    (address,) = re.findall(r'value="(http[^"]+/s/[^"]+)"', html)
    assert address.startswith(settings.PUBLIC_BASE_URL)
    assert address not in client.get(page(customer)).content.decode()
    assert Client().get(address.removeprefix(settings.PUBLIC_BASE_URL)).status_code == 200
    invitation = Invitation.objects.get()
    assert (invitation.contact, invitation.by) == (contact, manager)
    assert "not answered yet" in client.get(page(customer)).content.decode()
    client.post(page(customer, "customer_surveys_revoke", invitation.pk))
    assert Client().get(address.removeprefix(settings.PUBLIC_BASE_URL)).status_code == 404


def test_answers_are_shown_in_the_customers_words(client, manager, customer):
    now = clock.real_now()
    invitation, _token = invitations.invite(live(), customer.contacts.get(), by=manager, now=now, at=NOW)
    evil = "<script>alert(1)</script>"
    answers = {"nps": Given(number=3, text=evil), "call": Given(chosen=("20260511T0530Z",))}
    answering.submit(invitation, answers=answers, by=None, now=now, at=NOW)
    client.force_login(manager)
    html = client.get(page(customer)).content.decode()
    assert ("NPS 3" in html, "asked to be called" in html, evil in html) == (True, True, False)
    assert "&lt;script&gt;" in html


def test_contact_of_another_and_survey_that_is_not_live_are_refused(client, manager, customer):
    other, survey, unpublished = CustomerFactory().contacts.get(), live(), draft("draft")
    client.force_login(manager)
    for form in (
        {"survey": survey.pk, "contact": other.pk},
        {"survey": unpublished.pk, "contact": customer.contacts.get().pk},
    ):
        assert client.post(page(customer, "customer_surveys_link"), form).status_code == 422
    assert not Invitation.objects.exists()


def test_customer_of_another_is_not_found(client, outsider, customer):
    now = clock.real_now()
    invitation, _token = invitations.invite(live(), customer.contacts.get(), by=None, now=now, at=NOW)
    client.force_login(outsider)
    assert client.get(page(customer)).status_code == 404
    assert client.post(page(customer, "customer_surveys_link"), {}).status_code == 404
    assert client.post(page(customer, "customer_surveys_revoke", invitation.pk)).status_code == 404
    mine = CustomerFactory(owner=outsider)
    assert client.post(page(mine, "customer_surveys_revoke", invitation.pk)).status_code == 404
    invitation.refresh_from_db()
    assert invitation.revoked_at is None


def test_page_costs_the_same_with_more_answers(client, manager, customer, django_assert_max_num_queries):
    survey, contact = live(), customer.contacts.get()
    client.force_login(manager)
    for _round in range(2):
        for _number in range(3):
            now = clock.real_now()
            invitation, _token = invitations.invite(survey, contact, by=manager, now=now, at=NOW)
            answers = {"nps": Given(number=9, text="good")}
            answering.submit(invitation, answers=answers, by=None, now=now, at=NOW)
            dispatch = sending.send_invitation(
                contact, survey, channel="email", key=f"k{_round}{_number}", by=manager, now=now, at=NOW
            )
            assert dispatch.state != "sent"
        with django_assert_max_num_queries(26):
            client.get(page(customer))


# --- By a message -----------------------------------------------------------------------------
def agreed(customer: Customer) -> Contact:
    contact = customer.contacts.get()
    said: dict[str, Any] = {"purposes": ["survey"], "channels": ["email"], "is_given": True, "source": "form"}
    consents.record_consent(contact, **said, by=None, at=NOW - timedelta(days=1))
    return contact


def sent(survey: Survey, contact: Contact, channel: str = "email") -> dict[str, Any]:
    return {"send-survey": survey.pk, "send-contact": contact.pk, "send-channel": channel}


def press(client: Client, customer: Customer, form: dict[str, Any]) -> str:
    """Press *Send the invitation*; return the page that follows."""
    answer = client.post(page(customer, "customer_surveys_send"), form)
    assert (answer.status_code, answer["Location"]) == (302, page(customer))
    return client.get(page(customer)).content.decode()


def test_person_is_asked_by_mail_once_a_day_and_the_page_says_so(client, manager, customer):
    survey, contact = live(), agreed(customer)
    client.force_login(manager)
    for _twice in range(2):
        html = press(client, customer, sent(survey, contact))
        assert f"{contact.name} is asked by e-mail: it is being sent." in unescape(html)
    dispatch = SurveyDispatch.objects.get()
    assert (dispatch.by, dispatch.invitation) == (manager, Invitation.objects.get())
    assert dispatch.reservation.latest_at == dispatch.asked_at + sending.BY_HAND_WITHIN
    said: dict[str, Any] = {"channel": "email", "by": manager, "now": clock.real_now()}
    sending.send_by_hand(contact, survey, at=NOW + timedelta(days=1), **said)
    html = client.get(page(customer)).content.decode()
    assert "contacted often enough" in html and SurveyDispatch.objects.count() == 2


def test_who_did_not_agree_is_not_asked_and_the_page_says_why(client, manager, customer):
    survey, contact = live(), customer.contacts.get()
    client.force_login(manager)
    html = press(client, customer, sent(survey, contact, "sms"))
    assert "Not sent: not agreed to." in html
    assert "Waits, or was not sent" in html
    assert not Invitation.objects.exists()


def test_what_waits_says_until_when_on_the_customers_clock_and_is_taken_back(client, manager, customer):
    survey, contact = live(), agreed(customer)
    Customer.objects.filter(pk=customer.pk).update(time_zone="America/New_York")  # 22:00 there
    client.force_login(manager)
    html = press(client, customer, sent(survey, contact))
    assert "Not sent yet: it waits until Monday, May 11, 08:00 (quiet hours)." in html
    dispatch = SurveyDispatch.objects.get()
    back = page(customer, "customer_surveys_take_back", dispatch.pk)
    assert back in html
    client.post(back)
    dispatch.refresh_from_db()
    assert (dispatch.state, dispatch.reason) == ("closed", "taken_back")
    html = client.get(page(customer)).content.decode()
    assert "It is not sent." in html and back not in html
    assert "decided already" in client.post(back, follow=True).content.decode()


@pytest.mark.parametrize(
    ("state", "reason", "shown"),
    [
        ("delivered", "", "delivered"),
        ("unknown", "no_answer", "unknown whether sent"),
        ("bounced", "dead_address", "did not arrive"),
        ("waiting", "busy", "the provider asked to try later"),
    ],
)
def test_status_of_the_message_is_shown_beside_the_invitation(
    client, manager, customer, state, reason, shown
):
    contact, now = agreed(customer), clock.real_now()
    dispatch = sending.send_invitation(contact, live(), channel="email", key="k", by=None, now=now, at=NOW)
    ended = None if state == "waiting" else NOW
    Message.objects.filter(reservation=dispatch.reservation).update(
        state=state, reason=reason, ended_at=ended
    )
    if ended:
        message = Message.objects.get()
        said: dict[str, Any] = {"customer_id": customer.pk, "subject": message, "occurred_at": NOW}
        events.record("message.ended", **said, data={})
        drain.until_empty(at=NOW)
    client.force_login(manager)
    assert shown in client.get(page(customer)).content.decode()


def test_answer_of_an_open_link_where_she_said_who_she_is_stands_there(client, manager, customer):
    index.write([customer.pk])
    contact, now = customer.contacts.get(), clock.real_now()
    link = invitations.make_open_link(live(), label="Till", asks="required", by=None, now=now, at=NOW)
    begun = invitations.begin(link, invitations.ticket(link), language="en", now=now)
    assert begun is not None
    stated = Stated("Somebody", contact.email)
    given = {"nps": Given(number=2)}
    answering.submit(begun[0], answers=given, stated=stated, by=None, now=now, at=NOW)
    client.force_login(manager)
    html = client.get(page(customer)).content.decode()
    assert "NPS 2" in html and "open link, as she said of herself" in html and contact.name in html


def test_form_that_is_wrong_is_refused_and_nothing_sent(client, manager, customer):
    survey, unpublished, contact = live(), draft("draft"), agreed(customer)
    other = CustomerFactory().contacts.get()
    client.force_login(manager)
    for form in (sent(survey, other), sent(unpublished, contact), sent(survey, contact, "phone"), {}):
        assert client.post(page(customer, "customer_surveys_send"), form).status_code == 422
    assert not SurveyDispatch.objects.exists()


def test_only_who_works_with_the_customer_sends(client, manager, analyst, outsider, customer):
    survey, contact = live(), agreed(customer)
    dispatch = sending.send_invitation(
        contact, survey, channel="email", key="k", by=None, now=clock.real_now(), at=NOW + timedelta(hours=12)
    )
    for user, status in ((analyst, 403), (outsider, 404)):
        client.force_login(user)
        assert (
            client.post(page(customer, "customer_surveys_send"), sent(survey, contact)).status_code == status
        )
        back = page(customer, "customer_surveys_take_back", dispatch.pk)
        assert client.post(back).status_code == status
    mine = CustomerFactory(owner=outsider)
    assert client.post(page(mine, "customer_surveys_take_back", dispatch.pk)).status_code == 404
    client.force_login(analyst)
    assert "Send the invitation" not in client.get(page(customer)).content.decode()
    dispatch.refresh_from_db()
    assert (dispatch.state, SurveyDispatch.objects.count()) == ("waiting", 1)


def test_unsent_ones_are_paged_by_themselves(client, manager, customer):
    survey, contact = live(), customer.contacts.get()
    for number in range(23):
        now = clock.real_now()
        sending.send_invitation(contact, survey, channel="sms", key=f"k{number}", by=None, now=now, at=NOW)
    client.force_login(manager)
    assert client.get(page(customer)).content.decode().count("not agreed to") == 20
    html = client.get(page(customer), {"unsent": "2"}).content.decode()
    assert html.count("not agreed to") == 3 and "unsent=1" in html
