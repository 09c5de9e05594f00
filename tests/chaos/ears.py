"""What a company needs to be told things in every way: known names, links of a survey, a token, a hook."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction

from customers import tokens
from customers.ground import clock
from customers.mentions import hooks
from customers.models import Contact, SocialHandle, User
from customers.search import index
from surveys import building, invitations
from tests.surveys.documents import nps

PLATFORM = "weibo"
SCOPES = ("facts:write", "feedback:write", "mentions:write")


def email_of(customer: int) -> str:
    """Return the e-mail address by which a customer's contact is recognised."""
    return f"contact-{customer}@example.org"


def handle_of(customer: int) -> str:
    """Return the customer's name on the platform."""
    return f"customer_{customer}"


def opened(customers: Sequence[int]) -> dict[str, Any]:
    """Make some customers recognisable and ask each; return the secrets of those who tell us things."""
    at, now = clock.now(), clock.real_now()
    with transaction.atomic():
        admin = User.objects.get(username="admin")
        token = tokens.create_token(
            admin, name="Desk", scopes=SCOPES, expires_at=now + timedelta(days=1), by=admin, at=now
        )[1]
        hook, secret = hooks.add_hook(name="Monitor", by=admin, at=at)
        contacts = list(Contact.objects.filter(customer__in=customers, is_main=True))
        for contact in contacts:
            contact.email = email_of(contact.customer_id)
        Contact.objects.bulk_update(contacts, ["email"])
        index.write(customers)
        SocialHandle.objects.bulk_create(
            SocialHandle(customer_id=pk, platform=PLATFORM, handle=handle_of(pk), created_at=at)
            for pk in customers
        )
        asked = _asked(contacts, by=admin)
    return {"token": token, "hook": hook.hook, "secret": secret, "asked": asked}


def _asked(contacts: Sequence[Contact], *, by: User) -> dict[int, str]:
    """Invite each contact to a survey of one score; return the tokens by customer."""
    at, now = clock.now(), clock.real_now()
    document = nps()
    document["pages"][0]["questions"].pop()  # whether one may call
    survey = building.create_survey(
        "chaos",
        name_en="One score",
        name_zh="一个分数",
        occasion="relationship",
        document=document,
        by=by,
        at=at,
    )
    building.publish(survey, by=by, at=at)
    return {
        contact.customer_id: invitations.invite(survey, contact, by=by, now=now, at=at)[1]
        for contact in contacts
    }


def main(customers: str) -> None:
    """Open them and print what those who tell us things need, as one line of JSON."""
    print(json.dumps(opened(json.loads(customers))))  # noqa: T201
