"""The verbs of the ledger: what each does to sums, lots and allocations, and what it refuses."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from loyalty.ledger import accounts, earning, expiring, redeeming
from loyalty.ledger.errors import MoreThanMoved, NoPoints, NotEnoughPoints, PointsSpent
from loyalty.models import LotAllocation, PointsAccount, PointsEntry, PointsLot, Programme
from tests.factories import NOW, ago, day
from tests.loyalty.factories import ProgrammeFactory, earn, make_account, redeem, sums

DAY = timedelta(days=1)


def lots_of(account: PointsAccount) -> list[tuple[int, int, bool]]:
    rows = PointsLot.objects.filter(account=account).order_by("pk")
    return [(lot.points, lot.left, lot.is_pending) for lot in rows]


def taken_by(entry: PointsEntry | None) -> list[tuple[int, int]]:
    """Return the points of the lots that an entry took from, and how much it took."""
    rows = LotAllocation.objects.filter(entry=entry).order_by("pk")
    return list(rows.values_list("lot__points", "points"))


def set_up(programme: Programme, **values: object) -> None:
    Programme.objects.filter(pk=programme.pk).update(**values)
    programme.refresh_from_db()


def test_an_earning_makes_a_lot_with_its_days(account: PointsAccount) -> None:
    entry = earn(account, 100, source=("order", 12))

    lot = PointsLot.objects.get()
    assert (entry.points, entry.pending, entry.debt) == (100, 0, 0)
    assert (lot.points, lot.left, lot.entry_id, lot.is_pending) == (100, 100, entry.pk, False)
    assert (lot.earned_day, lot.usable_day) == (day(NOW), day(NOW))
    assert lot.expires_day == date(2027, 5, 11).toordinal()
    assert sums(account) == (100, 0, 0)


def test_the_same_source_or_key_earns_once(account: PointsAccount) -> None:
    first = earn(account, 100, source=("order", 12), key="a")

    assert earn(account, 70, source=("order", 12), key="b") == first
    assert earn(account, 70, source=("order", 13), key="a") == first
    assert sums(account) == (100, 0, 0)
    assert PointsLot.objects.count() == 1
    assert earn(account, 1, source=("order", 13), key="c") != first
    assert earn(account, 1, source=("response", 12)) != first
    assert earn(account, 1, source=("order", 12), kind="recovery") != first


@pytest.mark.parametrize("points", [0, -5])
def test_nothing_is_earned_or_used_of_no_points(account: PointsAccount, points: int) -> None:
    with pytest.raises(NoPoints):
        earn(account, points)
    with pytest.raises(NoPoints):
        redeem(account, points)
    assert not PointsEntry.objects.exists()


def test_redeeming_takes_what_expires_first_and_what_never_does_last(account: PointsAccount) -> None:
    earn(account, 30, expires_day=None)
    earn(account, 20, expires_day=day(NOW) + 50)
    earn(account, 10, expires_day=day(NOW) + 5)

    entry = redeem(account, 35)

    assert taken_by(entry) == [(10, -10), (20, -20), (30, -5)]
    assert lots_of(account) == [(30, 25, False), (20, 0, False), (10, 0, False)]
    assert sums(account) == (25, 0, 0)


def test_many_small_lots_are_used_together(account: PointsAccount) -> None:
    for _number in range(25):
        earn(account, 2)

    assert len(taken_by(redeem(account, 49))) == 25
    assert sums(account) == (1, 0, 0)


def test_more_than_there_is_is_refused_and_nothing_is_taken(account: PointsAccount) -> None:
    earn(account, 100)

    with pytest.raises(NotEnoughPoints) as refused:
        redeem(account, 101)

    assert (refused.value.have, refused.value.wanted) == (100, 101)
    assert sums(account) == (100, 0, 0)
    assert PointsEntry.objects.count() == 1
    redeem(account, 100)
    assert sums(account) == (0, 0, 0)


def test_the_same_key_redeems_once_even_when_nothing_is_left(account: PointsAccount) -> None:
    earn(account, 100)
    first = redeem(account, 60, key="k", source=("redemption", 1))

    assert redeem(account, 60, key="k") == first
    assert redeem(account, 30, key="other", source=("redemption", 1)) == first
    assert redeem(account, 10, key="k") == first
    assert sums(account) == (40, 0, 0)
    assert lots_of(account) == [(100, 40, False)]


def test_points_are_used_through_their_last_day_and_not_a_second_longer(account: PointsAccount) -> None:
    """The last day ends at midnight of the company's zone: 16:00 UTC."""
    last = day(NOW) + 3
    earn(account, 100, expires_day=last)
    midnight = datetime.fromordinal(last).replace(tzinfo=UTC) + timedelta(hours=16)

    redeem(account, 10, at=midnight - timedelta(seconds=1))
    with pytest.raises(NotEnoughPoints) as refused:
        redeem(account, 10, at=midnight + timedelta(seconds=1))

    assert refused.value.have == 0
    assert expiring.expire_due(account, at=midnight) == 90
    entry = PointsEntry.objects.get(kind="expire")
    assert (entry.points, entry.occurred_at, entry.occurred_day) == (-90, midnight, last + 1)
    assert taken_by(entry) == [(100, -90)]
    assert sums(account) == (0, 0, 0)
    assert expiring.expire_due(account, at=midnight) == 0


def test_a_redemption_expires_what_is_due_and_uses_the_rest(account: PointsAccount) -> None:
    earn(account, 100, expires_day=day(NOW))
    earn(account, 50, expires_day=day(NOW) + 1)

    entry = redeem(account, 20, at=NOW + DAY)

    assert taken_by(entry) == [(50, -20)]
    assert sums(account) == (30, 0, 0)
    assert PointsEntry.objects.get(kind="expire").points == -100


def test_points_wait_through_the_return_window(account: PointsAccount, programme: Programme) -> None:
    set_up(programme, pending_days=7)
    account.programme = programme
    entry = earn(account, 100)

    assert (entry.points, entry.pending) == (0, 100)
    assert sums(account) == (0, 100, 0)
    with pytest.raises(NotEnoughPoints):
        redeem(account, 1, at=NOW + 6 * DAY)
    assert expiring.release_due(account, at=NOW + 6 * DAY) == 0
    redeem(account, 1, at=NOW + 7 * DAY)
    assert sums(account) == (99, 0, 0)
    assert expiring.release_due(account, at=NOW + 8 * DAY) == 0
    release = PointsEntry.objects.get(kind="release")
    assert (release.points, release.pending, release.occurred_day) == (100, -100, day(NOW) + 7)


def test_what_was_earned_longer_ago_than_the_window_is_usable_at_once(
    account: PointsAccount, programme: Programme
) -> None:
    set_up(programme, pending_days=7)
    account.programme = programme
    earn(account, 100, occurred_at=NOW - 7 * DAY)
    earn(account, 10, occurred_at=NOW - 6 * DAY)
    assert sums(account) == (100, 10, 0)


def test_points_never_expire_before_they_can_be_used(account: PointsAccount) -> None:
    earn(account, 100, usable_day=day(NOW) + 60, expires_day=day(NOW) + 30)
    assert PointsLot.objects.get().expires_day == day(NOW) + 60


def test_a_cancelled_redemption_goes_back_into_its_lots_with_their_days(account: PointsAccount) -> None:
    earn(account, 10, expires_day=day(NOW) + 5)
    earn(account, 20, expires_day=day(NOW) + 50)
    entry = redeem(account, 25)

    back = redeeming.give_back(entry, points=16, source=None, by=None, at=NOW)
    assert taken_by(back) == [(20, 15), (10, 1)]
    rest = redeeming.give_back(entry, source=None, by=None, at=NOW)
    assert taken_by(rest) == [(10, 9)]
    assert lots_of(account) == [(10, 10, False), (20, 20, False)]
    assert sums(account) == (30, 0, 0)
    with pytest.raises(MoreThanMoved):
        redeeming.give_back(entry, source=None, by=None, at=NOW)


def test_a_cancellation_is_given_back_once(account: PointsAccount) -> None:
    earn(account, 100)
    entry = redeem(account, 50)
    first = redeeming.give_back(entry, points=20, source=("redemption", 1), key="k", by=None, at=NOW)

    assert redeeming.give_back(entry, points=20, source=("redemption", 1), by=None, at=NOW) == first
    assert redeeming.give_back(entry, points=20, source=None, key="k", by=None, at=NOW) == first
    assert sums(account) == (70, 0, 0)


def test_what_comes_back_into_a_lot_past_its_day_expires_at_once(account: PointsAccount) -> None:
    earn(account, 10, expires_day=day(NOW))
    earn(account, 10, expires_day=day(NOW) + 9)
    entry = redeem(account, 20)

    redeeming.give_back(entry, source=None, by=None, at=NOW + 2 * DAY)

    assert sums(account) == (10, 0, 0)
    assert lots_of(account) == [(10, 0, False), (10, 10, False)]
    kinds = list(PointsEntry.objects.order_by("pk").values_list("kind", "points"))
    assert kinds[-2:] == [("give_back", 20), ("expire", -10)]


def test_a_return_takes_pending_points_back(account: PointsAccount, programme: Programme) -> None:
    set_up(programme, pending_days=7)
    account.programme = programme
    entry = earn(account, 100)
    made = take_back(entry, 30)
    assert made is not None and (made.points, made.pending) == (0, -30)
    assert sums(account) == (0, 70, 0)


def take_back(entry: PointsEntry, points: int, **given: object) -> PointsEntry | None:
    values = {"source": None, "occurred_at": NOW, "detail": {}, "by": None, "at": NOW}
    return earning.take_back(entry, points=points, **(values | given))  # type: ignore[arg-type]


def test_a_return_takes_from_its_own_lot_only(account: PointsAccount) -> None:
    entry = earn(account, 100, expires_day=day(NOW) + 5)
    earn(account, 100, expires_day=day(NOW) + 50)

    made = take_back(entry, 40, source=("return", 5))

    assert taken_by(made) == [(100, -40)]
    assert lots_of(account) == [(100, 60, False), (100, 100, False)]
    assert take_back(entry, 40, source=("return", 5)) == made
    assert sums(account) == (160, 0, 0)
    with pytest.raises(MoreThanMoved):
        take_back(entry, 61)


def test_spent_points_are_not_taken_back_where_the_programme_refuses(account: PointsAccount) -> None:
    entry = earn(account, 100)
    earn(account, 500, expires_day=None)
    redeem(account, 70)

    with pytest.raises(PointsSpent) as refused:
        take_back(entry, 100)
    assert (refused.value.short, refused.value.left) == (70, 30)
    assert sums(account) == (530, 0, 0)

    made = take_back(entry, 100, is_partial=True, detail={"order": 3})
    assert made is not None and made.detail == {"order": 3, "short": 70}
    assert sums(account) == (500, 0, 0)
    assert take_back(entry, 50, is_partial=True) is None


def test_spent_points_become_a_debt_that_the_next_points_pay(
    account: PointsAccount, programme: Programme
) -> None:
    set_up(programme, on_spent_return="debt")
    entry = earn(account, 100)
    redeem(account, 70)

    made = take_back(entry, 100)
    assert made is not None and (made.points, made.debt) == (-30, 70)
    assert sums(account) == (0, 0, 70)

    paying = earn(account, 50)
    assert (paying.points, paying.debt) == (0, -50)
    assert sums(account) == (0, 0, 20)
    rest = earn(account, 50)
    assert (rest.points, rest.debt, taken_by(rest)) == (30, -20, [(50, -20)])
    assert sums(account) == (30, 0, 0)


def test_pending_points_pay_a_debt_when_their_window_ends(
    account: PointsAccount, programme: Programme
) -> None:
    set_up(programme, on_spent_return="debt")
    entry = earn(account, 100)
    redeem(account, 70)
    take_back(entry, 100)
    earn(account, 90, usable_day=day(NOW) + 7)
    assert sums(account) == (0, 90, 70)

    assert expiring.release_due(account, at=NOW + 7 * DAY) == 90

    assert sums(account) == (20, 0, 0)
    assert lots_of(account)[-1] == (90, 20, False)


def test_points_that_expired_owe_nothing_when_goods_come_back(
    account: PointsAccount, programme: Programme
) -> None:
    set_up(programme, on_spent_return="debt")
    entry = earn(account, 100, expires_day=day(NOW))
    redeem(account, 60)
    assert expiring.expire_due(account, at=NOW + DAY) == 40

    take_back(entry, 40, at=NOW + DAY)
    take_back(entry, 60, at=NOW + DAY)

    assert sums(account) == (0, 0, 60)


def test_what_a_cancellation_gives_back_pays_the_debt(account: PointsAccount, programme: Programme) -> None:
    set_up(programme, on_spent_return="debt")
    entry = earn(account, 100)
    used = redeem(account, 100)
    take_back(entry, 100)
    assert sums(account) == (0, 0, 100)

    redeeming.give_back(used, source=None, by=None, at=NOW)

    assert sums(account) == (0, 0, 0)
    assert lots_of(account) == [(100, 0, False)]


def test_an_account_is_made_once(programme: Programme, account: PointsAccount) -> None:
    assert accounts.account_for(account.customer_id, at=NOW) == account
    assert accounts.accounts_for([account.customer_id], at=NOW) == {account.customer_id: account}


@pytest.mark.usefixtures("company")
def test_a_gift_can_be_used_at_once_and_puts_off_no_expiry_by_inactivity() -> None:
    ProgrammeFactory(expiry="inactivity", expiry_months=12, pending_days=14)
    account = make_account(at=ago(300))
    earn(account, 100, at=ago(300), usable_day=day(ago(300)))
    gift = earn(account, 50, kind="gift", source=("care", 1))
    assert (gift.kind, gift.points, gift.pending) == ("gift", 50, 0)
    account.refresh_from_db()
    assert (account.balance, account.moved_day) == (150, day(ago(300)))
    expiring.expire_all(NOW + timedelta(days=66))
    assert sums(account) == (0, 0, 0)


@pytest.mark.usefixtures("company")
def test_a_gift_into_an_account_that_stood_idle_too_long_is_not_lost_that_night() -> None:
    ProgrammeFactory(expiry="inactivity", expiry_months=12)
    account = make_account(at=ago(400))
    earn(account, 100, at=ago(400))
    earn(account, 50, kind="gift", source=("care", 1))
    assert sums(account) == (50, 0, 0)  # the old ones are gone
    expiring.expire_all(NOW + timedelta(days=300))
    assert sums(account) == (50, 0, 0)
