"""What happens by the clock to customers. All may run twice and die midway."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from customers.ground import context
from customers.search import index


@shared_task(name="customers.tasks.fill_search")
def fill_search(**_kwargs: Any) -> None:
    """Let those customers be found that came without their tokens, from an older program or a bulk load."""
    with context.acting(channel="task"):
        index.fill()
