"""The delivered causes of leaving: first level of the catalogue, kept in the database from this table."""

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
"""Code, English and Chinese name, in order of display."""


def choices() -> Any:
    """Return the causes that a diagnosis may name, in order."""
    return Cause.objects.filter(is_retired=False)


def sync(**_kwargs: Any) -> int:
    """Add the delivered causes that are missing; return how many the table holds.

    What a person renamed, moved or retired stays as it is.
    """
    Cause.objects.bulk_create(
        [
            Cause(code=code, name_en=english, name_zh=chinese, position=position)
            for position, (code, english, chinese) in enumerate(CAUSES, start=1)
        ],
        ignore_conflicts=True,
    )
    return len(CAUSES)
