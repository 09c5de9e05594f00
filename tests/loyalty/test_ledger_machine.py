"""Any order of orders, redemptions, returns, expiries, reversals and merges leaves true books."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F, Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from customers import merges
from customers.ground.errors import Refused
from customers.models import Customer, Merge
from loyalty.ledger import accounts, adjusting, earning, expiring, redeeming, sealing
from loyalty.models import LotAllocation, PointsAccount, PointsEntry
from tests.factories import NOW, CompanyFactory, CustomerFactory
from tests.loyalty.factories import ProgrammeFactory, earn, redeem

PER = 10  # minor units a point
DAY = timedelta(days=1)


class Books(RuleBasedStateMachine):
    """Three customers; what they spent net of returns says how many points there may be."""

    @initialize(policy=st.sampled_from(["refuse", "debt"]), pending=st.sampled_from([0, 5]))
    def begin(self, policy: str, pending: int) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()
        CompanyFactory()
        ProgrammeFactory(on_spent_return=policy, pending_days=pending, expiry="months", expiry_months=1)
        self.policy, self.at = policy, NOW
        self.customers = [CustomerFactory() for _number in range(3)]
        self.orders: list[dict[str, Any]] = []
        self.used: list[PointsEntry] = []
        self.merged: list[Merge] = []

    def teardown(self) -> None:
        if hasattr(self, "block"):
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    def account(self, place: int) -> PointsAccount:
        return accounts.account_for(self.customers[place].pk, at=self.at)

    @rule(place=st.integers(0, 2), spent=st.integers(10, 5000))
    def order(self, place: int, spent: int) -> None:
        source = ("order", len(self.orders) + 1)
        entry = earn(self.account(place), spent // PER, at=self.at, source=source)
        self.orders.append({"entry": entry, "spent": spent, "back": 0, "short": 0, "reversed": False})

    @rule(place=st.integers(0, 2), points=st.integers(1, 400))
    def use(self, place: int, points: int) -> None:
        account = self.account(place)
        expiring.settle_due(account, at=self.at)
        have = PointsAccount.objects.get(pk=account.pk).balance
        try:
            self.used.append(redeem(account, points, at=self.at))
        except Refused:
            assert points > have
        else:
            assert points <= have

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), share=st.integers(1, 100))
    def bring_back(self, data: st.DataObject, share: int) -> None:
        """Goods come back; points are taken back so that the order keeps what its net spend earns."""
        order = data.draw(st.sampled_from(self.orders))
        if order["reversed"]:
            return
        back = (order["spent"] - order["back"]) * share // 100
        keeps = (order["spent"] - order["back"] - back) // PER
        points = (order["spent"] - order["back"]) // PER - keeps
        order["back"] += back
        if points:
            made = earning.take_back(
                order["entry"], points=points, source=None, occurred_at=self.at, detail={}, by=None,
                at=self.at, is_partial=True,
            )  # fmt: skip
            took = 0 if made is None else -(made.points + made.pending - made.debt)
            order["short"] += points - took
            if self.policy == "debt" and made is not None:
                assert "short" not in made.detail

    @precondition(lambda self: self.used)
    @rule(data=st.data(), points=st.one_of(st.none(), st.integers(1, 50)))
    def cancel(self, data: st.DataObject, points: int | None) -> None:
        try:
            redeeming.give_back(
                data.draw(st.sampled_from(self.used)), points=points, source=None, by=None, at=self.at
            )
        except Refused as refused:
            assert refused.code == "points_more_than_moved"

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.orders))
        try:
            adjusting.reverse_entry(order["entry"], reason="Wrong.", key="", by=None, at=self.at)
        except Refused as refused:
            assert refused.code in {"points_more_than_moved", "points_spent"}
        else:
            order["reversed"] = True

    @rule(days=st.integers(1, 20))
    def night(self, days: int) -> None:
        self.at += days * DAY
        expiring.release_all(self.at)
        expiring.expire_all(self.at)
        assert expiring.release_all(self.at).entries == expiring.expire_all(self.at).entries == 0
        sealing.seal(self.at)

    @precondition(lambda self: not self.merged)
    @rule(places=st.permutations([0, 1, 2]))
    def merge(self, places: list[int]) -> None:
        one, other = (Customer.objects.get(pk=self.customers[place].pk) for place in places[:2])
        self.merged.append(merges.merge_customers(one, other, reason="The same.", by=None, at=self.at))

    @precondition(lambda self: self.merged)
    @rule()
    def part(self) -> None:
        merge = Merge.objects.get(pk=self.merged[0].pk)
        try:
            with transaction.atomic():
                merges.undo_merge(merge, by=None, at=self.at)
        except Refused as refused:
            assert refused.code in {"merge_stands_fast", "merge_too_old"}
        else:
            self.merged.clear()

    @invariant()
    def books_are_whole(self) -> None:
        if hasattr(self, "block"):
            assert sealing.verify(at=self.at).findings == []

    @invariant()
    def points_are_not_more_than_the_net_spend_earns(self) -> None:
        if not hasattr(self, "block"):
            return
        mine = PointsEntry.objects.filter(kind="earn") | PointsEntry.objects.filter(
            kind="take_back", reverses__kind="earn"
        )
        earned = mine.aggregate(sum=Sum(F("points") + F("pending") - F("debt")))["sum"] or 0
        most = sum(
            (order["spent"] - order["back"]) // PER + order["short"]
            for order in self.orders
            if not order["reversed"]
        )
        assert 0 <= earned <= most + sum(order["short"] for order in self.orders if order["reversed"])

    @invariant()
    def every_point_used_has_its_lots(self) -> None:
        for entry in getattr(self, "used", []):
            rows = LotAllocation.objects.filter(entry=entry)
            assert sum(row.points for row in rows.select_related("lot")) == entry.points
            assert {row.lot.account_id for row in rows.select_related("lot")} == {entry.account_id}


@pytest.mark.slow
@pytest.mark.django_db
def test_books_stay_true_whatever_happens() -> None:
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=25, stateful_step_count=20, suppress_health_check=list(HealthCheck), deadline=None
        ),
    )
