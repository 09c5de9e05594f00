"""Returns whose points were spent by then and could not be taken back: a person decides what becomes of them.

She takes them now, from what the account holds by then, or leaves them to the customer; or she waits until
the account holds enough. What was taken, and only that, is given anew when the return is removed. What comes
short later in the same order is shown again.
"""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _

from customers import company, objections
from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import User
from customers.models.people import Role
from loyalty.ledger import accounts, rest
from loyalty.ledger.errors import Counted, NotEnoughPoints
from loyalty.models import OrderEarning, Programme

DECIDING = (Role.TEAM_LEAD, Role.ADMIN)


class SettleNotYours(Refused):
    code = "shortfall_role"
    message = _("A team lead or admin decides what becomes of points that could not be taken back. Ask one.")


class SettledAlready(Refused):
    code = "shortfall_settled"
    message = _(
        "This is settled already, or the order belongs to another customer now. "
        "Load the page anew to see what is open."
    )


class SettleNote(Refused):
    code = "shortfall_note"
    message = _("Say in a sentence what was decided.")


class SettleNotHeld(Counted):
    code = "shortfall_not_held"
    message = _(
        "The account holds %(have)s points to use, and %(wanted)s are to be taken. Leave them to the "
        "customer, or come back when the account holds enough."
    )


def open_shortfalls(programme: Programme) -> QuerySet[OrderEarning]:
    """Return the orders whose spent points could not be taken back and nobody settled, the newest first."""
    rows = OrderEarning.objects.filter(programme=programme, short__gt=F("settled"))
    return rows.order_by("-occurred_at", "-pk")


def settled_shortfalls(programme: Programme) -> QuerySet[OrderEarning]:
    """Return the orders of which something was settled, what was settled last first."""
    rows = OrderEarning.objects.filter(programme=programme, settled_at__isnull=False)
    return rows.order_by("-settled_at", "-pk")


def settle(
    row: OrderEarning, *, note: str, is_taken: bool, short: int | None = None, by: User, at: datetime
) -> OrderEarning:
    """Take now what could not be taken back when its goods came back, or leave it to the customer.

    Args:
        note: in words, what was decided; it stands below those of before, each with its day.
        is_taken: take them from what the account holds; else no point is moved.
        short: so much came short of the order when it was decided; what did since stays open.

    Raises :class:`SettleNotYours`, :class:`SettleNote`, :class:`SettledAlready`; to take also
    :class:`SettleNotHeld`, ``Erased``. Side effects: audit ``points.settle_short``; those of ``take_rest``.
    """
    if by.role not in DECIDING:
        raise SettleNotYours()
    if not note.strip():
        raise SettleNote()
    with transaction.atomic():
        if row.account is not None:
            accounts.hold(row.account)  # as whoever takes back more from the same order
        rows = OrderEarning.objects.select_for_update(no_key=True, of=("self",))
        now = rows.filter(pk=row.pk, customer=row.customer_id, account=row.account_id).first()
        if now is None:  # the order went to another customer meanwhile, or came back
            raise SettledAlready()
        row = now
        upto = row.short if short is None else min(row.short, short)
        if upto <= row.settled:
            raise SettledAlready()
        points = upto - row.settled
        if is_taken:
            _take(row, points, upto=upto, note=note, by=by, at=at)
            row.adjusted += points
        row.settled, row.settled_by, row.settled_at = upto, by, at
        row.settled_note = _below(row.settled_note, note.strip(), at=at)
        row.save(update_fields=["settled", "adjusted", "settled_by", "settled_at", "settled_note"])
        codes = {"order": row.order_id, "points": points, "taken": is_taken}
        audit.record("points.settle_short", obj=row, by=by, at=at, customer_id=row.customer_id, codes=codes)
    return row


def _take(row: OrderEarning, points: int, *, upto: int, note: str, by: User, at: datetime) -> None:
    """Take from the account of an order what came short, by an entry of its own; the row is held."""
    if row.account is None:
        raise SettleNotHeld(have=0, wanted=points)
    objections.refuse_erased(accounts.hold(row.account).customer)
    try:
        rest.take_rest(
            row.account,
            points=points,
            order=row.order_id,
            key=f"order:{row.order_id}:{row.pk}:{row.moves}:rest:{upto}",
            by=by,
            at=at,
            note=note,
        )
    except NotEnoughPoints as refusal:
        raise SettleNotHeld(have=refusal.have, wanted=points) from None


def _below(before: str, note: str, *, at: datetime) -> str:
    """Return a note with the day on which it was made, below those of before."""
    day = date.fromordinal(company.today(at).number).isoformat()
    return f"{before}\n{day}: {note}".lstrip()
