"""Users and teams, and for how long things are kept, by API: for admins alone, and never a password."""

from __future__ import annotations

import json

import pytest

from customers import links
from customers.ground import clock
from customers.ground.models import AuditEvent, OutboxRow
from customers.models import KeepPeriod, OneTimeLink, Team, User
from tests.factories import CustomerFactory, TeamFactory, UserFactory

NEW = {"username": "wang.jing", "role": "account_manager", "email": "wang@example.com"}


def test_an_admin_makes_a_colleague_who_chooses_her_password_by_the_link(caller, admin):
    team = TeamFactory()
    made = caller(admin)("post", "users/", {**NEW, "team": team.pk, "capacity": 20, "language": "zh-hans"})
    assert made.status_code == 201, made.content
    user = User.objects.get(username="wang.jing")
    said = made.json()
    assert made["Location"] == f"/api/v1/users/{user.pk}/"
    assert (said["user"]["team"], said["user"]["capacity"], said["user"]["is_active"]) == (team.pk, 20, True)
    assert not user.has_usable_password() and user.language == "zh-hans"
    assert "password" not in said["user"] and user.password not in made.content.decode()
    secret = said["link"].rstrip("/").rpartition("/")[2]
    found = links.find(secret, purpose=OneTimeLink.Purpose.PASSWORD, now=clock.real_now())
    assert found is not None and found.user == user
    assert AuditEvent.objects.filter(act="user.create", object_id=user.pk, actor_id=admin.pk).exists()


def test_a_password_is_not_taken(caller, admin):
    refused = caller(admin)("post", "users/", {**NEW, "password": "Correct-horse-9"})
    assert refused.status_code == 400 and not User.objects.filter(username="wang.jing").exists()


def test_a_program_gets_no_link(caller, admin):
    call = caller(admin)
    made = call("post", "users/", {"username": "erp", "role": "integration"}).json()
    assert made["link"] is None
    for act in ("link", "invite"):
        refused = call("post", f"users/{made['user']['id']}/{act}/")
        assert (refused.status_code, refused.json()["code"]) == (409, "program_without_password")


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"username": "ADMIN-TAKEN"}, 409),
        ({"email": "Taken@example.com"}, 400),
        ({"role": "queen"}, 400),
        ({"team": 10**9}, 400),
        ({"capacity": -1}, 400),
        ({"is_superuser": True}, 400),
    ],
)
def test_what_is_no_colleague_is_refused(caller, admin, manager, more, status):
    User.objects.filter(pk=manager.pk).update(username="admin-taken", email="taken@example.com")
    before = User.objects.count()
    assert caller(admin)("post", "users/", {**NEW, **more}).status_code == status
    assert User.objects.count() == before


def test_an_admin_changes_role_and_team(caller, admin, manager):
    call, team = caller(admin), TeamFactory()
    path = f"users/{manager.pk}/"
    etag = call.get(path)["ETag"]
    changed = call("patch", path, {"role": "team_lead", "team": team.pk}, If_Match=etag)
    assert changed.status_code == 200, changed.content
    manager.refresh_from_db()
    assert (manager.role, manager.team) == ("team_lead", team)
    stale = call("patch", path, {"role": "analyst"}, If_Match=etag)
    assert stale.status_code in {409, 412}
    CustomerFactory(owner=manager)
    kept = call("patch", path, {"role": "analyst"}, If_Match=call.get(path)["ETag"])
    assert (kept.status_code, kept.json()["code"]) == (409, "still_owns")


def test_the_last_admin_stays(caller, admin):
    call, path = caller(admin), f"users/{admin.pk}/"
    User.objects.filter(role="admin").exclude(pk=admin.pk).update(is_active=False)
    role = call("patch", path, {"role": "analyst"}, If_Match=call.get(path)["ETag"])
    locked = call("post", f"{path}lock/")
    assert {(r.status_code, r.json()["code"]) for r in (role, locked)} == {(409, "no_admins_by_token")}
    admin.refresh_from_db()
    assert (admin.role, admin.is_active) == ("admin", True)


def test_an_admin_locks_a_colleague_out_and_lets_her_in(caller, admin, manager):
    call = caller(admin)
    assert call("post", f"users/{manager.pk}/lock/").json()["is_active"] is False
    assert call("post", f"users/{manager.pk}/link/").status_code == 404
    assert call("post", f"users/{manager.pk}/unlock/").json()["is_active"] is True
    assert "/" in call("post", f"users/{manager.pk}/link/").json()["link"]


def test_an_admin_invites_by_mail(caller, admin, manager):
    call = caller(admin)
    User.objects.filter(pk=manager.pk).update(email="")
    assert call("post", f"users/{manager.pk}/invite/").json()["code"] == "no_mail_address"
    User.objects.filter(pk=manager.pk).update(email="manager@example.com")
    assert call("post", f"users/{manager.pk}/invite/").status_code == 200
    assert OutboxRow.objects.get(handler="customers.invite").payload["user"] == manager.pk


def test_an_admin_makes_and_renames_a_team(caller, admin):
    call = caller(admin)
    made = call("post", "teams/", {"name": "East"})
    path = f"teams/{made.json()['id']}/"
    assert made.status_code == 201
    assert call("post", "teams/", {"name": "east"}).json()["code"] == "name_taken"
    assert call("patch", path, {"name": "Far East"}, If_Match=made["ETag"]).json()["name"] == "Far East"
    assert Team.objects.filter(name="Far East").exists()


def test_nobody_but_admins_with_the_scope_change_people_and_periods(caller, admin, lead, manager):
    calls = [
        ("post", "users/", NEW),
        ("patch", f"users/{manager.pk}/", {"role": "admin"}),
        ("post", f"users/{manager.pk}/lock/", None),
        ("post", f"users/{manager.pk}/unlock/", None),
        ("post", f"users/{manager.pk}/link/", None),
        ("post", f"users/{manager.pk}/invite/", None),
        ("post", "teams/", {"name": "East"}),
        ("patch", f"teams/{lead.team_id}/", {"name": "East"}),
        ("put", "keep-periods/", {"periods": [{"code": "interactions", "months": 1}]}),
        ("get", "keep-periods/", None),
    ]
    narrow = caller(admin, ["company:read", "company:write", "customers:write", "privacy:write"])
    for call in (caller(lead), caller(manager), narrow):
        assert {call(*said).status_code for said in calls} == {403}
    assert not OneTimeLink.objects.exists() and not KeepPeriod.objects.exists()


# --- Periods -----------------------------------------------------------------------------------
def test_an_admin_reads_and_changes_how_long_things_are_kept(caller, admin):
    call = caller(admin)
    before = {said["code"]: said["months"] for said in call.get("keep-periods/").json()["periods"]}
    assert (before["interactions"], before["import_files"]) == (None, 3)
    periods = [{"code": "interactions", "months": 36}, {"code": "import_files", "months": None}]
    shown = call("put", "keep-periods/", {"periods": periods}).json()["periods"]
    after = {said["code"]: said["months"] for said in shown}
    assert after == {**before, "interactions": 36, "import_files": None}
    noted = AuditEvent.objects.get(act="privacy.keep")
    assert (noted.codes, noted.actor_id) == ({"interactions": 36, "import_files": None}, admin.pk)


@pytest.mark.parametrize(
    "periods",
    [
        [],
        [{"code": "nothing", "months": 1}],
        [{"code": "interactions", "months": 0}],
        [{"code": "interactions", "months": 601}],
        [{"code": "interactions"}],
        [{"code": "interactions", "months": 1}, {"code": "interactions", "months": 2}],
    ],
)
def test_periods_that_are_none_change_nothing(caller, admin, periods):
    refused = caller(admin)("put", "keep-periods/", {"periods": periods})
    assert refused.status_code == 400, json.dumps(periods)
    assert not KeepPeriod.objects.exists()


def test_a_token_makes_no_admin_and_changes_none(caller, admin):
    call = caller(admin)
    other = UserFactory(role="admin")
    manager = UserFactory(role="account_manager")

    def tag(user: User) -> str:
        return call.get(f"users/{user.pk}/")["ETag"]

    tried = [
        call("post", "users/", {**NEW, "role": "admin"}),
        call("patch", f"users/{manager.pk}/", {"role": "admin"}, If_Match=tag(manager)),
        call("patch", f"users/{other.pk}/", {"email": "me@example.com"}, If_Match=tag(other)),
        *(call("post", f"users/{other.pk}/{act}/", {}) for act in ("lock", "unlock", "link", "invite")),
    ]
    assert [answer.json()["code"] for answer in tried] == ["no_admins_by_token"] * 7
    assert not User.objects.filter(username="wang.jing").exists()
    manager.refresh_from_db(), other.refresh_from_db()
    assert (manager.role, other.is_active) == ("account_manager", True)
