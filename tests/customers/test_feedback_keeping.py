"""Erasing people and what they stated before anybody knew them: hers goes, files and all; others' stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from customers import attachments, complaints, erasure
from customers.erasure import names
from customers.feedback import keeping, unknown
from customers.ground.models import Event
from customers.models import Attachment, Contact, ErasureReceipt, FeedbackFile, UnknownFeedback
from tests.factories import NOW, ContactFactory, CustomerFactory

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


@pytest.fixture(autouse=True)
def _outside(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT, settings.ERASURE_LOG = tmp_path / "media", tmp_path / "erasures.log"


@pytest.fixture
def wu(company: Any) -> Contact:
    contact: Contact = ContactFactory(
        is_main=False, customer=CustomerFactory(kind="company"), email="wu@example.com", phone="13900001111"
    )
    return contact


def picture(name: str = "lamp.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, PNG)


def received(number: int, reach: str, **values: Any) -> UnknownFeedback:
    said = {"kind": "complaint", "text": f"No. {number}", "source": "form", "external_id": f"visit-{number}"}
    return unknown.receive_feedback(**said, reach=reach, uploads=[picture()], at=NOW, **values)


def stored() -> set[str]:
    return {one.name for one in attachments.folder().iterdir()}


def erase(contact: Contact) -> ErasureReceipt:
    receipt = erasure.erase_person(contact, reason="request", by=None, at=NOW)
    erasure.finish(receipt, at=NOW)
    return receipt


@pytest.mark.parametrize("whole", [False, True])
def test_erasing_takes_what_she_stated_that_was_never_linked_and_no_more(
    wu, whole, django_capture_on_commit_callbacks
):
    hers = [received(n, reach) for n, reach in enumerate(["WU@example.com ", "0086 139 0000 1111"])]
    unknown.handle_without_customer(hers[0], answered="none", words="", by=None, at=NOW)
    others = [
        received(n, reach)
        for n, reach in enumerate(["wu@example.com.cn", "13900001112", ""], start=len(hers))
    ]
    with django_capture_on_commit_callbacks(execute=True):
        if whole:
            erasure.erase_customer(wu.customer, reason="request", by=None, at=NOW)
        else:
            erasure.erase_person(wu, reason="request", by=None, at=NOW)
    for row in UnknownFeedback.objects.filter(pk__in=[one.pk for one in hers]):
        assert (row.text, row.stated_reach, row.external_id) == ("", "", "")
    for row in UnknownFeedback.objects.filter(pk__in=[one.pk for one in others]):
        assert row.text
    kept = FeedbackFile.objects.all()
    assert {one.unknown_id for one in kept} == {one.pk for one in others}
    assert stored() == {one.stored_as for one in kept}


def test_files_of_what_she_stated_are_gone_after_a_restore_too(wu):
    received(1, "wu@example.com")
    named = FeedbackFile.objects.get().stored_as
    receipt = erasure.erase_person(wu, reason="request", by=None, at=NOW)
    assert receipt.counts["files"] == 1
    erasure.finish(receipt, at=NOW)
    assert named not in stored()


def test_erasing_twice_is_one_receipt(wu):
    row = received(1, "wu@example.org")
    unknown.link_feedback(row, customer=wu.customer, contact=wu, by=None, at=NOW)
    first = erase(wu)
    assert erase(Contact.objects.get(pk=wu.pk)).pk == first.pk


def test_export_tells_what_she_stated_that_was_never_linked(wu):
    row, other = received(1, "wu@example.com"), received(2, "wu@example.net")
    told = erasure.export_person(wu, by=None, at=NOW)["tables"]["customers.UnknownFeedback"]
    assert [one["id"] for one in told] == [row.pk] != [other.pk]
    assert keeping.export("customer", wu.customer_id) == []


def test_erasing_a_contact_takes_the_files_of_her_complaints_and_no_others(
    wu, django_capture_on_commit_callbacks
):
    customer = wu.customer
    colleague = ContactFactory(is_main=False, customer=customer)
    said: dict[str, Any] = {"channel": "email", "severity": 2, "by": None, "at": NOW}
    for name, contact in (("hers.png", wu), ("colleague.png", colleague), ("nobody.png", None)):
        complaint = complaints.file_complaint(customer, text=name, contact=contact, **said)
        attachments.attach(customer, picture(name), complaint=complaint, by=None, at=NOW)
    attachments.attach(customer, picture("company.png"), by=None, at=NOW)
    with django_capture_on_commit_callbacks(execute=True):
        receipt = erasure.erase_person(wu, reason="request", by=None, at=NOW)
    left = {"colleague.png", "nobody.png", "company.png"}
    assert set(Attachment.objects.values_list("name", flat=True)) == left
    assert stored() == set(Attachment.objects.values_list("stored_as", flat=True))
    assert receipt.counts["files"] == 1


def test_erasing_a_contact_takes_what_was_linked_to_her_company_by_name(wu):
    """Whoever links it by the customer's name says nothing of who there it was."""
    company, other = wu.customer, CustomerFactory(kind="company")
    hers, foreign, colleagues = (received(n, "lan@example.com", name="Wu Lan") for n in range(3))
    for row, customer in ((hers, company), (foreign, other)):
        unknown.link_feedback(row, customer=customer, by=None, at=NOW)
    colleague = ContactFactory(is_main=False, customer=company)
    unknown.link_feedback(colleagues, customer=company, contact=colleague, by=None, at=NOW)
    Contact.objects.filter(pk=wu.pk).update(email="lan@example.com")
    told = erasure.export_person(wu, by=None, at=NOW)["tables"]["customers.UnknownFeedback"]
    assert [one["id"] for one in told] == [hers.pk]
    erase(wu)
    hers.refresh_from_db()
    assert (hers.text, hers.stated_name, hers.stated_reach) == ("", "", "")
    assert (hers.salt, hers.token_hash, hers.state) == ("", None, "linked")
    for row in (foreign, colleagues):
        row.refresh_from_db()
        assert row.text and row.stated_reach and row.token_hash


def test_what_waits_of_an_erased_person_ends_and_what_others_wrote_waits_on(wu):
    hers, other = received(1, "wu@example.com"), received(2, "wu@example.net")
    assert (hers.state, other.state) == ("open", "open")
    erase(wu)
    for row in (hers, other):
        row.refresh_from_db()
    assert (hers.state, hers.answered, hers.answer_text, hers.ended_by) == ("handled", "none", "", None)
    assert hers.ended_at == NOW and other.state == "open"
    assert [one.subject_id for one in Event.objects.filter(kind="feedback.handled")] == [hers.pk]
    with pytest.raises(unknown.FeedbackEnded):
        unknown.link_feedback(hers, customer=wu.customer, by=None, at=NOW)


@pytest.mark.parametrize("how", ["erased", "kept too long"])
def test_no_program_brings_back_what_is_gone(wu, how):
    said = {"kind": "complaint", "text": "Wet.", "reach": "wu@example.com", "at": NOW}
    row = unknown.receive_feedback(**said, source="api:7", external_id="ticket-7")
    if how == "erased":
        erase(wu)
    else:
        unknown.handle_without_customer(row, answered="none", words="", by=None, at=NOW)
        assert keeping.clear(NOW + timedelta(days=1), 9, NOW) == 1
    with pytest.raises(names.WasErased):
        unknown.receive_feedback(**said, source="api:7", external_id="ticket-7")
    assert UnknownFeedback.objects.count() == 1
    others = [("api:7", "ticket-8"), ("api:8", "ticket-7"), ("form", "ticket-7")]
    for source, external_id in others:
        unknown.receive_feedback(**said, source=source, external_id=external_id)
    assert UnknownFeedback.objects.exclude(text="").count() == len(others)


def test_the_form_goes_on_without_the_key_of_the_erased(wu, settings):
    """Its ids are drawn for one visit and come back to nobody, so that it depends on no file."""
    received(1, "wu@example.com")
    erase(wu)
    settings.ERASURE_KEY = ""
    names.key_file().unlink(missing_ok=True)
    assert received(1, "wu@example.com").text
