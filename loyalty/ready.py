"""The earning rules that a new programme begins with; all can be changed, and all but the first are off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ReadyRule:
    """A rule that is delivered: names in both languages, what it says, whether it counts at once."""

    code: str
    name: str
    name_alt: str
    document: dict[str, Any]
    is_on: bool = False


RULES = (
    ReadyRule(
        "spend",
        "1 point for each whole unit of money",
        "每消费 1 元得 1 分",
        {"kind": "amount", "points": "1", "per": "1"},
        is_on=True,
    ),
    ReadyRule("first-order", "First order", "首单奖励", {"kind": "first_order", "points": 100}),
    ReadyRule(
        "account-opened",
        "Welcome points",
        "开户奖励",
        {"kind": "event", "event": "account_opened", "points": 50},
    ),
    ReadyRule(
        "survey",
        "Survey answered, whatever the score",
        "回答问卷（与评分无关）",
        {"kind": "event", "event": "survey_answered", "points": 20, "times_a_year": 4},
    ),
    ReadyRule(
        "birthday-month",
        "Double points in the month of the birthday",
        "生日当月双倍积分",
        {"kind": "multiplier", "times": "2", "birthday": "month"},
    ),
    ReadyRule(
        "delivery",
        "Delivery earns nothing",
        "运费不计积分",
        {"kind": "exclusion", "labels": ["delivery"], "why": "delivery"},
    ),
    ReadyRule(
        "sale",
        "Sale goods earn nothing",
        "特价商品不计积分",
        {"kind": "exclusion", "labels": ["sale"], "why": "sale"},
    ),
    ReadyRule(
        "month-cap",
        "At most 10,000 points a month",
        "每月最多 10,000 分",
        {"kind": "cap", "points": 10_000, "period": "month"},
    ),
)
