"""The rules that come with the product. They ship switched off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections, transaction

from customers.ground import clock
from retention.models import RuleVersion, WarningRule
from retention.models.rules import CaseKind, Severity
from retention.rules.conditions import Json, parse
from retention.rules.versions import content_of

HOUR = 60
WORKING_DAY = 8 * HOUR
"""Deadlines are counted in working minutes: a working day stands for eight hours."""


@dataclass(frozen=True)
class ReadyRule:
    """A rule as delivered; ``cool_down_days`` from the close, ``call_within_minutes`` of working time.

    ``is_proven``: on twenty demo companies it foresaw losses better than longest silence, by much and not
    by luck (``benchmarks/proof.py``; ``docs/backtest.md`` has the figures).
    """

    code: str
    name_en: str
    name_zh: str
    condition: Json
    severity: Severity
    cool_down_days: int
    call_within_minutes: int
    case_kind: CaseKind = CaseKind.SAVE
    is_proven: bool = False


READY: tuple[ReadyRule, ...] = (
    ReadyRule(
        code="overdue",
        name_en="Twice the usual time without an order",
        name_zh="超过平常间隔两倍未下单",
        # Unknown before the fourth day with an order, so a newcomer never matches.
        condition={"measure": "overdue_ratio", "op": ">=", "value": 2},
        severity=Severity.MEDIUM,
        cool_down_days=30,
        call_within_minutes=2 * WORKING_DAY,
        is_proven=True,
    ),
    ReadyRule(
        code="spend-halved",
        name_en="Spend has halved",
        name_zh="消费额减半",
        # At least four orders in the 180 days that are compared; nothing spent before compares with nothing.
        condition={
            "all": [
                {"measure": "spend_90d_vs_previous", "op": "<=", "value": "0.5"},
                {"measure": "orders_180d", "op": ">=", "value": 4},
            ]
        },
        severity=Severity.MEDIUM,
        cool_down_days=60,
        call_within_minutes=2 * WORKING_DAY,
    ),
    ReadyRule(
        code="no-contact",
        name_en="No contact for 60 days",
        name_zh="60 天没有联系",
        # Unknown for whom we never contacted: silence needs a conversation that fell silent.
        condition={"measure": "days_since_last_contact", "op": ">=", "value": 60},
        severity=Severity.LOW,
        cool_down_days=30,
        call_within_minutes=5 * WORKING_DAY,
    ),
    ReadyRule(
        code="complaint-overdue",
        name_en="A complaint is overdue",
        name_zh="投诉逾期未解决",
        condition={"measure": "complaints_overdue", "op": ">=", "value": 1},
        severity=Severity.HIGH,
        cool_down_days=7,
        call_within_minutes=4 * HOUR,
        case_kind=CaseKind.RECOVERY,
    ),
    ReadyRule(
        code="complaint-reopened",
        name_en="A complaint was reopened",
        name_zh="投诉被重新提出",
        condition={"measure": "complaints_reopened_open", "op": ">=", "value": 1},
        severity=Severity.HIGH,
        cool_down_days=7,
        call_within_minutes=4 * HOUR,
        case_kind=CaseKind.RECOVERY,
    ),
    ReadyRule(
        code="complaints-rising",
        name_en="More complaints than before",
        name_zh="投诉增多",
        condition={
            "all": [
                {"measure": "complaints_90d", "op": ">=", "value": 2},
                {"measure": "complaints_90d", "op": ">", "factor": 1, "other": "complaints_prev_90d"},
            ]
        },
        severity=Severity.MEDIUM,
        cool_down_days=30,
        call_within_minutes=WORKING_DAY,
        case_kind=CaseKind.RECOVERY,
    ),
    ReadyRule(
        code="contract-ending",
        name_en="The contract ends within 60 days",
        name_zh="合同将在 60 天内到期",
        condition={"measure": "days_to_contract_end", "op": "<=", "value": 60},
        severity=Severity.MEDIUM,
        cool_down_days=60,
        call_within_minutes=3 * WORKING_DAY,
    ),
    ReadyRule(
        code="owner-gone",
        name_en="The account manager left or changed",
        name_zh="客户经理离开或更换",
        condition={
            "any": [
                {"measure": "owner_inactive", "op": "=", "value": 1},
                {"measure": "days_since_owner_change", "op": "<=", "value": 30},
            ]
        },
        severity=Severity.LOW,
        cool_down_days=60,
        call_within_minutes=3 * WORKING_DAY,
    ),
    ReadyRule(
        code="main-contact-left",
        name_en="The main contact left",
        name_zh="主要联系人已离职",
        # A month after somebody followed, too: the new one knows nobody here yet.
        condition={
            "any": [
                {"measure": "main_contact_gone", "op": "=", "value": 1},
                {"measure": "days_since_main_contact_left", "op": "<=", "value": 30},
            ]
        },
        severity=Severity.MEDIUM,
        cool_down_days=60,
        call_within_minutes=2 * WORKING_DAY,
    ),
    ReadyRule(
        code="moved-away",
        name_en="The customer moved away",
        name_zh="客户已搬迁",
        condition={"measure": "days_since_move", "op": "<=", "value": 60},
        severity=Severity.LOW,
        cool_down_days=180,
        call_within_minutes=3 * WORKING_DAY,
    ),
    ReadyRule(
        code="usage-falling",
        name_en="Usage has halved",
        name_zh="使用量减半",
        # At least ten in the 30 days before: a few more or less say nothing.
        condition={
            "all": [
                {"measure": "usage_30d_vs_previous", "op": "<=", "value": "0.5"},
                {"measure": "usage_prev_30d", "op": ">=", "value": 10},
            ]
        },
        severity=Severity.MEDIUM,
        cool_down_days=30,
        call_within_minutes=2 * WORKING_DAY,
        is_proven=True,
    ),
    ReadyRule(
        code="balance-falling",
        name_en="The balance held has halved",
        name_zh="持有余额减半",
        condition={"measure": "balance_vs_30d_ago", "op": "<=", "value": "0.5"},
        severity=Severity.HIGH,
        cool_down_days=30,
        call_within_minutes=WORKING_DAY,
        is_proven=True,
    ),
    ReadyRule(
        code="invoice-overdue",
        name_en="An invoice is more than a week overdue",
        name_zh="账单逾期超过一周",
        condition={"measure": "days_invoice_overdue", "op": ">", "value": 7},
        severity=Severity.MEDIUM,
        cool_down_days=30,
        call_within_minutes=2 * WORKING_DAY,
    ),
    ReadyRule(
        code="payment-failed",
        name_en="A payment failed and is still owed",
        name_zh="付款失败且仍未付清",
        condition={
            "all": [
                {"measure": "payments_failed_30d", "op": ">=", "value": 1},
                {"measure": "invoices_open", "op": ">=", "value": 1},
            ]
        },
        severity=Severity.MEDIUM,
        cool_down_days=30,
        call_within_minutes=WORKING_DAY,
    ),
    ReadyRule(
        code="delivery-late",
        name_en="A delivery is overdue, or several came late",
        name_zh="交货逾期或多次延迟",
        condition={
            "any": [
                {"measure": "deliveries_overdue", "op": ">=", "value": 1},
                {"measure": "deliveries_late_90d", "op": ">=", "value": 2},
            ]
        },
        severity=Severity.MEDIUM,
        cool_down_days=30,
        call_within_minutes=WORKING_DAY,
        case_kind=CaseKind.RECOVERY,
    ),
    ReadyRule(
        code="second-failure",
        name_en="A second failure within 60 days",
        name_zh="60 天内再次出错",
        condition={"measure": "failures_60d", "op": ">=", "value": 2},
        severity=Severity.HIGH,
        cool_down_days=30,
        call_within_minutes=WORKING_DAY,
        case_kind=CaseKind.RECOVERY,
    ),
    ReadyRule(
        code="goods-returned",
        name_en="A quarter of what was sold came back",
        name_zh="四分之一的货被退回",
        # Two orders at least: of a single one that came back nobody can tell.
        condition={
            "all": [
                {"measure": "return_share_90d", "op": ">=", "value": "0.25"},
                {"measure": "orders_90d", "op": ">=", "value": 2},
            ]
        },
        severity=Severity.MEDIUM,
        cool_down_days=60,
        call_within_minutes=2 * WORKING_DAY,
    ),
    ReadyRule(
        code="orders-declining",
        name_en="Orders fall, and not by accident",
        name_zh="下单减少且并非偶然",
        # At least one order a month before: below that a count cannot tell a decline.
        condition={
            "all": [
                {"measure": "count_decline", "op": "<=", "value": "0.05"},
                {"measure": "order_days_before_90d", "op": ">=", "value": 12},
            ]
        },
        severity=Severity.MEDIUM,
        cool_down_days=60,
        call_within_minutes=2 * WORKING_DAY,
        is_proven=True,
    ),
    ReadyRule(
        code="order-missing",
        name_en="The next order is long due",
        name_zh="早该下单却没有下单",
        condition={
            "all": [
                {"measure": "overdue_score", "op": ">=", "value": "0.95"},
                {"measure": "order_days", "op": ">=", "value": 4},
            ]
        },
        severity=Severity.MEDIUM,
        cool_down_days=30,
        call_within_minutes=2 * WORKING_DAY,
    ),
    ReadyRule(
        code="courted-by-competitor",
        name_en="Courted by a competitor",
        name_zh="竞争对手正在争取该客户",
        # One offer may be nothing; several, or one that is clearly cheaper than ours, are meant.
        condition={
            "any": [
                {"measure": "competitor_sightings_90d", "op": ">=", "value": 2},
                {"measure": "competitor_price_gap", "op": ">=", "value": "1.05"},
            ]
        },
        severity=Severity.MEDIUM,
        cool_down_days=60,
        call_within_minutes=2 * WORKING_DAY,
        is_proven=True,
    ),
    ReadyRule(
        code="product-withdrawn",
        name_en="A product they buy was withdrawn",
        name_zh="客户所购产品已停售",
        # Early enough to offer them something else before they ask in vain.
        condition={"measure": "days_since_product_withdrawn", "op": "<=", "value": 30},
        severity=Severity.MEDIUM,
        cool_down_days=30,
        call_within_minutes=3 * WORKING_DAY,
    ),
    ReadyRule(
        code="indicator-worse",
        name_en="An indicator got worse",
        name_zh="指标变差",
        condition={"measure": "indicators_worse_30d", "op": ">=", "value": 1},
        severity=Severity.LOW,
        cool_down_days=30,
        call_within_minutes=3 * WORKING_DAY,
    ),
    ReadyRule(
        code="left-community",
        name_en="Left a community",
        name_zh="退出社群",
        condition={"measure": "days_since_left_community", "op": "<=", "value": 7},
        severity=Severity.MEDIUM,
        cool_down_days=30,
        call_within_minutes=2 * WORKING_DAY,
        is_proven=True,
    ),
    ReadyRule(
        code="detractor",
        name_en="Would not recommend us",
        name_zh="不愿推荐我们",
        condition={
            "all": [
                {"measure": "last_nps", "op": "<=", "value": 6},
                {"measure": "days_since_last_nps", "op": "<=", "value": 30},
            ]
        },
        severity=Severity.MEDIUM,
        cool_down_days=60,
        call_within_minutes=WORKING_DAY,
        case_kind=CaseKind.RECOVERY,
    ),
    ReadyRule(
        code="satisfaction-fell",
        name_en="Satisfaction fell",
        name_zh="满意度下降",
        # Two points of five at least, or down to where nobody is satisfied: a point less is no sign alone.
        condition={
            "all": [
                {"measure": "days_since_last_csat", "op": "<=", "value": 30},
                {
                    "any": [
                        {"measure": "csat_change", "op": "<=", "value": -2},
                        {
                            "all": [
                                {"measure": "csat_change", "op": "<=", "value": -1},
                                {"measure": "last_csat", "op": "<=", "value": 2},
                            ]
                        },
                    ]
                },
            ]
        },
        severity=Severity.MEDIUM,
        cool_down_days=60,
        call_within_minutes=2 * WORKING_DAY,
        case_kind=CaseKind.RECOVERY,
    ),
    ReadyRule(
        code="never-answers",
        name_en="Three invitations without an answer",
        name_zh="连续三次邀请未答复",
        condition={"measure": "non_response", "op": ">=", "value": 3},
        severity=Severity.LOW,
        cool_down_days=180,
        call_within_minutes=5 * WORKING_DAY,
    ),
    ReadyRule(
        code="negative-mentions",
        name_en="Complains about us in public",
        name_zh="公开发表负面评价",
        # A single one has a loop of its own at once; who writes again was not helped by it.
        condition={"measure": "negative_mentions_30d", "op": ">=", "value": 2},
        severity=Severity.MEDIUM,
        cool_down_days=30,
        call_within_minutes=WORKING_DAY,
        case_kind=CaseKind.RECOVERY,
    ),
    ReadyRule(
        code="points-expiring",
        name_en="Points are about to expire unused",
        name_zh="积分即将过期未用",
        condition={"measure": "points_expiring_30d", "op": ">=", "value": 500},
        severity=Severity.LOW,
        cool_down_days=60,
        call_within_minutes=5 * WORKING_DAY,
    ),
    ReadyRule(
        code="points-idle",
        name_en="A large balance of points lies idle",
        name_zh="大额积分长期闲置",
        condition={
            "all": [
                {"measure": "points_balance", "op": ">=", "value": 1000},
                {"measure": "days_since_points_moved", "op": ">=", "value": 180},
            ]
        },
        severity=Severity.LOW,
        cool_down_days=180,
        call_within_minutes=5 * WORKING_DAY,
    ),
    ReadyRule(
        code="redemption-stopped",
        name_en="Stopped redeeming points",
        name_zh="不再兑换积分",
        # Twice within the year at least: whoever redeems once a year has not stopped. With enough to redeem.
        condition={
            "all": [
                {"measure": "redemptions_365d", "op": ">=", "value": 2},
                {"measure": "days_since_redemption", "op": ">=", "value": 180},
                {"measure": "points_balance", "op": ">=", "value": 500},
            ]
        },
        severity=Severity.LOW,
        cool_down_days=180,
        call_within_minutes=5 * WORKING_DAY,
    ),
    ReadyRule(
        code="tier-at-risk",
        name_en="The tier is about to be lost",
        name_zh="会员等级即将下降",
        condition={"measure": "tier_at_risk", "op": "=", "value": 1},
        severity=Severity.MEDIUM,
        cool_down_days=60,
        call_within_minutes=3 * WORKING_DAY,
    ),
    ReadyRule(
        code="membership-lapsing",
        name_en="The paid membership ends or has lapsed",
        name_zh="付费会员即将到期或已失效",
        condition={
            "any": [
                {
                    "all": [
                        {"measure": "days_to_membership_end", "op": ">=", "value": 0},
                        {"measure": "days_to_membership_end", "op": "<=", "value": 30},
                    ]
                },
                {"measure": "membership_lapsed_90d", "op": "=", "value": 1},
            ]
        },
        severity=Severity.MEDIUM,
        cool_down_days=90,
        call_within_minutes=3 * WORKING_DAY,
    ),
)


def sync(*, at: datetime) -> int:
    """Add the ready rules that are not there yet, switched off; return how many.

    What exists stays as it is, so that nobody's edits are undone. Each new one gets its version 1.
    """
    there = set(WarningRule.objects.values_list("code", flat=True))
    missing = [(n, ready) for n, ready in enumerate(READY, start=1) if ready.code not in there]
    with transaction.atomic():
        WarningRule.objects.bulk_create(
            [_row(ready, position=n) for n, ready in missing], ignore_conflicts=True
        )
        made = WarningRule.objects.filter(code__in=[ready.code for _n, ready in missing], versions=None)
        RuleVersion.objects.bulk_create(
            [
                RuleVersion(
                    rule=rule,
                    version=rule.version,
                    condition=rule.condition,
                    severity=rule.severity,
                    content=content_of(rule),
                    made_at=at,
                )
                for rule in made
            ],
            ignore_conflicts=True,
        )
    return len(missing)


def is_proven(rule: WarningRule) -> bool | None:
    """Say whether a ready rule is proven; nothing of one whose condition is another than the delivered."""
    delivered = next((one for one in READY if one.code == rule.code and rule.is_ready_made), None)
    if delivered is None or rule.condition != parse(delivered.condition).as_json():
        return None
    return delivered.is_proven


def _row(ready: ReadyRule, *, position: int) -> WarningRule:
    return WarningRule(
        code=ready.code,
        name_en=ready.name_en,
        name_zh=ready.name_zh,
        condition=parse(ready.condition).as_json(),
        severity=ready.severity,
        case_kind=ready.case_kind,
        cool_down_days=ready.cool_down_days,
        call_within_minutes=ready.call_within_minutes,
        is_ready_made=True,
        position=position,
    )


def sync_after_migrate(using: str = "default", **_kwargs: Any) -> None:
    """Add the missing ready rules when the tables stand (signal ``post_migrate``)."""
    if RuleVersion._meta.db_table in connections[using].introspection.table_names():
        sync(at=clock.now())
