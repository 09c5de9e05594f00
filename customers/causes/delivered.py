"""The delivered causes of leaving: both levels of the catalogue, kept in the database from these tables."""

from __future__ import annotations

from typing import Any

from customers.models import Cause

UNKNOWN = "unknown"

CAUSES: tuple[tuple[str, str, str], ...] = (
    ("product_quality", "Product quality", "产品质量"),
    ("service_experience", "Service experience", "服务体验"),
    ("price", "Price", "价格"),
    ("misleading_promise", "Misleading promise", "承诺不符"),
    ("neglected_relationship", "Neglected relationship", "疏于维系"),
    ("competitor", "Competitor", "竞争对手"),
    ("brand_damage", "Brand damage", "品牌受损"),
    ("business_change", "Business change on our side", "我方业务调整"),
    ("own_situation", "Customer's own situation", "客户自身情况"),
    ("account_manager_left", "Account manager left", "客户经理离职"),
    ("no_innovation", "Lack of innovation or of difference", "缺乏创新或差异化"),
    ("need_changed", "Need changed", "需求变化"),
    ("no_personal_attention", "No personal attention", "缺乏个性化关怀"),
    (UNKNOWN, "Unknown", "未知"),
)
"""Code, English and Chinese name of the first level, in order of display."""

DETAILS: tuple[tuple[str, str, str, str], ...] = (
    (
        "product_quality",
        "unstable_quality",
        "Unstable quality of a launch or second batch",
        "首批或后续批次质量不稳定",
    ),
    ("service_experience", "late_delivery", "Late delivery", "交货延迟"),
    ("service_experience", "slow_after_sales", "Slow after-sales service", "售后响应慢"),
    ("service_experience", "unfriendly_staff", "Unfriendly staff", "服务态度不佳"),
    ("service_experience", "inconvenient_buying", "Inconvenient buying", "购买不便"),
    ("service_experience", "outage", "Outage", "服务中断"),
    ("price", "price_raised", "Price raised", "涨价"),
    ("price", "too_expensive", "Too expensive", "价格偏高"),
    ("price", "hidden_cost", "Hidden cost", "隐性收费"),
    ("misleading_promise", "exaggerated_claims", "Exaggerated claims", "夸大宣传"),
    (
        "misleading_promise",
        "short_term_gain",
        "Short-term gain at the customer's expense",
        "为短期利益损害客户利益",
    ),
    ("neglected_relationship", "poor_communication", "Poor communication", "沟通不畅"),
    ("neglected_relationship", "nobody_in_touch", "Nobody in touch", "长期无人联系"),
    ("business_change", "company_turbulence", "Company turbulence", "公司经营动荡"),
    ("own_situation", "moved_away", "Moved away", "客户搬迁"),
    ("own_situation", "less_money", "Less money", "资金紧张"),
    ("own_situation", "closed_down", "Closed down", "停业或注销"),
    ("need_changed", "taste_changed", "Taste changed", "喜好改变"),
    ("no_personal_attention", "unequal_treatment", "Unequal treatment", "区别对待"),
)
"""Code of the parent, code, English and Chinese name of the second level, in order of display."""


def sync(**_kwargs: Any) -> int:
    """Add the delivered causes that are missing; return how many are delivered.

    What a person renamed, moved or retired stays as it is.
    """
    _add(
        Cause(code=code, name_en=english, name_zh=chinese, position=position)
        for position, (code, english, chinese) in enumerate(CAUSES, start=1)
    )
    parents = dict(Cause.objects.filter(parent=None).values_list("code", "pk"))
    _add(
        Cause(code=code, parent_id=parents.get(parent), name_en=english, name_zh=chinese, position=position)
        for position, (parent, code, english, chinese) in enumerate(DETAILS, start=1)
    )
    return len(CAUSES) + len(DETAILS)


def _add(causes: Any) -> None:
    Cause.objects.bulk_create(causes, ignore_conflicts=True)
