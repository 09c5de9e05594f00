"""The way of one piece of feedback through its loop, written at once as the verbs would have left it.

The verbs take one step at a time, each with its queries; a demo has hundreds of steps. Whatever they keep in
columns and steps is kept here too: ``tests/retention/demo/test_ways.py`` compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from customers.ground.working_time import WorkingCalendar, add_working_time
from customers.models import Cause, Customer, User
from retention.loop import making, opening
from retention.loop.answering import AGAIN, SOONER
from retention.loop.told import Told
from retention.models import LoopClosure, LoopStep, RetentionCase
from retention.models.rules import Severity

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Kind = LoopStep.Kind
State = LoopClosure.State


class Way:
    """A loop that is not saved yet, with its steps in order of time."""

    def __init__(
        self, told: Told, *, customer: Customer | None, case: RetentionCase | None, owner: User | None
    ) -> None:
        self.needs_case = told.needs_case and case is None
        self.loop = making.new_loop(told, customer, case, owner, at=told.received_at)
        self.steps: list[LoopStep] = []
        self._step(Kind.RECEIVED, at=told.received_at, by=None)
        if owner is not None:
            self._step(Kind.ASSIGNED, at=told.received_at, by=None)

    @property
    def worker(self) -> User | None:
        """Return who works on it: its owner."""
        return self.loop.owner

    def contacted(self, text: str = "", *, at: datetime) -> None:
        """Note a contact with whoever told us."""
        first = self.loop.contacted_at or at
        self._step(Kind.CONTACTED, text, at=at, by=self.worker, state=State.WORKING, contacted_at=first)

    def diagnosed(self, cause: Cause, *, at: datetime) -> None:
        """Name the cause."""
        self._step(Kind.DIAGNOSED, at=at, by=self.worker, state=State.WORKING, cause=cause)

    def acted(self, action: str, text: str, *, at: datetime) -> None:
        """Say what was done."""
        said = {"action": LoopClosure.Action(action), "action_text": text}
        self._step(Kind.ACTED, text, at=at, by=self.worker, state=State.WORKING, **said)

    def asked(self, message: str, *, at: datetime) -> None:
        """Tell what was done and ask whether it is solved; the link is passed on by hand."""
        said = {"message_text": message, "asked_at": at}
        self._step(Kind.ASKED, message, at=at, by=self.worker, state=State.ASKED, **said)

    def confirmed(self, words: str = "", *, by: User | None = None, at: datetime) -> None:
        """Let her say that it is solved, or somebody who was told so."""
        said = {"ended_at": at, "confirmed_by_us": by is not None}
        self._step(Kind.CONFIRMED, words, at=at, by=by, state=State.CONFIRMED, **said)

    def kept_silent(self, *, at: datetime) -> None:
        """Let the days run out in which she could have said something."""
        self._step(Kind.UNCONFIRMED, at=at, by=None, state=State.UNCONFIRMED, ended_at=at)

    def answered(self, words: str, *, by: User | None, at: datetime) -> None:
        """Note the answer in public, in general, or to somebody whom nobody knows."""
        said = {"message_text": words, "ended_at": at}
        self._step(Kind.ANSWERED, words, at=at, by=by, state=State.ANSWERED, **said)

    def withdrawn(self, reason: str, *, by: User | None, at: datetime) -> None:
        """Take back what needs no answer."""
        self._step(Kind.WITHDRAWN, reason, at=at, by=by, state=State.WITHDRAWN, ended_at=at)

    def not_solved(self, words: str, *, lead: User | None, calendar: WorkingCalendar, at: datetime) -> None:
        """Let her say that it is not solved: it goes to the lead, sooner and graver."""
        loop = self.loop
        owner = lead or loop.owner
        said: dict[str, Any] = {
            **AGAIN,
            "owner": owner,
            "team_id": (owner.team_id if owner is not None else None) or loop.team_id,
            "level": 2,
            "severity": min(loop.severity + 1, Severity.HIGH),
            "reopened": loop.reopened + 1,
            "due_at": add_working_time(at, SOONER, calendar=calendar),
            "first_due_at": loop.first_due_at or loop.due_at,
            "ended_at": None,
        }
        state = State.ASSIGNED if owner is not None else State.RECEIVED
        self._step(Kind.NOT_SOLVED, words, at=at, by=None, state=state, **said)

    def _step(self, kind: str, text: str = "", *, at: datetime, by: User | None, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self.loop, name, value)
        self.steps.append(LoopStep(kind=Kind(kind), at=at, by=by, owner=self.loop.owner, text=text))


def write(ways: Iterable[Way], *, at: datetime) -> int:
    """Save loops with their steps; who complained and is still waited for has a case from ``at`` on.

    Returns how many loops there are.
    """
    made = list(ways)
    LoopClosure.objects.bulk_create([way.loop for way in made])
    steps: list[LoopStep] = []
    for way in made:
        for step in way.steps:
            step.loop = way.loop
        steps += way.steps
    LoopStep.objects.bulk_create(steps)
    for way in made:
        if way.needs_case and way.loop.is_open:
            opening.attach_case(way.loop, severity=way.loop.severity, at=at)
    return len(made)
