"""A loyalty programme with one of everything, for the pages that are looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from customers.models import User
from loyalty import programmes
from loyalty.earning import rules
from loyalty.ledger import accounts, adjusting, earning, sealing
from loyalty.models import EarningRule, LedgerCheck, OrderEarning, PointsAccount
from loyalty.rewards import catalogue, codes, redeeming
from loyalty.tiers import benefits, editing, membership, move_account
from tests.factories import NOW, OrderFactory

LONG_AGO = NOW - timedelta(days=300)


def run_programme(objects: dict[str, Any], *, seller: User, admin: User) -> None:
    """Let a programme run in which the world's customer has points, a tier, a membership and redemptions."""
    who: dict[str, Any] = {"by": admin, "at": LONG_AGO}
    programme = programmes.create_programme(
        "club",
        name="茶友会",
        settings={"worth_of_100": 100, "referral_referrer": 50, "tier_basis": "points"},
        **who,
    )
    EarningRule.objects.filter(programme=programme).update(name="每元一分", name_alt="")
    rule = programme.rules.order_by("position").first()
    programmes.start_programme(programme, by=admin, at=LONG_AGO)
    rules.change_rule(
        rule, document={"kind": "amount", "points": "2", "per": "1"}, reason="加倍。", by=admin, at=NOW
    )
    programmes.change_programme(programme, values={"pending_days": 7}, reason="退货期。", by=admin, at=NOW)
    silver, gold = (
        editing.create_tier(programme, code=code, name=name, threshold=least, **who)
        for code, name, least in (("silver", "银卡", 500), ("gold", "金卡", 5000))
    )
    training = editing.create_benefit(silver, kind="training", name="产品培训", a_year=2, **who)
    editing.create_benefit(gold, kind="delivery", name="免运费", **who)
    plan = membership.create_plan(
        programme, code="plus", name="年度会员", price=19_900, months=12, tier=gold, by=admin, at=NOW
    )
    account = accounts.account_for(objects["customer"].pk, at=LONG_AGO)
    account = _points(account, admin)
    move_account(account, NOW)
    benefits.use_benefit(account, training, note="两小时", by=seller, at=NOW)
    adjusting.adjust(account, points=9_000, reason="赔付运费。", key="a", by=seller, at=NOW)
    cup, voucher = _rewards(programme, admin)
    redeeming.ask_reward(account, cup, key="one", by=seller, at=NOW)
    redeeming.ask_reward(account, voucher, key="two", by=seller, at=NOW)
    membership.sell(account, plan, key="m", by=seller, at=NOW)
    _came_short(account)
    sealing.seal(NOW)
    sealing.verify(at=NOW)
    found = {"code": "account_entries", "table": "loyalty_pointsaccount", "id": 1, "expected": 5, "found": 6}
    LedgerCheck.objects.create(began_at=NOW, ended_at=NOW, accounts=1, damaged=1, findings=[found])
    objects |= {
        "points_account": account,
        "earning_rule": rule.code,
        "tier": silver,
        "benefit": training,
        "plan": plan,
        "reward": voucher,
    }


def give_points(customers: Any, *, by: User) -> None:
    """Let many customers have an account with points."""
    for number, customer in enumerate(customers):
        account = accounts.account_for(customer.pk, at=NOW)
        _earn(account, 10 + number, days=1)
        adjusting.adjust(account, points=5_000, reason="补积分。", key="a", by=by, at=NOW)
        _came_short(account)


def _came_short(account: PointsAccount) -> None:
    """Leave an order that came back when its points were spent."""
    order = OrderFactory(customer=account.customer, occurred_at=NOW - timedelta(days=3))
    OrderEarning.objects.create(
        programme=account.programme,
        account=account,
        customer=account.customer,
        order=order,
        occurred_at=order.occurred_at,
        occurred_day=order.occurred_at.toordinal(),
        seen_at=order.recorded_at,
        brought=1_250,
        short=1_250,
    )


def _points(account: PointsAccount, admin: User) -> PointsAccount:
    for days, points in ((290, 900), (200, 450), (120, 300), (60, 800), (20, 250)):
        _earn(account, points, days=days)
    earning.earn(
        account,
        points=120,
        source=None,
        occurred_at=NOW - timedelta(days=1),
        usable_day=NOW.toordinal() + 6,
        detail={},
        by=None,
        at=NOW,
    )
    adjusting.adjust(account, points=-40, reason="多记了。", key="b", by=admin, at=NOW)
    account.refresh_from_db()
    return account


def _earn(account: PointsAccount, points: int, *, days: int) -> None:
    at = NOW - timedelta(days=days)
    day = at.toordinal()
    given: dict[str, Any] = {"usable_day": day, "source": None, "detail": {}, "by": None}
    earning.earn(account, points=points, occurred_at=at, at=at, **given)


def _rewards(programme: Any, admin: User) -> list[Any]:
    who: dict[str, Any] = {"by": admin, "at": NOW}
    made = [
        catalogue.create_reward(programme, code=code, name=name, kind=kind, points=points, is_on=True, **who)
        for code, name, kind, points in (("cup", "茶杯", "goods", 200), ("voucher", "代金券", "code", 100))
    ]
    codes.add_codes(made[1], "券001\n券002", **who)
    return made
