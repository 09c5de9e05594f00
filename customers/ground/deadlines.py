"""What is due by when: a first response and a resolution, both counted in working time.

Pure. A pause (the customer is asked and we wait) stops the clock of every deadline that still runs, and
closing stops it for good: what happens after a close counts no more, and reopening lets it run on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from customers.ground.working_time import Range, WorkingCalendar, due_after_pauses


class BadTargets(Refused):
    code = "bad_targets"
    message = _(
        "A deadline of its own needs a kind that it is for, and a time above zero. "
        "Name the kind, or change the deadline that holds for everything else."
    )


@dataclass(frozen=True, slots=True)
class Targets:
    """The working time that may pass until a first response and a resolution; ``None`` sets no deadline."""

    first_response: timedelta | None
    resolution: timedelta | None

    def __post_init__(self) -> None:
        if any(span is not None and span <= timedelta(0) for span in (self.first_response, self.resolution)):
            raise BadTargets()


@dataclass(frozen=True, slots=True)
class Deadlines:
    first_response_due: datetime | None
    resolution_due: datetime | None


class Stage(StrEnum):
    """Where something with two deadlines stands."""

    FIRST_RESPONSE_DUE = "first_response_due"
    PAUSED = "paused"
    RESOLUTION_DUE = "resolution_due"
    FULFILLED = "fulfilled"


def deadlines(
    start: datetime, targets: Targets, *, calendar: WorkingCalendar, pauses: Iterable[Range] = ()
) -> Deadlines:
    """Return the moments by which ``targets`` are due, counted from ``start``.

    Every pause extends both. Raises ``NoWorkingTime`` when the calendar stays closed.
    """
    held = list(pauses)
    first, resolution = (
        None if span is None else due_after_pauses(start, span, pauses=held, calendar=calendar)
        for span in (targets.first_response, targets.resolution)
    )
    return Deadlines(first, resolution)


def targets_for(kind: str, *, by_kind: Mapping[str, Targets], default: Targets) -> Targets:
    """Return the targets of a kind, else the default; only the default is a catch-all.

    Raises :class:`BadTargets` when an entry of ``by_kind`` names no kind.
    """
    if any(not name.strip() for name in by_kind):
        raise BadTargets()
    return by_kind.get(kind, default)


def stage_of(*, is_responded: bool, is_paused: bool, is_resolved: bool) -> Stage:
    """Return what is awaited next: resolved beats paused, paused beats an open deadline."""
    if is_resolved:
        return Stage.FULFILLED
    if is_paused:
        return Stage.PAUSED
    return Stage.RESOLUTION_DUE if is_responded else Stage.FIRST_RESPONSE_DUE


def is_breached(due: datetime | None, *, at: datetime) -> bool:
    """Say whether a deadline has passed; at its very moment it is still met."""
    return due is not None and at > due
