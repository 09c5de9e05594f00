"""How many asks a day the team can follow up: whoever knows its load proposes a number here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from surveys.models import Survey


@dataclass(frozen=True)
class Proposal:
    """A number of asks a day, and what it follows from.

    Attributes:
        per_day: the number, 0 when there is no room for any further call.
        free: further calls a day that the people have room for.
        answer_rate, low_rate: the share of the asked who answer, and of the answers that need a call.
        is_assumed: too few answers yet, so that the rates are taken for granted.
    """

    per_day: int
    free: float
    answer_rate: float
    low_rate: float
    is_assumed: bool


Proposer = Callable[[Survey, int | None, datetime], Proposal | None]
_proposers: list[Proposer] = []


def register(proposer: Proposer) -> None:
    """Enter who knows the load: survey, team (``None``: all), moment → a proposal, or nothing to say."""
    _proposers[:] = [proposer]


def propose(survey: Survey, *, team_id: int | None, at: datetime) -> Proposal | None:
    """Return how many asks a day the people can follow up; nothing where nobody can tell."""
    return next((found for ask in _proposers if (found := ask(survey, team_id, at)) is not None), None)
