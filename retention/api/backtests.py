"""Backtests: asked for, followed while they are counted, read, cancelled."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import company
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import DayField, Gives, MaybeJson, MomentField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import User
from customers.models.people import Role
from retention import backtest
from retention.api.known import KnownCode
from retention.api.roles import SEES_RULES
from retention.api.takes import ConditionField
from retention.backtest import span as spans
from retention.models import BacktestRun, WarningRule

STARTS_BACKTESTS = (Role.ADMIN, Role.ANALYST)


def _rules(user: User) -> QuerySet[WarningRule]:
    return WarningRule.objects.all()


class StartBacktest(Takes):
    """What to count. Without days, the newest past whose windows are over, in 13 steps of four weeks.

    `condition` stands in place of the rule's own and belongs to no version; without `rule` it is tried
    by itself. `comparison` is the number, from 0, of the comparison whose threshold is moved.
    """

    rule = KnownCode(_rules, required=False)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)
    condition = ConditionField(required=False)
    from_day = DayField(required=False)
    to_day = DayField(required=False)
    step_days = serializers.IntegerField(min_value=1, max_value=spans.LONGEST_STEP, default=spans.STEP)
    horizon_days = serializers.IntegerField(
        min_value=1, max_value=spans.LONGEST_HORIZON, default=spans.HORIZON
    )
    gap_days = serializers.IntegerField(min_value=0, max_value=spans.LONGEST_GAP, default=spans.GAP)
    comparison = serializers.IntegerField(min_value=0, max_value=999, required=False)
    minutes_per_call = serializers.IntegerField(min_value=1, max_value=600, default=backtest.MINUTES_PER_CALL)


class BacktestShape(Gives):
    """A backtest as lists show it: what was asked, and how far it has come."""

    rule = serializers.CharField(source="rule.code", allow_null=True)
    from_day = DayField(source="first_day")
    to_day = DayField(source="last_day")

    class Meta:
        model = BacktestRun
        fields = [
            "id",
            "rule",
            "version",
            "from_day",
            "to_day",
            "step_days",
            "horizon_days",
            "gap_days",
            "comparison",
            "minutes_per_call",
            "status",
            "progress",
            "error",
            "made_at",
            "finished_at",
            "fingerprint",
            "ingested_until",
            "assumed_share",
        ]


class BacktestDetailShape(BacktestShape):
    """A backtest with its condition and its result, which is null until it is done.

    `history_taken_back_at` says when an import was taken back that the result had counted.
    """

    condition = serializers.JSONField()
    result = MaybeJson(allow_null=True)
    history_taken_back_at = serializers.SerializerMethodField()

    class Meta(BacktestShape.Meta):
        fields = [*BacktestShape.Meta.fields, "condition", "result", "history_taken_back_at"]

    @extend_schema_field(MomentField(allow_null=True))
    def get_history_taken_back_at(self, run: BacktestRun) -> Any:
        """Return when what it had counted was taken back; null while it holds."""
        found = backtest.taken_back_since(run, zone=company.current().time_zone)
        return MomentField().to_representation(found)


class BacktestFilter(filters.FilterSet):
    """Which backtests."""

    rule = filters.TextFilter(field_name="rule__code", max_length=64)
    status = filters.ChoiceFilter(choices=BacktestRun.Status.choices)

    class Meta:
        model = BacktestRun
        fields: list[str] = []


class Backtests(Lists, Details, Resource):
    tag = "rules"
    model = BacktestRun
    detail_route = "api:backtest-detail"
    serializer_class = BacktestDetailShape
    filterset_class = BacktestFilter
    orders = {"newest": ("-id",), "oldest": ("id",)}
    access = {
        "list": may(*SEES_RULES, scope="rules:read"),
        "retrieve": may(*SEES_RULES, scope="rules:read"),
        "create": may(*STARTS_BACKTESTS, scope="rules:write"),
        "cancel": may(*STARTS_BACKTESTS, scope="rules:write"),
    }
    takes = {"create": StartBacktest}
    gives = {"list": BacktestShape}
    answers = {"create": 202}
    refuses = {
        "create": [
            "backtest_span",
            "backtest_no_threshold",
            "backtest_of_nothing",
            "backtests_waiting",
            "condition_refused",
            "unknown_version",
        ]
    }
    examples = {"create": {"rule": "overdue", "from_day": "2025-06-01", "to_day": "2026-02-01"}}

    def rows(self) -> QuerySet[BacktestRun]:
        """Return all backtests: they belong to the company, and their numbers are sums."""
        return BacktestRun.objects.select_related("rule")

    def create(self, request: Request) -> Response:
        """Ask for a backtest. It is counted in the background: read it again until `status` is `done`."""
        values, at = self.taken(), clock.now()
        span = backtest.asked(
            at=at,
            first=values.get("from_day"),
            last=values.get("to_day"),
            step=values["step_days"],
            horizon=values["horizon_days"],
            gap=values["gap_days"],
        )
        run = backtest.start(
            values.get("rule"),
            span=span,
            condition=values.get("condition"),
            version=values.get("version"),
            wish=backtest.Wish(values.get("comparison"), values["minutes_per_call"]),
            by=request.user,
            at=at,
        )
        response = self.made(run)
        response.status_code = 202
        return response

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel a backtest that waits or runs; one that has ended stays as it is."""
        run = self.one()
        backtest.cancel(run, by=request.user, at=clock.now())
        return self.shown(run)
