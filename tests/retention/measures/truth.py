"""Measures by brute force: plain Python over the list of recorded versions, for one customer.

Nothing here knows how the product computes them; a measure without an evaluator fails the tests.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Value = int | Fraction | str | None
LAST = date(2026, 4, 2)  # a few days after the clocks of Europe went forward
WITHDRAWN = tuple(None if n is None else LAST.toordinal() + n for n in (None, -3, 0, 1, -40, -400, 30))
"""From which day on each product of the histories is withdrawn; known since long before."""


@dataclass
class Version:
    """What was known of a fact from ``recorded_at`` on."""

    recorded_at: datetime
    occurred_at: datetime
    values: dict[str, Any]
    void: bool = False


@dataclass
class Fact:
    """A fact with all versions in the order in which they were recorded.

    ``kind`` is the source; ``thread`` joins the events of one complaint; ``number`` is the place of
    the fact among all facts written (it decides between two of the same moment).
    """

    kind: str
    customer: int
    versions: list[Version]
    thread: int = 0
    number: int = 0


@dataclass
class Past:
    """What was visible of one customer as of a moment: rows are dicts with ``at`` and ``day``."""

    today: int
    as_of: datetime
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    inactive: set[int] = field(default_factory=set)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the visible rows of a kind, in order of occurrence, then of writing."""
        return sorted(self.rows.get(kind, []), key=lambda row: (row["at"], row["number"]))


def local_day(moment: datetime, zone: str) -> int:
    """Return the local day number of a moment."""
    return moment.astimezone(ZoneInfo(zone)).date().toordinal()


def known(fact: Fact, *, as_of: datetime, live: bool = False) -> Version | None:
    """Return the version that counts as of a moment; a live pass looks at the newest one only."""
    versions = fact.versions[-1:] if live else fact.versions
    before = [version for version in versions if version.recorded_at < as_of]
    if not before or before[-1].void or not before[-1].occurred_at < as_of:
        return None
    return before[-1]


def past_of(customer: int, facts: list[Fact], *, as_of: datetime, zone: str, live: bool = False) -> Past:
    """Return what was visible of one customer as of a moment."""
    past = Past(today=local_day(as_of, zone), as_of=as_of)
    activity: list[tuple[datetime, int, int, bool]] = []
    for fact in facts:
        version = known(fact, as_of=as_of, live=live)
        if version is None:
            continue
        if fact.kind == "activity":
            user, active = version.values["user"], version.values["is_active"]
            activity.append((version.occurred_at, fact.number, user, active))
        elif fact.customer == customer:
            row = {
                "at": version.occurred_at,
                "day": local_day(version.occurred_at, zone),
                "number": fact.number,
                "thread": fact.thread,
                **version.values,
            }
            past.rows.setdefault(fact.kind, []).append(row)
    for _at, _number, user, active in sorted(activity):
        (past.inactive.discard if active else past.inactive.add)(user)
    return past


def evaluate(past: Past) -> dict[str, Value]:
    """Return every measure."""
    return {code: evaluator(past) for code, evaluator in EVALUATORS.items()}


EVALUATORS: dict[str, Callable[[Past], Value]] = {}


def measure(code: str) -> Callable[[Callable[[Past], Value]], Callable[[Past], Value]]:
    def enter(evaluator: Callable[[Past], Value]) -> Callable[[Past], Value]:
        EVALUATORS[code] = evaluator
        return evaluator

    return enter


def ratio(top: int | None, bottom: int | None) -> Fraction | None:
    return None if top is None or bottom is None or bottom <= 0 else Fraction(top, bottom)


def since(past: Past, day: Value) -> int | None:
    return None if day is None else past.today - int(day)


# --- Products ---------------------------------------------------------------------------------
def bought_and_gone(past: Past) -> list[tuple[int, int, int]]:
    """Return day, product and its day of withdrawal of what was bought and is withdrawn by now."""
    return [
        (row["day"], row["product"], gone)
        for row in past.of("products")
        if row["product"] is not None and row["quantity"] > 0 and row["status"] != "cancelled"
        if (gone := WITHDRAWN[row["product"]]) is not None and gone <= past.today
    ]


@measure("product_withdrawn_day")
def _product_withdrawn(past: Past) -> int | None:
    return max((gone for day, _product, gone in bought_and_gone(past) if gone - day < 365), default=None)


@measure("withdrawn_products_365d")
def _withdrawn_products(past: Past) -> int:
    return len({product for day, product, _gone in bought_and_gone(past) if past.today - day < 365})


@measure("days_since_product_withdrawn")
def _since_product_withdrawn(past: Past) -> int | None:
    return since(past, _product_withdrawn(past))


# --- Orders -----------------------------------------------------------------------------------
def records(past: Past, newest: int = 0, oldest: int = 10**9) -> list[dict[str, Any]]:
    """Return order records whose age in whole local days lies in ``newest <= age < oldest``."""
    return [
        row
        for row in past.of("orders")
        if row["status"] != "cancelled" and newest <= past.today - row["day"] < oldest
    ]


def purchases(past: Past, newest: int = 0, oldest: int = 10**9) -> list[dict[str, Any]]:
    return [row for row in records(past, newest, oldest) if row["is_purchase"]]


def spend(past: Past, newest: int, oldest: int) -> int:
    return sum(row["sold"] - row["returned"] for row in records(past, newest, oldest))


for _code, _newest, _oldest in [
    ("orders_30d", 0, 30),
    ("orders_90d", 0, 90),
    ("orders_prev_90d", 90, 180),
    ("orders_180d", 0, 180),
    ("orders_365d", 0, 365),
    ("orders_prev_365d", 365, 730),
]:
    EVALUATORS[_code] = lambda past, a=_newest, b=_oldest: len(purchases(past, a, b))  # type: ignore[misc]

for _code, _newest, _oldest in [
    ("spend_30d", 0, 30),
    ("spend_90d", 0, 90),
    ("spend_prev_90d", 90, 180),
    ("spend_365d", 0, 365),
    ("spend_prev_365d", 365, 730),
]:
    EVALUATORS[_code] = lambda past, a=_newest, b=_oldest: spend(past, a, b)  # type: ignore[misc]


@measure("returned_365d")
def _(past: Past) -> Value:
    return sum(row["returned"] for row in records(past, 0, 365))


@measure("margin_365d")
def _(past: Past) -> Value:
    return sum(row["margin"] for row in records(past, 0, 365))


@measure("margin_prev_365d")
def _(past: Past) -> Value:
    return sum(row["margin"] for row in records(past, 365, 730))


def order_day_set(past: Past) -> list[int]:
    return sorted({row["day"] for row in purchases(past)})


@measure("first_order_day")
def _(past: Past) -> Value:
    return min(order_day_set(past), default=None)


@measure("last_order_day")
def _(past: Past) -> Value:
    return max(order_day_set(past), default=None)


@measure("order_days")
def _(past: Past) -> Value:
    return len(order_day_set(past))


@measure("order_span_days")
def _(past: Past) -> Value:
    days = order_day_set(past)
    return days[-1] - days[0] if days else None


@measure("days_since_last_order")
def _(past: Past) -> Value:
    return since(past, EVALUATORS["last_order_day"](past))


@measure("usual_interval")
def _(past: Past) -> Value:
    days = order_day_set(past)
    gaps = [later - earlier for earlier, later in itertools.pairwise(days)]
    return Fraction(sum(gaps), len(gaps)) if len(gaps) >= 3 else None


@measure("overdue_ratio")
def _(past: Past) -> Value:
    usual = EVALUATORS["usual_interval"](past)
    return None if usual is None else (past.today - order_day_set(past)[-1]) / Fraction(usual)


@measure("orders_90d_vs_previous")
def _(past: Past) -> Value:
    return ratio(len(purchases(past, 0, 90)), len(purchases(past, 90, 180)))


@measure("orders_365d_vs_previous")
def _(past: Past) -> Value:
    return ratio(len(purchases(past, 0, 365)), len(purchases(past, 365, 730)))


@measure("spend_90d_vs_previous")
def _(past: Past) -> Value:
    return ratio(spend(past, 0, 90), spend(past, 90, 180))


@measure("spend_365d_vs_previous")
def _(past: Past) -> Value:
    return ratio(spend(past, 0, 365), spend(past, 365, 730))


@measure("return_share_365d")
def _(past: Past) -> Value:
    year = records(past, 0, 365)
    return ratio(sum(row["returned"] for row in year), sum(row["sold"] for row in year))


@measure("return_share_90d")
def _(past: Past) -> Value:
    quarter = records(past, 0, 90)
    return ratio(sum(row["returned"] for row in quarter), sum(row["sold"] for row in quarter))


@measure("returned_90d")
def _(past: Past) -> Value:
    return sum(row["returned"] for row in records(past, 0, 90))


@measure("last_return_day")
def _(past: Past) -> Value:
    return max((row["day"] for row in records(past) if row["returned"] > 0), default=None)


@measure("days_since_last_return")
def _(past: Past) -> Value:
    return since(past, EVALUATORS["last_return_day"](past))


# The science, with what comes with the product: nothing was learnt, every day of the year counts alike.
def day_count(past: Past, newest: int, oldest: int) -> int:
    return len({row["day"] for row in purchases(past, newest, oldest)})


@measure("order_days_90d")
def _(past: Past) -> Value:
    return day_count(past, 0, 90)


@measure("order_days_before_90d")
def _(past: Past) -> Value:
    return day_count(past, 90, 455)


@measure("margin_455d")
def _(past: Past) -> Value:
    return sum(row["margin"] for row in records(past, 0, 455))


@measure("overdue_score")
def _(past: Past) -> Value:
    days = order_day_set(past)
    if not days:
        return None
    shrunk = Fraction(90 + days[-1] - days[0], 90 + past.today - days[0])  # r = 1, α = 90 days
    return Fraction(round((1 - shrunk ** len(days)) * 10_000), 10_000)


def counted(past: Past) -> tuple[int, int, Fraction, Fraction] | None:
    """Return n0, n1 and the exposures in average months; ``None`` for who is new or has gone quiet."""
    days = order_day_set(past)
    if not days or past.today - days[0] < 90:
        return None
    n0, n1, span = day_count(past, 90, 455), day_count(past, 0, 90), min(365, past.today - 90 - days[0])
    if past.today - days[0] < 455:
        n0 -= 1  # the first order begins the time and does not count in it
    return n0, n1, Fraction(span * 12, 365), Fraction(90 * 12, 365)


@measure("count_decline")
def _(past: Past) -> Value:
    found = counted(past)
    if found is None or found[0] + found[1] == 0 or found[2] == 0:
        return None
    n0, n1, e0, e1 = found
    n, p = n0 + n1, e1 / (e0 + e1)
    chances = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n1 + 1)]
    return Fraction(round((sum(chances) - chances[-1] / 2) * 10_000), 10_000)


@measure("expected_lost_margin")
def _(past: Past) -> Value:
    found = counted(past)
    ordered = day_count(past, 0, 455)
    if found is None or not ordered:
        return None
    n0, n1, e0, e1 = found
    weighed = {1.0: 0.8, 0.7: 0.05, 0.5: 0.05, 0.3: 0.05, 0.0: 0.05}  # a = b = 1
    chances = {d: w * d**n1 * (float(1 + e0) + d * float(e1)) ** -(1 + n0 + n1) for d, w in weighed.items()}
    lost = sum(
        chance / sum(chances.values()) * (1 + n0 + n1) / (1 + float(e0) + d * float(e1)) * (1 - d) * 12
        for d, chance in chances.items()
    )
    margin = max(0, sum(row["margin"] for row in records(past, 0, 455))) / ordered
    return round(lost * margin)


# --- Contracts --------------------------------------------------------------------------------
def running(past: Past) -> list[dict[str, Any]]:
    def runs(row: dict[str, Any]) -> bool:
        over = [row[name] for name in ("renewed", "terminated") if row[name] is not None]
        return row["starts"] <= past.today <= row["ends"] and all(past.today < day for day in over)

    return [row for row in past.of("contracts") if runs(row)]


@measure("contracts_running")
def _(past: Past) -> Value:
    return len(running(past))


@measure("contract_value_running")
def _(past: Past) -> Value:
    return sum(row["value"] for row in running(past))


@measure("contract_end_day")
def _(past: Past) -> Value:
    return min((row["ends"] for row in running(past) if not row["auto_renew"]), default=None)


@measure("first_contract_day")
def _(past: Past) -> Value:
    return min((row["day"] for row in past.of("contracts")), default=None)


@measure("days_to_contract_end")
def _(past: Past) -> Value:
    ends = EVALUATORS["contract_end_day"](past)
    return None if ends is None else int(ends) - past.today


@measure("tenure_days")
def _(past: Past) -> Value:
    days = [row["day"] for row in purchases(past)] + [row["day"] for row in past.of("contracts")]
    return past.today - min(days) if days else None


# --- Interactions -----------------------------------------------------------------------------
def contacts(past: Past, newest: int = 0, oldest: int = 10**9) -> list[dict[str, Any]]:
    return [
        row
        for row in past.of("interactions")
        if row["reached"] and newest <= past.today - row["day"] < oldest
    ]


@measure("contacts_90d")
def _(past: Past) -> Value:
    return len(contacts(past, 0, 90))


@measure("contacts_prev_90d")
def _(past: Past) -> Value:
    return len(contacts(past, 90, 180))


@measure("contacts_in_90d")
def _(past: Past) -> Value:
    return sum(row["direction"] == "in" for row in contacts(past, 0, 90))


@measure("last_contact_day")
def _(past: Past) -> Value:
    return max((row["day"] for row in contacts(past)), default=None)


@measure("days_since_last_contact")
def _(past: Past) -> Value:
    return since(past, EVALUATORS["last_contact_day"](past))


@measure("contacts_90d_vs_previous")
def _(past: Past) -> Value:
    return ratio(len(contacts(past, 0, 90)), len(contacts(past, 90, 180)))


# --- Complaints -------------------------------------------------------------------------------
@dataclass
class Story:
    """One complaint as its events tell it."""

    opened: int | None
    is_open: bool
    due: int | None
    reopened: list[int]


def stories(past: Past) -> list[Story]:
    told = []
    for thread in sorted({row["thread"] for row in past.of("complaints")}):
        events = [row for row in past.of("complaints") if row["thread"] == thread]
        openings = [row for row in events if row["event"] in ("opened", "reopened")]
        resolutions = [row["at"] for row in events if row["event"] == "resolved"]
        due = None
        for row in events:
            due = row["due"] if row["due"] is not None else due
        told.append(
            Story(
                opened=openings[0]["day"] if openings else None,
                is_open=bool(openings) and all(at < openings[-1]["at"] for at in resolutions),
                due=due,
                reopened=[row["day"] for row in events if row["event"] == "reopened"],
            )
        )
    return told


def open_stories(past: Past) -> list[Story]:
    return [story for story in stories(past) if story.is_open]


@measure("complaints_open")
def _(past: Past) -> Value:
    return len(open_stories(past))


@measure("complaints_overdue")
def _(past: Past) -> Value:
    return sum(story.due is not None and story.due < past.today for story in open_stories(past))


@measure("complaint_due_day")
def _(past: Past) -> Value:
    return min((story.due for story in open_stories(past) if story.due is not None), default=None)


@measure("complaints_90d")
def _(past: Past) -> Value:
    return sum(s.opened is not None and past.today - s.opened < 90 for s in stories(past))


@measure("complaints_60d")
def _(past: Past) -> Value:
    return sum(s.opened is not None and past.today - s.opened < 60 for s in stories(past))


@measure("complaints_prev_90d")
def _(past: Past) -> Value:
    return sum(s.opened is not None and 90 <= past.today - s.opened < 180 for s in stories(past))


@measure("complaints_reopened_open")
def _(past: Past) -> Value:
    return sum(bool(story.reopened) for story in open_stories(past))


@measure("last_reopened_day")
def _(past: Past) -> Value:
    return max((day for story in stories(past) for day in story.reopened), default=None)


@measure("days_complaint_overdue")
def _(past: Past) -> Value:
    return since(past, EVALUATORS["complaint_due_day"](past))


# --- Ownership --------------------------------------------------------------------------------
@dataclass
class Reign:
    """One owner after another; ``user`` is ``None`` while nobody owned the customer."""

    user: int | None
    day: int


def reigns(past: Past) -> list[Reign]:
    made: list[Reign] = []
    for row in past.of("ownership"):
        if (made[-1].user if made else None) != row["user"]:
            made.append(Reign(row["user"], row["day"]))
    return made


@measure("owner_since_day")
def _(past: Past) -> Value:
    ruled = reigns(past)
    return ruled[-1].day if ruled and ruled[-1].user is not None else None


@measure("owner_changed_day")
def _(past: Past) -> Value:
    changes = reigns(past)[1:]  # the first reign is an assignment: before it nobody was there
    return changes[-1].day if changes else None


@measure("days_since_owner_change")
def _(past: Past) -> Value:
    return since(past, EVALUATORS["owner_changed_day"](past))


@measure("owner_inactive")
def _(past: Past) -> Value:
    ruled = reigns(past)
    return int(bool(ruled) and (ruled[-1].user is None or ruled[-1].user in past.inactive))


# --- File -------------------------------------------------------------------------------------
def moves(past: Past) -> list[int]:
    """Return the days on which the place became another one, not only a more or less exact one."""
    known = [row for row in past.of("addresses") if row["place"]]

    def lies_in(place: str, other: str) -> bool:
        return place.split("-")[: len(other.split("-"))] == other.split("-")

    return [
        later["day"]
        for earlier, later in itertools.pairwise(known)
        if not lies_in(later["place"], earlier["place"]) and not lies_in(earlier["place"], later["place"])
    ]


@measure("moved_day")
def _(past: Past) -> Value:
    return max(moves(past), default=None)


@measure("in_place_since_day")
def _(past: Past) -> Value:
    first = [row["day"] for row in past.of("addresses") if row["place"]][:1]
    return max([*first, *moves(past)], default=None)


@measure("days_since_move")
def _(past: Past) -> Value:
    return since(past, EVALUATORS["moved_day"](past))


@measure("main_contact_gone")
def _(past: Past) -> Value:
    told = past.of("main_contact")
    return int(bool(told) and told[-1]["change"] == "left")


@measure("main_contact_left_day")
def _(past: Past) -> Value:
    return max((row["day"] for row in past.of("main_contact") if row["change"] == "left"), default=None)


@measure("days_since_main_contact_left")
def _(past: Past) -> Value:
    return since(past, EVALUATORS["main_contact_left_day"](past))


# --- Usage and balances -----------------------------------------------------------------------
def used(past: Past, newest: int = 0, oldest: int = 10**9) -> list[dict[str, Any]]:
    return [row for row in past.of("usage") if newest <= past.today - row["day"] < oldest]


@measure("usage_30d")
def _(past: Past) -> Value:
    return sum(row["milli"] for row in used(past, 0, 30)) // 1000


@measure("usage_prev_30d")
def _(past: Past) -> Value:
    return sum(row["milli"] for row in used(past, 30, 60)) // 1000


@measure("last_usage_day")
def _(past: Past) -> Value:
    return max((row["day"] for row in used(past) if row["milli"] > 0), default=None)


@measure("days_since_last_usage")
def _(past: Past) -> Value:
    return since(past, EVALUATORS["last_usage_day"](past))


@measure("usage_30d_vs_previous")
def _(past: Past) -> Value:
    return ratio(int(EVALUATORS["usage_30d"](past) or 0), int(EVALUATORS["usage_prev_30d"](past) or 0))


def held(past: Past, *, back: int = -(10**9)) -> int:
    newest: dict[Any, int] = {}
    for row in past.of("balances"):
        if past.today - row["day"] >= back:
            newest[row["metric"], row["product"]] = row["milli"]
    total = sum(newest.values())
    return total // 1000 if total >= 0 else -(-total // 1000)


@measure("balance_held")
def _(past: Past) -> Value:
    return held(past)


@measure("balance_30d_ago")
def _(past: Past) -> Value:
    return held(past, back=30)


@measure("balance_vs_30d_ago")
def _(past: Past) -> Value:
    return ratio(held(past), held(past, back=30))


# --- Competitors ------------------------------------------------------------------------------
@measure("competitor_sightings_90d")
def _(past: Past) -> Value:
    return sum(past.today - row["day"] < 90 for row in past.of("sightings"))


@measure("last_competitor_sighting_day")
def _(past: Past) -> Value:
    return max((row["day"] for row in past.of("sightings")), default=None)


@measure("days_since_competitor_sighting")
def _(past: Past) -> Value:
    return since(past, EVALUATORS["last_competitor_sighting_day"](past))


def compared(past: Past) -> tuple[int, int]:
    """Return the price seen and ours, of the newest sighting of both if it is not too old."""
    pairs = [row for row in past.of("sightings") if row["seen"] is not None and row["ours"] is not None]
    if not pairs or past.today - pairs[-1]["day"] >= 90:
        return 0, 0
    return pairs[-1]["seen"], pairs[-1]["ours"]


@measure("competitor_price_90d")
def _(past: Past) -> Value:
    return compared(past)[0]


@measure("own_price_90d")
def _(past: Past) -> Value:
    return compared(past)[1]


@measure("competitor_price_gap")
def _(past: Past) -> Value:
    seen, ours = compared(past)
    return ratio(ours, seen)


# --- Deliveries -------------------------------------------------------------------------------
def promised(past: Past) -> list[tuple[dict[str, Any], bool]]:
    """Return the orders that were promised by a day, and whether each has come."""
    return [
        (row, row["delivered"] is not None and row["delivered"] <= past.today)
        for row in past.of("deliveries")
        if row["promised"] is not None and row["status"] != "cancelled"
    ]


@measure("deliveries_late_90d")
def _(past: Past) -> Value:
    return sum(
        came and row["delivered"] > row["promised"] and past.today - row["delivered"] < 90
        for row, came in promised(past)
    )


@measure("deliveries_late_60d")
def _(past: Past) -> Value:
    return sum(
        came and row["delivered"] > row["promised"] and past.today - row["delivered"] < 60
        for row, came in promised(past)
    )


@measure("deliveries_overdue")
def _(past: Past) -> Value:
    def is_awaited(row: dict[str, Any]) -> bool:
        return row["status"] != "delivered" or row["delivered"] is not None

    return sum(not came and row["promised"] < past.today and is_awaited(row) for row, came in promised(past))


# --- Invoices ---------------------------------------------------------------------------------
def bills(past: Past) -> list[tuple[int, int]]:
    """Return what is owed of each open invoice, and its due day."""
    found = []
    for thread in sorted({row["thread"] for row in past.of("invoices")}):
        steps = [row for row in past.of("invoices") if row["thread"] == thread]
        owed = sum(row["amount"] for row in steps if row["event"] == "issued")
        owed -= sum(row["amount"] for row in steps if row["event"] in ("paid", "written_off"))
        due = [row["due"] for row in steps if row["event"] == "issued"]
        if owed > 0 and due:
            found.append((owed, due[0]))
    return found


@measure("invoices_open")
def _(past: Past) -> Value:
    return len(bills(past))


@measure("invoices_overdue")
def _(past: Past) -> Value:
    return sum(due < past.today for _owed, due in bills(past))


@measure("amount_overdue")
def _(past: Past) -> Value:
    return sum(2 * owed for owed, due in bills(past) if due < past.today)


@measure("invoice_due_day")
def _(past: Past) -> Value:
    return min((due for _owed, due in bills(past)), default=None)


@measure("payments_failed_30d")
def _(past: Past) -> Value:
    return sum(row["event"] == "failed" and past.today - row["day"] < 30 for row in past.of("invoices"))


@measure("payments_failed_60d")
def _(past: Past) -> Value:
    return sum(row["event"] == "failed" and past.today - row["day"] < 60 for row in past.of("invoices"))


@measure("failures_60d")
def _(past: Past) -> Value:
    """Count anew, day by day, what each kind of failure says."""
    days = [s.opened for s in stories(past) if s.opened is not None]
    days += [row["day"] for row in past.of("invoices") if row["event"] == "failed"]
    days += [row["delivered"] for row, came in promised(past) if came and row["delivered"] > row["promised"]]
    return sum(past.today - day < 60 for day in days)


@measure("days_invoice_overdue")
def _(past: Past) -> Value:
    return since(past, EVALUATORS["invoice_due_day"](past))


# --- Communities ------------------------------------------------------------------------------
@measure("communities_joined")
def _(past: Past) -> Value:
    return sum(row["left"] is None or row["left"] > past.today for row in past.of("communities"))


@measure("left_community_day")
def _(past: Past) -> Value:
    left = [row["left"] for row in past.of("communities") if row["left"] is not None]
    return max((day for day in left if day <= past.today), default=None)


@measure("days_since_left_community")
def _(past: Past) -> Value:
    return since(past, EVALUATORS["left_community_day"](past))


# --- Indicators -------------------------------------------------------------------------------
def worsened(past: Past, oldest: int = 10**9) -> int:
    """Count the indicators whose newest value is worse than the one before it."""
    found = 0
    for worse in ("lower", "higher"):
        values = [row for row in past.of("indicators") if row["worse"] == worse]
        if len(values) > 1 and past.today - values[-1]["day"] < oldest:
            change = values[-1]["milli"] - values[-2]["milli"]
            found += change < 0 if worse == "lower" else change > 0
    return found


@measure("indicators_worse")
def _(past: Past) -> Value:
    return worsened(past)


@measure("indicators_worse_30d")
def _(past: Past) -> Value:
    return worsened(past, 30)


@measure("last_indicator_day")
def _(past: Past) -> Value:
    return max((row["day"] for row in past.of("indicators")), default=None)


@measure("days_since_last_indicator")
def _(past: Past) -> Value:
    return since(past, EVALUATORS["last_indicator_day"](past))


# --- Answers to surveys -----------------------------------------------------------------------
def scores(past: Past, kind: str) -> list[dict[str, Any]]:
    """Return the answers of a kind that have a number, the oldest first."""
    return [row for row in past.of("answers") if row["kind"] == kind and row["score"] is not None]


def score(past: Past, kind: str, back: int = 1) -> Value:
    found = scores(past, kind)
    value: Value = found[-back]["score"] if len(found) >= back else None
    return value


def last_day(rows: list[dict[str, Any]]) -> Value:
    return max((row["day"] for row in rows), default=None)


@measure("last_nps")
def _(past: Past) -> Value:
    return score(past, "nps")


@measure("last_nps_day")
def _(past: Past) -> Value:
    return last_day(scores(past, "nps"))


@measure("days_since_last_nps")
def _(past: Past) -> Value:
    return since(past, last_day(scores(past, "nps")))


@measure("last_csat")
def _(past: Past) -> Value:
    return score(past, "csat")


@measure("csat_before")
def _(past: Past) -> Value:
    return score(past, "csat", 2)


@measure("last_csat_day")
def _(past: Past) -> Value:
    return last_day(scores(past, "csat"))


@measure("csat_change")
def _(past: Past) -> Value:
    now, before = score(past, "csat"), score(past, "csat", 2)
    return now - before if isinstance(now, int) and isinstance(before, int) else None


@measure("days_since_last_csat")
def _(past: Past) -> Value:
    return since(past, last_day(scores(past, "csat")))


@measure("last_ces")
def _(past: Past) -> Value:
    found = scores(past, "ces")
    if not found:
        return None
    of_five = {1: 1, 2: 2, 3: 4, 4: 5, 5: 7}
    value: int = found[-1]["score"]
    return of_five[value] if found[-1]["points"] == 5 else value


@measure("last_answer_day")
def _(past: Past) -> Value:
    return last_day(past.of("answers"))


@measure("days_since_last_answer")
def _(past: Past) -> Value:
    return since(past, last_day(past.of("answers")))


@measure("non_response")
def _(past: Past) -> Value:
    asked = past.of("asked")
    if not any(row["answered"] is not None or past.today - row["day"] >= 14 for row in asked):
        return None
    silent = itertools.takewhile(lambda row: row["answered"] is None, reversed(asked))
    return sum(past.today - row["day"] >= 14 for row in silent)


@measure("non_response_365d")
def _(past: Past) -> Value:
    asked = past.of("asked")
    silent = [row for row in asked if row["answered"] is None and 14 <= past.today - row["day"] < 365]
    return len(silent) if asked else None


# --- Standing ---------------------------------------------------------------------------------
def stands(code: str) -> Callable[[Past], Value]:
    def last(past: Past) -> Value:
        found: Value = next((row[code] for row in reversed(past.of("standing"))), None)
        return found

    return measure(code)(last)


for told in ("value_tier", "lifecycle_stage", "recency_score", "frequency_score", "monetary_score"):
    stands(told)


# --- Mentions ---------------------------------------------------------------------------------
def posted(past: Past) -> list[dict[str, Any]]:
    """Return the mentions of the last 30 days."""
    return [row for row in past.of("mentions") if past.today - row["day"] < 30]


@measure("mentions_30d")
def _(past: Past) -> Value:
    return len(posted(past))


@measure("negative_mentions_30d")
def _(past: Past) -> Value:
    return sum(row["sentiment"] == "negative" for row in posted(past))


# --- Loyalty ----------------------------------------------------------------------------------
def entries(past: Past) -> list[dict[str, Any]]:
    """Return the entries of the ledger, those that have to do with a lot among them."""
    return [*past.of("points"), *past.of("expiring")]


def redemptions(past: Past) -> list[int]:
    return [row["day"] for row in entries(past) if row["entry"] == "redeem"]


@measure("points_balance")
def _(past: Past) -> Value:
    return sum(row["points"] for row in entries(past)) if entries(past) else None


@measure("points_pending")
def _(past: Past) -> Value:
    return sum(row["pending"] for row in entries(past)) if entries(past) else None


@measure("points_moved_day")
def _(past: Past) -> Value:
    moving = ("opening", "earn", "redeem")
    return last_day([row for row in entries(past) if row["entry"] in moving])


@measure("days_since_points_moved")
def _(past: Past) -> Value:
    return since(past, EVALUATORS["points_moved_day"](past))


@measure("redemptions_365d")
def _(past: Past) -> Value:
    found = sum(past.today - day < 365 for day in redemptions(past))
    return found if entries(past) else None


@measure("last_redemption_day")
def _(past: Past) -> Value:
    return max(redemptions(past), default=None)


@measure("days_since_redemption")
def _(past: Past) -> Value:
    return since(past, EVALUATORS["last_redemption_day"](past))


@measure("points_expiring_30d")
def _(past: Past) -> Value:
    total = 0
    for thread in {row["thread"] for row in past.of("expiring")}:
        moved = [row for row in past.of("expiring") if row["thread"] == thread]
        ends = [row["ends"] for row in moved if row["entry"] == "earn"]
        if ends and ends[0] is not None and 0 <= ends[0] - past.today <= 30:
            total += sum(row["points"] for row in moved)
    return total if entries(past) else None


def stands_in(past: Past) -> dict[str, Any] | None:
    """Return the last move between tiers."""
    return past.of("tiers")[-1] if past.of("tiers") else None


@measure("tier_rank")
def _(past: Past) -> Value:
    last = stands_in(past)
    return last["new"] if last else None


@measure("tier_grace_end_day")
def _(past: Past) -> Value:
    last = stands_in(past)
    return last["grace"] if last else None


@measure("tier_at_risk")
def _(past: Past) -> Value:
    last = stands_in(past)
    return int(last["grace"] is not None) if last else None


@measure("days_to_tier_loss")
def _(past: Past) -> Value:
    end = EVALUATORS["tier_grace_end_day"](past)
    return None if end is None else int(end) - past.today


@measure("tiers_lost_90d")
def _(past: Past) -> Value:
    lost = [row for row in past.of("tiers") if row["new"] < row["old"] and past.today - row["day"] < 90]
    return len(lost) if past.of("tiers") else None


@measure("membership_end_day")
def _(past: Past) -> Value:
    ends = []
    for row in past.of("memberships"):
        at, day = row["cancelled"] or (None, None)
        ends.append(day if at is not None and at < past.as_of else row["ends"])
    return max(ends, default=None)


@measure("days_to_membership_end")
def _(past: Past) -> Value:
    end = EVALUATORS["membership_end_day"](past)
    return None if end is None else int(end) - past.today


@measure("membership_lapsed_90d")
def _(past: Past) -> Value:
    end = EVALUATORS["membership_end_day"](past)
    return None if end is None else int(0 < past.today - int(end) <= 90)
