"""Sending invitations: the contact is reserved, and with its grant invitation and message are written.

An ask that waits is decided by the contact budget (``customers.contact``), which tells by an event. One
reminder follows, with the same link. How it ended stands in the :class:`SurveyDispatch`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse

from customers import company, stubs
from customers import contact as contacting
from customers.channels import links
from customers.channels.writing import NotSendable, send_message
from customers.ground import clock, events, localtime, outbox
from customers.ground.models import OutboxRow
from customers.models import Channel, Contact, ContactClass, ContactReservation, Message, User
from customers.models.channels import SENDABLE
from surveys import after_last_answer, invitations, letters
from surveys import asked as asking
from surveys.building import SurveyNotLive
from surveys.letters import CODE, LINK
from surveys.models import Invitation, Survey, SurveyDispatch

__all__ = ["REMIND_AFTER", "after_last_answer", "purpose_of", "send_by_hand", "send_invitation", "take_back"]

REMIND_AFTER = 4  # days
BY_HAND_WITHIN = timedelta(days=14)
"""What somebody sends by hand and waits longer is not sent any more."""
MOST_DAYS = 28
USEFUL = timedelta(days=1)
"""Of the life of a link, what is left at least when somebody is reminded of it."""
AT_ONCE = 200

DECIDED, ENDED, REMIND = "surveys.contact_decided", "surveys.message_ended", "surveys.remind"
CLOSED, ANSWERED = "surveys.survey_closed", "surveys.answered"
State, Reason = SurveyDispatch.State, SurveyDispatch.Reason
_ARRIVED = frozenset({Message.State.SENT, Message.State.DELIVERED, Message.State.UNKNOWN})


def subscribe() -> None:
    """Go on when contacts are decided and messages end; fill the links of messages (in ``ready()``)."""
    for kind in ("contact.granted", "contact.closed"):
        events.subscribe(kind, DECIDED)
    events.subscribe("message.ended", ENDED)
    events.subscribe("survey.closed", CLOSED)
    events.subscribe("survey.answered", ANSWERED)
    links.register(LINK, address_in)
    links.register(CODE, token_in)


def purpose_of(survey: Survey) -> ContactClass:
    """Return the class of contact by which a survey is asked."""
    is_relationship = survey.occasion == Survey.Occasion.RELATIONSHIP
    return ContactClass.RELATIONSHIP_SURVEY if is_relationship else ContactClass.EVENT_SURVEY


@transaction.atomic
def send_invitation(
    contact: Contact,
    survey: Survey,
    *,
    channel: str,
    occasion: models.Model | None = None,
    key: str,
    latest_at: datetime | None = None,
    remind_after: int | None = REMIND_AFTER,
    by: User | None,
    now: datetime,
    at: datetime,
) -> SurveyDispatch:
    """Ask a contact by a message, as soon as the contact budget lets us; return what became of it so far.

    Asking again with the same ``key`` returns the first, whoever it was for.

    Args:
        channel: e-mail, text message or messenger.
        occasion: what it asks about (a complaint, a call).
        key: what it asks about, at most 100 letters, the survey included: ``7:complaint:12``.
        latest_at: the latest useful moment, product time; what waits longer is not sent.
        remind_after: days after which one reminder goes, 1 to 28; ``None``: none.
        now: the real time, from which the link works for 30 days.

    Raises :class:`SurveyNotLive`, ``NotSendable``; ``ValueError`` for a key or days that are none. Side
    effects: those of ``reserve_contact``, and once it is granted of ``send_message``; audit
    ``survey.invite``.
    """
    if channel not in SENDABLE:
        raise NotSendable()
    if not key or len(key) > SurveyDispatch._meta.get_field("key").max_length:  # type: ignore[operator]
        raise ValueError("a key has 1 to 100 letters")
    if remind_after is not None and not 1 <= remind_after <= MOST_DAYS:
        raise ValueError("somebody is reminded after 1 to 28 days")
    if not Survey.objects.filter(pk=survey.pk, status=Survey.Status.LIVE).exists():
        raise SurveyNotLive()
    # before anything else: whoever merges locks customers first
    if stubs.resolved_one(contact.customer_id) != contact.customer_id:
        contact = Contact.objects.select_related("customer").get(pk=contact.pk)
    reservation = contacting.reserve_contact(
        contact,
        purpose=purpose_of(survey),
        channel=channel,
        key=f"survey:{key}",
        latest_at=latest_at,
        by=by,
        at=at,
    )
    dispatch, is_new = SurveyDispatch.objects.get_or_create(
        reservation=reservation,
        defaults={
            "survey": survey,
            "customer_id": reservation.customer_id,
            "contact_id": reservation.contact_id,
            "channel": reservation.channel,
            "key": key,
            "occasion_type": occasion._meta.label_lower if occasion is not None else "",
            "occasion_id": occasion.pk if occasion is not None else None,
            "remind_after": remind_after,
            "asked_at": at,
            "by": by,
        },
    )
    if is_new:
        _go_on(dispatch, now=now, at=at)
    return dispatch


def send_by_hand(
    contact: Contact, survey: Survey, *, channel: str, by: User | None, now: datetime, at: datetime
) -> SurveyDispatch:
    """Ask one contact because somebody presses a button: once a day, survey and contact, whoever presses.

    Raises and does what :func:`send_invitation` does.
    """
    day = localtime.day_of(company.today(at).number)
    return send_invitation(
        contact,
        survey,
        channel=channel,
        key=f"{survey.pk}:by-hand:{contact.pk}:{day}",
        latest_at=at + BY_HAND_WITHIN,
        by=by,
        now=now,
        at=at,
    )


def take_back(dispatch: SurveyDispatch, *, by: User | None, at: datetime) -> SurveyDispatch:
    """Do not send an invitation that still waits; raise ``ReservationEnded`` for another.

    Side effects: audit ``contact.take_back``.
    """
    with transaction.atomic():
        contacting.take_back(dispatch.reservation, by=by, at=at)
        _close(dispatch, Reason.TAKEN_BACK, at=at)
    return dispatch


# --- Links ------------------------------------------------------------------------------------
def address_in(message: Message) -> str:
    """Return the address that a message carries; nothing when it opens nothing any more."""
    token = token_in(message)
    return settings.PUBLIC_BASE_URL + reverse("surveys:answer", args=[token]) if token else ""


def token_in(message: Message) -> str:
    """Return the token of the link that a message carries; nothing when it opens nothing any more."""
    asked = models.Q(dispatch__reservation=message.reservation_id)
    reminded = models.Q(dispatch__reminder=message.reservation_id)
    for which in (asked, reminded):
        invitation = Invitation.objects.filter(which).first()
        if invitation is not None and invitations.is_open(invitation, now=clock.real_now()):
            return invitations.sent_token(invitation)
    return ""


# --- What follows -----------------------------------------------------------------------------
@outbox.handler(DECIDED)
def contact_decided(row: OutboxRow, at: datetime) -> None:
    """Write the invitation, or the reminder, whose contact was granted; close what was refused."""
    pk = row.event.subject_id if row.event is not None else None
    dispatch = _hold(models.Q(reservation=pk) | models.Q(reminder=pk))
    if dispatch is None:
        return
    if dispatch.reminder_id == pk:
        _write_reminder(dispatch, at=at)
    elif dispatch.state == State.WAITING:
        _go_on(dispatch, now=clock.real_now(), at=at)


@outbox.handler(ENDED)
def message_ended(row: OutboxRow, at: datetime) -> None:
    """Note how the message of an invitation ended; plan the reminder of one that was sent."""
    pk = row.event.subject_id if row.event is not None else None
    message = Message.objects.filter(pk=pk, reservation__isnull=False).first()
    if message is None:
        return
    dispatch = _hold(models.Q(reservation=message.reservation_id))
    if dispatch is None or dispatch.invitation is None:
        return
    if message.state in _ARRIVED or dispatch.invitation.answered_at is not None:
        _sent(dispatch, ended_at=message.ended_at or at)
        return
    if dispatch.state == State.CLOSED:
        return
    invitations.revoke(dispatch.invitation, by=None, now=clock.real_now(), at=at)
    asking.take_back(dispatch.invitation, at=at)
    _close(dispatch, _why(dispatch, message), at=at)


@outbox.handler(REMIND)
def remind(row: OutboxRow, at: datetime) -> None:
    """Ask once more, by the same link, whoever has not answered."""
    dispatch = _hold(models.Q(pk=row.payload["dispatch"]))
    if dispatch is None or dispatch.invitation is None:
        return
    if dispatch.state != State.SENT or dispatch.reminder_id is not None:
        return
    now = clock.real_now()
    left = dispatch.invitation.expires_at - now - USEFUL
    if left < timedelta() or not invitations.is_open(dispatch.invitation, now=now):
        return
    dispatch.reminder = contacting.reserve_contact(
        dispatch.contact,
        purpose=dispatch.reservation.purpose,
        channel=dispatch.channel,
        key=f"survey:{dispatch.key}:reminder",
        latest_at=at + left,
        follows=dispatch.reservation,
        by=None,
        at=at,
    )
    dispatch.save(update_fields=["reminder"])
    _write_reminder(dispatch, at=at)


@outbox.handler(CLOSED)
def survey_closed(row: OutboxRow, at: datetime) -> None:
    """Send nothing of a closed survey that still waits, reminders too; a bounded number at once."""
    pk = row.event.subject_id if row.event is not None else row.payload["survey"]
    waiting = models.Q(state=State.WAITING) | models.Q(reminder__state=ContactReservation.State.DEFERRED)
    rows = SurveyDispatch.objects.filter(waiting, survey=pk, pk__gt=row.payload.get("after", 0))
    some = list(rows.select_related("reservation", "reminder").order_by("pk")[:AT_ONCE])
    for dispatch in some:
        was_asked = dispatch.state != State.WAITING
        if _taken_back(dispatch.reminder if was_asked else dispatch.reservation, at=at) and not was_asked:
            _close(dispatch, Reason.SURVEY_CLOSED, at=at)
    if len(some) == AT_ONCE:
        last = some[-1].pk
        payload = {"survey": pk, "after": last}
        outbox.add(CLOSED, due_at=at, dedupe_key=f"survey.closed:{pk}:{last}", payload=payload)


@outbox.handler(ANSWERED)
def answered(row: OutboxRow, at: datetime) -> None:
    """Take back a reminder that waits: nobody is reminded of what she has answered."""
    pk = row.event.subject_id if row.event is not None else None
    rows = SurveyDispatch.objects.select_related("reminder").filter(invitation__response=pk)
    dispatch = rows.filter(reminder__state=ContactReservation.State.DEFERRED).first()
    if dispatch is not None:
        _taken_back(dispatch.reminder, at=at)


def _taken_back(reservation: ContactReservation | None, *, at: datetime) -> bool:
    """Take back what waits; say no when it was decided meanwhile: whoever goes on from there sees it."""
    if reservation is None:
        return False
    try:
        with transaction.atomic():
            contacting.take_back(reservation, by=None, at=at)
    except contacting.ReservationEnded:
        return False
    return True


# --- Writing ----------------------------------------------------------------------------------
def _go_on(dispatch: SurveyDispatch, *, now: datetime, at: datetime) -> None:
    """Do what the reservation says: write the message, wait, or close."""
    reservation = dispatch.reservation
    if reservation.state == ContactReservation.State.CLOSED:
        _close(dispatch, Reason(reservation.reason), at=at)
    elif reservation.state == ContactReservation.State.GRANTED:
        _write(dispatch, now=now, at=at)


def _write(dispatch: SurveyDispatch, *, now: datetime, at: datetime) -> None:
    contact = _contact_of(dispatch)
    if contact.erased_at is not None:
        _close(dispatch, Reason.GONE, at=at)
        return
    try:
        invitation = invitations.invite_by_message(
            dispatch.survey,
            contact,
            about=(dispatch.occasion_type, dispatch.occasion_id),
            is_short=dispatch.channel != Channel.EMAIL,
            by=dispatch.by,
            now=now,
            at=at,
        )
    except SurveyNotLive:  # closed since it was asked
        _close(dispatch, Reason.SURVEY_CLOSED, at=at)
        return
    dispatch.invitation, dispatch.state = invitation, State.SENDING
    dispatch.save(update_fields=["invitation", "state"])
    letter = letters.write(invitation, channel=dispatch.channel, contact=contact, by=dispatch.by, at=at)
    send_message(dispatch.reservation, **letter.parts, by=dispatch.by, at=at)


def _write_reminder(dispatch: SurveyDispatch, *, at: datetime) -> None:
    reservation, invitation = dispatch.reminder, dispatch.invitation
    if reservation is None or reservation.state != ContactReservation.State.GRANTED or invitation is None:
        return
    contact = _contact_of(dispatch)
    if contact.erased_at is not None or not invitations.is_open(invitation, now=clock.real_now()):
        return
    letter = letters.write(
        invitation, channel=dispatch.channel, contact=contact, by=dispatch.by, is_reminder=True, at=at
    )
    send_message(reservation, **letter.parts, by=None, at=at)


def _hold(which: models.Q) -> SurveyDispatch | None:
    """Hold a dispatch, and before it its customer: a merge or erasure waits, or is seen."""
    found = SurveyDispatch.objects.filter(which)
    customer_id = found.values_list("customer", flat=True).first()
    if customer_id is None:
        return None
    stubs.resolved_one(customer_id)
    held = found.select_for_update(of=("self",))
    return held.select_related("survey", "reservation", "reminder", "invitation", "contact__customer").first()


def _contact_of(dispatch: SurveyDispatch) -> Contact:
    """Return the contact as it stands now that its customer is held."""
    return Contact.objects.select_related("customer__owner").get(pk=dispatch.contact_id)


def _sent(dispatch: SurveyDispatch, *, ended_at: datetime) -> None:
    open_ = SurveyDispatch.objects.filter(pk=dispatch.pk, state=State.SENDING)
    if open_.update(state=State.SENT, ended_at=ended_at) and dispatch.remind_after is not None:
        outbox.add(
            REMIND,
            due_at=ended_at + timedelta(days=dispatch.remind_after),
            dedupe_key=f"survey.remind:{dispatch.pk}",
            payload={"dispatch": dispatch.pk},
        )


def _close(dispatch: SurveyDispatch, reason: str, *, at: datetime) -> None:
    dispatch.state, dispatch.reason, dispatch.ended_at = State.CLOSED, reason, at
    dispatch.save(update_fields=["state", "reason", "ended_at"])


def _why(dispatch: SurveyDispatch, message: Message) -> SurveyDispatch.Reason:
    """Return why a message did not arrive; one whose link was closed says whether by its survey."""
    if message.reason == Message.Reason.TAKEN_BACK and dispatch.survey.status != Survey.Status.LIVE:
        return Reason.SURVEY_CLOSED
    return Reason(message.reason) if message.reason in Reason.values else Reason.REFUSED
