"""The charts of loyalty: columns month by month, what came in above the line and what went out below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils import formats
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language

WIDTH, HEIGHT = 440, 216
LEFT, RIGHT = 50, 8
TOP, FOOT = 12, 188
MOST_LABELS = 7


@dataclass(frozen=True)
class Column:
    """One month: the parts above the line, then those below it, each from the line outwards."""

    first: date
    above: tuple[int, ...]
    below: tuple[int, ...] = ()


def draw(
    columns: Sequence[Column], *, label: str, write: Callable[[int], str], css: Sequence[str] = ("earned",)
) -> SafeString:
    """Draw the columns; the table beside it says the same in numbers.

    Args:
        write: words a value of the scale.
        css: the kind of each part, those above the line first: ``earned``, ``redeemed``, ``expired``.
    """
    top = max((sum(column.above) for column in columns), default=0)
    low = max((sum(column.below) for column in columns), default=0)
    scale = _Scale(_round_up(top), _round_up(low) if low else 0)
    return format_html(
        '<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}"><title>{}</title>{}{}{}</svg>',
        WIDTH,
        HEIGHT,
        label,
        label,
        _lines(scale, write),
        _columns(columns, scale, css),
        _labels(columns),
    )


@dataclass(frozen=True)
class _Scale:
    top: int
    low: int

    @property
    def zero(self) -> float:
        return TOP + (FOOT - TOP) * self.top / (self.top + self.low)

    def height(self, value: int) -> float:
        return round((FOOT - TOP) * value / (self.top + self.low), 1)


def _round_up(value: int) -> int:
    """Return the next number with a round half: 2, 3, 4, 5, 6, 8 or 10 × a power of ten; for nothing 1."""
    if value <= 1:
        return 1
    power = 10 ** (len(str(value)) - 1)
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= value)


def _x(place: int, number: int) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) / max(number, 1) * (place + 0.5), 1)


def _lines(scale: _Scale, write: Callable[[int], str]) -> SafeString:
    values = [scale.top, scale.top // 2, 0] if scale.top > 1 else [scale.top, 0]
    marks = [(scale.zero - scale.height(value), write(value), value == 0) for value in values]
    if scale.low:
        marks.append((scale.zero + scale.height(scale.low), write(-scale.low), False))
    return format_html_join(
        "",
        '<line class="chart-grid{5}" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>'
        '<text class="chart-text" x="{3}" y="{4}" text-anchor="end">{6}</text>',
        (
            (LEFT, WIDTH - RIGHT, round(y, 1), LEFT - 6, round(y + 4, 1), " chart-zero" if zero else "", text)
            for y, text, zero in marks
        ),
    )


def _columns(columns: Sequence[Column], scale: _Scale, css: Sequence[str]) -> SafeString:
    width = round((WIDTH - LEFT - RIGHT) / max(len(columns), 1) * 0.56, 1)
    bars = []
    for place, column in enumerate(columns):
        x = round(_x(place, len(columns)) - width / 2, 1)
        y = scale.zero
        for kind, value in zip(css, column.above, strict=False):
            y -= scale.height(value)
            bars.append((kind, x, round(y, 1), width, scale.height(value)))
        y = scale.zero
        for kind, value in zip(css[len(column.above) :], column.below, strict=False):
            bars.append((kind, x, round(y, 1), width, scale.height(value)))
            y += scale.height(value)
    return format_html_join(
        "",
        '<rect class="loyalty-{}" x="{}" y="{}" width="{}" height="{}" rx="1.5"/>',
        (bar for bar in bars if bar[4]),
    )


def _labels(columns: Sequence[Column]) -> SafeString:
    step = -(-len(columns) // MOST_LABELS)
    form = "n月" if (get_language() or "").startswith("zh") else "M"
    last = len(columns) - 1
    return format_html_join(
        "",
        '<text class="chart-text" x="{}" y="{}" text-anchor="middle">{}</text>',
        (
            (_x(place, len(columns)), FOOT + 20, formats.date_format(column.first, form))
            for place, column in enumerate(columns)
            if (last - place) % step == 0
        ),
    )


def short(value: int) -> str:
    """Write a number as a scale does: ``950``, ``12k``, ``1.5M``; with a minus where it is below zero."""
    sign, size = ("\u2212" if value < 0 else ""), abs(value)
    for unit, letter in ((1, ""), (1_000, "k"), (1_000_000, "M"), (1_000_000_000, "G")):
        rounded = float(f"{size / unit:.3g}")
        if rounded < 1_000:
            return f"{sign}{rounded:g}{letter}"
    return f"{sign}{rounded:,.0f}{letter}"
