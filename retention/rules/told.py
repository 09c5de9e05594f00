"""What of a customer's warnings is given out: what people may hear of, nothing that was withheld."""

from __future__ import annotations

from typing import Any

from retention.models import EarlyWarning


def export_warnings(person: str, pk: int) -> list[dict[str, Any]]:
    """Return the warnings of a customer that were not withheld (decision 14)."""
    if person != "customer":
        return []
    told = EarlyWarning.objects.told().filter(customer=pk)  # type: ignore[attr-defined]
    rows: Any = told.order_by("pk").values()
    return list(rows)


def export_nothing(person: str, pk: int) -> list[dict[str, Any]]:
    """Return nothing: who is held out is told to nobody, or the hold-out would be none."""
    return []
