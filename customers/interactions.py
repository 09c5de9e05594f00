"""Logging contacts with customers."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import reminders, writing
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import Contact, Customer, Interaction, User
from customers.text import read_soon


class NoNextStep(Refused):
    code = "next_step_missing"
    message = _("Say what the next step is, so that the reminder means something.")


def log_interaction(
    customer: Customer,
    *,
    kind: str,
    text: str = "",
    contact: Contact | None = None,
    direction: str = Interaction.Direction.OUT,
    reached: bool = True,
    occurred_at: datetime | None = None,
    next_step: str = "",
    next_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> Interaction:
    """Record one contact with a customer.

    Args:
        kind: call, visit, meeting, chat or email; ``reached``: false for an unanswered attempt,
            which is no contact for any measure.
        occurred_at: when it happened, ``at`` when unknown; never in the future.
        next_step: what was agreed or is to be done; ``next_at``: when ``by`` is to be reminded of it.

    Raises ``InTheFuture``, :class:`NoNextStep` and what ``set_reminder`` does. Side effects: touches the
    customer, writes event ``interaction.logged``, audit ``interaction.log``, and a reminder; what was said
    is read within seconds.
    """
    next_step = next_step.strip()
    if next_at is not None and not next_step:
        raise NoNextStep()
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
            next_step=next_step,
        )
        events.record(
            "interaction.logged",
            customer_id=customer.pk,
            subject=interaction,
            occurred_at=interaction.occurred_at,
            data={"kind": interaction.kind, "reached": reached},
        )
        audit.record("interaction.log", obj=interaction, by=by, at=at, customer_id=customer.pk)
        if reached:
            read_soon(interaction, at=at)
        if next_at is not None and by is not None:
            reminders.set_reminder(by, text=next_step, due_at=next_at, customer=customer, by=by, at=at)
    return interaction
