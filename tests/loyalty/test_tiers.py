"""What counts for tiers, which tier it reaches, and how they are edited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from customers.ground.models import AuditEvent
from loyalty.ledger import adjusting, earning
from loyalty.models import PointsAccount, Tier, TierBenefit
from loyalty.rewards import catalogue
from loyalty.tiers import editing, move_account, move_all
from loyalty.tiers.progress import progress_of
from tests.factories import NOW
from tests.loyalty.factories import earn, redeem
from tests.loyalty.rewarding import make_reward
from tests.loyalty.tiering import account, moves, programme, spend, standing, tiers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
DAY = timedelta(days=1)

# ERPNext, loyalty_program/test_loyalty_program.py (GPL-3.0): what a customer spent before and now, and
# the tier by it; the last two are the thresholds themselves, which its issue 22167 was about.
ERPNEXT = {
    "L30": (0, 6_000, "Bronze"),
    "L31": (0, 15_000, "Silver"),
    "L32": (0, 25_000, "Gold"),
    "L33": (4_000, 500, "Bronze"),
    "L34": (8_000, 3_000, "Silver"),
    "L35": (18_000, 3_000, "Gold"),
    "L36": (22_000, 5_000, "Gold"),
    "L37 Silver": (0, 10_000, "Silver"),
    "L37 Gold": (0, 20_000, "Gold"),
    "one below Silver": (0, 9_999, "Bronze"),
    "one below Gold": (0, 19_999, "Silver"),
}


def basis(who: PointsAccount) -> int:
    return PointsAccount.objects.values_list("tier_basis", flat=True).get(pk=who.pk)


def counted(who: PointsAccount, *, at: datetime = NOW) -> int:
    move_account(who, at)
    return who.tier_basis


@pytest.mark.parametrize("case", ERPNEXT)
def test_the_tier_by_what_was_spent_agrees_with_erpnext(case: str) -> None:
    before, now, expected = ERPNEXT[case]
    tiers(programme())
    who = account()
    if before:
        spend(who, before, at=NOW - 20 * DAY)
        move_all(at=NOW - 19 * DAY)
    spend(who, now)
    move_account(who, NOW)
    assert (standing(who), basis(who)) == ((expected, None), before + now)


# --- What counts ------------------------------------------------------------------------------
def test_money_counts_net_of_returns_without_void_and_cancelled_orders() -> None:
    tiers(programme())
    who = account()
    spend(who, 12_000)
    spend(who, -2_500)
    spend(who, 90_000, void=True)
    spend(who, 90_000, status="cancelled")
    spend(account(), 90_000)  # somebody else's
    assert counted(who) == 9_500
    assert standing(who) == ("Bronze", None)


def test_more_returned_than_bought_counts_as_nothing() -> None:
    tiers(programme())
    who = account()
    spend(who, -500)
    assert (counted(who), standing(who)) == (0, ("Bronze", None))


def test_points_earned_count_pending_ones_too_less_what_was_taken_back_and_not_what_was_used() -> None:
    tiers(programme(tier_basis="points", pending_days=14))
    who = account()
    earn(who, 10_000, at=NOW - 20 * DAY, usable_day=NOW.toordinal() - 20)
    entry = earn(who, 500, source=("order", 7))
    spend(who, 90_000)  # money does not count here
    redeem(who, 4_000)
    assert counted(who) == 10_500
    earning.take_back(entry, points=500, source=("order", 8), occurred_at=NOW, detail={}, by=None, at=NOW)
    assert counted(who) == 10_000
    assert standing(who) == ("Silver", None)


@pytest.mark.parametrize(
    ("kind", "expected"), [("opening", 10_000), ("recovery", 10_000), ("adjust", 10_000), ("earn", 10_000)]
)
def test_reversing_what_never_counted_lowers_nothing(kind: str, expected: int) -> None:
    tiers(programme(tier_basis="points"))
    who = account()
    earn(who, 10_000, at=NOW - DAY)
    entry = earn(who, 5_000, at=NOW - DAY, kind=kind)
    assert counted(who) == (15_000 if kind == "earn" else 10_000)
    adjusting.reverse_entry(entry, reason="Wrong.", key="r", by=None, at=NOW)
    assert counted(who) == expected
    assert progress_of(who, at=NOW).basis == expected
    assert standing(who) == ("Silver", None)


@pytest.mark.parametrize("kind", ["gift", "opening"])
def test_what_was_not_earned_counts_for_no_tier_nor_when_it_is_taken_back(kind: str) -> None:
    programme(tier_basis="points")
    who = account()
    earn(who, 100)
    given = earn(who, 50, kind=kind, source=("care", 1))
    assert counted(who) == 100
    adjusting.reverse_entry(given, reason="wrong", key="r", by=None, at=NOW)
    assert counted(who) == 100


def test_what_happens_or_is_known_later_does_not_count_yet() -> None:
    tiers(programme())
    who = account()
    spend(who, 1_000, at=NOW + timedelta(seconds=1))
    spend(who, 2_000, at=NOW - DAY, recorded_at=NOW + timedelta(seconds=1))
    spend(who, 4_000)
    assert counted(who) == 4_000
    assert counted(who, at=NOW + timedelta(seconds=1)) == 7_000


# --- Windows ----------------------------------------------------------------------------------
@pytest.mark.parametrize(("back", "expected"), [(364, 300), (365, 0)])
def test_the_last_days_end_with_today(back: int, expected: int) -> None:
    tiers(programme(tier_window_days=365))
    who = account()
    spend(who, 300, at=NOW - back * DAY)
    assert counted(who) == expected


@pytest.mark.parametrize(
    ("bought", "at", "expected"),
    [
        # midnight in Shanghai is 16:00 UTC of the day before
        (datetime(2025, 12, 31, 15, 59, tzinfo=UTC), datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC), 300),
        (datetime(2025, 12, 31, 15, 59, tzinfo=UTC), datetime(2025, 12, 31, 16, 0, tzinfo=UTC), 0),
        (datetime(2025, 12, 31, 16, 0, tzinfo=UTC), datetime(2026, 12, 31, 15, 59, tzinfo=UTC), 300),
        (datetime(2025, 12, 31, 16, 0, tzinfo=UTC), datetime(2026, 12, 31, 16, 0, tzinfo=UTC), 0),
    ],
)
def test_a_calendar_year_is_that_of_the_company_s_zone(bought: Any, at: Any, expected: int) -> None:
    tiers(programme(tier_window="calendar"))
    who = account(at=bought)
    spend(who, 300, at=bought)
    assert counted(who, at=at) == expected


def test_over_a_lifetime_everything_counts() -> None:
    tiers(programme(tier_window="lifetime"))
    who = account()
    spend(who, 300, at=NOW - 5000 * DAY)
    assert counted(who) == 300


# --- Editing ----------------------------------------------------------------------------------
def make(of: Any, **values: Any) -> Any:
    said = {"code": "gold", "name": "Gold", "name_alt": "金卡", "threshold": 100, "by": None, "at": NOW}
    return editing.create_tier(of, **(said | values))


def test_a_tier_is_made_changed_and_retired_with_its_trace(admin: Any) -> None:
    of = programme()
    tier = make(of, by=admin, name="  Gold   card ", multiplier_bp=15_000)
    assert (tier.name, tier.name_alt, tier.threshold, tier.multiplier_bp) == (
        "Gold card",
        "金卡",
        100,
        15_000,
    )
    editing.change_tier(tier, name="Gold", threshold=200, multiplier_bp=15_000, by=admin, at=NOW)
    editing.change_tier(tier, name="Gold", threshold=200, multiplier_bp=15_000, by=admin, at=NOW)
    benefit = editing.create_benefit(tier, kind="training", name="Course", a_year=2, by=admin, at=NOW)
    editing.retire_tier(tier, by=admin, at=NOW)
    editing.retire_tier(tier, by=admin, at=NOW)
    tier.refresh_from_db()
    assert (tier.threshold, tier.name_alt, tier.is_retired) == (200, "", True)
    assert TierBenefit.objects.get(pk=benefit.pk).is_retired
    acts = list(AuditEvent.objects.order_by("pk").values_list("act", "actor_id", "codes"))
    assert [(act, actor) for act, actor, _codes in acts] == [
        (act, admin.pk) for act in ("tier.create", "tier.change", "benefit.create", "tier.retire")
    ]
    assert acts[1][2] == {
        "code": "gold",
        "threshold": 200,
        "multiplier_bp": 15_000,
        "threshold_before": 100,
    }


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        ({"code": "silver"}, editing.CodeRefused),
        ({"code": "gold card"}, editing.CodeRefused),
        ({"code": ""}, editing.CodeRefused),
        ({"code": "g" * 41}, editing.CodeRefused),
        ({"name": "  "}, editing.NoName),
        ({"name": "g" * 61}, editing.NoName),
        ({"name_alt": "金" * 61}, editing.NoName),
        ({"threshold": 50}, editing.DuplicateThreshold),
        ({"threshold": -1}, editing.ThresholdRefused),
        ({"threshold": 2**63}, editing.ThresholdRefused),
        ({"multiplier_bp": -1}, editing.MultiplierRefused),
        ({"multiplier_bp": 1_000_001}, editing.MultiplierRefused),
    ],
)
def test_a_tier_that_cannot_be_is_refused(values: dict[str, Any], refused: type[Exception]) -> None:
    of = programme()
    make(of, code="silver", name="Silver", threshold=50)
    with pytest.raises(refused):
        make(of, **values)
    assert of.tiers.count() == 1


def test_no_tier_takes_the_threshold_of_another_but_that_of_a_retired_one() -> None:
    of = programme()
    silver, gold = make(of, code="silver", name="Silver", threshold=50), make(of)
    with pytest.raises(editing.DuplicateThreshold, match="Silver"):
        editing.change_tier(gold, name="Gold", threshold=50, multiplier_bp=10_000, by=None, at=NOW)
    editing.retire_tier(silver, by=None, at=NOW)
    editing.change_tier(gold, name="Gold", threshold=50, multiplier_bp=10_000, by=None, at=NOW)
    with pytest.raises(editing.TierRetired):
        editing.change_tier(silver, name="S", threshold=70, multiplier_bp=10_000, by=None, at=NOW)
    with pytest.raises(editing.TierRetired):
        editing.create_benefit(silver, kind="gift", name="Tea", by=None, at=NOW)


def test_a_tier_that_an_offered_reward_asks_for_is_not_retired(company: Any) -> None:
    of = programme()
    tier = make(of)
    reward = make_reward(tier=tier, name="Tea cup")
    with pytest.raises(editing.TierOfReward, match="Tea cup"):
        editing.retire_tier(tier, by=None, at=NOW)
    assert not Tier.objects.get().is_retired
    catalogue.retire_reward(reward, by=None, at=NOW)
    editing.retire_tier(tier, by=None, at=NOW)
    assert Tier.objects.get().is_retired


def test_there_are_at_most_twenty_tiers() -> None:
    of = programme()
    for n in range(editing.MOST_TIERS):
        make(of, code=f"t{n}", threshold=n)
    with pytest.raises(editing.TooManyTiers):
        make(of, code="one-more", threshold=99)
    editing.retire_tier(of.tiers.first(), by=None, at=NOW)
    make(of, code="one-more", threshold=99)


def test_the_lowest_tier_need_not_begin_at_nothing() -> None:
    of = programme()
    make(of, threshold=100)
    below, at_it = account(), account()
    spend(below, 99)
    spend(at_it, 100)
    move_all(at=NOW)
    assert (standing(below), standing(at_it)) == ((None, None), ("Gold", None))
    assert moves(below) == []
