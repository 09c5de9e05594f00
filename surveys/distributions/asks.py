"""Planned asks: known by a key, so that each is written once, whoever writes it and however often."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Model, Q

from customers import stubs
from surveys.models import Distribution, PlannedAsk


def key_of(distribution: Distribution, contact_id: int, day: int | None = None) -> str:
    """Return the key of the ask of one contact: once, or once a turn (``day``: its local day number)."""
    stem = f"distribution:{distribution.pk}:contact:{contact_id}"
    return stem if day is None else f"{stem}:{day}"


def key_about(distribution: Distribution, model: type[Model], subject_id: int | str) -> str:
    """Return the key of what is asked about one thing: by one survey once, by however many distributions."""
    return f"{distribution.survey_id}:{model._meta.label_lower}:{subject_id}"


def write(asks: Iterable[PlannedAsk]) -> None:
    """Insert the asks that do not stand yet; their customers are held against merging meanwhile."""
    asks = list(asks)
    with transaction.atomic():
        now = stubs.resolved(ask.customer_id for ask in asks)
        for ask in asks:
            ask.customer_id = now[ask.customer_id]
        PlannedAsk.objects.bulk_create(asks, ignore_conflicts=True, batch_size=500)


def plan_again(asks: Iterable[PlannedAsk]) -> None:
    """Let those that stand, and are about something that has happened once more, count from now on.

    One that is still planned waits anew; one of which it did not hold any more is planned again.
    """
    by_key = {ask.key: ask for ask in asks if ask.state == PlannedAsk.State.PLANNED}
    undone = Q(state=PlannedAsk.State.SKIPPED, reason=PlannedAsk.Reason.UNDONE)
    waiting = Q(state=PlannedAsk.State.PLANNED)
    standing = PlannedAsk.objects.filter(undone | waiting, key__in=by_key)
    for pk, key, due_at in list(standing.order_by("pk").values_list("pk", "key", "due_at")):
        ask = by_key[key]
        if due_at < ask.due_at:
            PlannedAsk.objects.filter(undone | waiting, pk=pk, due_at=due_at).update(
                distribution=ask.distribution_id,
                contact=ask.contact_id,
                state=PlannedAsk.State.PLANNED,
                reason="",
                ended_at=None,
                due_at=ask.due_at,
                latest_at=ask.latest_at,
            )
