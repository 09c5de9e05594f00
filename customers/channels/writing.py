"""Messages: written with the change that causes them, for the worker to send."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit, drain
from customers.ground.errors import Refused
from customers.models import Channel, ContactClass, ContactReservation, Message, Sender, User
from customers.models.channels import SENDABLE

MOST_PARAMS = 20
MOST_OF_PARAM = 500


class NotGranted(Refused):
    code = "contact_not_granted"
    message = _("This contact was not granted, so nothing is sent.")


class NotSendable(Refused):
    code = "channel_not_sendable"
    message = _("Nothing is sent by this channel: choose e-mail, text message or messenger.")


class NothingToSay(Refused):
    code = "message_empty"
    message = _("Write the message: a subject and a text for e-mail, a text or a template otherwise.")


class AddressRefused(Refused):
    code = "test_address"
    message = _("Write an address to which this sender can send: an e-mail address, a number, a name.")


def send_message(
    reservation: ContactReservation,
    *,
    subject: str = "",
    text: str = "",
    html: str = "",
    template: str = "",
    params: Mapping[str, str] | None = None,
    by: User | None,
    at: datetime,
) -> Message:
    """Write a message for a contact that was granted; the worker sends it. In the caller's transaction.

    A reservation has one message: asked again, the first is returned.

    Args:
        text: may hold ``{{unsubscribe}}``; ``html``: made of the text when empty.
        template, params: what a provider of templates fills; at most 20 values of 500 letters.

    Raises :class:`NotGranted`, :class:`NotSendable`, :class:`NothingToSay`. Side effects: audit
    ``message.write``; the drain wakes after the commit.
    """
    if reservation.state != ContactReservation.State.GRANTED:
        raise NotGranted()
    if reservation.channel not in SENDABLE:
        raise NotSendable()
    said = dict(params or {})
    if len(said) > MOST_PARAMS or any(len(value) > MOST_OF_PARAM for value in said.values()):
        raise ValueError("too many or too long values for a template")
    is_mail = reservation.channel == Channel.EMAIL
    if not (subject.strip() and text.strip() if is_mail else text.strip() or template):
        raise NothingToSay()
    with transaction.atomic():
        message, is_new = Message.objects.get_or_create(
            reservation=reservation,
            defaults={
                "customer_id": reservation.customer_id,
                "contact_id": reservation.contact_id,
                "channel": reservation.channel,
                "purpose": reservation.purpose,
                "latest_at": reservation.latest_at,
                **_written(subject=subject, text=text, html=html, template=template, params=said),
                **_begun(by=by, at=at),
            },
        )
        if is_new:
            codes = {"purpose": message.purpose, "channel": message.channel}
            audit.record(
                "message.write", obj=message, by=by, at=at, customer_id=message.customer_id, codes=codes
            )
            transaction.on_commit(drain.wake)
    return message


def try_out(sender: Sender, *, to: str, by: User, at: datetime) -> Message:
    """Write a message that tries a sender out, in use or not; the worker sends it as any other.

    Raises :class:`AddressRefused`. Side effects: audit ``sender.try``; the drain wakes after the commit.
    """
    to = to.strip()
    if not to or len(to) > 254 or not to.isprintable() or (sender.channel == Channel.EMAIL) != ("@" in to):
        raise AddressRefused()
    firm = company.find()
    name = firm.name if firm is not None and firm.name else "Liuke"
    with translation.override(by.language):
        subject = gettext("Test of “%(sender)s”") % {"sender": sender.name}
        text = gettext("This is a test of %(company)s. No answer is needed.") % {"company": name}
    with transaction.atomic():
        message = Message.objects.create(
            sender=sender,
            channel=sender.channel,
            purpose=ContactClass.SERVICE,
            to=to,
            **_written(subject=subject, text=text, html="", template="test", params={"text": text}),
            **_begun(by=by, at=at),
        )
        audit.record("sender.try", obj=sender, by=by, at=at, codes={"message": message.pk})
        transaction.on_commit(drain.wake)
    return message


def history(messages: QuerySet[Message]) -> QuerySet[Message]:
    """Return messages, the newest first, with whom they are for."""
    return messages.select_related("contact", "customer", "sender").order_by("-id")


def _written(
    *, subject: str, text: str, html: str, template: str, params: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "subject": " ".join(subject.split())[:200],
        "text": text,
        "html": html,
        "template": template,
        "params": json.dumps(params, ensure_ascii=False) if params else "",
    }


def _begun(*, by: User | None, at: datetime) -> dict[str, Any]:
    return {"uid": uuid.uuid4().hex, "made_at": at, "due_at": at, "by": by}
