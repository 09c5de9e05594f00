"""Texts are read after they are written, once each, and what was read goes with its text."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from customers import complaints, erasure, interactions, keeping, text, writing
from customers.batch import facts as batch
from customers.batch.records import InteractionRecord
from customers.ground import drain
from customers.ground.models import OutboxRow
from customers.merges import merging
from customers.models import (
    Complaint,
    Customer,
    Interaction,
    Merge,
    TextReading,
    User,
)
from customers.text import reading, sources
from tests.factories import NOW, ComplaintFactory, ContactFactory, CustomerFactory, InteractionFactory, ago

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
LATE = "The parcel was late again, nobody answered. Very disappointed."


def said(subject: Any) -> dict[str, str]:
    """Return what stands of a text, by aspect."""
    source = sources.of(subject)
    assert source is not None
    rows = TextReading.objects.filter(subject_kind=source.kind, subject_id=subject.pk)
    return {row.aspect: row.stands for row in rows}


def test_a_complaint_is_read_from_the_outbox_not_in_the_request(customer: Customer, manager: User) -> None:
    complaint = complaints.file_complaint(customer, text="快递太慢，三天没送到，非常失望", by=manager, at=NOW)
    assert said(complaint) == {}
    drain.until_empty(at=NOW)
    assert said(complaint) == {"sentiment": "negative", "cause": "late_delivery", "urgency": ""}
    row = TextReading.objects.get(subject_id=complaint.pk, aspect="sentiment")
    assert (row.language, row.percent, row.model, row.read_at) == ("zh", None, None, NOW)
    assert (row.customer, row.text_recorded_at) == (customer, complaint.recorded_at)


def test_what_was_said_is_read_when_somebody_was_reached(customer: Customer, manager: User) -> None:
    reached = interactions.log_interaction(customer, kind="call", text=LATE, by=manager, at=NOW)
    missed = interactions.log_interaction(customer, kind="call", text=LATE, reached=False, by=manager, at=NOW)
    silent = interactions.log_interaction(customer, kind="call", text=" ", by=manager, at=NOW)
    assert OutboxRow.objects.filter(handler=reading.HANDLER).count() == 1
    drain.until_empty(at=NOW)
    text.read_unread(at=NOW)
    assert said(reached)["sentiment"] == "negative"
    assert (said(missed), said(silent)) == ({}, {})


def test_a_text_that_went_before_it_was_read_leaves_no_reading(customer: Customer, manager: User) -> None:
    complaint = complaints.file_complaint(customer, text=LATE, by=manager, at=NOW)
    Complaint.objects.filter(pk=complaint.pk).update(text="")
    drain.until_empty(at=NOW)
    assert not TextReading.objects.exists()


def test_reading_again_changes_what_the_reader_says_and_keeps_what_a_person_said(customer: Customer) -> None:
    complaint = ComplaintFactory(customer=customer, text=LATE)
    text.read_text(complaint, at=NOW)
    sentiment = TextReading.objects.get(subject_id=complaint.pk, aspect="sentiment")
    text.correct_reading(sentiment, code="neutral", by=None, at=NOW)
    writing.revise(complaint, at=LATER, text="Thank you, the courier was quick and friendly")
    rows = text.read_text(complaint, at=LATER)
    assert [row.pk for row in rows] == sorted(row.pk for row in rows) and len(rows) == 3
    sentiment.refresh_from_db()
    assert (sentiment.code, sentiment.stands, sentiment.read_at) == ("positive", "neutral", LATER)


def test_read_unread_reads_what_is_new_or_changed_and_nothing_else(customer: Customer) -> None:
    first, second = (
        ComplaintFactory(customer=customer, text=LATE),
        InteractionFactory(customer=customer, text=LATE),
    )
    ComplaintFactory(customer=customer, text="")
    ComplaintFactory(customer=customer, text=LATE, void=True)
    assert text.read_unread(at=NOW) == 2
    assert text.read_unread(at=NOW) == 0
    writing.revise(first, at=LATER, text="Urgent: the box leaks")
    assert text.read_unread(at=LATER) == 1
    assert said(first)["urgency"] == "high"
    assert (
        TextReading.objects.get(subject_id=second.pk, subject_kind="interaction", aspect="cause").read_at
        == NOW
    )


def test_read_unread_takes_the_newest_first_and_goes_on(customer: Customer) -> None:
    made = [ComplaintFactory(customer=customer, text=f"{LATE} {n}") for n in range(3)]
    assert reading.read_unread(at=NOW, most=2) == 2
    assert [bool(said(one)) for one in made] == [False, True, True]
    assert reading.read_unread(at=NOW, most=2) == 1
    assert all(said(one) for one in made)


@pytest.mark.parametrize("number", [1, 3])
def test_reading_takes_the_same_queries_for_any_number(
    customer: Customer, number: int, django_assert_max_num_queries: Any
) -> None:
    ids = [ComplaintFactory(customer=customer, text=LATE).pk for _n in range(number)]
    with django_assert_max_num_queries(10):
        assert text.read_texts("complaint", ids, at=NOW) == number


def test_what_a_file_brought_is_read_by_the_clock(customer: Customer) -> None:
    record = InteractionRecord(
        external_id="I-1",
        customer="C-1",
        occurred_at=ago(1),
        recorded_at=ago(1),
        values={"text": LATE, "kind": "call"},
    )
    batch.upsert_interactions([record], source="crm", batch=None, at=NOW, create_missing=True)
    assert Interaction.objects.count() == 1
    assert not OutboxRow.objects.filter(handler=reading.HANDLER).exists()
    assert text.read_unread(at=NOW) == 1


# --- A reading goes with its text ---------------------------------------------------------------
def test_erasing_a_customer_takes_the_readings_along(customer: Customer, admin: User) -> None:
    other = ComplaintFactory(customer=CustomerFactory(), text=LATE)
    mine = ComplaintFactory(customer=customer, text=LATE)
    text.read_unread(at=NOW)
    erasure.erase_customer(customer, reason="request", by=admin, at=NOW)
    assert said(mine) == {}
    assert len(said(other)) == 3
    assert text.read_unread(at=NOW) == 0


def test_erasing_a_contact_takes_only_what_it_said(customer: Customer, admin: User) -> None:
    contact = ContactFactory(customer=customer, is_main=False)
    theirs = ComplaintFactory(customer=customer, contact=contact, text=LATE)
    others = ComplaintFactory(customer=customer, text=LATE)
    text.read_unread(at=NOW)
    exported = reading.export("contact", contact.pk)
    assert {row["subject_id"] for row in exported} == {theirs.pk}
    erasure.erase_person(contact, reason="request", by=admin, at=NOW)
    assert (said(theirs), len(said(others))) == ({}, 3)


def test_the_retention_period_takes_the_readings_along(customer: Customer) -> None:
    old = ComplaintFactory(customer=customer, text=LATE, occurred_at=ago(100), recorded_at=ago(100))
    young = ComplaintFactory(customer=customer, text=LATE)
    text.read_unread(at=NOW)
    keeping.set_periods({"complaints": 2}, by=None, at=NOW)
    keeping.clear_old(at=NOW)
    assert (said(old), len(said(young))) == ({}, 3)


def test_taking_an_import_back_takes_the_readings_along(customer: Customer) -> None:
    mine, other = (ComplaintFactory(customer=customer, text=LATE) for _n in range(2))
    text.read_unread(at=NOW)
    text.forget(Complaint, [mine.pk], NOW)
    text.forget(Interaction, [other.pk], NOW)  # the same number of another kind
    assert (said(mine), len(said(other))) == ({}, 3)


def test_readings_follow_a_merge(customer: Customer, admin: User) -> None:
    gone = CustomerFactory()
    complaint = ComplaintFactory(customer=gone, text=LATE)
    text.read_unread(at=NOW)
    merging.merge_customers(customer, gone, reason="the same", by=admin, at=NOW)
    assert Merge.objects.count() == 1
    assert set(TextReading.objects.filter(subject_id=complaint.pk).values_list("customer", flat=True)) == {
        customer.pk
    }


# --- What the database holds --------------------------------------------------------------------
def reading_of(customer: Customer, **values: Any) -> TextReading:
    known = {
        "subject_kind": "complaint",
        "subject_id": 1,
        "aspect": "sentiment",
        "language": "en",
        "text_recorded_at": NOW,
        "read_at": NOW,
    }
    return TextReading(customer=customer, **{**known, **values})


@pytest.mark.parametrize(
    "values",
    [
        {"is_sure": True, "code": ""},
        {"percent": 101},
        {"corrected": "negative"},
        {"corrected_at": NOW},
    ],
)
def test_the_database_refuses_a_reading_that_contradicts_itself(
    customer: Customer, values: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        reading_of(customer, **values).save()


def test_one_text_has_one_reading_of_an_aspect(customer: Customer) -> None:
    reading_of(customer).save()
    reading_of(customer, aspect="cause").save()
    reading_of(customer, subject_kind="interaction").save()
    with pytest.raises(IntegrityError), transaction.atomic():
        reading_of(customer).save()


def test_readings_are_seen_by_whoever_sees_the_customer(
    customer: Customer, manager: User, outsider: User, analyst: User, admin: User
) -> None:
    ComplaintFactory(customer=customer, text=LATE)
    text.read_unread(at=NOW)
    seen = {
        user.username: TextReading.objects.visible_to(user).count()
        for user in (manager, outsider, analyst, admin)
    }
    assert seen == {"manager": 3, "outsider": 0, "analyst": 3, "admin": 3}
    manager.is_active = False
    assert not TextReading.objects.visible_to(manager).exists()


def test_a_kind_of_text_of_another_app_is_read_alike(customer: Customer) -> None:
    note = InteractionFactory(customer=customer, text=LATE, reached=False)
    sources.register(sources.Source("answer", "answer", Interaction))
    try:
        assert text.read_texts("answer", [note.pk], at=NOW) == 1
        assert TextReading.objects.filter(subject_kind="answer").count() == 3
    finally:
        sources._sources.pop("answer")
    assert text.read_texts("answer", [note.pk], at=NOW) == 0  # its app is gone: nothing is touched
    assert TextReading.objects.filter(subject_kind="answer").count() == 3


def test_what_nobody_entered_is_not_read(customer: Customer) -> None:
    with pytest.raises(ValueError, match="nobody said"):
        text.read_text(customer, at=NOW)
