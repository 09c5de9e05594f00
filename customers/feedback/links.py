"""The link by which somebody follows what became of her feedback; it lies below the public form."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from customers import tracking
from customers.models import UnknownFeedback


def new() -> dict[str, str]:
    """Return the columns of a new link."""
    salt = tracking.new_salt()
    return {"salt": salt, "token_hash": tracking.hash_of(tracking.token_of(salt))}


def address_of(row: UnknownFeedback) -> str:
    """Return the address at which one follows it; nothing once the server's secret has changed."""
    token = tracking.sent_token(row.salt, row.token_hash or "")
    return f"{settings.PUBLIC_BASE_URL}{reverse('customers:public_form')}{token}/" if token else ""
