"""Pages and API of erasing, periods, texts and receipts: for admins, with the name typed."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from customers import erasure, keeping
from customers.ground import clock
from customers.models import ConsentText, Customer, ErasureReceipt
from tests.api.conftest import Caller
from tests.factories import NOW, ContactFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today(db, settings, tmp_path):
    clock.fix(NOW)
    settings.ERASURE_LOG, settings.MEDIA_ROOT = tmp_path / "erasures.log", tmp_path / "media"


@pytest.fixture
def as_admin(client, admin):
    client.force_login(admin)
    return client


def erase_of(customer):
    return reverse("retention:customer_privacy_erase", args=[customer.pk])


@pytest.mark.parametrize(("language", "word"), [("en", "Erase for good"), ("zh-hans", "永久删除")])
def test_erase_page_says_what_it_does(as_admin, admin, customer, language, word):
    admin.language = language
    admin.save()
    assert word in as_admin.get(erase_of(customer)).content.decode()


def test_erase_needs_the_name_typed(as_admin, customer):
    said = {"contact": "", "reason": "request", "confirm": "Blue Lake"}
    answer = as_admin.post(erase_of(customer), said)
    assert answer.status_code == 422 and "exactly as it stands" in answer.content.decode()
    assert not ErasureReceipt.objects.exists()
    answer = as_admin.post(erase_of(customer), {**said, "confirm": customer.name})
    receipt = ErasureReceipt.objects.get()
    assert answer.url == reverse("customers:erasure_receipt", args=[receipt.pk])
    page = as_admin.get(answer.url).content.decode()
    assert receipt.number in page and "Blue Lake" not in page
    assert (
        f"#{customer.pk}" in as_admin.get(reverse("retention:customer", args=[customer.pk])).content.decode()
    )


def test_erase_one_contact_by_its_own_name(as_admin, customer):
    second = ContactFactory(customer=customer, is_main=False, name="Wang Jing")
    said = {"contact": second.pk, "reason": "withdrawn", "confirm": customer.name}
    assert as_admin.post(erase_of(customer), said).status_code == 422
    assert as_admin.post(erase_of(customer), {**said, "confirm": "Wang Jing"}).status_code == 302
    customer.refresh_from_db()
    assert customer.erased_at is None and ErasureReceipt.objects.get().object_id == second.pk


@pytest.mark.parametrize("who", ["manager", "lead", "analyst"])
def test_nobody_but_admins_erases_hands_out_or_sets_periods(client, request, customer, who):
    client.force_login(request.getfixturevalue(who))
    assert client.post(erase_of(customer), {"confirm": customer.name}).status_code == 403
    assert client.get(erase_of(customer)).status_code == 403
    address = reverse("retention:customer_privacy_export", args=[customer.pk])
    assert client.post(address, {}).status_code == 403
    for name in ("privacy_settings", "consent_texts"):
        assert client.get(reverse(f"customers:{name}")).status_code == 403


def test_copies_are_handed_out_as_a_file(as_admin, customer):
    address = reverse("retention:customer_privacy_export", args=[customer.pk])
    answer = as_admin.post(address, {"contact": ""})
    assert f'filename="customer-{customer.pk}.json"' in answer["Content-Disposition"]
    assert customer.name in json.dumps(json.loads(answer.content), ensure_ascii=False)
    assert as_admin.post(address, {"contact": ContactFactory().pk}).status_code == 302  # another's


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_settings_show_and_take_periods(as_admin, admin, customer, language):
    admin.language = language
    admin.save()
    receipt = erasure.erase_customer(customer, reason="request", by=admin, at=NOW)
    page = as_admin.get(reverse("customers:privacy_settings"))
    assert receipt.number in page.content.decode()
    months = {code: number or "" for code, number in keeping.periods().items()}
    assert as_admin.post(page.request["PATH_INFO"], {**months, "interactions": "36"}).status_code == 302
    assert keeping.periods() == {**keeping.periods(), "interactions": 36, "import_files": 3}
    assert as_admin.post(page.request["PATH_INFO"], {**months, "interactions": "0"}).status_code == 422
    assert keeping.periods()["interactions"] == 36


def test_texts_are_added_as_versions(as_admin):
    said = {"code": "news", "text_en": "Yes", "text_zh": "", "valid_from": "2026-05-11"}
    address = reverse("customers:consent_texts")
    assert as_admin.post(address, said).status_code == 302
    assert as_admin.post(address, {**said, "text_en": "Yes, do"}).status_code == 302
    assert list(ConsentText.objects.values_list("version", flat=True)) == [2, 1]
    assert as_admin.post(address, {**said, "text_en": ""}).status_code == 422
    assert "Yes, do" in as_admin.get(address).content.decode()


def test_api_erases_with_the_name_and_hands_out_copies(admin, customer):
    call = Caller(admin)
    said = {"person": "customer", "object_id": customer.pk, "reason": "request", "confirm": "x"}
    assert call("post", "erasures/", said).json()["code"] == "confirmation_wrong"
    about = {"person": "customer", "object_id": customer.pk}
    assert customer.name in call("post", "personal-copies/", about).content.decode()
    made = call("post", "erasures/", {**said, "confirm": customer.name})
    assert made.status_code == 201, made.content
    assert call.get("erasures/").json()["results"][0]["number"] == made.json()["number"]
    assert Customer.objects.get(pk=customer.pk).name == f"#{customer.pk}"
    missing = call("post", "erasures/", {**said, "object_id": 10**9})
    assert missing.status_code == 409 and missing.json()["code"] == "no_such_person"
    assert Caller(admin, ["privacy:write"])("post", "erasures/", said).status_code == 403


def test_api_repeats_of_calls_before_an_erasure_act_no_more_and_tell_nothing(admin, customer):
    call = Caller(admin)
    other = ContactFactory().customer
    body = {"customer": other.pk}
    first = call("post", "objections/", body, key="k" * 20)
    assert first.status_code == 201
    erasure.erase_customer(customer, reason="request", by=None, at=NOW)
    again = call("post", "objections/", body, key="k" * 20)
    assert again.status_code == 410 and again.json()["code"] == "answer_gone"
    assert call("post", "objections/", {"customer": customer.pk}, key="k" * 20).status_code == 422
