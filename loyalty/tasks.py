"""What happens by the clock in this app. All may run twice and die midway."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from customers.ground import clock, context
from loyalty import nightly


@shared_task(name="loyalty.tasks.keep_books")
def keep_books(**_kwargs: Any) -> None:
    """Do the night of the ledger: its steps stand in ``loyalty.nightly``."""
    with context.acting(channel="task"):
        nightly.keep(clock.now())
