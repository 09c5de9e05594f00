"""The chart of a figure month by month: the figure with its interval above, the number of answers below."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from django.utils import formats
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from surveys.definition import Kind
from surveys.figures import Tally

WIDTH, HEIGHT = 440, 262
LEFT, RIGHT = 44, 12
TOP, FOOT = 14, 160
BARS_TOP, BARS_FOOT = 186, 232
MOST_LABELS = 7


def draw(months: Sequence[tuple[date, Tally]], *, ends: tuple[float, float], label: str) -> SafeString:
    """Draw the chart; the table beside it says the same in numbers.

    Args:
        ends: the lowest and the highest value that the figure can have.
    """
    return format_html(
        '<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}"><title>{}</title>{}{}{}{}</svg>',
        WIDTH,
        HEIGHT,
        label,
        label,
        _scale(months, ends),
        _bars(months),
        _figures(months, ends),
        _labels(months),
    )


def ends_of(kind: str, points: int) -> tuple[float, float]:
    """Return the lowest and the highest value of a figure."""
    if kind == Kind.NPS:
        return -100.0, 100.0
    return (0.0, 1.0) if kind == Kind.CSAT else (1.0, float(points))


def _x(place: int, number: int) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) / max(number, 1) * (place + 0.5), 1)


def _y(value: float, ends: tuple[float, float]) -> float:
    return round(FOOT - (value - ends[0]) / (ends[1] - ends[0]) * (FOOT - TOP), 1)


def _scale(months: Sequence[tuple[date, Tally]], ends: tuple[float, float]) -> SafeString:
    kind = months[0][1].kind if months else ""
    drawn = format_html_join(
        "",
        '<line class="chart-grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>'
        '<text class="chart-text" x="{3}" y="{4}" text-anchor="end">{5}</text>',
        (
            (LEFT, WIDTH - RIGHT, (y := _y(value, ends)), LEFT - 6, y + 4, _short(kind, value))
            for value in (ends[0], sum(ends) / 2, ends[1])
        ),
    )
    return drawn + format_html(
        '<line class="chart-grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>', LEFT, WIDTH - RIGHT, BARS_FOOT
    )


def _short(kind: str, value: float) -> str:
    if kind == Kind.CSAT:
        return f"{value:.0%}"
    return f"{value:+.0f}".replace("-", "−").replace("+0", "0") if kind == Kind.NPS else f"{value:g}"


def _bars(months: Sequence[tuple[date, Tally]]) -> SafeString:
    most = max((tally.answers for _first, tally in months), default=0) or 1
    width = round((WIDTH - LEFT - RIGHT) / max(len(months), 1) * 0.56, 1)
    bars = []
    for place, (_first, tally) in enumerate(months):
        height = round(tally.answers / most * (BARS_FOOT - BARS_TOP), 1)
        css = "chart-bar-now" if tally.is_enough else "chart-bar"
        x = round(_x(place, len(months)) - width / 2, 1)
        bars.append((css, x, round(BARS_FOOT - height, 1), width, height))
    drawn = format_html_join("", '<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="1.5"/>', bars)
    return drawn + format_html(
        '<text class="chart-text" x="{}" y="{}" text-anchor="end">{}</text>',
        LEFT - 6,
        BARS_TOP + 8,
        f"{most:,}",
    )


def _figures(months: Sequence[tuple[date, Tally]], ends: tuple[float, float]) -> SafeString:
    """Draw each figure that may be shown with its interval, and a line through neighbours."""
    shown = [
        (_x(place, len(months)), _y(tally.value, ends), *(_y(end, ends) for end in tally.interval), place)
        for place, (_first, tally) in enumerate(months)
        if tally.is_enough and tally.value is not None and tally.interval is not None
    ]
    lines = [
        (before[0], before[1], after[0], after[1])
        for before, after in pairwise(shown)
        if after[4] == before[4] + 1
    ]
    return (
        format_html_join("", '<line class="chart-whisker" x1="{0}" x2="{0}" y1="{2}" y2="{3}"/>', shown)
        + format_html_join(
            "", '<line class="chart-line chart-precision" x1="{}" y1="{}" x2="{}" y2="{}"/>', lines
        )
        + format_html_join("", '<circle class="chart-mark-precision" cx="{}" cy="{}" r="4"/>', shown)
    )


def _labels(months: Sequence[tuple[date, Tally]]) -> SafeString:
    step = -(-len(months) // MOST_LABELS)
    form = "n月" if (get_language() or "").startswith("zh") else "M"
    return format_html_join(
        "",
        '<text class="chart-text" x="{}" y="{}" text-anchor="middle">{}</text>',
        (
            (_x(place, len(months)), BARS_FOOT + 18, formats.date_format(first, form))
            for place, (first, _tally) in enumerate(months)
            if place % step == 0
        ),
    )
