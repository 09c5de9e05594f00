"""What of care is given out about a person: what people may hear of, nothing that was withheld."""

from __future__ import annotations

from typing import Any

from retention.models import CareTouch


def export_touches(person: str, pk: int) -> list[dict[str, Any]]:
    """Return the greetings of a customer or contact that were not withheld (decision 14)."""
    told = CareTouch.objects.told().filter(**{person: pk})  # type: ignore[attr-defined]
    rows: Any = told.order_by("pk").values()
    return [{name: value for name, value in row.items() if name != "is_drawn"} for row in rows]


def export_nothing(person: str, pk: int) -> list[dict[str, Any]]:
    """Return nothing: who is held out is told to nobody, or the hold-out would be none."""
    return []
