"""Improvements and what they answer, made by the verbs; loops as the smallest true rows."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from customers.models import Complaint, Customer, User
from retention.improving import planning
from retention.models import ImprovementAction, LoopClosure, RiseAlarm
from tests.factories import NOW, ComplaintFactory, ProductFactory, UserFactory
from tests.retention.makers import cause

TODAY = NOW.date()


def plan(owner: User | None = None, **said: Any) -> planning.Plan:
    """Return a plan: fewer complaints about late deliveries, due in four weeks."""
    values: dict[str, Any] = {
        "title": "Deliver within a day",
        "owner": owner or User.objects.filter(username="lead").first() or UserFactory(role="team_lead"),
        "due_on": TODAY + timedelta(days=28),
        "moves": "complaints",
    } | said
    if "causes" not in said and "product" not in said and values["moves"] == "complaints":
        values["causes"] = [cause("late_delivery")]
    return planning.Plan(**values)


def improvement(*, at: Any = NOW, **said: Any) -> ImprovementAction:
    """Return a planned improvement."""
    return planning.plan_improvement(plan(**said), by=None, at=at)


def done(*, at: Any = NOW, told_en: str = "", told_zh: str = "", **said: Any) -> ImprovementAction:
    """Return an improvement that is done."""
    made = improvement(at=at, **said)
    return planning.finish(made, told_en=told_en, told_zh=told_zh, by=None, at=at)


def complaint(customer: Customer, *, about: str = "late_delivery", **said: Any) -> Complaint:
    """Return a complaint with a cause."""
    made: Complaint = ComplaintFactory(customer=customer, cause=cause(about) if about else None, **said)
    return made


def loop(*, source: str = "unknown", **said: Any) -> LoopClosure:
    """Return an open loop that was received now."""
    values: dict[str, Any] = {
        "source": source,
        "kind": "complaint",
        "received_at": NOW,
        "respond_by": NOW + timedelta(hours=4),
        "due_at": NOW + timedelta(days=5),
        "salt": "s",
        "token_hash": secrets.token_hex(16),
    } | said
    return LoopClosure.objects.create(**values)


def rise(**said: Any) -> RiseAlarm:
    """Return an open alarm of a product, as the watch raises it."""
    figures = {"recent": 6, "before": 2, "recent_of": 28, "before_of": 168, "basis": "days"}
    known = {"kind": "complaints", "on": TODAY - timedelta(days=1), "p": 0.0004, "q": 0.003}
    product = said.pop("product", None) or ProductFactory()
    return RiseAlarm.objects.create(**figures | known | {"product": product, "raised_at": NOW} | said)
