"""Addresses as they are compared, and those that do not work."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from customers import reminders, stubs
from customers.ground import audit, events
from customers.models import Channel, Contact, Customer, DeadAddress, Reminder, User
from customers.models.people import Role

FIRST_LOOK = timedelta(minutes=1)


def key_of(address: str, *, channel: str) -> str:
    """Return an address as it is compared: mail in small letters, numbers by their digits without +86."""
    if channel != Channel.SMS:
        return address.strip().lower()
    digits = "".join(char for char in address if char.isascii() and char.isdigit())
    for prefix in ("0086", "86"):
        if digits.startswith(prefix) and len(digits) == len(prefix) + 11:
            return digits.removeprefix(prefix)
    return digits


def is_dead(contact: Contact, *, channel: str, address: str) -> bool:
    """Say whether this address of a contact was found not to work."""
    key = key_of(address, channel=channel)
    return contact.dead_addresses.filter(channel=channel, address=key).exists()


def dead_channels(contact: Contact, rows: Iterable[DeadAddress]) -> tuple[Channel, ...]:
    """Return the channels whose present address of ``contact`` is among the dead ones of ``rows``."""
    present = {Channel.EMAIL: contact.email, Channel.SMS: contact.phone}
    keys = {channel: key_of(address, channel=channel) for channel, address in present.items()}
    dead = {(row.channel, row.address) for row in rows if row.contact_id == contact.pk}
    return tuple(channel for channel, key in keys.items() if (channel, key) in dead)


def mark_dead(contact: Contact, *, channel: str, address: str, code: str, at: datetime) -> bool:
    """Note that an address does not work, and give whoever looks after the customer a task; once.

    Does nothing for somebody who was erased: nothing is written of her any more.

    Side effects: a reminder (of the owner, else of the team's lead, else of an admin), event
    ``contact.address_dead``, audit ``contact.address_dead``.
    """
    key = key_of(address, channel=channel)
    with transaction.atomic():
        stubs.resolved_one(contact.customer_id)  # an erasure waits, or is seen
        if not key or not Contact.objects.filter(pk=contact.pk, erased_at=None).exists():
            return False
        row, is_new = DeadAddress.objects.get_or_create(
            contact=contact,
            channel=channel,
            address=key,
            defaults={"customer_id": contact.customer_id, "code": code, "found_at": at},
        )
        if not is_new:
            return False
        row.task = _task(contact.customer, channel=channel, at=at)
        row.save(update_fields=["task"])
        codes = {"channel": channel, "code": code}
        said: dict[str, Any] = {"customer_id": contact.customer_id}
        events.record("contact.address_dead", subject=contact, occurred_at=at, data=codes, **said)
        audit.record("contact.address_dead", obj=contact, by=None, at=at, codes=codes, **said)
    return True


def clear(contact: Contact, *, channel: str, by: User | None, at: datetime) -> int:
    """Let the addresses of a channel count as working again; return how many did not.

    Side effects: audit ``contact.address_clear``.
    """
    with transaction.atomic():
        gone, _rows = contact.dead_addresses.filter(channel=channel).delete()
        if gone:
            codes = {"channel": channel}
            audit.record(
                "contact.address_clear",
                obj=contact,
                by=by,
                at=at,
                customer_id=contact.customer_id,
                codes=codes,
            )
    return gone


def _task(customer: Customer, *, channel: str, at: datetime) -> Reminder | None:
    who = _who_looks_after(customer)
    if who is None:
        return None
    with translation.override(who.language):
        texts = {
            Channel.EMAIL: _("An e-mail address of this customer does not work: ask for the right one."),
            Channel.SMS: _("A phone number of this customer does not work: ask for the right one."),
        }
        text = texts.get(
            Channel(channel), _("A messenger name of this customer does not work: ask for the right one.")
        )
    return reminders.set_reminder(who, text=text, due_at=at + FIRST_LOOK, customer=customer, by=None, at=at)


def _who_looks_after(customer: Customer) -> User | None:
    """Return the owner, else a lead of the team, else an admin."""
    active = User.objects.filter(is_active=True).order_by("pk")
    if customer.owner_id and (owner := active.filter(pk=customer.owner_id).first()):
        return owner
    leads = active.filter(role=Role.TEAM_LEAD, team_id=customer.team_id, team__isnull=False)
    return leads.first() or active.filter(role=Role.ADMIN).first()
