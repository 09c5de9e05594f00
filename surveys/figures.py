"""What answers come to: NPS, satisfaction, effort and rating, with the intervals that they leave open.

Only answers count: who was asked and said nothing is in the response rate, and without any answer there
is no figure, never 0. Intervals are of 95 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt

from surveys.definition import Kind, Question

Z = 1.959963984540054
"""The 97.5 % point of the normal distribution: intervals leave 2.5 % out at either end."""

FEWEST = 30
"""Below so many answers a figure says little and is not shown (``science.md`` §8)."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class Tally:
    """Answers to one scale, counted: how many, in which band, and the sums from which a mean follows.

    ``kind``: of the question; ``points``: of its scale; ``total``, ``squares``: of the numbers; ``times``:
    how often each number was given, the lowest first.
    """

    kind: str
    points: int
    answers: int = 0
    low: int = 0
    middle: int = 0
    high: int = 0
    total: int = 0
    squares: int = 0
    times: tuple[tuple[int, int], ...] = ()

    @property
    def is_enough(self) -> bool:
        """Say whether there are enough answers to show figures."""
        return self.answers >= FEWEST

    @property
    def value(self) -> float | None:
        """Return what the scale is known by: NPS, share satisfied, or the mean; none without answers."""
        if self.kind == Kind.NPS:
            return nps(self.high, self.middle, self.low)
        return share(self.high, self.answers) if self.kind == Kind.CSAT else self.mean

    @property
    def interval(self) -> Interval | None:
        """Return the interval of :attr:`value`."""
        if not self.answers:
            return None
        if self.kind == Kind.NPS:
            return nps_interval(self.high, self.middle, self.low)
        if self.kind == Kind.CSAT:
            return wilson(self.high, self.answers)
        return mean_interval(self.answers, self.total, self.squares, most=self.points)

    @property
    def mean(self) -> float | None:
        """Return the mean of the numbers; none without answers."""
        return self.total / self.answers if self.answers else None

    @property
    def shares(self) -> tuple[float, float, float] | None:
        """Return the shares of low, middle and high answers; none without answers."""
        if not self.answers:
            return None
        return self.low / self.answers, self.middle / self.answers, self.high / self.answers


def tally(kind: str, points: int, values: Iterable[object]) -> Tally:
    """Count the answers to one scale; what is no whole number on the scale is no answer.

    Args:
        kind: ``nps``, ``csat``, ``ces`` or ``rating``. ``points``: how many numbers the scale has.
    """
    return tally_of(kind, points, Counter(n for n in values if type(n) is int))


def tally_of(kind: str, points: int, times: Mapping[int, int]) -> Tally:
    """Count the answers to one scale of which each number was given so many times."""
    scale = Question(code="any", kind=Kind(kind), text={}, points=points)
    found = {n: times.get(n, 0) for n in scale.scale}
    bands = Counter[str]()
    for n, count in found.items():
        bands[str(scale.band(n))] += count
    return Tally(
        kind=kind,
        points=points,
        answers=sum(found.values()),
        low=bands["low"],
        middle=bands["middle"],
        high=bands["high"],
        total=sum(n * count for n, count in found.items()),
        squares=sum(n * n * count for n, count in found.items()),
        times=tuple(found.items()),
    )


def nps(promoters: int, passives: int, detractors: int) -> float | None:
    """Return the Net Promoter Score, −100 to 100: % of 9–10 minus % of 0–6; none without answers.

    Source: Reichheld, "The One Number You Need to Grow", Harvard Business Review 81(12), 2003.
    """
    answers = promoters + passives + detractors
    return 100 * (promoters - detractors) / answers if answers else None


def nps_interval(promoters: int, passives: int, detractors: int) -> Interval | None:
    """Return the adjusted Wald interval of an NPS, −100 to 100; none without answers.

    Three answers are added, ¾ of them promoters and ¾ detractors: n′ = n + 3, p′ = (P + ¾)/n′,
    q′ = (D + ¾)/n′; the interval is (p′ − q′) ± z √((p′ + q′ − (p′ − q′)²)/n′), cut at ±100.
    Source: Bonett & Price, "Adjusted Wald confidence interval for a difference of binomial proportions
    based on paired data", Journal of Educational and Behavioral Statistics 37(4), 2012, for NPS by
    Sauro & Lewis, "Quantifying the User Experience", 2nd ed., 2016.
    """
    answers = promoters + passives + detractors
    if not answers:
        return None
    n = answers + 3
    p, q = (promoters + 0.75) / n, (detractors + 0.75) / n
    half = Z * sqrt((p + q - (p - q) ** 2) / n)
    return max(100 * (p - q - half), -100.0), min(100 * (p - q + half), 100.0)


def share(part: int, answers: int) -> float | None:
    """Return a share, 0 to 1; none without answers."""
    return part / answers if answers else None


def wilson(part: int, answers: int) -> Interval | None:
    """Return the Wilson score interval of a share, 0 to 1; none without answers.

    (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n). Source: Wilson, "Probable inference, the law of
    succession, and statistical inference", Journal of the American Statistical Association 22(158), 1927.
    """
    if not answers:
        return None
    p, squared = part / answers, Z * Z
    centre = (p + squared / (2 * answers)) / (1 + squared / answers)
    half = Z * sqrt(p * (1 - p) / answers + squared / (4 * answers**2)) / (1 + squared / answers)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def mean_interval(answers: int, total: int, squares: int, *, most: int, least: int = 1) -> Interval | None:
    """Return the interval of a mean, cut at the ends of its scale; none below two answers.

    m ± z s/√n with the sample's standard deviation s; by the central limit theorem it holds from some
    thirty answers on, below which nothing is shown.
    """
    if answers < 2:
        return None
    mean = total / answers
    variance = max((squares - answers * mean * mean) / (answers - 1), 0.0)
    half = Z * sqrt(variance / answers)
    return max(mean - half, float(least)), min(mean + half, float(most))
