"""A company's first week: the steps from an empty database to the first warnings, and which are done.

Each app enters its own steps in ``AppConfig.ready()``; a step is done when its list holds a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise

from customers.ground.counting import counted

_PREFIX = "step_"


@dataclass(frozen=True)
class Step:
    """One step; ``position`` orders them, ``rows`` is the list that is empty until it is done."""

    code: str
    label: str | Promise
    help: str | Promise
    route: str
    position: int
    rows: Callable[[], QuerySet[Any]]


@dataclass(frozen=True)
class Stage:
    """A step as it stands: done, and whether it is the next one to do."""

    step: Step
    number: int
    is_done: bool
    is_next: bool


_steps: dict[str, Step] = {}


def register(step: Step) -> None:
    """Enter a step (in ``AppConfig.ready()``)."""
    _steps[step.code] = step


def lists() -> dict[str, QuerySet[Any]]:
    """Return the list of each step, cut to one row, for :func:`counted` together with others."""
    return {f"{_PREFIX}{step.code}": step.rows()[:1] for step in _in_order()}


def stages(counts: Mapping[str, int] | None = None) -> list[Stage]:
    """Return the steps as they stand; ``counts``: those of :func:`lists` where they are read already."""
    known: Mapping[str, int] = counted(1, sums=None, **lists()) if counts is None else counts
    done = {step.code: bool(known[f"{_PREFIX}{step.code}"]) for step in _in_order()}
    following = next((code for code, is_done in done.items() if not is_done), None)
    return [
        Stage(step, number, done[step.code], step.code == following)
        for number, step in enumerate(_in_order(), start=1)
    ]


def open_stages(counts: Mapping[str, int] | None = None) -> list[Stage]:
    """Return the steps as :func:`stages` does; none when all of them are done."""
    found = stages(counts)
    return [] if all(stage.is_done for stage in found) else found


def _in_order() -> list[Step]:
    return sorted(_steps.values(), key=lambda step: step.position)
