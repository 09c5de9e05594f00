"""The catalogue of rewards, its stock, and the codes that are given out."""

from __future__ import annotations

from typing import Any

import pytest

from customers.ground.models import AuditEvent
from loyalty.models import Redemption, Reward, RewardCode
from loyalty.rewards import catalogue, codes, redeeming
from tests.factories import NOW, UserFactory
from tests.loyalty.factories import ProgrammeFactory, earn, make_account
from tests.loyalty.rewarding import make_reward, make_tier

pytestmark = pytest.mark.django_db
TODAY = NOW.date().toordinal()  # 11 May, also in the company's zone


@pytest.fixture(autouse=True)
def _company(company: Any) -> None:
    """Everything here needs a company and a programme."""
    ProgrammeFactory()


def acts() -> list[tuple[str, dict[str, Any]]]:
    found = AuditEvent.objects.filter(act__startswith="reward.").order_by("pk")
    return list(found.values_list("act", "codes"))


def test_reward_is_made_changed_offered_and_retired_and_each_act_is_noted() -> None:
    by = UserFactory(role="admin")
    made = make_reward(code="tin", points=500, stock=2, is_on=False, by=by)
    assert (made.kind, made.stock, made.is_on) == ("goods", 2, False)
    changed = catalogue.change_reward(made, name=" Tin of tea ", points=500, by=by, at=NOW)
    assert (changed.name, changed.points) == ("Tin of tea", 500)
    catalogue.change_reward(made, points=500, by=by, at=NOW)  # nothing changes
    assert catalogue.offer_reward(made, by=by, at=NOW).is_on
    assert catalogue.offer_reward(made, by=by, at=NOW).is_on
    assert not catalogue.retire_reward(made, by=by, at=NOW).is_on
    assert [act for act, _codes in acts()] == [
        *("reward.create", "reward.change", "reward.offer", "reward.retire"),
    ]
    assert acts()[1][1] == {"changed": ["name"], "points": 500}
    assert set(AuditEvent.objects.filter(act__startswith="reward.").values_list("actor_id", flat=True)) == {
        by.pk
    }


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"code": "known"}, catalogue.RewardCodeTaken),
        ({"name": "  "}, catalogue.RewardUnnamed),
        ({"points": 0}, catalogue.RewardFree),
        ({"points": catalogue.MOST_POINTS + 1}, catalogue.RewardFree),
        ({"from_day": TODAY, "until_day": TODAY - 1}, catalogue.RewardDays),
        ({"per_customer": 0}, catalogue.RewardLimit),
        ({"stock": -1}, catalogue.StockRefused),
        ({"kind": "code", "stock": 3}, catalogue.StockOfCodes),
    ],
)
def test_what_no_reward_can_be_is_refused(wrong: dict[str, Any], refusal: Any) -> None:
    make_reward(code="known")
    with pytest.raises(refusal):
        make_reward(**wrong)
    assert Reward.objects.count() == 1
    fine = {"points": catalogue.MOST_POINTS, "from_day": TODAY, "until_day": TODAY, "per_customer": 1}
    make_reward(code="unknown", **fine)  # each of them just not wrong


def test_tier_of_reward_is_one_of_its_programme_that_stands() -> None:
    other = make_tier("gone", 5, programme=ProgrammeFactory(state="draft"))
    retired = make_tier("old", 7, is_retired=True)
    for tier in (other, retired):
        with pytest.raises(catalogue.RewardTier):
            make_reward(tier=tier)
    assert make_reward(tier=make_tier("gold", 9)).tier is not None


def test_stock_is_added_taken_and_never_below_zero() -> None:
    reward = make_reward(stock=3)
    assert catalogue.add_stock(reward, -3, by=None, at=NOW).stock == 0
    with pytest.raises(catalogue.StockRefused):
        catalogue.add_stock(reward, -1, by=None, at=NOW)
    assert catalogue.add_stock(reward, 5, by=None, at=NOW).stock == 5
    assert catalogue.stop_counting(reward, by=None, at=NOW).stock is None
    assert catalogue.add_stock(reward, 2, by=None, at=NOW).stock == 2  # counted from now on
    assert [codes_ for act, codes_ in acts() if act == "reward.stock"] == [
        {"added": -3, "stock": 0},
        {"added": 5, "stock": 5},
        {"stock": None},
        {"added": 2, "stock": 2},
    ]
    of_codes = make_reward(kind="code", stock=None)
    with pytest.raises(catalogue.StockOfCodes):
        catalogue.add_stock(of_codes, 1, by=None, at=NOW)
    with pytest.raises(catalogue.StockOfCodes):
        catalogue.stop_counting(of_codes, by=None, at=NOW)


def test_account_sees_what_is_offered_on_the_day_from_its_tier_on() -> None:
    silver, gold = make_tier("silver", 100), make_tier("gold", 200)
    seen = {
        "always": make_reward(),
        "today": make_reward(from_day=TODAY, until_day=TODAY),
        "silver": make_reward(tier=silver),
    }
    make_reward(is_on=False)
    make_reward(from_day=TODAY + 1)
    make_reward(until_day=TODAY - 1)
    make_reward(tier=gold)
    account = make_account()
    assert set(catalogue.offered_to(account, at=NOW)) == {seen["always"], seen["today"]}
    account.tier = silver
    assert set(catalogue.offered_to(account, at=NOW)) == set(seen.values())


def test_codes_are_added_once_and_those_that_stand_are_named() -> None:
    reward = make_reward(kind="code", stock=None)
    added = codes.add_codes(reward, "\ufeffcode,note\nA-1,first\n\n A-2 \r\nA-1\n", by=None, at=NOW)
    assert (added.new, added.known) == (2, [])
    assert added.twice == [codes.Line(5, "A-1")]
    assert reward.stock == 2
    again = codes.add_codes(reward, "A-2\nA-3", by=None, at=NOW)
    assert (again.new, again.known, again.twice) == (1, [codes.Line(1, "A-2")], [])
    assert list(RewardCode.objects.order_by("secret").values_list("secret", flat=True)) == [
        "A-1",
        "A-2",
        "A-3",
    ]
    assert reward.stock == 3
    nothing = codes.add_codes(reward, "A-1", by=None, at=NOW)
    assert (nothing.new, reward.stock) == (0, 3)
    noted = [said for act, said in acts() if act == "reward.codes"]
    assert noted == [{"added": 2, "known": 0, "twice": 1}, {"added": 1, "known": 1, "twice": 0}]
    other = make_reward(kind="code", stock=None)
    assert codes.add_codes(other, "A-1", by=None, at=NOW).new == 1  # of another reward


@pytest.mark.parametrize(
    ("text", "refusal", "says"),
    [
        ("", codes.CodesMissing, "no code"),
        ("code\n\n", codes.CodesMissing, "no code"),
        ("A\n" + "x" * 101, codes.CodeRefused, "Line 2"),
        ("A\nB\x07", codes.CodeRefused, "Line 2"),
        ("\n".join(f"C{n}" for n in range(codes.MOST + 1)), codes.TooManyCodes, "20,001"),
    ],
)
def test_text_without_good_codes_is_refused_whole(text: str, refusal: Any, says: str) -> None:
    reward = make_reward(kind="code", stock=None)
    with pytest.raises(refusal, match=says):
        codes.add_codes(reward, text, by=None, at=NOW)
    assert not RewardCode.objects.exists()
    assert codes.add_codes(reward, "y" * 100, by=None, at=NOW).new == 1


def test_reward_that_is_no_code_takes_none() -> None:
    with pytest.raises(codes.NoCodesHere):
        codes.add_codes(make_reward(), "A", by=None, at=NOW)


def test_code_is_given_out_once_in_order_and_void_after_cancelling() -> None:
    lead = UserFactory(role="team_lead")
    reward = make_reward(kind="code", stock=None, points=10)
    codes.add_codes(reward, "A\nB", by=None, at=NOW)
    account = make_account()
    earn(account, 100)

    def ask(key: str) -> Redemption:
        return redeeming.ask_reward(account, reward, key=key, by=lead, at=NOW)

    first, second = ask("1"), ask("2")
    assert codes.codes_of([first, second]) == {first.pk: "A", second.pk: "B"}
    assert (first.state, Reward.objects.get().stock) == ("done", 0)
    with pytest.raises(redeeming.RewardGone):
        ask("3")
    redeeming.cancel(first, reason="Not readable.", by=lead, at=NOW)
    assert codes.codes_of([first, second]) == {second.pk: "B"}
    assert Reward.objects.get().stock == 0  # void: not free again
    with pytest.raises(redeeming.RewardGone):
        ask("4")
    assert Redemption.objects.count() == 2
