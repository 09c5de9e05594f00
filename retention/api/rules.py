"""Warning rules: read, written, switched on and off."""

from __future__ import annotations

from datetime import date

from django.db.models import Q, QuerySet
from django.http import Http404
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import company
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.views import Details, Lists, Resource
from retention import rules, segments
from retention.api.health import HealthOfRule
from retention.api.roles import SEES_RULES, WRITES_RULES
from retention.api.shapes import (
    RuleDetailShape,
    RuleLineShape,
    RulesFileShape,
    RuleShape,
    SilenceShape,
    TakenShape,
    VersionShape,
    WhyShape,
)
from retention.api.takes import (
    EnableRule,
    MakeRule,
    MoveRule,
    RevertRule,
    ReviseRule,
    SilenceRule,
    TakeRules,
    customers,
)
from retention.models import RuleState, RuleVersion, Silence, WarningRule
from retention.rules import exchange, silences
from retention.rules.why import why

WRITING = ["condition_contradicts", "rule_hold_days", "rule_work_to_nobody"]


class RuleFilter(filters.FilterSet):
    """Which rules."""

    code = filters.TextFilter(max_length=64)
    is_enabled = filters.FlagFilter()
    state = filters.ChoiceFilter(choices=RuleState.choices, method="in_state")

    class Meta:
        model = WarningRule
        fields: list[str] = []

    def in_state(self, found: QuerySet[WarningRule], name: str, value: str) -> QuerySet[WarningRule]:
        """Keep the rules that stand in a state."""
        kept: QuerySet[WarningRule] = found.in_state(value)  # type: ignore[attr-defined]
        return kept


class Rules(HealthOfRule, Lists, Details, Resource):
    tag = "rules"
    model = WarningRule
    detail_route = "api:rule-detail"
    serializer_class = RuleDetailShape
    filterset_class = RuleFilter
    orders = {"position": ("position", "id"), "code": ("code",)}
    access = {
        "list": may(*SEES_RULES, scope="rules:read"),
        "retrieve": may(*SEES_RULES, scope="rules:read"),
        "export": may(*SEES_RULES, scope="rules:read"),
        "why_on": may(*SEES_RULES, scope="rules:read"),
        **HealthOfRule.HEALTH_ACCESS,
        **{
            name: may(*WRITES_RULES, scope="rules:write")
            for name in ("create", "revise", "revert", "enable", "disable", "move", "silence", "take")
        },
    }
    takes = {
        "create": MakeRule,
        "revise": ReviseRule,
        "revert": RevertRule,
        "enable": EnableRule,
        "move": MoveRule,
        "silence": SilenceRule,
        "take": TakeRules,
        **HealthOfRule.HEALTH_TAKES,
    }
    gives = {
        "list": RuleShape,
        "export": RulesFileShape,
        "why_on": WhyShape,
        "silence": SilenceShape,
        "take": TakenShape,
        **HealthOfRule.HEALTH_GIVES,
    }
    answers = {"create": 201, "silence": 201, "ask": 202, "adopt": 201}
    refuses = {
        "create": ["rule_code_taken", *WRITING],
        "revise": WRITING,
        "revert": ["rule_version_unknown", "condition_refused", *WRITING],
        "enable": ["condition_refused"],
        "move": [
            "rule_may_not_move",
            "rule_cases_a_day",
            "rule_moved_meanwhile",
            "never_held_out",
            "condition_refused",
        ],
        "silence": ["silence_refused"],
        "take": ["rules_file"],
        "why_on": ["day_to_come", "nothing_known", "condition_refused"],
        **HealthOfRule.HEALTH_REFUSES,
    }
    needs_match = ("revise",)
    examples = {
        **HealthOfRule.HEALTH_EXAMPLES,
        "create": {
            "code": "quiet-for-long",
            "name_en": "Quiet for long",
            "name_zh": "长期沉默",
            "condition": {"measure": "days_since_last_order", "op": ">=", "value": 90},
            "severity": 2,
        },
        "revise": {"condition": {"measure": "orders_90d", "op": "<", "value": 2}},
        "revert": {"version": 1, "reason": "Too noisy."},
        "enable": {"open_existing": False},
        "move": {"to": "limited", "cases_a_day": 5, "holdout_share": 1000, "programme_share": 500},
        "silence": {"until": "2026-05-31", "reason": "Stocktaking"},
        "take": {
            "liuke_rules": 1,
            "rules": [
                {
                    "code": "quiet-for-long",
                    "name_en": "Quiet for long",
                    "name_zh": "长期沉默",
                    "condition": {"measure": "days_since_last_order", "op": ">=", "value": 90},
                }
            ],
        },
    }

    def rows(self) -> QuerySet[WarningRule]:
        """Return all rules: they belong to the company."""
        return WarningRule.objects.all()

    def create(self, request: Request) -> Response:
        """Write a new rule, which stands as a draft."""
        values = self.taken()
        reason = values.pop("reason", "")
        rule = rules.save(WarningRule(**values), reason=reason, by=request.user, at=clock.now())
        return self.made(rule)

    @action(detail=True, methods=["post"])
    def revise(self, request: Request, pk: str) -> Response:
        """Change a rule as its next version; what is left out stays."""
        rule, changes = self.one(to_change=True), self.taken()
        reason = changes.pop("reason", "")
        rules.revise(rule, changes=changes, reason=reason, by=request.user, at=clock.now())
        return self.shown(rule)

    @action(detail=True, methods=["post"])
    def revert(self, request: Request, pk: str) -> Response:
        """Make what an earlier version held the next version."""
        rule = self.one(to_change=True)
        rules.revert(rule, **self.taken(), by=request.user, at=clock.now())
        return self.shown(rule)

    @action(detail=True, methods=["post"])
    def move(self, request: Request, pk: str) -> Response:
        """Move a rule to another state of its life.

        At a launch those who match already become its baseline and open nothing, unless `open_existing`.
        """
        rule = self.one()
        rules.move(rule, **self.taken(), by=request.user, at=clock.now())
        return self.shown(rule)

    @action(detail=True, methods=["post"])
    def silence(self, request: Request, pk: str) -> Response:
        """Let a rule open no case for a time, for one customer or for all."""
        made = rules.silence(self.one(), **self.taken(), by=request.user, at=clock.now())
        return Response(SilenceShape(made).data, status=201)

    @action(detail=False)
    def export(self, request: Request) -> Response:
        """Give all rules as a file carries them."""
        return Response(RulesFileShape(exchange.export(self.get_queryset().order_by("position", "pk"))).data)

    @action(detail=False, methods=["post"], url_path="import", url_name="import")
    def take(self, request: Request) -> Response:
        """Take over the rules of a file: new codes as drafts, known ones as their next version."""
        data = self.taken()
        taken = exchange.take(data, reason=data.get("reason", ""), by=request.user, at=clock.now())
        became: dict[str, list[str]] = {"made": [], "revised": [], "unchanged": []}
        for one in taken:
            became[one.became].append(one.rule.code)
        return Response(TakenShape(became).data)

    @action(
        detail=True,
        url_path="why/(?P<customer>[0-9]{1,18})/(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})",
        url_name="why",
    )
    def why_on(self, request: Request, pk: str, customer: str, day: str) -> Response:
        """Say why a rule warned of a customer at the end of a day, or why not; today as it stands now."""
        rule = self.one()
        found = customers(request.user).filter(pk=customer).first()
        try:
            on = date.fromisoformat(day)
        except ValueError as error:
            raise Http404 from error
        if found is None:
            raise Http404
        at = clock.now()
        as_of = segments.as_of_day(on, at=at) or at
        answer = why(rule, found, as_of=as_of, user=request.user, currency=company.current().base_currency)
        told = {
            "verdict": str(answer.verdict),
            "state": answer.state,
            "version": answer.version,
            "held": answer.held,
            "warning": answer.warning.pk if answer.warning is not None else None,
            "lines": RuleLineShape(answer.lines, many=True).data,
        }
        return Response(WhyShape(told).data)

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


class RuleVersions(Lists, Resource):
    tag = "rules"
    model = RuleVersion
    serializer_class = VersionShape
    orders = {"-version": ("-version", "-id"), "version": ("version", "id")}
    access = {"list": may(*SEES_RULES, scope="rules:read")}

    def rows(self) -> QuerySet[RuleVersion]:
        """Return the versions of the one rule."""
        return RuleVersion.objects.filter(rule=self.kwargs["rule"])

    def list(self, request: Request, **address: str) -> Response:
        """List the versions of a rule, the newest first."""
        if not WarningRule.objects.filter(pk=self.kwargs["rule"]).exists():
            raise Http404
        return super().list(request)


class Silences(Lists, Details, Resource):
    tag = "rules"
    model = Silence
    serializer_class = SilenceShape
    orders = {"newest": ("-id",), "oldest": ("id",)}
    access = {
        "list": may(*SEES_RULES, scope="rules:read"),
        "retrieve": may(*SEES_RULES, scope="rules:read"),
        "end": may(*WRITES_RULES, scope="rules:write"),
    }

    def rows(self) -> QuerySet[Silence]:
        """Return the silences of whole rules, and of the customers that the caller may see."""
        seen = customers(self.request.user).values("pk")
        return Silence.objects.filter(Q(customer__isnull=True) | Q(customer__in=seen)).select_related("rule")

    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """End a silence before its time."""
        made = self.one()
        silences.end(made, by=request.user, at=clock.now())
        return self.shown(made)
