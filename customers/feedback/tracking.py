"""The link by which somebody follows what became of her words; it needs no account.

It lies below the public form. Any row with ``salt`` and ``token_hash`` may have one: the token of a loop that
took both over from here is the same.
"""

from __future__ import annotations

import secrets
from typing import Protocol

from django.conf import settings
from django.urls import reverse

from customers.ground import link_tokens

PURPOSE, KIND = "feedback.status", "feedback"


class Followed(Protocol):
    """A row that has such a link."""

    salt: str
    token_hash: str | None


def new() -> dict[str, str]:
    """Return the columns of a new link: ``salt`` and ``token_hash``."""
    salt = secrets.token_hex(16)
    return {"salt": salt, "token_hash": hash_of(link_tokens.token_of(PURPOSE, salt))}


def token_of(row: Followed) -> str:
    """Return the token of a row; nothing once the server's secret has changed."""
    token = link_tokens.token_of(PURPOSE, row.salt) if row.salt else ""
    return token if link_tokens.is_same(token, kind=KIND, stored=row.token_hash or "") else ""


def hash_of(token: str) -> str:
    """Return what is stored of a token, by which its row is found."""
    return link_tokens.hash_of(KIND, token)


def address_of(row: Followed) -> str:
    """Return the whole address of a row's page; nothing where there is no token."""
    token = token_of(row)
    return f"{settings.PUBLIC_BASE_URL}{reverse('customers:public_form')}{token}/" if token else ""
