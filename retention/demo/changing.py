"""The demo company's changes: one product goes, and its buyers are told one by one; a new price is a draft."""

# ruff: noqa: E501 — sentences in two languages
from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from django.db import transaction

from customers import company
from customers.demo.chance import stream
from customers.ground import localtime
from customers.models import Message, Product, User
from retention import changes
from retention.changes import informing, moving
from retention.changes.concerned import enrol
from retention.demo.weeks import in_language, mornings_before
from retention.models import BusinessChange, ConcernedCustomer

State = ConcernedCustomer.State
TOLD_BY_HAND = {
    State.TO_INFORM: 0.14,
    State.INFORMED: 0.42,
    State.REACHED: 0.16,
    State.ACCEPTS: 0.2,
    State.OBJECTS: 0.08,
}
"""No sender is in use, so no notice leaves; account managers tell their customers themselves."""
TO_CALL = 6
NOTES: dict[str, tuple[str, str]] = {
    State.INFORMED: ("微信上说了，资料已发。", "Told by chat, with the papers."),
    State.REACHED: ("电话里解释过，对方要内部商量。", "Explained on the phone; they want to talk it over."),
    State.ACCEPTS: ("同意换丁腈手套，先试一箱。", "Takes the nitrile gloves and tries one box first."),
    State.OBJECTS: ("嫌替代品贵，希望保留原价。", "Finds the substitute too dear and wants the old price."),
}
GLOVES: dict[str, Any] = {
    "title_en": "Kitchen gloves are withdrawn",
    "title_zh": "厨房手套停售",
    "explanation_en": "The maker gives the kitchen gloves up. Nitrile gloves take their place; they last longer and are tested for food.",
    "explanation_zh": "厂家停产厨房手套，由丁腈手套代替：更耐用，并通过食品接触检测。",
    "offer_en": "The first three boxes at the old price.",
    "offer_zh": "前三箱按原价供应。",
    "questions_en": "How long can we order? Until the last day, as long as there is stock.",
    "questions_zh": "还能订多久？到停售日为止，售完即止。",
}
COFFEE: dict[str, Any] = {
    "title_en": "New price of coffee beans",
    "title_zh": "咖啡豆调价",
    "explanation_en": "Green coffee has become a third dearer within a year; from then on five kilograms cost 6 % more.",
    "explanation_zh": "生豆一年内涨了三分之一，届时 5 公斤装上调 6%。",
    "offer_en": "Whoever orders a quarter's need before that day keeps the old price.",
    "offer_zh": "在此之前订满一季度用量的，仍按原价。",
}


@transaction.atomic
def change_business(*, seed: int, at: datetime) -> int:
    """Withdraw a product and follow its buyers, and draft a new price; return how many are concerned.

    No message is written: each notice is noted as one for which there is no sender.
    """
    admin = User.objects.filter(username="admin").first()
    goods = {one.code: one for one in Product.objects.filter(code__in=("P07", "P08", "P18"))}
    if admin is None or len(goods) < 3:
        return 0
    _price(goods["P08"], by=admin, at=at)
    return _withdraw(goods["P07"], goods["P18"], by=admin, seed=seed, at=at)


def _price(coffee: Product, *, by: User, at: datetime) -> None:
    plan = changes.Plan(
        kind=BusinessChange.Kind.PRICE,
        scope=BusinessChange.Scope.PRODUCTS,
        products=[coffee],
        bought_days=180,
        notice_on=_day(at + timedelta(days=7)),
        effect_on=_day(at + timedelta(days=45)),
        **COFFEE,
    )
    changes.plan_change(plan, by=by, at=mornings_before(at, calendar=company.working_calendar())[8])


def _withdraw(gloves: Product, instead: Product, *, by: User, seed: int, at: datetime) -> int:
    mornings = mornings_before(at, calendar=company.working_calendar())
    announced_at = mornings[3] + timedelta(hours=1)
    plan = changes.Plan(
        kind=BusinessChange.Kind.WITHDRAWN,
        scope=BusinessChange.Scope.PRODUCTS,
        products=[gloves],
        substitute=instead,
        bought_days=30,
        calls_top_tier=False,
        notice_on=_day(mornings[3]),
        effect_on=_day(at + timedelta(days=24)),
        **GLOVES,
    )
    change = changes.plan_change(plan, by=by, at=mornings[1])
    if not changes.concerned(change, at=announced_at).exists():
        return 0
    changes.announce(change, by=by, at=announced_at)
    _enrol(change, is_late=False, at=announced_at)
    change.enrolled_at = announced_at
    change.save(update_fields=["enrolled_at"])
    rows = list(change.concerned.select_related("change", "customer__owner").order_by("customer_id"))
    _leave_to_people(change, rows, at=announced_at)
    _follow(rows, stream(seed, "change"), mornings=mornings)
    _enrol(change, is_late=True, at=at)
    late = change.concerned.filter(is_late=True)
    late.update(handled_at=at, unsent=Message.Reason.NO_SENDER)
    return change.concerned.count()


def _enrol(change: BusinessChange, *, is_late: bool, at: datetime) -> None:
    """Write down everybody concerned, as the worker does from the outbox and each night."""
    after = 0
    while ids := enrol(change, is_late=is_late, after=after, at=at):
        after = ids[-1]


def _leave_to_people(change: BusinessChange, rows: list[ConcernedCustomer], *, at: datetime) -> None:
    """Note that no notice can leave, and whom somebody will call."""
    margins = sorted((row.margin_365d for row in rows), reverse=True)
    limit = max(1, margins[min(TO_CALL, len(margins)) - 1])
    BusinessChange.objects.filter(pk=change.pk).update(calls_margin=limit)
    change.calls_margin = limit
    for row in rows:
        row.handled_at, row.unsent = at, Message.Reason.NO_SENDER
    informing.plan_calls(change, rows, at=at)
    ConcernedCustomer.objects.bulk_update(rows, ["handled_at", "unsent", "case"])
    moving.move_to(change, BusinessChange.State.FOLLOWED, by=None, at=at, followed_at=at)


def _follow(rows: list[ConcernedCustomer], random: Random, *, mornings: list[datetime]) -> None:
    """Let account managers say how far their customers came; who is to be called has been told, no more."""
    for row in rows:
        state = random.choices(list(TOLD_BY_HAND), list(TOLD_BY_HAND.values()))[0]
        told_at = mornings[random.randrange(4, 7)] + timedelta(minutes=random.randrange(20, 170))
        then_at = mornings[random.randrange(7, 10)] + timedelta(minutes=random.randrange(20, 170))
        if row.case_id is not None:
            state = State.INFORMED
        if state == State.TO_INFORM:
            continue
        _set(row, State.INFORMED, at=told_at)
        if state != State.INFORMED:
            _set(row, state, at=then_at)


def _set(row: ConcernedCustomer, state: str, *, at: datetime) -> None:
    note = in_language(NOTES[state], row.customer)
    changes.set_state(row, state=state, note=note, by=row.customer.owner, at=at)


def _day(at: datetime) -> date:
    return localtime.day_of(company.today(at).number)
