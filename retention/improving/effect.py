"""What an improvement moved: its figure in equal windows before and after the day on which it was done.

There is no control group: whatever else changed in that time is in the difference, too. Pages say so.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from math import sqrt

from django.db.models import Count, Q

from customers import company
from customers.ground import localtime
from customers.models import Complaint, FeedbackKind, Order, OrderLine
from retention.improving import rates
from retention.improving.attaching import about_same
from retention.models import ImprovementAction, ImprovementReading
from surveys import figures
from surveys.models import SurveyResponse

Moves = ImprovementAction.Moves
MOST_DAYS = 90
FEWEST = figures.FEWEST
"""Below so many observations nothing is shown: of complaints in both windows, of others in each."""
PER_DAYS = 30


@dataclass(frozen=True)
class Side:
    """One window: what the figure was, of how many observations, and its 95 % interval."""

    n: int
    value: float | None = None
    interval: rates.Interval | None = None


@dataclass(frozen=True)
class Effect:
    """A figure before and after.

    Attributes:
        kind: ``complaints`` (in 30 days), ``returns`` (0 to 1), ``nps`` (−100 to 100), ``csat`` (0 to 1),
            ``ces``, ``rating`` or ``mean``. days: whole local days of each window, 0 for readings.
        first, last: the days of the window before and of the one after.
        is_enough: whether there are observations enough to show it.
    """

    kind: str
    days: int
    before: Side
    after: Side
    is_enough: bool
    first: tuple[date, date]
    last: tuple[date, date]

    @property
    def difference(self) -> float | None:
        """Return after − before; nothing while there is too little."""
        if not self.is_enough or self.before.value is None or self.after.value is None:
            return None
        return self.after.value - self.before.value

    @property
    def interval(self) -> rates.Interval | None:
        """Return the interval of the difference, by :func:`rates.difference_interval`."""
        before, after = self.before, self.after
        if self.difference is None or before.interval is None or after.interval is None:
            return None
        assert before.value is not None and after.value is not None  # noqa: S101 — for the type checker
        return rates.difference_interval(after.value, before.value, after.interval, before.interval)


def effect_of(action: ImprovementAction, *, at: datetime) -> Effect | None:
    """Return what an improvement that is done moved so far; nothing before the first whole day after it.

    The windows are as long as whole days have passed since, at most 90; the day itself is in neither.
    """
    if action.state != ImprovementAction.State.DONE or action.ended_on is None:
        return None
    done, today = action.ended_on.toordinal(), company.today(at).number
    days = min(today - 1 - done, MOST_DAYS)
    if days < 1:
        return None
    if action.moves == Moves.MEAN:
        return _mean(action)
    windows = (done - days, done - 1), (done + 1, done + days)
    kind, before, after, is_enough = {
        Moves.COMPLAINTS: _complaints,
        Moves.RETURNS: _returns,
        Moves.SCORE: _score,
    }[Moves(action.moves)](action, *windows)
    first, last = ((localtime.day_of(a), localtime.day_of(b)) for a, b in windows)
    return Effect(kind, days, before, after, is_enough, first, last)


Window = tuple[int, int]
_Found = tuple[str, Side, Side, bool]


def _complaints(action: ImprovementAction, first: Window, last: Window) -> _Found:
    """Count complaints about the same, in 30 days; the interval is Garwood's."""
    about = about_same(action)
    rows = Complaint.objects.filter(about if about is not None else Q(pk=None))
    rows = rows.filter(void=False, kind=FeedbackKind.COMPLAINT)
    counts = rows.aggregate(
        before=Count("pk", filter=Q(occurred_day__range=first)),
        after=Count("pk", filter=Q(occurred_day__range=last)),
    )
    units = (first[1] - first[0] + 1) / PER_DAYS
    sides = [Side(n, n / units, rates.rate_interval(n, units)) for n in (counts["before"], counts["after"])]
    return "complaints", sides[0], sides[1], counts["before"] + counts["after"] >= FEWEST


def _returns(action: ImprovementAction, first: Window, last: Window) -> _Found:
    """Count the lines that came back for each line sold; what comes back is a Poisson count."""
    lines = OrderLine.objects.filter(product=action.product_id, void=False, order__void=False)
    lines = lines.exclude(order__status=Order.Status.CANCELLED)
    signs = {"sold": Q(quantity__gt=0), "back": Q(quantity__lt=0)}
    counts = lines.aggregate(
        **{
            f"{what}_{name}": Count("pk", filter=sign & Q(order__occurred_day__range=window))
            for name, window in (("before", first), ("after", last))
            for what, sign in signs.items()
        }
    )
    sides = []
    for name in ("before", "after"):
        sold, back = counts[f"sold_{name}"], counts[f"back_{name}"]
        sides.append(Side(sold, back / sold, rates.rate_interval(back, sold)) if sold else Side(0))
    return "returns", sides[0], sides[1], min(side.n for side in sides) >= FEWEST


def _score(action: ImprovementAction, first: Window, last: Window) -> _Found:
    """Count the answers to the survey's score, of the scale that was answered most."""
    rows = SurveyResponse.objects.filter(survey=action.survey_id, void=False, score__isnull=False)
    counted = rows.exclude(metric="").values("metric", "points", "score").order_by()
    counted = counted.annotate(
        before=Count("pk", filter=Q(occurred_day__range=first)),
        after=Count("pk", filter=Q(occurred_day__range=last)),
    )
    times: dict[tuple[str, int], tuple[Counter[int], Counter[int]]] = {}
    for row in counted:
        before, after = times.setdefault((row["metric"], row["points"]), (Counter(), Counter()))
        before[int(row["score"] or 0)] += row["before"]
        after[int(row["score"] or 0)] += row["after"]
    if not times:
        return "nps", Side(0), Side(0), False
    (metric, points), both = max(times.items(), key=lambda one: (sum(map(Counter.total, one[1])), one[0]))
    tallies = [figures.tally_of(metric, points, one) for one in both]
    sides = [Side(one.answers, one.value, one.interval) for one in tallies]
    return metric, sides[0], sides[1], all(one.is_enough for one in tallies)


def _mean(action: ImprovementAction) -> Effect | None:
    """Compare the readings over the customers concerned; the interval is m ± z s/√n."""
    known = {row.moment: row for row in ImprovementReading.objects.filter(action=action)}
    before, after = (known.get(one) for one in ImprovementReading.Moment.values)
    if before is None or after is None:
        return None
    sides = []
    for row in (before, after):
        interval = None
        if row.mean is not None and row.deviation is not None and row.number > 1:
            half = figures.Z * row.deviation / sqrt(row.number)
            interval = (row.mean - half, row.mean + half)
        sides.append(Side(row.number, row.mean, interval))
    is_enough = min(before.number, after.number) >= FEWEST
    return Effect("mean", 0, sides[0], sides[1], is_enough, (before.on, before.on), (after.on, after.on))
