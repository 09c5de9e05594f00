"""Links that work once: the first admin's, and those for a colleague's password."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from customers import company, links
from customers.ground import clock
from customers.ground.models import AuditEvent
from customers.models import OneTimeLink, User, UserActivity
from tests.factories import NOW, PASSWORD, UserFactory
from tests.retention.racing import race

pytestmark = pytest.mark.django_db
GOOD = "river stone lantern"
WHO = {"email": "boss@example.com", "password": GOOD, "again": GOOD, "language": "en"}
DEAD = "This link no longer works"


def first_link() -> str:
    return links.first_admin_link(now=clock.real_now(), at=NOW)


def password_link(user: User) -> str:
    return links.password_link(user, by=None, now=clock.real_now(), at=NOW)


def page(secret: str, route: str = "first_admin") -> str:
    return reverse(f"customers:{route}", args=[secret])


def age(*, days: float) -> None:
    """Let all links have been made ``days`` ago."""
    for link in OneTimeLink.objects.all():
        OneTimeLink.objects.filter(pk=link.pk).update(
            made_at=link.made_at - timedelta(days=days), expires_at=link.expires_at - timedelta(days=days)
        )


# --- The first admin ----------------------------------------------------------------------------
def test_link_makes_the_first_admin_signs_her_in_and_leads_on(client: Client) -> None:
    secret = first_link()
    assert client.get(page(secret)).status_code == 200
    answer = client.post(page(secret), WHO)
    assert (answer.status_code, answer["Location"]) == (302, reverse("customers:first_week"))
    admin = User.objects.get()
    assert (admin.username, admin.role, admin.is_active) == ("boss@example.com", "admin", True)
    assert client.session["_auth_user_id"] == str(admin.pk)
    assert list(AuditEvent.objects.order_by("pk").values_list("act", flat=True)) == [
        "link.make", "user.create", "link.use", "user.sign_in",
    ]  # fmt: skip


def test_only_the_hash_of_a_link_is_stored() -> None:
    secret = first_link()
    assert len(secret) >= 43  # 256 bits
    stored = repr(list(OneTimeLink.objects.values())) + repr(list(AuditEvent.objects.values()))
    assert secret not in stored


def test_looking_at_the_page_writes_nothing(client: Client) -> None:
    secret = first_link()
    before = list(OneTimeLink.objects.values())
    client.get(page(secret))
    client.head(page(secret))
    assert list(OneTimeLink.objects.values()) == before
    assert not User.objects.exists()


def test_unknown_used_expired_and_voided_links_look_the_same(client: Client) -> None:
    answers = []

    def note(secret: str) -> None:
        for answer in (client.get(page(secret)), Client().post(page(secret), WHO)):
            text = answer.content.decode()
            assert (answer.status_code, DEAD in text) == (404, True)
            answers.append(text.replace(secret, ""))

    note("x" * 43)
    voided, live = first_link(), first_link()
    note(voided)
    age(days=7.01)
    note(live)
    used = first_link()
    Client().post(page(used), WHO)
    note(used)
    assert len({_bare(text) for text in answers}) == 1
    assert User.objects.count() == 1


def _bare(text: str) -> str:
    """Leave out what is new with every page: nonce and token."""

    return re.sub(r'nonce="[^"]*"|value="[^"]{64}"|X-CSRFToken[^}]*|data-now="[^"]*"', "", text)


def test_link_works_to_its_last_day_and_not_after(client: Client) -> None:
    secret = first_link()
    age(days=6.99)
    assert client.get(page(secret)).status_code == 200
    age(days=0.02)
    assert client.get(page(secret)).status_code == 404


def test_new_link_voids_the_last_one(client: Client) -> None:
    first, second = first_link(), first_link()
    assert client.get(page(first)).status_code == 404
    assert client.get(page(second)).status_code == 200


def test_there_is_no_link_once_there_is_an_admin(client: Client) -> None:
    secret = first_link()
    boss = UserFactory(role="admin")
    assert client.get(page(secret)).status_code == 404
    assert client.post(page(secret), WHO).status_code == 404
    with pytest.raises(links.AdminThere):
        first_link()
    User.objects.filter(pk=boss.pk).update(is_active=False)  # nobody is left: a link is the way in again
    assert client.get(page(first_link())).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"again": "other words entirely"}, "differ"),
        ({"password": "short", "again": "short"}, "too short"),
        ({"email": "nobody"}, "valid email"),
        ({"email": "taken@example.com"}, "is taken"),
    ],
)
def test_what_is_typed_wrong_is_said_and_the_link_still_works(
    client: Client, wrong: dict[str, str], word: str
) -> None:
    UserFactory(username="taken@example.com")
    secret = first_link()
    answer = client.post(page(secret), {**WHO, **wrong})
    assert (answer.status_code, word in answer.content.decode()) == (422, True)
    assert not User.objects.filter(role="admin").exists()
    assert client.post(page(secret), WHO).status_code == 302


def test_verb_uses_a_link_once() -> None:
    secret = first_link()
    said: dict[str, Any] = {"password": GOOD, "now": clock.real_now(), "at": NOW}
    links.make_first_admin(secret, email="a@example.com", **said)
    User.objects.update(is_active=False)  # so that the link alone is what refuses
    with pytest.raises(links.LinkDead):
        links.make_first_admin(secret, email="b@example.com", **said)
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_use_one_link_at_once_make_one_admin() -> None:
    secret = first_link()

    def use(email: str) -> Any:
        return links.make_first_admin(secret, email=email, password=GOOD, now=clock.real_now(), at=NOW)

    results = race(lambda: use("a@example.com"), lambda: use("b@example.com"))
    assert sorted(type(result).__name__ for result in results) == ["LinkDead", "User"]
    assert User.objects.count() == 1


def test_database_holds_one_live_link_for_the_first_admin() -> None:
    first_link()
    link = OneTimeLink.objects.get()
    link.pk, link.secret_hash = None, "other"
    with pytest.raises(IntegrityError), transaction.atomic():
        link.save()


def test_who_was_there_before_the_company_is_dated_when_it_is_set_up() -> None:
    secret = first_link()
    admin = links.make_first_admin(secret, email="a@example.com", password=GOOD, now=clock.real_now(), at=NOW)
    assert not UserActivity.objects.exists()
    for currency in ("CNY", "EUR"):  # nothing but people is known: it may still change
        company.set_up(currency=currency, time_zone="Asia/Shanghai", margin=Decimal("0.3"), by=admin, at=NOW)
    assert list(UserActivity.objects.values_list("user", "is_active")) == [(admin.pk, True)]


# --- The command --------------------------------------------------------------------------------
def test_command_prints_a_link_that_works(client: Client, capsys: Any, settings: Any) -> None:
    settings.PUBLIC_BASE_URL = "https://liuke.example.com"
    call_command("first_admin")
    address = capsys.readouterr().out.split()[-1]
    assert address.startswith("https://liuke.example.com/setup/")
    assert client.get(address.removeprefix("https://liuke.example.com")).status_code == 200


def test_command_is_silent_or_refuses_when_there_is_an_admin(capsys: Any) -> None:
    UserFactory(role="admin")
    call_command("first_admin", "--if-needed")
    assert capsys.readouterr().out == ""
    with pytest.raises(CommandError) as refused:
        call_command("first_admin")
    assert refused.value.returncode == 2
    assert not OneTimeLink.objects.exists()


# --- A colleague's password ---------------------------------------------------------------------
def test_link_sets_a_password_once_and_signs_in(client: Client, manager: User) -> None:
    User.objects.filter(pk=manager.pk).update(password="!")
    secret = password_link(manager)
    assert "manager" in client.get(page(secret, "join")).content.decode()
    answer = client.post(page(secret, "join"), {"password": GOOD, "again": GOOD})
    assert (answer.status_code, client.session["_auth_user_id"]) == (302, str(manager.pk))
    manager.refresh_from_db()
    assert manager.check_password(GOOD)
    again = Client().post(page(secret, "join"), {"password": PASSWORD, "again": PASSWORD})
    assert again.status_code == 404
    manager.refresh_from_db()
    assert manager.check_password(GOOD)


def test_weak_password_is_refused_and_the_link_still_works(manager: User) -> None:
    secret = password_link(manager)
    with pytest.raises(ValidationError):
        links.set_password(secret, password="1234567890", now=clock.real_now(), at=NOW)
    links.set_password(secret, password=GOOD, now=clock.real_now(), at=NOW)


def test_link_of_a_colleague_who_is_locked_out_is_dead(client: Client, manager: User) -> None:
    secret = password_link(manager)
    User.objects.filter(pk=manager.pk).update(is_active=False)
    assert client.get(page(secret, "join")).status_code == 404


def test_link_is_good_for_its_own_page_only(client: Client, manager: User) -> None:
    assert client.get(page(password_link(manager))).status_code == 404
    assert client.get(page("x", "join")).status_code == 404


def test_link_dies_when_the_password_changes_otherwise(client: Client, manager: User) -> None:
    secret = password_link(manager)
    client.force_login(manager)
    said = {"oldpassword": PASSWORD, "password1": GOOD, "password2": GOOD}
    assert client.post(reverse("account_change_password"), said).status_code == 302
    assert Client().get(page(secret, "join")).status_code == 404


def test_programs_have_no_password(company: Any) -> None:
    with pytest.raises(links.NoPasswordForPrograms):
        password_link(UserFactory(role="integration"))
