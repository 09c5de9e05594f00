"""What the resources of this app share: who may do what, and the key by which an act is known."""

from __future__ import annotations

import hashlib
from typing import Any

from rest_framework.request import Request

from customers.api.facts import not_there
from customers.ground.api.access import may
from customers.ground.api.idempotency import HEADER
from customers.models import Contact, Customer
from customers.models.people import Role

READ = may(*Role.values, scope="loyalty:read")
EARN = may(Role.INTEGRATION, scope="loyalty:earn")
"""Programs alone, of what happened elsewhere: people adjust, within the limit or with a second person."""
OPEN = may(Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION, scope="loyalty:earn")
SPEND = may(Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION, scope="loyalty:redeem")
"""Of points for nothing in the catalogue."""
REDEEM = may(Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION, scope="loyalty:redeem")
ADJUST = may(Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION, scope="loyalty:adjust")
DECIDE = may(Role.TEAM_LEAD, Role.ADMIN, scope="loyalty:adjust")
WRITE_REWARDS = may(Role.ADMIN, Role.INTEGRATION, scope="loyalty:rewards")


def key_of(request: Request) -> str:
    """Return the name of this act in the ledger: the same call again is the same act, also after days."""
    sent = f"{request.user.pk}\n{request.headers.get(HEADER, '')}"
    return "api:" + hashlib.sha256(sent.encode()).hexdigest()[:40]


def customer_of(request: Request, pk: int) -> Customer:
    """Return a customer that the caller may see; refuse another at the field ``customer``."""
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    customer: Customer | None = visible.filter(pk=pk).first()
    if customer is None:
        raise not_there("customer", pk)
    return customer


def contact_of(values: dict[str, Any], customer_id: int) -> Contact | None:
    """Take the contact out of ``values``; refuse one of another customer."""
    pk = values.pop("contact", None)
    if pk is None:
        return None
    contact = Contact.objects.filter(customer=customer_id, pk=pk).first()
    if contact is None:
        raise not_there("contact", pk)
    return contact
