"""Greeting: each who waits is asked for in the contact budget; what is granted is written, with its points.

One transaction each, so that one that fails keeps nobody else, and a worker that dies leaves nothing half
done: reservation, points and message stand together or not at all.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction
from django.db.models import Q

from customers import company, stubs
from customers import contact as contacting
from customers.channels.writing import send_message
from customers.ground import drain, events, localtime, outbox
from customers.ground.models import OutboxRow
from customers.models import ContactClass, ContactReason, ContactReservation, Message
from loyalty.ledger import accounts, earning
from loyalty.ledger.errors import NoProgramme
from loyalty.models import PointsEntry
from retention.care import letters, occasions
from retention.models import CarePlan, CareTouch

log = logging.getLogger(__name__)

AT_ONCE = 25
PUT_OFF = timedelta(hours=1)  # after a fault of ours
DECIDED, ENDED = "retention.care_decided", "retention.care_message_ended"
SOURCE = "care"
"""The type of the source of gift points in the ledger; its id is that of the touch."""
_SECOND = timedelta(seconds=1)
State = CareTouch.State


def subscribe() -> None:
    """Go on when contacts are decided and messages end (called once, when the app is ready)."""
    for kind in ("contact.granted", "contact.closed"):
        events.subscribe(kind, DECIDED)
    events.subscribe("message.ended", ENDED)


@drain.poller("retention.care")
def greet_due(at: datetime) -> int:
    """Greet some of those who wait by a plan that runs; return how many were handled.

    What is put off by a plan that no longer runs gives its contact back and waits for the plan.
    """
    done = _give_back(at=at)
    ready = Q(due_at=None) | Q(due_at__lte=at)
    waiting = CareTouch.objects.filter(ready, state=State.WAITING, plan__state=CarePlan.State.LIVE)
    for pk, customer in list(waiting.order_by("pk").values_list("pk", "customer_id")[:AT_ONCE]):
        try:
            done += _greet(pk, customer, at=at)
        except Exception:  # one that fails must not keep the others
            log.exception("greeting failed", extra={"touch": pk})
            done += CareTouch.objects.filter(pk=pk, state=State.WAITING).update(due_at=at + PUT_OFF)
    return done


@outbox.handler(DECIDED)
def contact_decided(row: OutboxRow, at: datetime) -> None:
    """Write the greeting whose contact was granted after waiting; close what was refused."""
    pk = row.event.subject_id if row.event is not None else None
    customer = CareTouch.objects.filter(reservation=pk).values_list("customer", flat=True).first()
    if customer is None:
        return
    with transaction.atomic():
        stubs.resolved_one(customer)
        touch = _held().filter(reservation=pk, state=State.DEFERRED).first()
        if touch is not None:
            _follow(touch, _hindrance(touch, at=at), at=at)


@outbox.handler(ENDED)
def message_ended(row: OutboxRow, at: datetime) -> None:
    """Count as not sent, with the reason, whose message did not arrive; points that came with it stay."""
    if row.event is None or row.event.data.get("state") in Message.MAY_HAVE_ARRIVED:
        return
    reason = row.event.data.get("reason", "") or Message.Reason.GIVEN_UP
    rows = CareTouch.objects.filter(message=row.event.subject_id, state=State.SENT)
    rows.update(state=State.CLOSED, reason=reason[:16], ended_at=at)


def _greet(pk: int, customer: int, *, at: datetime) -> bool:
    """Ask for the contact of one who waits and do what is said; whether it was ours to do."""
    with transaction.atomic():
        stubs.resolved_one(customer)  # whoever merges or erases locks customers first
        running = CarePlan.State.LIVE
        touch = _held(skip=True).filter(pk=pk, state=State.WAITING, plan__state=running).first()
        if touch is None:
            return False
        if hindrance := _hindrance(touch, at=at):
            _close(touch, hindrance, at=at)
            return True
        ends = localtime.start_of_day(touch.latest_day + 1, company.current().time_zone) - _SECOND
        touch.reservation = contacting.reserve_contact(
            touch.contact,
            purpose=ContactClass.CARE,
            channel=touch.channel,
            key=_key(touch),
            latest_at=ends,
            by=None,
            at=at,
        )
        _follow(touch, "", at=at)
    return True


def _key(touch: CareTouch) -> str:
    """Return the key of the contact of a greeting, another one each time that it is tried again.

    It tells neither plan nor occasion, nor the number of the touch: a gap in these would say that somebody is
    withheld.
    """
    named = f"{touch.plan.holdout_salt}:{touch.pk}:{touch.reservation_id or ''}"
    return f"care:{sha256(named.encode()).hexdigest()[:32]}"


def _give_back(*, at: datetime) -> int:
    """Take back contacts that were put off, of plans that do not run; return of how many greetings."""
    deferred = CareTouch.objects.filter(state=State.DEFERRED).exclude(plan__state=CarePlan.State.LIVE)
    deferred = deferred.filter(reservation__state=ContactReservation.State.DEFERRED)
    done = 0
    for pk, customer in list(deferred.order_by("pk").values_list("pk", "customer_id")[:AT_ONCE]):
        with transaction.atomic():
            stubs.resolved_one(customer)
            running = CarePlan.State.LIVE
            touch = _held(skip=True).filter(pk=pk, state=State.DEFERRED).exclude(plan__state=running).first()
            if touch is None or touch.reservation is None:
                continue
            try:
                contacting.take_back(touch.reservation, by=None, at=at)
            except contacting.ReservationEnded:  # decided just now: whoever hears of it closes it
                continue
            touch.state, touch.reason = State.WAITING, ""
            touch.save(update_fields=["state", "reason"])
            done += 1
    return done


def _held(*, skip: bool = False):  # type: ignore[no-untyped-def]
    rows = CareTouch.objects.select_for_update(of=("self",), skip_locked=skip)
    return rows.select_related("plan", "contact__customer", "customer__owner", "reservation")


def _has_programme() -> bool:
    try:
        accounts.running()
    except NoProgramme:
        return False
    return True


def _hindrance(touch: CareTouch, *, at: datetime) -> str:
    """Return why nobody is to be greeted any more, whatever the contact budget says; empty: nothing."""
    contact, today = touch.contact, localtime.day_of(company.today(at).number)
    if touch.plan.state != CarePlan.State.LIVE:  # paused while it waited
        return ContactReason.TAKEN_BACK
    has_left = contact.left_on is not None and contact.left_on <= today
    if contact.erased_at is not None or has_left or contact.customer_id != touch.customer_id:
        return ContactReason.GONE
    if touch.plan.points and not _has_programme():
        return CareTouch.NO_PROGRAMME
    return "" if occasions.holds(touch, at=at) else CareTouch.NO_OCCASION


def _follow(touch: CareTouch, hindrance: str, *, at: datetime) -> None:
    """Do what the reservation says: write and give where nothing hinders it, wait, or close."""
    reservation = touch.reservation
    assert reservation is not None  # noqa: S101 — both callers have one
    if reservation.state == ContactReservation.State.CLOSED:
        _close(touch, reservation.reason, at=at)
    elif reservation.state == ContactReservation.State.DEFERRED:
        touch.state, touch.reason = State.DEFERRED, reservation.reason
        touch.save(update_fields=["state", "reason", "reservation"])
    elif hindrance:
        contacting.let_go(reservation, by=None, at=at)
        _close(touch, hindrance, at=at)
    else:
        _send(touch, reservation, at=at)


def _send(touch: CareTouch, reservation: ContactReservation, *, at: datetime) -> None:
    """Give the points and write the message.

    Entry and event name the touch by its number only, and neither plan nor occasion: when somebody is erased,
    what stays with its moment must not tell that it was a birthday.
    """
    plan = touch.plan
    if plan.points:
        touch.entry = earning.earn(
            accounts.account_for(touch.customer_id, at=at),
            points=plan.points,
            source=(SOURCE, touch.pk),
            kind=PointsEntry.Kind.GIFT,
            occurred_at=at,
            detail={},
            by=None,
            at=at,
        )
        touch.points = plan.points
    letter = letters.write(touch, channel=reservation.channel, years=occasions.years_of(touch))
    touch.message = send_message(reservation, subject=letter.subject, text=letter.text, by=None, at=at)
    touch.state, touch.reason, touch.version, touch.ended_at = State.SENT, "", plan.version, at
    touch.save(
        update_fields=[
            *("state", "reason", "version", "ended_at"),
            *("reservation", "message", "entry", "points"),
        ]
    )
    said = {"points": touch.points}
    events.record("care.sent", customer_id=touch.customer_id, subject=touch, occurred_at=at, data=said)


def _close(touch: CareTouch, reason: str, *, at: datetime) -> None:
    touch.state, touch.reason, touch.ended_at = State.CLOSED, reason, at
    touch.save(update_fields=["state", "reason", "ended_at", "reservation"])
