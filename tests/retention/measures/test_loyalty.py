"""Measures of points, tiers and membership: what the verbs leave, seen on the day and looked back at."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from customers.merges import merge_customers, undo_merge
from customers.models import Customer, TouchedCustomer, User
from loyalty.ledger import expiring, redeeming
from loyalty.models import PointsAccount, Programme, Tier, TierMove
from loyalty.tiers import editing, membership, moving
from retention import measures
from retention.backtest import provenance
from retention.measures import compute, coverage
from retention.measures.changes import changed_customers
from retention.models.measures import MeasureCoverage, MeasureState
from tests.factories import NOW, CustomerFactory, OrderFactory, ago, day
from tests.loyalty.factories import ProgrammeFactory, earn, make_account, redeem
from tests.retention import points

pytestmark = pytest.mark.django_db
CODES = [code for code, one in measures.every().items() if one.source in {"points", "expiring", "tiers"}]
CODES += ["membership_end_day", "days_to_membership_end", "membership_lapsed_90d"]
SECOND = timedelta(seconds=1)


@pytest.fixture
def programme(company: Any) -> Programme:
    return ProgrammeFactory(pending_days=7, tier_basis="spend", tier_window="rolling", tier_grace_days=30)


def seen(customer: Customer, at: datetime = NOW) -> dict[str, Any]:
    """Return all of these measures as of a moment, as the product reads them."""
    with compute.at(as_of=at, customers=compute.only([customer.pk])) as table:
        row = compute.values_of([customer.pk], table=table)[customer.pk]
    return {code: measures.get(code).read(row, today=compute.today(at).number) for code in CODES}


def live(customer: Customer, at: datetime) -> dict[str, Any]:
    """Return the same from the wide table, filled at that moment."""
    compute.refresh(as_of=at)
    row = compute.values_of([customer.pk])[customer.pk]
    return {code: measures.get(code).read(row, today=compute.today(at).number) for code in CODES}


def picked(values: dict[str, Any], *codes: str) -> list[Any]:
    return [values[code] for code in codes]


def test_who_takes_no_part_is_neither_idle_nor_at_risk(programme: Programme, customer: Customer) -> None:
    assert seen(customer) == dict.fromkeys(CODES)
    account = make_account(customer)
    assert seen(customer) == dict.fromkeys(CODES)
    earn(account, 10, at=ago(1))
    assert seen(customer)["points_expiring_30d"] == 0


def test_a_past_day_says_what_was_computed_on_it(programme: Programme, customer: Customer) -> None:
    start = ago(400)
    account = make_account(customer, at=start)
    told: dict[datetime, dict[str, Any]] = {}

    def look(at: datetime) -> dict[str, Any]:
        told[at] = live(customer, at)
        return told[at]

    sums = ("points_balance", "points_pending", "points_expiring_30d", "days_since_points_moved")
    earn(account, 900, at=start)
    assert picked(look(start + SECOND), *sums) == [0, 900, 0, 0]
    expiring.release_all(start + timedelta(days=7))
    assert picked(look(start + timedelta(days=8)), *sums) == [900, 0, 0, 8]
    taken = redeem(account, 300, at=start + timedelta(days=20))
    codes = (*sums[:1], "redemptions_365d", "days_since_redemption")
    assert picked(look(start + timedelta(days=25)), *codes) == [600, 1, 5]
    redeeming.give_back(taken, points=100, source=None, by=None, at=start + timedelta(days=30))
    assert picked(look(start + timedelta(days=31)), *codes) == [700, 1, 11]
    before_end = start + timedelta(days=340)
    assert picked(look(before_end), *sums) == [700, 0, 700, 320]
    earn(account, 50, at=before_end, usable_day=day(before_end))
    over = start + timedelta(days=367)
    expiring.expire_all(over)
    assert picked(look(over + SECOND), *sums) == [50, 0, 0, 27]

    for at, values in told.items():
        assert seen(customer, at) == values, at
    assert seen(customer, taken.recorded_at)["redemptions_365d"] == 0


def test_what_expires_enters_and_leaves_the_window_with_the_day(
    programme: Programme, customer: Customer
) -> None:
    account = make_account(customer, at=ago(100))
    earn(account, 80, at=ago(100), expires_day=day(NOW) + 31, usable_day=day(ago(100)))
    tomorrow, after = NOW + timedelta(days=1), NOW + timedelta(days=32)
    assert seen(customer)["points_expiring_30d"] == 0
    assert seen(customer, tomorrow)["points_expiring_30d"] == 80
    assert seen(customer, after - timedelta(days=1))["points_expiring_30d"] == 80
    assert seen(customer, after)["points_expiring_30d"] == 0

    compute.refresh(as_of=NOW)
    since = MeasureState.objects.get()
    since.day = day(NOW)
    for at, moves in ((NOW, False), (tomorrow, True)):
        assert (customer.pk in _moved_by_time(since, day(at))) is moves
    since.day = day(after) - 1
    assert customer.pk in _moved_by_time(since, day(after))
    since.day = day(after)
    assert customer.pk not in _moved_by_time(since, day(after) + 1)


def _moved_by_time(since: MeasureState, today: int) -> list[int]:
    """Return the customers whom the days since have moved, whoever was marked."""
    TouchedCustomer.objects.all().delete()
    return changed_customers(since=since, day=today)


def test_what_expired_on_a_day_that_is_over_is_looked_at_again(
    programme: Programme, customer: Customer
) -> None:
    """The night's sweep may be over when the books are kept: whoever's points expired is marked."""
    late = CustomerFactory()
    for one, back in ((customer, 1), (late, 9)):
        account = make_account(one, at=ago(60))
        earn(account, 80, at=ago(60), expires_day=day(ago(back)), usable_day=day(ago(60)))
    compute.refresh(as_of=NOW)
    since = MeasureState.objects.get()
    TouchedCustomer.objects.all().delete()
    expiring.expire_all(NOW + SECOND)
    marked = list(TouchedCustomer.objects.order_by("customer").values_list("customer", "recorded_at"))
    assert marked == [(customer.pk, NOW + SECOND), (late.pk, NOW + SECOND)]
    assert changed_customers(since=since, day=day(NOW)) == [customer.pk, late.pk]


def test_tier_is_told_by_its_moves_and_stays_when_tiers_are_added(
    programme: Programme, customer: Customer
) -> None:
    def tier(code: str, threshold: int) -> None:
        editing.create_tier(programme, code=code, name=code, threshold=threshold, by=None, at=ago(400))

    tier("silver", 1_000)
    tier("gold", 5_000)
    make_account(customer, at=ago(400))
    codes = ("tier_rank", "tier_at_risk", "days_to_tier_loss", "tiers_lost_90d")
    OrderFactory(customer=customer, occurred_at=ago(380), sold=5_000)
    TouchedCustomer.objects.all().delete()
    moving.move_account(PointsAccount.objects.get(), at=ago(379))
    assert set(TouchedCustomer.objects.values_list("customer", flat=True)) == {customer.pk}
    assert picked(seen(customer, ago(378)), *codes) == [2, 0, None, 0]
    moving.move_all(at=ago(14))  # the order is older than 365 days
    assert picked(seen(customer, ago(13)), *codes) == [2, 1, 29, 0]
    moving.move_all(at=ago(-17))
    fallen = ago(-17) + SECOND
    assert picked(seen(customer, fallen), *codes)[::3] == [1, 1]
    assert picked(seen(customer, fallen + timedelta(days=89)), *codes)[3] == 1
    assert picked(seen(customer, fallen + timedelta(days=90)), *codes)[3] == 0
    tier("bronze", 10)
    assert picked(seen(customer, ago(378)), *codes) == [2, 0, None, 0]
    assert [row.to_rank for row in TierMove.objects.order_by("pk")] == [2, 2, 1]


def test_membership_runs_lapses_and_ends_when_it_is_cancelled(
    programme: Programme, customer: Customer
) -> None:
    account = make_account(customer, at=ago(400))
    said: dict[str, Any] = {"by": None, "at": ago(400)}
    plan = membership.create_plan(programme, code="plus", name="Plus", price=1, months=12, tier=None, **said)
    TouchedCustomer.objects.all().delete()
    row = membership.sell(account, plan, key="a", **said)
    assert set(TouchedCustomer.objects.values_list("customer", flat=True)) == {customer.pk}
    codes = ("days_to_membership_end", "membership_lapsed_90d")
    ends = row.ends_day - day(NOW)
    assert picked(seen(customer, ago(399)), *codes) == [ends + 399, 0]
    assert picked(seen(customer), *codes) == [ends, 1] and ends < 0
    assert picked(seen(customer, ago(-ends)), *codes) == [0, 0]
    assert picked(seen(customer, ago(-ends - 90)), *codes) == [-90, 1]
    assert picked(seen(customer, ago(-ends - 91)), *codes) == [-91, 0]
    renewed = membership.renew(row, key="b", by=None, at=ago(5))
    assert picked(seen(customer), *codes) == [renewed.ends_day - day(NOW), 0]
    membership.cancel(renewed, by=None, at=ago(2))
    assert picked(seen(customer, ago(3)), *codes) == [renewed.ends_day - day(ago(3)), 0]
    assert picked(seen(customer), *codes) == [-2, 1]


def test_after_a_merge_points_are_those_of_both_and_the_tier_is_the_higher_of_the_two(
    programme: Programme, customer: Customer, admin: User
) -> None:
    """The moves of the other account, which say where the customer stood there, count no more."""
    tiers = [
        Tier.objects.create(programme=programme, code=f"t{n}", name=f"T{n}", threshold=n) for n in (1, 2, 3)
    ]
    other, third = CustomerFactory(), CustomerFactory()
    for one, number, rank, since in ((customer, 100, 1, 40), (other, 40, 3, 30), (third, 7, 0, 20)):
        account = make_account(one, at=ago(50))
        earn(account, number, at=ago(50), usable_day=day(ago(50)))
        stands = tiers[rank - 1] if rank else None
        PointsAccount.objects.filter(pk=account.pk).update(tier=stands)
        points.tier(one, 1, rank, ago(since), account=account, to_tier=stands)
    merge_customers(customer, third, reason="Same.", by=admin, at=ago(9))
    assert picked(seen(customer), "points_balance", "tier_rank") == [107, 1]
    merged = merge_customers(customer, other, reason="Same.", by=admin, at=ago(2))
    assert picked(seen(customer), "points_balance", "tier_rank") == [147, 3]
    undo_merge(merged, by=admin, at=ago(1))
    assert picked(seen(customer), "points_balance", "tier_rank") == [107, 1]


def test_coverage_and_provenance_know_the_ledger(programme: Programme, customer: Customer) -> None:
    CustomerFactory()
    account = make_account(customer, at=ago(50))
    earn(account, 10, at=ago(50))
    points.tier(customer, 0, 1, ago(40), account=account)
    compute.refresh(as_of=NOW)
    coverage.note(at=NOW)
    found = MeasureCoverage.objects.get(code="points_balance")
    assert (found.known, found.customers, found.newest_day) == (1, 2, day(ago(50)))
    rests_on = provenance.of_columns(["points_balance", "tier_rank", "membership_end_day"], as_of=NOW)
    assert (rests_on.facts, rests_on.assumed) == (2, 0)
