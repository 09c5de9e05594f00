"""What a distribution does, in words."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from customers.ground import clock
from surveys.distributions import words
from tests.factories import TeamFactory
from tests.surveys.distributing import NOW, distribution

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


@pytest.mark.parametrize(
    ("said", "english", "chinese"),
    [
        ({}, "once, from the start on", "开始后发放一次"),
        (
            {"kind": "periodic", "period_days": 90},
            "each once in 90 days, spread over all days",
            "每人每 90 天一次，分布到每一天",
        ),
        (
            {"kind": "event", "trigger": "order_delivered", "delay_days": 1},
            "1 day after an order was delivered",
            "订单送达后 1 天",
        ),
        (
            {"kind": "event", "trigger": "complaint_resolved"},
            "at once when a complaint was resolved",
            "投诉解决后立即",
        ),
        (
            {"kind": "event", "trigger": "customer_lost", "delay_days": 7},
            "7 days after a customer was lost",
            "客户流失后 7 天",
        ),
    ],
)
def test_when(said, english, chinese):
    one = distribution(**said)
    with translation.override("en"):
        assert words.when(one) == english
    with translation.override("zh-hans"):
        assert words.when(one) == chinese


def test_whom_and_by_which_way():
    team = TeamFactory(name="North")
    one = distribution(kind="periodic", period_days=90, team_id=team.pk, fallback="sms")
    with translation.override("en"):
        assert words.whom(one, {}) == "All customers: the main contact of each customer, team North only"
        assert words.whom(one, {one.pk: "VIP"}) == words.whom(one, {})
        assert words.ways(one) == "e-mail, else text message"
        assert dict(words.facts_of(one))["Reminder"] == "none"
    one.audience, one.whom = "segment", "all"
    with translation.override("en"):
        assert words.whom(one, {one.pk: "VIP"}).startswith("“VIP”: all contacts of each customer")
        assert words.whom(one, {}).startswith("A group that is gone")
