"""Who moves when: up at once, down after grace, all of them in sets, and never twice for the same."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.ground.models import AuditEvent, Event
from customers.models import TouchedCustomer
from loyalty import programmes
from loyalty.models import Membership, MembershipPlan, PointsAccount, TierMove
from loyalty.tiers import editing, move_account, move_accounts, move_all, moving
from tests.factories import NOW, CustomerFactory
from tests.loyalty.factories import make_account
from tests.loyalty.tiering import account, moves, programme, spend, standing, tiers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
DAY = timedelta(days=1)
TODAY = NOW.date().toordinal()  # 10:00 in Shanghai


def gold_of_last_year(**values: Any) -> PointsAccount:
    """Return an account in Gold whose 25,000 leave the window of 365 days with the next day."""
    tiers(programme(**values))
    who = account()
    spend(who, 25_000, at=NOW - 364 * DAY)
    move_all(at=NOW)
    assert standing(who) == ("Gold", None)
    return who


def state() -> list[Any]:
    """Return all that a run may write."""
    accounts = PointsAccount.objects.order_by("pk").values_list(
        "tier", "tier_since_day", "is_tier_paid", "tier_basis", "tier_basis_day", "grace_until_day"
    )
    return [*accounts, *TierMove.objects.order_by("pk").values_list()]


# --- Up ---------------------------------------------------------------------------------------
def test_up_at_once_over_several_tiers() -> None:
    tiers(programme())
    who = account()
    move_account(who, NOW)
    spend(who, 20_000, at=NOW + timedelta(minutes=1))
    at = NOW + timedelta(minutes=1)
    move = move_account(who, at)
    assert move is not None
    assert (move.occurred_at, move.occurred_day, move.recorded_at, move.basis) == (at, TODAY, at, 20_000)
    assert who.tier is not None
    assert (who.tier.name, who.tier_since_day, who.tier_basis) == ("Gold", TODAY, 20_000)
    assert moves(who) == [("placed", None, "Bronze"), ("reached", "Bronze", "Gold")]
    told = Event.objects.filter(kind="loyalty.tier_moved").order_by("pk")
    assert [(one.subject_id, one.customer_id) for one in told] == [
        (pk, who.customer_id) for pk in TierMove.objects.order_by("pk").values_list("pk", flat=True)
    ]
    assert move_account(who, at) is None
    assert TierMove.objects.count() == 2


def test_the_first_run_places_and_later_ones_raise() -> None:
    of = programme()
    tiers(of)
    first, second = account(), account()
    spend(first, 10_000)
    assert move_all(at=NOW) == moving.Moved(accounts=2, moves=2)
    of.refresh_from_db()
    assert of.tiers_as_of_day == TODAY
    spend(second, 10_000)
    move_all(at=NOW + DAY)
    assert moves(first) == [("placed", None, "Silver")]
    assert moves(second) == [("placed", None, "Bronze"), ("reached", "Bronze", "Silver")]
    assert list(
        AuditEvent.objects.filter(act="tiers.move").order_by("pk").values_list("codes", flat=True)
    ) == [
        {"moves": 2},
        {"moves": 1},
    ]


def test_tiers_that_are_made_after_the_first_night_place_everybody() -> None:
    of = programme()
    who, other = account(), account()
    spend(who, 15_000)
    move_all(at=NOW)
    of.refresh_from_db()
    assert of.tiers_as_of_day is None
    tiers(of)
    spend(other, 20_000)
    move_account(other, NOW)  # before the night
    move_all(at=NOW + DAY)
    assert (moves(who), moves(other)) == ([("placed", None, "Silver")], [("placed", None, "Gold")])
    of.refresh_from_db()
    assert of.tiers_as_of_day == TODAY + 1


def test_moving_some_moves_only_those() -> None:
    tiers(programme())
    who, other = account(), account()
    assert [move.account_id for move in move_accounts([who.pk], at=NOW)] == [who.pk]
    assert (standing(who), standing(other)) == (("Bronze", None), (None, None))


# --- Down -------------------------------------------------------------------------------------
def test_grace_begins_when_the_basis_is_below_and_the_fall_comes_on_the_day_after_its_last() -> None:
    who = gold_of_last_year(tier_grace_days=30)
    began = NOW + DAY
    move_all(at=began)
    last = TODAY + 1 + 30
    assert standing(who) == ("Gold", last)
    move_all(at=began + 30 * DAY)  # the last day of grace
    assert standing(who) == ("Gold", last)
    move_all(at=began + 31 * DAY)
    assert standing(who) == ("Silver", last + 1 + 30)
    assert moves(who) == [
        ("placed", None, "Gold"),
        ("grace", "Gold", "Gold"),
        ("fell", "Gold", "Silver"),
    ]


def test_the_fall_is_at_midnight_of_the_company() -> None:
    who = gold_of_last_year(tier_grace_days=0)
    midnight = datetime.fromisoformat("2026-05-12T00:00:00+08:00")
    move_all(at=midnight - timedelta(seconds=1))
    assert standing(who) == ("Gold", None)
    move_all(at=midnight)
    assert standing(who)[0] == "Silver"


def test_one_step_at_a_time_each_with_its_grace_down_to_the_lowest() -> None:
    who = gold_of_last_year(tier_grace_days=10, tier_fall="one_step")
    for n in range(1, 40):
        move_all(at=NOW + n * DAY)
    falls = TierMove.objects.filter(account=who, reason="fell").order_by("pk")
    assert list(falls.values_list("to_tier__name", "occurred_day", "grace_until_day")) == [
        ("Silver", TODAY + 12, TODAY + 22),
        ("Bronze", TODAY + 23, None),
    ]


def test_by_balance_it_falls_to_the_tier_of_its_basis() -> None:
    who = gold_of_last_year(tier_grace_days=10, tier_fall="by_balance")
    spend(who, 9_999, at=NOW - DAY)
    other = account()
    spend(other, 25_000, at=NOW - 364 * DAY)
    spend(other, 10_000, at=NOW - DAY)
    move_all(at=NOW)
    move_all(at=NOW + DAY)
    move_all(at=NOW + 12 * DAY)
    assert (standing(who), standing(other)) == (("Bronze", None), ("Silver", None))


def test_without_grace_it_falls_one_tier_a_day_at_once() -> None:
    who = gold_of_last_year(tier_grace_days=0)
    move_all(at=NOW + DAY)
    before = state()
    move_all(at=NOW + DAY)
    assert (standing(who)[0], state()) == ("Silver", before)
    move_all(at=NOW + 2 * DAY)
    assert standing(who) == ("Bronze", None)


def test_who_reaches_the_threshold_again_in_grace_keeps_the_tier() -> None:
    who = gold_of_last_year()
    move_all(at=NOW + DAY)
    spend(who, 19_999, at=NOW + 2 * DAY)
    assert move_account(who, NOW + 2 * DAY) is None
    spend(who, 1, at=NOW + 3 * DAY)
    move_account(who, NOW + 3 * DAY)
    assert standing(who) == ("Gold", None)
    assert moves(who)[-1] == ("held", "Gold", "Gold")
    assert PointsAccount.objects.get(pk=who.pk).tier_since_day == TODAY
    move_all(at=NOW + 60 * DAY)
    assert standing(who) == ("Gold", None)


def test_the_lowest_tier_is_lost_too_where_it_begins_above_nothing() -> None:
    tiers(programme(tier_grace_days=0), {"Gold": 100})
    who = account()
    spend(who, 100, at=NOW - 364 * DAY)
    move_all(at=NOW)
    move_all(at=NOW + DAY)
    assert (standing(who), moves(who)[-1]) == ((None, None), ("fell", "Gold", None))


# --- Changes of the tiers ---------------------------------------------------------------------
def test_who_stands_in_a_retired_tier_goes_to_that_of_its_basis() -> None:
    made = tiers(programme())
    who, other = account(), account()
    spend(who, 12_000)
    spend(other, 25_000)
    move_all(at=NOW)
    editing.retire_tier(made["Silver"], by=None, at=NOW)
    move_all(at=NOW)
    assert (standing(who), standing(other)) == (("Bronze", None), ("Gold", None))
    assert moves(who)[-1] == ("changed", "Silver", "Bronze")
    editing.retire_tier(made["Bronze"], by=None, at=NOW)
    move_all(at=NOW)
    assert standing(who) == (None, None)


@pytest.mark.parametrize(
    ("spent", "new", "ranks"),
    [
        (12_000, {}, (2, 1)),  # down from between Bronze and Gold
        (21_000, {}, (1, 2)),  # up from there
        (12_000, {"Jade": 10_000}, (2, 2)),  # another one took its place
    ],
)
def test_the_rank_of_a_retired_tier_is_between_its_neighbours(
    spent: int, new: dict[str, int], ranks: tuple[int, int]
) -> None:
    made = tiers(programme())
    who = account()
    spend(who, 12_000)
    move_all(at=NOW)
    editing.retire_tier(made["Silver"], by=None, at=NOW)
    tiers(made["Gold"].programme, new)
    spend(who, spent - 12_000)
    move_all(at=NOW)
    move = TierMove.objects.filter(account=who).latest("pk")
    assert (move.reason, (move.from_rank, move.to_rank)) == ("changed", ranks)


def test_a_threshold_that_is_raised_begins_grace() -> None:
    made = tiers(programme())
    who = account()
    spend(who, 12_000)
    move_all(at=NOW)
    silver = made["Silver"]
    editing.change_tier(silver, name="Silver", threshold=12_001, multiplier_bp=10_000, by=None, at=NOW)
    move_all(at=NOW)
    assert standing(who) == ("Silver", TODAY + 30)


def test_without_tiers_or_a_live_programme_nobody_moves() -> None:
    assert move_all(at=NOW) == moving.Moved(0, 0)
    of = programme()
    who = account()
    assert move_all(at=NOW) == moving.Moved(accounts=1, moves=0)
    tiers(of)
    of.state = "paused"
    of.save()
    spend(who, 30_000)
    assert move_all(at=NOW) == moving.Moved(0, 0)
    assert move_account(who, NOW) is None
    assert standing(who) == (None, None)


def test_a_pause_takes_nothing_of_the_grace() -> None:
    who = gold_of_last_year(tier_grace_days=30)
    calm = account()
    spend(calm, 12_000)
    of = programmes.needed()
    move_all(at=NOW + DAY)
    assert standing(who) == ("Gold", TODAY + 31)
    TouchedCustomer.objects.all().delete()
    programmes.pause_programme(of, by=None, at=NOW + 5 * DAY)
    move_all(at=NOW + 40 * DAY)
    programmes.resume_programme(of, by=None, at=NOW + 45 * DAY)
    assert standing(who) == ("Gold", TODAY + 71)
    move = TierMove.objects.filter(account=who).latest("pk")
    assert (move.reason, move.grace_until_day, move.from_rank, move.to_rank) == ("grace", TODAY + 71, 3, 3)
    assert set(TouchedCustomer.objects.values_list("customer", flat=True)) == {who.customer_id}
    move_all(at=NOW + 71 * DAY)
    assert (standing(who), standing(calm)) == (("Gold", TODAY + 71), ("Silver", None))
    move_all(at=NOW + 72 * DAY)
    assert moves(who)[-1] == ("fell", "Gold", "Silver")


def test_a_pause_within_a_day_changes_no_grace() -> None:
    who = gold_of_last_year()
    move_all(at=NOW + DAY)
    before = state()
    of = programmes.needed()
    programmes.pause_programme(of, by=None, at=NOW + DAY)
    programmes.resume_programme(of, by=None, at=NOW + DAY + timedelta(hours=2))
    assert state() == before
    assert standing(who) == ("Gold", TODAY + 31)


def test_the_account_that_a_merged_customer_left_behind_does_not_move() -> None:
    tiers(programme())
    who = account()
    who.customer.merged_into = CustomerFactory()
    who.customer.save()
    move_all(at=NOW)
    assert (standing(who), moves(who)) == ((None, None), [])


# --- All of them ------------------------------------------------------------------------------
def test_a_second_run_of_the_day_changes_nothing() -> None:
    gold_of_last_year()
    for amount in (0, 5_000, 15_000, 50_000):
        spend(account(), amount)
    for n in (1, 32):
        move_all(at=NOW + n * DAY)
        before = state()
        assert move_all(at=NOW + n * DAY + timedelta(hours=3)).moves == 0
        assert state() == before


def test_every_standing_settles_in_one_run() -> None:
    """Whatever tier, grace, membership and basis: a second run finds nothing to do."""
    made = tiers(programme(tier_grace_days=5))
    plans = {name: MembershipPlan.objects.create(
        programme=tier.programme, code=name.lower(), name=name, price=1, currency="CNY", tier=tier
    ) for name, tier in made.items()}  # fmt: skip
    made["Old"] = tiers(made["Gold"].programme, {"Old": 15_000})["Old"]
    made["Old"].is_retired = True
    made["Old"].save()
    for now, paid, spent, grace, is_paid in itertools.product(
        (None, "Bronze", "Silver", "Gold", "Old"),
        (None, "Silver", "Gold"),
        (0, 10_000, 20_000),
        (None, TODAY - 1, TODAY),
        (False, True),
    ):
        who = account()
        PointsAccount.objects.filter(pk=who.pk).update(
            tier=made[now] if now else None, grace_until_day=grace if now else None, is_tier_paid=is_paid
        )
        spend(who, spent, at=NOW - DAY)
        if paid:
            Membership.objects.create(
                account=who, customer=who.customer, plan=plans[paid], price=1, currency="CNY",
                starts_day=TODAY, ends_day=TODAY, key="k", occurred_at=NOW, occurred_day=TODAY,
                recorded_at=NOW,
            )  # fmt: skip
    assert move_all(at=NOW).moves > 100
    before = state()
    assert move_all(at=NOW).moves == 0
    assert state() == before
    rank = {None: 0, "Bronze": 1, "Silver": 2, "Gold": 3}
    for row in PointsAccount.objects.select_related("tier"):
        of = Membership.objects.filter(account=row).values_list("plan__tier__name", flat=True).first()
        reached = 1 + (row.tier_basis >= 10_000) + (row.tier_basis >= 20_000)
        target = max(rank[of], reached)
        stands = rank[row.tier.name if row.tier else None]
        assert stands >= target
        assert (row.grace_until_day is not None) == (stands > target)
        assert row.is_tier_paid == (stands == rank[of] > reached)


def test_a_run_asks_as_many_queries_for_a_thousand_accounts_as_for_one() -> None:
    of = programme()
    tiers(of)
    counts = []
    for more in (1, 999):
        made = CustomerFactory.create_batch(more, contact=False)
        for customer in made:
            spend(make_account(customer), 10_000)
        of.tiers_as_of_day = None
        of.save()
        with CaptureQueriesContext(connection) as queries:
            assert move_all(at=NOW).moves == more
        counts.append(len(queries))
    assert counts[1] <= counts[0]


def test_chunks_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "CHUNK", 2)
    tiers(programme())
    accounts = [account() for _n in range(5)]
    for who in accounts:
        spend(who, 10_000)
    assert move_all(at=NOW) == moving.Moved(accounts=5, moves=5)
    assert {standing(who) for who in accounts} == {("Silver", None)}
    assert len(move_accounts([who.pk for who in accounts], at=NOW + 400 * DAY)) == 5


def test_whoever_moves_in_the_night_is_touched_and_nobody_else() -> None:
    tiers(programme(), {"Silver": 10_000})
    rises, stays = account(), account()
    spend(rises, 10_000)
    TouchedCustomer.objects.all().delete()
    assert move_all(at=NOW).moves == 1
    assert list(TouchedCustomer.objects.values_list("customer", "recorded_at")) == [(rises.customer_id, NOW)]
    assert moves(stays) == []
    move_all(at=NOW)
    assert TouchedCustomer.objects.count() == 1
