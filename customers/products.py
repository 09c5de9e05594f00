"""Products that are withdrawn, and who bought them: somebody must tell these before they ask in vain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from customers.company import today
from customers.models import OrderLine, Product

WITHDRAWAL = frozenset({"is_withdrawn", "withdrawn_day"})


def withdrawal(product: Product | None, values: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    """Return ``values`` of a product with all that follows from what they say of its withdrawal.

    A day means that it is withdrawn; withdrawn without a day counts from the day on which we first heard
    so; not withdrawn empties the day. Since when we know stays, as long as the day does.
    """
    wanted = dict(values)
    known_at = wanted.pop("withdrawn_known_at", at)
    if not WITHDRAWAL & wanted.keys():
        return wanted
    day = wanted.get("withdrawn_day")
    is_withdrawn = day is not None or bool(wanted.get("is_withdrawn"))
    known = product if product is not None and product.is_withdrawn else None
    if day is None and is_withdrawn:
        day = known.withdrawn_day if known else today(at).number
    if known and day == known.withdrawn_day:
        known_at = known.withdrawn_known_at
    return {
        **wanted,
        "is_withdrawn": is_withdrawn,
        "withdrawn_day": day,
        "withdrawn_known_at": None if day is None else known_at,
    }


def buyers_of(products: Iterable[int]) -> set[int]:
    """Return the ids of the customers of whom an order has a line of one of the products."""
    lines = OrderLine.objects.filter(product__in=list(products))
    return set(lines.order_by().values_list("customer_id", flat=True).distinct())
