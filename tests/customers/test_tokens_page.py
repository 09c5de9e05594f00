"""The page of tokens: shown once, own ones only, revoked for ever."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from customers import tokens
from customers.ground import clock
from customers.models import ApiToken
from tests.factories import UserFactory

NEW = {"name": "Shop", "days": "30", "scopes": ["customers:read"], "addresses": ""}


def make(user, **values):
    now = clock.real_now()
    return tokens.create_token(
        user,
        **{
            "name": "Shop",
            "scopes": ["customers:read"],
            "expires_at": now + timedelta(days=1),
            "by": user,
            "at": now,
            **values,
        },
    )


def test_page_shows_the_secret_once_and_stores_only_its_hash(client, manager):
    client.force_login(manager)
    answer = client.post("/settings/tokens/", {**NEW, "user": manager.pk})
    secret = re.search(r'value="(liuke_[\w-]{43})"', answer.content.decode()).group(1)
    assert "no-store" in answer["Cache-Control"]
    token = ApiToken.objects.get()
    assert token.secret_hash == tokens.hash_of(secret)
    assert secret not in client.get("/settings/tokens/").content.decode()
    assert secret not in str(ApiToken.objects.values())


def test_page_makes_tokens_for_others_only_for_admins_and_programs(client, manager, teammate, admin):
    program = UserFactory(role="integration")
    client.force_login(manager)
    assert client.post("/settings/tokens/", {**NEW, "user": program.pk}).status_code == 422
    client.force_login(admin)
    assert client.post("/settings/tokens/", {**NEW, "user": teammate.pk}).status_code == 422
    assert client.post("/settings/tokens/", {**NEW, "user": program.pk}).status_code == 200
    assert [token.user for token in ApiToken.objects.all()] == [program]


def test_page_revokes_own_tokens_and_an_admin_all(client, manager, teammate, admin):
    mine, theirs = make(manager)[0], make(teammate)[0]
    client.force_login(manager)
    assert theirs.prefix not in client.get("/settings/tokens/").content.decode()
    assert client.post(f"/settings/tokens/{theirs.pk}/revoke/").status_code == 404
    assert client.post(f"/settings/tokens/{mine.pk}/revoke/").status_code == 302
    client.force_login(admin)
    assert theirs.prefix in client.get("/settings/tokens/").content.decode()
    assert client.post(f"/settings/tokens/{theirs.pk}/revoke/").status_code == 302
    assert not ApiToken.objects.filter(revoked_at=None).exists()


def test_page_speaks_the_readers_language_in_its_choices_too(client, manager):
    manager.language = "zh-hans"
    manager.save()
    client.force_login(manager)
    page = client.get("/settings/tokens/").content.decode()
    assert ">90 天<" in page and "90 days" not in page


def test_page_says_what_is_wrong(client, manager):
    client.force_login(manager)
    answer = client.post("/settings/tokens/", {**NEW, "user": manager.pk, "addresses": "203.0.113.300"})
    assert answer.status_code == 422
    assert "203.0.113.300" in answer.content.decode()


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"scopes": []}, tokens.UnknownScope),
        ({"scopes": ["everything"]}, tokens.UnknownScope),
        ({"expires_at": clock.real_now() + timedelta(days=366)}, tokens.BadExpiry),
        ({"expires_at": clock.real_now() - timedelta(seconds=1)}, tokens.BadExpiry),
        ({"addresses": ["here"]}, tokens.BadNetwork),
    ],
)
def test_create_token_refuses(manager, values, refusal):
    with pytest.raises(refusal):
        make(manager, **values)
