"""By when feedback is answered and resolved: in working time, by kind, never later than a statute allows.

The company's own numbers come first; a statute that it chose for complaints caps the day of resolution.
Statutes are data with their source. They are no legal advice: which of them binds a company, it decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit, localtime
from customers.ground.errors import Refused
from customers.ground.working_time import WorkingCalendar, add_working_days, add_working_time
from customers.models import Complaint, FeedbackDeadline, FeedbackKind, User

MOST_HOURS = 400
MOST_DAYS = 250


class DeadlineRefused(Refused):
    code = "feedback_deadline"
    message = _(
        "Write from 1 to %(hours)s working hours for the first response, and from 1 to %(days)s working days "
        "for the resolution."
    )


class ProfileRefused(Refused):
    code = "feedback_profile"
    message = _("Choose a statute of the list, and for complaints: it covers these alone.")


@dataclass(frozen=True)
class Profile:
    """A statute: within how many days of receipt a complaint is to be decided, and where that stands."""

    code: str
    label: str | Promise
    days: int
    is_working: bool  # working days; else calendar days
    source: str


@dataclass(frozen=True)
class Deadline:
    """What counts for one kind of feedback."""

    respond_hours: int
    resolve_days: int
    profile: str = ""


PROFILES: dict[str, Profile] = {
    profile.code: profile
    for profile in (
        Profile(
            "cn_finance",
            _("China, banks and insurers: 15 days"),
            15,
            False,
            "《银行业保险业消费投诉处理管理办法》（银保监会令2020年第3号）",
        ),
        Profile(
            "eu_payments",
            _("European Union, payment services: 15 business days"),
            15,
            True,
            "Directive (EU) 2015/2366, Article 101(2)",
        ),
        Profile(
            "uk_payments",
            _("United Kingdom, payment services and e-money: 15 business days"),
            15,
            True,
            "FCA Handbook, DISP 1.6.2AR",
        ),
        Profile(
            "uk_finance",
            _("United Kingdom, other financial services: 8 weeks"),
            56,
            False,
            "FCA Handbook, DISP 1.6.2R",
        ),
    )
}
DELIVERED: dict[str, Deadline] = {
    FeedbackKind.COMPLAINT: Deadline(8, 5),
    FeedbackKind.QUESTION: Deadline(8, 3),
    FeedbackKind.SUGGESTION: Deadline(16, 20),
    FeedbackKind.PRAISE: Deadline(16, 10),
}


@dataclass(frozen=True)
class Deadlines:
    """All deadlines with the calendar that counts them; read once for many pieces of feedback."""

    said: Mapping[str, Deadline]
    calendar: WorkingCalendar

    def due_day(self, kind: str, *, at: datetime) -> int:
        """Return the local day number by whose end feedback received ``at`` is to be resolved."""
        deadline = self.said[kind]
        own = add_working_days(at, deadline.resolve_days, calendar=self.calendar).toordinal()
        profile = PROFILES.get(deadline.profile)
        if profile is None:
            return own
        if profile.is_working:
            return min(own, add_working_days(at, profile.days, calendar=self.calendar).toordinal())
        return min(own, localtime.day_number(at, self.calendar.zone) + profile.days)

    def respond_by(self, kind: str, *, at: datetime, due_day: int) -> datetime:
        """Return by when the customer is to hear from us: never later than it is to be resolved."""
        span = timedelta(hours=self.said[kind].respond_hours)
        due_at = localtime.start_of_day(due_day + 1, self.calendar.zone)
        return min(add_working_time(at, span, calendar=self.calendar), due_at)


def read() -> Deadlines:
    """Return what counts now, with the company's calendar."""
    return Deadlines(said(), company.working_calendar())


def kept(complaint: Complaint, due_at: datetime | None) -> dict[str, datetime | None]:
    """Return by when the customer is to hear from us while ``due_at`` counts, and what she was promised."""
    promised = complaint.promised_by or complaint.respond_by
    if promised is None or due_at is None:
        return {"respond_by": promised, "promised_by": promised}
    return {"respond_by": min(promised, due_at), "promised_by": promised}


def sooner(promised: datetime | None, other: datetime) -> datetime | None:
    """Return a promised moment, or another one that comes sooner; nothing where nothing was promised."""
    return min(promised, other) if promised is not None else None


def said() -> dict[str, Deadline]:
    """Return what the company said of each kind; the delivered one where it said nothing."""
    rows = FeedbackDeadline.objects.all()
    return DELIVERED | {row.kind: Deadline(row.respond_hours, row.resolve_days, row.profile) for row in rows}


def set_deadlines(wanted: Mapping[str, Deadline], *, by: User | None, at: datetime) -> list[str]:
    """Say what counts for feedback that comes from now on; return the kinds that changed.

    What is filed already keeps its moments. Raises :class:`DeadlineRefused`, :class:`ProfileRefused`.
    Side effects: audit ``feedback.deadlines``.
    """
    for kind, deadline in wanted.items():
        _refuse_unless_sound(FeedbackKind(kind), deadline)
    with transaction.atomic():
        now = said()
        changed = {kind: deadline for kind, deadline in sorted(wanted.items()) if now[kind] != deadline}
        for kind, deadline in changed.items():
            FeedbackDeadline.objects.update_or_create(
                kind=kind,
                defaults={
                    "respond_hours": deadline.respond_hours,
                    "resolve_days": deadline.resolve_days,
                    "profile": deadline.profile,
                },
            )
        if changed:
            codes: dict[str, object] = {
                str(kind): [d.respond_hours, d.resolve_days, d.profile] for kind, d in changed.items()
            }
            audit.record("feedback.deadlines", obj=None, by=by, at=at, codes=codes)
    return [str(kind) for kind in changed]


def _refuse_unless_sound(kind: FeedbackKind, deadline: Deadline) -> None:
    if not (1 <= deadline.respond_hours <= MOST_HOURS and 1 <= deadline.resolve_days <= MOST_DAYS):
        raise DeadlineRefused(hours=MOST_HOURS, days=MOST_DAYS)
    if deadline.profile and (deadline.profile not in PROFILES or kind != FeedbackKind.COMPLAINT):
        raise ProfileRefused()
