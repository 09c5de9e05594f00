"""Warning rules: read, written, switched on and off."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.views import Details, Lists, Resource
from retention import rules
from retention.api.roles import SEES_RULES, WRITES_RULES
from retention.api.shapes import RuleDetailShape, RuleShape
from retention.api.takes import EnableRule, MakeRule, ReviseRule
from retention.models import WarningRule


class RuleFilter(filters.FilterSet):
    """Which rules."""

    code = filters.TextFilter(max_length=64)
    is_enabled = filters.FlagFilter()

    class Meta:
        model = WarningRule
        fields: list[str] = []


class Rules(Lists, Details, Resource):
    tag = "rules"
    model = WarningRule
    detail_route = "api:rule-detail"
    serializer_class = RuleDetailShape
    filterset_class = RuleFilter
    orders = {"position": ("position", "id"), "code": ("code",)}
    access = {
        "list": may(*SEES_RULES, scope="rules:read"),
        "retrieve": may(*SEES_RULES, scope="rules:read"),
        "create": may(*WRITES_RULES, scope="rules:write"),
        "revise": may(*WRITES_RULES, scope="rules:write"),
        "enable": may(*WRITES_RULES, scope="rules:write"),
        "disable": may(*WRITES_RULES, scope="rules:write"),
    }
    takes = {"create": MakeRule, "revise": ReviseRule, "enable": EnableRule}
    gives = {"list": RuleShape}
    refuses = {"create": ["rule_code_taken"], "enable": ["condition_refused"]}
    needs_match = ("revise",)
    examples = {
        "create": {
            "code": "quiet-for-long",
            "name_en": "Quiet for long",
            "name_zh": "长期沉默",
            "condition": {"measure": "days_since_last_order", "op": ">=", "value": 90},
            "severity": 2,
        },
        "revise": {"condition": {"measure": "orders_90d", "op": "<", "value": 2}},
        "enable": {"open_existing": False},
    }

    def rows(self) -> QuerySet[WarningRule]:
        """Return all rules: they belong to the company."""
        return WarningRule.objects.all()

    def create(self, request: Request) -> Response:
        """Write a new rule, which stands switched off."""
        rule = rules.save(WarningRule(**self.taken()), by=request.user, at=clock.now())
        return self.made(rule)

    @action(detail=True, methods=["post"])
    def revise(self, request: Request, pk: str) -> Response:
        """Give a rule another condition, as its next version."""
        rule = self.one(to_change=True)
        rules.revise(rule, **self.taken(), by=request.user, at=clock.now())
        return self.shown(rule)

    @action(detail=True, methods=["post"])
    def enable(self, request: Request, pk: str) -> Response:
        """Switch a rule on.

        With `open_existing` the next sweep opens a case for everybody who matches already; without it
        only for those who match from now on.
        """
        rule = self.one()
        rules.enable(rule, **self.taken(), by=request.user, at=clock.now())
        return self.shown(rule)

    @action(detail=True, methods=["post"])
    def disable(self, request: Request, pk: str) -> Response:
        """Switch a rule off and close its warnings; cases stay open."""
        rule = self.one()
        rules.disable(rule, by=request.user, at=clock.now())
        return self.shown(rule)
