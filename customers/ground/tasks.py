"""What happens by the clock on the ground floor. All may run twice and die midway."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from customers.ground import clock, context
from customers.ground.api import idempotency, throttles


@shared_task(name="customers.ground.tasks.forget_api_calls")
def forget_api_calls(**_kwargs: Any) -> None:
    """Forget the answers of the API that are two days old, and the counts of addresses gone quiet."""
    with context.acting(channel="task"):
        now = clock.real_now()
        idempotency.purge(at=now)
        throttles.purge(at=now)
