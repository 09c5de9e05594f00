"""Fitted parameters: learnt from the company's own customers once a week, kept by moment.

A moment uses the newest parameters that were fitted at it or before; without any, those that come with
the product. They are dated at the beginning of a local day and learnt from facts known before it, so
that nothing in them comes from the future of the moment that uses them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from customers import company
from customers.ground import localtime
from retention.measures import dialect
from retention.measures.registry import Parameters
from retention.models.fitted import FittedParameters

log = logging.getLogger(__name__)

Values = dict[str, Any]
EVERY = timedelta(days=7)
"""How old parameters may become before the night fits them anew."""


Learn = Callable[[datetime], "tuple[Values, int] | None"]

_learners: dict[str, Learn] = {}


def learns(kind: Parameters, learn: Learn) -> None:
    """Say how a kind is learnt; a kind may be said once.

    ``learn`` gets the moment and returns values and the number of customers they were learnt of, or
    ``None`` when these are too few: then what stands goes on. Kinds are fitted in the order of saying.
    """
    if kind.code in _learners:
        raise ValueError(f"parameters {kind.code} are learnt twice")
    _learners[kind.code] = learn


def newest(kind: Parameters, *, moment: datetime) -> Mapping[str, Any]:
    """Return the parameters that count as of a moment."""
    return newest_of([kind], moment=moment)[kind.code]


def newest_of(kinds: Iterable[Parameters], *, moment: datetime) -> dict[str, Mapping[str, Any]]:
    """Return the parameters of several kinds that count as of a moment, by code. One query."""
    found: dict[str, Mapping[str, Any]] = {kind.code: kind.shipped for kind in kinds}
    rows = FittedParameters.objects.filter(kind__in=sorted(found), fitted_as_of__lte=moment)
    for code, values in rows.order_by("kind", "fitted_as_of").values_list("kind", "values"):
        found[code] = values
    return found


def fit(kind: str, *, as_of: datetime, at: datetime) -> FittedParameters | None:
    """Learn parameters from what was known at the beginning of ``as_of``'s local day, and keep them.

    Returns ``None`` when there is too little to learn from. What was fitted for that moment stands.
    """
    moment = _beginning(as_of)
    with dialect.reading():
        learnt = _learners[kind](moment)
    if learnt is None:
        return None
    values, customers = learnt
    made = {"values": values, "customers": customers, "made_at": at}
    return FittedParameters.objects.get_or_create(kind=kind, fitted_as_of=moment, defaults=made)[0]


def fit_due(*, at: datetime) -> list[str]:
    """Fit the kinds whose newest parameters are a week old, and return which were fitted.

    A kind that fails is told in the log and leaves the others, and what it had, alone.
    """
    fitted = []
    for kind in _learners:
        recent = FittedParameters.objects.filter(kind=kind, fitted_as_of__gt=_beginning(at) - EVERY)
        if recent.exists():
            continue
        try:
            done = fit(kind, as_of=at, at=at)
        except Exception:
            log.exception("parameters could not be fitted", extra={"kind": kind})
            continue
        fitted += [kind] if done is not None else []
    return fitted


def _beginning(moment: datetime) -> datetime:
    day = company.today(moment)
    return localtime.start_of_day(day.number, day.zone)
