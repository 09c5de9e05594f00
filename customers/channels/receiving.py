"""What a provider tells us by a signed webhook: receipts of delivery, and replies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers import interactions
from customers.channels import addresses, signing, unsubscribing
from customers.channels.senders import WEBHOOK, secrets_of
from customers.ground import events, rows
from customers.ground.errors import Refused
from customers.models import Channel, Consent, Contact, Interaction, Message, Received, Sender

MOST_BYTES = 64 * 1024
MOST_ITEMS = 500
MOST_OF_TEXT = 2000
ANSWERED_WITHIN = timedelta(days=90)  # a reply belongs to whom we wrote lately
State, Reason = Message.State, Message.Reason


class NotSigned(Refused):
    code = "webhook_not_signed"
    message = _("The signature is missing, wrong or too old.")


class NotReadable(Refused):
    code = "webhook_not_readable"
    message = _("The body is not what docs/channels.md describes.")


class NobodyKnown(Refused):
    code = "webhook_unmatched"
    message = _("None of these messages or addresses is known. Try again later.")


@dataclass(frozen=True, slots=True)
class Taken:
    """How many items of a call were known, and whether the call came before."""

    items: int
    is_repeat: bool = False


def receive(hook: str, *, headers: Mapping[str, str], body: bytes, now: datetime, at: datetime) -> Taken:
    """Take a provider's call: check its signature, then do what each item says, once.

    Args:
        hook: the part of the address that names the sender.
        headers: names in small letters. ``now``: the real time, for the signature.

    Raises :class:`NotSigned` (an unknown sender too), :class:`NotReadable`, and :class:`NobodyKnown` when
    no item is known, so that the provider tries again. Side effects: messages end, dead addresses are
    marked, replies become interactions, a word such as 退订 takes consent back.
    """
    sender = Sender.objects.select_related("sealed").filter(hook=hook).first()
    key = secrets_of(sender).get(WEBHOOK, "") if sender is not None else ""
    if sender is None or not key or not signing.is_standard(key, headers=headers, body=body, at=now):
        raise NotSigned()
    items = _items(body)
    with transaction.atomic():
        if not _is_first(sender, Received.Kind.CALL, headers["webhook-id"], now=now):
            return Taken(0, is_repeat=True)
        known = sum(_take(sender, item, now=now, at=at) for item in items)
        if items and not known:
            transaction.set_rollback(True)
    if items and not known:
        raise NobodyKnown()
    return Taken(known)


def _items(body: bytes) -> list[dict[str, Any]]:
    try:
        data = json.loads(body)
    except ValueError as error:
        raise NotReadable() from error
    items = data.get("events", [data]) if isinstance(data, dict) else data
    is_sound = isinstance(items, list) and len(items) <= MOST_ITEMS
    if not is_sound or not all(isinstance(item, dict) and _is_sound(item) for item in items):
        raise NotReadable()
    return list(items)


def _is_sound(item: Mapping[str, Any]) -> bool:
    needed: dict[str, tuple[str, ...]] = dict.fromkeys(_TO, ("message",))
    needed["reply"] = ("id", "from", "text")
    names = needed.get(str(item.get("type")))
    return names is not None and all(
        isinstance(item.get(name), str) and item[name] and "\0" not in item[name] for name in names
    )


def _is_first(sender: Sender, kind: str, provider_id: str, *, now: datetime) -> bool:
    """Note what came; whether it did not come before."""
    row = Received(sender=sender, kind=kind, provider_id=provider_id[:200], at=now)
    return bool(rows.insert_new([row], known_by="provider_id"))


def _take(sender: Sender, item: Mapping[str, Any], *, now: datetime, at: datetime) -> bool:
    """Do what one item says; whether its message or address is known."""
    if item["type"] == "reply":
        return _reply(sender, item, now=now, at=at)
    name = item["message"]
    found = Message.objects.filter(sender=sender)
    message = found.filter(provider_id=name).first() or found.filter(uid=name).first()
    if message is None:
        return False
    _receipt(message, item, at=at)
    return True


# --- Receipts ----------------------------------------------------------------------------------
_FROM: dict[str, tuple[str, ...]] = {
    "delivered": (State.SENT, State.UNKNOWN),
    "failed": (State.SENT, State.UNKNOWN),
    "bounced": (State.SENT, State.UNKNOWN, State.DELIVERED),
}
_TO: dict[str, tuple[str, str]] = {
    "delivered": (State.DELIVERED, ""),
    "failed": (State.FAILED, Reason.REFUSED),
    "bounced": (State.BOUNCED, Reason.DEAD_ADDRESS),
}


def _receipt(message: Message, item: Mapping[str, Any], *, at: datetime) -> None:
    state, reason = _TO[item["type"]]
    said = str(item.get("code", ""))
    code = "".join(char for char in said if char.isascii() and (char.isalnum() or char in "._-"))[:64]
    open_ = Message.objects.filter(pk=message.pk, state__in=_FROM[item["type"]])
    if not open_.update(state=state, reason=reason, code=code, ended_at=at):
        return
    if message.contact is not None:
        codes = {"state": str(state), "reason": str(reason), "purpose": message.purpose}
        events.record(
            "message.ended", customer_id=message.customer_id, subject=message, occurred_at=at, data=codes
        )
        if state == State.BOUNCED:
            addresses.mark_dead(
                message.contact, channel=message.channel, address=message.to, code=code, at=at
            )


# --- Replies -----------------------------------------------------------------------------------
def _reply(sender: Sender, item: Mapping[str, Any], *, now: datetime, at: datetime) -> bool:
    """Log a reply at whom we wrote to last; a word that ends messages counts for all at that address."""
    key = addresses.key_of(item["from"][:254], channel=sender.channel)
    wrote = Message.objects.filter(to_key=key, channel=sender.channel, contact__isnull=False)
    recent = wrote.exclude(to_key="").filter(made_at__gt=at - ANSWERED_WITHIN, contact__erased_at=None)
    people = list(dict.fromkeys(recent.order_by("-id").values_list("contact", flat=True)[:50]))
    if not people:
        return False
    if not _is_first(sender, Received.Kind.REPLY, item["id"], now=now):
        return True
    contacts = Contact.objects.select_related("customer").in_bulk(people)
    first = contacts[people[0]]
    kind = Interaction.Kind.EMAIL if sender.channel == Channel.EMAIL else Interaction.Kind.CHAT
    interactions.log_interaction(
        first.customer,
        kind=kind,
        text=item["text"][:MOST_OF_TEXT],
        contact=first,
        direction=Interaction.Direction.IN,
        by=None,
        at=at,
    )
    if unsubscribing.is_opt_out(item["text"]):
        for contact in contacts.values():
            unsubscribing.withdraw(contact, channel=sender.channel, source=Consent.Source.REPLY, at=at)
    return True
