"""Invitations by message: granted, deferred, closed; once; what follows from how the message ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers import consents, merges
from customers import contact as contacting
from customers.channels import writing
from customers.channels.unsubscribing import withdraw
from customers.contact import Limit, Quiet
from customers.erasure import erase_person
from customers.ground import clock, drain, outbox
from customers.ground.models import AuditEvent, OutboxRow
from customers.models import Contact, ContactReservation, Customer, Message
from surveys import answering, building, invitations, sending
from surveys.definition import Given
from surveys.models import Invitation, Survey, SurveyAsked, SurveyDispatch
from tests.customers.test_contact import agreeing
from tests.factories import NOW, CustomerFactory, UserFactory
from tests.surveys.documents import nps, question
from tests.surveys.makers import WHO, draft, live

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NIGHT = NOW + 12 * HOUR  # 22:00 in Shanghai
MORNING = NOW + 22 * HOUR  # 08:00 of the next day: quiet hours end
EVERY_DAY = Limit(None, 1)


@pytest.fixture(autouse=True)
def _now(db: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def contact(company: Any) -> Contact:
    return agreeing(email="wang@example.org", phone="+86 139 1234 5678", name="Wang Wei")


def send(contact: Contact, survey: Survey | None = None, *, at: Any = NOW, **more: Any) -> SurveyDispatch:
    said: dict[str, Any] = {
        "channel": "email",
        "key": "1:case:12",
        "by": None,
        "now": clock.real_now(),
    } | more
    return sending.send_invitation(contact, survey or survey_(), at=at, **said)


def survey_() -> Survey:
    return Survey.objects.filter(code="nps").first() or live()


def told(dispatch: SurveyDispatch) -> tuple[str, str]:
    dispatch.refresh_from_db()
    return (dispatch.state, dispatch.reason)


def end(
    dispatch: SurveyDispatch, state: str, reason: str = "", *, at: Any = NOW, reminder: bool = False
) -> None:
    """Have the message of a dispatch end as the worker or a receipt would."""
    reservation = dispatch.reminder if reminder else dispatch.reservation
    message = Message.objects.get(reservation=reservation)
    from customers.channels import sending as worker

    worker._end(message, state, reason=reason, at=at)
    drain.until_empty(at=at)


def wrote() -> list[str]:
    """Return the subjects of all messages."""
    return list(Message.objects.order_by("id").values_list("subject", flat=True))


# --- Asking -----------------------------------------------------------------------------------
def test_granted_contact_gets_invitation_and_message_of_her_language(contact):
    Contact.objects.filter(pk=contact.pk).update(language="zh-hans")
    contact.refresh_from_db()
    dispatch = send(contact, occasion=contact.customer)
    message, invitation = Message.objects.get(), Invitation.objects.get()
    assert told(dispatch) == ("sending", "")
    assert (message.reservation_id, message.purpose) == (dispatch.reservation_id, "relationship_survey")
    assert (invitation, invitation.contact, invitation.language) == (dispatch.invitation, contact, "zh-hans")
    assert (invitation.occasion_type, invitation.occasion_id) == ("customers.customer", contact.customer_id)
    assert "您有多大可能推荐我们？" in message.text and "How likely" not in message.text + message.html
    acts = ["contact.reserve", "survey.invite", "message.write"]
    assert list(AuditEvent.objects.filter(act__in=acts).order_by("id").values_list("act", flat=True)) == acts


@pytest.mark.parametrize(
    ("occasion", "purpose"),
    [
        *[(one, "event_survey") for one in ("complaint", "call", "exit", "onboarding", "other")],
        ("relationship", "relationship_survey"),
    ],
)
def test_occasion_of_the_survey_says_the_class_of_contact(contact, occasion, purpose):
    assert send(contact, live("one", occasion=occasion)).reservation.purpose == purpose


def test_same_key_is_one_ask_whoever_asks(contact):
    first, other = send(contact), agreeing(email="li@example.org")
    assert send(other) == send(contact, at=NOW + DAY) == first
    assert (SurveyDispatch.objects.count(), Message.objects.count(), Invitation.objects.count()) == (1, 1, 1)
    assert send(other, key="1:case:13") != first


def test_draft_and_closed_surveys_and_other_channels_ask_nobody(contact):
    with pytest.raises(building.SurveyNotLive):
        send(contact, draft("d"))
    survey = live()
    with pytest.raises(writing.NotSendable):
        send(contact, survey, channel="phone")
    for wrong in ({"key": ""}, {"key": "x" * 101}, {"remind_after": 0}, {"remind_after": 29}):
        with pytest.raises(ValueError, match=r"key|reminded"):
            send(contact, survey, **wrong)
    building.close_survey(survey, **WHO)
    with pytest.raises(building.SurveyNotLive):
        send(contact, survey)
    assert not SurveyDispatch.objects.exists() and not ContactReservation.objects.exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"email": ""}, "no_address"),
        ({"left_on": "2026-05-01"}, "gone"),
    ],
)
def test_who_cannot_be_reached_is_closed_with_the_reason(contact, change, reason):
    Contact.objects.filter(pk=contact.pk).update(**change)
    contact.refresh_from_db()
    dispatch = send(contact)
    assert told(dispatch) == ("closed", reason)
    assert (dispatch.ended_at, dispatch.invitation) == (NOW, None)
    assert not Message.objects.exists() and not Invitation.objects.exists()


def test_who_did_not_agree_is_not_asked(company):
    assert told(send(agreeing_to("offer"))) == ("closed", "no_consent")


def agreeing_to(purpose: str) -> Contact:
    from tests.factories import ContactFactory

    contact = ContactFactory(email="no@example.org")
    consents.record_consent(
        contact, purposes=[purpose], channels=["email"], is_given=True, source="form", by=None, at=NOW - DAY
    )
    return contact


# --- Waiting ----------------------------------------------------------------------------------
def test_quiet_hours_defer_and_the_invitation_is_made_when_they_end(contact):
    dispatch = send(contact, at=NIGHT)
    assert told(dispatch) == ("waiting", "")
    assert (dispatch.reservation.reason, dispatch.reservation.due_at) == ("quiet_hours", MORNING)
    assert not Invitation.objects.exists() and not Message.objects.exists()
    drain.until_empty(at=MORNING - timedelta(seconds=1))
    assert told(dispatch) == ("waiting", "")
    drain.until_empty(at=MORNING)
    assert Invitation.objects.get() == SurveyDispatch.objects.get().invitation
    assert Message.objects.count() == 1


def test_newest_version_is_asked_when_the_survey_was_edited_meanwhile(contact):
    survey = live()
    send(contact, survey, at=NIGHT)
    changed = nps()
    question(changed, "nps")["text"]["en"] = "Would you come again?"
    building.save_draft(survey, document=changed, revision=survey.revision, **WHO)
    building.publish(survey, **WHO)
    drain.until_empty(at=MORNING)
    assert Invitation.objects.get().version.number == 2
    assert "Would you come again?" in Message.objects.get().text


def test_waiting_ones_close_with_their_survey_and_others_stay(contact, monkeypatch):
    monkeypatch.setattr(sending, "AT_ONCE", 2)
    survey = live()
    people = [agreeing(email=f"p{n}@example.org") for n in range(5)]
    theirs = [send(one, survey, key=f"1:{one.pk}", at=NIGHT) for one in people]
    other = send(contact, live("other"), key="2:1", at=NIGHT)
    building.close_survey(survey, by=None, at=NIGHT)
    drain.until_empty(at=NIGHT)
    assert {told(one) for one in theirs} == {("closed", "survey_closed")}
    assert told(other) == ("waiting", "")
    drain.until_empty(at=MORNING)
    assert list(Message.objects.values_list("contact", flat=True)) == [contact.pk]


def test_closed_survey_is_seen_also_when_the_contact_is_granted_first(contact):
    survey = live()
    dispatch = send(contact, survey, at=NIGHT)
    contacting.consider_due(MORNING)  # granted; whoever goes on from there comes later
    building.close_survey(survey, by=None, at=MORNING)
    drain.until_empty(at=MORNING)
    assert told(dispatch) == ("closed", "survey_closed")
    assert not Message.objects.exists() and not Invitation.objects.exists()


def test_consent_taken_back_while_it_waits_closes_it(contact):
    dispatch = send(contact, at=NIGHT)
    withdraw(contact, channel="email", source="link", at=NIGHT + HOUR)
    drain.until_empty(at=MORNING)
    assert told(dispatch) == ("closed", "no_consent")
    assert not Message.objects.exists()


def test_past_the_latest_useful_moment_it_is_too_late(contact):
    dispatch = send(contact, at=NIGHT, latest_at=NIGHT + HOUR)
    drain.until_empty(at=MORNING)
    assert told(dispatch) == ("closed", "too_late")
    assert (Message.objects.count(), Invitation.objects.count()) == (0, 0)


def test_person_erased_while_it_waits_is_not_asked(contact):
    dispatch = send(contact, at=NIGHT)
    erase_person(contact, reason="request", by=None, at=NIGHT + HOUR)
    drain.until_empty(at=MORNING)
    assert told(dispatch) == ("closed", "gone")


def test_person_erased_between_grant_and_writing_is_not_asked(contact):
    dispatch = send(contact, at=NIGHT)
    contacting.consider_due(MORNING)
    erase_person(contact, reason="request", by=None, at=MORNING)
    drain.until_empty(at=MORNING)
    assert told(dispatch) == ("closed", "gone")
    assert "Wang" not in repr(list(Message.objects.values()))


def test_taking_back_what_waits_and_nothing_else(contact, manager):
    dispatch = send(contact, at=NIGHT)
    sending.take_back(dispatch, by=manager, at=NIGHT + HOUR)
    assert told(dispatch) == ("closed", "taken_back")
    with pytest.raises(contacting.ReservationEnded):
        sending.take_back(dispatch, by=manager, at=NIGHT + HOUR)
    sent = send(contact, key="1:case:13")
    with pytest.raises(contacting.ReservationEnded):
        sending.take_back(sent, by=manager, at=NOW)
    assert told(sent) == ("sending", "")


def test_reservation_taken_back_elsewhere_closes_the_ask(contact, manager):
    dispatch = send(contact, at=NIGHT)
    contacting.take_back(dispatch.reservation, by=manager, at=NIGHT)
    drain.until_empty(at=NIGHT)
    assert told(dispatch) == ("closed", "taken_back")


def test_second_survey_waits_until_the_limit_leaves_room(contact):
    send(contact, live("a"), key="a")
    second = send(contact, live("b"), key="b", at=NOW + DAY)
    assert told(second) == ("waiting", "")
    assert second.reservation.reason == "limit_reached"


def test_merged_customer_takes_what_waits_along(contact, admin):
    dispatch = send(contact, at=NIGHT)
    survivor = CustomerFactory()
    merges.merge_customers(survivor, contact.customer, values={}, reason="same", by=admin, at=NIGHT)
    drain.until_empty(at=MORNING)
    assert told(dispatch) == ("sending", "")
    assert dispatch.customer_id == Invitation.objects.get().customer_id == survivor.pk


# --- How the message ended --------------------------------------------------------------------
@pytest.mark.parametrize(
    ("ended", "reason", "expected"),
    [
        ("sent", "", ("sent", "")),
        ("unknown", "no_answer", ("sent", "")),
        ("failed", "refused", ("closed", "refused")),
        ("failed", "given_up", ("closed", "given_up")),
        ("bounced", "dead_address", ("closed", "dead_address")),
        ("dropped", "too_late", ("closed", "too_late")),
        ("dropped", "no_consent", ("closed", "no_consent")),
        ("dropped", "no_address", ("closed", "no_address")),
        ("dropped", "gone", ("closed", "gone")),
        ("dropped", "taken_back", ("closed", "taken_back")),
    ],
)
def test_end_of_the_message_is_that_of_the_ask(contact, ended, reason, expected):
    dispatch = send(contact)
    end(dispatch, ended, reason)
    assert told(dispatch) == expected
    is_open = Invitation.objects.get().revoked_at is None
    assert is_open is (expected[0] == "sent")  # a link that reached nobody opens nothing
    assert SurveyAsked.objects.get().void is not is_open  # nor is anybody silent who was not reached
    assert OutboxRow.objects.filter(handler=sending.REMIND).exists() is is_open


@pytest.mark.parametrize(("ended", "counts"), [("sent", 1), ("bounced", 0), ("dropped", 0)])
def test_who_was_not_reached_does_not_count_as_asked(contact, ended, counts):
    dispatch = send(contact)
    end(dispatch, "sent")
    assert SurveyAsked.objects.filter(void=False, invitation=dispatch.invitation).count() == 1
    if ended != "sent":
        end(dispatch, ended, "dead_address" if ended == "bounced" else "too_late")
    assert SurveyAsked.objects.filter(void=False, customer=contact.customer).count() == counts
    assert SurveyAsked.objects.count() == 1  # before that it stays known


def test_contact_read_before_a_merge_is_asked_as_the_survivors(contact, admin):
    survivor = CustomerFactory()
    merges.merge_customers(survivor, contact.customer, values={}, reason="same", by=admin, at=NOW)
    dispatch = send(contact)  # as it was read before
    by_hand, _token = invitations.invite(survey_(), contact, by=None, now=clock.real_now(), at=NOW)
    held = ContactReservation.objects.get(pk=dispatch.reservation_id)
    assert {dispatch.customer_id, held.customer_id, by_hand.customer_id} == {survivor.pk}


def test_bounce_after_it_was_sent_closes_it_but_not_once_answered(contact):
    dispatch, other = send(contact), send(agreeing(email="b@example.org"), key="1:b")
    for one in (dispatch, other):
        end(one, "sent")
    answer(other)
    for one in (dispatch, other):
        end(one, "bounced", "dead_address")
    assert (told(dispatch), told(other)) == (("closed", "dead_address"), ("sent", ""))
    silent = SurveyAsked.objects.get(invitation=dispatch.invitation)
    assert silent.void and not SurveyAsked.objects.get(invitation=other.invitation).void
    drain.until_empty(at=NOW + 5 * DAY)
    assert SurveyDispatch.objects.filter(reminder__isnull=False).count() == 0


def test_end_of_foreign_messages_and_of_the_reminder_changes_nothing(contact):
    contacting.set_limits({"offer": EVERY_DAY}, by=None, at=NOW)
    row = contacting.reserve_contact(contact, purpose="offer", channel="email", key="o", by=None, at=NOW)
    writing.send_message(row, subject="Spring", text="Offer", by=None, at=NOW)
    dispatch = send(contact)
    end(dispatch, "sent")
    drain.until_empty(at=NOW + 4 * DAY)
    dispatch.refresh_from_db()
    end(dispatch, "bounced", "dead_address", at=NOW + 4 * DAY, reminder=True)
    assert told(dispatch) == ("sent", "")
    assert Invitation.objects.get().revoked_at is None


# --- The reminder -----------------------------------------------------------------------------
def answer(dispatch: SurveyDispatch) -> None:
    dispatch.refresh_from_db()
    given = {"nps": Given(number=9)}
    answering.submit(
        dispatch.invitation,  # type: ignore[arg-type]
        answers=given,
        by=None,
        now=clock.real_now(),
        at=NOW,
    )


def test_one_reminder_with_the_same_link_days_after_it_was_sent(contact):
    dispatch = send(contact)
    end(dispatch, "sent", at=NOW + DAY)
    drain.until_empty(at=NOW + 5 * DAY - timedelta(seconds=1))
    assert len(wrote()) == 1
    for _again in range(2):
        drain.until_empty(at=NOW + 5 * DAY)
    assert wrote() == ["Two questions, 30 seconds – Liuke Test Co.", "A reminder: Two questions, 30 seconds"]
    first, second = Message.objects.order_by("id")
    assert sending.address_in(first) == sending.address_in(second) != ""
    dispatch.refresh_from_db()
    assert second.reservation == dispatch.reminder
    assert dispatch.reminder.follows == dispatch.reservation  # type: ignore[union-attr]
    drain.until_empty(at=NOW + 20 * DAY)
    assert len(wrote()) == 2


def test_days_until_the_reminder_are_said_or_there_is_none(contact):
    soon = send(contact, remind_after=1)
    never = send(agreeing(email="b@example.org"), key="1:b", remind_after=None)
    for one in (soon, never):
        end(one, "sent")
    drain.until_empty(at=NOW + DAY)
    assert len(wrote()) == 3
    drain.until_empty(at=NOW + 28 * DAY)
    assert len(wrote()) == 3


def spoil_answered(dispatch: SurveyDispatch) -> None:
    answer(dispatch)


def spoil_revoked(dispatch: SurveyDispatch) -> None:
    invitations.revoke(dispatch.invitation, by=None, now=clock.real_now(), at=NOW)  # type: ignore[arg-type]


def spoil_closed(dispatch: SurveyDispatch) -> None:
    building.close_survey(dispatch.survey, **WHO)


def spoil_expiring(dispatch: SurveyDispatch) -> None:
    soon = clock.real_now() + DAY - timedelta(minutes=1)
    Invitation.objects.update(expires_at=soon, made_at=soon - 30 * DAY)


@pytest.mark.parametrize("spoil", [spoil_answered, spoil_revoked, spoil_closed, spoil_expiring])
def test_nobody_is_reminded_of_what_needs_no_answer(contact, spoil):
    dispatch = send(contact)
    end(dispatch, "sent")
    dispatch.refresh_from_db()
    spoil(dispatch)
    drain.until_empty(at=NOW + 4 * DAY)
    assert len(wrote()) == 1
    assert SurveyDispatch.objects.get().reminder is None


def test_who_began_is_reminded_too(contact):
    dispatch = send(contact)
    end(dispatch, "sent")
    dispatch.refresh_from_db()
    answering.keep(dispatch.invitation, answers={"nps": Given(number=3)}, page=0, now=clock.real_now())  # type: ignore[arg-type]
    drain.until_empty(at=NOW + 4 * DAY)
    assert len(wrote()) == 2


def test_consent_taken_back_stops_the_reminder_and_says_so(contact):
    dispatch = send(contact)
    end(dispatch, "sent")
    withdraw(contact, channel="email", source="link", at=NOW + DAY)
    drain.until_empty(at=NOW + 4 * DAY)
    dispatch.refresh_from_db()
    assert len(wrote()) == 1
    assert (dispatch.reminder.state, dispatch.reminder.reason) == ("closed", "no_consent")  # type: ignore[union-attr]


def test_reminder_that_waits_is_taken_back_by_the_answer(contact):
    dispatch = send(contact, remind_after=1)
    end(dispatch, "sent", at=NIGHT)
    drain.until_empty(at=NIGHT + DAY)
    dispatch.refresh_from_db()
    assert dispatch.reminder.state == "deferred"  # type: ignore[union-attr]
    answer(dispatch)
    drain.until_empty(at=NIGHT + DAY)
    dispatch.refresh_from_db()
    assert (dispatch.reminder.state, dispatch.reminder.reason) == ("closed", "taken_back")  # type: ignore[union-attr]
    drain.until_empty(at=MORNING + DAY)
    assert len(wrote()) == 1


def test_reminder_that_waits_is_taken_back_with_its_survey_and_who_was_asked_stays_so(contact):
    dispatch = send(contact, remind_after=1)
    end(dispatch, "sent", at=NIGHT)
    drain.until_empty(at=NIGHT + DAY)
    building.close_survey(dispatch.survey, by=None, at=NIGHT + DAY)
    drain.until_empty(at=NIGHT + DAY)
    dispatch.refresh_from_db()
    assert (dispatch.reminder.state, dispatch.reminder.reason) == ("closed", "taken_back")  # type: ignore[union-attr]
    assert told(dispatch) == ("sent", "")


def test_reminder_whose_survey_closed_after_its_grant_is_not_written(contact):
    dispatch = send(contact, remind_after=1)
    end(dispatch, "sent", at=NIGHT)
    drain.until_empty(at=NIGHT + DAY)
    contacting.consider_due(MORNING + DAY)
    building.close_survey(dispatch.survey, by=None, at=MORNING + DAY)
    drain.until_empty(at=MORNING + DAY)
    assert len(wrote()) == 1


def test_failing_row_is_done_again_and_writes_once(contact, monkeypatch):
    """Killed in the middle: what the handler wrote goes back with it, and comes once."""
    send(contact, at=NIGHT)
    write, calls = sending.letters.write, []

    def fails_first(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("killed")
        return write(*args, **kwargs)

    monkeypatch.setattr(sending.letters, "write", fails_first)
    drain.until_empty(at=MORNING)
    assert not Invitation.objects.exists() and not Message.objects.exists()
    OutboxRow.objects.filter(done_at=None).update(due_at=NOW)
    outbox.drain(at=MORNING + HOUR)
    assert (Invitation.objects.count(), Message.objects.count(), len(calls)) == (1, 1, 2)


# --- Who sees it ------------------------------------------------------------------------------
def test_only_who_sees_the_customer_sees_what_was_sent(contact, manager, outsider, admin):
    Customer.objects.filter(pk=contact.customer_id).update(owner=manager, team=manager.team)
    dispatch = send(contact)
    for user, seen in ((manager, [dispatch]), (admin, [dispatch]), (outsider, [])):
        assert list(SurveyDispatch.objects.visible_to(user)) == seen  # type: ignore[attr-defined]


def test_by_hand_is_signed_by_who_sends_else_by_the_owner(contact):
    owner, sender = UserFactory(first_name="Owen"), UserFactory(first_name="Sena")
    Customer.objects.filter(pk=contact.customer_id).update(owner=owner)
    contacting.set_limits({"relationship_survey": EVERY_DAY}, quiet=Quiet(0, 0), by=None, at=NOW)
    send(contact, key="1", by=sender)
    send(contact, key="2")
    by_hand, by_itself = Message.objects.order_by("id")
    assert "Sena" in by_hand.text and "Owen" not in by_hand.text
    assert "Owen" in by_itself.text
