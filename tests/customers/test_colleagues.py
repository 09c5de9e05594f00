"""Colleagues by file and by invitation: good lines land, bad ones say why, each gets her own link."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from customers import invitations, people
from customers.ground.models import AuditEvent, OutboxRow
from customers.imports import kinds, uploads
from customers.imports.mapping import Mapping
from customers.models import ImportBatch, OneTimeLink, Team, User
from tests.factories import NOW, CustomerFactory, UserFactory

pytestmark = pytest.mark.django_db


def bring_in(folder: Path, text: str, capsys: Any) -> list[str]:
    """Import a file by the command; return its refused lines as ``line column reason``."""
    path, errors = folder / "people.csv", folder / "errors.csv"
    path.write_text(text)
    with suppress(SystemExit):  # 1 when some lines were refused
        call_command("import_data", "people", str(path), "--errors", str(errors))
    capsys.readouterr()
    if not errors.exists():
        return []
    with errors.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    return [" ".join(row[-4:-3] + row[-2:]) for row in rows]


def test_file_makes_accounts_and_teams_and_changes_nothing_when_repeated(
    company: Any, tmp_path: Path, capsys: Any
) -> None:
    text = (
        "email,first name,last name,role,team,language,capacity\n"
        "li@example.com,Na,Li,客户经理,North,zh,12\n"
        "wu@example.com,Fei,Wu,team lead,north,en,\n"
    )
    for _again in range(2):
        assert bring_in(tmp_path, text, capsys) == []
    li, wu = User.objects.order_by("username")
    assert (li.username, li.role) == ("li@example.com", "account_manager")
    assert (li.language, li.capacity) == ("zh-hans", 12)
    assert (wu.role, wu.team, wu.capacity) == ("team_lead", Team.objects.get(), None)
    assert not li.has_usable_password()
    assert li.activity.count() == 1
    assert AuditEvent.objects.filter(act="user.create").count() == 2
    assert not AuditEvent.objects.filter(act="user.change").exists()


def test_wrong_lines_are_refused_with_line_column_and_reason_and_good_ones_land(
    company: Any, tmp_path: Path, capsys: Any
) -> None:
    UserFactory(username="taken", email="other@example.com")
    owner = UserFactory(email="owner@example.com")
    CustomerFactory(owner=owner)
    text = (
        "e-mail,username,role,capacity\n"
        "good@example.com,good,analyst,\n"
        "bad,x1,analyst,\n"
        "a@example.com,taken,analyst,\n"
        "b@example.com,b,integration,\n"
        "owner@example.com,,analyst,\n"
        "c@example.com,c,admin,1.5\n"
        "d@example.com,d,admin,-1\n"
        "good2@example.com,good2,lead,3\n"
    )
    refused = bring_in(tmp_path, text, capsys)
    assert [" ".join(line.split()[:2]) for line in refused] == [
        "3 e-mail", "4 username", "5 role", "6 role", "7 capacity", "8 capacity",
    ]  # fmt: skip
    assert "is taken" in refused[1] and "still owns" in refused[3]
    assert set(User.objects.filter(username__startswith="good").values_list("role", flat=True)) == {
        "analyst",
        "team_lead",
    }
    assert not User.objects.filter(role="admin").exists()


def test_file_changes_only_what_it_holds(manager: User, tmp_path: Path, capsys: Any) -> None:
    before = User.objects.values("first_name", "role", "team").get(pk=manager.pk)
    bring_in(tmp_path, f"email,last_name,role\n{manager.email.upper()},Zhang,\n", capsys)
    manager.refresh_from_db()
    assert manager.last_name == "Zhang"
    assert User.objects.values("first_name", "role", "team").get(pk=manager.pk) == before


# --- Only admins --------------------------------------------------------------------------------
def upload(by: User) -> ImportBatch:
    return uploads.keep_upload(
        SimpleUploadedFile("p.csv", b"email,role\nevil@example.com,admin\n"), kind="people", by=by, at=NOW
    )


@pytest.fixture
def _files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.mark.usefixtures("_files")
def test_lead_can_neither_upload_nor_start_a_file_of_people(client: Client, lead: User, admin: User) -> None:
    with pytest.raises(uploads.KindForOthers):
        upload(lead)
    assert not ImportBatch.objects.exists()
    batch = upload(admin)
    with pytest.raises(uploads.KindForOthers):
        uploads.start_import(batch, Mapping(), by=lead, at=NOW)
    client.force_login(lead)
    page = client.get(reverse("customers:import_new")).content.decode()
    assert 'value="customers"' in page and 'value="people"' not in page
    client.force_login(admin)
    assert 'value="people"' in client.get(reverse("customers:import_new")).content.decode()


def test_every_other_kind_is_for_everybody_who_may_import() -> None:
    assert [kind.code for kind in kinds.every() if not kind.is_for("team_lead")] == ["people"]


# --- Invitations --------------------------------------------------------------------------------
def made(name: str, *, by: User, **values: str) -> User:
    return people.create_user(username=name, password=None, role="analyst", **values, by=by, at=NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(("language", "word"), [("en", "choose your password"), ("zh-hans", "设置密码")])
def test_invitation_is_mailed_with_a_link_that_works(
    client: Client, admin: User, language: str, word: str
) -> None:
    new = made("new", by=admin, email="new@example.com", language=language)
    invitations.invite(new, by=admin, at=NOW)
    assert "join" not in repr(list(OutboxRow.objects.values()))  # references only
    _send()
    [letter] = mail.outbox
    assert (letter.to, word in letter.body) == (["new@example.com"], True)
    path = re.search(r"/join/\S+", letter.body)
    assert path and client.get(path.group()).status_code == 200


def _send() -> None:
    for row in OutboxRow.objects.filter(handler=invitations.HANDLER, done_at=None):
        invitations.send(row, NOW)


def test_invitation_is_not_sent_to_whom_it_no_longer_fits(admin: User, manager: User) -> None:
    invitations.invite(manager, by=admin, at=NOW)
    User.objects.filter(pk=manager.pk).update(is_active=False)
    _send()
    assert mail.outbox == []
    assert not OneTimeLink.objects.exists()
    with pytest.raises(invitations.NoAddress):
        invitations.invite(UserFactory(email=""), by=admin, at=NOW)


def test_all_without_a_password_are_invited_and_no_others(client: Client, admin: User, manager: User) -> None:
    new = [made(f"n{n}", by=admin, email=f"n{n}@example.com") for n in range(2)]
    made("silent", by=admin)
    client.force_login(admin)
    assert "3 colleagues have no password yet" in client.get(reverse("customers:user_list")).content.decode()
    assert client.post(reverse("customers:user_invite_all")).status_code == 302
    asked = {row.payload["user"] for row in OutboxRow.objects.filter(handler=invitations.HANDLER)}
    assert asked == {user.pk for user in new}


def test_link_is_shown_once_to_the_admin_and_opens_the_page(
    client: Client, admin: User, settings: Any
) -> None:
    client.force_login(admin)
    said = {"username": "new", "role": "analyst", "language": "en"}
    answer = client.post(reverse("customers:user_new"), said)
    new = User.objects.get(username="new")
    assert answer["Location"] == reverse("customers:user_edit", args=[new.pk])
    page = client.post(reverse("customers:user_link", args=[new.pk]))
    link = re.search(r'value="(\S+/join/\S+)"', page.content.decode())
    assert link and page["Cache-Control"].find("no-store") >= 0
    assert Client().get(link.group(1).removeprefix(settings.PUBLIC_BASE_URL)).status_code == 200
    assert "/join/" not in client.get(reverse("customers:user_edit", args=[new.pk])).content.decode()


@pytest.mark.parametrize("route", ["user_link", "user_invite"])
def test_only_admins_make_links_and_not_for_programs(
    client: Client, lead: User, manager: User, admin: User, route: str
) -> None:
    client.force_login(lead)
    assert client.post(reverse(f"customers:{route}", args=[manager.pk])).status_code == 403
    assert client.post(reverse("customers:user_invite_all")).status_code == 403
    client.force_login(admin)
    assert client.post(reverse(f"customers:{route}", args=[0])).status_code == 404
    assert client.get(reverse(f"customers:{route}", args=[manager.pk])).status_code == 405
    program = UserFactory(role="integration")
    client.post(reverse("customers:user_link", args=[program.pk]))
    assert not OneTimeLink.objects.exists()
