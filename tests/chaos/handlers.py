"""Work of the tests' own: a note that is not idempotent, a row that kills its worker, a slow task."""

from __future__ import annotations

import os
import signal
import time
from datetime import datetime
from pathlib import Path

from celery import shared_task

from customers.ground import outbox
from customers.ground.models import Event, OutboxRow
from customers.models import Customer

NOTED = "chaos.noted"


@outbox.handler("chaos.note")
def note(row: OutboxRow, at: datetime) -> None:
    """Write one note for the row; done twice, it stands there twice. ``pause``: seconds to take over it."""
    Event.objects.create(
        kind=NOTED, customer_id=row.payload.get("customer"), occurred_at=at, data={"row": row.pk}
    )
    time.sleep(row.payload.get("pause", 0))


@outbox.handler("chaos.kill")
def kill(row: OutboxRow, at: datetime) -> None:
    """Kill the process that does the work, every time."""
    os.kill(os.getpid(), signal.SIGKILL)


@outbox.handler("chaos.fail")
def fail(row: OutboxRow, at: datetime) -> None:
    """Fail the first ``times`` times, then write the note."""
    if row.attempts <= row.payload.get("times", 1):
        raise RuntimeError("not yet")
    note(row, at)


@outbox.handler("chaos.cross")
def cross(row: OutboxRow, at: datetime) -> None:
    """Lock two customers in the given order with a pause between, then write the note."""
    for number, customer in enumerate(row.payload["customers"]):
        if number:
            time.sleep(row.payload["pause"] if row.attempts == 1 else 0)
        list(Customer.objects.select_for_update().filter(pk=customer))
    Event.objects.create(kind=NOTED, customer_id=None, occurred_at=at, data={"row": row.pk})


@shared_task(name="chaos.slow")
def slow(told: str) -> None:
    """Say in a file that the task began, take a while the first time, and say that it is done."""
    path = Path(told)
    first = not path.exists()
    with path.open("a") as file:
        file.write("began\n")
    time.sleep(30 if first else 0)
    with path.open("a") as file:
        file.write("done\n")
