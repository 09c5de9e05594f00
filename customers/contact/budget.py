"""How often one person is contacted, and when nobody is: as delivered, or as the company said."""

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
from customers.models import ContactClass, ContactLimit, ContactReservation, Customer, QuietHours, User
from customers.models.contacting import LIMITED, TOGETHER

MOST = 100
MOST_DAYS = 730
_DAY = 24 * 60


class LimitRefused(Refused):
    code = "contact_limit"
    message = _("Write a number of contacts from 1 to 100, or nothing for no limit, and 1 to 730 days.")


class QuietRefused(Refused):
    code = "quiet_hours"
    message = _("Quiet hours begin and end between 00:00 and 23:59.")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` contacts of one person within ``days`` local days, today included; ``None``: any."""

    most: int | None
    days: int


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours in minutes since local midnight; they may go over midnight, both equal: none."""

    starts: int
    ends: int

    def until(self, at: datetime, zone: str) -> datetime | None:
        """Return when the quiet hours end in which ``at`` lies on the wall clock of ``zone``, or nothing."""
        local = localtime.to_local(at, zone)
        minute = local.hour * 60 + local.minute
        if self.starts < self.ends:
            if not self.starts <= minute < self.ends:
                return None
            return localtime.moment_at(local.date(), self.ends, zone)
        if self.starts == self.ends or self.ends <= minute < self.starts:
            return None
        day = local.date() if minute < self.ends else local.date() + timedelta(days=1)
        return localtime.moment_at(day, self.ends, zone)


DELIVERED: dict[str, Limit] = {
    ContactClass.EVENT_SURVEY: Limit(1, 30),
    ContactClass.RELATIONSHIP_SURVEY: Limit(1, 90),
    ContactClass.OFFER: Limit(2, 30),
    ContactClass.CARE: Limit(2, 30),
    TOGETHER: Limit(4, 30),
}
DELIVERED_QUIET = Quiet(21 * 60, 8 * 60)
CODES = (*(str(one) for one in LIMITED), TOGETHER)


def label_of(code: str) -> str | Promise:
    """Return the name of a limit."""
    return _("all of these together") if code == TOGETHER else ContactClass(code).label


def limits() -> dict[str, Limit]:
    """Return the limit of each class but service, and of all of them together (``together``)."""
    said = {row.code: Limit(row.most, row.days) for row in ContactLimit.objects.all()}
    return {code: said.get(code, DELIVERED[code]) for code in CODES}


def quiet_hours() -> Quiet:
    """Return the quiet hours."""
    row = QuietHours.objects.first()
    return Quiet(row.starts, row.ends) if row is not None else DELIVERED_QUIET


def set_limits(
    said: Mapping[str, Limit], *, quiet: Quiet | None = None, by: User | None, at: datetime
) -> list[str]:
    """Say how often people are contacted and when not; return the codes of what changed.

    Args:
        said: limits by code; what is not named stays.
        quiet: the quiet hours; ``None`` leaves them.

    Raises :class:`LimitRefused`, :class:`QuietRefused`. Side effects: contacts that wait are decided
    anew; audit ``contact.limit``.
    """
    if set(said) - set(CODES):
        raise ValueError(f"unknown limits: {set(said) - set(CODES)}")
    if not all(_is_sound(limit) for limit in said.values()):
        raise LimitRefused()
    if quiet is not None and not all(0 <= minute < _DAY for minute in (quiet.starts, quiet.ends)):
        raise QuietRefused()
    with transaction.atomic():
        now = limits()
        changed = {code: limit for code, limit in said.items() if now[code] != limit}
        codes: dict[str, object] = {}
        for code, limit in sorted(changed.items()):
            ContactLimit.objects.update_or_create(
                code=code, defaults={"most": limit.most, "days": limit.days}
            )
            codes[code] = [limit.most, limit.days]
        if quiet is not None and quiet != quiet_hours():
            QuietHours.objects.update_or_create(pk=1, defaults={"starts": quiet.starts, "ends": quiet.ends})
            codes["quiet"] = [quiet.starts, quiet.ends]
        if codes:
            waiting = ContactReservation.objects.filter(state=ContactReservation.State.DEFERRED)
            waiting.filter(due_at__gt=at).update(due_at=at)
            audit.record("contact.limit", obj=None, by=by, at=at, codes=codes)
    return sorted(codes)


def zone_of(customer: Customer) -> str:
    """Return the customer's time zone, the company's where none is known."""
    if customer.time_zone:
        try:
            localtime.zone_of(customer.time_zone)
        except localtime.UnknownTimeZone:
            pass
        else:
            return customer.time_zone
    return company.current().time_zone


def _is_sound(limit: Limit) -> bool:
    return (limit.most is None or 1 <= limit.most <= MOST) and 1 <= limit.days <= MOST_DAYS
