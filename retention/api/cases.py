"""Cases: read, opened by hand, given, diagnosed, called about, closed. One action per verb."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers.ground import clock
from customers.ground.api.access import may
from customers.ground.api.views import Details, Lists, Resource
from retention import calls, cases
from retention.api.calls import CALL_REFUSALS, logged, of_customer
from retention.api.finding import CaseFilter
from retention.api.roles import GIVES_CASES, SEES_CASES, TAKES_CASES, WORKS_CASES
from retention.api.shapes import CaseDetailShape, CaseShape, LoggedShape, MoveShape
from retention.api.takes import Assign, AssignMany, CloseCase, Diagnose, GrantPoints, LogCall, OpenCase, Plan
from retention.models import CaseCause, CaseMove, EarlyWarning, FollowUpCall, RetentionCase, StatedCause

MOVED = ["case_closed", "case_moved_meanwhile"]


class AssignedShape(serializers.Serializer[Any]):
    """How many cases changed hands."""

    assigned = serializers.IntegerField()


class Cases(Lists, Details, Resource):
    tag = "cases"
    model = RetentionCase
    detail_route = "api:case-detail"
    serializer_class = CaseDetailShape
    filterset_class = CaseFilter
    orders = {"newest": ("-id",), "oldest": ("id",)}
    access = {
        "list": may(*SEES_CASES, scope="cases:read"),
        "retrieve": may(*SEES_CASES, scope="cases:read"),
        "create": may(*WORKS_CASES, scope="cases:write"),
        "take": may(*TAKES_CASES, scope="cases:write"),
        "assign": may(*GIVES_CASES, scope="cases:write"),
        "assign_many": may(*GIVES_CASES, scope="cases:write"),
        "unassign": may(*GIVES_CASES, scope="cases:write"),
        "diagnose": may(*WORKS_CASES, scope="cases:write"),
        "plan": may(*WORKS_CASES, scope="cases:write"),
        "log_call": may(*WORKS_CASES, scope="cases:write"),
        "close": may(*WORKS_CASES, scope="cases:write"),
        "points": may(*WORKS_CASES, scope="cases:write"),
    }
    takes = {
        "create": OpenCase,
        "assign": Assign,
        "assign_many": AssignMany,
        "diagnose": Diagnose,
        "plan": Plan,
        "log_call": LogCall,
        "close": CloseCase,
        "points": GrantPoints,
    }
    gives = {"list": CaseShape, "assign_many": AssignedShape, "log_call": LoggedShape}
    refuses = {
        "create": ["case_without_reason"],
        "take": [*MOVED, "case_held_already", "may_not_hold_case"],
        "assign": [*MOVED, "may_not_hold_case"],
        "assign_many": ["case_moved_meanwhile", "may_not_hold_case"],
        "unassign": [*MOVED, "case_move_not_allowed"],
        "diagnose": [*MOVED, "main_cause_not_named", "cause_retired"],
        "plan": [*MOVED, "call_due_in_the_past", "call_due_too_far", "customer_wants_no_calls"],
        "log_call": CALL_REFUSALS,
        "close": [
            *MOVED,
            "outcome_without_reason",
            "complaint_still_open",
            "case_with_open_loops",
            "loss_without_diagnosis",
        ],
        "points": [
            *MOVED,
            "erased",
            "no_programme",
            "points_amount",
            "points_reason",
            "recovery_budget",
            "recovery_limit",
        ],
    }
    examples = {
        "create": {"customer": 17, "kind": "save", "severity": 2, "reason": "Asked for a quote elsewhere."},
        "assign": {"to": 4},
        "assign_many": {"cases": [31, 32], "to": 4},
        "diagnose": {"churn_type": "active", "causes": ["price"], "stated": ["moved_away"]},
        "plan": {"due_at": "2026-05-12T10:00:00+08:00"},
        "log_call": {"outcome": "reached", "note": "Stays if delivery is on time."},
        "points": {"points": 200, "reason": "The delivery came a week late.", "key": "late-31"},
        "close": {"outcome": "saved", "reason": "Got a fixed delivery day."},
    }

    def rows(self) -> QuerySet[RetentionCase]:
        """Return the cases that the caller may see; to act on, also those that she held until they closed."""
        user = self.request.user
        found: QuerySet[RetentionCase] = RetentionCase.objects.visible_to(user)  # type: ignore[attr-defined]
        if self.request.method not in {"GET", "HEAD"}:
            found = RetentionCase.objects.filter(Q(pk__in=found.values("pk")) | Q(assignee=user))
        return found if self.action == "list" else with_details(found)

    def create(self, request: Request) -> Response:
        """Open a case by hand; one that is open already is joined by the reason."""
        values = self.taken()
        case = cases.open_case(values.pop("customer"), **values, by=request.user, at=clock.now())
        return self.made(case)

    @action(detail=True, methods=["post"])
    def take(self, request: Request, pk: str) -> Response:
        """Take a case that nobody holds."""
        case = self.one()
        cases.take(case, by=request.user, at=clock.now())
        return self.shown(case)

    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Give a case to a colleague."""
        case = self.one()
        cases.assign(case, **self.taken(), by=request.user, at=clock.now())
        return self.shown(case)

    @action(detail=False, methods=["post"], url_path="assign", url_name="assign-many")
    def assign_many(self, request: Request) -> Response:
        """Give many cases to a colleague; those that are closed or hers already are left alone."""
        values = self.taken()
        count = cases.assign_many(values["cases"], to=values["to"], by=request.user, at=clock.now())
        return Response({"assigned": count})

    @action(detail=True, methods=["post"])
    def unassign(self, request: Request, pk: str) -> Response:
        """Put a case back, so that it is given anew."""
        case = self.one()
        cases.unassign(case, by=request.user, at=clock.now())
        return self.shown(case)

    @action(detail=True, methods=["post"])
    def diagnose(self, request: Request, pk: str) -> Response:
        """Enter, or replace, why the customer is leaving."""
        case = self.one()
        cases.diagnose(case, **self.taken(), by=request.user, at=clock.now())
        return self.shown(case)

    @action(detail=True, methods=["post"])
    def plan(self, request: Request, pk: str) -> Response:
        """Plan the next call, or move the one that is planned.

        The moment moves to the next working time; without one the deadline follows from the warnings.
        """
        case = self.one()
        calls.plan_call(case, **self.taken(), by=request.user, at=clock.now())
        return self.shown(case)

    @action(detail=True, methods=["post"], url_path="log-call")
    def log_call(self, request: Request, pk: str) -> Response:
        """Log a call that was just made: the planned one if there is one, else one of its own."""
        case = self.one()
        values = of_customer(self.taken(), case.customer_id)
        return logged(calls.log_unplanned(case, **values, by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Close a case for good."""
        case = self.one()
        cases.close_case(case, **self.taken(), by=request.user, at=clock.now())
        return self.shown(case)

    @action(detail=True, methods=["post"])
    def points(self, request: Request, pk: str) -> Response:
        """Grant recovery points, up to the limit of the case and the budget of the month.

        The same key again grants nothing more.
        """
        case = self.one()
        cases.grant_points(case, **self.taken(), by=request.user, at=clock.now())
        return self.shown(case)


class Moves(Lists, Resource):
    tag = "cases"
    model = CaseMove
    serializer_class = MoveShape
    orders = {"oldest": ("at", "id"), "newest": ("-at", "-id")}
    access = {"list": may(*SEES_CASES, scope="cases:read")}

    def rows(self) -> QuerySet[CaseMove]:
        """Return the steps of one case that the caller may see; 404 for others."""
        visible = RetentionCase.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        if not visible.filter(pk=self.kwargs["case"]).exists():
            raise Http404
        return CaseMove.objects.filter(case=self.kwargs["case"])

    def list(self, request: Request, **address: str) -> Response:
        """List the steps in the life of a case."""
        return super().list(request)


def with_details(found: QuerySet[RetentionCase]) -> QuerySet[RetentionCase]:
    """Add what :class:`CaseDetailShape` reads, in four more queries."""
    told = EarlyWarning.objects.exclude(state=EarlyWarning.State.WITHHELD).filter(is_baseline=False)
    planned = FollowUpCall.objects.filter(status=FollowUpCall.Status.PLANNED)
    causes = CaseCause.objects.select_related("cause").order_by("-is_main", "pk")
    return found.prefetch_related(
        Prefetch(
            "warnings",
            queryset=told.select_related("rule", "dismissal").order_by("closed_at", "-severity", "pk"),
            to_attr="told_warnings",
        ),
        Prefetch("calls", queryset=planned, to_attr="planned"),
        Prefetch("casecause_set", queryset=causes),
        Prefetch("stated", queryset=StatedCause.objects.select_related("cause").order_by("pk")),
    )
