"""Feedback of somebody unknown: once, with owner and deadline; linked, made a customer of, or handled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import attachments, complaints, tracking
from customers.feedback import deadlines, files, matching, unknown
from customers.feedback.unknown import State
from customers.ground.models import AuditEvent, Event
from customers.models import (
    Attachment,
    Complaint,
    Customer,
    FeedbackFile,
    Message,
    UnknownFeedback,
)
from tests.factories import (
    NOW,
    ContactFactory,
    CustomerFactory,
    OrderFactory,
    TeamFactory,
    UserFactory,
    day,
    findable,
)
from tests.retention.racing import race

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
LATER = NOW + timedelta(days=3)


@pytest.fixture(autouse=True)
def _folder(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def received(number: int = 1, **values: Any) -> UnknownFeedback:
    said: dict[str, Any] = {
        "kind": "complaint",
        "text": "The lamp broke.",
        "source": "form",
        "external_id": f"visit-{number}",
        "at": NOW,
        **values,
    }
    return unknown.receive_feedback(**said)


def told() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("kind", flat=True))


# --- Receiving --------------------------------------------------------------------------------
def test_receive_gives_an_owner_deadlines_and_a_link(company, lead):
    row = received()
    assert (row.state, row.owner, row.complaint) == (State.OPEN, lead, None)
    assert row.recorded_at == NOW < row.respond_by < row.due_at
    assert row.respond_by == NOW + timedelta(hours=24.5)
    assert row.due_at == complaints.end_of_day(day(NOW) + 7)
    assert tracking.hash_of(tracking.sent_token(row.salt, row.token_hash)) == row.token_hash
    assert told() == ["feedback.unknown"]
    assert Event.objects.get().customer_id is None


def test_what_is_received_twice_is_one(company):
    one, again, other = received(), received(text="Once more"), received(2)
    assert one.pk == again.pk != other.pk
    assert again.text == "The lamp broke."
    assert told() == ["feedback.unknown"] * 2


def test_files_of_what_is_received_twice_are_kept_once(company):
    for _turn in range(2):
        received(uploads=[SimpleUploadedFile("a.png", PNG)])
    assert FeedbackFile.objects.count() == 1
    assert len(list(attachments.folder().iterdir())) == 1


def test_same_name_in_another_source_is_another(company):
    assert received().pk != received(source="email").pk


def test_two_without_a_name_are_two(company):
    assert received(external_id="").pk != received(external_id="").pk


@pytest.mark.parametrize("text", ["", "  \n", "\0"])
def test_receive_refuses_what_says_nothing(company, text):
    with pytest.raises(unknown.NothingSaid):
        received(text=text)
    assert not UnknownFeedback.objects.exists()


def test_receive_refuses_a_fourth_file_and_keeps_none(company):
    with pytest.raises(files.TooManyFiles):
        received(uploads=[SimpleUploadedFile(f"{n}.png", PNG) for n in range(4)])
    assert not UnknownFeedback.objects.exists()
    assert not attachments.folder().exists()


def test_the_moment_of_speaking_is_never_after_it_is_known(company):
    assert received(occurred_at=LATER).occurred_at == NOW
    assert received(2, occurred_at=NOW - timedelta(hours=2)).occurred_at == NOW - timedelta(hours=2)


def test_the_next_one_goes_to_the_lead_with_the_fewest(company, lead, admin):
    other = UserFactory(role="team_lead", team=TeamFactory())
    UserFactory(role="team_lead", is_active=False)
    owners = [received(n).owner for n in range(3)]
    assert owners == [lead, other, lead]


def test_without_leads_an_admin_sees_to_it(company, admin, manager):
    assert received().owner == admin


# --- Recognised -------------------------------------------------------------------------------
@pytest.fixture
def known(customer: Customer) -> Customer:
    contact = customer.contacts.get()
    type(contact).objects.filter(pk=contact.pk).update(
        email="li@example.com", phone="13800001234", language="zh-hans", name="李丽"
    )
    findable()
    return customer


@pytest.mark.parametrize("reach", ["Li@Example.com", "+86 138 0000 1234"])
def test_who_is_known_exactly_is_linked_at_once(known, reach):
    row = received(reach=reach)
    complaint = Complaint.objects.get()
    assert (row.state, row.complaint, complaint.customer, complaint.contact) == (
        State.LINKED,
        complaint,
        known,
        known.contacts.get(),
    )
    assert told()[0] == "complaint.filed" and "feedback.unknown" not in told()
    assert complaint.was_unknown == row


@pytest.mark.parametrize("reach", ["li@example.org", "13800001235", "", "1234"])
def test_who_is_nearly_known_is_not(known, reach):
    assert received(reach=reach).state == State.OPEN
    assert not Complaint.objects.exists()


def test_an_address_of_two_customers_is_not_linked(known):
    other = CustomerFactory()
    ContactFactory(is_main=False, customer=other, email="li@example.com")
    findable()
    assert received(reach="li@example.com").state == State.OPEN


def test_a_flood_in_her_name_links_three_a_day_and_leaves_the_rest_to_people(known):
    states = [received(number, reach="li@example.com").state for number in range(5)]
    assert states == [State.LINKED] * 3 + [State.OPEN] * 2
    assert received(9, reach="li@example.com", at=NOW + timedelta(days=1, minutes=1)).state == State.LINKED


def test_what_people_linked_is_no_flood(known, manager):
    for number in range(3):
        unknown.link_feedback(received(number), customer=known, by=manager, at=NOW)
    assert received(9, reach="li@example.com").state == State.LINKED


def test_nobody_is_written_to_before_a_person_looked(known):
    received(reach="stranger@example.org")
    assert not Message.objects.exists()


# --- Linking ----------------------------------------------------------------------------------
def test_link_files_it_with_the_moment_and_the_promise(company, customer, manager):
    row = received(occurred_at=NOW - timedelta(hours=1), severity=3, kind="suggestion")
    complaint = unknown.link_feedback(row, customer=customer, by=manager, at=LATER)
    assert (complaint.customer, complaint.text, complaint.kind, complaint.severity) == (
        customer,
        "The lamp broke.",
        "suggestion",
        3,
    )
    assert (complaint.occurred_at, complaint.recorded_at) == (NOW - timedelta(hours=1), LATER)
    complaint.refresh_from_db()
    assert (complaint.respond_by, complaint.due_at) == (row.respond_by, row.due_at)
    row.refresh_from_db()
    assert (row.state, row.complaint, row.ended_by, row.ended_at) == (State.LINKED, complaint, manager, LATER)
    event = Event.objects.get(kind="feedback.linked")
    assert (event.customer_id, event.subject_id, event.data["complaint"]) == (
        customer.pk,
        row.pk,
        complaint.pk,
    )


def test_link_can_say_what_it_is_in_truth(company, customer):
    assert (
        unknown.link_feedback(received(), customer=customer, kind="praise", by=None, at=NOW).kind == "praise"
    )


def test_link_takes_along_the_order_she_named_if_it_is_this_customers(company, customer):
    OrderFactory(customer=CustomerFactory(), number="A-7")
    mine = OrderFactory(customer=customer, number="A-7")
    assert unknown.link_feedback(received(order="A-7"), customer=customer, by=None, at=NOW).order == mine
    assert unknown.link_feedback(received(2, order="A-8"), customer=customer, by=None, at=NOW).order is None


def test_files_become_the_customers(company, customer):
    row = received(uploads=[SimpleUploadedFile("a.png", PNG), SimpleUploadedFile("b.png", PNG)])
    unknown.link_feedback(row, customer=customer, by=None, at=NOW)
    assert sorted(Attachment.objects.values_list("customer", "name")) == [
        (customer.pk, "a.png"),
        (customer.pk, "b.png"),
    ]
    assert not FeedbackFile.objects.exists()
    assert all(attachments.path_of(one).read_bytes() == PNG for one in Attachment.objects.all())


def test_what_is_linked_is_neither_linked_nor_handled_again(company, customer):
    row = received()
    stale = UnknownFeedback.objects.get(pk=row.pk)
    unknown.link_feedback(row, customer=customer, by=None, at=NOW)
    with pytest.raises(unknown.FeedbackEnded):
        unknown.link_feedback(stale, customer=customer, by=None, at=NOW)
    with pytest.raises(unknown.FeedbackEnded):
        unknown.handle_without_customer(stale, answered="none", words="", by=None, at=NOW)
    with pytest.raises(unknown.FeedbackEnded):
        unknown.create_customer_from(stale, name="Li", contact={}, by=None, at=NOW)
    assert Complaint.objects.count() == 1 and Customer.objects.count() == 1


def test_create_makes_customer_and_contact_and_links(company, manager):
    row = received(name="Li Li", reach="li@example.com", language="zh-hans")
    complaint = unknown.create_customer_from(
        row, name="Li Li", contact={"email": "li@example.com"}, by=manager, at=NOW
    )
    made = Customer.objects.get()
    contact = made.contacts.get()
    assert (made.kind, made.owner) == ("person", manager)
    assert (contact.name, contact.email, contact.language) == ("Li Li", "li@example.com", "zh-hans")
    assert (complaint.customer, complaint.contact) == (made, contact)


# --- Handling without -------------------------------------------------------------------------
@pytest.mark.parametrize("answered", ["public", "general", "direct", "none"])
def test_handle_records_how_it_was_answered(company, lead, answered):
    row = received(reach="someone@example.org" if answered == "direct" else "")
    unknown.handle_without_customer(row, answered=answered, words=" On the shop's page. ", by=lead, at=LATER)
    row.refresh_from_db()
    assert (row.state, row.answered, row.answer_text, row.ended_by, row.complaint) == (
        State.HANDLED,
        answered,
        "On the shop's page.",
        lead,
        None,
    )
    assert Event.objects.get(kind="feedback.handled").data["answer"] == answered
    assert AuditEvent.objects.filter(act="feedback.handle").count() == 1


@pytest.mark.parametrize("answered", ["public", "general", "direct"])
def test_an_answer_needs_its_words(company, answered):
    row = received(reach="someone@example.org")
    with pytest.raises(unknown.NotAnswered):
        unknown.handle_without_customer(row, answered=answered, words=" ", by=None, at=NOW)
    assert UnknownFeedback.objects.get().state == State.OPEN


@pytest.mark.parametrize("answered", ["public", "general"])
def test_who_left_an_address_is_answered_there_and_not_past_her(company, answered):
    row = received(reach="someone@example.org")
    with pytest.raises(unknown.HasReach):
        unknown.handle_without_customer(row, answered=answered, words="Online.", by=None, at=NOW)
    assert UnknownFeedback.objects.get().state == State.OPEN


def test_who_left_no_address_is_not_answered_directly(company):
    with pytest.raises(unknown.NoReach):
        unknown.handle_without_customer(received(), answered="direct", words="Called", by=None, at=NOW)


# --- In truth of another kind -----------------------------------------------------------------
def test_linked_as_a_complaint_it_is_due_no_later_than_any_complaint(company, customer):
    deadlines.set_deadlines({"complaint": deadlines.Deadline(8, 9, "cn_finance")}, by=None, at=NOW)
    row = received(kind="suggestion")
    asked = unknown.link_feedback(row, customer=customer, kind="complaint", by=None, at=LATER)
    direct = complaints.file_complaint(CustomerFactory(), text="Wet.", by=None, at=NOW)
    assert (asked.respond_by, asked.due_at) == (direct.respond_by, direct.due_at)
    assert asked.due_at < row.due_at and asked.respond_by < row.respond_by


def test_linked_as_what_may_wait_longer_it_is_due_as_promised(company, customer):
    row = received(kind="complaint")
    made = unknown.link_feedback(row, customer=customer, kind="suggestion", by=None, at=LATER)
    assert (made.respond_by, made.due_at) == (row.respond_by, row.due_at)


# --- Who there it was -------------------------------------------------------------------------
@pytest.mark.parametrize("reach", ["Lan@example.com", "13900001111"])
def test_linked_by_the_customers_name_it_is_hers_whose_address_she_left(company, customer, reach):
    wrote = ContactFactory(is_main=False, customer=customer, email="lan@example.com", phone="13900001111")
    ContactFactory(is_main=False, customer=customer, email="lan@example.com.cn", phone="13900001112")
    ContactFactory(is_main=False, customer=CustomerFactory(), email="lan@example.com", phone="13900001111")
    made = unknown.link_feedback(received(reach=reach), customer=customer, by=None, at=NOW)
    assert made.contact == wrote


def test_of_two_with_one_address_nobody_is_taken_for_the_writer(company, customer):
    for _n in range(2):
        ContactFactory(is_main=False, customer=customer, phone="13900001111")
    row = received(reach="13900001111")
    assert unknown.link_feedback(row, customer=customer, by=None, at=NOW).contact is None


# --- Failing ----------------------------------------------------------------------------------
def test_receive_leaves_no_file_behind_when_a_later_one_fails(company, monkeypatch):
    real, written = attachments.store, []

    def store(upload: Any) -> str:
        if written:
            raise OSError("disk full")
        written.append(real(upload))
        return written[0]

    monkeypatch.setattr(attachments, "store", store)
    with pytest.raises(OSError, match="disk full"):
        received(uploads=[SimpleUploadedFile(f"{n}.png", PNG) for n in range(2)])
    assert written and not list(attachments.folder().iterdir())
    assert not UnknownFeedback.objects.exists()


# --- Whose ------------------------------------------------------------------------------------
def test_take_makes_it_hers(company, lead, manager):
    row = unknown.assign_feedback(received(), to=manager, by=manager, at=NOW)
    assert UnknownFeedback.objects.get().owner == manager == row.owner


@pytest.mark.parametrize("role", ["analyst", "integration"])
def test_who_does_not_work_with_customers_cannot_own_it(company, role):
    with pytest.raises(unknown.CannotOwn):
        unknown.assign_feedback(received(), to=UserFactory(role=role), by=None, at=NOW)


def test_leads_and_who_sees_all_see_it_and_its_owner(company, lead, manager, teammate, admin, analyst):
    row = received()
    unknown.assign_feedback(row, to=manager, by=None, at=NOW)
    seen = {
        user.username
        for user in (lead, manager, teammate, admin, analyst, UserFactory(role="integration"))
        if UnknownFeedback.objects.visible_to(user).filter(pk=row.pk).exists()
    }
    assert seen == {"lead", "manager", "admin", "analyst"}


def test_once_linked_it_is_seen_by_who_may_see_the_customer(
    company, customer, lead, manager, admin, outsider
):
    hers, foreign = received(1), received(2)
    away = CustomerFactory(owner=outsider, team=TeamFactory())
    for row, whose in ((hers, customer), (foreign, away)):
        unknown.assign_feedback(row, to=manager, by=None, at=NOW)
        unknown.link_feedback(row, customer=whose, by=None, at=NOW)
    waiting = unknown.assign_feedback(received(3), to=manager, by=None, at=NOW)
    seen = {
        user.username: set(UnknownFeedback.objects.visible_to(user).values_list("pk", flat=True))
        for user in (lead, manager, admin)
    }
    near = {hers.pk, waiting.pk}
    assert seen == {"lead": near, "manager": near, "admin": {*near, foreign.pk}}


# --- Matches ----------------------------------------------------------------------------------
def matched(row: UnknownFeedback, user: Any) -> list[tuple[int, set[str]]]:
    found = matching.proposals([row], user=user)[row.pk]
    return [(one.customer.pk, set(map(str, one.reasons))) for one in found]


def test_matches_by_phone_mail_and_order_with_near_misses(company, admin):
    mail, phone, order = (CustomerFactory() for _n in range(3))
    ContactFactory(is_main=False, customer=mail, email="wu@example.com", phone="13900001111")
    ContactFactory(is_main=False, customer=CustomerFactory(), email="wu@example.com.cn", phone="13900001112")
    ContactFactory(is_main=False, customer=mail, email="wu2@example.com")
    ContactFactory(is_main=False, customer=phone, phone="0086 13900002222")
    ContactFactory(
        is_main=False, customer=CustomerFactory(), email="wu@example.com"
    )  # two: nobody is linked at once
    OrderFactory(customer=order, number="Z-1")
    OrderFactory(customer=CustomerFactory(), number="Z-10")
    findable()
    by_mail = received(reach="WU@example.com", order="Z-1")
    assert {pk for pk, _why in matched(by_mail, admin)} >= {mail.pk, order.pk}
    assert (order.pk, {"order"}) in matched(by_mail, admin)
    assert (mail.pk, {"email"}) in matched(by_mail, admin)
    assert matched(received(3, reach="13900001113"), admin) == []
    assert matched(received(4, reach="139"), admin) == []


def test_most_reasons_come_first(company, admin):
    both, one = CustomerFactory(), CustomerFactory()
    for customer in (one, both):
        ContactFactory(is_main=False, customer=customer, email="wu@example.com")
    OrderFactory(customer=both, number="Z-1")
    findable()
    found = matched(received(reach="wu@example.com", order="Z-1"), admin)
    assert found == [(both.pk, {"email", "order"}), (one.pk, {"email"})]


def test_only_customers_that_one_sees_are_proposed(company, customer, manager, outsider):
    for one in (customer, CustomerFactory(owner=outsider)):
        ContactFactory(is_main=False, customer=one, email="wu@example.com")
    findable()
    row = received(reach="wu@example.com")
    assert [pk for pk, _why in matched(row, manager)] == [customer.pk]


def test_matching_many_takes_as_many_queries_as_matching_one(company, admin):
    for number in range(3):
        for _twice in range(2):
            ContactFactory(is_main=False, customer=CustomerFactory(), email=f"wu{number}@example.com")
        OrderFactory(customer=CustomerFactory(), number=f"Z-{number}")
    findable()
    rows = [received(n, reach=f"wu{n}@example.com", order=f"Z-{n}") for n in range(3)]
    counts = []
    for some in (rows[:1], rows):
        with CaptureQueriesContext(connection) as queries:
            found = matching.proposals(some, user=admin)
        assert all(len(one) == 3 for one in found.values())
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 4


# --- At once ----------------------------------------------------------------------------------
@pytest.mark.services
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(3))
def test_two_who_link_at_once_file_one(company, customer, turn):
    row = received()
    other = CustomerFactory()
    rows = [UnknownFeedback.objects.get(pk=row.pk) for _n in range(3)]
    results = race(
        lambda: unknown.link_feedback(rows[0], customer=customer, by=None, at=NOW),
        lambda: unknown.link_feedback(rows[1], customer=other, by=None, at=NOW),
        lambda: unknown.handle_without_customer(rows[2], answered="none", words="", by=None, at=NOW),
    )
    ended = [one for one in results if isinstance(one, unknown.FeedbackEnded)]
    assert len(ended) == 2, results
    row.refresh_from_db()
    assert Complaint.objects.count() == (1 if row.state == State.LINKED else 0)


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_a_flood_at_once_links_three_and_of_failures_at_once_one_is_the_first(known):
    race(*[lambda n=n: received(n, text=f"Text {n}", reach="li@example.com").pk for n in range(6)])
    assert UnknownFeedback.objects.filter(state=State.LINKED).count() == unknown.MOST_A_DAY
    other = CustomerFactory()
    results = race(*[lambda: complaints.file_complaint(other, text="Wet.", by=None, at=NOW)] * 3)
    assert sorted(one.escalated for one in results) == [False, True, True], results


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_the_same_received_at_once_is_one(company):
    results = race(*[lambda: received().pk] * 3)
    assert len(set(results)) == 1, results
    assert Event.objects.filter(kind="feedback.unknown").count() == 1
