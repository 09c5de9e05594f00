"""Marks on customers whose facts changed, written in the transaction of the change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from customers.ground import drain
from customers.models import TouchedCustomer


def mark(customer_ids: Iterable[int], *, at: datetime) -> int:
    """Mark the customers as touched; ``at`` is the greatest ``recorded_at`` written. Return how many."""
    ids = sorted(set(customer_ids))
    TouchedCustomer.objects.bulk_create(
        [TouchedCustomer(customer_id=pk, recorded_at=at) for pk in ids], batch_size=1000
    )
    if ids:
        transaction.on_commit(drain.wake)
    return len(ids)
