"""Reserving a contact: decided and booked by one conditional update, deferred or closed with a reason.

Two who ask at once for one person contend for her row of ``ContactGate``: each reads how many contacts
were granted, counts those of the last days, and books only while that number still stands.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, QuerySet
from django.db.models.lookups import IsNull
from django.utils.translation import gettext_lazy as _

from customers import company, consents
from customers.channels import addresses
from customers.contact import budget
from customers.ground import audit, drain, events, localtime
from customers.ground.errors import Refused
from customers.models import (
    Channel,
    Contact,
    ContactClass,
    ContactGate,
    ContactReason,
    ContactReservation,
    Message,
    SocialHandle,
    User,
)
from customers.models.contacting import CONSENT_FOR, LIMITED, TOGETHER

log = logging.getLogger(__name__)

State = ContactReservation.State
Reason = ContactReason
PUT_OFF = timedelta(hours=1)  # after a fault of ours


class ReservationEnded(Refused):
    code = "reservation_ended"
    message = _("This contact is decided already.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided: granted, or why not and (deferred) until when."""

    state: str
    reason: str = ""
    due_at: datetime | None = None


GRANTED = Verdict(State.GRANTED)


def reserve_contact(
    contact: Contact,
    *,
    purpose: str,
    channel: str,
    key: str,
    latest_at: datetime | None = None,
    follows: ContactReservation | None = None,
    by: User | None,
    at: datetime,
) -> ContactReservation:
    """Ask whether ``contact`` may be reached now, and book it in the same act.

    Asking again for the same ``purpose`` and ``key`` returns the first reservation, whoever it is for:
    so there is one event survey a case.

    Args:
        purpose: a ``ContactClass``; ``service`` has no limit and no quiet hours.
        key: what it is about, at most 120 letters, for example ``case:12``.
        latest_at: the latest useful moment; what is not granted by then closes as "too late".
        follows: the granted contact of this person that it reminds of, once: the two are one in the limit
            of their class; consent, quiet hours and the limit over all classes are asked again.

    Returns the reservation: *granted*; *deferred* (quiet hours, contacted often enough), to be decided
    anew at its ``due_at``; or *closed* for a reason that no waiting mends. Callers that reserve for many
    do so in order of contact. Side effects: audit ``contact.reserve``.
    """
    purpose, channel = ContactClass(purpose), Channel(channel)
    if not key:
        raise ValueError("a reservation says what it is about")
    if follows is not None and (follows.state, follows.contact_id) != (State.GRANTED, contact.pk):
        raise ValueError("one reminds only of what was granted for the same person")
    if (known := _known(purpose, key)) is not None:
        return known
    try:
        with transaction.atomic():
            verdict = _decide_and_book(
                contact,
                purpose=purpose,
                channel=channel,
                latest_at=latest_at,
                is_reminder=follows is not None,
                at=at,
            )
            row = ContactReservation.objects.create(
                customer_id=contact.customer_id,
                contact=contact,
                purpose=purpose,
                channel=channel,
                key=key,
                asked_at=at,
                latest_at=max(latest_at, at) if latest_at is not None else None,
                follows=follows,
                by=by,
                **_columns(verdict, at=at),
            )
            codes = {"purpose": row.purpose, "channel": row.channel, "state": row.state, "reason": row.reason}
            audit.record(
                "contact.reserve", obj=row, by=by, at=at, customer_id=contact.customer_id, codes=codes
            )
    except IntegrityError:
        if (known := _known(purpose, key)) is None:
            raise
        return known
    return row


def take_back(reservation: ContactReservation, *, by: User | None, at: datetime) -> ContactReservation:
    """Close a deferred contact that nobody needs any more; raise :class:`ReservationEnded`.

    Side effects: event ``contact.closed``; audit ``contact.take_back``.
    """
    return _close(reservation, State.DEFERRED, by=by, at=at)


def let_go(reservation: ContactReservation, *, by: User | None, at: datetime) -> ContactReservation:
    """Close a granted contact that was not made and nobody needs any more: no limit counts it any longer.

    Raises :class:`ReservationEnded` when it is not granted, or a message was written for it. Side effects as
    of :func:`take_back`.
    """
    unused = ~Exists(Message.objects.filter(reservation=reservation.pk))
    return _close(reservation, State.GRANTED, unused, by=by, at=at)


def obstacle_to(contact: Contact, *, purpose: str, channel: str, at: datetime) -> str:
    """Return why no waiting would let ``contact`` be reached by ``channel``, a ``ContactReason``, or nothing.

    Books nothing: whoever goes on asks :func:`reserve_contact`.
    """
    return _never(contact, purpose=ContactClass(purpose), channel=Channel(channel), at=at)


def history(reservations: QuerySet[ContactReservation]) -> QuerySet[ContactReservation]:
    """Return reservations, the newest first, with whom they are about."""
    return reservations.select_related("contact", "customer").order_by("-id")


@drain.poller("customers.contact")
def consider_due(at: datetime, *, limit: int = 50) -> int:
    """Decide deferred contacts anew whose moment has come; return how many were decided.

    Side effects: for each that ends, event ``contact.granted`` or ``contact.closed`` with the
    reservation as its subject: whoever asked goes on from there.
    """
    due = ContactReservation.objects.due(at)  # type: ignore[attr-defined]
    done = 0
    for pk in list(due.values_list("pk", flat=True)[:limit]):
        try:
            done += _consider(pk, at=at)
        except Exception:  # one that fails must not keep the others
            log.exception("contact reservation failed", extra={"reservation": pk})
            ContactReservation.objects.filter(pk=pk, state=State.DEFERRED).update(due_at=at + PUT_OFF)
    return done


def _close(
    reservation: ContactReservation, state: str, *conditions: Any, by: User | None, at: datetime
) -> ContactReservation:
    ended = {"state": State.CLOSED, "reason": Reason.TAKEN_BACK, "due_at": None, "granted_day": None}
    with transaction.atomic():
        rows = ContactReservation.objects.filter(*conditions, pk=reservation.pk, state=state)
        if not rows.update(**ended, ended_at=at):
            raise ReservationEnded()
        events.record(
            "contact.closed",
            customer_id=reservation.customer_id,
            subject=reservation,
            occurred_at=at,
            data={"purpose": reservation.purpose, "reason": str(Reason.TAKEN_BACK)},
        )
        audit.record("contact.take_back", obj=reservation, by=by, at=at, customer_id=reservation.customer_id)
    reservation.refresh_from_db()
    return reservation


def _known(purpose: str, key: str) -> ContactReservation | None:
    return ContactReservation.objects.filter(purpose=purpose, key=key).first()


def _consider(pk: int, *, at: datetime) -> bool:
    """Decide one anew; whether it was ours to decide."""
    with transaction.atomic():
        due = ContactReservation.objects.due(at)  # type: ignore[attr-defined]
        row = due.filter(pk=pk).select_for_update(skip_locked=True).first()
        if row is None:
            return False
        contact = Contact.objects.select_related("customer").get(pk=row.contact_id)
        verdict = _decide_and_book(
            contact,
            purpose=row.purpose,
            channel=row.channel,
            latest_at=row.latest_at,
            is_reminder=row.follows_id is not None,
            at=at,
        )
        mine = ContactReservation.objects.filter(pk=pk, state=State.DEFERRED, due_at=row.due_at)
        if not mine.update(tries=F("tries") + 1, **_columns(verdict, at=at)):
            transaction.set_rollback(True)  # somebody else decided it; what was booked goes back
            return False
        if verdict.state != State.DEFERRED:
            said: dict[str, Any] = {"customer_id": row.customer_id, "subject": row, "occurred_at": at}
            kind = "contact.granted" if verdict.state == State.GRANTED else "contact.closed"
            events.record(kind, **said, data={"purpose": row.purpose, "reason": verdict.reason})
    return True


def _columns(verdict: Verdict, *, at: datetime) -> dict[str, Any]:
    """Return what a verdict writes into the row."""
    is_granted = verdict.state == State.GRANTED
    return {
        "state": verdict.state,
        "reason": verdict.reason,
        "due_at": verdict.due_at,
        "ended_at": None if verdict.state == State.DEFERRED else at,
        "granted_day": company.today(at).number if is_granted else None,
    }


# --- Deciding ----------------------------------------------------------------------------------
def _decide_and_book(
    contact: Contact,
    *,
    purpose: str,
    channel: str,
    latest_at: datetime | None,
    is_reminder: bool,
    at: datetime,
) -> Verdict:
    """Decide, and book what is granted before anybody else can; past its latest moment, close."""
    if latest_at is not None and at > latest_at:
        return Verdict(State.CLOSED, Reason.TOO_LATE)
    if reason := _never(contact, purpose=purpose, channel=channel, at=at):
        return Verdict(State.CLOSED, reason)
    if purpose == ContactClass.SERVICE:
        return GRANTED
    verdict = _in_time(contact, purpose=purpose, is_reminder=is_reminder, at=at)
    if verdict.due_at is None or latest_at is None:
        return verdict
    if at >= latest_at:
        return Verdict(State.CLOSED, Reason.TOO_LATE)
    return replace(verdict, due_at=min(verdict.due_at, latest_at))


def _never(contact: Contact, *, purpose: str, channel: str, at: datetime) -> str:
    """Return why no waiting would help, or nothing."""
    today = localtime.day_of(company.today(at).number)
    has_left = contact.left_on is not None and contact.left_on <= today
    if contact.erased_at is not None or contact.customer.gone_at is not None or has_left:
        return Reason.GONE
    address = address_of(contact, channel)
    if not address:
        return Reason.NO_ADDRESS
    if addresses.is_dead(contact, channel=channel, address=address):
        return Reason.DEAD_ADDRESS
    if not consents.may_contact(contact, purpose=CONSENT_FOR[purpose], channel=channel, at=at):
        return Reason.NO_CONSENT
    return ""


def address_of(contact: Contact, channel: str) -> str:
    """Return where ``contact`` is reached by ``channel``; empty when nothing is known.

    Messengers are reached by the contact's name on WeCom, else WeChat; post goes to the customer's street.
    """
    if channel == Channel.EMAIL:
        return contact.email.strip()
    if channel == Channel.POST:
        return contact.customer.street.strip()
    if channel == Channel.MESSENGER:
        names = dict(contact.social_handles.order_by("-id").values_list("platform", "handle"))
        return names.get(SocialHandle.Platform.WECOM) or names.get(SocialHandle.Platform.WECHAT, "")
    return contact.phone.strip()


def _in_time(contact: Contact, *, purpose: str, is_reminder: bool, at: datetime) -> Verdict:
    """Return what quiet hours and limits say, booked where it is granted."""
    quiet, zone = budget.quiet_hours(), budget.zone_of(contact.customer)
    if (ends := quiet.until(at, zone)) is not None:
        return Verdict(State.DEFERRED, Reason.QUIET_HOURS, ends)
    caps, today = budget.limits(), company.today(at)
    ContactGate.objects.bulk_create([ContactGate(contact=contact)], ignore_conflicts=True)
    gate = ContactGate.objects.filter(contact=contact)
    while True:
        granted, own = gate.values_list("granted", "contact__at_most_once_in_days").get()
        if day := _first_free(
            contact,
            codes=(TOGETHER,) if is_reminder else (purpose, TOGETHER),
            caps=caps,
            own=own,
            today=today.number,
        ):
            free = localtime.start_of_day(day, today.zone)
            return Verdict(State.DEFERRED, Reason.LIMIT_REACHED, quiet.until(free, zone) or free)
        if gate.filter(granted=granted).update(granted=F("granted") + 1):
            return GRANTED


def _first_free(
    contact: Contact, *, codes: Iterable[str], caps: dict[str, budget.Limit], own: int | None, today: int
) -> int | None:
    """Return the local day on which the limits of ``codes`` leave room again; nothing when they do today.

    ``own``: in how many days she wants to be contacted at most once, over all classes like ``together``.
    A reminder is no contact of its own in the limit of its class, but one over all classes.
    """
    counted = ContactReservation.objects.filter(
        contact=contact, state=State.GRANTED, purpose__in=LIMITED, granted_day__gt=today - budget.MOST_DAYS
    )
    made: list[tuple[Any, str, bool]] = sorted(
        counted.values_list("granted_day", "purpose", IsNull(F("follows"), False)), reverse=True
    )
    free = today if own is None or not made else max(today, made[0][0] + own)
    for code in codes:
        limit = caps[code]
        days = [day for day, of, reminds in made if code == TOGETHER or (code == of and not reminds)]
        if limit.most is not None and len(days) >= limit.most:
            free = max(free, days[limit.most - 1] + limit.days)
    return free if free > today else None
