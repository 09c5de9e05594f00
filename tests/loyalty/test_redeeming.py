"""Taking a reward for points, how far it is, and giving it back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers.ground.models import AuditEvent, Event
from loyalty.ledger.errors import NotEnoughPoints
from loyalty.models import PointsAccount, PointsEntry, PointsLot, Programme, Redemption, Reward
from loyalty.rewards import catalogue, redeeming
from tests.factories import NOW, ContactFactory, UserFactory
from tests.loyalty.factories import earn, make_account, sums
from tests.loyalty.rewarding import make_reward, make_tier
from tests.retention.racing import race

TODAY = NOW.date().toordinal()
DAY = timedelta(days=1)


def ask(account: PointsAccount, reward: Reward, key: str = "k", **given: Any) -> Redemption:
    return redeeming.ask_reward(account, reward, key=key, **({"by": None, "at": NOW} | given))


def cancel(row: Redemption, **given: Any) -> Redemption:
    return redeeming.cancel(row, **({"reason": "Too late.", "by": None, "at": NOW} | given))


def lots_of(account: PointsAccount) -> list[tuple[int, int]]:
    return list(PointsLot.objects.filter(account=account).order_by("pk").values_list("points", "left"))


def nothing_happened(account: PointsAccount, points: int) -> bool:
    return (
        sums(account) == (points, 0, 0)
        and not Redemption.objects.exists()
        and not PointsEntry.objects.filter(kind="redeem").exists()
        and not AuditEvent.objects.filter(act="redemption.ask").exists()
    )


@pytest.mark.django_db
class TestAsking:
    def test_points_leave_and_stock_falls_in_one_act(self, account: PointsAccount) -> None:
        by, reward = UserFactory(), make_reward(points=100, stock=2)
        contact = account.customer.contacts.get()
        earn(account, 250)
        row = ask(account, reward, contact=contact, by=by)
        assert (row.state, row.points, row.contact, row.by) == ("asked", 100, contact, by)
        assert row.entry is not None
        assert (row.entry.points, row.entry.source_type, row.entry.source_id) == (-100, "redemption", row.pk)
        assert sums(account) == (150, 0, 0)
        assert Reward.objects.get().stock == 1
        noted = AuditEvent.objects.get(act="redemption.ask")
        assert (noted.customer_id, noted.codes) == (account.customer_id, {"reward": reward.pk, "points": 100})
        assert Event.objects.get(kind="redemption.asked").subject_id == row.pk

    def test_same_key_is_one_redemption_and_of_another_reward_refused(self, account: PointsAccount) -> None:
        reward, other = make_reward(stock=5), make_reward()
        earn(account, 250)
        first = ask(account, reward)
        assert ask(account, reward) == first
        assert (sums(account), Reward.objects.get(pk=reward.pk).stock) == ((150, 0, 0), 4)
        with pytest.raises(redeeming.KeyOfAnother):
            ask(account, other)
        stranger = make_account()
        earn(stranger, 100)
        assert ask(stranger, reward) != first  # the key is the account's

    def test_points_that_are_not_there_leave_stock_and_code_alone(self, account: PointsAccount) -> None:
        reward = make_reward(points=100, stock=1)
        earn(account, 99)
        with pytest.raises(NotEnoughPoints):
            ask(account, reward)
        assert nothing_happened(account, 99)
        assert Reward.objects.get().stock == 1
        earn(account, 1)
        ask(account, reward)

    def test_price_that_was_not_shown_takes_no_points(self, account: PointsAccount) -> None:
        reward = make_reward(points=100)
        earn(account, 500)
        catalogue.change_reward(reward, points=101, by=None, at=NOW)
        with pytest.raises(redeeming.RewardPrice, match="costs 101 points now"):
            ask(account, reward, price=100)
        assert nothing_happened(account, 500)
        row = ask(account, reward, price=101)
        catalogue.change_reward(reward, points=102, by=None, at=NOW)
        assert ask(account, reward, price=101) == row  # the same press again

    def test_nothing_in_stock_takes_no_points(self, account: PointsAccount) -> None:
        reward = make_reward(stock=0)
        earn(account, 100)
        with pytest.raises(redeeming.RewardGone):
            ask(account, reward)
        assert nothing_happened(account, 100)

    def test_stock_that_went_since_it_was_read_takes_no_points(
        self, account: PointsAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The conditional update alone finds it: what was read before still said one."""
        reward = make_reward(stock=1)
        earn(account, 100)
        check = redeeming._check

        def check_and_be_overtaken(*args: Any, **kwargs: Any) -> None:
            check(*args, **kwargs)
            Reward.objects.update(stock=0)

        monkeypatch.setattr(redeeming, "_check", check_and_be_overtaken)
        with pytest.raises(redeeming.RewardGone):
            ask(account, reward)
        assert nothing_happened(account, 100)

    def test_reward_is_had_from_the_threshold_of_its_tier_on(self, account: PointsAccount) -> None:
        silver, gold, ruby = (make_tier(*pair) for pair in (("silver", 100), ("gold", 200), ("ruby", 300)))
        reward = make_reward(tier=gold)
        earn(account, 500)
        for tier in (None, silver):
            PointsAccount.objects.update(tier=tier)
            with pytest.raises(redeeming.RewardForTier):
                ask(account, reward)
        assert nothing_happened(account, 500)
        for tier in (gold, ruby):
            PointsAccount.objects.update(tier=tier)
            ask(account, reward, key=tier.code)

    @pytest.mark.parametrize(
        ("days", "is_offered"),
        [
            ({}, True),
            ({"from_day": TODAY}, True),
            ({"from_day": TODAY + 1}, False),
            ({"until_day": TODAY}, True),
            ({"until_day": TODAY - 1}, False),
            ({"is_on": False}, False),
        ],
    )
    def test_reward_is_had_on_its_days_alone(
        self, account: PointsAccount, days: dict[str, Any], is_offered: bool
    ) -> None:
        reward = make_reward(**days)
        earn(account, 100)
        if is_offered:
            ask(account, reward)
        else:
            with pytest.raises(redeeming.RewardNotOffered):
                ask(account, reward)
            assert nothing_happened(account, 100)

    def test_one_customer_takes_it_so_often_and_a_cancelled_one_does_not_count(
        self, account: PointsAccount
    ) -> None:
        reward, other = make_reward(per_customer=2), make_reward(per_customer=1)
        earn(account, 1000)
        first = ask(account, reward, key="1")
        ask(account, reward, key="2")
        with pytest.raises(redeeming.RewardTaken):
            ask(account, reward, key="3")
        ask(account, other, key="4")
        cancel(first)
        ask(account, reward, key="5")
        stranger = make_account()
        earn(stranger, 100)
        ask(stranger, reward)

    def test_contact_and_reward_are_of_the_account(self, account: PointsAccount) -> None:
        earn(account, 100)
        with pytest.raises(redeeming.ContactElsewhere):
            ask(account, make_reward(), contact=ContactFactory())
        other = Programme.objects.create(code="other", name="Other", currency="CNY")
        elsewhere = catalogue.create_reward(other, code="x", name="X", points=1, is_on=True, by=None, at=NOW)
        with pytest.raises(redeeming.RewardElsewhere):
            ask(account, elsewhere)
        assert nothing_happened(account, 100)

    def test_paused_programme_still_gives_rewards_and_one_not_started_none(
        self, account: PointsAccount
    ) -> None:
        reward = make_reward()
        earn(account, 200)
        Programme.objects.update(state="paused")
        ask(account, reward)
        Programme.objects.update(state="draft")
        with pytest.raises(redeeming.ProgrammeNotLive):
            ask(account, reward, key="other")


@pytest.mark.django_db
class TestMoving:
    def test_moves_are_a_closed_list(self, account: PointsAccount) -> None:
        reward = make_reward(points=1)
        earn(account, 100)
        allowed = set()
        for was in Redemption.State.values:
            for to in Redemption.State.values:
                row = ask(account, reward, key=f"{was}{to}")
                Redemption.objects.filter(pk=row.pk).update(state=was)
                try:
                    redeeming.set_state(row, to, by=None, at=NOW)
                except redeeming.RedemptionMove:
                    continue
                if was != to:
                    allowed.add((was, to))
        assert allowed == {
            *(("asked", to) for to in ("ready", "sent", "done")),
            *(("ready", to) for to in ("sent", "done")),
            ("sent", "done"),
        }

    def test_move_keeps_words_notes_who_and_tells_once(self, account: PointsAccount) -> None:
        by = UserFactory()
        earn(account, 100)
        row = ask(account, make_reward())
        moved = redeeming.set_state(row, "sent", tracking=" SF1 ", by=by, at=NOW + DAY)
        assert (moved.state, moved.tracking, moved.changed_by) == ("sent", "SF1", by)
        assert moved.changed_at == NOW + DAY
        again = redeeming.set_state(row, "sent", note="At the gate.", by=by, at=NOW + DAY)
        assert (again.tracking, again.note) == ("SF1", "At the gate.")
        assert AuditEvent.objects.filter(act="redemption.sent").count() == 1
        assert AuditEvent.objects.get(act="redemption.change").actor_id == by.pk
        same = redeeming.set_state(row, "sent", tracking="SF1", by=None, at=NOW + 2 * DAY)
        assert (same.changed_by, same.changed_at) == (by, NOW + DAY)  # nothing changed: nobody changed it
        assert AuditEvent.objects.filter(act="redemption.change").count() == 1
        assert Event.objects.filter(kind="redemption.moved").count() == 1

    @pytest.mark.parametrize("state", ["asked", "cancelled"])
    def test_words_change_only_where_it_was_moved_to(self, account: PointsAccount, state: str) -> None:
        earn(account, 100)
        row = ask(account, make_reward())
        Redemption.objects.update(state=state)
        with pytest.raises(redeeming.RedemptionMove):
            redeeming.set_state(row, state, tracking="C3", by=None, at=NOW)
        assert Redemption.objects.get().tracking == ""


@pytest.mark.django_db
class TestCancelling:
    def test_points_go_back_into_their_lots_with_the_old_expiry(self, account: PointsAccount) -> None:
        reward = make_reward(points=120, stock=1)
        earn(account, 100, expires_day=TODAY + 5)
        earn(account, 100)
        before = list(PointsLot.objects.order_by("pk").values_list("left", "expires_day"))
        row = ask(account, reward)
        assert lots_of(account) == [(100, 0), (100, 80)]
        cancelled = cancel(row)
        assert (cancelled.state, cancelled.note) == ("cancelled", "Too late.")
        assert list(PointsLot.objects.order_by("pk").values_list("left", "expires_day")) == before
        assert (sums(account), Reward.objects.get().stock) == ((200, 0, 0), 1)
        assert cancel(row).state == "cancelled"  # again: nothing more comes back
        assert (sums(account), Reward.objects.get().stock) == ((200, 0, 0), 1)
        assert AuditEvent.objects.filter(act="redemption.cancel").count() == 1
        assert Event.objects.filter(kind="redemption.cancelled").count() == 1

    def test_what_comes_back_after_its_last_day_expires(self, account: PointsAccount) -> None:
        earn(account, 100, expires_day=TODAY + 1)
        row = ask(account, make_reward(points=100))
        cancel(row, at=NOW + 2 * DAY)
        assert sums(account) == (0, 0, 0)
        kinds = list(PointsEntry.objects.order_by("pk").values_list("kind", "points"))
        assert kinds == [("earn", 100), ("redeem", -100), ("give_back", 100), ("expire", -100)]

    def test_who_may_cancel_depends_on_how_far_it_is(self, account: PointsAccount) -> None:
        reward = make_reward(points=1, stock=100)
        earn(account, 100)
        people = {
            role: UserFactory(role=role) for role in ("account_manager", "team_lead", "admin", "analyst")
        }
        asked: dict[str, set[str]] = {}
        for name, by in {"customer": None, **people}.items():
            for state in ("asked", "ready", "sent", "done"):
                row = ask(account, reward, key=f"{name}{state}")
                Redemption.objects.filter(pk=row.pk).update(state=state)
                try:
                    cancel(row, by=by)
                except redeeming.CancelNotYours:
                    continue
                asked.setdefault(name, set()).add(state)
        assert asked == {
            "customer": {"asked", "ready"},
            "account_manager": {"asked", "ready", "sent"},
            "team_lead": {"asked", "ready", "sent", "done"},
            "admin": {"asked", "ready", "sent", "done"},
        }

    @pytest.mark.parametrize(("state", "stock"), [("asked", 5), ("ready", 5), ("sent", 4), ("done", 4)])
    def test_only_what_did_not_leave_the_shelf_goes_back_to_stock(
        self, account: PointsAccount, state: str, stock: int
    ) -> None:
        reward = make_reward(stock=5)
        earn(account, 100)
        row = ask(account, reward)
        Redemption.objects.update(state=state)
        cancel(row, by=UserFactory(role="admin"))
        assert (Reward.objects.get().stock, sums(account)) == (stock, (100, 0, 0))

    def test_colleague_says_why_and_the_customer_need_not(self, account: PointsAccount) -> None:
        earn(account, 200)
        reward = make_reward()
        row = ask(account, reward)
        with pytest.raises(redeeming.CancelReason):
            cancel(row, reason="  ", by=UserFactory())
        assert cancel(row, reason="").state == "cancelled"


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.fixture(autouse=True)
    def _programme(self, programme: Programme) -> None:
        """Everything here needs a programme."""

    def test_one_customer_does_not_take_more_than_the_limit(self) -> None:
        account, reward = make_account(), make_reward(per_customer=2)
        earn(account, 1000)
        results = race(*(lambda n=n: ask(account, reward, key=str(n)) for n in range(6)))
        assert sorted(type(one).__name__ for one in results) == ["Redemption"] * 2 + ["RewardTaken"] * 4
        assert sums(account) == (800, 0, 0)

    def test_one_key_is_one_redemption(self) -> None:
        account, reward = make_account(), make_reward(stock=9)
        earn(account, 1000)
        results = race(*(lambda: ask(account, reward) for _n in range(6)))
        assert len({one.pk for one in results}) == 1
        assert (sums(account), Reward.objects.get().stock) == ((900, 0, 0), 8)

    def test_cancelled_twice_gives_back_once(self) -> None:
        account, reward = make_account(), make_reward(stock=1)
        earn(account, 100)
        row = ask(account, reward)
        results = race(*(lambda: cancel(row) for _n in range(4)))
        assert {one.state for one in results} == {"cancelled"}
        assert (sums(account), Reward.objects.get().stock) == ((100, 0, 0), 1)

    def test_last_items_go_to_as_many_as_there_are(self) -> None:
        reward = make_reward(stock=2)
        accounts = [make_account() for _n in range(8)]
        for account in accounts:
            earn(account, 100)
        results = race(*(lambda one=account: ask(one, reward) for account in accounts))
        assert sorted(type(one).__name__ for one in results) == ["Redemption"] * 2 + ["RewardGone"] * 6
        assert Reward.objects.get().stock == 0
        assert sum(sums(account)[0] for account in accounts) == 600
