"""“You said, we did”: whoever raised what an improvement answers is told of it, once.

Each contact is reserved (class *care*): granted at once, deferred, or closed with its reason. The line stands
in the next survey invitation, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers import company, stubs
from customers import contact as contacting
from customers.channels import senders
from customers.channels.writing import send_message
from customers.contact.foreseeing import obstacles, way_to
from customers.ground import audit, events, outbox
from customers.ground.errors import Refused
from customers.ground.models import OutboxRow
from customers.models import Channel, Contact, ContactClass, ContactReason, ContactReservation, Message, User
from retention.improving.attaching import people_of
from retention.models import ImprovementAction, ImprovementFeedback, ImprovementNotice
from surveys import after_last_answer
from surveys.definition import words_language
from surveys.models import SurveyDispatch

TELL, DECIDED = "retention.tell_improvement", "retention.improvement_decided"
ENDED = "retention.improvement_notice_ended"
PURPOSE = ContactClass.CARE
AT_ONCE = 50
USEFUL = timedelta(days=60)
"""Who cannot be told by then is not told any more: it is no news."""
NEWS = timedelta(days=180)
"""So long after it was done an improvement is told with the next invitation."""
State = ImprovementNotice.State


class NotDone(Refused):
    code = "improvement_not_done"
    message = gettext_lazy("People are told of what is done: this improvement is not.")


class NothingToTell(Refused):
    code = "improvement_says_nothing"
    message = gettext_lazy("Write first what you did, in words for customers, in English, Chinese or both.")


@dataclass(frozen=True)
class Recipient:
    """Somebody who raised it: by which way she would be told, or why not; ``notice``: once she was."""

    contact: Contact
    channel: str
    obstacle: str
    notice: ImprovementNotice | None = None

    @property
    def channel_text(self) -> str | Promise:
        """Return the channel in words."""
        return Channel(self.channel).label

    @property
    def obstacle_text(self) -> str | Promise:
        """Return the obstacle in words."""
        return ContactReason(self.obstacle).label if self.obstacle else ""


def subscribe() -> None:
    """Go on when contacts are decided and messages end; say it in invitations (in ``ready()``)."""
    for kind in ("contact.granted", "contact.closed"):
        events.subscribe(kind, DECIDED)
    events.subscribe("message.ended", ENDED)
    after_last_answer.register(line_for)


def people(action: ImprovementAction) -> QuerySet[Contact]:
    """Return who raised what an improvement answers, in order."""
    found = people_of(ImprovementFeedback.objects.filter(action=action).standing())  # type: ignore[attr-defined]
    return found.select_related("customer__owner").order_by("pk")


def recipients(action: ImprovementAction, contacts: Sequence[Contact], *, at: datetime) -> list[Recipient]:
    """Return how each of ``contacts`` would be told, or was; nothing is written. Five queries."""
    ways, sendable = obstacles(contacts, purpose=PURPOSE, at=at), senders.channels_in_use()
    rows = ImprovementNotice.objects.filter(action=action, contact__in=[one.pk for one in contacts])
    told = {row.contact_id: row for row in rows.select_related("reservation__message")}
    found = []
    for one in contacts:
        channel = way_to(one, ways[one.pk], sendable=sendable)
        found.append(Recipient(one, channel, ways[one.pk][channel], told.get(one.pk)))
    return found


def tell_customers(action: ImprovementAction, *, by: User | None, at: datetime) -> ImprovementAction:
    """Have everybody told who raised it; pressed again, those whose feedback was attached since.

    Raises :class:`NotDone`, :class:`NothingToTell`. Side effects: the worker reserves a contact for each and
    writes the messages that are granted; audit ``improvement.tell``.
    """
    with transaction.atomic():
        action = ImprovementAction.objects.select_for_update().get(pk=action.pk)
        if action.state != ImprovementAction.State.DONE:
            raise NotDone()
        if not (action.told_en or action.told_zh):
            raise NothingToTell()
        if action.telling_at is None:
            action.telling_at = at
            action.save(update_fields=["telling_at"])
        _go_on(action.pk, after=0, by=by.pk if by is not None else None, since=at, at=at)
        audit.record("improvement.tell", obj=action, by=by, at=at)
    return action


@outbox.handler(TELL)
def tell_improvement(row: OutboxRow, at: datetime) -> None:
    """Reserve the contacts of some who raised it, and write to those that are granted; then the next."""
    told = row.payload
    action = ImprovementAction.objects.get(pk=told["action"])
    by = User.objects.filter(pk=told["by"]).first()
    some = list(people(action).filter(pk__gt=told["after"])[:AT_ONCE])
    stubs.resolved({one.customer_id for one in some})  # a merge or erasure waits, or is seen
    fresh = Contact.objects.select_related("customer__owner").filter(pk__in=[one.pk for one in some])
    for one in recipients(action, list(fresh.order_by("pk")), at=at):
        if one.notice is None:
            _tell(action, one, by=by, at=at)
    if len(some) == AT_ONCE:
        _go_on(action.pk, after=some[-1].pk, by=told["by"], since=told["since"], at=at)


@outbox.handler(DECIDED)
def contact_decided(row: OutboxRow, at: datetime) -> None:
    """Write the message whose contact was granted after waiting; close what was refused."""
    pk = row.event.subject_id if row.event is not None else None
    customer = ImprovementNotice.objects.filter(reservation=pk).values_list("customer", flat=True).first()
    if customer is None:
        return
    stubs.resolved_one(customer)
    rows = ImprovementNotice.objects.select_for_update(of=("self",)).filter(reservation=pk)
    notice = rows.select_related("reservation", "action", "contact__customer__owner").first()
    if notice is not None and notice.state == State.WAITING:
        _follow(notice, by=None, at=at)


@outbox.handler(ENDED)
def message_ended(row: OutboxRow, at: datetime) -> None:
    """Count a notice as not sent, with the reason, whose message did not arrive."""
    if row.event is None or row.event.data.get("state") in Message.MAY_HAVE_ARRIVED:
        return
    rows = ImprovementNotice.objects.filter(reservation__message=row.event.subject_id, state=State.WRITTEN)
    rows.update(state=State.CLOSED, reason=row.event.data.get("reason", ""), ended_at=at)


def line_for(contact: Contact, at: datetime) -> str:
    """Return what the next invitation says of what was done since, in the language that is active.

    Of the newest improvement of the last 180 days that answers what she raised and that somebody decided
    to tell; nothing when she was invited since.
    """
    recent = ImprovementAction.objects.filter(
        state=ImprovementAction.State.DONE, ended_at__gt=at - NEWS, telling_at__lte=at
    ).exclude(told_en="", told_zh="")
    hers = Q(complaint__contact=contact.pk) | Q(loop__contact=contact.pk)
    if contact.is_main:
        firm = contact.customer_id
        hers |= Q(complaint__customer=firm, complaint__contact=None)
        hers |= Q(loop__customer=firm, loop__contact=None)
    raised = ImprovementFeedback.objects.filter(hers).standing()  # type: ignore[attr-defined]
    newest = recent.filter(pk__in=raised.values("action")).order_by("-ended_at", "-pk").first()
    if newest is None:
        return ""
    sent = SurveyDispatch.objects.filter(contact=contact.pk, state=SurveyDispatch.State.SENT)
    if sent.filter(ended_at__gte=newest.telling_at).exists():
        return ""
    told = told_of(newest, translation.get_language() or "en")
    return _("You told us what could be better. We acted on it: %(told)s") % {"told": told}


def told_of_loops(contact: Contact, loops: Sequence[int], language: str) -> dict[int, list[str]]:
    """Return what ``contact`` was told was done about feedback of hers, by loop, newest first; one query."""
    rows = ImprovementFeedback.objects.filter(
        loop__in=loops, action__notices__contact=contact, action__notices__state=State.WRITTEN
    ).standing()  # type: ignore[attr-defined]
    found: dict[int, list[str]] = {}
    for row in rows.select_related("action").order_by("-action__ended_at", "-pk") if loops else ():
        if row.loop_id is not None:
            found.setdefault(row.loop_id, []).append(told_of(row.action, language))
    return found


def told_of(action: ImprovementAction, language: str) -> str:
    """Return what customers are told of an improvement, in the nearest of its languages."""
    first, second = action.told_en, action.told_zh
    return (second or first) if language.startswith("zh") else (first or second)


# --- Writing ----------------------------------------------------------------------------------
def _go_on(action: int, *, after: int, by: int | None, since: object, at: datetime) -> None:
    begun = since.isoformat() if isinstance(since, datetime) else str(since)
    outbox.add(
        TELL,
        due_at=at,
        dedupe_key=f"improvement:{action}:{begun}:{after}",
        payload={"action": action, "after": after, "by": by, "since": begun},
    )


def _tell(action: ImprovementAction, one: Recipient, *, by: User | None, at: datetime) -> None:
    """Reserve a contact and follow what it says; its key makes it one for each person and improvement."""
    reservation = contacting.reserve_contact(
        one.contact,
        purpose=PURPOSE,
        channel=one.channel,
        key=f"improvement:{action.pk}:{one.contact.pk}",
        latest_at=at + USEFUL,
        by=by,
        at=at,
    )
    notice, is_new = ImprovementNotice.objects.get_or_create(
        action=action,
        contact=one.contact,
        defaults={
            "customer_id": one.contact.customer_id,
            "channel": reservation.channel,
            "reservation": reservation,
            "asked_at": at,
        },
    )
    if is_new:
        _follow(notice, by=by, at=at)


def _follow(notice: ImprovementNotice, *, by: User | None, at: datetime) -> None:
    """Do what the reservation says: write the message, wait, or close."""
    reservation = notice.reservation
    if reservation.state == ContactReservation.State.DEFERRED:
        notice.reason = reservation.reason
    elif reservation.state == ContactReservation.State.CLOSED:
        notice.state, notice.reason, notice.ended_at = State.CLOSED, reservation.reason, at
    elif notice.contact.erased_at is not None:
        notice.state, notice.reason, notice.ended_at = State.CLOSED, ContactReason.GONE, at
    else:
        send_message(reservation, **_letter(notice), by=by, at=at)
        notice.state, notice.reason, notice.ended_at = State.WRITTEN, "", at
    notice.save(update_fields=["state", "reason", "ended_at"])


def _letter(notice: ImprovementNotice) -> dict[str, Any]:
    """Return subject and text, in her language; words of ours are English or Chinese."""
    contact, firm = notice.contact, company.find()
    name = firm.name if firm is not None else ""
    said = contact.language or contact.customer.language or company.current().language
    language = words_language(said)
    told = told_of(notice.action, language)
    with translation.override(language):
        if notice.channel != Channel.EMAIL:
            text = _("%(company)s: you told us what could be better. This is what we did: %(told)s")
            return {"text": text % {"company": name, "told": told}}
        owner = contact.customer.owner
        signer = str(owner) if owner is not None and owner.is_active else ""
        hello = _("Hello %(name)s,") % {"name": contact.name} if contact.name else _("Hello,")
        parts = [
            hello,
            _("you told us what could be better. This is what we did:"),
            told,
            _("Thank you for telling us."),
            "\n".join(part for part in (signer, name) if part),
        ]
        subject = _("You said it, we did it – %(company)s") % {"company": name}
    return {"subject": subject, "text": "\n\n".join(part for part in parts if part)}
