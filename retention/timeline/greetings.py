"""What the timeline tells of greetings that were sent; of those withheld nothing."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language, gettext, ngettext

from retention.models import CarePlan, CareTouch
from retention.timeline.places import Entry
from retention.timeline.sources import Source, Told, entry_of

_GREETING = ("plan__code", "plan__name", "plan__name_alt", "points", "contact__name")


def sources(facts: dict[str, Any]) -> dict[str, Source]:
    """Return the source; ``facts`` narrows it to what stands of one customer."""
    rows = CareTouch.objects.filter(customer=facts["customer"], state=CareTouch.State.SENT)
    return {"care": Source(rows, "ended_at", _GREETING, _greeting)}


def _greeting(row: Told) -> Entry:
    plan = CarePlan(code=row.plan__code, name=row.plan__name, name_alt=row.plan__name_alt)
    title = gettext("Greeted: %(plan)s") % {"plan": plan.said_name(get_language() or "en")}
    given = ""
    if row.points:
        given = ngettext("%(n)d point given.", "%(n)d points given.", row.points) % {"n": row.points}
    return entry_of("care", row, "care", title, moment="ended_at", text=given, whom=row.contact__name)
