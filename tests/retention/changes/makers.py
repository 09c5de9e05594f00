"""Changes of the business, planned and announced by the verbs."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from customers.ground.models import OutboxRow
from customers.models import Customer, Product
from retention import changes
from retention.changes import announcing
from retention.models import BusinessChange, ConcernedCustomer
from tests.factories import NOW, OrderFactory, OrderLineFactory, ago
from tests.retention.makers import give_margin

TODAY = date(2026, 5, 11)
WORDS = {
    "title_en": "The blue pump goes",
    "title_zh": "蓝泵停售",
    "explanation_en": "The maker gives it up.",
    "explanation_zh": "厂家停产。",
    "questions_en": "Are there spare parts? For ten years.",
    "questions_zh": "还有备件吗？供应十年。",
    "offer_en": "Ten percent off the green one.",
    "offer_zh": "绿泵九折。",
}


def plan(**values: Any) -> changes.Plan:
    """Return the plan of a withdrawal in thirty days, told of from today on."""
    said: dict[str, Any] = {
        "kind": "withdrawn",
        "scope": "products",
        "notice_on": TODAY,
        "effect_on": TODAY + timedelta(days=30),
        **WORDS,
    }
    return changes.Plan(**said | values)


def planned(*, at: datetime = NOW, **values: Any) -> BusinessChange:
    """Plan it."""
    return changes.plan_change(plan(**values), by=None, at=at)


def announced(*, at: datetime = NOW, **values: Any) -> BusinessChange:
    """Plan and announce it; who is concerned is written down, nobody was told yet."""
    return enrolled(changes.announce(planned(at=at, **values), by=None, at=at), at=at)


def enrolled(change: BusinessChange, *, at: datetime = NOW) -> BusinessChange:
    """Let the worker write down whom an announced change concerns."""
    rows = OutboxRow.objects.filter(handler=announcing.ENROL, done_at=None)
    while (row := rows.first()) is not None:
        announcing.enrol_concerned(row, at)
        OutboxRow.objects.filter(pk=row.pk).update(done_at=at)
    change.refresh_from_db()
    return change


def bought(customer: Customer, product: Product, *, days: float = 10, **line: Any) -> Any:
    """Let a customer have bought a product so many days ago."""
    order = OrderFactory(customer=customer, occurred_at=ago(days))
    return OrderLineFactory(order=order, product=product, **line)


def give_value(customer: Customer, *, tier: str = "C", margin: int = 0) -> None:
    """Put tier and margin into the wide table."""
    give_margin(customer, margin)
    customer.measures.value_tier = tier  # type: ignore[attr-defined]
    customer.measures.save()  # type: ignore[attr-defined]


def row_of(change: BusinessChange, customer: Customer) -> ConcernedCustomer:
    """Return how far a customer was followed."""
    return ConcernedCustomer.objects.get(change=change, customer=customer)
