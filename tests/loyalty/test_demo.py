"""The demo's programme: its rows are those that the verbs would have written, and nothing is left to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.db.models import Model

from customers import causes, company, usage
from customers.demo import load, world
from customers.models import Customer, ExternalRef
from loyalty import demo
from loyalty.demo.book import Account
from loyalty.earning import applying
from loyalty.ledger import accounts, expiring, sealing
from loyalty.models import (
    LotAllocation,
    Membership,
    OrderEarning,
    PointsAccount,
    PointsAdjustment,
    PointsEntry,
    PointsLot,
    Programme,
    Redemption,
    Reward,
    TierMove,
)
from loyalty.rewards import redeeming
from loyalty.tiers import moving

pytestmark = pytest.mark.django_db
UNTIL = date(2026, 6, 30)
AT = datetime(2026, 6, 30, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
Kind = PointsEntry.Kind
TABLES: tuple[type[Model], ...] = (
    *(PointsAccount, PointsEntry, PointsLot, LotAllocation, OrderEarning, Redemption, TierMove),
)
POINTS_TO = {
    "account_id": "PointsAccount",
    "entry_id": "PointsEntry",
    "reverses_id": "PointsEntry",
    "lot_id": "PointsLot",
    "source_id": "",  # as its type says
}
SOURCES = {"lot": "PointsLot", "redemption": "Redemption"}


@pytest.fixture(scope="module")
def town(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Load the demo company of 60 customers once, without its programme."""
    with django_db_blocker.unblock(), transaction.atomic():
        causes.sync()
        usage.sync()
        load.load(world.build(seed=7, customers=60, months=18, until=UNTIL), password="p", at=AT)
        yield
        transaction.set_rollback(True)


@pytest.fixture
def told(town: None) -> int:
    """Run the programme; it is taken back after the test."""
    return demo.run_programme(seed=7, at=AT)


def rows() -> dict[str, list[dict[str, Any]]]:
    """Return what the ledger holds, but for when it was written."""
    found: dict[str, list[dict[str, Any]]] = {}
    for model in TABLES:
        manager: Any = model._default_manager
        left_out = {"ingested_at", "referral_code", "sealed_entry"}
        found[model.__name__] = [
            {name: value for name, value in row.items() if name not in left_out}
            for row in manager.order_by("pk").values()
        ]
    return found


def test_nothing_is_left_for_the_night_and_no_sum_is_damaged(told: int) -> None:
    before = rows()
    assert applying.earn_missed(AT).orders == 0
    assert (expiring.release_all(AT).entries, expiring.expire_all(AT).entries) == (0, 0)
    assert moving.move_all(at=AT).moves == 0
    assert rows() == before
    sealing.seal(AT)
    check = sealing.verify(at=AT)
    assert (check.damaged, check.accounts) == (0, told)


def test_history_shows_what_a_programme_does(told: int) -> None:
    kinds = Counter(PointsEntry.objects.values_list("kind", flat=True))
    wanted = {Kind.EARN, Kind.RELEASE, Kind.REDEEM, Kind.EXPIRE, Kind.TAKE_BACK, Kind.ADJUST, Kind.RECOVERY}
    assert set(kinds) == wanted
    assert min(kinds[kind] for kind in (Kind.EARN, Kind.RELEASE, Kind.REDEEM, Kind.EXPIRE)) > 20
    reasons = set(TierMove.objects.values_list("reason", flat=True))
    assert {"reached", "grace", "fell"} <= reasons
    assert PointsAccount.objects.filter(pending__gt=0).exists()
    states = set(Redemption.objects.values_list("state", flat=True))
    assert "done" in states
    assert set(PointsAdjustment.objects.values_list("state", flat=True)) == {"granted", "asked"}
    assert Membership.objects.filter(lapsed_at__isnull=False).count() == 1
    assert Membership.objects.filter(renews__isnull=False).count() == 1
    assert Programme.objects.get().name_alt and all(Reward.objects.values_list("name_alt", flat=True))


def test_the_same_seed_tells_the_same_again_and_another_one_not(town: None) -> None:
    def run(seed: int) -> list[Any]:
        with transaction.atomic():
            demo.run_programme(seed=seed, at=AT)
            columns = ("customer_id", "kind", "points", "pending", "occurred_at", "recorded_at", "detail")
            found = list(PointsEntry.objects.order_by("pk").values_list(*columns))
            codes = list(PointsAccount.objects.order_by("pk").values_list("customer_id", "referral_code"))
            transaction.set_rollback(True)
        first = min(account["detail"].get("reward", 0) for account in [{"detail": row[-1]} for row in found])
        return [first >= 0, codes, [(*row[:-1],) for row in found if row[1] != "redeem"], len(found)]

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_stories_are_drawn_by_the_names_of_customers_and_not_by_their_numbers(
    town: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[str, str]] = []
    stream = demo.stream

    def noted(seed: int, name: str, key: str = "") -> Any:
        drawn.append((name, key))
        return stream(seed, name, key)

    monkeypatch.setattr(demo, "stream", noted)
    with transaction.atomic():
        demo.run_programme(seed=7, at=AT)
        whose = PointsAccount.objects.order_by("pk").values_list("customer_id", flat=True)
        names = dict(ExternalRef.objects.filter(kind="customer").values_list("object_id", "external_id"))
        named = [names[pk] for pk in whose]
        transaction.set_rollback(True)
    assert named == sorted(named)
    assert [key for name, key in drawn if name == "points"] == named
    assert [key for name, key in drawn if name == "points-code"] == named


# --- The same by the verbs ------------------------------------------------------------------------
def acts(customer: Customer) -> list[tuple[int, str, Any]]:
    """Tell the story of one customer in bulk; return what happened, with its moments."""
    done: list[tuple[int, str, Any]] = []
    with pytest.MonkeyPatch.context() as patched:
        order, back, night, redeem = Account.order, Account.came_back, Account.night, Account.redeem

        def noted(act: str, verb: Any, of: Any) -> Any:
            def call(self: Account, *given: Any, **named: Any) -> Any:
                if self.customer_id == customer.pk:
                    done.append((named.get("second", 0), act, of(*given)))
                return verb(self, *given, **named)

            return call

        patched.setattr(Account, "order", noted("order", order, lambda head, _lines: head.pk))
        patched.setattr(Account, "came_back", noted("order", back, lambda head, _lines: head.pk))
        patched.setattr(Account, "night", noted("night", night, lambda day: day))
        patched.setattr(Account, "redeem", noted("redeem", redeem, lambda reward: reward.code))
        demo.run_programme(seed=7, at=AT)
    return done


def mine(customer: Customer) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of one customer with numbers counted from its first row of each table."""
    found: dict[str, list[dict[str, Any]]] = {}
    numbers: dict[tuple[str, int], int] = {}
    for table in TABLES:
        name = table.__name__
        of = "entry__customer" if table is LotAllocation else "customer"
        manager: Any = table._default_manager
        found[name] = list(manager.filter(**{of: customer}).order_by("pk").values())
        for number, row in enumerate(found[name], start=1):
            numbers[name, row.pop("id")] = number
    skipped = {"ingested_at", "referral_code", "sealed_entry", "reward_id", "programme_id"}
    skipped |= {"from_tier_id", "to_tier_id", "tier_id"}  # their ranks are compared
    skipped |= {"context", "detail", "key", "contact_id", "changed_at", "state"}
    for row in [row for made in found.values() for row in made]:
        for column, points_to in POINTS_TO.items():
            if column in row:
                name = points_to or SOURCES.get(row["source_type"], "")
                row[column] = numbers.get((name, row[column] or 0), row[column])
        for column in skipped & row.keys():
            del row[column]
    found["OrderEarning"].sort(key=lambda row: row["order_id"])
    return found


@pytest.mark.parametrize("wanted", [Kind.TAKE_BACK, Kind.EXPIRE, "grace"])
def test_bulk_leaves_what_the_verbs_leave(town: None, wanted: str) -> None:
    with transaction.atomic():
        demo.run_programme(seed=7, at=AT)
        is_move = wanted == "grace"
        some: Any = (
            TierMove.objects.filter(reason=wanted) if is_move else PointsEntry.objects.filter(kind=wanted)
        )
        some = some.filter(account__memberships=None)
        busy = Counter(some.values_list("customer", flat=True))
        by_hand = set(PointsAdjustment.objects.values_list("customer", flat=True))
        by_hand |= set(PointsEntry.objects.filter(kind=Kind.RECOVERY).values_list("customer", flat=True))
        busy_ones = [pk for pk, _n in busy.most_common() if pk not in by_hand]
        transaction.set_rollback(True)
    customer = Customer.objects.get(pk=busy_ones[0])
    with transaction.atomic():
        done = acts(customer)
        expected = mine(customer)
        transaction.set_rollback(True)

    terms = demo._found(begins=demo.local_day(int(AT.timestamp())) - demo.DAYS, by=None)
    demo._offer(terms, by=None)
    running = Programme.objects.get()
    first = (running.starts_day or 0) + 1
    for number, (second, act, what) in enumerate(done):
        at = (
            demo.aware(second or demo.moment(what, demo.book.NIGHT)) if act == "night" else demo.aware(second)
        )
        if company.today(at).number > first:  # the first night came for the others, too
            Programme.objects.filter(tiers_as_of_day=None).update(tiers_as_of_day=first)
        if act == "order":
            applying.apply_orders([what], at=at)
        elif act == "redeem":
            account = accounts.account_for(customer.pk, at=at)
            reward = Reward.objects.get(code=what)
            redeeming.ask_reward(account, reward, key=str(number), by=None, at=at)
        else:
            expiring.release_all(at)
            expiring.expire_all(at)
            moving.move_all(at=at)
    assert mine(customer) == expected
