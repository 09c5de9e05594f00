"""What happens by the clock in this app. All may run twice and die midway."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from customers import calendar, duplicates, keeping, merges, text
from customers.ground import clock, context
from customers.ground.models import Company
from customers.letters import taking
from customers.mentions import feeds
from customers.search import index


@shared_task(name="customers.tasks.fill_search")
def fill_search(**_kwargs: Any) -> None:
    """Let those customers be found that came without their tokens, from an older program or a bulk load."""
    with context.acting(channel="task"):
        index.fill()


@shared_task(name="customers.tasks.clear_old")
def clear_old(**_kwargs: Any) -> None:
    """Clear what is older than its class is kept."""
    with context.acting(channel="task"):
        if Company.objects.exists():
            keeping.clear_old(at=clock.now())


@shared_task(name="customers.tasks.look_for_duplicates")
def look_for_duplicates(**_kwargs: Any) -> None:
    """Look through all customers for duplicates, once each local day; look after what was merged."""
    with context.acting(channel="task"):
        if Company.objects.exists():  # the schedule rings from the first minute on
            at = clock.now()
            merges.gather(at=at)
            merges.forget_old(at=at)
            duplicates.find_all(at=at)


@shared_task(name="customers.tasks.keep_working_calendar")
def keep_working_calendar(**_kwargs: Any) -> None:
    """Bring in the public holidays of the coming year."""
    with context.acting(channel="task"):
        calendar.keep(at=clock.now())


@shared_task(name="customers.tasks.read_texts")
def read_texts(**_kwargs: Any) -> None:
    """Read the texts that came with files or a bulk load, or changed since they were read."""
    with context.acting(channel="task"):
        text.read_unread(at=clock.now())


@shared_task(name="customers.tasks.look_at_feeds")
def look_at_feeds(**_kwargs: Any) -> None:
    """Look at the feeds that are due, for mentions."""
    with context.acting(channel="task"):
        if Company.objects.exists():
            feeds.look_at_due(now=clock.real_now(), at=clock.now())


@shared_task(name="customers.tasks.train_texts")
def train_texts(**_kwargs: Any) -> None:
    """Learn from what people labelled, once each local day."""
    with context.acting(channel="task"):
        if Company.objects.exists():
            text.nightly(at=clock.now())


@shared_task(name="customers.tasks.fetch_letters")
def fetch_letters(**_kwargs: Any) -> None:
    """Look into the mailboxes whose turn it is."""
    with context.acting(channel="task"):
        if Company.objects.exists():
            taking.fetch_due(now=clock.real_now(), at=clock.now())
