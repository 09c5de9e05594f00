"""What the API of retention gives: one shape for each kind of row, in codes and numbers."""

from __future__ import annotations

import json
from typing import Any

from django.utils import translation
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from customers import company
from customers.ground.api.serializers import AmountField, DayField, Gives, MaybeJson, MomentField
from customers.ground.errors import Refused
from retention import rules
from retention.models import (
    CaseMove,
    Dismissal,
    EarlyWarning,
    FollowUpCall,
    Loss,
    LossKind,
    RetentionCase,
    RuleState,
    RuleVersion,
    Silence,
    SweepRun,
    WarningRule,
)
from retention.rules.why import Verdict

LANGUAGES = ("en", "zh-hans")


class SentenceShape(serializers.Serializer[Any]):
    """A sentence in the languages of the product."""

    en = serializers.CharField()
    zh = serializers.CharField()


class RuleShape(Gives):
    """A warning rule as lists show it."""

    state = serializers.ChoiceField(RuleState.choices, read_only=True)

    class Meta:
        model = WarningRule
        fields = [
            "id",
            "code",
            "name_en",
            "name_zh",
            "severity",
            "case_kind",
            "cool_down_days",
            "call_within_minutes",
            "hold_days",
            "opens_work",
            "work_to",
            "work_team",
            "work_person",
            "state",
            "cases_a_day",
            "holdout_share",
            "is_enabled",
            "is_ready_made",
            "version",
            "enabled_at",
            "broken_since",
        ]


class RuleDetailShape(RuleShape):
    """A warning rule with its condition, as a tree and in words."""

    condition = serializers.JSONField()
    clear_condition = MaybeJson(allow_null=True)
    sentence = serializers.SerializerMethodField()
    replaces: Any = serializers.SlugRelatedField(
        "code", read_only=True, allow_null=True, help_text="The rule in whose place it was proposed."
    )

    class Meta(RuleShape.Meta):
        fields = [*RuleShape.Meta.fields, "condition", "clear_condition", "sentence", "replaces"]

    @extend_schema_field(SentenceShape(allow_null=True))
    def get_sentence(self, rule: WarningRule) -> dict[str, str] | None:
        """Say in words what the rule looks for; nothing for a condition that no longer stands."""
        try:
            condition = rules.read(rule.condition)
        except Refused:
            return None
        currency = company.current().base_currency
        said = {}
        for language in LANGUAGES:
            with translation.override(language):
                said[language[:2]] = rules.rule_sentence(condition, currency=currency)
        return said


class RulesFileShape(serializers.Serializer[Any]):
    """Rules as a file carries them."""

    liuke_rules = serializers.IntegerField()
    rules = serializers.ListField(child=serializers.DictField())


class TakenShape(serializers.Serializer[Any]):
    """What became of the rules of a file."""

    made = serializers.ListField(child=serializers.CharField())
    revised = serializers.ListField(child=serializers.CharField())
    unchanged = serializers.ListField(child=serializers.CharField())


class RuleLineShape(serializers.Serializer[Any]):
    """A condition, or a group: how deep it stands, what was seen, whether it held (null: unknown)."""

    depth = serializers.IntegerField()
    text = serializers.CharField()
    seen = serializers.CharField()
    held = serializers.BooleanField(allow_null=True)
    is_group = serializers.BooleanField()


class WhyShape(serializers.Serializer[Any]):
    """Why a rule warned of a customer at the end of a day, or why not.

    `no_case` is said alike of a baseline, a cool-down, a silence, a limit and a hold-out.
    """

    verdict = serializers.ChoiceField([str(one) for one in Verdict])
    state = serializers.ChoiceField(RuleState.choices, allow_null=True)
    version = serializers.IntegerField(allow_null=True)
    held = serializers.BooleanField(allow_null=True)
    warning = serializers.IntegerField(allow_null=True)
    lines = RuleLineShape(many=True)


class VersionShape(Gives):
    """A version of a rule, with everything that it held."""

    content = MaybeJson(allow_null=True)

    class Meta:
        model = RuleVersion
        fields = ["version", "condition", "severity", "content", "reason", "made_at", "by"]


class SilenceShape(Gives):
    """A time in which a rule opens no case."""

    until = DayField(source="until_day")

    class Meta:
        model = Silence
        fields = ["id", "rule", "customer", "starts_at", "until", "reason", "ended_at"]


class WarningShape(Gives):
    """A warning that belongs to a case."""

    rule = serializers.CharField(source="rule.code")
    as_of = DayField(source="as_of_day")
    dismissed_because = serializers.SerializerMethodField()

    class Meta:
        model = EarlyWarning
        fields = [
            "id",
            "customer",
            "rule",
            "rule_version",
            "severity",
            "state",
            "raised_at",
            "as_of",
            "closed_at",
            "closed_because",
            "dismissed_because",
            "case",
        ]

    @extend_schema_field(serializers.ChoiceField(Dismissal.Reason.choices, allow_null=True))
    def get_dismissed_because(self, warning: EarlyWarning) -> str | None:
        """Return why somebody said that it is no sign; null when nobody did."""
        said = getattr(warning, "dismissal", None)
        return said.reason if said is not None else None


class WarningDetailShape(WarningShape):
    """A warning with its frozen evidence, as stored and in words."""

    evidence = serializers.SerializerMethodField()
    sentence = serializers.SerializerMethodField()

    class Meta(WarningShape.Meta):
        fields = [*WarningShape.Meta.fields, "evidence", "sentence"]

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_evidence(self, warning: EarlyWarning) -> dict[str, Any]:
        """Return the stored columns that proved the rule, frozen when it held."""
        found: dict[str, Any] = json.loads(warning.evidence)
        return found

    @extend_schema_field(SentenceShape)
    def get_sentence(self, warning: EarlyWarning) -> dict[str, str]:
        """Say in words why the warning was raised."""
        currency = company.current().base_currency
        return {
            language[:2]: rules.evidence_sentence(warning, warning.rule, language=language, currency=currency)
            for language in LANGUAGES
        }


class CaseShape(Gives):
    """A case as lists show it."""

    margin_365d = AmountField()

    class Meta:
        model = RetentionCase
        fields = [
            "id",
            "customer",
            "kind",
            "status",
            "severity",
            "margin_365d",
            "opened_at",
            "opened_by",
            "assignee",
            "assigned_at",
            "assign_reason",
            "due_at",
            "churn_type",
            "outcome",
            "closed_at",
            "closed_by",
        ]


class StatedCauseShape(serializers.Serializer[Any]):
    """One cause that the customer named."""

    code = serializers.CharField(source="cause.code")


class CauseOfCaseShape(serializers.Serializer[Any]):
    """One cause that the company assessed."""

    code = serializers.CharField(source="cause.code")
    is_main = serializers.BooleanField()


class CaseDetailShape(CaseShape):
    """A case with its words, its diagnosis and its warnings."""

    causes = CauseOfCaseShape(source="casecause_set", many=True)
    stated_causes = StatedCauseShape(source="stated", many=True)
    warnings = WarningShape(source="told_warnings", many=True)
    planned_call = serializers.SerializerMethodField()

    class Meta(CaseShape.Meta):
        fields = [
            *CaseShape.Meta.fields,
            "reason",
            "outcome_reason",
            "complaint",
            "causes",
            "stated_causes",
            "warnings",
            "planned_call",
        ]

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_planned_call(self, case: Any) -> int | None:
        """Return the id of the one call that is planned."""
        return case.planned[0].pk if case.planned else None


class MoveShape(Gives):
    """One step in the life of a case."""

    class Meta:
        model = CaseMove
        fields = ["id", "kind", "from_status", "to_status", "at", "by", "codes"]


class QueueRowShape(CaseShape):
    """A row of the queue: the case, and why it stands where it does, in the caller's language."""

    name = serializers.CharField(source="customer.name")
    name_alt = serializers.CharField(source="customer.name_alt")
    is_overdue = serializers.SerializerMethodField()
    rules = serializers.SerializerMethodField()
    why = serializers.SerializerMethodField()

    class Meta(CaseShape.Meta):
        fields = [*CaseShape.Meta.fields, "name", "name_alt", "is_overdue", "rules", "why"]

    def get_is_overdue(self, case: Any) -> bool:
        """Say whether the deadline was missed."""
        return bool(case.missed)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_rules(self, case: Any) -> list[str]:
        """Return the codes of the rules whose warnings stand, the gravest first."""
        return [warning.rule.code for warning in case.open_warnings]

    def get_why(self, case: Any) -> str:
        """Say why somebody should call, as the page does."""
        return str(self.context["why"](case))


class CallShape(Gives):
    """A follow-up call, planned or made."""

    class Meta:
        model = FollowUpCall
        fields = [
            "id",
            "case",
            "customer",
            "assignee",
            "attempt",
            "status",
            "due_at",
            "reason",
            "planned_at",
            "done_at",
            "outcome",
            "note",
            "overdue_at",
            "escalated_to",
            "by",
        ]


class LoggedShape(serializers.Serializer[Any]):
    """A call that was logged, and the next one, if one is planned."""

    call = CallShape()
    next_call = CallShape(allow_null=True)


class LossShape(Gives):
    """One spell of being lost."""

    margin_365d = AmountField()
    definition = serializers.ChoiceField(
        LossKind.choices, source="found_by", help_text="By what the loss was known."
    )
    revisit_day = DayField(allow_null=True)
    stated_causes = serializers.ListField(
        child=serializers.IntegerField(),
        source="named_in_interviews",
        help_text="Causes that the customer named in exit interviews.",
    )

    class Meta:
        model = Loss
        fields = [
            "id",
            "customer",
            "case",
            "contract",
            "occurred_at",
            "recorded_at",
            "definition",
            "churn_type",
            "margin_365d",
            "is_valuable",
            "days_ahead",
            "ended_at",
            "end_recorded_at",
            "ended_because",
            "revisit_day",
            "stated_causes",
        ]


class SweepShape(Gives):
    """One run of the sweep: what it looked at, what it found, how long it took."""

    day = DayField()

    class Meta:
        model = SweepRun
        fields = [
            "id",
            "scope",
            "status",
            "as_of",
            "day",
            "fingerprint",
            "started_at",
            "finished_at",
            "customers",
            "warnings",
            "warnings_closed",
            "cases_opened",
            "calls_created",
            "failed_rules",
            "seconds",
            "shards",
            "shards_done",
        ]


class MeasureShape(serializers.Serializer[Any]):
    """A measure of the catalogue."""

    code = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    unit = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField()
    window_days = serializers.IntegerField(source="window", allow_null=True)
    is_stored = serializers.BooleanField()
    version = serializers.IntegerField()
    choices = serializers.ListField(child=serializers.CharField())
    known = serializers.IntegerField(
        allow_null=True, help_text="Of how many customers it was known last night; null: not counted yet."
    )
    customers = serializers.IntegerField(allow_null=True, help_text="Of how many customers there were.")
    newest_fact_on = serializers.DateField(
        allow_null=True, help_text="Local day of the newest fact behind it; null: there is none."
    )
    counted_at = MomentField(allow_null=True)


class EntryShape(serializers.Serializer[Any]):
    """One line of a customer's timeline, worded in the caller's language."""

    key = serializers.CharField()
    occurred_at = MomentField()
    kind = serializers.CharField()
    title = serializers.CharField()
    text = serializers.CharField()
    by = serializers.CharField()
    whom = serializers.CharField(help_text="The contact spoken with.")
    next_step = serializers.CharField()
    severity = serializers.IntegerField(allow_null=True)
    case = serializers.IntegerField(source="case_id", allow_null=True)
