"""Strategies: random histories with corrections, voids, late facts, reopened complaints, new owners."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.retention.measures.truth import LAST, WITHDRAWN, Fact, Version

ZONES = ["Asia/Shanghai", "Europe/London", "America/New_York", "Pacific/Auckland"]
CUSTOMERS, USERS = 3, 3
MICROSECOND = timedelta(microseconds=1)

# Days back at which something happens: the edges of all windows, the clock changes, and any other day.
EDGES = [14, 13, 30, 29, 60, 59, 90, 89, 180, 179, 365, 364, 455, 454, 730, 729, 0, 1, -1, 4, 5]
days_back = st.one_of(st.sampled_from(EDGES), st.integers(0, 800))
times_of_day = st.sampled_from([time(0), time(23, 59, 59, 999999), time(0, 0, 0, 1), time(12), time(2, 30)])
delays = st.sampled_from(
    [
        timedelta(0),
        MICROSECOND,
        timedelta(hours=1),
        timedelta(days=1),
        timedelta(days=40),
        timedelta(days=400),
    ]
)
near_days = st.one_of(st.integers(-1, 1), st.integers(-3, 3), st.integers(-500, 500)).map(
    lambda n: LAST.toordinal() + n
)


def _contract(
    draw_days: tuple[int, int, int | None, int | None], auto_renew: bool, value: int
) -> dict[str, Any]:
    first, second, renewed, terminated = draw_days
    return {
        "starts": min(first, second),
        "ends": max(first, second),
        "auto_renew": auto_renew,
        "renewed": renewed,
        "terminated": terminated,
        "value": value,
    }


def seldom(days: st.SearchStrategy[int]) -> st.SearchStrategy[int | None]:
    """Return a strategy of a day that most often is not set."""
    return st.one_of(st.none(), st.none(), days)


def cancelled(back: int | None) -> tuple[datetime, int] | None:
    """Return a moment ``back`` days before the last day, and its day."""
    return None if back is None else (local("Asia/Shanghai", back, time(12)), LAST.toordinal() - back)


amounts = st.integers(0, 100_000)
_VALUES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "orders": st.fixed_dictionaries(
        {
            "status": st.sampled_from(["placed", "placed", "delivered", "cancelled"]),
            "is_purchase": st.sampled_from([True, True, True, False]),
            "sold": amounts,
            "returned": st.sampled_from([0, 0, 700, 30_000]),
            "margin": st.integers(-30_000, 30_000),
        }
    ),
    "contracts": st.builds(
        _contract,
        st.tuples(near_days, near_days, seldom(near_days), seldom(near_days)),
        st.booleans(),
        amounts,
    ),
    "interactions": st.fixed_dictionaries(
        {"reached": st.sampled_from([True, True, False]), "direction": st.sampled_from(["in", "out"])}
    ),
    "complaints": st.fixed_dictionaries(
        {
            "event": st.sampled_from(["opened", "due", "acknowledged", "resolved", "reopened"]),
            "due": st.none() | near_days,
        }
    ),
    "deliveries": st.fixed_dictionaries(
        {
            "status": st.sampled_from(["placed", "placed", "delivered", "cancelled"]),
            "promised": seldom(near_days),
            "delivered": seldom(near_days),
        }
    ),
    "products": st.fixed_dictionaries(
        {
            "product": st.none() | st.integers(0, len(WITHDRAWN) - 1),
            "quantity": st.sampled_from([1, 1, -1]),
            "status": st.sampled_from(["placed", "placed", "cancelled"]),
        }
    ),
    "invoices": st.fixed_dictionaries(
        {
            "event": st.sampled_from(["paid", "paid", "failed", "written_off"]),
            "amount": st.sampled_from([0, 1, 999, 1000, 1001]),
            "due": st.none(),
        }
    ),
    "usage": st.fixed_dictionaries({"milli": st.sampled_from([0, 1, 999, 1000]) | st.integers(0, 10**7)}),
    "balances": st.fixed_dictionaries(
        {
            "metric": st.integers(0, 1),
            "product": st.none() | st.integers(0, 1),
            "milli": st.integers(-(10**6), 10**7),
        }
    ),
    "sightings": st.fixed_dictionaries(
        {
            "seen": st.none() | st.sampled_from([1, 900, 1000]),
            "ours": st.none() | st.sampled_from([1, 950, 1000]),
        }
    ),
    "communities": st.fixed_dictionaries({"left": seldom(near_days)}),
    "indicators": st.fixed_dictionaries(
        {"worse": st.sampled_from(["lower", "higher"]), "milli": st.sampled_from([-1000, 0, 1, 1000, 1001])}
    ),
    "ownership": st.fixed_dictionaries({"user": st.none() | st.integers(0, USERS - 1)}),
    "addresses": st.fixed_dictionaries(
        {"place": st.sampled_from(["", "CN", "CN-32", "CN-32-05", "CN-31", "ES-B", "ES-BU"])}
    ),
    "main_contact": st.fixed_dictionaries({"change": st.sampled_from(["left", "left", "followed"])}),
    "answers": st.sampled_from([("nps", 11), ("csat", 5), ("ces", 5), ("ces", 7), ("text", 0)]).flatmap(
        lambda asked: st.fixed_dictionaries(
            {
                "kind": st.just(asked[0]),
                "points": st.just(asked[1]),
                "score": st.none() if asked[0] == "text" else st.none() | st.integers(1, 5),
            }
        )
    ),
    "mentions": st.fixed_dictionaries({"sentiment": st.sampled_from(["negative", "positive", "unsure"])}),
    "asked": st.fixed_dictionaries({"answered": seldom(near_days)}),
    "standing": st.fixed_dictionaries(
        {
            "value_tier": st.sampled_from([None, "A", "B", "C", "D"]),
            "lifecycle_stage": st.sampled_from([None, "new", "lost", "returned"]),
            "recency_score": st.none() | st.integers(1, 5),
            "frequency_score": st.none() | st.integers(1, 5),
            "monetary_score": st.none() | st.integers(1, 5),
        }
    ),
    "points": st.sampled_from(
        [("opening", 1), ("earn", 1), ("redeem", -1), ("expire", -1), ("adjust", 1), ("recovery", 1)]
    ).flatmap(
        lambda moved: st.fixed_dictionaries(
            {
                "entry": st.just(moved[0]),
                "points": st.integers(1, 900).map(lambda n, sign=moved[1]: sign * n),
                "pending": st.sampled_from([0, 0, 40, -40]),
            }
        )
    ),
    "expiring": st.fixed_dictionaries(
        {
            "entry": st.sampled_from(["redeem", "expire", "take_back"]),
            "points": st.integers(-100, -1),
            "pending": st.just(0),
            "ends": st.none(),
        }
    ),
    "tiers": st.fixed_dictionaries(
        {"old": st.integers(0, 2), "new": st.integers(0, 2), "grace": seldom(near_days)}
    ),
    "memberships": st.fixed_dictionaries(
        {"ends": near_days, "cancelled": seldom(st.integers(-40, 40)).map(cancelled)}
    ),
    "activity": st.fixed_dictionaries({"user": st.integers(0, USERS - 1), "is_active": st.booleans()}),
}


ONCE = {"activity", "points", "expiring", "tiers", "memberships"}
"""What stays as it was written: a leaving, and all that stands in the ledger."""


@dataclass
class History:
    """All facts of a few customers, and a moment to look back from."""

    zone: str
    facts: list[Fact]
    moments: list[datetime]  # at which it is worth looking: every known and happening, and just after


def local(zone: str, back: int, at: time) -> datetime:
    """Return the moment of a wall-clock time ``back`` days before ``LAST``."""
    return datetime.combine(LAST - timedelta(days=back), at, ZoneInfo(zone))


@st.composite
def fact(
    draw: st.DrawFn, *, happenings: st.SearchStrategy[datetime], kind: str, customer: int, thread: int = 0
) -> Fact:
    """Draw one fact with up to three versions."""
    occurred = draw(happenings)
    versions = [Version(occurred + draw(delays), occurred, draw(_VALUES[kind]))]
    for _correction in range(0 if kind in ONCE else draw(st.sampled_from([0, 0, 1, 2]))):
        before = versions[-1]
        after = Version(before.recorded_at + draw(delays), before.occurred_at, before.values, before.void)
        match draw(st.sampled_from(["void", "values", "moment"])):
            case "void":
                after.void = not before.void
            case "values":
                after.values = draw(_VALUES[kind])
            case "moment":
                after.occurred_at = draw(happenings)
        if (after.void, after.values, after.occurred_at) != (before.void, before.values, before.occurred_at):
            versions.append(after)
    return Fact(kind, customer, versions, thread)


@st.composite
def complaint(
    draw: st.DrawFn, *, happenings: st.SearchStrategy[datetime], customer: int, thread: int
) -> list[Fact]:
    """Draw a complaint that is opened, and then anything that happens to complaints."""
    steps = fact(happenings=happenings, kind="complaints", customer=customer, thread=thread)
    opened = draw(steps)
    opened.versions[0].values = {**opened.versions[0].values, "event": "opened"}
    return [opened, *draw(st.lists(steps, max_size=4))]


@st.composite
def invoice(
    draw: st.DrawFn, *, happenings: st.SearchStrategy[datetime], customer: int, thread: int
) -> list[Fact]:
    """Draw an invoice that is issued, and then what is paid of it or fails."""
    steps = fact(happenings=happenings, kind="invoices", customer=customer, thread=thread)
    issued = draw(steps)
    for version in issued.versions:
        version.values = {"event": "issued", "amount": 1000, "due": draw(near_days)}
    return [issued, *draw(st.lists(steps, max_size=3))]


@st.composite
def lot(
    draw: st.DrawFn, *, happenings: st.SearchStrategy[datetime], customer: int, thread: int
) -> list[Fact]:
    """Draw points that were earned together, and then what was taken of them."""
    steps = fact(happenings=happenings, kind="expiring", customer=customer, thread=thread)
    earned = draw(steps)
    earned.versions[0].values = {
        "entry": "earn",
        "points": 400,
        "pending": 0,
        "ends": draw(st.none() | near_days | st.integers(-2, 32).map(lambda n: LAST.toordinal() + n)),
    }
    taken = draw(st.lists(steps, max_size=3))
    for step in taken:  # nothing is taken of what nobody knows of
        step.versions[0].recorded_at = max(step.versions[0].recorded_at, earned.versions[0].recorded_at)
    return [earned, *taken]


def is_of_a_lot(one: Fact) -> bool:
    """Say whether something was taken of a lot, which must be there before."""
    return one.kind == "expiring" and one.versions[0].values["entry"] != "earn"


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw the histories of a few customers in one zone, in any order of writing.

    Half of the facts fall on a few moments, so that several happen at the same one.
    """
    zone = draw(st.sampled_from(ZONES))
    any_moment = st.builds(lambda back, at: local(zone, back, at), days_back, times_of_day)
    few = draw(st.lists(any_moment, min_size=1, max_size=4))
    happenings = st.one_of(any_moment, st.sampled_from(few))
    facts: list[Fact] = []
    threads = itertools.count(1)
    for customer in range(draw(st.integers(1, CUSTOMERS))):
        for kind in (
            *("orders", "contracts", "interactions", "deliveries", "usage", "balances", "ownership"),
            *("addresses", "main_contact", "sightings", "communities", "indicators", "standing"),
            *("products", "answers", "asked", "mentions", "points", "tiers", "memberships"),
        ):
            one = fact(happenings=happenings, kind=kind, customer=customer)
            facts += draw(st.lists(one, max_size=7 if kind == "orders" else 4))
        for _complaint in range(draw(st.integers(0, 2))):
            facts += draw(complaint(happenings=happenings, customer=customer, thread=next(threads)))
        for _invoice in range(draw(st.integers(0, 2))):
            facts += draw(invoice(happenings=happenings, customer=customer, thread=next(threads)))
        for _lot in range(draw(st.integers(0, 2))):
            facts += draw(lot(happenings=happenings, customer=customer, thread=next(threads)))
    facts += draw(st.lists(fact(happenings=happenings, kind="activity", customer=0), max_size=4))
    facts = sorted(draw(st.permutations(facts)), key=is_of_a_lot)
    known = {m for f in facts for v in f.versions for m in (v.recorded_at, v.occurred_at)}
    moments = sorted(known | {moment + MICROSECOND for moment in known}) or [local(zone, 0, time(12))]
    return History(zone, facts, moments)


def looks_at(history: History) -> st.SearchStrategy[datetime]:
    """Return a strategy of moments to look back from, most of them on the day that has facts at its edges."""
    backs = st.one_of(st.sampled_from([0, 0, 0, 1, -1]), st.integers(-2, 60))
    days = st.builds(lambda n, at: local(history.zone, n, at), backs, times_of_day)
    return st.one_of(days, st.sampled_from(history.moments))
