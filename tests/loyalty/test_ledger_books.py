"""Adjusting, recovery, statement, nights, merging, imports taken back, sealing and verifying."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from customers import merges, undo
from customers.ground import guards
from customers.ground.models import AuditEvent, Event
from customers.merges.undoing import MergeStandsFast
from customers.models import ImportBatch, Merge, User
from customers.undo import UndoBlocked
from loyalty import nightly
from loyalty.ledger import (
    accounts,
    adjusting,
    earning,
    earning_many,
    expiring,
    opening,
    recovery,
    redeeming,
    sealing,
    statement,
)
from loyalty.ledger.earning_many import Earning
from loyalty.ledger.errors import (
    KeyOfAnother,
    MoreThanMoved,
    NoProgramme,
    NotEnoughPoints,
    NotOfThisKind,
    PointsSpent,
)
from loyalty.models import (
    EntryNote,
    LedgerCheck,
    LedgerSeal,
    LotAllocation,
    PointsAccount,
    PointsAdjustment,
    PointsEntry,
    PointsLot,
    Programme,
    Redemption,
    Reward,
)
from tests.factories import NOW, CustomerFactory, UserFactory, day
from tests.loyalty.factories import earn, make_account, redeem, sums

DAY = timedelta(days=1)


def set_up(programme: Programme, **values: object) -> None:
    Programme.objects.filter(pk=programme.pk).update(**values)


def is_whole() -> bool:
    """Say whether no sum and no seal is damaged; else show what is."""
    check = sealing.verify(at=NOW)
    assert check.findings == []
    return check.damaged == 0


# --- By hand -----------------------------------------------------------------------------------------
@pytest.fixture
def second_lead(lead: User) -> User:
    return UserFactory(role="team_lead", team=lead.team)


def adjust(account: PointsAccount, points: int, by: User | None, **given: Any) -> Any:
    values = {"reason": "Counted wrongly.", "key": f"{points}-{by}", "at": NOW}
    return adjusting.adjust(account, points=points, by=by, **(values | given))


def test_a_lead_adjusts_alone_up_to_the_limit(
    account: PointsAccount, lead: User, second_lead: User, manager: User
) -> None:
    row = adjust(account, 1000, lead)
    assert (row.state, row.entry.points, row.entry.kind) == ("granted", 1000, "adjust")
    assert EntryNote.objects.get(entry=row.entry).text == "Counted wrongly."
    assert adjust(account, 1, lead).state == "asked"  # the same day counts together
    assert adjust(account, 1001, second_lead).state == "asked"
    assert adjust(account, 1, manager).state == "asked"
    assert adjust(account, 1, lead, key="next", at=NOW + DAY).state == "granted"
    assert sums(account) == (1001, 0, 0)


def test_an_adjustment_below_zero_uses_points(account: PointsAccount, lead: User) -> None:
    earn(account, 50)
    row = adjust(account, -30, lead)
    assert (row.entry.points, sums(account)) == (-30, (20, 0, 0))
    with pytest.raises(NotEnoughPoints):
        adjust(account, -21, lead)
    assert adjusting.PointsAdjustment.objects.count() == 1


def test_an_adjustment_is_made_once_for_its_key(account: PointsAccount, lead: User) -> None:
    first = adjust(account, 10, lead, key="k")
    assert adjust(account, 20, lead, key="k") == first
    assert sums(account) == (10, 0, 0)


def test_a_key_that_is_too_long_is_not_cut_to_that_of_another_act(account: PointsAccount, lead: User) -> None:
    adjust(account, 5, lead, key="p" * 64)
    earn(account, 5, key="p" * 120)
    with pytest.raises(ValueError, match="64 characters"):
        adjust(account, 7, lead, key="p" * 65)
    for act in (earn, redeem):
        with pytest.raises(ValueError, match="120 characters"):
            act(account, 7, key="p" * 121)
    with pytest.raises(ValueError, match="120 characters"):
        earning_many.earn_many([Earning(account, 7, NOW, key="p" * 121)], by=None, at=NOW)
    assert sums(account) == (10, 0, 0)


def test_a_key_of_another_act_is_refused(account: PointsAccount, lead: User) -> None:
    set_up(account.programme, recovery_limit=300)
    entries = [earn(account, 10, key="a"), earn(account, 20, key="b")]
    used = redeem(account, 5, key="c")
    reverse = {"reason": "Wrong.", "by": lead, "at": NOW}
    first = adjusting.reverse_entry(entries[1], key="k", **reverse)
    recover = {"reason": "Late.", "by": None, "at": NOW, "source": ("case_points", 1)}
    many = [Earning(account, 7, NOW, key="x"), Earning(account, 7, NOW, key="c")]
    twice = [Earning(account, 7, NOW, key="x"), Earning(account, 7, NOW, key="x", kind="opening")]
    acts: list[Callable[[], object]] = [
        lambda: adjusting.reverse_entry(entries[0], key="k", **reverse),
        lambda: adjusting.reverse_entry(used, key="k", **reverse),
        lambda: redeem(account, 1, key="a"),
        lambda: redeem(account, 1000, key="a"),
        lambda: earn(account, 1, key="c"),
        lambda: earn(account, 1, key="c", kind="opening"),
        lambda: recovery.grant_recovery(account, points=5, key="a", **recover),
        lambda: earning_many.earn_many(many, by=None, at=NOW),
        lambda: earning_many.earn_many(twice, by=None, at=NOW),
    ]
    had = sums(account)
    for act in acts:
        with pytest.raises(KeyOfAnother):
            act()
    assert sums(account) == had
    assert adjusting.reverse_entry(entries[1], key="k", **reverse) == first
    assert redeem(account, 9, key="c") == used
    assert is_whole()


def test_a_second_person_decides_above_the_limit(
    account: PointsAccount, lead: User, second_lead: User, manager: User
) -> None:
    row = adjust(account, 5000, lead)
    for nobody in (lead, manager):
        with pytest.raises(adjusting.NotYours):
            adjusting.decide_adjustment(row, is_granted=True, by=nobody, at=NOW)
    assert sums(account) == (0, 0, 0)

    adjusting.decide_adjustment(row, is_granted=True, by=second_lead, at=NOW)

    assert (row.state, sums(account)) == ("granted", (5000, 0, 0))
    with pytest.raises(adjusting.Decided):
        adjusting.decide_adjustment(row, is_granted=True, by=second_lead, at=NOW)
    declined = adjust(account, 4000, lead)
    adjusting.decide_adjustment(declined, is_granted=False, by=second_lead, at=NOW)
    assert (declined.state, declined.entry, sums(account)) == ("declined", None, (5000, 0, 0))


def test_an_entry_is_reversed_once_by_a_lead(account: PointsAccount, lead: User, manager: User) -> None:
    entry = earn(account, 100)
    with pytest.raises(adjusting.ReverseNotYours):
        adjusting.reverse_entry(entry, reason="Wrong.", key="a", by=manager, at=NOW)
    with pytest.raises(recovery.NoReason):
        adjusting.reverse_entry(entry, reason=" ", key="a", by=lead, at=NOW)

    made = adjusting.reverse_entry(entry, reason="Wrong.", key="a", by=lead, at=NOW)

    assert (made.kind, made.points, made.reverses, made.note.text) == ("take_back", -100, entry, "Wrong.")
    assert adjusting.reverse_entry(entry, reason="Wrong.", key="a", by=lead, at=NOW) == made
    with pytest.raises(MoreThanMoved):
        adjusting.reverse_entry(entry, reason="Wrong.", key="b", by=lead, at=NOW)
    assert sums(account) == (0, 0, 0)


def test_a_redemption_and_its_lots_are_reversed(account: PointsAccount, lead: User) -> None:
    earn(account, 100)
    used = redeem(account, 40)
    made = adjusting.reverse_entry(used, reason="Wrong.", key="a", by=lead, at=NOW)
    assert (made.kind, made.points, sums(account)) == ("give_back", 40, (100, 0, 0))
    with pytest.raises(NotOfThisKind):
        adjusting.reverse_entry(made, reason="Wrong.", key="b", by=lead, at=NOW)


def test_what_bought_a_reward_is_not_reversed_but_cancelled(
    account: PointsAccount, programme: Programme, lead: User
) -> None:
    earn(account, 100)
    used = redeem(account, 40)
    reward = Reward.objects.create(programme=programme, code="mug", name="Mug", points=40)
    Redemption.objects.create(
        account=account, customer=account.customer, reward=reward, points=40, entry=used, key="k",
        at=NOW, changed_at=NOW,
    )  # fmt: skip
    with pytest.raises(adjusting.HasRedemption):
        adjusting.reverse_entry(used, reason="Wrong.", key="a", by=lead, at=NOW)


# --- Recovery ----------------------------------------------------------------------------------------
def grant(account: PointsAccount, points: int, number: int, **given: Any) -> PointsEntry:
    values = {"reason": "Late.", "key": f"g{number}", "by": None, "at": NOW}
    return recovery.grant_recovery(account, points=points, source=("case_points", number), **(values | given))


def test_recovery_points_keep_to_the_limit_of_a_case(account: PointsAccount) -> None:
    first = grant(account, 2000, 1)
    assert (first.kind, first.points) == ("recovery", 2000)
    assert grant(account, 5, 1, key="other") == first
    with pytest.raises(recovery.RecoveryLimit):
        grant(account, 2001, 2)
    with pytest.raises(recovery.RecoveryLimit):
        grant(account, 1, 2, already=2000)
    assert sums(account) == (2000, 0, 0)


def test_recovery_points_keep_to_the_budget_of_the_local_month(
    account: PointsAccount, programme: Programme
) -> None:
    set_up(programme, recovery_budget=100)
    entry = grant(account, 60, 1)
    with pytest.raises(recovery.RecoveryBudget):
        grant(account, 41, 2)
    grant(account, 40, 2)
    earning.take_back(
        entry, points=10, source=None, occurred_at=NOW, detail={}, by=None, at=NOW
    )  # what is taken back is there again
    grant(account, 10, 3)
    with pytest.raises(recovery.RecoveryBudget):
        grant(account, 1, 4)
    grant(account, 100, 4, at=NOW + 31 * DAY)


# --- Statement ---------------------------------------------------------------------------------------
def test_a_statement_runs_as_of_any_moment(account: PointsAccount) -> None:
    earn(account, 100, at=NOW)
    redeem(account, 30, at=NOW + DAY)
    earn(account, 50, at=NOW + 3 * DAY, occurred_at=NOW - DAY)

    rows = [(entry.points, entry.running) for entry in statement.entries_of(account)]  # type: ignore[attr-defined]
    assert rows == [(-30, 120), (100, 150), (50, 50)]
    known = [(entry.points, entry.running) for entry in statement.entries_of(account, NOW + 2 * DAY)]  # type: ignore[attr-defined]
    assert known == [(-30, 70), (100, 100)]
    moments = (NOW - DAY, NOW, NOW + DAY, NOW + 3 * DAY)
    assert [statement.balance_as_of(account, at).points for at in moments] == [0, 100, 70, 120]


def test_what_stands_counts_what_is_due_and_writes_nothing(
    account: PointsAccount, django_assert_num_queries: Any
) -> None:
    earn(account, 100, expires_day=day(NOW) + 1)
    earn(account, 50, usable_day=day(NOW) + 2, expires_day=day(NOW) + 9)
    earn(account, 5, expires_day=None)
    account.refresh_from_db()
    now = statement.standing(account, at=NOW)
    assert (now.points, now.pending, now.expires_day, now.expiring) == (105, 50, day(NOW) + 1, 100)
    with django_assert_num_queries(2):  # the company, too
        later = statement.standing(account, at=NOW + 2 * DAY)
    assert (later.points, later.pending, later.expires_day, later.expiring) == (55, 0, day(NOW) + 9, 50)
    assert PointsEntry.objects.count() == 3
    expiring.settle_due(account, at=NOW + 2 * DAY)
    assert sums(account) == (55, 0, 0)


def test_liability_is_what_can_be_used_less_what_never_will(
    account: PointsAccount, programme: Programme
) -> None:
    set_up(programme, worth_of_100=50, breakage_bp=None)
    programme.refresh_from_db()
    earn(account, 1000)
    earn(account, 75, expires_day=day(NOW))
    redeem(account, 25, at=NOW)
    expiring.expire_due(account, at=NOW + DAY)
    earn(account, 40, expires_day=day(NOW) + 1)
    earn(account, 200, usable_day=day(NOW) + 90)

    owed = statement.liability(programme, NOW + 2 * DAY)

    assert (owed.points, owed.pending, owed.worth) == (1000, 200, 600)
    assert (owed.is_measured, owed.breakage_bp, owed.expected) == (True, 6667, 199)  # 50 of 75 expired
    programme.breakage_bp = 1000
    owed = statement.liability(programme, NOW + 2 * DAY)
    assert (owed.is_measured, owed.breakage_bp, owed.expected) == (False, 1000, 540)


# --- Expiry ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("expiry", "months", "earned", "last"),
    [
        ("months", 12, "2024-02-29", "2025-02-28"),
        ("months", 1, "2026-01-31", "2026-02-28"),
        ("months", 11, "2026-01-15", "2026-12-15"),
        ("year_end", 12, "2026-01-01", "2027-12-31"),
        ("year_end", 1, "2026-12-15", "2027-12-31"),
        ("never", 12, "2026-01-01", None),
        ("inactivity", 12, "2026-01-01", None),
    ],
)
def test_the_last_day_follows_the_programme(expiry: str, months: int, earned: str, last: str | None) -> None:
    from datetime import date

    programme = Programme(expiry=expiry, expiry_months=months)
    found = expiring.expiry_day_of(programme, date.fromisoformat(earned).toordinal())
    assert (found and date.fromordinal(found).isoformat()) == last


def test_points_of_an_idle_account_expire_all_together(account: PointsAccount, programme: Programme) -> None:
    set_up(programme, expiry="inactivity", expiry_months=1)
    earn(account, 100)
    earn(account, 50, at=NOW + 10 * DAY)
    other = make_account()
    earn(other, 7, at=NOW + 20 * DAY)
    last = NOW + 41 * DAY  # 21 June, a month after 21 May

    assert expiring.expire_all(last).entries == 0
    moved = expiring.expire_all(last + DAY)

    assert (moved.entries, moved.points, sums(account), sums(other)) == (1, -150, (0, 0, 0), (7, 0, 0))
    assert PointsEntry.objects.get(kind="expire").occurred_day == day(last) + 1
    with pytest.raises(NotEnoughPoints):
        redeem(make_account(other.customer), 1, at=NOW + 60 * DAY)
    assert is_whole()


def _earned(account: PointsAccount, when: datetime) -> None:
    earn(account, 5, at=NOW, occurred_at=when)


def _recovered(account: PointsAccount, when: datetime) -> None:
    earn(account, 5, at=NOW, occurred_at=when, kind="recovery")


def _earned_many(account: PointsAccount, when: datetime) -> None:
    earning_many.earn_many([Earning(account, 5, when)], by=None, at=NOW)


@pytest.mark.parametrize("act", [_earned, _recovered, _earned_many])
@pytest.mark.parametrize(
    ("days", "left"),
    [(0, 5), (61, 5), (62, 105), (89, 105)],
    ids=["today", "a day late", "in time", "before"],
)
def test_what_stood_idle_too_long_does_not_come_back(
    programme: Programme, act: Callable[[PointsAccount, datetime], None], days: int, left: int
) -> None:
    """What was earned 90 days ago could be used until 62 days ago: who moved by then saved it that day."""
    set_up(programme, expiry="inactivity", expiry_months=1)
    account = make_account(at=NOW - 90 * DAY)
    earn(account, 100, at=NOW - 90 * DAY)
    account.refresh_from_db()
    act(account, NOW - days * DAY)
    assert sums(account) == (left, 0, 0)
    rows = PointsEntry.objects.filter(kind="expire")
    expected = [(-100, day(NOW) - 61, NOW)] if left == 5 else []
    assert list(rows.values_list("points", "occurred_day", "recorded_at")) == expected
    assert is_whole()


def test_many_earnings_expire_what_stood_idle_between_them(programme: Programme) -> None:
    set_up(programme, expiry="inactivity", expiry_months=1)
    one, other = (make_account(at=NOW - 200 * DAY) for _n in range(2))
    rows = [
        Earning(account, points, NOW - days * DAY)
        for points, days in ((1, 190), (2, 170), (4, 100), (8, 50), (16, 40))
        for account in (one, other)
    ]
    earning_many.earn_many(rows, by=None, at=NOW)
    by_one = make_account(at=NOW - 200 * DAY)
    for row in rows[::2]:
        earn(by_one, row.points, occurred_at=row.occurred_at)
    for account in (one, other, by_one):
        assert sums(account) == (24, 0, 0)
        moves = PointsEntry.objects.filter(account=account, kind="expire").order_by("pk")
        assert list(moves.values_list("points", flat=True)) == [-3, -4]
    expiring.expire_all(NOW)
    assert sums(one) == (0, 0, 0)
    assert is_whole()


def test_gifts_do_not_come_in_sets(account: PointsAccount) -> None:
    with pytest.raises(ValueError, match="one by one"):
        earning_many.earn_many([Earning(account, 5, NOW, kind="gift")], by=None, at=NOW)


def test_a_night_releases_and_expires_everybody_once(account: PointsAccount, programme: Programme) -> None:
    other = make_account()
    in_debt = make_account()
    set_up(programme, on_spent_return="debt")
    entry = earn(in_debt, 30)
    redeem(in_debt, 30)
    earning.take_back(entry, points=30, source=None, occurred_at=NOW, detail={}, by=None, at=NOW)
    for one in (account, other, in_debt):
        earn(one, 20, usable_day=day(NOW) + 1, expires_day=day(NOW) + 3)
        earn(one, 15, usable_day=day(NOW) + 1, expires_day=day(NOW) + 3)
        earn(one, 10, usable_day=day(NOW) + 2, expires_day=None)

    assert expiring.release_all(NOW).entries == 0
    assert expiring.release_all(NOW + DAY).points == 3 * 35
    assert [sums(one) for one in (account, other, in_debt)] == [(35, 10, 0), (35, 10, 0), (5, 10, 0)]
    assert expiring.release_all(NOW + DAY).entries == 0
    redeem(other, 34, at=NOW + DAY)
    assert expiring.expire_all(NOW + 3 * DAY).entries == 0

    moved = expiring.expire_all(NOW + 4 * DAY)

    assert (moved.entries, moved.points) == (3, -35 - 1 - 5)
    assert expiring.expire_all(NOW + 4 * DAY).entries == 0
    assert expiring.release_all(NOW + 4 * DAY).points == 30
    assert [sums(one) for one in (account, other, in_debt)] == [(10, 0, 0)] * 3
    assert is_whole()


def test_chunks_of_accounts_leave_nobody_out(programme: Programme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiring, "CHUNK", 2)
    many = [make_account() for _number in range(5)]
    for one in many:
        earn(one, 10, usable_day=day(NOW) + 1, expires_day=day(NOW) + 2)
    assert expiring.release_all(NOW + DAY).points == 50
    assert expiring.expire_all(NOW + 3 * DAY).entries == 5


def test_the_night_is_kept_once_and_seals(account: PointsAccount) -> None:
    earn(account, 10, expires_day=day(NOW))
    done = nightly.keep(NOW + DAY)
    assert done is not None and (done["seal"], done["verify"]) == (2, 0)
    assert sums(account) == (0, 0, 0)
    assert nightly.keep(NOW + DAY) is None
    assert LedgerCheck.objects.count() == 1


def test_a_night_that_failed_is_done_again(account: PointsAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    from customers.ground.models import BackgroundRun

    steps = [*nightly.STEPS]
    monkeypatch.setattr(nightly, "STEPS", [*steps, ("boom", lambda at: 1 / 0)])
    with pytest.raises(ZeroDivisionError):
        nightly.keep(NOW)
    BackgroundRun.objects.update(lease_until=NOW - 5000 * DAY)
    monkeypatch.setattr(nightly, "STEPS", steps)
    assert nightly.keep(NOW) is not None


def test_a_step_that_fails_keeps_no_other_one_from_being_done(
    account: PointsAccount, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    earn(account, 10)
    steps = [(name, step) for name, step in nightly.STEPS if name != "earn_missed"]
    bad = [("earn_missed", lambda at: 1 / 0), ("worse", lambda at: [][0])]
    monkeypatch.setattr(nightly, "STEPS", [*bad, *steps])
    with pytest.raises(ZeroDivisionError):
        nightly.keep(NOW)
    assert LedgerSeal.objects.count() == 1
    assert LedgerCheck.objects.count() == 1
    assert [row.step for row in caplog.records if row.name == nightly.__name__] == ["earn_missed", "worse"]
    assert nightly.keep(NOW) is None  # it waits for its next try


def test_the_task_does_nothing_before_the_company_is_set_up(db: None) -> None:
    from loyalty.tasks import keep_books

    keep_books()
    assert not LedgerCheck.objects.exists()


# --- Many at once ------------------------------------------------------------------------------------
def test_many_earnings_do_what_one_does(account: PointsAccount, programme: Programme) -> None:
    set_up(programme, pending_days=7)
    other = make_account()
    PointsAccount.objects.filter(pk=other.pk).update(debt=0)
    known = earn(account, 5, source=("order", 1))
    rows = [
        Earning(account, 9, NOW, source=("order", 1)),
        Earning(account, 10, NOW, source=("order", 2)),
        Earning(account, 10, NOW, source=("order", 2)),
        Earning(account, 20, NOW - 30 * DAY, key="k"),
        Earning(account, 20, NOW - 30 * DAY, key="k"),
        Earning(other, 20, NOW - 30 * DAY, key="k", kind="opening", recorded_at=NOW - 29 * DAY),
    ]

    made = earning_many.earn_many(rows, by=None, at=NOW)

    assert [entry and (entry.points, entry.pending) for entry in made] == [
        None, (0, 10), None, (20, 0), None, (20, 0),
    ]  # fmt: skip
    assert (sums(account), sums(other)) == ((20, 15, 0), (20, 0, 0))
    assert known.pending == 5
    assert made[5] is not None and made[5].recorded_at == NOW - 29 * DAY
    assert earning_many.earn_many(rows, by=None, at=NOW) == [None] * 6
    assert is_whole()


def test_many_earnings_pay_a_debt(account: PointsAccount, programme: Programme) -> None:
    set_up(programme, on_spent_return="debt")
    entry = earn(account, 30)
    redeem(account, 30)
    earning.take_back(entry, points=30, source=None, occurred_at=NOW, detail={}, by=None, at=NOW)
    earning_many.earn_many([Earning(account, 20, NOW), Earning(account, 25, NOW)], by=None, at=NOW)
    assert sums(account) == (15, 0, 0)
    assert is_whole()


def test_many_earnings_take_few_queries(programme: Programme, django_assert_max_num_queries: Any) -> None:
    many = [make_account() for _number in range(20)]
    with django_assert_max_num_queries(20):
        earning_many.earn_many([Earning(one, 3, NOW) for one in many for _n in range(3)], by=None, at=NOW)
    assert {sums(one) for one in many} == {(9, 0, 0)}


def test_history_expires_as_it_would_have(account: PointsAccount) -> None:
    """A redemption that is brought later uses what was there then; what was due by then is gone."""
    opening.open_balance(
        account, points=100, expires_day=day(NOW) - 50, occurred_at=NOW - 99 * DAY, key="o", by=None, at=NOW
    )
    redeem(account, 30, occurred_at=NOW - 60 * DAY)
    with pytest.raises(NotEnoughPoints):
        redeem(account, 1, occurred_at=NOW - 40 * DAY)
    with pytest.raises(NotEnoughPoints):
        redeem(account, 1)
    expiring.expire_due(account, at=NOW)
    assert [entry.points for entry in PointsEntry.objects.order_by("pk")] == [100, -30, -70]
    assert PointsEntry.objects.get(kind="expire").recorded_at == NOW


@pytest.mark.parametrize("way", ["night", "lazily"])
@pytest.mark.parametrize("owes", [0, 1])
def test_points_that_leave_a_return_window_do_not_expire_at_once_by_inactivity(
    account: PointsAccount, programme: Programme, way: str, owes: int
) -> None:
    set_up(programme, expiry="inactivity", expiry_months=1, pending_days=45, on_spent_return="debt")
    earn(account, 100)
    if owes:
        entry = earn(account, owes, usable_day=day(NOW))
        redeem(account, owes)
        earning.take_back(entry, points=owes, source=None, occurred_at=NOW, detail={}, by=None, at=NOW)

    def goes_by(number: int) -> int:
        account.refresh_from_db()
        at = NOW + number * DAY
        if way == "night":
            expiring.release_all(at)
            expiring.expire_all(at)
        else:
            expiring.settle_due(account, at=at)
        return sums(account)[0]

    last = expiring.months_later(day(NOW) + 45, 1) - day(NOW)
    assert [goes_by(number) for number in (44, 45, last, last + 1)] == [0, 100 - owes, 100 - owes, 0]


def test_the_night_does_not_read_accounts_in_debt_of_which_nothing_is_released(
    programme: Programme, django_assert_num_queries: Any
) -> None:
    set_up(programme, on_spent_return="debt")
    for _number in range(3):
        account = make_account()
        earn(account, 8, usable_day=day(NOW) + 2)
        entry = earn(account, 5)
        redeem(account, 5)
        earning.take_back(entry, points=5, source=None, occurred_at=NOW, detail={}, by=None, at=NOW)
    with django_assert_num_queries(3):  # the company; accounts in debt; days
        expiring.release_all(NOW)
    expiring.release_all(NOW + 2 * DAY)
    assert set(PointsAccount.objects.values_list("balance", "pending", "debt")) == {(3, 0, 0)}


# --- Merging -----------------------------------------------------------------------------------------
@pytest.fixture
def pair(programme: Programme) -> tuple[PointsAccount, PointsAccount]:
    return make_account(), make_account()


def merge(pair: tuple[PointsAccount, PointsAccount]) -> Merge:
    for account in pair:
        account.customer.refresh_from_db()
    return merges.merge_customers(
        pair[0].customer, pair[1].customer, reason="The same.", by=None, at=NOW + DAY
    )


def test_merging_moves_points_and_keeps_lots_and_days(pair: tuple[PointsAccount, PointsAccount]) -> None:
    own, other = pair
    earn(own, 10, expires_day=day(NOW) + 40)
    entry = earn(other, 100, expires_day=day(NOW) + 20)
    earn(other, 7, usable_day=day(NOW) + 9)
    redeem(other, 30)

    merge(pair)

    assert (sums(own), sums(other)) == ((80, 7, 0), (0, 0, 0))
    moved = PointsLot.objects.filter(account=own, origin__isnull=False).order_by("pk")
    days = [(lot.points, lot.left, lot.is_pending, lot.earned_day, lot.expires_day) for lot in moved]
    assert days == [
        (70, 70, False, day(NOW), day(NOW) + 20),
        (7, 7, True, day(NOW), PointsLot.objects.get(points=7, origin=None).expires_day),
    ]
    assert accounts.account_for(other.customer_id, at=NOW) == own
    assert not PointsEntry.objects.exclude(customer=own.customer).exists()
    redeem(other, 5, at=NOW + DAY)  # who asks with the old account uses the new one
    assert sums(own) == (75, 7, 0)
    taken = earning.take_back(
        entry, points=70, source=None, occurred_at=NOW, detail={}, by=None, at=NOW + DAY, is_partial=True
    )
    assert taken is not None and (taken.account, taken.points, taken.detail) == (own, -65, {"short": 5})
    assert is_whole()


@pytest.mark.parametrize(("own", "other", "kept"), [(1, 90, (5, 0)), (90, 1, (0, 5)), (20, 20, (5, 5))])
def test_what_stood_idle_too_long_does_not_come_back_by_a_merge(
    programme: Programme, own: int, other: int, kept: tuple[int, int]
) -> None:
    set_up(programme, expiry="inactivity", expiry_months=1)
    pair = [make_account(at=NOW - 90 * DAY) for _n in range(2)]
    for account, days in zip(pair, (own, other), strict=True):
        earn(account, 5, at=NOW - days * DAY)
    made = merge((pair[0], pair[1]))
    expiring.expire_all(NOW + DAY)
    assert [sums(account)[0] for account in pair] == [sum(kept), 0]
    merges.undo_merge(made, by=None, at=NOW + 2 * DAY)
    assert tuple(sums(account)[0] for account in pair) == kept
    rows = PointsEntry.objects.filter(kind="expire")
    assert all(row.customer_id == row.account.customer_id for row in rows.select_related("account"))
    assert is_whole()


def test_the_limit_of_one_person_does_not_begin_anew_by_a_merge(
    pair: tuple[PointsAccount, PointsAccount], lead: User
) -> None:
    own, other = pair
    adjust(other, 600, lead)
    merge(pair)
    assert adjust(own, 401, lead).state == "asked"
    assert adjust(own, 400, lead).state == "granted"


def test_an_account_is_made_for_the_survivor_who_has_none(programme: Programme) -> None:
    other = make_account()
    earn(other, 10)
    survivor = CustomerFactory()
    merges.merge_customers(survivor, other.customer, reason="The same.", by=None, at=NOW)
    own = PointsAccount.objects.get(customer=survivor)
    assert (sums(own), sums(other)) == ((10, 0, 0), (0, 0, 0))


def test_a_debt_goes_along_and_comes_back(
    pair: tuple[PointsAccount, PointsAccount], programme: Programme
) -> None:
    set_up(programme, on_spent_return="debt")
    own, other = pair
    entry = earn(other, 30)
    redeem(other, 30)
    earning.take_back(entry, points=30, source=None, occurred_at=NOW, detail={}, by=None, at=NOW)
    made = merge(pair)
    assert (sums(own), sums(other)) == ((0, 0, 30), (0, 0, 0))
    merges.undo_merge(made, by=None, at=NOW + 2 * DAY)
    assert (sums(own), sums(other)) == ((0, 0, 0), (0, 0, 30))
    again = merge(pair)
    earn(own, 10, at=NOW + DAY)
    with pytest.raises(MergeStandsFast):
        merges.undo_merge(again, by=None, at=NOW + 2 * DAY)


def test_a_cancellation_after_the_merge_goes_to_the_survivor(
    pair: tuple[PointsAccount, PointsAccount],
) -> None:
    own, other = pair
    earn(other, 100, expires_day=day(NOW) + 20)
    used = redeem(other, 60)
    merge(pair)

    redeeming.give_back(used, source=None, by=None, at=NOW + DAY)

    assert (sums(own), sums(other)) == ((100, 0, 0), (0, 0, 0))
    assert set(PointsLot.objects.filter(account=own).values_list("expires_day", flat=True)) == {day(NOW) + 20}
    assert is_whole()


def test_a_merge_taken_back_gives_every_lot_back(pair: tuple[PointsAccount, PointsAccount]) -> None:
    own, other = pair
    earn(own, 10)
    earn(other, 100, expires_day=day(NOW) + 20)
    earn(other, 7, usable_day=day(NOW) + 2)
    before = list(PointsLot.objects.filter(account=other).order_by("pk").values("pk", "left", "expires_day"))
    made = merge(pair)
    earn(own, 5, at=NOW + DAY)
    expiring.release_due(own, at=NOW + 2 * DAY)

    merges.undo_merge(made, by=None, at=NOW + 3 * DAY)

    assert (sums(own), sums(other)) == ((15, 0, 0), (107, 0, 0))
    after = list(PointsLot.objects.filter(account=other).order_by("pk").values("pk", "left", "expires_day"))
    assert after == before
    assert set(PointsEntry.objects.filter(account=other).values_list("customer", flat=True)) == {
        other.customer_id
    }
    assert is_whole()


def test_a_merge_stands_when_its_points_were_used(pair: tuple[PointsAccount, PointsAccount]) -> None:
    own, other = pair
    earn(own, 10, expires_day=None)
    earn(other, 100)
    made = merge(pair)
    used = redeem(own, 20, at=NOW + DAY)
    with pytest.raises(MergeStandsFast):
        merges.undo_merge(made, by=None, at=NOW + 2 * DAY)

    redeeming.give_back(used, source=None, by=None, at=NOW + DAY)  # all is back in its lots
    merges.undo_merge(made, by=None, at=NOW + 2 * DAY)

    assert (sums(own), sums(other)) == ((10, 0, 0), (100, 0, 0))


def test_points_of_the_survivor_may_be_used_before_the_merge_is_taken_back(
    pair: tuple[PointsAccount, PointsAccount],
) -> None:
    own, other = pair
    earn(own, 10, expires_day=day(NOW) + 5)
    earn(other, 100, expires_day=day(NOW) + 20)
    made = merge(pair)
    redeem(own, 10, at=NOW + DAY)
    merges.undo_merge(made, by=None, at=NOW + 2 * DAY)
    assert (sums(own), sums(other)) == ((0, 0, 0), (100, 0, 0))


# --- Imports -----------------------------------------------------------------------------------------
@pytest.fixture
def batch(programme: Programme) -> ImportBatch:
    return ImportBatch.objects.create(
        kind="points", status=ImportBatch.Status.DONE, made_at=NOW, started_at=NOW
    )


def test_an_import_of_points_is_taken_back_by_entries(account: PointsAccount, batch: ImportBatch) -> None:
    other = make_account()
    opening.open_balance(account, points=70, occurred_at=NOW, key="a", by=None, at=NOW, batch=batch)
    earn(account, 30, batch=batch)
    redeem(account, 80, batch=batch)
    opening.open_balance(other, points=9, occurred_at=NOW, key="a", by=None, at=NOW, batch=batch)
    earn(other, 4)

    undo.finish(undo.undo_import(batch, reason="Wrong file.", by=None, at=NOW + DAY))

    assert (sums(account), sums(other)) == ((0, 0, 0), (4, 0, 0))
    assert [share.created for share in undo.shares_of(batch)] == [4]
    assert is_whole()


def test_an_import_whose_points_were_used_stands(account: PointsAccount, batch: ImportBatch) -> None:
    opening.open_balance(account, points=70, occurred_at=NOW, key="a", by=None, at=NOW, batch=batch)
    redeem(account, 1, at=NOW + DAY)
    with pytest.raises(UndoBlocked):
        undo.undo_import(batch, reason="Wrong file.", by=None, at=NOW + 2 * DAY)
    standing = undo.in_the_way(batch)
    assert [blocker.customer_id for blocker in standing.shown] == [account.customer_id]


def test_an_import_whose_points_only_expired_is_taken_back(
    account: PointsAccount, batch: ImportBatch
) -> None:
    opening.open_balance(
        account, points=70, expires_day=day(NOW), occurred_at=NOW, key="a", by=None, at=NOW, batch=batch
    )
    expiring.expire_due(account, at=NOW + DAY)
    undo.finish(undo.undo_import(batch, reason="Wrong file.", by=None, at=NOW + DAY))
    assert sums(account) == (0, 0, 0)


# --- Sealing and verifying ---------------------------------------------------------------------------
@pytest.fixture
def unguarded(account: PointsAccount) -> Any:
    """An account whose entries are sealed, in a database without triggers."""
    earn(account, 100)
    redeem(account, 40, key="k")
    assert sealing.seal(NOW) == 2
    guards.remove(connection)
    yield account
    guards.install(connection)


def damage() -> set[tuple[str, str, int]]:
    check = sealing.verify(at=NOW)
    assert check.damaged == len(check.findings)
    return {(one["code"], one["table"].removeprefix("loyalty_"), one["id"]) for one in check.findings}


def test_a_whole_ledger_has_no_findings_and_seals_once(account: PointsAccount) -> None:
    earn(account, 100)
    assert sealing.seal(NOW) == 1
    assert sealing.seal(NOW) == 0
    redeem(account, 40)
    assert sealing.seal(NOW) == 1
    first, second = LedgerSeal.objects.order_by("pk")
    assert (first.entries, second.entries, second.first_entry) == (1, 1, first.last_entry + 1)
    assert is_whole()


def test_what_is_sealed_while_it_is_compared_is_not_damaged(
    account: PointsAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The accounts and their seals are read; before their entries are, others come and are sealed."""
    earn(account, 100)
    sealing.seal(NOW)
    redeem(account, 40)
    prints = sealing._prints
    sealed: list[int] = []

    def beside(rows: Any) -> dict[int, list[str]]:
        if not sealed:
            sealed.append(0)
            sealed[0] = sealing.seal(NOW)
        return prints(rows)

    monkeypatch.setattr(sealing, "_prints", beside)
    assert is_whole()
    assert sealed == [1]


def test_the_database_refuses_to_change_or_delete_an_entry(account: PointsAccount) -> None:
    from django.db import DatabaseError, transaction

    entry = earn(account, 100)
    for act in (
        lambda: PointsEntry.objects.filter(pk=entry.pk).update(points=1),
        lambda: PointsEntry.objects.filter(pk=entry.pk).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


def test_verify_names_the_entry_that_was_changed(unguarded: PointsAccount) -> None:
    entry = PointsEntry.objects.get(kind="redeem")
    PointsEntry.objects.filter(pk=entry.pk).update(detail={"forged": 1})
    assert damage() == {("changed", "pointsentry", entry.pk)}


def test_verify_names_the_entry_whose_points_were_changed(unguarded: PointsAccount) -> None:
    entry = PointsEntry.objects.get(kind="earn")
    PointsEntry.objects.filter(pk=entry.pk).update(points=101)
    assert damage() == {
        ("changed", "pointsentry", entry.pk),
        ("entry_lots", "pointsentry", entry.pk),
        ("account_entries", "pointsaccount", unguarded.pk),
    }


def test_verify_names_the_entry_that_is_missing(unguarded: PointsAccount) -> None:
    entry = PointsEntry.objects.get(kind="redeem")
    (allocation,) = LotAllocation.objects.filter(entry=entry)
    entry_id, allocation_id = entry.pk, allocation.pk
    allocation.delete()
    entry.delete()
    lot = PointsLot.objects.get()
    assert damage() == {
        ("missing", "pointsentry", entry_id),
        ("missing", "lotallocation", allocation_id),
        ("lot_left", "pointslot", lot.pk),
        ("account_entries", "pointsaccount", unguarded.pk),
    }


def test_verify_names_the_lot_whose_day_was_changed(unguarded: PointsAccount) -> None:
    lot = PointsLot.objects.get()
    PointsLot.objects.filter(pk=lot.pk).update(expires_day=day(NOW) + 9999)
    assert damage() == {("changed", "pointslot", lot.pk)}


def test_verify_names_the_account_and_lot_whose_sums_were_changed(unguarded: PointsAccount) -> None:
    PointsAccount.objects.filter(pk=unguarded.pk).update(balance=61)
    assert damage() == {
        ("account_entries", "pointsaccount", unguarded.pk),
        ("account_lots", "pointsaccount", unguarded.pk),
    }
    PointsAccount.objects.filter(pk=unguarded.pk).update(balance=60)
    lot = PointsLot.objects.get()
    PointsLot.objects.filter(pk=lot.pk).update(left=59)
    assert damage() == {("account_lots", "pointsaccount", unguarded.pk), ("lot_left", "pointslot", lot.pk)}


def test_verify_names_what_was_slipped_in_and_the_seal_that_was_changed(unguarded: PointsAccount) -> None:
    (seal,) = LedgerSeal.objects.all()
    LedgerSeal.objects.filter(pk=seal.pk).update(digest="0" * 64)
    assert damage() == {("seal_changed", "ledgerseal", seal.pk)}
    LedgerSeal.objects.filter(pk=seal.pk).delete()
    codes = {code for code, _table, _id in damage()}
    assert codes == {"seal_missing", "added"}


def test_the_command_tells_what_is_damaged(unguarded: PointsAccount) -> None:
    out = StringIO()
    call_command("ledger_verify", stdout=out)
    assert "0 rows are damaged" in out.getvalue()
    entry = PointsEntry.objects.get(kind="redeem")
    PointsEntry.objects.filter(pk=entry.pk).update(detail={"forged": 1})
    other = make_account()
    call_command("ledger_verify", account=other.pk, stdout=out)

    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("ledger_verify", json=True, stdout=out)

    said = json.loads(out.getvalue())
    assert ended.value.code == 1
    assert [(one["table"], one["id"]) for one in said["findings"]] == [("loyalty_pointsentry", entry.pk)]


def test_a_night_compares_what_is_new_and_a_share_of_the_rest(unguarded: PointsAccount) -> None:
    """Each account's turn comes within 30 nights, whatever moved."""
    sealing.verify(at=NOW, only_new=True)
    entry = PointsEntry.objects.get(kind="redeem")
    PointsEntry.objects.filter(pk=entry.pk).update(detail={"forged": 1})
    found = [sealing.verify(at=NOW + night * DAY, only_new=True).damaged for night in range(1, 31)]
    assert sum(found) == 1


def test_verbs_tell_audit_and_events(account: PointsAccount) -> None:
    entry = earn(account, 10, by=None)
    assert AuditEvent.objects.filter(act="points.earn", object_id=entry.pk).count() == 1
    event = Event.objects.get(kind="points.earn")
    assert (event.customer_id, event.subject_id, event.data["points"]) == (
        account.customer_id, entry.pk, 10,
    )  # fmt: skip


def test_without_a_programme_there_are_no_accounts(company: Any) -> None:
    with pytest.raises(NoProgramme):
        accounts.account_for(CustomerFactory().pk, at=NOW)


def test_a_spent_opening_balance_is_not_reversed(account: PointsAccount, lead: User) -> None:
    entry = opening.open_balance(account, points=10, occurred_at=NOW, key="o", by=None, at=NOW)
    redeem(account, 1)
    with pytest.raises(PointsSpent):
        adjusting.reverse_entry(entry, reason="Wrong.", key="a", by=lead, at=NOW)


# --- Adjustments that cannot be, and that are withdrawn -------------------------------------------
def test_taking_more_than_there_is_is_refused_at_once_though_it_would_wait(programme, manager):
    account = make_account(CustomerFactory())
    earn(account, 1_912)
    given = {"reason": "A typo.", "by": manager, "at": NOW}
    with pytest.raises(NotEnoughPoints, match="There are 1,912 points to use, and 1,913 are"):
        adjusting.adjust(account, points=-1_913, key="one", **given)
    assert not PointsAdjustment.objects.exists()
    assert adjusting.adjust(account, points=-1_912, key="two", **given).state == "asked"


def test_only_who_asked_withdraws_an_adjustment_and_only_while_it_waits(programme, manager, lead):
    account = make_account(CustomerFactory())
    row = adjusting.adjust(account, points=5_000, reason="A gift.", key="one", by=manager, at=NOW)
    with pytest.raises(adjusting.WithdrawNotYours):
        adjusting.withdraw_adjustment(row, by=lead, at=NOW)
    adjusting.withdraw_adjustment(row, by=manager, at=NOW)
    row.refresh_from_db()
    assert (row.state, row.decided_by, row.decided_at, row.entry) == ("withdrawn", None, NOW, None)
    codes = {"account": account.pk, "points": 5_000}
    assert AuditEvent.objects.get(act="points.adjust_withdraw").codes == codes
    for act in (
        lambda: adjusting.withdraw_adjustment(row, by=manager, at=NOW),
        lambda: adjusting.decide_adjustment(row, is_granted=True, by=lead, at=NOW),
    ):
        with pytest.raises(adjusting.Decided):
            act()
