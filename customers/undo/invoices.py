"""What was settled of an invoice follows from its steps, also when steps were taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from customers.batch.invoices import count_settled
from customers.models import Invoice, InvoiceEvent


def follow(model: type[Any], ids: list[int], at: datetime) -> None:
    """Bring the caches of the invoices concerned up to date (a follower of ``movers``)."""
    if model is InvoiceEvent:
        concerned = InvoiceEvent.objects.filter(pk__in=ids).values("invoice_id")
        count_settled(Invoice.objects.filter(pk__in=concerned, void=False))
