"""What orders, imports and answers tell of: the subscriptions by which points are earned at once."""

from __future__ import annotations

from datetime import datetime

from customers import movers
from customers.ground import events, outbox
from customers.ground.models import OutboxRow
from customers.models import Order, OrderLine
from loyalty import programmes
from loyalty.earning import applying, occasions

ORDER_RECORDED = "loyalty.order_recorded"
IMPORT_FINISHED = "loyalty.import_finished"
IMPORTED_ORDERS = "loyalty.imported_orders"
SURVEY_ANSWERED = "loyalty.survey_answered"
_IMPORTED_AT_ONCE = applying.AT_ONCE


def subscribe() -> None:
    """Enter the subscriptions (in ``ready()``)."""
    events.subscribe("order.recorded", ORDER_RECORDED)
    events.subscribe("import.finished", IMPORT_FINISHED)
    events.subscribe("survey.answered", SURVEY_ANSWERED)
    movers.register_follower("loyalty.earning", applying.follow_undo)


@outbox.handler(ORDER_RECORDED)
def order_recorded(row: OutboxRow, at: datetime) -> None:
    """Let an order that was entered earn."""
    if row.event is not None and row.event.subject_id is not None:
        applying.apply_orders([row.event.subject_id], at=at)


@outbox.handler(IMPORT_FINISHED)
def import_finished(row: OutboxRow, at: datetime) -> None:
    """Let the orders of a file earn, some at a time."""
    if row.event is not None and row.event.subject_id is not None and programmes.current() is not None:
        _go_on(row.event.subject_id, after=0, at=at)


@outbox.handler(IMPORTED_ORDERS)
def imported_orders(row: OutboxRow, at: datetime) -> None:
    """Let the next orders of a file earn."""
    batch, after = row.payload["batch"], row.payload["after"]
    found = Order.objects.filter(batch=batch, pk__gt=after).order_by("pk").values_list("pk", flat=True)
    ids = list(found[:_IMPORTED_AT_ONCE])
    if not ids:
        _lines_only(batch, at=at)
        return
    applying.apply_orders(ids, at=at)
    _go_on(batch, after=ids[-1], at=at)


@outbox.handler(SURVEY_ANSWERED)
def survey_answered(row: OutboxRow, at: datetime) -> None:
    """Give points for an answer, whatever it says, where it is known who gave it."""
    event = row.event
    if event is not None and event.customer_id is not None and event.subject_id is not None:
        occasions.survey_answered(event.subject_id, event.customer_id, occurred_at=event.occurred_at, at=at)


def _go_on(batch: int, *, after: int, at: datetime) -> None:
    payload = {"batch": batch, "after": after}
    key = f"{IMPORTED_ORDERS}:{batch}:{after}"
    outbox.add(IMPORTED_ORDERS, due_at=at, dedupe_key=key, payload=payload)


def _lines_only(batch: int, *, at: datetime) -> None:
    """Look at orders of which the file changed lines and nothing else."""
    rows = OrderLine.objects.filter(batch=batch).exclude(order__batch=batch)
    applying.apply_orders(rows.values_list("order_id", flat=True).distinct(), at=at)
