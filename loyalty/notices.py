"""Telling customers of their points and tiers: planned once a night in sets, sent as care.

A notice is one row, whatever runs twice: of a move between tiers, of the points of an account that expire
on a day, or of the end of a membership, so many days before. The contact is asked for as ``care``, since
nobody has to be told: with consent, within the limits, outside quiet hours. What waits goes on when the
contact is granted; what is not so any more by then, such as points that were used, is closed and not sent.
"""

# ruff: noqa: S608 — SQL is put together from names of our own models; every value is bound
from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet, Sum

from customers import company, stubs
from customers import contact as contacting
from customers.channels import links as places
from customers.channels import senders
from customers.channels.writing import send_message
from customers.contact import foreseeing
from customers.ground import clock, drain, events, localtime, outbox
from customers.ground.models import OutboxRow
from customers.models import Contact, ContactClass, ContactReason, ContactReservation, Message
from loyalty import letters, links
from loyalty.ledger.expiring import idle_until
from loyalty.models import (
    LoyaltyNotice,
    Membership,
    PointsAccount,
    PointsLot,
    Programme,
    Tier,
    TierMove,
)
from loyalty.tiers.membership import is_followed, is_renewed

log = logging.getLogger(__name__)

PURPOSE = ContactClass.CARE
NEWS_DAYS = 14
"""So long a move between tiers is news."""
MEMBERSHIP_DAYS = (30, 7)
AT_ONCE = 25
LOOKED_AT_ONCE = 500
MOST_TRIES = 8
FIRST_WAIT = timedelta(minutes=1)  # and twice as long each time: two hours in all
DECIDED, MOVED = "loyalty.contact_decided", "loyalty.tier_notice"
Kind, State, Reason = LoyaltyNotice.Kind, LoyaltyNotice.State, LoyaltyNotice.Reason

_NOTICES = LoyaltyNotice._meta.db_table
_ACCOUNTS, _LOTS = PointsAccount._meta.db_table, PointsLot._meta.db_table
_MOVES, _TIERS, _MEMBERSHIPS = TierMove._meta.db_table, Tier._meta.db_table, Membership._meta.db_table
_INTO = (
    f"INSERT INTO {_NOTICES} (account_id, customer_id, kind, subject_id, days_before, points, latest_day, "
    "state, reason, tries, due_at, at) "
)
_REST = "%(waiting)s, '', 0, {moment}, {moment}"
_ANEW = ("customer_id", "points", "latest_day", "state", "reason", "tries", "due_at", "at")
_AGAIN = (
    " ON CONFLICT (account_id, kind, subject_id, days_before) DO UPDATE SET reservation_id = NULL, "
    + ", ".join(f"{name} = excluded.{name}" for name in _ANEW)
    + f" WHERE {_NOTICES}.state = %(closed)s AND {_NOTICES}.reason = %(used)s"
)


def subscribe() -> None:
    """Go on when contacts are decided and accounts move; fill the link to the page (in ``ready()``)."""
    for kind in ("contact.granted", "contact.closed"):
        events.subscribe(kind, DECIDED)
    events.subscribe("loyalty.tier_moved", MOVED)
    places.register(letters.LINK, address_in)


def address_in(message: Message) -> str:
    """Return the address of the customer's own page for a message; nothing when the link is dead."""
    contact = Contact.objects.filter(pk=message.contact_id).first()
    link = links.live(contact, now=clock.real_now()) if contact is not None else None
    return links.address_of(link) if link is not None else ""


# --- Planning ---------------------------------------------------------------------------------
def plan(*, at: datetime) -> int:
    """Write down what customers are to be told at ``at``, and close what is of no use any more.

    Once for each move, expiry day and membership, whatever runs twice; in a number of statements that does
    not grow with the accounts. Returns how many notices are new.
    """
    programme = Programme.objects.exclude(state=Programme.State.DRAFT).first()
    if programme is None:
        return 0
    close_overtaken(at=at)
    with transaction.atomic():
        return (
            _plan_moves(programme, at=at)
            + _plan_expiry(programme, at=at)
            + _plan_memberships(programme, at=at)
        )


@outbox.handler(MOVED)
def plan_move(row: OutboxRow, at: datetime) -> None:
    """Plan the notice of one account that moved by itself, within seconds."""
    if row.event is None:
        return
    move = TierMove.objects.select_related("account__programme").filter(pk=row.event.subject_id).first()
    if move is not None:
        _plan_moves(move.account.programme, move=move, at=at)
        transaction.on_commit(drain.wake)


def _plan_moves(programme: Programme, *, move: TierMove | None = None, at: datetime) -> int:
    """Plan a notice for each rise, grace and fall of the last days; who was placed at first is not told.

    Nor is a merge, which nobody earned or lost anything by; but that the tier which came with it is at risk.
    """
    bound, today = _bound(programme, at=at)
    bound |= {
        "up": str(Kind.TIER_UP),
        "grace": str(Kind.GRACE),
        "down": str(Kind.TIER_DOWN),
        "placed": str(TierMove.Reason.PLACED),
        "in_grace": str(TierMove.Reason.GRACE),
        "merged": str(TierMove.Reason.MERGED),
        "since": today - NEWS_DAYS,
        "news": NEWS_DAYS,
        "move": move.pk if move is not None else None,
    }
    which = "m.id = %(move)s" if move is not None else "m.occurred_day > %(since)s"
    news = "m.occurred_day + %(news)s"
    return _write(
        "SELECT m.account_id, m.customer_id, CASE WHEN m.reason IN (%(in_grace)s, %(merged)s) THEN %(grace)s "
        "WHEN m.to_rank > m.from_rank THEN %(up)s ELSE %(down)s END, m.id, 0, 0, "
        f"CASE WHEN m.reason IN (%(in_grace)s, %(merged)s) OR m.grace_until_day > {news} "
        f"THEN m.grace_until_day ELSE {news} END, {_REST} "
        f"FROM {_MOVES} AS m JOIN {_ACCOUNTS} AS a ON a.id = m.account_id AND a.customer_id = m.customer_id "
        f"LEFT JOIN {_TIERS} AS t ON t.id = m.to_tier_id "
        f"WHERE {which} AND a.programme_id = %(programme)s AND m.reason <> %(placed)s "
        "AND CASE WHEN m.reason = %(merged)s "
        "THEN m.grace_until_day IS NOT NULL AND m.to_rank > m.from_rank "
        "ELSE m.reason = %(in_grace)s OR m.to_rank < m.from_rank "
        "OR (m.to_rank > m.from_rank AND t.threshold > 0) END",
        bound,
    )


def _plan_expiry(programme: Programme, *, at: datetime) -> int:
    """Plan a reminder for each account and day on which points of it expire.

    Points that came from another account, whose customer was reminded of them before, remind nobody again.
    """
    done = 0
    for days, first, last, later in _groups(programme.remind_days):
        bound, today = _bound(programme, at=at)
        bound |= {"kind": str(Kind.EXPIRY), "days": days, "later": later}
        bound |= {"first": today + first, "last": today + last, "handed": str(State.HANDED)}
        is_told = (
            f"EXISTS (SELECT 1 FROM {_LOTS} AS o JOIN {_NOTICES} AS n ON n.account_id = o.account_id "
            "WHERE o.id = l.origin_id AND n.kind = %(kind)s AND n.subject_id = l.expires_day "
            "AND n.days_before = %(days)s AND n.state = %(handed)s)"
        )
        done += _write(
            f"SELECT l.account_id, a.customer_id, %(kind)s, l.expires_day, %(days)s, SUM(l.points_left), "
            f"l.expires_day - %(later)s, {_REST} "
            f'FROM (SELECT account_id, expires_day, origin_id, "left" AS points_left FROM {_LOTS} '
            'WHERE expires_day BETWEEN %(first)s AND %(last)s AND "left" > 0 AND NOT is_pending) AS l '
            f"JOIN {_ACCOUNTS} AS a ON a.id = l.account_id WHERE a.programme_id = %(programme)s "
            "GROUP BY l.account_id, a.customer_id, l.expires_day "
            f"HAVING MIN(CASE WHEN {is_told} THEN 1 ELSE 0 END) = 0",
            bound,
        )
        if programme.expiry == Programme.Expiry.INACTIVITY:
            done += _plan_idle(programme, bound)
    return done


def _plan_idle(programme: Programme, bound: dict[str, Any]) -> int:
    """Plan a reminder for each account whose points go from ``first`` to ``last`` because it stands idle."""
    longest = 31 * programme.expiry_months
    since = PointsAccount.objects.filter(
        programme=programme, balance__gt=0, moved_day__gte=bound["first"] - longest
    )
    days = since.order_by("moved_day").values_list("moved_day", flat=True).distinct()
    until = {day: idle_until(programme, day) for day in days}
    arms = [
        f"WHEN {day} THEN {last}"
        for day, last in until.items()
        if last is not None and bound["first"] <= last <= bound["last"]
    ]
    if not arms:
        return 0
    return _write(
        "SELECT a.id, a.customer_id, %(kind)s, a.until_day, %(days)s, a.balance, a.until_day - %(later)s, "
        f"{_REST} FROM (SELECT id, customer_id, balance, CASE moved_day {' '.join(arms)} END AS until_day "
        f"FROM {_ACCOUNTS} WHERE programme_id = %(programme)s AND balance > 0) AS a "
        "WHERE a.until_day IS NOT NULL",
        bound,
    )


def _plan_memberships(programme: Programme, *, at: datetime) -> int:
    """Plan a notice of the end of each membership that runs and no other one of the customer outlasts."""
    done = 0
    for days, first, last, later in _groups(MEMBERSHIP_DAYS):
        bound, today = _bound(programme, at=at)
        bound |= {"kind": str(Kind.MEMBERSHIP), "days": days, "later": later, "today": today}
        bound |= {"first": today + first, "last": today + last}
        done += _write(
            "SELECT m.account_id, m.customer_id, %(kind)s, m.id, %(days)s, 0, m.ends_day - %(later)s, "
            f"{_REST} "
            f"FROM {_MEMBERSHIPS} AS m JOIN {_ACCOUNTS} AS a ON a.id = m.account_id "
            f"LEFT JOIN {_MEMBERSHIPS} AS r ON r.renews_id = m.id AND r.cancelled_at IS NULL "
            "WHERE m.ends_day BETWEEN %(first)s AND %(last)s AND m.starts_day <= %(today)s "
            "AND m.cancelled_at IS NULL AND r.id IS NULL AND a.programme_id = %(programme)s "
            f"AND NOT EXISTS (SELECT 1 FROM {_MEMBERSHIPS} AS o JOIN {_ACCOUNTS} AS b ON b.id = o.account_id "
            "WHERE o.customer_id = m.customer_id AND b.programme_id = a.programme_id "
            "AND o.ends_day > m.ends_day AND o.cancelled_at IS NULL)",
            bound,
        )
    return done


def _groups(said: Iterable[Any]) -> Iterator[tuple[int, int, int, int]]:
    """Yield for each number of days before: it, from and to how many days are left, when it is overtaken.

    With 30 and 7: 30 is told while 30 to 8 days are left, so that a night without a run is made up for,
    and is of use until 8 are; 7 is told while 7 to none are left.
    """
    wanted = sorted({int(days) for days in said if int(days) > 0}, reverse=True)
    for place, days in enumerate(wanted):
        first = wanted[place + 1] + 1 if place + 1 < len(wanted) else 0
        yield days, first, days, first


def _bound(programme: Programme, *, at: datetime) -> tuple[dict[str, Any], int]:
    today = company.today(at).number
    moment = connection.ops.adapt_datetimefield_value(at)
    return {"programme": programme.pk, "at": moment, "waiting": str(State.WAITING)}, today


def _write(select: str, bound: dict[str, Any]) -> int:
    """Insert notices but those that stand already; return how many are new.

    One that was closed because its points were used waits anew: it is told of points that are there again.
    """
    is_postgresql = connection.vendor == "postgresql"
    moment = "CAST(%(at)s AS timestamp with time zone)" if is_postgresql else "%(at)s"
    sql = _INTO + select.replace("{moment}", moment) + _AGAIN
    bound |= {"closed": str(State.CLOSED), "used": str(Reason.USED)}
    with connection.cursor() as cursor:
        cursor.execute(sql, bound)
        return int(cursor.rowcount)


# --- What is not so any more ------------------------------------------------------------------
def close_overtaken(*, at: datetime) -> int:
    """Close the notices that wait and would not be true any more, or come too late; return how many."""
    done = last = 0
    waiting = LoyaltyNotice.objects.filter(state=State.WAITING).select_related("account__programme")
    waiting = waiting.order_by("pk")
    while rows := list(waiting.filter(pk__gt=last)[:LOOKED_AT_ONCE]):
        last = rows[-1].pk
        for pk in _overtaken(rows, at=at)[0]:
            with transaction.atomic():
                notice = _hold(Q(pk=pk))
                if notice is not None and (reason := _overtaken([notice], at=at)[0].get(pk)):
                    _close(notice, reason, at=at)
                    done += 1
    return done


def _overtaken(rows: Sequence[LoyaltyNotice], *, at: datetime) -> tuple[dict[int, str], dict[int, int]]:
    """Return why notices are of no use any more, and the points that the reminders are about now.

    What they are about may have become another customer's, by a merge or as one was taken back. A bounded
    number of queries however many they are.
    """
    today = company.today(at).number
    found = {row.pk: str(ContactReason.TOO_LATE) for row in rows if row.latest_day < today}
    points, used = _expiring([row for row in rows if row.kind == Kind.EXPIRY])
    for pk, why in used.items():
        found.setdefault(pk, why)
    of_moves = [row for row in rows if row.kind in (Kind.TIER_UP, Kind.GRACE, Kind.TIER_DOWN)]
    moves = TierMove.objects.select_related("account").in_bulk([row.subject_id for row in of_moves])
    for row in of_moves:
        move = moves[row.subject_id]
        stands = move.account.tier_id == move.to_tier_id and move.account.customer_id == row.customer_id
        if row.kind == Kind.GRACE:
            stands = stands and move.account.grace_until_day == move.grace_until_day
        if not stands:
            found.setdefault(row.pk, str(Reason.OVERTAKEN))
    ending = [row for row in rows if row.kind == Kind.MEMBERSHIP]
    over = Q(cancelled_at__isnull=False) | Q(is_renewed()) | Q(is_followed())
    ended = Membership.objects.filter(over, pk__in=[row.subject_id for row in ending])
    gone = set(ended.values_list("pk", flat=True))
    for row in ending:
        if row.subject_id in gone:
            found.setdefault(row.pk, str(Reason.OVERTAKEN))
    return found, points


def _expiring(rows: Sequence[LoyaltyNotice]) -> tuple[dict[int, int], dict[int, str]]:
    """Return how many points are left of those that each reminder is about, and why it is of no use; a query.

    Where an account stands idle until the day, that is all it has.
    """
    if not rows:
        return {}, {}
    lots = PointsLot.objects.filter(
        account__in={row.account_id for row in rows},
        expires_day__in={row.subject_id for row in rows},
        left__gt=0,
        is_pending=False,
    ).order_by()
    left = {
        (account, day): points
        for account, day, points in lots.values("account", "expires_day")
        .annotate(sum=Sum("left"))
        .values_list("account", "expires_day", "sum")
    }
    points: dict[int, int] = {}
    gone: dict[int, str] = {}
    for row in rows:
        idle = idle_until(row.account.programme, row.account.moved_day)
        is_idle = idle == row.subject_id
        points[row.pk] = row.account.balance if is_idle else left.get((row.account_id, row.subject_id), 0)
        if not points[row.pk]:
            has_moved = idle is not None and row.account.balance
            gone[row.pk] = str(Reason.OVERTAKEN if has_moved else Reason.USED)
        elif row.account.customer_id != row.customer_id:
            gone[row.pk] = str(Reason.OVERTAKEN)
    return points, gone


# --- Sending ----------------------------------------------------------------------------------
@drain.poller("loyalty.notices")
def hand_over_due(at: datetime) -> int:
    """Ask for the contact of some notices that wait, and write what is granted; return how many."""
    done = 0
    for pk in list(_due(at).values_list("pk", flat=True)[:AT_ONCE]):
        try:
            with transaction.atomic():
                done += _hand_over(pk, at=at)
        except OperationalError:  # nobody's fault: the next turn tries again
            log.exception("notice put off", extra={"notice": pk})
        except Exception:  # one that fails must not keep the others
            log.exception("notice failed", extra={"notice": pk})
            done += _put_off(pk, at=at)
    return done


@outbox.handler(DECIDED)
def contact_decided(row: OutboxRow, at: datetime) -> None:
    """Write the notice whose contact was granted; close the one whose contact was refused."""
    pk = row.event.subject_id if row.event is not None else None
    notice = _hold(Q(reservation=pk))
    if notice is not None and notice.state == State.WAITING:
        _go_on(notice, at=at)


def _due(at: datetime) -> QuerySet[LoyaltyNotice]:
    rows = LoyaltyNotice.objects.filter(state=State.WAITING, reservation=None, due_at__lte=at)
    return rows.order_by("due_at", "pk")


def _hand_over(pk: int, *, at: datetime) -> int:
    notice = _hold(Q(pk=pk, reservation=None), skip_locked=True)
    if notice is None:
        return 0
    reason = _overtaken([notice], at=at)[0].get(pk, "")
    contact = None
    if not reason:
        contact, channel, reason = _way_to(notice.customer_id, at=at)
    if contact is None:
        _close(notice, reason, at=at)
        return 1
    zone = company.current().time_zone
    latest = localtime.start_of_day(notice.latest_day + 1, zone) - timedelta(seconds=1)
    notice.reservation = contacting.reserve_contact(
        contact,
        purpose=PURPOSE,
        channel=channel,
        key=f"loyalty:{notice.pk}:{contact.pk}:{int(notice.at.timestamp())}",  # it may wait anew
        latest_at=latest,
        by=None,
        at=at,
    )
    notice.save(update_fields=["reservation"])
    _go_on(notice, at=at)
    return 1


def _go_on(notice: LoyaltyNotice, *, at: datetime) -> None:
    """Do what the reservation says: write the message, wait, or close."""
    reservation = notice.reservation
    if reservation is None or reservation.state == ContactReservation.State.DEFERRED:
        return
    contact = Contact.objects.select_related("customer").get(pk=reservation.contact_id)
    if contact.customer_id != notice.customer_id:
        _wait_anew(notice, at=at)
        return
    if reservation.state == ContactReservation.State.CLOSED:
        _close(notice, reservation.reason, at=at)
        return
    overtaken, points = _overtaken([notice], at=at)
    if contact.erased_at is not None:
        overtaken[notice.pk] = str(ContactReason.GONE)
    if reason := overtaken.get(notice.pk):
        _close(notice, reason, at=at)
        return
    notice.points = points.get(notice.pk, 0)
    page = links.link_for(contact, at=at, now=clock.real_now())
    letter = letters.write(notice, contact=contact, channel=reservation.channel, has_page=bool(page), at=at)
    notice.message = send_message(reservation, **letter.parts, by=None, at=at)
    notice.state = State.HANDED
    notice.save(update_fields=["points", "message", "state"])


def _wait_anew(notice: LoyaltyNotice, *, at: datetime) -> None:
    """Let a notice ask for another contact: the one that was decided is another customer's now.

    By a merge, or as one was taken back; what it tells may still be true for whom it is about.
    """
    notice.reservation, notice.at, notice.due_at = None, at, at
    notice.save(update_fields=["reservation", "at", "due_at"])


def _way_to(customer_id: int, *, at: datetime) -> tuple[Contact | None, str, str]:
    """Return whom to write to and how, or why nobody: the main contact first, each by her own way first.

    But ways by which messages can leave come before those without a sender. A bounded number of queries.
    """
    today = localtime.day_of(company.today(at).number)
    rows = Contact.objects.filter(customer=customer_id, erased_at__isnull=True).exclude(left_on__lte=today)
    contacts = list(rows.select_related("customer").order_by("-is_main", "pk"))
    ways = foreseeing.obstacles(contacts, purpose=PURPOSE, at=at)
    found = foreseeing.first_to_reach(contacts, ways, sendable=senders.channels_in_use())
    if found is not None:
        return *found, ""
    obstacles = {str(obstacle) for of_one in ways.values() for obstacle in of_one.values()}
    told = (ContactReason.NO_CONSENT, ContactReason.DEAD_ADDRESS, ContactReason.NO_ADDRESS)
    return None, "", next((str(reason) for reason in told if reason in obstacles), str(ContactReason.GONE))


def _hold(which: Q, *, skip_locked: bool = False) -> LoyaltyNotice | None:
    """Hold a notice that waits, and before it its customer: a merge or erasure waits, or is seen."""
    found = LoyaltyNotice.objects.filter(which, state=State.WAITING)
    customer_id = found.values_list("customer", flat=True).first()
    if customer_id is None:
        return None
    stubs.resolved_one(customer_id)
    held = found.select_for_update(of=("self",), skip_locked=skip_locked)
    return held.select_related("reservation", "account__programme").first()


def _close(notice: LoyaltyNotice, reason: str, *, at: datetime) -> None:
    """Do not send a notice; the contact that it still waits for is taken back."""
    reservation = notice.reservation
    notice.state, notice.reason = State.CLOSED, reason
    notice.save(update_fields=["state", "reason"])
    if reservation is None or reservation.state != ContactReservation.State.DEFERRED:
        return
    try:
        with transaction.atomic():
            contacting.take_back(reservation, by=None, at=at)
    except contacting.ReservationEnded:
        pass  # it was decided meanwhile; whoever goes on from there finds the notice closed


def _put_off(pk: int, *, at: datetime) -> int:
    """Let a notice be tried again, later each time, at most :data:`MOST_TRIES` times."""
    notice = LoyaltyNotice.objects.filter(pk=pk, state=State.WAITING).first()
    if notice is None:
        return 0
    notice.tries += 1
    if notice.tries < MOST_TRIES:
        notice.due_at = at + FIRST_WAIT * 2 ** (notice.tries - 1)
    else:
        notice.state, notice.reason = State.CLOSED, Reason.FAILED
    notice.save(update_fields=["tries", "due_at", "state", "reason"])
    return 1
