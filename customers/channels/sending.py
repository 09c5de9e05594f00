"""The worker that sends messages, each attempt committed before anything leaves.

A message is claimed by lease and its attempt committed before anything leaves. Whoever dies in between, or
gets no answer after it was handed over, leaves an attempt whose end is unknown: service is sent again with
the same Message-ID, everything else is not (decision 7).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from customers import company, consents
from customers import contact as contacting
from customers.channels import addresses, delivering, links, senders, unsubscribing
from customers.channels.delivering import Result
from customers.contact import budget
from customers.ground import clock, drain, events, localtime, pulse
from customers.ground.models import Event
from customers.models import (
    Attempt,
    Contact,
    ContactClass,
    Message,
    Sender,
)
from customers.models.contacting import CONSENT_FOR

log = logging.getLogger(__name__)

State, Reason, Outcome = Message.State, Message.Reason, Attempt.Outcome
LEASE = timedelta(seconds=120)  # real time; longer than any sender may take
MOST_TRIES = 8
BACK_OFF = timedelta(seconds=30)
LONGEST_BACK_OFF = timedelta(hours=1)
NO_SENDER_WAITS = timedelta(minutes=10)
PAUSE = timedelta(seconds=60)
TURN_SECONDS = 2.0
_END_OF = {
    Outcome.ACCEPTED: State.SENT,
    Outcome.FAILED: State.FAILED,
    Outcome.BOUNCED: State.BOUNCED,
    Outcome.UNKNOWN: State.UNKNOWN,
}


@drain.poller("customers.channels")
def send_due(at: datetime) -> int:
    """Send what is due, for at most two seconds; return how many messages moved on."""
    began, moved = time.monotonic(), _give_up_lost(at)
    while time.monotonic() - began < TURN_SECONDS:
        did = _send_next(at)
        if did is None:
            break
        moved += did
    return moved


def hold_back(messages: QuerySet[Message], *, at: datetime) -> None:
    """Let none of ``messages`` that wait leave any more; one that is on its way is not tried again.

    One statement, whatever their number; :func:`take_back` drops them. In the caller's transaction.
    """
    under_way = messages.filter(state__in=[State.WAITING, State.SENDING])
    under_way.update(latest_at=at, reason=Reason.TAKEN_BACK)


def take_back(messages: QuerySet[Message], *, most: int, at: datetime) -> int:
    """Drop those of ``messages`` that wait, ``most`` at once, since nobody needs them; return how many.

    In the caller's transaction. Side effects: event ``message.ended`` for each that is dropped.
    """
    waiting = messages.filter(state=State.WAITING).select_for_update(of=("self",)).order_by("pk")
    dropped = list(waiting.only("customer_id", "purpose")[:most])
    ended = {"state": State.DROPPED, "reason": Reason.TAKEN_BACK, "ended_at": at}
    Message.objects.filter(pk__in=[one.pk for one in dropped]).update(**ended, lease_until=None)
    events.record_many([_ended(one, State.DROPPED, reason=Reason.TAKEN_BACK, at=at) for one in dropped])
    return len(dropped)


def _send_next(at: datetime) -> int | None:
    """Take the next message and send it; nothing when none is due."""
    due = _due(at)
    if not due.exists():  # an idle drain takes no write lock
        return None
    with transaction.atomic():
        message = due.select_for_update(skip_locked=True, of=("self",)).first()
        if message is None:
            return None
        ready = _prepare(message, at=at)
        if ready is None:
            return 1
        sender, unsubscribe, attempt, made = ready
    result = delivering.deliver(message, sender, unsubscribe=unsubscribe, links=made, now=clock.real_now())
    _settle(message, attempt, result, at=at)
    return 1


def _due(at: datetime) -> QuerySet[Message]:
    """Return what may be sent now: not by a sender that rests."""
    resting = Sender.objects.filter(paused_until__gt=at)
    in_use = resting.filter(is_active=True)
    rests = Q(sender__in=resting.values("pk")) | Q(
        sender__isnull=True, channel__in=list(in_use.values_list("channel", flat=True))
    )
    return Message.objects.filter(state=State.WAITING, due_at__lte=at).exclude(rests).order_by("due_at", "id")


def _prepare(message: Message, *, at: datetime) -> tuple[Sender, str, Attempt, Mapping[str, str]] | None:
    """Book the attempt; nothing when the message waits on or ends here."""
    if message.contact_id is None:
        return *_book(message, sender=Sender.objects.get(pk=message.sender_id)), {}
    contact = Contact.objects.select_related("customer").get(pk=message.contact_id)
    if reason := _never(message, contact, at=at):
        _end(message, State.DROPPED, reason=reason, at=at)
        return None
    made = links.of(message)
    if made is None:
        _end(message, State.DROPPED, reason=Reason.TAKEN_BACK, at=at)
        return None
    sender = senders.in_use(message.channel)
    wait = _waits_for(message, contact, at=at)
    if sender is None or wait is not None:
        reason, due_at = wait or (Reason.NO_SENDER, at + NO_SENDER_WAITS)
        Message.objects.filter(pk=message.pk).update(reason=reason, due_at=due_at)
        return None
    message.to = contacting.address_of(contact, message.channel)
    return *_book(message, sender=sender), made


def _book(message: Message, *, sender: Sender) -> tuple[Sender, str, Attempt]:
    """Lease the message and write down the attempt, with a link to unsubscribe unless it is service."""
    real, token = clock.real_now(), pulse.lease_token()
    message.sender, message.lease_token, message.tries = sender, token, message.tries + 1
    message.to_key = addresses.key_of(message.to, channel=message.channel)
    message.state, message.lease_until = State.SENDING, real + LEASE
    message.save(update_fields=["sender", "lease_token", "tries", "to", "to_key", "state", "lease_until"])
    attempt = Attempt.objects.create(message=message, number=message.tries, sender=sender, started_at=real)
    is_service = message.purpose == ContactClass.SERVICE
    return sender, "" if is_service else unsubscribing.link_for(message, now=real), attempt


def _never(message: Message, contact: Contact, *, at: datetime) -> str:
    """Return why a message is not sent at all, or nothing; asked before each attempt."""
    if message.reason == Reason.TAKEN_BACK:
        return Reason.TAKEN_BACK
    today = localtime.day_of(company.today(at).number)
    if contact.erased_at is not None or contact.customer.gone_at is not None:
        return Reason.GONE
    if contact.left_on is not None and contact.left_on <= today:
        return Reason.GONE
    if message.latest_at is not None and at > message.latest_at:
        return Reason.TOO_LATE
    if not consents.may_contact(
        contact, purpose=CONSENT_FOR[message.purpose], channel=message.channel, at=at
    ):
        return Reason.NO_CONSENT
    address = contacting.address_of(contact, message.channel)
    if not address:
        return Reason.NO_ADDRESS
    if addresses.is_dead(contact, channel=message.channel, address=address):
        return Reason.DEAD_ADDRESS
    return ""


def _waits_for(message: Message, contact: Contact, *, at: datetime) -> tuple[str, datetime] | None:
    """Return what a message still waits for, and until when; nothing when it may leave."""
    if message.purpose == ContactClass.SERVICE:
        return None
    ends = budget.quiet_hours().until(at, budget.zone_of(contact.customer))
    return (Reason.QUIET_HOURS, ends) if ends is not None else None


def _settle(message: Message, attempt: Attempt, result: Result, *, at: datetime) -> None:
    """Write down how an attempt ended, unless it was given up for lost and sent again meanwhile."""
    with transaction.atomic():
        mine = Message.objects.filter(
            pk=message.pk, lease_token=message.lease_token, state__in=[State.SENDING, State.UNKNOWN]
        )
        kept = {"code": result.code, "answer": result.answer, "provider_id": result.provider_id}
        if not mine.update(**kept, reason=result.reason):
            return
        Attempt.objects.filter(pk=attempt.pk).update(
            outcome=result.outcome, status=result.status, code=result.code
        )
        if result.is_of_sender:
            _rest(message.sender_id, result, at=at)
        message.refresh_from_db()
        _move_on(message, result, at=at)
    log.info(
        "message attempt",
        extra={"message_id": message.pk, "outcome": result.outcome, "code": result.code},
    )


def _move_on(message: Message, result: Result, *, at: datetime) -> None:
    is_again = result.outcome == Outcome.UNKNOWN and _is_sent_again(message)
    if result.outcome == Outcome.LATER or is_again:
        _put_off(message, result, at=at)
        return
    _end(message, _END_OF[Outcome(result.outcome)], reason=result.reason, at=at)
    if result.outcome == Outcome.BOUNCED and message.contact is not None:
        addresses.mark_dead(
            message.contact, channel=message.channel, address=message.to, code=result.code, at=at
        )


def _is_sent_again(message: Message) -> bool:
    """Say whether a message of unknown end is sent again: service is, better twice than never."""
    return message.purpose == ContactClass.SERVICE and message.contact_id is not None


def _put_off(message: Message, result: Result, *, at: datetime) -> None:
    if message.tries >= MOST_TRIES or message.contact_id is None:  # a test tells what happened at once
        is_unknown = result.outcome == Outcome.UNKNOWN
        state, reason = (State.UNKNOWN, result.reason) if is_unknown else (State.FAILED, Reason.GIVEN_UP)
        _end(message, state, reason=result.reason if message.contact_id is None else reason, at=at)
        return
    wait = min(BACK_OFF * 2 ** (message.tries - 1), LONGEST_BACK_OFF)
    if result.retry_after is not None:
        wait = min(max(timedelta(seconds=result.retry_after), wait), LONGEST_BACK_OFF)
    Message.objects.filter(pk=message.pk).update(
        state=State.WAITING,
        reason=result.reason,
        due_at=at + wait,
        lease_until=None,
        lease_token="",
        ended_at=None,
    )


def _end(message: Message, state: str, *, reason: str, at: datetime) -> None:
    """Let a message end, and tell it."""
    Message.objects.filter(pk=message.pk).update(state=state, reason=reason, ended_at=at, lease_until=None)
    message.state, message.reason, message.ended_at = state, reason, at
    if message.customer_id is not None:
        events.record_many([_ended(message, state, reason=reason, at=at)])


def _ended(message: Message, state: str, *, reason: str, at: datetime) -> Event:
    return Event(
        kind="message.ended",
        customer_id=message.customer_id,
        subject_type=message._meta.label_lower,
        subject_id=message.pk,
        occurred_at=at,
        data={"state": str(state), "reason": str(reason), "purpose": message.purpose},
    )


def _rest(sender_id: int | None, result: Result, *, at: datetime) -> None:
    """Let a sender rest that does not answer or asked us to wait: others would fare no better."""
    pause = PAUSE
    if result.retry_after is not None:
        pause = min(max(pause, timedelta(seconds=result.retry_after)), LONGEST_BACK_OFF)
    Sender.objects.filter(pk=sender_id).update(paused_until=at + pause)


def _give_up_lost(at: datetime) -> int:
    """End the attempts whose worker never came back: nobody knows whether they left."""
    lost = Message.objects.filter(state=State.SENDING, lease_until__lt=clock.real_now())
    if not lost.exists():
        return 0
    moved = 0
    for pk in list(lost.order_by("id").values_list("pk", flat=True)[:50]):
        with transaction.atomic():
            message = lost.select_for_update(skip_locked=True).filter(pk=pk).first()
            if message is None:
                continue
            running = message.attempts.filter(outcome="")
            running.update(outcome=Outcome.UNKNOWN, code="lost")
            _move_on(message, Result(Outcome.UNKNOWN, Reason.NO_ANSWER, code="lost"), at=at)
            moved += 1
    return moved
