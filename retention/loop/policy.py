"""What the company says about closing loops: how long it waits for the customer's word."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from customers.ground import audit
from customers.models import User
from retention.models import LoopPolicy


def silent_days() -> int:
    """Return after how many days without a word what was asked counts as unconfirmed."""
    found = LoopPolicy.objects.values_list("silent_days", flat=True).first()
    return int(found) if found is not None else LoopPolicy.SILENT_DAYS


def set_policy(*, silent_days: int, by: User | None, at: datetime) -> LoopPolicy:
    """Say how long the company waits, 1 to 60 days. Audit ``loop.policy``."""
    with transaction.atomic():
        row, _is_new = LoopPolicy.objects.update_or_create(id=1, defaults={"silent_days": silent_days})
        audit.record("loop.policy", obj=row, by=by, at=at, codes={"silent_days": silent_days})
    return row
