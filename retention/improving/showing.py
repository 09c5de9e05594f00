"""Effects and rates in words and numbers, for pages, files and the API alike."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from retention import measures
from retention.improving.effect import Effect, Side
from retention.models import ImprovementAction

MINUS = "−"
KINDS: dict[str, str | Promise] = {
    "complaints": _("complaints in 30 days"),
    "returns": _("of 100 lines sold come back"),
    "nps": _("NPS"),
    "csat": _("of 100 are satisfied"),
    "ces": _("ease, mean"),
    "rating": _("rating, mean"),
    "mean": _("mean of the measure"),
}
_PERCENT = frozenset({"returns", "csat"})
_ONE_PLACE = frozenset({"complaints", "nps", "returns", "csat"})


@dataclass(frozen=True)
class Line:
    """One row of the table: what, of how many, the figure, its interval."""

    n: int | None
    value: str
    interval: str


def lines_of(effect: Effect) -> tuple[Line, Line, Line]:
    """Return before, after and the difference as they are read."""
    before, after = (_side(effect.kind, side) for side in (effect.before, effect.after))
    interval = effect.interval
    told = _span(effect.kind, interval, signed=True) if interval is not None else ""
    difference = effect.difference
    return before, after, Line(None, _number(effect.kind, difference, signed=True), told)


def moves_of(action: ImprovementAction) -> str:
    """Return what an improvement should move, in words."""
    if action.moves == ImprovementAction.Moves.MEAN:
        known = {one.code: str(one.label) for one in measures.stored()}
        return f"{action.get_moves_display()}: {known.get(action.measure, action.measure)}"
    if action.survey is not None:
        return f"{action.get_moves_display()}: {action.survey}"
    return str(action.get_moves_display())


def _side(kind: str, side: Side) -> Line:
    span = _span(kind, side.interval) if side.interval is not None else ""
    return Line(side.n, _number(kind, side.value), span)


def _span(kind: str, interval: tuple[float, float], *, signed: bool = False) -> str:
    return " – ".join(_number(kind, one, signed=signed) for one in interval)


def _number(kind: str, value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "—"
    number = round(value * 100 if kind in _PERCENT else value, 1 if kind in _ONE_PLACE else 2) + 0.0
    text = f"{abs(number):,.{1 if kind in _ONE_PLACE else 2}f}"
    sign = MINUS if number < 0 else "+" if signed and number > 0 else ""
    return sign + text
