"""Follow-up calls: what is due, what came of them."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.views import Details, Lists, Resource
from retention import calls, cases
from retention.api.known import KnownId
from retention.api.roles import SEES_CASES, WORKS_CASES
from retention.api.shapes import CallShape, LoggedShape
from retention.api.takes import LogCall, PlanWith
from retention.models import FollowUpCall

CALL_REFUSALS = [
    "call_later_without_moment",
    "no_call_after_that",
    "call_due_in_the_past",
    "call_due_too_far",
    "call_already_logged",
    "case_closed",
    "case_moved_meanwhile",
]


class CallFilter(filters.FilterSet):
    """Which calls."""

    status = filters.ChoiceFilter(choices=FollowUpCall.Status.choices)
    outcome = filters.ChoiceFilter(choices=FollowUpCall.Outcome.choices)
    case = filters.IdFilter(field_name="case_id")
    customer = filters.IdFilter(field_name="customer_id")
    assignee = filters.IdFilter(field_name="assignee_id")
    due_before = filters.MomentFilter(field_name="due_at", lookup_expr="lt")
    due_since = filters.MomentFilter(field_name="due_at", lookup_expr="gte")

    class Meta:
        model = FollowUpCall
        fields: list[str] = []


class Calls(Lists, Details, Resource):
    tag = "calls"
    model = FollowUpCall
    detail_route = "api:call-detail"
    serializer_class = CallShape
    filterset_class = CallFilter
    orders = {"due": ("due_at", "id"), "newest": ("-id",)}
    access = {
        "list": may(*SEES_CASES, scope="cases:read"),
        "retrieve": may(*SEES_CASES, scope="cases:read"),
        "create": may(*WORKS_CASES, scope="cases:write"),
        "log": may(*WORKS_CASES, scope="cases:write"),
    }
    takes = {"create": PlanWith, "log": LogCall}
    gives = {"log": LoggedShape}
    refuses = {
        "create": [
            *("case_without_reason", "call_due_in_the_past", "call_due_too_far", "customer_wants_no_calls"),
            *("case_closed", "case_moved_meanwhile"),
        ],
        "log": CALL_REFUSALS,
    }
    examples = {
        "create": {
            "customer": 12,
            "due_at": "2026-05-12T10:00:00+08:00",
            "reason": "Asked for the new price list.",
        },
        "log": {"outcome": "no_answer", "note": "Tried the mobile."},
    }

    def rows(self) -> QuerySet[FollowUpCall]:
        """Return the calls of the cases that the caller may see."""
        visible: QuerySet[FollowUpCall] = FollowUpCall.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        if self.action == "log":  # what she held until it closed is found too, so that the verb can say so
            mine = Q(pk__in=visible.values("pk")) | Q(case__assignee=self.request.user)
            return FollowUpCall.objects.filter(mine)
        return visible

    def create(self, request: Request) -> Response:
        """Plan a call with a customer; a case opens when none is open."""
        return self.made(cases.plan_call_with(**self.taken(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def log(self, request: Request, pk: str) -> Response:
        """Log what came of a planned call; the next one is planned by the cadence."""
        call = self.one()
        values = of_customer(self.taken(), call.customer_id)
        return logged(calls.log_call(call, **values, by=request.user, at=clock.now()))


def logged(done: calls.Logged) -> Response:
    """Answer with a call that was logged, and the next one."""
    shown: dict[str, Any] = LoggedShape(done).data
    return Response(shown)


def of_customer(values: dict[str, Any], customer_id: int) -> dict[str, Any]:
    """Return what was said of a call; a contact of another customer is refused as if there were none."""
    contact = values.get("contact")
    if contact is not None and contact.customer_id != customer_id:
        raise serializers.ValidationError({"contact": [KnownId.unknown()]})
    return values
