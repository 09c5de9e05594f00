"""Following a change: how far each customer came, set by a person or by what happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from customers.ground import audit
from customers.ground.errors import Refused
from customers.ground.rows import CHUNK
from customers.models import User
from retention.changes.moving import ChangeMoved, NotAllowed
from retention.models import BusinessChange, ConcernedCustomer, ConcernedStep

State = ConcernedCustomer.State

STEPS: dict[State, frozenset[State]] = {
    State.TO_INFORM: frozenset({State.INFORMED, State.REACHED, State.ACCEPTS, State.OBJECTS, State.LEFT}),
    State.INFORMED: frozenset({State.REACHED, State.ACCEPTS, State.OBJECTS, State.LEFT}),
    State.REACHED: frozenset({State.ACCEPTS, State.OBJECTS, State.LEFT}),
    State.ACCEPTS: frozenset({State.OBJECTS, State.LEFT}),
    State.OBJECTS: frozenset({State.ACCEPTS, State.LEFT}),
    State.LEFT: frozenset({State.ACCEPTS}),  # she thought better of it
}


class NotFromThere(Refused):
    code = "concerned_step"
    message = _("A customer who is “%(before)s” cannot become “%(after)s”.")


class SayAgainstWhat(Refused):
    code = "concerned_note_missing"
    message = _("Write what the customer objects to, so that somebody can answer it.")


def set_state(
    row: ConcernedCustomer, *, state: str, note: str = "", by: User | None, at: datetime
) -> ConcernedCustomer:
    """Say how far a concerned customer came, with a dated step; the same state again adds only a note.

    Raises ``NotAllowed`` unless the change is being followed, :class:`NotFromThere`,
    :class:`SayAgainstWhat` for an objection without words, ``ChangeMoved``. Side effects: audit
    ``change.follow``.
    """
    state, note = State(state), note.strip()
    change = row.change
    if change.state not in BusinessChange.OPEN:
        raise NotAllowed(state=change.get_state_display())
    if state != row.state and state not in STEPS[State(row.state)]:
        raise NotFromThere(before=row.get_state_display(), after=state.label)
    if state == State.OBJECTS and not note:
        raise SayAgainstWhat()
    if state == row.state and not note:
        return row
    with transaction.atomic():
        if not _write([row], state, at=at):
            raise ChangeMoved()
        _note([row], state, note=note, by=by, at=at)
        codes = {"change": change.pk, "state": str(state)}
        audit.record("change.follow", obj=row, by=by, at=at, customer_id=row.customer_id, codes=codes)
    row.refresh_from_db()
    return row


def follow(rows: Sequence[ConcernedCustomer], state: State, *, at: datetime) -> int:
    """Let rows come to a state by what happened, where they may; return how many did.

    In the caller's transaction. Rows that moved meanwhile are left alone.
    """
    done = 0
    for before in State:
        if state not in STEPS[before]:
            continue
        some = [row for row in rows if row.state == before]
        for start in range(0, len(some), CHUNK):
            chunk = some[start : start + CHUNK]
            locked = ConcernedCustomer.objects.select_for_update().filter(
                pk__in=[row.pk for row in chunk], state=before
            )
            mine = list(locked.order_by("pk"))
            done += _write(mine, state, at=at)
            _note(mine, state, note="", by=None, at=at)
    return done


def not_told(rows: Sequence[ConcernedCustomer], *, reason: str, at: datetime) -> int:
    """Let rows be told again whose notice did not arrive, with the reason; return how many went back.

    In the caller's transaction. Who was told by a person, or came further, stays there; a note on who was
    told by her notice tells her nothing.
    """
    ids = [row.pk for row in rows]
    others = ConcernedStep.objects.filter(row=OuterRef("row")).exclude(state=State.INFORMED)
    since = Coalesce(Subquery(others.order_by("-pk").values("pk")[:1]), 0)
    tellings = ConcernedStep.objects.filter(row=OuterRef("pk"), state=State.INFORMED, pk__gt=since)
    first = tellings.order_by("pk").values("by")[:1]
    told = ConcernedCustomer.objects.select_for_update(of=("self",)).filter(pk__in=ids, state=State.INFORMED)
    mine = list(told.annotate(teller=Subquery(first)).filter(teller=None).order_by("pk"))
    done = _write(mine, State.TO_INFORM, at=at)
    _note(mine, State.TO_INFORM, note="", by=None, at=at)
    ConcernedCustomer.objects.filter(pk__in=ids, state=State.TO_INFORM).update(unsent=reason)
    return done


def counts(rows: QuerySet[ConcernedCustomer]) -> dict[str, int]:
    """Return how many of the rows stand in each state, all states in order."""
    found = dict(rows.order_by().values_list("state").annotate(n=Count("pk")))
    return {str(state): found.get(state, 0) for state in State}


def _write(rows: Sequence[ConcernedCustomer], state: State, *, at: datetime) -> int:
    done = 0
    for before in {row.state for row in rows}:
        ids = [row.pk for row in rows if row.state == before]
        standing = ConcernedCustomer.objects.filter(pk__in=ids, state=before)
        done += standing.update(state=state, changed_at=at)
    return done


def _note(
    rows: Sequence[ConcernedCustomer], state: State, *, note: str, by: User | None, at: datetime
) -> None:
    ConcernedStep.objects.bulk_create(
        [
            ConcernedStep(row=row, customer_id=row.customer_id, state=state, note=note, by=by, at=at)
            for row in rows
        ],
        batch_size=500,
    )
