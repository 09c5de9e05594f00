"""What became of a distribution: how many were planned, asked, reached, answered, and why others were not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count, Q, QuerySet
from django.utils.functional import Promise

from customers.models import Message
from surveys.models import Distribution, PlannedAsk, SurveyDispatch

_Message = Message.State


@dataclass
class Figures:
    """Counts of asks; ``reasons``: words and number of those that were not asked, the most frequent first.

    ``planned`` wait for their day; ``waiting`` were handed over and wait for quiet hours or limits; ``sent``
    left, of which ``delivered`` are known to have come and ``answered`` were answered.
    """

    all: int = 0
    planned: int = 0
    waiting: int = 0
    sent: int = 0
    delivered: int = 0
    answered: int = 0
    not_asked: int = 0
    reasons: list[tuple[str | Promise, int]] = field(default_factory=list)


def figures_of(distribution: Distribution) -> Figures:
    """Return what became of all asks of a distribution; one query."""
    answered = Count("pk", filter=Q(dispatch__invitation__answered_at__isnull=False))
    rows = (
        PlannedAsk.objects.filter(distribution=distribution)
        .order_by()
        .values("state", "reason", "dispatch__state", "dispatch__reason")
        .annotate(
            n=Count("pk"),
            came=Count("pk", filter=Q(dispatch__reservation__message__state=_Message.DELIVERED)),
            answered=answered,
        )
    )
    found, why = Figures(), {}
    for row in rows:
        n = row["n"]
        found.all += n
        found.delivered += row["came"]
        found.answered += row["answered"]
        if row["state"] == PlannedAsk.State.PLANNED:
            found.planned += n
        elif row["state"] == PlannedAsk.State.SKIPPED:
            found.not_asked += n
            why[PlannedAsk.Reason(row["reason"]).label] = n
        elif row["dispatch__state"] == SurveyDispatch.State.CLOSED:
            found.not_asked += n
            label = SurveyDispatch.Reason(row["dispatch__reason"]).label
            why[label] = why.get(label, 0) + n
        elif row["dispatch__state"] == SurveyDispatch.State.SENT:
            found.sent += n
        else:
            found.waiting += n
    found.reasons = sorted(why.items(), key=lambda pair: -pair[1])
    return found


def log_of(asks: QuerySet[PlannedAsk]) -> QuerySet[PlannedAsk]:
    """Return asks, the newest first, with whom they are for and what became of them; one query."""
    return asks.select_related(
        "contact", "customer", "dispatch__reservation__message", "dispatch__invitation"
    ).order_by("-id")


def sent_counts(distributions: Iterable[Distribution]) -> dict[int, tuple[int, int]]:
    """Return how many asks of each distribution were handed over, and answered; one query."""
    rows = (
        PlannedAsk.objects.filter(distribution__in=list(distributions), state=PlannedAsk.State.ASKED)
        .order_by()
        .values("distribution")
        .annotate(
            asked=Count("pk", filter=~Q(dispatch__state=SurveyDispatch.State.CLOSED)),
            answered=Count("pk", filter=Q(dispatch__invitation__answered_at__isnull=False)),
        )
    )
    return {row["distribution"]: (row["asked"], row["answered"]) for row in rows}
