"""Contacts of loops: somebody was reached, or tried often enough."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers import company, interactions
from customers.ground.errors import Refused
from customers.ground.localtime import day_number
from customers.models import Interaction, User
from retention.loop import moves
from retention.loop.missing import BEGINS_ANEW, of_this_round
from retention.models import LoopClosure, LoopStep

ATTEMPTS, ON_DAYS = 3, 2
"""So many attempts on so many local days count as a contact."""
Kind = LoopStep.Kind
State = LoopClosure.State


class ContactWithoutWords(Refused):
    code = "loop_contact_without_words"
    message = _("Say how you reached the customer or tried to, and what was said.")


def log_contact(
    loop: LoopClosure,
    *,
    kind: str = Interaction.Kind.CALL,
    text: str,
    reached: bool = True,
    by: User | None,
    at: datetime,
) -> LoopClosure:
    """Log a contact with whoever told us, or an attempt; three attempts on two days are a contact too.

    Args:
        kind: of ``Interaction``; ``reached``: false for an attempt.

    Raises :class:`ContactWithoutWords`, ``LoopEnded``, ``LoopMoveNotAllowed`` while she is asked,
    ``LoopMoved``. Side effects: an ``Interaction`` of a known customer; step; audit.
    """
    if not text.strip():
        raise ContactWithoutWords()
    with transaction.atomic():
        moves.refuse_ended(loop)
        if loop.customer is not None:
            interactions.log_interaction(
                loop.customer,
                kind=Interaction.Kind(kind),
                text=text,
                contact=loop.contact,
                reached=reached,
                by=by,
                at=at,
            )
        _write(loop, text=text.strip(), reached=reached, by=by, at=at)
    return loop


def heard_of(interaction: Interaction) -> int:
    """Let a contact of ours that was logged elsewhere stand in the customer's loops; return in how many.

    Only those that wait for work and were there before it, and not told of by another person; each once.
    """
    moment = interaction.occurred_at
    waiting = LoopClosure.objects.filter(
        customer=interaction.customer_id,
        received_at__lte=moment,
        state__in=[State.RECEIVED, State.ASSIGNED, State.WORKING],
    )
    kind = Kind.CONTACTED if interaction.reached else Kind.ATTEMPTED
    same = {"steps__at": moment, "steps__kind__in": [Kind.CONTACTED, Kind.ATTEMPTED]}
    theirs = LoopClosure.objects.filter(customer=interaction.customer_id)
    told = theirs.filter(**same).values("pk")
    later = theirs.filter(steps__kind__in=BEGINS_ANEW, steps__at__gt=moment).values("pk")
    if interaction.contact_id is not None:
        waiting = waiting.filter(Q(contact=None) | Q(contact=interaction.contact_id))
    found = list(waiting.exclude(pk__in=told).exclude(pk__in=later).order_by("pk"))
    for loop in found:  # the open feedback of one customer
        _write(loop, text="", reached=kind == Kind.CONTACTED, by=interaction.by, at=moment)
    return len(found)


def _write(loop: LoopClosure, *, text: str, reached: bool, by: User | None, at: datetime) -> None:
    if reached:
        moves.work(loop, kind=Kind.CONTACTED, text=text, by=by, at=at, contacted_at=loop.contacted_at or at)
        return
    moves.work(loop, kind=Kind.ATTEMPTED, text=text, by=by, at=at)
    if is_tried_enough(loop):
        # documented attempts stand for the contact, from the last of them on
        moves.note(loop, kind=Kind.CONTACTED, by=by, at=at, contacted_at=loop.contacted_at or at)


def is_tried_enough(loop: LoopClosure) -> bool:
    """Say whether the attempts of this round are three on two days, and no contact yet."""
    steps = of_this_round(loop)
    if steps.filter(kind=Kind.CONTACTED).exists():
        return False
    zone = company.current().time_zone
    tried = list(steps.filter(kind=Kind.ATTEMPTED).values_list("at", flat=True))
    return len(tried) >= ATTEMPTS and len({day_number(one, zone) for one in tried}) >= ON_DAYS
