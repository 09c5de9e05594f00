"""Telling the customers: a notice each, once, in her language, and a call planned with the valuable ones.

Goes by some customers at a time, a transaction each: rows, cases, reservations and messages stand in one,
so that a worker who dies in the middle leaves nothing half done and the next one goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import OperationalError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from customers import company, stubs
from customers import contact as contacting
from customers.channels import senders
from customers.channels.writing import send_message
from customers.contact import foreseeing
from customers.ground import drain, events, localtime, outbox
from customers.ground.models import OutboxRow
from customers.models import Channel, Contact, ContactClass, ContactReservation, Message
from retention.calls.planning import span_of, wanting_no_calls
from retention.cases import holders
from retention.cases.opening import Grounds, open_for
from retention.changes import letters
from retention.changes.concerned import valuable
from retention.changes.following import follow, not_told
from retention.changes.moving import move_to
from retention.models import BusinessChange, ConcernedCustomer, FollowUpCall
from retention.models.rules import CaseKind, Severity

log = logging.getLogger(__name__)

AT_ONCE = 25
MOST_TRIES = 8
FIRST_WAIT = timedelta(minutes=1)  # and twice as long each time: two hours in all
ENDED, CALLED = "retention.change_notice_ended", "retention.change_call_logged"
State = ConcernedCustomer.State


def subscribe() -> None:
    """Go on when notices end and calls are logged (called once, when the app is ready)."""
    events.subscribe("message.ended", ENDED)
    events.subscribe("case.called", CALLED)


@drain.poller("retention.changes")
def inform_due(at: datetime) -> int:
    """Tell some customers of each open change whose notice day has come; return how many were handled."""
    waiting = _to_tell(at).filter(change=OuterRef("pk"))
    is_new = Q(state=BusinessChange.State.ANNOUNCED)
    known = BusinessChange.objects.filter(state__in=BusinessChange.OPEN, enrolled_at__isnull=False)
    changes = known.filter(is_new | Exists(waiting))
    found = list(changes.select_related("substitute").order_by("pk"))
    if not found:
        return 0
    today, done = company.today(at).number, 0
    for change in found:
        if change.notice_day > today:
            continue
        try:
            done += _inform_some(change, limit=AT_ONCE, at=at)
        except OperationalError:  # nobody's fault: the next turn tries again
            log.exception("notices put off", extra={"change": change.pk})
        except Exception:  # one that fails must not keep the others
            log.exception("notices failed", extra={"change": change.pk})
            done += _inform_first(change, at=at)
    return done


def _to_tell(at: datetime) -> QuerySet[ConcernedCustomer]:
    return ConcernedCustomer.objects.to_tell(at)  # type: ignore[attr-defined]


def _inform_first(change: BusinessChange, *, at: datetime) -> int:
    """Tell one customer alone; one with whom that fails is tried later, and at last left to people."""
    first = _to_tell(at).filter(change=change).order_by("customer_id").values_list("pk", flat=True)[:1]
    try:
        return _inform_some(change, limit=1, at=at)
    except OperationalError:
        log.exception("notice put off", extra={"change": change.pk})
        return 0
    except Exception:
        log.exception("notice failed", extra={"change": change.pk})
        return _put_off(list(first), at=at)


def _put_off(ids: list[int], *, at: datetime) -> int:
    """Let the notice be tried again, later each time, at most :data:`MOST_TRIES` times."""
    done = 0
    for row in ConcernedCustomer.objects.filter(pk__in=ids, handled_at__isnull=True):
        row.tries += 1
        if row.tries < MOST_TRIES:
            row.due_at = at + FIRST_WAIT * 2 ** (row.tries - 1)
        else:
            row.handled_at, row.unsent = at, Message.Reason.GIVEN_UP
        row.save(update_fields=["tries", "due_at", "handled_at", "unsent"])
        done += 1
    return done


def _inform_some(change: BusinessChange, *, limit: int, at: datetime) -> int:
    waiting = _to_tell(at).filter(change=change)
    ids = list(waiting.order_by("customer_id").values_list("customer_id", flat=True)[:limit])
    with transaction.atomic():
        if not ids:
            return _is_told(change, at=at)
        holders.hold_desk()
        now = stubs.resolved(ids)  # before anything else: whoever merges locks customers first
        held = BusinessChange.objects.select_for_update(no_key=True)  # whoever closes it waits
        if held.filter(pk=change.pk, state__in=BusinessChange.OPEN).first() is None:
            return 0
        rows = list(
            waiting.filter(customer__in=ids)
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("customer_id")
        )
        standing = [row for row in rows if now[row.customer_id] == row.customer_id]
        for row in rows:
            row.handled_at = at
            if row not in standing:
                row.unsent = Message.Reason.GONE
        plan_calls(change, standing, at=at)
        _send(change, standing, at=at)
        ConcernedCustomer.objects.bulk_update(rows, ["handled_at", "unsent", "message", "case"])
    return len(rows)


def _is_told(change: BusinessChange, *, at: datetime) -> int:
    """Let a change go on to be followed when its last customer was handled."""
    if change.state != BusinessChange.State.ANNOUNCED:
        return 0
    if change.concerned.filter(handled_at__isnull=True).exists():  # some are tried again later
        return 0
    locked = BusinessChange.objects.select_for_update().filter(pk=change.pk, state=change.state).first()
    if locked is None:
        return 0
    move_to(locked, BusinessChange.State.FOLLOWED, by=None, at=at, followed_at=at)
    return 1


# --- Calls ------------------------------------------------------------------------------------
def plan_calls(change: BusinessChange, rows: Sequence[ConcernedCustomer], *, at: datetime) -> None:
    """Open or join a case, with a call planned, for each valuable customer who wants calls."""
    wanted = valuable(change, tier="tier", margin="margin_365d")
    among = ConcernedCustomer.objects.filter(wanted, pk__in=[row.pk for row in rows])
    chosen = set(among.values_list("customer_id", flat=True))
    chosen -= wanting_no_calls(chosen)
    if not chosen:
        return
    title = change.said("title", company.current().language)
    grounds = [
        Grounds(
            customer_id=pk,
            kind=CaseKind.SAVE,
            severity=Severity.HIGH if change.is_crisis else Severity.MEDIUM,
            within=span_of(CaseKind.SAVE, None),
            reason=title,
            codes={"change": change.pk},
        )
        for pk in sorted(chosen)
    ]
    by_customer = {case.customer_id: case for case in open_for(grounds, at=at)}
    for row in rows:
        row.case = by_customer.get(row.customer_id)


# --- Notices ----------------------------------------------------------------------------------
def _send(change: BusinessChange, rows: Sequence[ConcernedCustomer], *, at: datetime) -> None:
    """Write a notice to each; one by one, since each contact is decided and booked for itself."""
    today = localtime.day_of(company.today(at).number)
    found = Contact.objects.filter(customer__in=[row.customer_id for row in rows], erased_at__isnull=True)
    contacts: dict[int, list[Contact]] = {}
    contact: Contact | None
    found = found.exclude(left_on__lte=today).select_related("customer").order_by("-is_main", "id")
    for contact in found:
        contacts.setdefault(contact.customer_id, []).append(contact)
    ways = foreseeing.obstacles(list(found), purpose=ContactClass.SERVICE, at=at)
    sendable = senders.channels_in_use()
    for row in rows:
        contact, channel = _way_to(contacts.get(row.customer_id, []), ways, sendable=sendable)
        if contact is None:
            row.unsent = Message.Reason.NO_ADDRESS
            continue
        reservation = contacting.reserve_contact(
            contact,
            purpose=ContactClass.SERVICE,
            channel=channel,
            key=f"change:{change.pk}:{row.customer_id}",
            by=None,
            at=at,
        )
        if reservation.state != ContactReservation.State.GRANTED:
            row.unsent = reservation.reason
            continue
        letter = letters.write(change, contact=contact, channel=channel)
        row.message = send_message(
            reservation,
            subject=letter.subject,
            text=letter.text,
            template=letter.template,
            by=None,
            at=at,
        )


def _way_to(
    contacts: Sequence[Contact], ways: Mapping[int, foreseeing.Ways], *, sendable: Collection[str]
) -> tuple[Contact | None, str]:
    """Return whom to write to and by which way: the main contact first, each by her preferred way first.

    But ways by which messages can leave come before those without a sender.
    """
    if found := foreseeing.first_to_reach(contacts, ways, sendable=sendable):
        return found
    return (contacts[0], Channel.EMAIL) if contacts else (None, "")


# --- What follows -----------------------------------------------------------------------------
@outbox.handler(ENDED)
def notice_ended(row: OutboxRow, at: datetime) -> None:
    """Count a customer as told when her notice left; as to be told, with the reason, when it did not."""
    if row.event is None:
        return
    rows = ConcernedCustomer.objects.filter(message=row.event.subject_id)
    if row.event.data.get("state") in Message.MAY_HAVE_ARRIVED:
        rows.update(unsent="")
        follow(list(rows), State.INFORMED, at=at)
    else:
        not_told(list(rows), reason=row.event.data.get("reason", "")[:12], at=at)


@outbox.handler(CALLED)
def call_logged(row: OutboxRow, at: datetime) -> None:
    """Count a customer as spoken with when a call of the case that a change brought reached her."""
    if row.event is None or row.event.data.get("outcome") != FollowUpCall.Outcome.REACHED:
        return
    rows = ConcernedCustomer.objects.filter(
        customer=row.event.customer_id,
        case=row.event.subject_id,
        change__state__in=BusinessChange.OPEN,
    )
    follow(list(rows), State.REACHED, at=at)
