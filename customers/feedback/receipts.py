"""The receipt for what somebody wrote: at once, in her language, with the link to follow it.

Only to addresses that stand in a contact's file, never to one that a stranger typed: nobody can have us write
to others. A handful a day at most, so that neither a form nor two machines that answer each other flood her.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import override

from customers import callbacks, company
from customers import contact as contacting
from customers.channels import links
from customers.channels.writing import send_message
from customers.contact.budget import zone_of
from customers.feedback import tracking
from customers.models import Channel, Contact, ContactClass, ContactReservation, Message, UnknownFeedback

LINK = "feedback_link"
MOST_A_DAY = 3
USEFUL = timedelta(days=1)
_KEY = "receipt:feedback:"


def register() -> None:
    """Fill the links of receipts (in ``ready()``)."""
    links.register(LINK, address_in)


def key_of(row: UnknownFeedback) -> str:
    """Return the key under which the contact for a receipt is reserved: one receipt for each."""
    return f"{_KEY}{row.pk}"


def send(row: UnknownFeedback, contact: Contact, *, at: datetime) -> Message | None:
    """Tell a contact that what she wrote has arrived; nothing where she has no address, or had enough today."""
    channel = _channel(row, contact)
    sent = ContactReservation.objects.filter(
        contact=contact, purpose=ContactClass.SERVICE, key__startswith=_KEY, asked_at__gt=at - USEFUL
    )
    if channel is None or sent.count() >= MOST_A_DAY:
        return None
    reservation = contacting.reserve_contact(
        contact,
        purpose=ContactClass.SERVICE,
        channel=channel,
        key=key_of(row),
        latest_at=at + USEFUL,
        by=None,
        at=at,
    )
    if reservation.state != ContactReservation.State.GRANTED:
        return None
    return send_message(reservation, **_words(row, contact, channel), by=None, at=at)


def address_in(message: Message) -> str:
    """Return the address that a receipt carries; nothing where it opens nothing any more."""
    key = message.reservation.key if message.reservation is not None else ""
    pk = key.removeprefix(_KEY)
    row = UnknownFeedback.objects.filter(pk=pk).first() if key.startswith(_KEY) and pk.isdigit() else None
    return tracking.address_of(row) if row is not None else ""


def _channel(row: UnknownFeedback, contact: Contact) -> Channel | None:
    """Return by what she wrote or called, else by what she can be reached."""
    if contact.email and ("@" in row.stated_reach or not contact.phone):
        return Channel.EMAIL
    return Channel.SMS if contact.phone else None


def _words(row: UnknownFeedback, contact: Contact, channel: Channel) -> dict[str, Any]:
    firm = company.current()
    with override(contact.language or row.language or firm.language):
        said = {
            "name": contact.name,
            "company": firm.name,
            "moment": callbacks.promise(row.respond_by, zone_of(contact.customer)),
            "link": links.place(LINK),
        }
        if channel != Channel.EMAIL:
            text = _("%(company)s has received your words. You hear from us by %(moment)s: %(link)s") % said
            params = {name: str(value)[:500] for name, value in said.items()}
            return {"text": text, "template": "feedback_receipt", "params": params}
        subject = _("We have received your words – %(company)s") if firm.name else _("We have received your words")
        text = _(
            "Hello %(name)s,\n\nwhat you wrote to us has arrived, and somebody is seeing to it. You hear from us "
            "by %(moment)s.\n\nHere you can see at any time how far it is:\n%(link)s\n\n%(company)s"
        )
        return {"subject": subject % said, "text": text % said}
