"""Recurring imports: saved once, sent with a token, watched; nothing else opens with it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from customers import tokens
from customers.ground import clock, drain
from customers.ground.models import AuditEvent
from customers.imports import background, recurring
from customers.models import Customer, ImportBatch, ImportProfile
from tests.customers.undoing import bring
from tests.factories import NOW, UserFactory

pytestmark = pytest.mark.django_db
FIRST = "Nr,Firm\nC1,Blue Lake\n"
COLUMNS = {"external_id": "Nr", "name": "Firm"}


@pytest.fixture(autouse=True)
def _media(company, settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(background, "_running", {})


@pytest.fixture
def saved(tmp_path, lead):
    """A recurring import of the lead and its token."""
    batch = bring(tmp_path, "customers", FIRST, by=lead, columns=COLUMNS, source="erp")
    return recurring.save_profile(batch, name="Nightly", by=lead, at=NOW)


def send(client, secret, text, *, key="1", **headers):
    return client.post(
        reverse("api:recurring-upload"),
        {"file": SimpleUploadedFile("customers.csv", text.encode())},
        headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": key, **headers},
    )


def test_file_that_is_sent_lands_with_the_saved_columns(client, saved, lead):
    profile, secret = saved
    answer = send(client, secret, FIRST + "C2,Red Hill\n")
    assert answer.status_code == 201, answer.content
    assert drain.until_empty(at=NOW)
    run = ImportBatch.objects.get(pk=answer.json()["id"])
    assert (run.profile, run.by, run.status, run.created, run.unchanged) == (profile, lead, "done", 1, 1)
    assert set(Customer.objects.values_list("name", flat=True)) == {"Blue Lake", "Red Hill"}


def test_same_file_again_changes_nothing(client, saved):
    for key in ("1", "2"):
        send(client, saved[1], FIRST, key=key)
        drain.until_empty(at=NOW)
    assert list(ImportBatch.objects.values_list("created", "updated", "unchanged")[:2]) == [(0, 0, 1)] * 2


def test_file_of_another_form_is_a_run_that_was_refused_with_its_reason(client, saved, lead):
    profile, secret = saved
    answer = send(client, secret, "Number,Name\nC1,x\n").json()
    assert answer["status"] == "refused"
    assert any(f"“{column}”" in answer["problem"] for column in COLUMNS.values())
    client.force_login(lead)
    said = client.get(reverse("customers:profile_detail", args=[profile.pk])).content.decode()
    assert "did not land whole" in said


def test_token_that_is_unknown_revoked_renewed_or_of_one_who_left_opens_nothing(client, saved, lead):
    profile, secret = saved
    assert send(client, secret + "x", FIRST).status_code == 401
    again = recurring.renew_token(profile, by=lead, at=NOW)
    assert send(client, secret, FIRST).status_code == 401
    recurring.revoke_token(profile, by=lead, at=NOW)
    assert send(client, again, FIRST).status_code == 401
    third = recurring.renew_token(profile, by=lead, at=NOW)
    lead.is_active = False
    lead.save()
    assert send(client, third, FIRST).status_code == 401
    lead.is_active, lead.role = True, "account_manager"
    lead.save()
    assert send(client, third, FIRST).status_code == 401
    assert ImportBatch.objects.count() == 1


def test_upload_token_opens_no_other_route_and_api_tokens_not_this_one(client, saved, admin):
    secret = saved[1]
    for path in ("imports/", "customers/", "me/"):
        got = client.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {secret}"})
        assert got.status_code == 401
    real = clock.real_now()
    _token, other = tokens.create_token(
        admin, name="x", scopes=["imports:write"], expires_at=real + timedelta(days=1), by=admin, at=real
    )
    assert send(client, other, FIRST).status_code == 401


def test_secret_is_stored_nowhere_and_acts_are_noted(saved, lead):
    profile, secret = saved
    row = ImportProfile.objects.values().get()
    assert len(secret) >= 43 + len(recurring.PREFIX) and secret not in map(str, row.values())
    recurring.renew_token(profile, by=lead, at=NOW)
    assert recurring.revoke_token(profile, by=lead, at=NOW)
    assert not recurring.revoke_token(profile, by=lead, at=NOW + timedelta(days=1))
    acts = AuditEvent.objects.filter(act__startswith="import_profile.").order_by("pk")
    assert [act.act.partition(".")[2] for act in acts] == ["create", "renew", "revoke"]


def test_profile_is_saved_on_the_page_and_shows_its_token_once(client, tmp_path, lead):
    batch = bring(tmp_path, "customers", FIRST, by=lead, columns=COLUMNS)
    client.force_login(lead)
    url = reverse("customers:profile_new", args=[batch.pk])
    assert url in client.get(reverse("customers:import_detail", args=[batch.pk])).content.decode()
    assert client.post(url, {"name": " "}).status_code == 422
    said = client.post(url, {"name": "Nightly"}).content.decode()
    assert recurring.PREFIX in said and "curl " in said
    profile = ImportProfile.objects.get()
    page = reverse("customers:profile_detail", args=[profile.pk])
    assert "$LIUKE_UPLOAD_TOKEN" in client.get(page).content.decode()
    assert "Nightly" in client.get(reverse("customers:profile_list")).content.decode()
    renewed = client.post(reverse("customers:profile_renew", args=[profile.pk])).content.decode()
    assert recurring.PREFIX in renewed
    assert client.post(reverse("customers:profile_revoke", args=[profile.pk])).url == page
    assert ImportProfile.objects.get().revoked_at


def test_profiles_of_others_are_not_there(client, saved, lead, admin, manager):
    profile = saved[0]
    batch = ImportBatch.objects.get()
    gets = [
        reverse("customers:profile_detail", args=[profile.pk]),
        reverse("customers:profile_new", args=[batch.pk]),
    ]
    posts = [reverse(f"customers:profile_{act}", args=[profile.pk]) for act in ("renew", "revoke")]
    client.force_login(UserFactory(role="team_lead"))
    assert "Nightly" not in client.get(reverse("customers:profile_list")).content.decode()
    assert {client.get(url).status_code for url in gets} == {404}
    assert {client.post(url).status_code for url in posts} == {404}
    client.force_login(manager)
    assert {client.get(url).status_code for url in gets} == {403}
    client.force_login(admin)
    assert {client.get(url).status_code for url in gets} == {200}


@pytest.mark.parametrize("many", [1, 3])
def test_list_needs_as_many_queries_for_one_as_for_three(
    client, tmp_path, admin, many, django_assert_max_num_queries
):
    batch = bring(tmp_path, "customers", FIRST, by=admin, columns=COLUMNS)
    for number in range(many):
        recurring.save_profile(batch, name=f"P{number}", by=admin, at=NOW)
    client.force_login(admin)
    with django_assert_max_num_queries(7):
        client.get(reverse("customers:profile_list"))


def test_pages_speak_chinese(client, saved):
    client.force_login(UserFactory(role="admin", language="zh-hans"))
    assert "定期导入" in client.get(reverse("customers:profile_list")).content.decode()
    page = client.get(reverse("customers:profile_detail", args=[saved[0].pk])).content.decode()
    assert "程序如何发送文件" in page


def home(client, user):
    client.force_login(user)
    return client.get("/").content.decode()


def run(client, secret, text, key):
    send(client, secret, text, key=key)
    drain.until_empty(at=NOW)
    return ImportBatch.objects.latest("pk")


BAD = "Nr,Firm\nC1,\nC2,Red Hill\nC3,\n"


def test_run_with_refused_lines_stands_on_the_first_page_until_it_is_opened(
    client, saved, lead, admin, manager
):
    assert "Nightly" not in home(client, lead)
    bad = run(client, saved[1], BAD, "1")
    assert (bad.status, bad.refused) == ("done", 2)
    told = "Recurring import “Nightly”: 2 lines of the last file were refused."
    other = UserFactory(role="team_lead")
    assert [told in home(client, user) for user in (lead, admin, other, manager)] == [
        True,
        True,
        False,
        False,
    ]
    path = f"/imports/{bad.pk}/open/"
    for user, status in ((other, 404), (manager, 403), (lead, 302), (admin, 302)):
        client.force_login(user)
        assert client.get(path).status_code in {403, 405}
        answer = client.post(path)
        assert answer.status_code == status
    assert answer["Location"] == f"/imports/{bad.pk}/"
    assert [told in home(client, user) for user in (lead, admin)] == [False, False]
    seen = AuditEvent.objects.filter(act="import.see_problem")
    assert [(event.object_id, event.actor_id) for event in seen] == [(bad.pk, lead.pk)]
    run(client, saved[1], BAD + "C4,\n", "2")
    assert "3 lines of the last file were refused" in home(client, lead)


def test_run_that_failed_stands_there_until_a_later_one_of_the_same_import_was_clean(client, saved, lead):
    _other, secret = recurring.save_profile(ImportBatch.objects.get(), name="Weekly", by=lead, at=NOW)
    run(client, saved[1], "Number,Name\nC1,x\n", "1")
    run(client, secret, FIRST, "2")
    told = "Recurring import “Nightly”: the last file could not be read."
    assert told in home(client, lead) and "Weekly" not in home(client, lead)
    send(client, saved[1], FIRST, key="3")
    assert told in home(client, lead)  # it waits, and may fail
    drain.until_empty(at=NOW)
    assert "Nightly" not in home(client, lead)


def test_import_by_hand_with_refused_lines_is_no_notice(client, saved, lead, tmp_path):
    batch = bring(tmp_path, "customers", BAD, by=lead, columns=COLUMNS, source="erp")
    assert batch.refused == 2 and not ImportBatch.objects.ended_badly().exists()
    client.force_login(lead)
    assert client.post(f"/imports/{batch.pk}/open/").status_code == 302
    assert not AuditEvent.objects.filter(act="import.see_problem").exists()
