"""A small company whose every text can be told from all others: two teams, and what belongs to each.

What North owns carries canaries: words that stand nowhere else. Whoever must not see North's work must
never get one of them in an answer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib.sessions.models import Session

from customers.ground import clock
from customers.ground.models import AuditEvent
from customers.models import Customer, ImportBatch, User
from retention import calls, cases
from retention.models import EarlyWarning, FollowUpCall, Loss, RetentionCase
from tests.factories import (
    NOW,
    CompanyFactory,
    ContactFactory,
    ContractFactory,
    CustomerFactory,
    InteractionFactory,
    OrderFactory,
    TeamFactory,
    UserFactory,
)
from tests.retention import makers

CANARY = "zxcanary"
"""Every planted word begins with it."""


@dataclass
class World:
    """Who works here, and the ids of what North and South own, by kind."""

    users: dict[str, User] = field(default_factory=dict)
    north: dict[str, list[int]] = field(default_factory=dict)
    south: dict[str, list[int]] = field(default_factory=dict)
    company: dict[str, list[int]] = field(default_factory=dict)
    canaries: set[str] = field(default_factory=set)

    def canary(self) -> str:
        """Return a word that stands nowhere else, and remember it."""
        word = f"{CANARY}{len(self.canaries):03d}q"
        self.canaries.add(word)
        return word


def build() -> World:
    """Build the company; the clock is fixed at the factories' Monday."""
    CompanyFactory()
    clock.fix(NOW)
    world = World()
    north, south = TeamFactory(name="North"), TeamFactory(name="South")
    users = world.users
    users["owner"] = UserFactory(username="owner", team=north)
    users["north_lead"] = UserFactory(username="north_lead", role="team_lead", team=north)
    users["outsider"] = UserFactory(username="outsider", team=south)
    users["south_lead"] = UserFactory(username="south_lead", role="team_lead", team=south)
    for role in ("admin", "analyst", "integration"):
        users[role] = UserFactory(username=role, role=role)
    users["left"] = UserFactory(username="left", team=south, is_active=False)
    world.north = _belongings(world, users["owner"], users["north_lead"], hidden=True)
    world.south = _belongings(world, users["outsider"], users["south_lead"], hidden=False)
    world.company = {
        "rule": list(EarlyWarning.objects.values_list("rule", flat=True)),
        "sweep": list(EarlyWarning.objects.values_list("sweep_run", flat=True)),
        "team": [north.pk, south.pk],
        "user": [user.pk for user in users.values()],
    }
    return world


def _belongings(world: World, owner: User, lead: User, *, hidden: bool) -> dict[str, list[int]]:
    """Give ``owner`` one customer with an open case and one that was lost, with all that hangs on them."""

    def word() -> str:
        return world.canary() if hidden else "plain"

    found: dict[str, list[int]] = {
        "customer": [],
        "contact": [],
        "order": [],
        "contract": [],
        "interaction": [],
        "complaint": [],
        "case": [],
        "call": [],
        "warning": [],
        "loss": [],
    }
    for number in range(2):
        customer = CustomerFactory(
            name=f"{word()} Trading",
            name_alt=word(),
            city=word(),
            segment=word(),
            notes=word(),
            owner=owner,
            contact=False,
        )
        contact = ContactFactory(
            customer=customer, name=word(), phone=f"+86 {word()}", email=f"{word()}@example.org"
        )
        found["customer"].append(customer.pk)
        found["contact"].append(contact.pk)
        found["order"].append(OrderFactory(customer=customer, number=word()).pk)
        found["contract"].append(ContractFactory(customer=customer, number=word()).pk)
        found["interaction"].append(InteractionFactory(customer=customer, text=word()).pk)
        found["complaint"].append(
            makers.file_complaint(customer, by=owner, text=word(), category="delivery").pk
        )
        makers.give_margin(customer, 10_000 + number)
        case = makers.make_case(customer, by=owner, reason=word())
        warning = makers.make_warning(customer, run=makers.make_run(), case=case)
        logged = calls.log_call(makers.planned_call(case), outcome="no_answer", note=word(), by=owner, at=NOW)
        case.refresh_from_db()
        found["case"].append(case.pk)
        found["warning"].append(warning.pk)
        found["call"] += [logged.call.pk, logged.next_call.pk]  # type: ignore[union-attr]
        if number:
            cases.diagnose(case, churn_type="active", causes=[makers.cause("price")], by=owner, at=NOW)
            cases.close_case(case, outcome="lost", reason=word(), by=owner, at=NOW)
            found["loss"].append(Loss.objects.get(case=case).pk)
    found["import"] = [
        ImportBatch.objects.create(
            kind="customers", status="done", file_name=f"{word()}.csv", by=lead, made_at=NOW, problem=word()
        ).pk
    ]
    return found


MODELS = {
    "customer": Customer,
    "case": RetentionCase,
    "call": FollowUpCall,
    "warning": EarlyWarning,
    "loss": Loss,
    "import": ImportBatch,
}


def is_visible(kind: str, pk: int, user: User) -> bool:
    """Say whether ``user`` may see this object, by the one permission method of its model."""
    if kind in MODELS:
        return MODELS[kind].objects.visible_to(user).filter(pk=pk).exists()  # type: ignore[attr-defined]
    model = apps.get_model("customers", kind)
    owners = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    return model.objects.filter(pk=pk, customer__in=owners).exists()


def digests(*, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Return a digest of every table's rows, but for audit, sessions and what ``without`` names."""
    left_out = {AuditEvent._meta.label, Session._meta.label, *without}
    found = {}
    for model in apps.get_models():
        if model._meta.label in left_out or not model._meta.managed:
            continue
        rows = model._default_manager.order_by("pk").values_list()
        found[model._meta.label] = hashlib.sha256(repr(list(rows)).encode()).hexdigest()
    return found


SOON = (NOW + timedelta(days=1)).isoformat()


def form_of(world: World, user: User) -> dict[str, Any]:
    """Return what a form of any page would send to succeed, with ids that ``user`` may use."""
    own = world.south
    return {
        "outcome": "not_pursued",
        "note": "Hello.",
        "reason": "Because.",
        "due_at": "2026-05-12T10:00",
        "kind": "save",
        "severity": "2",
        "direction": "out",
        "channel": "phone",
        "text": "Hello.",
        "churn_type": "active",
        "causes": [str(makers.cause("price").pk)],
        "to": str(world.users["outsider"].pk),
        "switch": "off",
        "contact": str(own["contact"][0]),
        "name": "Hello",
        "username": "hello",
        "role": "analyst",
        "language": "en",
        "is_active": "false",
    }
