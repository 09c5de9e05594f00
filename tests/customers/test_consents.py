"""Consents: statements that add up, the question whether one may contact somebody, and joined records."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, transaction

from customers import batch, consents, objections
from customers.batch import ConsentRecord
from customers.ground.models import AuditEvent, Event
from customers.models import Consent, Contact, ExternalRef, ImportBatch, Objection
from customers.writing import InTheFuture
from tests.factories import NOW, ContactFactory, CustomerFactory, ago

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def contact(company):
    return ContactFactory()


def say(contact, *, given=True, purposes=("offer",), channels=("email",), at=NOW, **more):
    return consents.record_consent(
        contact,
        purposes=purposes,
        channels=channels,
        is_given=given,
        source="form",
        at=at,
        **{"by": None, **more},
    )


def may(contact, purpose="offer", channel="email", at=NOW):
    return consents.may_contact(contact, purpose=purpose, channel=channel, at=at)


def test_record_consent_writes_a_statement_for_each_pair_with_event_and_audit(contact, manager):
    rows = say(contact, purposes=["offer", "survey"], channels=["email", "sms"], by=manager)
    assert {(row.purpose, row.channel) for row in rows} == {
        (purpose, way) for purpose in ("offer", "survey") for way in ("email", "sms")
    }
    event = Event.objects.get(kind="consent.recorded")
    assert event.data == {"given": True, "purposes": ["offer", "survey"], "channels": ["email", "sms"]}
    audited = AuditEvent.objects.get(act="consent.record")
    assert (audited.object_id, audited.customer_id) == (contact.pk, contact.customer_id)


def test_record_consent_twice_writes_once(contact):
    first = say(contact)
    assert [row.pk for row in say(contact)] == [row.pk for row in first]
    assert Consent.objects.count() == 1


def test_record_consent_refuses_what_says_nothing_and_the_future(contact):
    for purposes, channels in (([], ["email"]), (["offer"], []), (["offer", "profiling"], [])):
        with pytest.raises(consents.NoStatement):
            say(contact, purposes=purposes, channels=channels)
    with pytest.raises(InTheFuture):
        say(contact, occurred_at=NOW + HOUR)
    with pytest.raises(ValueError, match="fax"):
        say(contact, channels=["fax"])
    assert not Consent.objects.exists()


def test_record_consent_refuses_somebody_erased(contact):
    contact.erased_at = ago(1)
    with pytest.raises(objections.Erased) as refusal:
        say(contact)
    assert "2026-05-10" in str(refusal.value)


def test_statements_are_never_changed_nor_deleted(contact):
    say(contact)
    for act in (lambda: Consent.objects.update(is_given=False), lambda: Consent.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()
    assert Consent.objects.get().is_given


@pytest.mark.parametrize(
    ("purpose", "allowed"), [("service", True), ("survey", False), ("offer", False), ("care", False)]
)
def test_may_contact_asks_for_consent_but_for_service(contact, purpose, allowed):
    assert may(contact, purpose) is allowed


def test_may_contact_knows_purpose_and_channel_apart(contact):
    say(contact, at=ago(1))
    assert may(contact)
    assert not may(contact, channel="sms") and not may(contact, purpose="survey")
    assert not may(ContactFactory())
    with pytest.raises(ValueError, match="profiling"):
        may(contact, purpose="profiling")


def test_may_contact_counts_the_newest_and_of_equals_the_withdrawal(contact):
    say(contact, at=ago(3))
    say(contact, given=False, at=ago(2))
    assert not may(contact)
    say(contact, at=ago(1))
    assert may(contact)
    say(contact, given=False, at=NOW, occurred_at=ago(1))
    assert not may(contact)


def test_may_contact_counts_a_late_word_by_when_it_was_said(contact):
    say(contact, given=False, at=ago(2))
    say(contact, occurred_at=ago(5))  # an old list that comes in later
    assert not may(contact)


def test_may_contact_counts_a_withdrawal_from_its_commit_and_an_agreement_from_its_moment(contact):
    say(contact, at=ago(3))
    say(contact, given=False, at=NOW)
    assert not may(contact, at=NOW - HOUR)  # a sender whose clock was read an hour ago
    other = ContactFactory()
    say(other, at=NOW)
    assert may(other) and not may(other, at=NOW - HOUR)


def test_may_contact_respects_who_wants_no_calls_for_service_either(contact):
    say(contact, given=False, purposes=["service"], channels=["phone"])
    assert not may(contact, "service", "phone") and may(contact, "service", "email")


def test_may_contact_leaves_alone_who_left_or_was_erased(contact):
    contact.left_on = date(2026, 5, 12)
    assert may(contact, "service")
    contact.left_on = date(2026, 5, 11)
    assert not may(contact, "service")
    contact.left_on, contact.erased_at = None, NOW
    assert not may(contact, "service")


def test_asked_not_to_be_called_finds_exactly_those(contact, company):
    again, mail, offers = ContactFactory(), ContactFactory(), ContactFactory()
    for one in (contact, again):
        say(one, given=False, purposes=["care"], channels=["phone"], at=ago(2))
    say(again, purposes=["care"], channels=["phone"], at=ago(1))
    say(mail, given=False, purposes=["care"], channels=["email"])
    say(offers, given=False, purposes=["offer"], channels=["phone"])
    assert set(Contact.objects.filter(consents.asked_not_to_be_called())) == {contact}


def test_profiling_taken_back_is_an_objection_and_agreeing_lifts_it(contact):
    say(contact, given=False, purposes=["profiling"], channels=[], at=ago(2))
    objection = Objection.objects.get()
    assert (objection.contact, objection.occurred_at, objection.lifted_at) == (contact, ago(2), None)
    say(contact, purposes=["profiling"], channels=[], at=NOW, occurred_at=ago(3))  # older: changes nothing
    assert Objection.objects.standing().exists()
    say(contact, purposes=["profiling"], channels=[], at=NOW)
    assert not Objection.objects.standing().exists()


# --- Texts -------------------------------------------------------------------------------------
def text(code="news", day=date(2026, 5, 1), **more):
    values = {"text_en": "Yes", "text_zh": "同意", **more}
    return consents.add_text(code=code, valid_from=day, by=None, at=NOW, **values)


def test_add_text_counts_versions_by_code_and_texts_on_gives_the_newest_valid(company):
    assert [text().version, text(day=date(2026, 5, 12)).version, text("club").version] == [1, 2, 1]
    assert [str(t) for t in consents.texts_on(date(2026, 5, 11))] == ["club 1", "news 1"]
    assert [str(t) for t in consents.texts_on(date(2026, 5, 12))] == ["club 1", "news 2"]
    with pytest.raises(consents.TextEmpty):
        text(text_en=" ", text_zh="")


def test_record_consent_keeps_the_text_and_refuses_one_not_valid_then(contact):
    version = text(day=date(2026, 5, 11))
    assert say(contact, text=version)[0].text == version
    with pytest.raises(consents.TextNotValid):
        say(contact, text=version, occurred_at=ago(1))


# --- Joined records ----------------------------------------------------------------------------
@pytest.mark.parametrize("withdrawn", ["source", "target"])
def test_move_keeps_the_stricter_of_two_consents(contact, withdrawn):
    source, target = contact, ContactFactory()
    one, other = (source, target) if withdrawn == "source" else (target, source)
    say(one, at=ago(9))
    say(one, given=False, at=ago(8))
    say(other, at=ago(1))  # newer, but the withdrawal wins
    say(source, purposes=["survey"], at=ago(1))  # the other one never said anything
    assert consents.move("contact", source.pk, target.pk) == (3 if one == source else 2)
    assert not may(target) and may(target, "survey")
    assert Consent.objects.filter(source="merge").get().contact_id == target.pk
    assert not Consent.objects.filter(contact=source).exists()
    say(target, at=NOW)  # agreeing anew counts
    assert may(target)


def test_move_adds_nothing_where_both_say_the_same(contact):
    target = ContactFactory()
    say(contact, at=ago(2))
    say(target, at=ago(1))
    assert consents.move("contact", contact.pk, target.pk) == 1
    assert Consent.objects.count() == 2 and may(target)
    assert consents.move("customer", contact.customer_id, target.customer_id) == 0


# --- Many at once ------------------------------------------------------------------------------
def record(external_id="E1", **more):
    return ConsentRecord(
        **{
            "external_id": external_id,
            "customer": "C1",
            "contact": "K1",
            "purpose": "offer",
            "channel": "email",
            "is_given": True,
            "text": "",
            "occurred_at": ago(2),
            "recorded_at": NOW,
            **more,
        }
    )


@pytest.fixture
def named(contact):
    ExternalRef.objects.create(source="crm", kind="customer", external_id="C1", object_id=contact.customer_id)
    ExternalRef.objects.create(source="crm", kind="contact", external_id="K1", object_id=contact.pk)
    return contact


def land(*records):
    return batch.upsert_consents(records, source="crm", batch=None, at=NOW)


def test_upsert_consents_lands_once_and_refuses_another_content(named):
    assert land(record()).created == 1
    again = land(record())
    assert (again.created, again.unchanged, again.refused) == (0, 1, [])
    refused = land(record(is_given=False)).refused
    assert [(r.field, r.reason.code) for r in refused] == [("external_id", "consent_fixed")]
    assert land(record("E2", is_given=False, occurred_at=ago(1))).created == 1
    assert not may(named)


def test_upsert_consents_takes_the_main_contact_and_refuses_who_is_not_there(named):
    other = CustomerFactory()
    ExternalRef.objects.create(source="crm", kind="customer", external_id="C2", object_id=other.pk)
    landed = land(
        record("A", contact=None),
        record("B", customer="C2"),  # a contact of another customer
        record("C", contact="K9"),
        record("D", customer="C9"),
        record("E", text="news 7"),
    )
    assert landed.created == 1 and Consent.objects.get().contact == named
    assert [(r.record.external_id, r.field, r.reason.code) for r in landed.refused] == [
        ("D", "customer", "unknown_customer"),
        ("B", "contact", "unknown_contact"),
        ("C", "contact", "unknown_contact"),
        ("E", "text", "unknown_consent_text"),
    ]


def test_upsert_consents_lets_profiling_be_an_objection(named):
    land(record(purpose="profiling", channel="", is_given=False))
    assert Objection.objects.standing().get().contact == named


def test_imports_with_consents_cannot_be_taken_back(named):
    import_of = ImportBatch.objects.create(kind="consents", made_at=NOW)
    other = ImportBatch.objects.create(kind="consents", made_at=NOW)
    batch.upsert_consents([record()], source="crm", batch=import_of, at=NOW)
    assert len(consents.blocks_undo(import_of.pk)) == 1 and consents.blocks_undo(other.pk) == []
