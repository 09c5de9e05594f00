"""Planning a change: what is said of it before anybody outside hears of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import Customer, Product, User
from retention.changes.moving import ChangeMoved, NotAllowed
from retention.models import BusinessChange, ChangedProduct, ListedCustomer, Segment

Scope, State = BusinessChange.Scope, BusinessChange.State
MOST_WORDS, LEAST_WORD, MOST_WORD = 30, 2, 60
MOST_LISTED = 5_000
MOST_BOUGHT_DAYS = 1095
_ROWS = {"products", "customers", "notice_on", "effect_on", "words"}


class ChangeRefused(Refused):
    code = "change_plan"
    message = _("The plan of the change does not hold together.")


@dataclass(frozen=True)
class Plan:
    """All that a person says of a change.

    ``products``, ``segment`` or ``customers`` say whom it concerns, by ``scope``; products may be named for
    any scope. One language is enough: the other falls back on it. ``calls_margin``: base minor units a year.
    """

    kind: str
    scope: str
    notice_on: date
    effect_on: date
    title_en: str = ""
    title_zh: str = ""
    explanation_en: str = ""
    explanation_zh: str = ""
    questions_en: str = ""
    questions_zh: str = ""
    offer_en: str = ""
    offer_zh: str = ""
    is_crisis: bool = False
    bought_days: int = 365
    products: Sequence[Product] = ()
    segment: Segment | None = None
    customers: Sequence[Customer] = ()
    substitute: Product | None = None
    words: Sequence[str] = field(default_factory=tuple)
    calls_top_tier: bool = True
    calls_margin: int | None = None


def plan_change(plan: Plan, *, by: User | None, at: datetime) -> BusinessChange:
    """Keep a change as a draft: nobody is told, nothing is counted but what its page shows.

    Raises :class:`ChangeRefused` with what is missing. Side effects: audit ``change.plan``.
    """
    values = _checked(plan)
    with transaction.atomic():
        change = BusinessChange.objects.create(made_at=at, made_by=by, **values)
        _write_rows(change, plan)
        audit.record("change.plan", obj=change, by=by, at=at, codes={"kind": change.kind})
    return change


def revise_change(change: BusinessChange, plan: Plan, *, by: User | None, at: datetime) -> BusinessChange:
    """Write a draft anew; raise :class:`NotAllowed` once it was announced, and as :func:`plan_change`.

    Side effects: audit ``change.revise``.
    """
    if change.state != State.DRAFT:
        raise NotAllowed(state=change.get_state_display())
    values = _checked(plan)
    with transaction.atomic():
        if not BusinessChange.objects.filter(pk=change.pk, state=State.DRAFT).update(**values):
            raise ChangeMoved()
        change.about.all().delete()
        change.listed.all().delete()
        _write_rows(change, plan)
        change.refresh_from_db()
        audit.record("change.revise", obj=change, by=by, at=at, codes={"kind": change.kind})
    return change


def plan_of(change: BusinessChange) -> Plan:
    """Return what stands of a change as a plan."""
    said: dict[str, Any] = {
        one.name: getattr(change, one.name) for one in fields(Plan) if one.name not in _ROWS
    }
    return Plan(
        **said,
        notice_on=date.fromordinal(change.notice_day),
        effect_on=date.fromordinal(change.effect_day),
        words=change.words,
        products=[one.product for one in change.about.select_related("product").order_by("pk")],
        customers=[one.customer for one in change.listed.select_related("customer").order_by("customer_id")],
    )


def _write_rows(change: BusinessChange, plan: Plan) -> None:
    ChangedProduct.objects.bulk_create(
        ChangedProduct(change=change, product=one) for one in dict.fromkeys(plan.products)
    )
    if plan.scope == Scope.LISTED:
        ListedCustomer.objects.bulk_create(
            [ListedCustomer(change=change, customer=one) for one in dict.fromkeys(plan.customers)],
            batch_size=500,
        )


def _checked(plan: Plan) -> dict[str, Any]:
    """Return the columns of a plan that holds together; else say what does not."""
    title_en, title_zh = plan.title_en.strip(), plan.title_zh.strip()
    words = list(dict.fromkeys(word.strip() for word in plan.words if word.strip()))
    for does_hold, said in (
        (title_en or title_zh, _("Give the change a title, in English or Chinese.")),
        (
            plan.explanation_en.strip() or plan.explanation_zh.strip(),
            _("Write the explanation: it is what customers and callers are told."),
        ),
        (
            plan.notice_on <= plan.effect_on,
            _("Customers must hear of it no later than it happens: put the notice before the effect."),
        ),
        (
            plan.products or plan.scope != Scope.PRODUCTS,
            _("Name the products whose buyers it concerns, or choose somebody else."),
        ),
        (plan.segment or plan.scope != Scope.SEGMENT, _("Choose the segment that it concerns.")),
        (plan.customers or plan.scope != Scope.LISTED, _("Name the customers whom it concerns.")),
        (
            len(plan.customers) <= MOST_LISTED,
            _("These are more than 5,000 customers. Make them a segment instead."),
        ),
        (
            1 <= plan.bought_days <= MOST_BOUGHT_DAYS,
            _("Bought within how many days: a number from 1 to 1,095."),
        ),
        (
            plan.substitute is None or plan.substitute not in plan.products,
            _("The substitute is itself one of the products that change. Name another one."),
        ),
        (
            len(words) <= MOST_WORDS and all(LEAST_WORD <= len(word) <= MOST_WORD for word in words),
            _("Up to 30 words or phrases, each of 2 to 60 letters."),
        ),
        (
            plan.calls_margin is None or plan.calls_margin >= 0,
            _("The margin from which on customers are called is no less than nothing."),
        ),
    ):
        if not does_hold:
            raise ChangeRefused(said)
    plain = {one.name: getattr(plan, one.name) for one in fields(plan) if one.name not in _ROWS}
    return {
        **plain,
        "kind": BusinessChange.Kind(plan.kind),
        "scope": Scope(plan.scope),
        "title_en": title_en or title_zh,
        "title_zh": title_zh or title_en,
        "segment": plan.segment if plan.scope == Scope.SEGMENT else None,
        "notice_day": plan.notice_on.toordinal(),
        "effect_day": plan.effect_on.toordinal(),
        "words": words,
    }
