"""Logging contacts with customers."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from customers import writing
from customers.ground import audit, events
from customers.models import Contact, Customer, Interaction, User


def log_interaction(
    customer: Customer,
    *,
    kind: str,
    text: str = "",
    contact: Contact | None = None,
    direction: str = Interaction.Direction.OUT,
    reached: bool = True,
    occurred_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> Interaction:
    """Record one contact with a customer.

    Args:
        kind: call, visit, meeting, chat or email; ``reached``: false for an unanswered attempt,
            which is no contact for any measure.
        occurred_at: when it happened, ``at`` when unknown; never in the future.

    Raises ``InTheFuture``. Side effects: touches the customer, writes event ``interaction.logged``
    and audit ``interaction.log``.
    """
    with transaction.atomic():
        interaction = writing.write(
            Interaction,
            customer_id=customer.pk,
            when=writing.moments(at=at, occurred_at=occurred_at),
            kind=Interaction.Kind(kind),
            direction=Interaction.Direction(direction),
            reached=reached,
            contact=contact,
            by=by,
            text=text.strip(),
        )
        events.record(
            "interaction.logged",
            customer_id=customer.pk,
            subject=interaction,
            occurred_at=interaction.occurred_at,
            data={"kind": interaction.kind, "reached": reached},
        )
        audit.record("interaction.log", obj=interaction, by=by, at=at, customer_id=customer.pk)
    return interaction
