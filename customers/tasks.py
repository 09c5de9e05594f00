"""What happens by the clock in this app. All may run twice and die midway."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from customers import calendar
from customers.ground import clock, context
from customers.search import index


@shared_task(name="customers.tasks.fill_search")
def fill_search(**_kwargs: Any) -> None:
    """Let those customers be found that came without their tokens, from an older program or a bulk load."""
    with context.acting(channel="task"):
        index.fill()


@shared_task(name="customers.tasks.keep_working_calendar")
def keep_working_calendar(**_kwargs: Any) -> None:
    """Bring in the public holidays of the coming year."""
    with context.acting(channel="task"):
        calendar.keep(at=clock.now())
