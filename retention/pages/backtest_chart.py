"""The chart of a sweep of thresholds: two shares as lines above, alarms a week as bars below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

WIDTH, HEIGHT = 440, 306
LEFT, RIGHT = 44, 12
LINES_TOP, LINES_FOOT = 14, 168
BARS_TOP, BARS_FOOT = 208, 270
LONGEST_LABEL = 5


@dataclass(frozen=True)
class Column:
    """One threshold: what it is called, its shares (0 to 1, or unknown) and its alarms a week."""

    label: str
    precision: float | None
    recall: float | None
    alarms: float
    is_present: bool


def draw(columns: Sequence[Column], *, label: str) -> SafeString:
    """Draw the chart; the table beside it says the same in words and numbers."""
    return format_html(
        '<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}"><title>{}</title>'
        "{}{}{}{}{}{}</svg>",
        WIDTH,
        HEIGHT,
        label,
        label,
        _present(columns),
        _scale(),
        _bars(columns),
        _line(columns, "recall"),
        _line(columns, "precision"),
        _labels(columns),
    )


def _x(place: int, number: int) -> float:
    step = (WIDTH - LEFT - RIGHT) / max(number, 1)
    return round(LEFT + step * (place + 0.5), 1)


def _y(share: float) -> float:
    return round(LINES_FOOT - share * (LINES_FOOT - LINES_TOP), 1)


def _present(columns: Sequence[Column]) -> SafeString:
    """A band behind the threshold that stands."""
    step = round((WIDTH - LEFT - RIGHT) / max(len(columns), 1), 1)
    bands = [
        (round(_x(place, len(columns)) - step / 2, 1), LINES_TOP - 8, step, BARS_FOOT - LINES_TOP + 8)
        for place, column in enumerate(columns)
        if column.is_present
    ]
    return format_html_join(
        "", '<rect class="chart-band" x="{}" y="{}" width="{}" height="{}" rx="4"/>', bands
    )


def _scale() -> SafeString:
    lines = [
        (LEFT, WIDTH - RIGHT, _y(share), LEFT - 6, _y(share) + 4, f"{round(share * 100)}%")
        for share in (0, 0.5, 1)
    ]
    drawn = format_html_join(
        "",
        '<line class="chart-grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>'
        '<text class="chart-text" x="{3}" y="{4}" text-anchor="end">{5}</text>',
        lines,
    )
    foot = format_html(
        '<line class="chart-grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>', LEFT, WIDTH - RIGHT, BARS_FOOT
    )
    return drawn + foot


def _bars(columns: Sequence[Column]) -> SafeString:
    most = max((column.alarms for column in columns), default=0) or 1
    width = round((WIDTH - LEFT - RIGHT) / max(len(columns), 1) * 0.56, 1)
    bars = []
    for place, column in enumerate(columns):
        height = round(column.alarms / most * (BARS_FOOT - BARS_TOP), 1)
        css = "chart-bar-now" if column.is_present else "chart-bar"
        bars.append((css, round(_x(place, len(columns)) - width / 2, 1), BARS_FOOT - height, width, height))
    drawn = format_html_join("", '<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="1.5"/>', bars)
    most_text = format_html(
        '<text class="chart-text" x="{}" y="{}" text-anchor="end">{}</text>',
        LEFT - 6,
        BARS_TOP + 8,
        f"{most:,.1f}" if most < 10 else f"{most:,.0f}",
    )
    return drawn + most_text


def _line(columns: Sequence[Column], name: str) -> SafeString:
    """A line with a mark at each known share: discs for precision, squares for recall."""
    known = [
        (_x(place, len(columns)), _y(share))
        for place, column in enumerate(columns)
        if (share := getattr(column, name)) is not None
    ]
    path = " ".join(f"{x},{y}" for x, y in known)
    line = format_html('<polyline class="chart-line chart-{}" points="{}"/>', name, path)
    if name == "precision":
        return line + format_html_join(
            "", '<circle class="chart-mark-precision" cx="{}" cy="{}" r="4"/>', known
        )
    squares = [(round(x - 3.5, 1), round(y - 3.5, 1)) for x, y in known]
    return line + format_html_join(
        "", '<rect class="chart-mark-recall" x="{}" y="{}" width="7" height="7"/>', squares
    )


def _labels(columns: Sequence[Column]) -> SafeString:
    """The thresholds; of long ones only the first, the present and the last."""
    last = len(columns) - 1
    short = all(len(column.label) <= LONGEST_LABEL for column in columns)
    shown = []
    for place, column in enumerate(columns):
        if short or place in (0, last) or column.is_present:
            anchor = "middle" if short or 0 < place < last else "start" if place == 0 else "end"
            css = "chart-text chart-text-now" if column.is_present else "chart-text"
            x = _x(place, len(columns)) if anchor == "middle" else (LEFT if place == 0 else WIDTH - RIGHT)
            shown.append((css, x, BARS_FOOT + 18, anchor, column.label))
    labels = format_html_join("", '<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>', shown)
    caption = format_html(
        '<text class="chart-text" x="{}" y="{}">{}</text>', LEFT, BARS_TOP - 8, _("Alarms a week")
    )
    return labels + caption
