"""Changes of the business: planned, counted, announced, followed customer by customer."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.views import Details, Lists, Resource
from customers.models.people import Role
from retention import changes
from retention.api.change_shapes import (
    ChangeDetailShape,
    ChangeEffectShape,
    ChangeShape,
    CloseChange,
    ConcernedShape,
    FollowCustomer,
    ImpactShape,
    PlanChange,
    plan_in,
)
from retention.api.roles import GIVES_CASES, SEES_CASES, WORKS_CASES
from retention.models import BusinessChange, ConcernedCustomer

ANNOUNCES = (Role.ADMIN, Role.INTEGRATION)
SEES_EFFECT = (Role.TEAM_LEAD, Role.ADMIN, Role.ANALYST, Role.INTEGRATION)
READ, WRITE = "changes:read", "changes:write"
STATE = ["change_move_not_allowed", "change_moved_meanwhile"]


class ChangeFilter(filters.FilterSet):
    """Which changes."""

    kind = filters.ChoiceFilter(choices=BusinessChange.Kind.choices)
    state = filters.ChoiceFilter(choices=BusinessChange.State.choices)
    is_crisis = filters.FlagFilter()

    class Meta:
        model = BusinessChange
        fields: list[str] = []


class Changes(Lists, Details, Resource):
    tag = "changes"
    model = BusinessChange
    detail_route = "api:change-detail"
    serializer_class = ChangeDetailShape
    filterset_class = ChangeFilter
    orders = {"newest": ("-id",), "id": ("id",)}
    access = {
        "list": may(*SEES_CASES, scope=READ),
        "retrieve": may(*SEES_CASES, scope=READ),
        "impact": may(*SEES_CASES, scope=READ),
        "effect": may(*SEES_EFFECT, scope=READ),
        "create": may(*GIVES_CASES, scope=WRITE),
        "revise": may(*GIVES_CASES, scope=WRITE),
        "announce": may(*ANNOUNCES, scope=WRITE),
        "close": may(*ANNOUNCES, scope=WRITE),
    }
    takes = {"create": PlanChange, "revise": PlanChange, "close": CloseChange}
    gives = {"list": ChangeShape, "impact": ImpactShape, "effect": ChangeEffectShape}
    refuses = {
        "create": ["change_plan"],
        "revise": ["change_plan", *STATE],
        "announce": ["change_concerns_nobody", "change_told_too_late", "condition_refused", *STATE],
        "close": ["change_still_waiting", "change_still_enrolling", *STATE],
        "impact": ["condition_refused"],
    }
    needs_match = ("revise",)
    _EXAMPLE: dict[str, Any] = {
        "kind": "price",
        "title_en": "New prices",
        "title_zh": "价格调整",
        "scope": "contracts",
        "notice_on": "2026-06-01",
        "effect_on": "2026-07-01",
        "explanation_en": "Steel costs more.",
        "explanation_zh": "钢材涨价。",
        "offer_en": "Who orders in June pays the old price.",
        "calls_margin": "5000.00",
    }
    examples = {
        "create": _EXAMPLE,
        "revise": {**_EXAMPLE, "effect_on": "2026-08-01"},
        "close": {"reason": "Called off."},
    }

    def rows(self) -> QuerySet[BusinessChange]:
        """Return all changes: they belong to the company. Customers are only those that one may see."""
        return BusinessChange.objects.select_related("segment", "substitute")

    def create(self, request: Request) -> Response:
        """Keep a change as a draft; nobody is told."""
        return self.made(changes.plan_change(plan_in(self.taken()), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def revise(self, request: Request, pk: str) -> Response:
        """Write a draft anew: what the body leaves out is left out of the change."""
        change = self.one(to_change=True)
        plan = plan_in(self.taken())
        return self.shown(changes.revise_change(change, plan, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def announce(self, request: Request, pk: str) -> Response:
        """Announce a draft: notices leave from the notice day on, calls are planned."""
        return self.shown(changes.announce(self.one(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Close a change, or give a draft up."""
        change = self.one()
        return self.shown(changes.close_change(change, **self.taken(), by=request.user, at=clock.now()))

    @action(detail=True)
    def impact(self, request: Request, pk: str) -> Response:
        """Count whom it concerns now, of the customers that the caller may see."""
        found = changes.impact(self.one(), user=request.user, at=clock.now())
        return Response(ImpactShape(found, context=self.get_serializer_context()).data)

    @action(detail=True)
    def effect(self, request: Request, pk: str) -> Response:
        """Compare the losses since the announcement; all null before a whole day has passed."""
        found = changes.effect_of(self.one(), at=clock.now())
        nothing = dict.fromkeys(ChangeEffectShape().fields)
        return Response(ChangeEffectShape(found if found is not None else nothing).data)


class ConcernedFilter(filters.FilterSet):
    """Which of the customers concerned."""

    change = filters.IdFilter(field_name="change_id")
    customer = filters.IdFilter(field_name="customer_id")
    state = filters.ChoiceFilter(choices=ConcernedCustomer.State.choices)
    is_late = filters.FlagFilter()

    class Meta:
        model = ConcernedCustomer
        fields: list[str] = []


class ConcernedCustomers(Lists, Details, Resource):
    tag = "changes"
    model = ConcernedCustomer
    detail_route = "api:change-customer-detail"
    serializer_class = ConcernedShape
    filterset_class = ConcernedFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {
        "list": may(*SEES_CASES, scope=READ),
        "retrieve": may(*SEES_CASES, scope=READ),
        "follow": may(*WORKS_CASES, scope=WRITE),
    }
    takes = {"follow": FollowCustomer}
    refuses = {"follow": ["concerned_step", "concerned_note_missing", *STATE]}
    examples = {"follow": {"state": "accepts", "note": "Takes the green one."}}

    def rows(self) -> QuerySet[ConcernedCustomer]:
        """Return the rows of the customers that the caller may see."""
        found: QuerySet[ConcernedCustomer] = ConcernedCustomer.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return found

    @action(detail=True, methods=["post"])
    def follow(self, request: Request, pk: str) -> Response:
        """Say how far a customer came."""
        return self.shown(changes.set_state(self.one(), **self.taken(), by=request.user, at=clock.now()))
