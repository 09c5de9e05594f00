"""What becomes of feedback from somebody unknown when a person is erased, and when it was kept long enough.

Once it is linked her words stand in the complaint as well; what she stated of herself stays here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers import keeping, movers
from customers.feedback import files
from customers.models import UnknownFeedback

_BLANK = dict.fromkeys(
    ("stated_name", "stated_reach", "stated_order", "text", "external_id", "answer_text"), ""
)
MONTHS = 24


def register() -> None:
    """Enter what erasing a customer or contact does, and how long it is kept (in ``ready()``)."""
    movers.register(UnknownFeedback, mover=movers.stay, eraser=erase, exporter=export)
    keeping.register(
        keeping.DataClass(
            "unknown_feedback",
            _("Feedback of people who are no customers"),
            _("Names, addresses, words and files; kind, deadlines and how it was answered stay."),
            MONTHS,
            clear,
        )
    )


def erase(person: str, pk: int) -> int:
    """Empty what a person who was erased had stated of herself."""
    return _of(person, pk).update(**_BLANK)


def export(person: str, pk: int) -> list[dict[str, Any]]:
    """Return what a person stated of herself."""
    fields = ("id", "kind", "occurred_at", "text", "stated_name", "stated_reach", "stated_order")
    return list(_of(person, pk).order_by("pk").values(*fields))


def clear(before: datetime, most: int, at: datetime) -> int:
    """Empty what ended before then; files go with it."""
    old = UnknownFeedback.objects.filter(ended_at__lt=before).exclude(**_BLANK).order_by("pk")
    rows = list(old[:most])
    files.forget(rows)
    return UnknownFeedback.objects.filter(pk__in=[row.pk for row in rows]).update(**_BLANK) if rows else 0


def _of(person: str, pk: int) -> Any:
    return UnknownFeedback.objects.filter(**{f"complaint__{person}_id": pk})
