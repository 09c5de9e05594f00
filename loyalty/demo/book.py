"""The accounts of the demo company, kept in memory and written at once: what the verbs leave, row by row.

The verbs take one order, redemption or night at a time, each with its queries; a demo has tens of thousands.
Whatever they keep in accounts, entries, lots, allocations and moves is kept here too:
``tests/loyalty/test_demo.py`` compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from typing import Any

from customers.demo import bulk
from customers.demo.company import moment
from customers.demo.moments import local_day
from loyalty.earning import evaluate
from loyalty.earning.baskets import Head
from loyalty.earning.evaluate import WHOLE_BP, Basket, Goods, Line, Rules
from loyalty.earning.returning import Back, Bought, Purchase, assign
from loyalty.ledger.expiring import expiry_day_of
from loyalty.models import (
    LotAllocation,
    OrderEarning,
    PointsAccount,
    PointsEntry,
    PointsLot,
    Programme,
    Redemption,
    Reward,
    Tier,
    TierMove,
)

NIGHT = 600  # seconds after midnight at which the books are kept
Row = tuple[Any, ...]


@dataclass(slots=True)
class Lot:
    """A lot as it stands; ``earning`` the id of its entry."""

    pk: int
    earning: int
    points: int
    left: int
    is_pending: bool
    earned: int
    usable: int
    expires: int | None
    spent: int = 0


@dataclass(slots=True)
class Earned:
    """What an order brought, and what came back of it."""

    head: Head
    goods: Sequence[Goods]
    outcome: evaluate.Outcome
    context: dict[str, Any]
    entry: int | None = None
    lot: Lot | None = None
    points: int = 0
    net_left: int = 0
    moves: int = 0
    short: int = 0
    gone: int = 0
    backs: list[Back] = field(default_factory=list)
    came_back: dict[str, list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Terms:
    """What holds for all accounts: the programme, its rules made ready, tiers from the lowest up."""

    programme: Programme
    rules: Rules
    upto: int
    tiers: Sequence[Tier]


class Book:
    """All rows of the demo's ledger, and the ids that they will have."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.at = bulk.moments()
        self.rows: dict[type[Any], list[Row]] = {
            model: []
            for model in (
                *(PointsAccount, PointsEntry, PointsLot, LotAllocation),
                *(OrderEarning, Redemption, TierMove),
            )
        }
        self.ids = {model: count(bulk.first_free_id(model)) for model in self.rows}

    def next_id(self, model: type[Any]) -> int:
        """Return the id of the next row of a table."""
        return next(self.ids[model])

    def write(self) -> dict[str, int]:
        """Write all rows; return how many of each table. The moment of writing is that of the row."""
        written = {}
        for model, rows in self.rows.items():
            written[model._meta.db_table] = sum(bulk.insert(model, COLUMNS[model], iter(rows)))
        bulk.ids_were_given(self.rows)
        return written


COLUMNS: dict[type[Any], tuple[str, ...]] = {
    PointsAccount: (
        *("id", "programme_id", "customer_id", "balance", "pending", "opened_at", "moved_day"),
        *("referral_code", "tier_id", "tier_since_day", "tier_basis", "tier_basis_day", "grace_until_day"),
    ),
    PointsEntry: (
        *("id", "programme_id", "account_id", "customer_id", "kind", "points", "pending", "occurred_at"),
        *("occurred_day", "recorded_at", "ingested_at", "source_type", "source_id", "key", "reverses_id"),
        *("detail",),
    ),
    PointsLot: (
        *("id", "account_id", "customer_id", "entry_id", "points", "left", "is_pending", "earned_day"),
        *("usable_day", "expires_day"),
    ),
    LotAllocation: ("id", "entry_id", "lot_id", "points"),
    OrderEarning: (
        *("id", "programme_id", "account_id", "customer_id", "order_id", "entry_id", "occurred_at"),
        *("occurred_day", "seen_at", "is_void", "is_return", "is_first", "net", "net_left", "beyond"),
        *("brought", "points", "short", "gone", "moves", "exact", "fixed", "lines", "context", "came_back"),
    ),
    Redemption: (
        *("id", "account_id", "customer_id", "contact_id", "reward_id", "points", "entry_id", "state"),
        *("key", "at", "changed_at"),
    ),
    TierMove: (
        *("id", "account_id", "customer_id", "from_tier_id", "to_tier_id", "from_rank", "to_rank", "reason"),
        *("basis", "grace_until_day", "occurred_at", "occurred_day", "recorded_at"),
    ),
}


class Account:
    """One customer's account while its story is told, in order of time."""

    def __init__(self, book: Book, customer_id: int, *, code: str, spent: Sequence[tuple[int, int, int]]):
        """``spent``: what counts for tiers: the second it was written down, the day, minor units."""
        self.book, self.customer_id, self.code = book, customer_id, code
        self.pk: int | None = None
        self.opened = self.moved_day = 0
        self.balance = self.pending = 0
        self.lots: list[Lot] = []
        self.orders: dict[int, Earned] = {}
        self.redeemed: list[list[Any]] = []
        self.rank, self.since_day, self.grace = 0, None, None  # type: tuple[int, int | None, int | None]
        self.basis: int = 0
        self.basis_day: int | None = None
        self.tiers: list[tuple[int, int]] = []  # day and rank of each change of tier
        self.spent = spent

    # --- Orders -------------------------------------------------------------------------------
    def order(self, head: Head, lines: Sequence[Line], *, second: int) -> None:
        """Let an order earn when it was written down; a void one or a return only stands there."""
        terms = self.book.terms
        stands = head.counts and head.is_purchase
        if stands:
            self._open(second)
        netted = evaluate.net_goods(lines if stands else ())
        if not stands:
            self._looked_at(head)
            return
        rank = next((rank for day, rank in reversed(self.tiers) if day <= head.occurred_day), 0)
        tier = terms.tiers[rank - 1] if rank else None
        share = tier.multiplier_bp if tier else WHOLE_BP
        basket = Basket(netted.goods, head.occurred_day, tier=tier.code if tier else "", tier_bp=share)
        outcome = evaluate.evaluate(basket, terms.rules, earned={})
        context = {
            "tier": basket.tier,
            "tier_bp": share,
            "birthday": [],
            "as_of": head.recorded_at.isoformat(),
            "upto": terms.upto,
            "rounding": terms.rules.rounding,
        }
        row = Earned(head, netted.goods if outcome.net else (), outcome, context)
        row.points, row.net_left = outcome.points, outcome.net
        self.orders[head.pk] = row
        if row.points:
            self._earn(row, second)

    def _earn(self, row: Earned, second: int) -> None:
        programme, day = self.book.terms.programme, row.head.occurred_day
        usable, expires = day + programme.pending_days, expiry_day_of(programme, day)
        if expires is not None:
            expires = max(expires, usable)
        waits = usable > local_day(second)
        row.entry = self._entry(
            "earn",
            points=0 if waits else row.points,
            pending=row.points if waits else 0,
            second=second,
            at=int(row.head.occurred_at.timestamp()),
            source=("order", row.head.pk),
            detail={"order": row.head.pk, **row.outcome.detail()},
        )
        lot_id = self.book.next_id(PointsLot)
        row.lot = Lot(lot_id, row.entry, row.points, row.points, waits, day, usable, expires)
        self.lots.append(row.lot)
        self.moved_day = max(self.moved_day, day)

    def came_back(self, head: Head, lines: Sequence[Line], *, second: int) -> None:
        """Take back what an order earned of the goods that came back."""
        self._looked_at(head)
        row = self.orders.get(head.returns_of_id or 0)
        if row is None or not head.counts:
            return
        goods = [(line.product, Fraction(-line.quantity), -line.amount) for line in lines]
        row.backs.append(Back(head.pk, head.occurred_at, head.returns_of_id, goods))
        bought = {one.line_no: Bought(one.product, Fraction(one.quantity), one.amount) for one in row.goods}
        purchase = Purchase(row.head.pk, row.head.occurred_at, bought)
        assign([purchase], row.backs)
        should = evaluate.kept(
            row.outcome.exact,
            row.outcome.shares,
            row.outcome.fixed,
            {no: line.back for no, line in bought.items()},
            lines=[no for no, line in bought.items() if line.amount],
            rounding=row.outcome.rounding,
        )
        row.net_left, row.came_back = int(purchase.left), purchase.came_back
        if should < row.points:
            self._take_back(row, should, purchase, second)

    def _take_back(self, row: Earned, should: int, purchase: Purchase, second: int) -> None:
        wanted = row.points - should
        detail = {"order": row.head.pk, "was": row.points, "now": should, "returns": purchase.returns[:10]}
        row.moves += 1
        row.points = should
        lot = row.lot
        if lot is None or row.entry is None:
            return
        taken = min(wanted, lot.left)
        short = min(wanted - taken, max(0, lot.spent - row.short))
        row.short += short
        row.gone += wanted - taken - short  # it expired, and owes nothing
        if not taken:
            return
        if short:
            detail["short"] = short
        returned_at = purchase.returned_at or row.head.occurred_at
        entry = self._entry(
            "take_back",
            points=0 if lot.is_pending else -taken,
            pending=-taken if lot.is_pending else 0,
            second=second,
            at=min(second, max(int(returned_at.timestamp()), int(row.head.occurred_at.timestamp()))),
            key=f"order:{row.head.pk}:{row.moves}:{row.entry}",
            reverses=row.entry,
            detail=detail,
        )
        self._move(entry, lot, -taken)

    def _looked_at(self, head: Head) -> None:
        empty = evaluate.Outcome(0, Fraction(0), 0)
        self.orders[head.pk] = Earned(head, (), empty, {})

    # --- Nights and rewards -------------------------------------------------------------------
    def is_due(self, day: int) -> bool:
        """Say whether the night of a day releases or expires anything."""
        return any(
            lot.left and (lot.usable <= day if lot.is_pending else (lot.expires or day) < day)
            for lot in self.lots
        )

    def night(self, day: int) -> None:
        """Keep the books as the local day ``day`` has begun: release, expire, move."""
        if self.pk is None:
            return
        second = moment(day, NIGHT)
        for usable in sorted({lot.usable for lot in self.lots if lot.is_pending and lot.usable <= day}):
            begins = moment(usable, 0)
            for lot in self.lots:
                if lot.is_pending and lot.usable == usable and lot.left:
                    entry = ("release", lot.left, -lot.left)
                    self.moved_day = max(self.moved_day, usable)
                    self._entry(*entry, second=second, at=begins, source=("lot", lot.pk), detail={})
                    lot.is_pending = False
        over = {lot.expires for lot in self.lots if not lot.is_pending and lot.left and lot.expires}
        for last in sorted(one for one in over if one < day):
            gone = [lot for lot in self.lots if lot.left and not lot.is_pending and lot.expires == last]
            points = sum(lot.left for lot in gone)
            begins = moment(last + 1, 0)
            made = self._entry("expire", -points, second=second, at=begins, detail={"day": last})
            for lot in gone:
                self._move(made, lot, -lot.left)
        self._stand(day, second)

    def redeem(self, reward: Reward, *, second: int, contact: int | None, state: str, until: int) -> None:
        """Take a reward; ``state`` is how far it has come, since ``until``."""
        redemption = self.book.next_id(Redemption)
        entry = self._entry(
            "redeem",
            -reward.points,
            second=second,
            at=second,
            source=("redemption", redemption),
            detail={"reward": reward.pk},
        )
        wanted = reward.points
        open_lots = [lot for lot in self.lots if lot.left and not lot.is_pending]
        for lot in sorted(open_lots, key=lambda lot: (lot.expires is None, lot.expires or 0, lot.pk)):
            part = min(wanted, lot.left)
            if part:
                self._move(entry, lot, -part)
                lot.spent += part
                wanted -= part
        self.moved_day = max(self.moved_day, local_day(second))
        self.redeemed.append([redemption, contact, reward, entry, state, f"demo-{redemption}", second, until])

    # --- Tiers --------------------------------------------------------------------------------
    def tier_days(self, first: int, last: int) -> set[int]:
        """Return the days from ``first`` to ``last`` on which what counts for tiers may have changed."""
        window = self.book.terms.programme.tier_window_days
        days: set[int] = set()
        for written, day, _amount in self.spent:
            days |= {_first_night(written), day + window}
        return {day for day in days if first <= day <= last}

    def _stand(self, day: int, second: int) -> None:
        programme, tiers = self.book.terms.programme, self.book.terms.tiers
        since = day - programme.tier_window_days
        basis = sum(amount for known, on, amount in self.spent if known <= second and since < on <= day)
        basis = max(0, basis)
        if self.basis_day is None or basis != self.basis:
            self.basis, self.basis_day = basis, day
        reached = sum(basis >= tier.threshold for tier in tiers)
        goes_to, grace = reached, None
        if reached > self.rank:
            is_first = day == (programme.starts_day or 0) + 1 and self.rank == 0
            reason = TierMove.Reason.PLACED if is_first else TierMove.Reason.REACHED
        elif reached == self.rank:
            if self.grace is None:
                return
            reason = TierMove.Reason.HELD
        elif self.grace is None:
            reason, goes_to = TierMove.Reason.GRACE, self.rank
        elif self.grace < day:
            reason, goes_to = TierMove.Reason.FELL, self.rank - 1
        else:
            return
        if goes_to > reached:
            grace = day + programme.tier_grace_days
        self._move_tier(reason, goes_to, grace, day=day, second=second)

    def _move_tier(self, reason: str, rank: int, grace: int | None, *, day: int, second: int) -> None:
        book, now = self.book, self.book.at(second)
        book.rows[TierMove].append(
            (
                *(book.next_id(TierMove), self.pk, self.customer_id),
                *(self._tier_id(self.rank), self._tier_id(rank), self.rank, rank),
                *(str(reason), self.basis, grace, now, day, now),
            )
        )
        if rank != self.rank:
            self.since_day = day
            self.tiers.append((day, rank))
        self.rank, self.grace = rank, grace

    def _tier_id(self, rank: int) -> int | None:
        return self.book.terms.tiers[rank - 1].pk if rank else None

    # --- Rows ---------------------------------------------------------------------------------
    def _open(self, second: int) -> None:
        if self.pk is None:
            self.pk, self.opened = self.book.next_id(PointsAccount), second
            self.moved_day = local_day(second)

    def _entry(
        self,
        kind: str,
        points: int = 0,
        pending: int = 0,
        *,
        second: int,
        at: int,
        source: tuple[str, int] | None = None,
        key: str = "",
        reverses: int | None = None,
        detail: dict[str, Any],
    ) -> int:
        book, pk = self.book, self.book.next_id(PointsEntry)
        recorded = book.at(second)
        named = source or ("", None)
        book.rows[PointsEntry].append(
            (
                *(pk, book.terms.programme.pk, self.pk, self.customer_id, kind, points, pending),
                *(book.at(at), local_day(at), recorded, recorded, *named, key, reverses),
                json.dumps(detail),
            )
        )
        self.balance += points
        self.pending += pending
        return pk

    def _move(self, entry: int, lot: Lot, points: int) -> None:
        lot.left += points
        self.book.rows[LotAllocation].append((self.book.next_id(LotAllocation), entry, lot.pk, points))

    def close(self) -> None:
        """Hand over the rows of what stands in the end."""
        book, rows = self.book, self.book.rows
        rows[OrderEarning] += self._earnings()
        if self.pk is None:
            return
        rows[PointsAccount].append(
            (
                *(self.pk, book.terms.programme.pk, self.customer_id, self.balance, self.pending),
                *(book.at(self.opened), self.moved_day, self.code, self._tier_id(self.rank)),
                *(self.since_day, self.basis, self.basis_day, self.grace),
            )
        )
        rows[PointsLot] += [
            (
                *(lot.pk, self.pk, self.customer_id, lot.earning, lot.points, lot.left, lot.is_pending),
                *(lot.earned, lot.usable, lot.expires),
            )
            for lot in self.lots
        ]
        for pk, contact, reward, entry, state, key, second, until in self.redeemed:
            said = (pk, self.pk, self.customer_id, contact, reward.pk, reward.points, entry, state)
            rows[Redemption].append((*said, key, book.at(second), book.at(until)))

    def _earnings(self) -> Iterator[Row]:
        book = self.book
        for row in self.orders.values():
            head, outcome = row.head, row.outcome
            lines = {
                str(one.line_no): [
                    *(one.product, str(one.quantity), one.amount),
                    str(outcome.shares.get(one.line_no, 0)),
                ]
                for one in row.goods
            }
            yield (
                *(book.next_id(OrderEarning), book.terms.programme.pk, self.pk if row.context else None),
                *(self.customer_id, head.pk, row.entry, book.at(int(head.occurred_at.timestamp()))),
                *(head.occurred_day, book.at(int(head.recorded_at.timestamp())), head.void),
                *(
                    not head.is_purchase,
                    False,
                    outcome.net,
                    row.net_left,
                    0,
                    outcome.points,
                    row.points,
                    row.short,
                    row.gone,
                    row.moves,
                ),
                *(str(outcome.exact), str(outcome.fixed), json.dumps(lines), json.dumps(row.context)),
                json.dumps(row.came_back),
            )


def _first_night(second: int) -> int:
    """Return the first day whose night sees what was written down at a second."""
    day = local_day(second)
    return day if second <= moment(day, NIGHT) else day + 1
