"""The night of the ledger: its steps in order, once each local day of the company."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from customers import company
from customers.ground import localtime, runs
from loyalty import notices
from loyalty.earning import applying
from loyalty.ledger import expiring, sealing
from loyalty.tiers import membership, move_all

log = logging.getLogger(__name__)
NAME = "loyalty.books"
Step = Callable[[datetime], object]


def _verify(at: datetime) -> int:
    check = sealing.verify(at=at, only_new=True)
    if check.damaged:
        log.error("the ledger of points is damaged", extra={"check": check.pk, "rows": check.damaged})
    return check.damaged


def _move(at: datetime) -> dict[str, int]:
    """Note which memberships ran out, then move accounts between tiers."""
    lapsed = membership.lapse_due(at=at)
    moved = move_all(at=at)
    return {"lapsed": lapsed, "accounts": moved.accounts, "moves": moved.moves}


def _tell(at: datetime) -> int:
    return notices.plan(at=at)


STEPS: list[tuple[str, Step]] = [
    ("release", expiring.release_all),
    ("expire", expiring.expire_all),
    ("earn_missed", applying.earn_missed),
    ("tiers", _move),
    ("notices", _tell),
    ("seal", sealing.seal),
    ("verify", _verify),
]
"""Each takes the moment, does what is not done yet and changes nothing when run again."""


def keep(at: datetime) -> dict[str, object] | None:
    """Do the night's steps in order, once each local day; return what each did, nothing when it was done.

    A step that fails is logged and keeps no other one from being done, so that the ledger is sealed and
    verified whatever happens. The first error is raised at the end; all steps are tried again in five
    minutes.
    """
    firm = company.find()
    if firm is None:
        return None
    slot = localtime.day_of(company.today(at, firm).number).isoformat()
    if not runs.take(NAME, slot, at=at):
        return None
    done: dict[str, object] = {}
    errors: list[Exception] = []
    try:
        for name, step in STEPS:
            try:
                done[name] = step(at)
            except Exception as error:
                log.exception("a step of the night of points failed", extra={"step": name})
                errors.append(error)
        if errors:
            raise errors[0]
    except BaseException:
        runs.give_up(NAME, slot)
        raise
    runs.end(NAME, slot, at=at)
    return done
