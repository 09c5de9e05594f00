"""The night's step: who came back, who is lost; once each local day, or whenever it is asked for."""

from __future__ import annotations

from datetime import datetime

from customers import company
from customers.ground import localtime, runs
from retention.losses.definitions import in_force
from retention.losses.finding import find
from retention.losses.returns import end_returned

NAME = "losses"  # of the nightly run in ``BackgroundRun``


def nightly(*, at: datetime) -> dict[str, int] | None:
    """Look for returns and losses once each local day; return what was found, nothing when it was done."""
    firm = company.find()
    if firm is None:
        return None
    slot = localtime.day_of(company.today(at, firm).number).isoformat()
    if not runs.take(NAME, slot, at=at):
        return None
    try:
        done = seek(at=at)
    except BaseException:
        runs.give_up(NAME, slot)
        raise
    runs.end(NAME, slot, at=at)
    return done


def seek(*, at: datetime) -> dict[str, int]:
    """End the losses of who came back, then record who is lost; return how many of each.

    Measures are read as they stand. Contracts that lapse are counted by ``renewals``. Repeating it
    changes nothing; stopped anywhere it goes on where it was.
    """
    day = company.today(at).number
    return {"returned": end_returned(at=at), "lost": find(in_force(at), day=day, at=at)}
