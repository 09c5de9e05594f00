"""What of care is given out about a person, and what is left of it when she is erased."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db.models import Q

from customers import company
from customers.ground import localtime
from customers.models import ContactReason
from retention.models import CarePlan, CareTouch


def export_touches(person: str, pk: int) -> list[dict[str, Any]]:
    """Return the greetings of a customer or contact that were not withheld (decision 14)."""
    told = CareTouch.objects.told().filter(**{person: pk})  # type: ignore[attr-defined]
    rows: Any = told.order_by("pk").values()
    return [{name: value for name, value in row.items() if name != "is_drawn"} for row in rows]


def export_nothing(person: str, pk: int) -> list[dict[str, Any]]:
    """Return nothing: who is held out is told to nobody, or the hold-out would be none."""
    return []


def erase_touches(person: str, pk: int) -> int:
    """Leave of greetings for a birthday the year only, and close what waits; return how many were changed.

    Each moment becomes the first day of its year, and the comparison no longer counts them, since it would
    count from the wrong day.
    """
    rows = CareTouch.objects.filter(**{person: pk}, plan__occasion=CarePlan.Occasion.BIRTHDAY)
    waiting = Q(state__in=[CareTouch.State.WAITING, CareTouch.State.DEFERRED])
    changed = 0
    for year in sorted({localtime.day_of(day).year for day in rows.values_list("occasion_day", flat=True)}):
        first = date(year, 1, 1).toordinal()
        mine = rows.filter(occasion_day__gte=first, occasion_day__lt=date(year + 1, 1, 1).toordinal())
        moment = _start_of(first)
        values: dict[str, Any] = {
            **dict.fromkeys(("occasion_day", "due_day", "latest_day"), first),
            "is_drawn": False,
            "made_at": moment,
            "due_at": None,
        }
        closed = {"state": CareTouch.State.CLOSED, "reason": ContactReason.GONE, "ended_at": moment}
        changed += mine.exclude(waiting).filter(ended_at=None).update(**values)
        changed += mine.exclude(waiting).exclude(ended_at=None).update(**values, ended_at=moment)
        changed += mine.filter(waiting).update(**values, **closed)
    return changed


def _start_of(day: int) -> datetime:
    firm = company.find()
    return localtime.start_of_day(day, firm.time_zone if firm is not None else "UTC")
