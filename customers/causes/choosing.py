"""Which causes may be named anew, and in which order they stand: each cause before its details."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from customers.models import Cause


def choices(*, keeping: Q | None = None) -> Any:
    """Return the causes that may be chosen, in order.

    A retired cause may not, nor may the details of one. ``keeping``: those that stand already
    and may stay, retired or not.
    """
    in_use = Q(is_retired=False) & (Q(parent=None) | Q(parent__is_retired=False))
    return in_order().filter(in_use if keeping is None else in_use | keeping)


def in_order() -> Any:
    """Return all causes, each followed by its details."""
    return Cause.objects.order_by(
        Coalesce("parent__position", "position"),
        Coalesce("parent_id", "id"),
        F("parent_id").asc(nulls_first=True),
        "position",
        "id",
    )


def may_be_chosen(cause: Cause) -> bool:
    """Say whether neither the cause nor what it is a detail of is retired."""
    return not (cause.is_retired or (cause.parent is not None and cause.parent.is_retired))
