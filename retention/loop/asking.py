"""Telling customers: a receipt at once, and when something was done the question whether it is solved."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from customers import complaints, tracking
from customers import contact as contacting
from customers.channels import links, senders
from customers.channels.writing import send_message
from customers.ground.errors import Refused
from customers.models import (
    Complaint,
    Contact,
    ContactClass,
    ContactReason,
    ContactReservation,
    Message,
    User,
)
from customers.models.channels import SENDABLE
from retention.loop import letters, moves, rematching
from retention.loop.missing import LoopUnfinished, Need, in_words, missing
from retention.models import LoopClosure, LoopStep

RECEIPT_USEFUL = timedelta(days=1)
ASK_USEFUL = timedelta(days=3)
"""What waits longer for its way out is not sent any more."""
_KEY = re.compile(r"loop:(\d{1,18}):(receipt|ask)(?::(\d+))?(?::(\d+))?")
"""The loop, what it is, to whom or the how many-th, and how often the loop had begun anew."""
Kind = LoopStep.Kind
State = LoopClosure.State


class NoReplyAddress(Refused):
    code = "loop_without_reply_address"
    message = _(
        "There is no address to which this can be sent. Pass the link on by hand, or record the answer that "
        "was given in general or in public."
    )


def register() -> None:
    """Fill the links of messages (in ``ready()``)."""
    links.register(letters.LINK, address_in)


def reply_way(loop: LoopClosure, *, at: datetime) -> tuple[Contact, str] | None:
    """Return whom a message about a loop goes to, and by which channel in use; nothing without one."""
    contact = loop.contact
    if contact is None or loop.customer is None:
        return None
    for channel in SENDABLE:
        purpose = ContactClass.SERVICE
        if senders.in_use(channel) is None:
            continue
        if not contacting.obstacle_to(contact, purpose=purpose, channel=channel, at=at):
            return contact, channel
    return None


def is_reachable(loop: LoopClosure, *, at: datetime) -> bool:
    """Say whether there is an address to tell whoever told us, with or without a sender for it."""
    stated = loop.unknown.stated_reach if loop.unknown is not None else ""
    stated = stated or (loop.response.stated_reach if loop.response is not None else "")
    if stated:
        return True
    contact = loop.contact
    if contact is None:
        return False
    unreached = {ContactReason.GONE, ContactReason.NO_ADDRESS, ContactReason.DEAD_ADDRESS}
    ways = (
        contacting.obstacle_to(contact, purpose=ContactClass.SERVICE, channel=channel, at=at)
        for channel in SENDABLE
    )
    return any(way not in unreached for way in ways)


def send_receipt(loop: LoopClosure, *, at: datetime) -> Message | None:
    """Tell whom we can reach that it has arrived, each person once; in the caller's transaction."""
    way = reply_way(loop, at=at)
    if way is None:
        return None
    contact, channel = way
    letter = letters.receipt(loop, contact, channel=channel)
    what = f"receipt:{contact.pk}"
    return _send(loop, contact, channel, letter, what=what, within=RECEIPT_USEFUL, by=None, at=at)


def ask_customer(
    loop: LoopClosure, *, message: str, by_hand: bool = False, by: User | None, at: datetime
) -> LoopClosure:
    """Tell the customer what was done and ask whether it is solved; from now her word decides.

    Args:
        by_hand: nothing is sent; somebody passes the link to the status page on, which is no contact yet.

    Raises ``LoopUnfinished`` with what is missing, :class:`NoReplyAddress` where nothing can be sent,
    ``LoopEnded``, ``LoopMoved``, ``LoopMoveNotAllowed``. Side effects: a service message; the complaint is
    resolved; step, audit, event ``loop.asked``.
    """
    message = message.strip()
    moves.refuse_ended(loop)
    if lacking := missing(loop, message=message):
        raise LoopUnfinished(missing=in_words(lacking))
    with transaction.atomic():
        way = None if by_hand else reply_way(loop, at=at)
        if way is None and not by_hand:
            raise NoReplyAddress()
        moves.move_to(
            loop,
            State.ASKED,
            kind=Kind.ASKED,
            text=message,
            by=by,
            at=at,
            message_text=message,
            asked_at=at,
            asked_message=None,
            contacted_at=loop.contacted_at if way is None else loop.contacted_at or at,
        )
        if way is not None:
            contact, channel = way
            letter = letters.asked(loop, contact, channel=channel, message=message)
            asked = LoopStep.objects.filter(loop=loop, kind=Kind.ASKED).count()
            what = f"ask:{asked}"
            sent = _send(loop, contact, channel, letter, what=what, within=ASK_USEFUL, by=by, at=at)
            if sent is None:
                raise NoReplyAddress()  # and all of it is taken back
            LoopClosure.objects.filter(pk=loop.pk).update(asked_message=sent)
            loop.asked_message = sent
        resolve(loop, by=by, at=at)
        moves.tell("loop.asked", loop, at=at)
    return loop


def guard(complaint: Complaint) -> None:
    """Refuse to resolve a complaint whose customer was not told and asked (see ``customers.complaints``)."""
    waiting = [State.RECEIVED, State.ASSIGNED, State.WORKING]
    loop = LoopClosure.objects.filter(complaint=complaint, state__in=waiting).first()
    if loop is not None:
        raise LoopUnfinished(missing=in_words(missing(loop) or [Need.MESSAGE]))


def status_address(loop: LoopClosure) -> str:
    """Return the address of the status page; nothing once the server's secret has changed."""
    token = tracking.sent_token(loop.salt, loop.token_hash)
    return settings.PUBLIC_BASE_URL + reverse("retention:loop_status", args=[token]) if token else ""


def address_in(message: Message) -> str:
    """Return the address that a message carries; nothing when it leads nowhere, or to another's page."""
    found = _found(message)
    if found is None:
        return ""
    loop, _what, _number, turn = found
    return status_address(loop) if turn == rematching.turn_of(loop) else ""


def loop_not_reached(message_id: int) -> LoopClosure | None:
    """Return the loop whose newest question did not arrive, by the message that carried it."""
    message = Message.objects.filter(pk=message_id, reservation__isnull=False).first()
    if message is None or message.state not in {
        Message.State.FAILED,
        Message.State.BOUNCED,
        Message.State.DROPPED,
    }:
        return None
    found = _found(message)
    if found is None:
        return None
    loop, what, number, _turn = found
    if what != "ask" or loop.state not in (State.ASKED, State.UNCONFIRMED):
        return None
    asked = LoopStep.objects.filter(loop=loop, kind=Kind.ASKED).count()
    return loop if number == str(asked) else None


def _found(message: Message) -> tuple[LoopClosure, str, str | None, int] | None:
    """Return the loop that a message is about, with the parts of its key."""
    key = ContactReservation.objects.filter(pk=message.reservation_id).values_list("key", flat=True).first()
    found = _KEY.fullmatch(key or "")
    loop = LoopClosure.objects.filter(pk=int(found[1])).first() if found else None
    return (loop, found[2], found[3], int(found[4] or 0)) if found and loop is not None else None


def _send(
    loop: LoopClosure,
    contact: Contact,
    channel: str,
    letter: letters.Letter,
    *,
    what: str,
    within: timedelta,
    by: User | None,
    at: datetime,
) -> Message | None:
    reservation = contacting.reserve_contact(
        contact,
        purpose=ContactClass.SERVICE,
        channel=channel,
        key=f"loop:{loop.pk}:{what}:{rematching.turn_of(loop)}",
        latest_at=at + within,
        by=by,
        at=at,
    )
    if reservation.state != ContactReservation.State.GRANTED:
        return None
    return send_message(
        reservation,
        subject=letter.subject,
        text=letter.text,
        template=letter.template,
        params=letter.params,
        by=by,
        at=at,
    )


def resolve(loop: LoopClosure, *, by: User | None, at: datetime) -> None:
    """Let the complaint be resolved with the message; her word may open it again."""
    complaint = Complaint.objects.filter(pk=loop.complaint_id, state=Complaint.State.OPEN, void=False).first()
    if complaint is not None:
        complaints.resolve(complaint, by=by, at=at)
