"""Who will be due in the next days by a plan, and why somebody will not be greeted; nothing is written.

It speaks of conditions, consent and the contact budget only. Of a plan that leaves some out on purpose it
tells numbers by day and no names: beside who is greeted on the day, names would say who was left out. Whom
the plan could not greet today it names in any case: the page of the plan does, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise

from customers import company
from customers.channels import senders
from customers.contact import budget
from customers.contact.foreseeing import obstacles, way_to
from customers.models import (
    Channel,
    Contact,
    ContactClass,
    ContactReason,
    ContactReservation,
    Customer,
    User,
)
from customers.models.contacting import LIMITED, TOGETHER
from retention.care import occasions
from retention.models import CareDraw, CarePlan, CareTouch

DAYS = 30
MOST = 2_000
"""So many are put in order by their day, or looked at for what stands in the way; of more, the first."""
MOST_TODAY = 50


@dataclass(frozen=True)
class Coming:
    """Somebody who will be due: when, by which way, and what stands in the way as things are now."""

    contact: Contact
    due_day: int
    occasion_day: int
    channel: str
    obstacle: str

    @property
    def channel_text(self) -> str | Promise:
        """Return the channel in words."""
        return Channel(self.channel).label

    @property
    def obstacle_text(self) -> str | Promise:
        """Return the obstacle in words."""
        return ContactReason(self.obstacle).label if self.obstacle else ""


@dataclass(frozen=True)
class Day:
    """How many are due on a day, and how many are kept from it; ``None``: too many to look at."""

    day: int
    number: int
    blocked: int | None


@dataclass(frozen=True)
class Upcoming:
    """A page of who will be due; ``is_cut``: there are more than could be put in order, or looked at.

    ``by_day``: instead of names, how many are due on which day, of a plan that ``is_veiled``. ``number``: how
    many were looked at; ``obstacles``: what stands in the way of how many of them, the most frequent first.
    """

    rows: list[Coming] = field(default_factory=list)
    number: int = 0
    is_cut: bool = False
    is_veiled: bool = False
    by_day: list[Day] = field(default_factory=list)
    obstacles: list[tuple[str | Promise, int]] = field(default_factory=list)

    @property
    def blocked(self) -> int:
        """Return how many have something in the way."""
        return sum(number for _label, number in self.obstacles)


def upcoming(
    plan: CarePlan, *, user: User, at: datetime, days: int = DAYS, start: int = 0, most: int = 50
) -> Upcoming:
    """Return who will be due in the next days, of the customers that ``user`` may see, the next one first.

    From tomorrow on, for a plan that does not run from today on. Thanks after orders cannot be foreseen:
    nobody. A bounded number of queries. Raises ``ConditionRefused`` for a segment that no longer stands.
    """
    if plan.occasion == CarePlan.Occasion.ORDERS:
        return Upcoming()
    today = company.today(at).number
    first = today + (1 if plan.state == CarePlan.State.LIVE else 0) + plan.days_before
    last = today + days + plan.days_before
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    hers = visible.order_by().values("pk")
    if plan.holdout_share or CareDraw.objects.filter(plan=plan, is_held_out=True).exists():
        return _numbers(plan, hers, first, last, at=at)
    rows = occasions.having(plan, first, last, at=at).filter(customer__in=hers)
    found = list(rows.order_by("pk")[: MOST + 1])
    with_day = sorted(
        ((occasions.occurrence_of(plan, one, first).day, one.pk, one) for one in found[:MOST]),
        key=lambda row: row[:2],
    )
    seen = _seen(plan, [(day, one) for day, _pk, one in with_day], at=at)
    return Upcoming(seen[start : start + most], len(seen), is_cut=len(found) > MOST, obstacles=_counted(seen))


def missed_today(plan: CarePlan, *, user: User, at: datetime) -> list[CareTouch]:
    """Return whom the plan found for today and did not greet so far, with the reason; one query."""
    first, last = occasions.window(plan, company.today(at).number)
    told = CareTouch.objects.visible_to(user).filter(  # type: ignore[attr-defined]
        plan=plan,
        occasion_day__gte=first,
        occasion_day__lte=last,
        state__in=(CareTouch.State.CLOSED, CareTouch.State.DEFERRED),
    )
    return list(told.select_related("customer", "contact").order_by("-pk")[:MOST_TODAY])


def _numbers(plan: CarePlan, hers: QuerySet[Any], first: int, last: int, *, at: datetime) -> Upcoming:
    """Return how many are due on each day on which anybody is; at most three queries a day."""
    numbers: dict[int, int] = {}
    known: list[tuple[int, Contact]] = []
    is_cut = False
    for day in range(first, last + 1):
        rows = occasions.having(plan, day, day, at=at).filter(customer__in=hers)
        if number := rows.count():
            numbers[day] = number
            is_cut = is_cut or len(known) + number > MOST
            known += [] if is_cut else [(day, one) for one in rows.order_by("pk")[:MOST]]
    seen = _seen(plan, known, at=at)
    looked_at = {one.due_day for one in seen}
    blocked = Counter(one.due_day for one in seen if one.obstacle)
    by_day = [
        Day(due, number, blocked[due] if due in looked_at else None)
        for due, number in ((day - plan.days_before, number) for day, number in numbers.items())
    ]
    return Upcoming(number=len(seen), is_cut=is_cut, is_veiled=True, by_day=by_day, obstacles=_counted(seen))


def _counted(seen: Iterable[Coming]) -> list[tuple[str | Promise, int]]:
    found = Counter(one.obstacle for one in seen if one.obstacle)
    return [(ContactReason(code).label, number) for code, number in found.most_common()]


def _seen(plan: CarePlan, page: Sequence[tuple[int, Contact]], *, at: datetime) -> list[Coming]:
    contacts = [one for _day, one in page]
    ways, sendable = obstacles(contacts, purpose=ContactClass.CARE, at=at), senders.channels_in_use()
    granted, caps = _granted(contacts), budget.limits()
    found = []
    for day, one in page:
        channel = plan.channel or way_to(one, ways[one.pk], sendable=sendable)
        due = day - plan.days_before
        obstacle = ways[one.pk][channel]
        own = one.at_most_once_in_days
        if not obstacle and _is_full(granted.get(one.pk, []), caps, own=own, due=due):
            obstacle = ContactReason.LIMIT_REACHED
        found.append(Coming(one, due, day, channel, obstacle))
    return found


def _granted(contacts: Sequence[Contact]) -> dict[int, list[tuple[int, str]]]:
    """Return when each was contacted and for what; of a reminder, which counts in no class, only when."""
    rows = ContactReservation.objects.filter(
        contact__in=[one.pk for one in contacts],
        state=ContactReservation.State.GRANTED,
        purpose__in=LIMITED,
    )
    found: dict[int, list[tuple[int, str]]] = {}
    for contact, day, purpose, follows in rows.values_list("contact", "granted_day", "purpose", "follows"):
        found.setdefault(contact, []).append((day or 0, "" if follows else purpose))
    return found


def _is_full(
    granted: Sequence[tuple[int, str]], caps: dict[str, budget.Limit], *, own: int | None, due: int
) -> bool:
    """Say whether what was granted so far leaves no room on a day, by the company's limits or her own."""
    if own is not None and any(day > due - own for day, _purpose in granted):
        return True
    for code in (ContactClass.CARE, TOGETHER):
        cap = caps[code]
        days = [day for day, purpose in granted if code in (TOGETHER, purpose) and day > due - cap.days]
        if cap.most is not None and len(days) >= cap.most:
            return True
    return False
