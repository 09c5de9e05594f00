"""Every standing limit of the product and how much of it is used: no ceiling stops anybody without a word.

Limits of one call or one file (lines of a batch, bytes of an upload) say so when they are met; here stand
those that fill up over months.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

WARN_AT = 70  # percent of a limit
URGE_AT = 90
NOTED_FOR = 600.0  # seconds


@dataclass(frozen=True)
class Limit:
    """One limit: ``used`` asks the database (one query) for the fullest place that it applies to."""

    code: str
    label: str | Promise
    most: int
    used: Callable[[], int]
    route: str = ""  # the page where one makes room


@dataclass(frozen=True)
class Use:
    """How much of a limit is used now."""

    limit: Limit
    used: int

    @property
    def percent(self) -> int:
        """Return the share used in whole percent, rounded down: 100 only when it is full."""
        return 100 * self.used // self.limit.most

    @property
    def tone(self) -> str:
        """Return ``bad`` from 90 %, ``warn`` from 70 %, else nothing."""
        if self.percent >= URGE_AT:
            return "bad"
        return "warn" if self.percent >= WARN_AT else ""


_limits: dict[str, Limit] = {}
_noted: tuple[float, list[Use]] | None = None


def register(limit: Limit) -> None:
    """Enter a limit (in ``AppConfig.ready()``)."""
    _limits[limit.code] = limit


def uses() -> list[Use]:
    """Return the use of every limit, the fullest first; one query each."""
    found = [Use(limit, limit.used()) for limit in _limits.values()]
    return sorted(found, key=lambda use: (-use.percent, use.limit.code))


def noted() -> list[Use]:
    """Return what :func:`uses` told this process within the last ten minutes: they fill up over months."""
    global _noted
    if _noted is None or time.monotonic() - _noted[0] > NOTED_FOR:
        _noted = (time.monotonic(), uses())
    return _noted[1]


def warned() -> list[Use]:
    """Return those of which 70 % or more was used ten minutes ago or later."""
    return [use for use in noted() if use.tone]


def forget() -> None:
    """Forget what was noted: the next question asks the database."""
    global _noted
    _noted = None
