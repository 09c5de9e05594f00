"""What outlasts a merge of customers: keys, names in other systems, whose points came back meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from customers import merges
from customers.merges.undoing import MergeStandsFast
from customers.models import Customer, Merge
from loyalty import landing
from loyalty.ledger import accounts, adjusting, earning, earning_many, recovery, redeeming, sealing
from loyalty.ledger.earning_many import Earning
from loyalty.models import (
    MembershipPlan,
    PointsAccount,
    PointsEntry,
    Programme,
    Reward,
    Tier,
    TierBenefit,
)
from loyalty.rewards import redeeming as rewards
from loyalty.tiers import benefits, membership
from tests.factories import NOW, day
from tests.loyalty.factories import earn, make_account, redeem, sums
from tests.loyalty.rewarding import make_reward, make_tier

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
LATER = NOW + DAY
Pair = tuple[PointsAccount, PointsAccount]


@pytest.fixture
def pair(programme: Programme) -> Pair:
    """The account that survives, and the one whose customer is merged into the other."""
    return make_account(), make_account()


def merge(survivor: PointsAccount, other: PointsAccount) -> Merge:
    kept, gone = (Customer.objects.get(pk=one.customer_id) for one in (survivor, other))
    return merges.merge_customers(kept, gone, reason="The same.", by=None, at=LATER)


def undo(made: Merge) -> None:
    merges.undo_merge(made, by=None, at=NOW + 2 * DAY)


def is_whole() -> bool:
    check = sealing.verify(at=NOW)
    assert check.findings == []
    return not check.damaged


# --- Keys --------------------------------------------------------------------------------------------
def _earn(account: PointsAccount) -> int:
    return earn(account, 100, key="k").pk


def _earn_many(account: PointsAccount) -> None:
    earning_many.earn_many([Earning(account, 100, NOW, key="k")], by=None, at=NOW)


def _redeem_all(account: PointsAccount) -> int:
    return redeem(account, 500, key="k").pk


def _take_back(account: PointsAccount) -> int:
    entry = PointsEntry.objects.get(key="first")
    taken = earning.take_back(
        entry, points=100, source=None, key="k", occurred_at=NOW, detail={}, by=None, at=NOW
    )
    assert taken is not None
    return taken.pk


def _adjust(account: PointsAccount) -> int:
    return adjusting.adjust(account, points=9, reason="Sorry.", key="k", by=None, at=NOW).pk


def _recover(account: PointsAccount) -> int:
    source = ("case_points", PointsEntry.objects.count())  # another step of the case each time
    return recovery.grant_recovery(
        account, points=300, source=source, reason="Late.", key="k", by=None, at=NOW
    ).pk


def _ask(account: PointsAccount) -> int:
    return rewards.ask_reward(account, make_reward_once(), key="k", by=None, at=NOW).pk


def _use_benefit(account: PointsAccount) -> int:
    gold = make_tier_once()
    PointsAccount.objects.filter(pk=account.pk).update(tier=gold)
    benefit, _made = TierBenefit.objects.get_or_create(tier=gold, name="Training", kind="training", a_year=9)
    return benefits.use_benefit(account, benefit, key="k", by=None, at=LATER).pk


def _sell(account: PointsAccount) -> int:
    plan = MembershipPlan.objects.first()
    if plan is None:
        plan = membership.create_plan(
            accounts.running(), code="plus", name="Plus", price=9_900, months=1, tier=None, by=None, at=NOW
        )
    return membership.sell(account, plan, key="k", by=None, at=LATER).pk


def _api(account: PointsAccount) -> int:
    return landing.earn_once(
        account, points=50, source="till", external_id="x1", occurred_at=NOW, by=None, at=LATER
    ).pk


def make_reward_once() -> Reward:
    return Reward.objects.first() or make_reward()


def make_tier_once() -> Tier:
    return Tier.objects.first() or make_tier("gold", 0)


ACTS = [_earn, _earn_many, _redeem_all, _take_back, _adjust, _recover, _ask, _use_benefit, _sell, _api]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("is_chain", [False, True])
def test_what_was_asked_before_a_merge_is_not_done_again_after_it(
    pair: Pair, programme: Programme, act: Callable[[PointsAccount], Any], is_chain: bool
) -> None:
    Programme.objects.filter(pk=programme.pk).update(recovery_limit=300)
    own, other = pair
    earn(other, 500, key="first")
    first = act(other)
    had = sums(other)
    merge(own, other)
    if is_chain:
        between, own = own, make_account()
        merge(own, between)
    assert sums(own) == had

    again = act(accounts.account_for(other.customer_id, at=LATER))

    assert again == first
    assert sums(own) == had
    assert is_whole()


def test_a_key_of_the_survivor_is_its_own_although_the_stub_used_it_too(pair: Pair) -> None:
    own, other = pair
    theirs = earn(other, 5, key="a")
    mine = earn(own, 7, key="a")
    assert theirs.pk < mine.pk
    merge(own, other)
    assert earn(own, 7, key="a") == mine
    assert sums(own) == (12, 0, 0)


def test_a_key_that_nobody_used_is_done_after_a_merge(pair: Pair) -> None:
    own, other = pair
    earn(other, 5, key="a")
    earn(make_account(), 5, key="b")  # of somebody else
    merge(own, other)
    earn(own, 7, key="b")
    earning_many.earn_many([Earning(other, 1, NOW, key="c"), Earning(own, 2, NOW, key="a")], by=None, at=NOW)
    assert sums(own) == (13, 0, 0)


def test_the_id_of_a_source_still_stands_for_other_points_of_another_customer(pair: Pair) -> None:
    _api(pair[1])
    merge(*pair)
    with pytest.raises(landing.ReferenceTaken):
        _api(make_account())


# --- Points that came back while the two were one ----------------------------------------------------
@pytest.mark.parametrize("left", [0, 40])
def test_a_reward_cancelled_while_merged_goes_back_when_the_merge_does(pair: Pair, left: int) -> None:
    own, other = pair
    earn(own, 7)
    earn(other, 100 + left, expires_day=day(NOW) + 20)
    taken = rewards.ask_reward(other, make_reward(), key="r", by=None, at=NOW)
    made = merge(own, other)
    rewards.cancel(taken, reason="", by=None, at=LATER)
    assert (sums(own), sums(other)) == ((107 + left, 0, 0), (0, 0, 0))

    undo(made)

    assert (sums(own), sums(other)) == ((7, 0, 0), (100 + left, 0, 0))
    lot = other.lots.get()
    assert (lot.left, lot.expires_day) == (100 + left, day(NOW) + 20)
    taken.refresh_from_db()
    assert taken.customer_id == other.customer_id
    assert is_whole()


def test_points_that_came_back_while_merged_and_were_used_let_the_merge_stand(pair: Pair) -> None:
    own, other = pair
    earn(other, 100)
    used = redeem(other, 100)
    made = merge(own, other)
    redeeming.give_back(used, source=None, by=None, at=LATER)
    redeem(own, 1, at=LATER)
    with pytest.raises(MergeStandsFast):
        undo(made)
    assert (sums(own), sums(other)) == ((99, 0, 0), (0, 0, 0))


def test_what_is_owed_for_an_earning_of_the_stub_goes_back_with_it(pair: Pair, programme: Programme) -> None:
    Programme.objects.filter(pk=programme.pk).update(on_spent_return="debt")
    own, other = pair
    entry = earn(other, 30)
    mine = earn(own, 20)
    redeem(other, 30)
    redeem(own, 20)
    made = merge(own, other)
    for one in (entry, mine):
        earning.take_back(one, points=one.points, source=None, occurred_at=NOW, detail={}, by=None, at=LATER)
    assert (sums(own), sums(other)) == ((0, 0, 50), (0, 0, 0))
    undo(made)
    assert (sums(own), sums(other)) == ((0, 0, 20), (0, 0, 30))
    undo(merge(own, other))  # counted once
    assert (sums(own), sums(other)) == ((0, 0, 20), (0, 0, 30))
    assert is_whole()


def test_a_reward_cancelled_after_two_merges_goes_back_merge_by_merge(pair: Pair) -> None:
    between, first = pair
    last = make_account()
    earn(first, 100)
    used = redeem(first, 60)
    one, two = merge(between, first), merge(last, between)
    redeeming.give_back(used, source=None, by=None, at=LATER)
    assert [sums(account)[0] for account in (first, between, last)] == [0, 0, 100]
    undo(two)
    assert [sums(account)[0] for account in (first, between, last)] == [0, 100, 0]
    undo(one)
    assert [sums(account)[0] for account in (first, between, last)] == [100, 0, 0]
    assert is_whole()
