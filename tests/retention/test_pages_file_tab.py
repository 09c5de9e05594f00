"""The tab of the file: what it shows, the sheets that add to it, files as downloads, the group below."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from customers import attachments, attributes, complaints, contacts, customers, handles, needs
from customers.ground import clock
from customers.ground.models import AuditEvent
from customers.models import Attachment, AttributeValue, Need, SocialHandle
from retention import cases
from retention.models import CustomerMeasures
from retention.pages.file.group import group_of
from tests.factories import NOW, ContactFactory, CustomerFactory, ago

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7\n..."


@pytest.fixture(autouse=True)
def _today(db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    clock.fix(NOW)


@pytest.fixture
def signed_in(client, manager):
    client.force_login(manager)
    return client


def to(customer, act=""):
    return reverse(f"retention:customer_file{act and '_'}{act}", args=[customer.pk])


def attached(customer, name="a.pdf"):
    return attachments.attach(customer, SimpleUploadedFile(name, PDF), by=None, at=NOW)


def filled(customer, manager, count=1):
    """Fill a file with ``count`` of everything."""
    who = {"by": manager, "at": NOW}
    for n in range(count):
        person = contacts.create_contact(customer, name=f"Person {n}", function="finance", **who)
        handles.add_handle(customer, platform="wechat", handle=f"wx{n}", contact=person, **who)
        handles.add_handle(customer, platform="weibo", handle=f"wb{n}", **who)
        needs.note_need(
            customer,
            kind="need",
            topic="delivery",
            source="visit",
            text=f"Pallets {n}",
            contact=person,
            **who,
        )
        made = attributes.define_attribute(
            code=f"a{n}", kind="text", label_en=f"Attribute {n}", label_zh=f"属性 {n}", **who
        )
        attributes.set_value(customer, made, f"worth {n}", **who)
        attached(customer, f"file{n}.pdf")
        child = CustomerFactory(name=f"Child {n}", owner=manager)
        customers.change_customer(child, parent=customer, **who)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("who", ["manager", "lead", "admin", "analyst"])
def test_file_tab_opens_full_and_empty_in_both_languages(client, request, customer, manager, who, language):
    user = request.getfixturevalue(who)
    user.language = language
    user.save()
    client.force_login(user)
    assert client.get(to(customer)).status_code == 200
    filled(customer, manager)
    customers.change_customer(
        customer, country="CN", region="320506", source="referral", by=manager, at=NOW + timedelta(minutes=1)
    )
    text = client.get(to(customer)).content.decode()
    for word in ("Person 0", "wx0", "wb0", "Pallets 0", "worth 0", "file0.pdf", "Child 0", "吴中区"):
        assert word in text
    assert (to(customer, "need") in text) is (who != "analyst")


def test_file_tab_asks_the_same_questions_for_one_row_and_three(
    signed_in, customer, manager, django_assert_max_num_queries
):
    filled(customer, manager)
    signed_in.get(to(customer))
    with django_assert_max_num_queries(40) as few:
        signed_in.get(to(customer))
    for n in range(1, 3):
        ContactFactory(customer=customer, is_main=False)
        handles.add_handle(customer, platform="line", handle=f"l{n}", by=None, at=NOW)
        attached(customer, f"more{n}.pdf")
        needs.note_need(customer, kind="need", topic="price", source="call", text="x", by=None, at=NOW)
        customers.change_customer(CustomerFactory(owner=manager), parent=customer, by=None, at=NOW)
    with django_assert_max_num_queries(len(few)):
        signed_in.get(to(customer))


# --- Sheets -----------------------------------------------------------------------------------
def test_need_is_noted_and_withdrawn(signed_in, customer):
    sent = {"kind": "dislike", "topic": "contact", "source": "call", "text": "No calls before ten"}
    assert signed_in.post(to(customer, "need"), {**sent, "learnt_on": "2026-05-01"}).status_code == 302
    need = Need.objects.get()
    assert (need.text, need.occurred_day) == ("No calls before ten", date(2026, 5, 1).toordinal())
    signed_in.post(reverse("retention:need_withdraw", args=[need.pk]))
    need.refresh_from_db()
    assert need.void
    assert "No calls before ten" not in signed_in.get(to(customer)).content.decode()


def test_need_that_is_refused_opens_its_sheet_again(signed_in, customer):
    response = signed_in.post(to(customer, "need"), {"kind": "need", "topic": "price", "source": "call"})
    assert response.status_code == 422
    assert 'id="need" role="dialog" aria-labelledby="need-t" data-open' in response.content.decode()
    future = {"kind": "need", "topic": "price", "source": "call", "text": "x", "learnt_on": "2026-05-12"}
    assert "future" in signed_in.post(to(customer, "need"), future).content.decode()
    assert not Need.objects.exists()


def test_name_on_a_platform_is_added_once_and_dropped(signed_in, customer):
    foreign = CustomerFactory().contacts.get()
    sent = {"platform": "wechat", "handle": " @blue-lake "}
    for _time in range(2):
        signed_in.post(to(customer, "handle"), sent)
    row = SocialHandle.objects.get()
    assert row.handle == "blue-lake"
    assert signed_in.post(to(customer, "handle"), {**sent, "contact": foreign.pk}).status_code == 422
    signed_in.post(reverse("retention:handle_drop", args=[row.pk]))
    assert not SocialHandle.objects.exists()
    assert AuditEvent.objects.filter(act="handle.drop", customer_id=customer.pk).count() == 1


def test_attributes_that_change_become_values_and_no_others(signed_in, customer):
    who = {"by": None, "at": ago(10)}
    number = attributes.define_attribute(code="staff", kind="number", label_en="S", label_zh="员", **who)
    choice = attributes.define_attribute(
        code="size", kind="choice", label_en="Z", label_zh="规", choices=[("big", "Big", "大")], **who
    )
    attributes.set_value(customer, choice, "big", **who)
    sent = {f"attribute_{number.pk}": "12", f"attribute_{choice.pk}": "big", "since": ""}
    signed_in.post(to(customer, "attributes"), sent)
    assert AttributeValue.objects.count() == 2
    refused = signed_in.post(to(customer, "attributes"), {**sent, f"attribute_{choice.pk}": "huge"})
    assert refused.status_code == 422
    assert AttributeValue.objects.count() == 2
    assert "Big" in signed_in.get(to(customer)).content.decode()


# --- Files ------------------------------------------------------------------------------------
def test_file_is_kept_sent_as_a_download_and_removed(signed_in, customer, django_capture_on_commit_callbacks):
    upload = SimpleUploadedFile("合同.pdf", PDF)
    assert signed_in.post(to(customer, "attachment"), {"file": upload, "note": "signed"}).status_code == 302
    row = Attachment.objects.get()

    sent = signed_in.get(reverse("retention:attachment", args=[row.pk]))
    assert b"".join(sent.streaming_content) == PDF
    assert sent["Content-Disposition"].startswith("attachment;")
    assert "%E5%90%88%E5%90%8C.pdf" in sent["Content-Disposition"]
    assert (sent["X-Content-Type-Options"], sent["Content-Type"]) == ("nosniff", "application/pdf")
    assert "sandbox" in sent["Content-Security-Policy"]
    assert AuditEvent.objects.filter(act="attachment.download").count() == 1

    with django_capture_on_commit_callbacks(execute=True):
        signed_in.post(reverse("retention:attachment_remove", args=[row.pk]))
    assert signed_in.get(reverse("retention:attachment", args=[row.pk])).status_code == 404


def test_file_of_a_wrong_kind_is_refused_in_words(signed_in, customer):
    upload = SimpleUploadedFile("page.pdf", b"<html>")
    response = signed_in.post(to(customer, "attachment"), {"file": upload})
    assert response.status_code == 422
    assert "Kept are: pdf" in response.content.decode()


def test_things_of_somebody_elses_file_are_not_there(client, outsider, customer):
    client.force_login(outsider)
    need = needs.note_need(customer, kind="need", topic="price", source="call", text="x", by=None, at=NOW)
    handle = handles.add_handle(customer, platform="line", handle="x", by=None, at=NOW)
    row = attached(customer)
    assert client.get(to(customer)).status_code == 404
    assert client.get(reverse("retention:attachment", args=[row.pk])).status_code == 404
    for act in ("need", "handle", "attachment", "attributes"):
        assert client.post(to(customer, act)).status_code == 404
    for name, pk in (("need_withdraw", need.pk), ("handle_drop", handle.pk), ("attachment_remove", row.pk)):
        assert client.post(reverse(f"retention:{name}", args=[pk])).status_code == 404
    assert (Attachment.objects.count(), SocialHandle.objects.count()) == (1, 1)


# --- The group --------------------------------------------------------------------------------
@pytest.fixture
def family(customer, manager, outsider):
    """A parent with four companies below it, one of them out of the manager's sight."""
    made = {}
    for name, owner, spend in [
        ("calm", manager, 900),
        ("rich", manager, 5000),
        ("angry", manager, 100),
        ("Zeisig", outsider, 7000),
    ]:
        child = made[name] = CustomerFactory(name=name, owner=owner)
        parent = made["calm"] if name == "rich" else customer
        customers.change_customer(child, parent=parent, by=None, at=NOW)
        CustomerMeasures.objects.create(customer=child, as_of=NOW, spend_365d=spend)
    return made


def test_group_sums_up_whom_one_sees_and_only_counts_the_others(customer, manager, admin, family):
    mine, all_of_it = group_of(customer, manager), group_of(customer, admin)
    assert (mine.count, mine.hidden, mine.spend) == (3, 1, 6000)
    assert (all_of_it.count, all_of_it.hidden, all_of_it.spend) == (4, 0, 13000)
    assert [child.name for child in mine.children] == ["rich", "calm", "angry"]
    assert mine.worst is None
    assert group_of(family["angry"], manager) is None


def test_group_shows_the_worst_child_by_severity_then_complaints_then_money(customer, manager, family):
    complaints.file_complaint(family["angry"], text="Late", by=None, at=NOW)
    assert group_of(customer, manager).worst.name == "angry"
    cases.open_case(family["calm"], kind="save", severity=2, reason="x", by=manager, at=NOW)
    cases.open_case(family["rich"], kind="save", severity=3, reason="x", by=manager, at=NOW)
    group = group_of(customer, manager)
    assert (group.worst.name, group.cases, group.complaints) == ("rich", 2, 1)


def test_group_leads_to_the_worst_child_and_never_to_a_hidden_one(signed_in, customer, manager, family):
    cases.open_case(family["calm"], kind="save", severity=3, reason="x", by=manager, at=NOW)
    text = signed_in.get(to(customer)).content.decode()
    assert "In the worst state:" in text
    assert "and 1 that you do not see" in text
    assert "Zeisig" not in text
