"""What orders bring, moved in the ledger: given, taken back, given anew, taken from who had them before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.db.models import Max, Q

from customers.ground.rows import update_rows
from customers.models import Order
from loyalty.earning import counting, evaluate
from loyalty.earning.baskets import Head
from loyalty.earning.counting import Counting, is_back
from loyalty.earning.judging import state_of
from loyalty.earning.returning import Purchase
from loyalty.ledger import accounts, earning
from loyalty.ledger.earning import State
from loyalty.ledger.earning_many import Earning, earn_many
from loyalty.models import OrderEarning, PointsAccount, PointsEntry

ONE_BY_ONE = 20  # more than these at once earn in sets
SOURCE = "order"
_MOST_NAMED = 10
_IS_BACK = Q(is_return=True) | Q(beyond__gt=0)
_MOVED = ["net_left", "came_back", "points", "short", "settled", "adjusted", "gone", "moves", "raised"]
_LEFT = ("short", "settled", "adjusted", "gone", "settled_by_id", "settled_at", "settled_note")
_SETTLED = ["settled_by", "settled_at", "settled_note"]


class Moving(Counting):
    """Orders that are judged and counted, and the points that they move."""

    def _earn(self, rows: Sequence[OrderEarning]) -> None:
        if len(rows) > ONE_BY_ONE:
            self._earn_many(rows)
        else:
            for row in rows:
                row.entry = self._give(row, row.points, source=SOURCE, detail=self._explained(row))
        update_rows(rows, ["entry"])

    def _earn_many(self, rows: Sequence[OrderEarning]) -> None:
        """Earn in sets: no event tells of each, as when a file brings history."""
        given = [
            Earning(
                account=_account_of(row),
                points=row.points,
                occurred_at=row.occurred_at,
                source=(SOURCE, row.order_id),
                detail=self._explained(row),
            )
            for row in rows
        ]
        self.applied.earned += sum(row.points for row in rows)
        for row, entry in zip(rows, earn_many(given, by=None, at=self.at), strict=True):
            row.entry = entry or self._entries([row], {})[row.order_id][0]

    def _give(self, row: OrderEarning, points: int, *, source: str, detail: dict[str, Any]) -> PointsEntry:
        self.applied.earned += points
        return earning.earn(
            _account_of(row),
            points=points,
            source=(source, row.order_id),
            occurred_at=row.occurred_at,
            detail=detail,
            by=None,
            at=self.at,
        )

    def _explained(self, row: OrderEarning) -> dict[str, Any]:
        return {"order": row.order_id, **self.outcomes[row.order_id].detail()}

    # --- With another customer now ----------------------------------------------------------------
    def _went(self, row: OrderEarning) -> bool:
        """Say whether an order is of another customer now than when it was judged last."""
        was = self.before.get(row.order_id)
        return was is not None and was["customer_id"] != row.customer_id

    def _leave(self, rows: Sequence[OrderEarning]) -> None:
        """Take from the customers that had orders before all that these brought.

        What could not be taken stays with that customer, in a row of its own that says which earnings it is
        about, and is taken up again where the order comes back.
        """
        if not rows:
            return
        past = self._past(rows)
        earnings = self._entries(rows, past)
        self._take_all_back([(row, 0, None) for row in rows], earnings)
        left = [self._left(row, earnings[row.order_id]) for row in rows if earnings[row.order_id]]
        back = [(row, one) for row in rows for one in past.get(row.order_id, ()) if _is_of(row, one)]
        for row in rows:
            row.points = row.short = row.settled = row.adjusted = row.gone = 0
            row.settled_by_id = row.settled_at = None
            row.settled_note = ""
        for row, one in back:
            row.short, row.settled = row.short + one.short, row.settled + one.settled
            row.adjusted, row.gone = row.adjusted + one.adjusted, row.gone + one.gone
            row.settled_by_id, row.settled_at = one.settled_by_id, one.settled_at
            row.settled_note = f"{row.settled_note}\n{one.settled_note}".strip()
        OrderEarning.objects.filter(pk__in=[one.pk for _row, one in back]).delete()
        update_rows(list(rows), [*_MOVED, *_SETTLED])
        OrderEarning.objects.bulk_create(left)

    def _left(self, row: OrderEarning, earnings: Sequence[PointsEntry]) -> OrderEarning:
        """Return what stays of an order with the customer that had it before."""
        was = self.before[row.order_id]
        kept = {name: getattr(row, name) for name in _LEFT}
        of_order = {name: was[name] for name in ("occurred_at", "occurred_day", "seen_at", "is_void")}
        return OrderEarning(
            programme=self.programme,
            account_id=was["account_id"],
            customer_id=was["customer_id"],
            order_id=row.order_id,
            entry_id=row.entry_id,
            is_past=True,
            context={"entries": [entry.pk for entry in earnings]},
            **kept,
            **of_order,
        )

    def _past(self, rows: Sequence[OrderEarning]) -> dict[int, list[OrderEarning]]:
        """Return what stayed of orders with customers that had them before, by order."""
        found: dict[int, list[OrderEarning]] = {}
        past = OrderEarning.objects.filter(programme=self.programme, is_past=True)
        for row in past.filter(order__in=[row.order_id for row in rows]).order_by("pk"):
            found.setdefault(row.order_id, []).append(row)
        return found

    # --- More or less than before -----------------------------------------------------------------
    def _settle(self, rows: dict[int, OrderEarning], fresh: Sequence[Head]) -> None:
        """Move the difference between what orders bring and should bring now.

        Where something came back later than what is new or changed, all orders of the customer are counted
        again. Else a return is counted off from how things stand, and what was changed stands for itself.
        """
        new = {one.pk for one in fresh}
        changed, first, whole = self._since(rows)
        if not first:
            return
        later = self._rows().filter(_IS_BACK, customer__in=first, occurred_at__gte=min(first.values()))
        later = later.exclude(order__in=new).values_list("customer").annotate(last=Max("occurred_at"))
        whole |= {customer_id for customer_id, last in later.order_by() if last >= first[customer_id]}
        naming = Order.objects.filter(returns_of__in=new | changed).exclude(pk__in=new)
        whole |= {rows[pk].customer_id for pk in naming.values_list("returns_of", flat=True) if pk in rows}
        owners = self._owners(one for one in self.found if one.pk in rows)
        whole |= {owner for pk, owner in owners.items() if owner != rows[pk].customer_id}
        backs = [rows[pk] for pk in new if is_back(rows[pk])]
        whole |= {rows[pk].customer_id for pk in changed} & {row.customer_id for row in backs}
        found = self._counted_again(whole) if whole else []
        alone = self._rows().filter(order__in=changed).exclude(customer__in=whole).select_related("account")
        found += [(row, counting.purchase_of(row)) for row in alone]
        found += self._counted_off(
            [row for row in backs if owners.get(row.order_id, row.customer_id) not in whole]
        )
        self._move(found)

    def _since(self, rows: dict[int, OrderEarning]) -> tuple[set[int], dict[int, datetime], set[int]]:
        """Return which orders were changed, since when any are new or changed, and whose returns were.

        The latter two by customer, also the one whose an order was before.
        """
        changed: set[int] = set()
        first: dict[int, datetime] = {}
        whole: set[int] = set()
        for row in rows.values():
            was, now = self.before.get(row.order_id), state_of(row)
            if was == now and not is_back(row):
                continue
            if was is not None:
                changed.add(row.order_id)
            for state in (was or now, now):
                customer_id, moment = state["customer_id"], state["occurred_at"]
                first[customer_id] = min(first.get(customer_id, moment), moment)
                if was is not None and (state["is_return"] or state["beyond"]):
                    whole.add(customer_id)
        return changed, first, whole

    def _move(self, found: Sequence[tuple[OrderEarning, Purchase]]) -> None:
        """Take back and give anew what orders bring less or more; what is given may let lots expire."""
        moved, more = [], []
        less: list[tuple[OrderEarning, int, Purchase | None]] = []
        for row, purchase in sorted(found, key=lambda pair: pair[0].order_id):
            left, came_back = int(purchase.left), purchase.came_back
            should = self._should(row, purchase)
            if (should, left, came_back) == (row.points, row.net_left, row.came_back):
                continue
            row.net_left, row.came_back = left, came_back
            if should < row.points:
                less.append((row, should, purchase))
            elif should > row.points:
                more.append((row, should))
            moved.append(row)
        rows = [row for row, _should, _purchase in less]
        past = self._past(rows) if any(row.raised for row in rows) else {}
        self._take_all_back(less, self._entries(rows, past))
        for row, should in more:
            self._give_anew(row, should)
        update_rows(moved, _MOVED)

    def _should(self, row: OrderEarning, purchase: Purchase) -> int:
        shares = {int(no): Fraction(line[3]) for no, line in row.lines.items()}
        return evaluate.kept(
            Fraction(row.exact),
            shares,
            Fraction(row.fixed),
            {no: line.back for no, line in purchase.lines.items()},
            lines=[no for no, line in purchase.lines.items() if line.amount],
            rounding=row.context.get("rounding", self.programme.rounding),
        )

    def _take_all_back(
        self,
        less: Sequence[tuple[OrderEarning, int, Purchase | None]],
        earnings: Mapping[int, Sequence[PointsEntry]],
    ) -> None:
        """Take back what each of some orders brings less now, from the accounts that hold their earnings."""
        entries = [entry for found in earnings.values() for entry in found]
        held = accounts.hold_all({entry.account_id for entry in entries}) if entries else {}
        states = earning.states(entries) if entries else {}
        owing: dict[int, PointsEntry] = {}
        for row, should, purchase in less:
            of_row = [(one, held[one.account_id], states[one.pk]) for one in earnings[row.order_id]]
            for made in self._take_back(row, should, purchase, of_row):
                owing[made.account_id] = made
        for account in {one.pk: one for one in held.values()}.values():
            if account.pk in owing:
                earning.pay_what_was_made(account, at=self.at, because=owing[account.pk])

    def _take_back(
        self,
        row: OrderEarning,
        should: int,
        purchase: Purchase | None,
        earnings: Sequence[tuple[PointsEntry, PointsAccount, State]],
    ) -> list[PointsEntry]:
        """Take back what an order brings less than before, from its newest earning first; return new debts.

        Without ``purchase`` it is of another customer now and never was of this one: each earning is taken
        back as of its own moment.
        What is spent becomes a debt, or comes ``short`` where the programme refuses that; what had expired or
        was taken back by hand is ``gone``. No entry says of these that they came back, so the row does: none
        of them counts twice.
        """
        wanted = row.points - should
        owing: list[PointsEntry] = []
        if not wanted:
            return owing
        detail: dict[str, Any] = {"order": row.order_id, "was": row.points, "now": should}
        when = self.at
        if purchase is None:
            detail["moved"] = True
        else:
            when = min(when, max(purchase.returned_at or when, row.occurred_at))
        if purchase is not None and purchase.returns:
            detail["returns"] = purchase.returns[:_MOST_NAMED]
        row.moves += 1
        self.applied.taken_back += wanted
        short, gone = row.short, row.gone
        for entry, held, state in earnings:
            spent_before, expired_before = min(short, state.spent), min(gone, state.expired)
            short, gone = short - spent_before, gone - expired_before
            part = min(wanted, state.standing - spent_before - expired_before)
            if part <= 0:
                continue
            wanted -= part
            left = min(part, state.left)
            spent = min(part - left, state.spent - spent_before)
            row.gone += part - left - spent
            if left + spent == 0:
                continue
            made = earning.take_back_held(
                held,
                entry,
                state,
                points=left + spent,
                source=None,
                key=f"order:{row.order_id}:{row.moves}:{entry.pk}",
                occurred_at=when if purchase is not None else min(when, entry.occurred_at),
                detail=detail,
                by=None,
                at=self.at,
                is_partial=True,
            )
            came_short = spent
            if made is not None and made.debt:
                came_short -= made.debt
                owing.append(made)
            row.short += came_short
            self.applied.short += came_short
        row.gone += wanted  # a person took it back by hand
        row.points = should
        return owing

    def _entries(
        self, rows: Sequence[OrderEarning], past: Mapping[int, Sequence[OrderEarning]]
    ) -> dict[int, list[PointsEntry]]:
        """Return the earnings of orders, the newest first, by order; without those of customers of before."""
        theirs = {pk for found in past.values() for one in found for pk in one.context["entries"]}
        earnings: dict[int, list[PointsEntry]] = {row.order_id: [] for row in rows}
        if rows:
            most = max(row.raised for row in rows)
            found = PointsEntry.objects.filter(
                programme=self.programme,
                source_type__in=[SOURCE, *(f"{SOURCE}.{n}" for n in range(2, most + 2))],
                source_id__in=earnings,
                kind=PointsEntry.Kind.EARN,
            )
            for entry in found.order_by("-pk"):
                if entry.pk not in theirs:
                    earnings[entry.source_id or 0].append(entry)
        return earnings

    def _give_anew(self, row: OrderEarning, should: int) -> None:
        """Give what an order brings more than before.

        First what no entry took counts as taken no more: what was gone already, then what was spent and not
        taken by an adjustment.
        """
        more = should - row.points
        gone = min(row.gone, more)
        row.gone -= gone
        kept = min(row.short - row.adjusted, more - gone)
        row.short -= kept
        given = more - gone - kept
        returned = min(row.adjusted, given)
        row.short, row.adjusted = row.short - returned, row.adjusted - returned
        row.settled = min(row.settled - returned, row.short)
        if given:
            detail: dict[str, Any] = {"order": row.order_id, "was": row.points, "now": should}
            if row.order_id in self.outcomes:
                detail = {**self._explained(row), **detail}
            if row.entry_id is None:
                row.entry = self._give(row, given, source=SOURCE, detail=detail)
                OrderEarning.objects.filter(pk=row.pk).update(entry=row.entry)
            else:
                row.raised += 1
                row.moves += 1
                self._give(row, given, source=f"{SOURCE}.{row.raised + 1}", detail=detail)
        row.points = should


def _account_of(row: OrderEarning) -> PointsAccount:
    if row.account is None:
        raise ValueError(f"order {row.order_id} has no account to earn for")
    return row.account


def _is_of(row: OrderEarning, past: OrderEarning) -> bool:
    return row.customer_id == past.customer_id
