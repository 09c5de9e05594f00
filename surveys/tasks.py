"""What happens by the clock in this app. All may run twice and die midway."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from customers.ground import clock, context
from customers.ground.models import Company
from surveys.distributions import planning


@shared_task(name="surveys.tasks.plan_distributions")
def plan_distributions(**_kwargs: Any) -> None:
    """Plan whom the running distributions ask, and close what comes too late; the drain asks them."""
    with context.acting(channel="task"):
        if Company.objects.exists():  # the schedule rings from the first minute on
            planning.run(at=clock.now())
