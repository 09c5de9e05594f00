"""The mean of a measure over the customers concerned: read when an improvement is done, and weeks after."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import sqrt

from django.db.models import Avg, Count, F, FloatField, Q, Sum
from django.db.models.functions import Cast

from customers import company
from customers.ground import localtime
from retention import measures
from retention.models import CustomerMeasures, ImprovementAction, ImprovementFeedback, ImprovementReading

READ_FOR = timedelta(days=90)
"""How long after it was done the mean is read anew."""


def read_before(action: ImprovementAction, *, on: date) -> None:
    """Read the mean as it stands on the day on which an improvement is done; once."""
    _read(action, ImprovementReading.Moment.BEFORE, on=on)


def read_after(*, at: datetime) -> int:
    """Read the mean again for each improvement that was done in the last 90 days; return how many."""
    today = localtime.day_of(company.today(at).number)
    done = ImprovementAction.objects.filter(
        state=ImprovementAction.State.DONE,
        moves=ImprovementAction.Moves.MEAN,
        ended_on__lt=today,
        ended_on__gte=today - READ_FOR,
    )
    count = 0
    for action in done.order_by("pk"):  # a handful: each has its own measure and customers
        _read(action, ImprovementReading.Moment.AFTER, on=today)
        count += 1
    return count


def _read(action: ImprovementAction, moment: str, *, on: date) -> None:
    if action.moves != ImprovementAction.Moves.MEAN:
        return
    if action.measure not in {one.code for one in measures.stored()}:
        return  # it was taken out of the catalogue since
    rows = ImprovementFeedback.objects.filter(action=action).order_by()
    complained = rows.exclude(complaint=None).values("complaint__customer")
    others = rows.exclude(loop__customer=None).values("loop__customer")
    wide = CustomerMeasures.objects.filter(Q(customer__in=complained) | Q(customer__in=others))
    value = Cast(F(action.measure), FloatField())
    known = wide.exclude(**{action.measure: None}).annotate(value=value)
    sums = known.aggregate(n=Count("pk"), mean=Avg("value"), squares=Sum(F("value") * F("value")))
    n, mean = sums["n"], sums["mean"]
    deviation = None
    if n > 1:
        deviation = sqrt(max((sums["squares"] - n * mean * mean) / (n - 1), 0.0))
    ImprovementReading.objects.update_or_create(
        action=action, moment=moment, defaults={"on": on, "number": n, "mean": mean, "deviation": deviation}
    )
