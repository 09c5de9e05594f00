"""How fast and how well feedback comes to its end: of all that came in a time, by whom, whence and how grave.

Times are working time. *Contact*: until the first contact (or the end, of what was ended without one).
*Resolution*: until the customer was told and asked last, or it was answered or taken back. Nothing leaves the
denominator: what is late, open or taken back counts like the rest. What was taken back was neither contacted
nor resolved: it stands in no median and is not in time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import Q, QuerySet

from customers import company
from customers.ground.working_time import WorkingCalendar, working_time_between
from customers.models import Complaint, Team, User
from retention.models import LoopClosure

MOST = 50_000
"""Of more pieces of feedback than these, the newest are counted, and it is said."""
DEFAULT_DAYS, MOST_DAYS = 30, 400
BY = ("owner", "team", "source", "kind", "severity")
_TOLD = (LoopClosure.State.ASKED, LoopClosure.State.CONFIRMED, LoopClosure.State.UNCONFIRMED)
State = LoopClosure.State
Spans = tuple[float | None, float | None]
"""The hours of working time until contact and resolution."""


@dataclass
class Figure:
    """The figures of one group; times in hours of working time, nothing where nothing came to that."""

    key: str
    label: str
    received: int = 0
    open: int = 0
    contacted_in_time: int = 0
    solved_in_time: int = 0
    confirmed: int = 0
    confirmed_by_us: int = 0
    unconfirmed: int = 0
    answered: int = 0
    withdrawn: int = 0
    reopened: int = 0
    to_contact: list[float] = field(default_factory=list, repr=False)
    to_resolution: list[float] = field(default_factory=list, repr=False)

    def add(self, row: Row, spans: Spans) -> None:
        """Count one piece of feedback, with the hours that it took."""
        self.received += 1
        self.open += row.ended_at is None
        self.reopened += row.reopened > 0
        for state in (State.CONFIRMED, State.UNCONFIRMED, State.ANSWERED, State.WITHDRAWN):
            if row.state == state and not row.confirmed_by_us:
                setattr(self, state.value, getattr(self, state.value) + 1)
        self.confirmed_by_us += row.confirmed_by_us
        contact, resolution = row.contact_at, row.resolution_at
        self.contacted_in_time += contact is not None and contact <= row.respond_by
        self.solved_in_time += resolution is not None and resolution <= (row.first_due_at or row.due_at)
        to_contact, to_resolution = spans
        if to_contact is not None:
            self.to_contact.append(to_contact)
        if to_resolution is not None:
            self.to_resolution.append(to_resolution)

    @property
    def contact_median(self) -> float | None:
        """Return the median of the hours until the first contact."""
        return middle(self.to_contact)

    @property
    def contact_p90(self) -> float | None:
        """Return within how many hours nine in ten had their first contact."""
        return ninth_tenth(self.to_contact)

    @property
    def resolution_median(self) -> float | None:
        """Return the median of the hours until it was resolved."""
        return middle(self.to_resolution)

    @property
    def resolution_p90(self) -> float | None:
        """Return within how many hours nine in ten were resolved."""
        return ninth_tenth(self.to_resolution)

    @property
    def contact_share(self) -> float | None:
        """Return the share of all feedback with a first contact inside its deadline."""
        return self.contacted_in_time / self.received if self.received else None

    @property
    def solved_share(self) -> float | None:
        """Return the share of all feedback that was resolved inside its deadline."""
        return self.solved_in_time / self.received if self.received else None

    @property
    def cells(self) -> list[Any]:
        """Return the numbers in the order of :data:`COLUMNS`."""
        return [getattr(self, name) for name in COLUMNS]


COLUMNS = (
    "received",
    "open",
    "contact_median",
    "contact_p90",
    "contact_share",
    "resolution_median",
    "resolution_p90",
    "solved_share",
    "confirmed",
    "confirmed_by_us",
    "unconfirmed",
    "reopened",
    "answered",
    "withdrawn",
)


@dataclass(frozen=True, slots=True)
class Row:
    """What is read of one loop."""

    owner_id: int | None
    team_id: int | None
    source: str
    kind: str
    severity: int
    state: str
    received_at: datetime
    respond_by: datetime
    due_at: datetime
    first_due_at: datetime | None
    contacted_at: datetime | None
    asked_at: datetime | None
    ended_at: datetime | None
    reopened: int
    confirmed_by_us: bool

    @property
    def contact_at(self) -> datetime | None:
        """Return when she first heard from us; what ended without a contact was answered by its end."""
        return None if self.state == State.WITHDRAWN else self.contacted_at or self.ended_at

    @property
    def resolution_at(self) -> datetime | None:
        """Return when she was told and asked last, or it was ended otherwise."""
        if self.state == State.WITHDRAWN:
            return None
        return self.asked_at if self.state in _TOLD else self.ended_at


@dataclass(frozen=True)
class Figures:
    """The figures of a time: of all, and by group; ``is_cut``: there was more than is counted."""

    whole: Figure
    groups: list[Figure]
    is_cut: bool


def figures(loops: QuerySet[LoopClosure], *, since: datetime, until: datetime, by: str) -> Figures:
    """Return the figures of the feedback received from ``since`` up to ``until``, not included.

    Args:
        loops: those that the reader may see. ``by``: one of :data:`BY`.
    """
    if by not in BY:
        raise ValueError(f"figures are not given by {by}")
    return read(loops.filter(Q(received_at__gte=since, received_at__lt=until)), (by,))[by]


def read(loops: QuerySet[LoopClosure], ways: Sequence[str] = BY) -> dict[str, Figures]:
    """Return the figures of loops, grouped in each of ``ways``, in one pass over the newest."""
    found = loops.order_by("-received_at", "-id").values_list(*Row.__dataclass_fields__)
    rows = [Row(*values) for values in found[: MOST + 1]]
    calendar = company.working_calendar()
    # the hours are the same in each group: working them out is what takes long
    counted = [(row, _spans(row, calendar)) for row in rows[:MOST]]
    return {by: _figures(counted, by, len(rows) > MOST) for by in ways}


def _figures(counted: Sequence[tuple[Row, Spans]], by: str, is_cut: bool) -> Figures:
    whole, groups = Figure("", ""), dict[str, Figure]()
    labels = _labels([row for row, _hours in counted], by)
    for row, spans in counted:
        key = _key(row, by)
        figure = groups.setdefault(key, Figure(key, labels.get(key, "—")))
        for one in (whole, figure):
            one.add(row, spans)
    ordered = sorted(groups.values(), key=lambda one: (-one.received, one.key))
    return Figures(whole, ordered, is_cut)


def middle(hours: Sequence[float]) -> float | None:
    """Return the median, or nothing of nothing."""
    return round(median(hours), 2) if hours else None


def ninth_tenth(hours: Sequence[float]) -> float | None:
    """Return the smallest value that nine in ten do not exceed (nearest rank), or nothing of nothing."""
    return sorted(hours)[math.ceil(len(hours) * 0.9) - 1] if hours else None


def _spans(row: Row, calendar: WorkingCalendar) -> Spans:
    contact, resolution = row.contact_at, row.resolution_at
    return (
        _hours(row.received_at, contact, calendar) if contact is not None else None,
        _hours(row.received_at, resolution, calendar) if resolution is not None else None,
    )


def _hours(start: datetime, end: datetime, calendar: WorkingCalendar) -> float:
    span = working_time_between(start, max(start, end), calendar=calendar)
    return round(span / timedelta(hours=1), 2)


def _key(row: Row, by: str) -> str:
    value = {"owner": row.owner_id, "team": row.team_id}.get(by, getattr(row, by, None))
    return "" if value is None else str(value)


def _labels(rows: Iterable[Row], by: str) -> dict[str, str]:
    if by == "owner":
        people = User.objects.filter(pk__in={row.owner_id for row in rows} - {None})
        return {str(one.pk): str(one) for one in people}
    if by == "team":
        teams = Team.objects.filter(pk__in={row.team_id for row in rows} - {None})
        return {str(one.pk): str(one) for one in teams}
    if by == "severity":
        return {str(value): str(label) for value, label in Complaint.Severity.choices}
    choices: Any = LoopClosure._meta.get_field(by).choices
    return {str(value): str(label) for value, label in choices}
