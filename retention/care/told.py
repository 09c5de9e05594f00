"""What of care is given out about a person, and what is left of it when she is erased."""

from __future__ import annotations

from datetime import date
from typing import Any

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
    count from the wrong day. Each gets another number and no link to contact, message and points: these keep
    their moments, and would tell the birthday by it.
    """
    rows = CareTouch.objects.select_for_update(of=("self",)).order_by("pk")
    mine = rows.filter(**{person: pk}, plan__occasion=CarePlan.Occasion.BIRTHDAY)
    firm = company.find()
    zone = firm.time_zone if firm is not None else "UTC"
    changed = [row for row in mine if _forget(row, zone)]
    CareTouch.objects.filter(pk__in=[row.pk for row in changed]).delete()
    for row in changed:
        row.pk = None
    CareTouch.objects.bulk_create(changed)
    return len(changed)


def _forget(touch: CareTouch, zone: str) -> bool:
    """Take from a row, not saved, what tells a day; return whether anything did."""
    first = date(localtime.day_of(touch.occasion_day).year, 1, 1).toordinal()
    moment = localtime.start_of_day(first, zone)
    values: dict[str, Any] = {
        **dict.fromkeys(("occasion_day", "due_day", "latest_day"), first),
        **dict.fromkeys(("due_at", "reservation_id", "message_id", "entry_id")),
        "is_drawn": False,
        "made_at": moment,
    }
    if touch.state in (CareTouch.State.WAITING, CareTouch.State.DEFERRED):
        values |= {"state": CareTouch.State.CLOSED, "reason": ContactReason.GONE, "ended_at": moment}
    elif touch.ended_at is not None:
        values["ended_at"] = moment
    before = {name: getattr(touch, name) for name in values}
    for name, value in values.items():
        setattr(touch, name, value)
    return before != values
