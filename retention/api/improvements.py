"""Improvements and the weekly watch by the API."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet
from django.http import Http404
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from customers import company
from customers.ground import clock, money
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Complaint
from retention.api import improvement_shapes as shapes
from retention.api.roles import GIVES_CASES, SEES_CASES, TAKES_CASES, WORKS_CASES
from retention.api.takes import customers
from retention.improving import attaching, effect, planning, telling, watching
from retention.models import ImprovementAction, ImprovementFeedback, ImprovementNotice, RiseAlarm

READ, WRITE = "improvements:read", "improvements:write"
CHANGED = ["improvement_state"]


class ImprovementFilter(filters.FilterSet):
    """Which improvements."""

    state = filters.ChoiceFilter(choices=ImprovementAction.State.choices)
    owner = filters.IdFilter(field_name="owner_id")
    product = filters.TextFilter(field_name="product__code", max_length=64)

    class Meta:
        model = ImprovementAction
        fields: list[str] = []


class Improvements(Lists, Details, Resource):
    tag = "improvements"
    model = ImprovementAction
    detail_route = "api:improvement-detail"
    serializer_class = shapes.ImprovementShape
    filterset_class = ImprovementFilter
    orders = {"id": ("id",), "-id": ("-id",), "due": ("due_on", "id")}
    access = {
        "list": may(*SEES_CASES, scope=READ),
        "retrieve": may(*SEES_CASES, scope=READ),
        "outcome": may(*SEES_CASES, scope=READ),
        **{
            name: may(*WORKS_CASES, scope=WRITE)
            for name in ("create", "change", "begin", "finish", "say", "drop", "attach", "match", "detach")
        },
        "tell": may(*GIVES_CASES, scope=WRITE),
    }
    takes = {
        "create": shapes.PlanBody,
        "change": shapes.PlanBody,
        "finish": shapes.ToldBody,
        "say": shapes.ToldBody,
        "drop": shapes.ReasonBody,
        "attach": shapes.AttachBody,
        "match": shapes.MatchBody,
        "detach": shapes.DetachBody,
    }
    gives = {
        "outcome": shapes.OutcomeShape,
        "attach": shapes.ImprovementFeedbackShape,
        "match": shapes.AttachedShape,
        "detach": shapes.AttachedShape,
    }
    answers = {"create": 201}
    refuses = {
        "create": ["improvement_refused"],
        "change": ["improvement_refused", *CHANGED],
        "begin": CHANGED,
        "finish": ["improvement_text", *CHANGED],
        "say": ["improvement_text", *CHANGED],
        "drop": ["improvement_without_reason", *CHANGED],
        "match": ["improvement_names_nothing"],
        "detach": ["improvement_told"],
        "tell": ["improvement_not_done", "improvement_says_nothing"],
    }
    needs_match = ("change",)
    examples: dict[str, Any] = {
        "create": {
            "title": "Deliver within a day",
            "owner": 3,
            "due_on": "2026-06-11",
            "moves": "complaints",
            "causes": ["late_delivery"],
            "cost": "12000.00",
        },
        "change": {
            "title": "Deliver within two days",
            "owner": 3,
            "due_on": "2026-06-30",
            "moves": "complaints",
            "causes": ["late_delivery"],
        },
        "finish": {"told_en": "We deliver within a day now.", "told_zh": "现在一天内送达。"},
        "say": {"told_en": "We deliver within a day now."},
        "drop": {"reason": "Too dear."},
        "attach": {"complaint": 12},
        "match": {"since": "2026-01-01"},
        "detach": {"piece": 7},
    }

    def rows(self) -> QuerySet[ImprovementAction]:
        """Return all improvements: they belong to the company."""
        found = ImprovementAction.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        rows: QuerySet[ImprovementAction] = found.select_related("product", "survey", "owner")
        return rows.prefetch_related("causes").annotate(pieces=Count("feedback"))

    def create(self, request: Request) -> Response:
        """Plan an improvement."""
        return self.made(planning.plan_improvement(self._plan(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def change(self, request: Request, pk: str) -> Response:
        """Plan an open improvement anew; what is left out is empty."""
        one = self._mine(to_change=True)
        return self.shown(planning.change_improvement(one, self._plan(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def begin(self, request: Request, pk: str) -> Response:
        """Begin a planned improvement."""
        return self.shown(planning.begin(self._mine(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def finish(self, request: Request, pk: str) -> Response:
        """Say that it is done, and what customers are told of it; nobody is told yet."""
        return self.shown(planning.finish(self._mine(), **self.taken(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def say(self, request: Request, pk: str) -> Response:
        """Write anew what customers are told of it, until they are."""
        return self.shown(planning.say(self._mine(), **self.taken(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def drop(self, request: Request, pk: str) -> Response:
        """Give it up."""
        return self.shown(planning.drop(self._mine(), **self.taken(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def attach(self, request: Request, pk: str) -> Response:
        """Say that it answers a complaint, or what a loop is about; once."""
        row = attaching.attach(self._mine(), **self.taken(), by=request.user, at=clock.now())
        return Response(shapes.ImprovementFeedbackShape(row).data)

    @action(detail=True, methods=["post"])
    def match(self, request: Request, pk: str) -> Response:
        """Attach what the caller may see that names the same causes, product and lot."""
        one = self._mine()
        among = Complaint.objects.filter(customer__in=customers(request.user))
        since = self.taken()["since"].toordinal()
        changed = attaching.attach_matching(
            one, among=among, since_day=since, by=request.user, at=clock.now()
        )
        return Response(shapes.AttachedShape({"changed": changed}).data)

    @action(detail=True, methods=["post"])
    def detach(self, request: Request, pk: str) -> Response:
        """Take a piece of feedback off."""
        one = self._mine()
        seen = one.feedback.visible_to(request.user)  # type: ignore[attr-defined]
        row = seen.filter(pk=self.taken()["piece"]).first()
        if row is None:
            raise Http404
        attaching.detach(row, by=request.user, at=clock.now())
        return Response(shapes.AttachedShape({"changed": 1}).data)

    @action(detail=True, methods=["post"])
    def tell(self, request: Request, pk: str) -> Response:
        """Have everybody told who raised it, each once and as soon as it is allowed."""
        return self.shown(telling.tell_customers(self.one(), by=request.user, at=clock.now()))

    @action(detail=True)
    def outcome(self, request: Request, pk: str) -> Response:
        """Compare its figure before and after the day on which it was done."""
        told = effect.effect_of(self.one(), at=clock.now())
        return Response(shapes.OutcomeShape({"effect": told}).data)

    def _mine(self, *, to_change: bool = False) -> ImprovementAction:
        """Return the improvement in the address, if the caller may change it."""
        one: ImprovementAction = self.one(to_change=to_change)
        if not planning.may_change(self.request.user, one):
            raise PermissionDenied
        return one

    def _plan(self) -> planning.Plan:
        values = self.taken()
        if values.get("cost") is not None:
            values["cost"] = money.to_minor(values["cost"], company.current().base_currency)
        return planning.Plan(**values)


class _OfOne(Lists, Resource):
    """What hangs on one improvement."""

    tag = "improvements"
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {"list": may(*SEES_CASES, scope=READ)}

    def rows(self) -> QuerySet[Any]:
        """Return those that the caller may see."""
        found: QuerySet[Any] = self.model.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return found.filter(action=self.kwargs["improvement"])

    def list(self, request: Request, **address: str) -> Response:
        """List them, of the customers that the caller may see."""
        if not ImprovementAction.objects.filter(pk=self.kwargs["improvement"]).exists():
            raise Http404
        return super().list(request)


class ImprovementFeedbacks(_OfOne):
    model = ImprovementFeedback
    serializer_class = shapes.ImprovementFeedbackShape


class ImprovementNotices(_OfOne):
    model = ImprovementNotice
    serializer_class = shapes.ImprovementNoticeShape


class RiseFilter(filters.FilterSet):
    """Which alarms."""

    state = filters.ChoiceFilter(choices=RiseAlarm.State.choices)
    kind = filters.ChoiceFilter(choices=RiseAlarm.Kind.choices)
    product = filters.TextFilter(field_name="product__code", max_length=64)

    class Meta:
        model = RiseAlarm
        fields: list[str] = []


class Rises(Lists, Details, Resource):
    tag = "improvements"
    model = RiseAlarm
    detail_route = "api:rise-detail"
    serializer_class = shapes.RiseShape
    filterset_class = RiseFilter
    orders = {"newest": ("-raised_at", "-id"), "oldest": ("raised_at", "id")}
    access = {
        "list": may(*SEES_CASES, scope=READ),
        "retrieve": may(*SEES_CASES, scope=READ),
        "take_up": may(*(role for role in TAKES_CASES if role in GIVES_CASES), scope=WRITE),
        "dismiss": may(*GIVES_CASES, scope=WRITE),
    }
    takes = {"dismiss": shapes.ReasonBody}
    gives = {"take_up": shapes.ImprovementShape}
    refuses = {
        "take_up": ["alarm_decided"],
        "dismiss": ["alarm_decided", "improvement_without_reason"],
    }
    examples: dict[str, Any] = {"dismiss": {"reason": "A recall that is over."}}

    def rows(self) -> QuerySet[RiseAlarm]:
        """Return all alarms: products belong to the company."""
        found: QuerySet[RiseAlarm] = RiseAlarm.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return found.select_related("product")

    @action(detail=True, methods=["post"], url_path="take-up")
    def take_up(self, request: Request, pk: str) -> Response:
        """Plan the improvement that it asks for, owned by the caller; the answer is the improvement."""
        made = watching.take_up(self.one(), by=request.user, at=clock.now())
        return Response(shapes.ImprovementShape(made, context=self.get_serializer_context()).data)

    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, pk: str) -> Response:
        """Say that it needs nothing, and why."""
        alarm = watching.dismiss(self.one(), **self.taken(), by=request.user, at=clock.now())
        return self.shown(alarm)
