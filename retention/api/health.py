"""The health of rules: what each raised in a span, what came of it, what is proposed, and adopting that."""

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
from customers.ground.api.serializers import Takes
from customers.ground.api.views import Lists, Resource
from customers.models.people import Role
from retention import backtest
from retention.api.roles import SEES_RULES, WRITES_RULES
from retention.backtest import Because, Proposal
from retention.models import Dismissal, RuleState, WarningRule
from retention.rules import health
from retention.rules.conditions.leaves import exactly
from retention.rules.health import SPANS
from retention.rules.vitals import Health

ASKS = (Role.ADMIN, Role.ANALYST)
CHOICES = [(str(days), str(days)) for days in SPANS]


class HealthShareShape(serializers.Serializer[Any]):
    """A part of a whole; `share` is null where the whole is 0."""

    part = serializers.IntegerField()
    of = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)


class UntouchedShape(serializers.Serializer[Any]):
    """Of the customers whom nobody contacted, those that were lost; all null for fewer than thirty."""

    customers = serializers.IntegerField(allow_null=True)
    lost = serializers.IntegerField(allow_null=True)
    precision = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class RulePairShape(serializers.Serializer[Any]):
    """Another rule that warned of almost the same customers."""

    rule = serializers.CharField(source="rule.code")
    shared = serializers.IntegerField()
    either = serializers.IntegerField()


class HealthShape(serializers.Serializer[Any]):
    """What a rule did in a span; see `docs/rules.md`."""

    id = serializers.IntegerField(source="rule.pk")
    rule = serializers.CharField(source="rule.code")
    state = serializers.ChoiceField(RuleState.choices, source="rule.state")
    days = serializers.IntegerField()
    fired = serializers.IntegerField()
    told = serializers.IntegerField()
    shadow = serializers.IntegerField()
    waiting = serializers.IntegerField()
    cases = serializers.IntegerField()
    opened = serializers.IntegerField()
    joined = serializers.IntegerField()
    closed = serializers.IntegerField()
    acted_on = HealthShareShape()
    kept = HealthShareShape()
    lost = HealthShareShape()
    recovered = HealthShareShape()
    dismissed = HealthShareShape()
    reasons = serializers.SerializerMethodField()
    untouched = serializers.SerializerMethodField()
    flapping = HealthShareShape()
    together = RulePairShape(many=True)

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_reasons(self, one: Health) -> dict[str, int]:
        """Return how many warnings were called noise for each reason."""
        return {reason: one.reasons.get(reason, 0) for reason in Dismissal.Reason.values}

    @extend_schema_field(UntouchedShape)
    def get_untouched(self, one: Health) -> dict[str, Any]:
        """Return the precision on customers whom nobody touched."""
        found = one.untouched
        low, high = found.interval or (None, None)
        return {
            "customers": found.customers if found.is_enough else None,
            "lost": found.lost if found.is_enough else None,
            "precision": found.precision,
            "low": low,
            "high": high,
        }


class ThresholdProposalShape(serializers.Serializer[Any]):
    """Another threshold, with the counts of the backtest's sweep at the present one and at that."""

    backtest = serializers.IntegerField(source="run.pk")
    comparison = serializers.IntegerField(source="threshold.number")
    present = serializers.SerializerMethodField()
    value = serializers.SerializerMethodField(method_name="proposed")
    cases = serializers.IntegerField(source="cases.now")
    cases_then = serializers.IntegerField(source="cases.then")
    caught = serializers.IntegerField(source="caught.now")
    caught_then = serializers.IntegerField(source="caught.then")
    said = serializers.SerializerMethodField()

    def get_present(self, one: Proposal) -> str:
        """Return the threshold that stands."""
        return str(exactly(one.threshold.present))

    def proposed(self, one: Proposal) -> str:
        """Return the threshold that is proposed."""
        return str(exactly(one.value))

    def get_said(self, one: Proposal) -> str:
        """Say it in a sentence, in the caller's language."""
        return one.said(currency=company.current().base_currency)


class RuleHealthShape(serializers.Serializer[Any]):
    """The health of one rule over each span; `because` says why nothing is proposed."""

    spans = HealthShape(many=True)
    proposal = ThresholdProposalShape(allow_null=True)
    because = serializers.ChoiceField([str(one) for one in Because], allow_null=True)
    untried = serializers.ListField(child=serializers.IntegerField())


class AskedBacktestsShape(serializers.Serializer[Any]):
    """The backtests that were asked for."""

    backtests = serializers.ListField(child=serializers.IntegerField())


class AdoptProposal(Takes):
    """Exactly what is proposed: the backtest that it rests on, and the threshold."""

    backtest = serializers.IntegerField(min_value=1, max_value=2**63 - 1, source="run")
    value = serializers.DecimalField(max_digits=24, decimal_places=4)


class HealthFilter(filters.FilterSet):
    """Over which span, and which rules."""

    days = filters.ChoiceFilter(choices=CHOICES, method="over", label="30, unless 90 is asked for.")
    state = filters.ChoiceFilter(choices=RuleState.choices, method="in_state")

    class Meta:
        model = WarningRule
        fields: list[str] = []

    def over(self, found: QuerySet[WarningRule], name: str, value: str) -> QuerySet[WarningRule]:
        """Keep all: the span says what is counted of them."""
        return found

    def in_state(self, found: QuerySet[WarningRule], name: str, value: str) -> QuerySet[WarningRule]:
        """Keep the rules that stand in a state."""
        kept: QuerySet[WarningRule] = found.in_state(value)  # type: ignore[attr-defined]
        return kept


class RuleHealths(Lists, Resource):
    tag = "rules"
    model = WarningRule
    serializer_class = HealthShape
    filterset_class = HealthFilter
    orders = {"position": ("position", "id"), "code": ("code",)}
    access = {"list": may(*SEES_RULES, scope="rules:read")}

    def rows(self) -> QuerySet[WarningRule]:
        """Return all rules: they belong to the company, and their numbers are sums."""
        return WarningRule.objects.all()

    def list(self, request: Request) -> Response:
        """List what each rule raised in 30 or 90 days, what came of it, and what was noise."""
        page: Any = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        days = int(request.query_params.get("days") or SPANS[0])
        found = health.of_rules(page, days=days, at=clock.now())
        return self.get_paginated_response(HealthShape(found, many=True).data)


class HealthOfRule:
    """What a rule's own address gives of its health; mixed into the resource of rules."""

    HEALTH_ACCESS = {
        "health": may(*SEES_RULES, scope="rules:read"),
        "ask": may(*ASKS, scope="rules:write"),
        "adopt": may(*WRITES_RULES, scope="rules:write"),
    }
    HEALTH_TAKES = {"adopt": AdoptProposal}
    HEALTH_GIVES = {"health": RuleHealthShape, "ask": AskedBacktestsShape}
    HEALTH_REFUSES = {
        "ask": ["proposal_nothing_to_ask", "backtests_waiting", "condition_refused", "backtest_span"],
        "adopt": ["proposal_gone", "rule_work_to_nobody"],
    }
    HEALTH_EXAMPLES = {"adopt": {"backtest": 12, "value": "52"}}

    @action(detail=True)
    def health(self: Any, request: Request, pk: str) -> Response:
        """Show the health of a rule over 30 and 90 days, and what is proposed for it."""
        rule, at = self.one(), clock.now()
        advice = backtest.advise(rule)
        told = {
            "spans": [health.of_rules([rule], days=days, at=at)[0] for days in SPANS],
            "proposal": advice.proposal,
            "because": str(advice.because) if advice.because else None,
            "untried": advice.untried,
        }
        return Response(RuleHealthShape(told).data)

    @action(detail=True, methods=["post"])
    def ask(self: Any, request: Request, pk: str) -> Response:
        """Ask for a backtest of each threshold that was not tried, for proposals to rest on."""
        runs = backtest.ask(self.one(), by=request.user, at=clock.now())
        return Response(AskedBacktestsShape({"backtests": [run.pk for run in runs]}).data, status=202)

    @action(detail=True, methods=["post"])
    def adopt(self: Any, request: Request, pk: str) -> Response:
        """Take what is proposed over as a draft beside the rule, which goes on as it is.

        Adopting the same again answers 200 with the draft that stands.
        """
        draft, is_new = backtest.adopt(self.one(), **self.taken(), by=request.user, at=clock.now())
        return self.made(draft) if is_new else self.shown(draft)
