"""Warnings that opened or joined a case, judged by people; what opened none is told to nobody."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Takes
from customers.ground.api.views import Details, Lists, Resource
from retention import cases
from retention.api.roles import SEES_CASES, TAKES_CASES
from retention.api.shapes import WarningDetailShape, WarningShape
from retention.models import Dismissal, EarlyWarning
from retention.models.rules import Severity

STATES = [c for c in EarlyWarning.State.choices if c[0] != EarlyWarning.State.WITHHELD]


class WarningFilter(filters.FilterSet):
    """Which warnings."""

    rule = filters.TextFilter(field_name="rule__code", max_length=64)
    customer = filters.IdFilter(field_name="customer_id")
    case = filters.IdFilter(field_name="case_id")
    state = filters.ChoiceFilter(choices=STATES)
    severity = filters.ChoiceFilter(choices=Severity.choices)
    raised_since = filters.MomentFilter(field_name="raised_at", lookup_expr="gte")

    class Meta:
        model = EarlyWarning
        fields: list[str] = []


class DismissWarning(Takes):
    """Why a warning is no sign."""

    reason = serializers.ChoiceField(Dismissal.Reason.choices)


class Warnings(Lists, Details, Resource):
    tag = "warnings"
    model = EarlyWarning
    serializer_class = WarningDetailShape
    filterset_class = WarningFilter
    orders = {"newest": ("-id",), "oldest": ("id",)}
    access = {
        "list": may(*SEES_CASES, scope="cases:read"),
        "retrieve": may(*SEES_CASES, scope="cases:read"),
        "dismiss": may(*TAKES_CASES, scope="cases:write"),
    }
    takes = {"dismiss": DismissWarning}
    gives = {"list": WarningShape}
    refuses = {"dismiss": ["warning_dismissed_already"]}
    examples = {"dismiss": {"reason": "usual"}}

    def rows(self) -> QuerySet[EarlyWarning]:
        """Return the warnings of the cases that the caller may see."""
        told: QuerySet[EarlyWarning] = EarlyWarning.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return told.select_related("rule", "dismissal")

    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, pk: str) -> Response:
        """Say that a warning is no sign: it closes, and so does a case that is left without one."""
        warning = self.one()
        cases.dismiss(warning, **self.taken(), by=request.user, at=clock.now())
        return self.shown(warning)
