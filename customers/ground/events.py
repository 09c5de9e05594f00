"""News told upward (decision 5): every act writes one Event; subscribers run from the outbox."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import models

from customers.ground import outbox
from customers.ground.audit import only_codes
from customers.ground.models import Event

_subscriptions: dict[str, list[str]] = {}


def subscribe(kind: str, handler: str) -> None:
    """Have the outbox handler called ``handler`` run for every event of ``kind`` (in ``ready()``)."""
    handlers = _subscriptions.setdefault(kind, [])
    if handler not in handlers:
        handlers.append(handler)


def subscribers(kind: str) -> list[str]:
    """Return the names of the handlers subscribed to ``kind``."""
    return list(_subscriptions.get(kind, []))


def record(
    kind: str,
    *,
    customer_id: int | None,
    subject: models.Model | None,
    occurred_at: datetime,
    data: dict[str, Any] | None = None,
) -> Event:
    """Write one event and an outbox row for each subscriber, in the caller's transaction.

    ``data`` holds ids, codes and numbers only. Rows of one customer are handled in order.
    """
    event = Event.objects.create(
        kind=kind,
        customer_id=customer_id,
        subject_type=subject._meta.label_lower if subject is not None else "",
        subject_id=subject.pk if subject is not None else None,
        occurred_at=occurred_at,
        data=only_codes(data or {}),
    )
    deliver([event])
    return event


def record_many(events: Iterable[Event]) -> list[Event]:
    """Write many events at once (imports), each with its subscribers' outbox rows."""
    rows = Event.objects.bulk_create(events, batch_size=1000)
    deliver(rows)
    return rows


def deliver(events: Iterable[Event]) -> None:
    """Add the outbox rows of ``events``, one per subscriber, never twice."""
    outbox.add_many(
        outbox.row(
            handler,
            event=event,
            due_at=event.occurred_at,
            dedupe_key=f"event:{event.pk}:{handler}",
            order_key=f"customer:{event.customer_id}" if event.customer_id else "",
        )
        for event in events
        for handler in _subscriptions.get(event.kind, [])
    )
