"""What the API of retention takes; what each verb allows is the verb's own to say."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from customers.ground.api.serializers import MomentField, Takes
from customers.models import Cause, Contact, Customer, User
from retention import rules
from retention.api.known import GREATEST_ID, KnownCode, KnownId, KnownIds
from retention.cases.closing import CLOSED_BY_HAND
from retention.models import FollowUpCall, RetentionCase, WarningRule
from retention.models.rules import CaseKind, Severity

MOST_AT_ONCE = 500


def colleagues(user: User) -> Any:
    """Return those whom ``user`` may give work to."""
    return User.objects.working().visible_to(user)


def customers(user: User) -> Any:
    """Return the customers that ``user`` may see."""
    return Customer.objects.visible_to(user)  # type: ignore[attr-defined]


def contacts(user: User) -> Any:
    """Return the contacts of the customers that ``user`` may see."""
    return Contact.objects.filter(customer__in=customers(user))


def cases(user: User) -> Any:
    """Return the cases that ``user`` may see."""
    return RetentionCase.objects.visible_to(user)  # type: ignore[attr-defined]


def known_causes(user: User) -> Any:
    """Return the causes that a diagnosis may name; retired ones too, the verb says what it allows."""
    return Cause.objects.select_related("parent")


@extend_schema_field(
    {
        "type": "array",
        "items": {"type": "integer", "format": "int64", "minimum": 1, "maximum": GREATEST_ID},
        "minItems": 1,
        "maxItems": MOST_AT_ONCE,
    }
)
class CaseIds(KnownIds):
    """Cases by their ids."""


class OpenCase(Takes):
    """A case to be opened by hand."""

    customer = KnownId(customers)
    kind = serializers.ChoiceField(CaseKind.choices)
    severity = serializers.ChoiceField(Severity.choices, default=Severity.MEDIUM)
    reason = serializers.CharField(max_length=2000)


class Assign(Takes):
    """Who gets the case."""

    to = KnownId(colleagues)


class AssignMany(Assign):
    """Who gets which cases."""

    cases = CaseIds(cases, most=MOST_AT_ONCE)


class Diagnose(Takes):
    """Why the customer is leaving: the type and the causes, by their codes.

    `causes` are the company's assessment, `stated` what the customer named; without it, that stays.
    """

    churn_type = serializers.ChoiceField(RetentionCase.ChurnType.choices)
    causes = serializers.ListField(child=KnownCode(known_causes), min_length=1, max_length=50)
    main = KnownCode(known_causes, required=False, allow_null=True)
    stated = serializers.ListField(child=KnownCode(known_causes), max_length=50, required=False)


class Plan(Takes):
    """By when the next call is due (without it, as the rules say), and what to talk about."""

    due_at = MomentField(required=False, allow_null=True)
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


class PlanWith(Takes):
    """A call with a customer: on the open case, else on a new one that bears the reason."""

    customer = KnownId(customers)
    due_at = MomentField()
    reason = serializers.CharField(max_length=500)


class LogCall(Takes):
    """What came of a call."""

    outcome = serializers.ChoiceField(FollowUpCall.Outcome.choices)
    note = serializers.CharField(max_length=4000, required=False, allow_blank=True)
    next_at = MomentField(required=False, allow_null=True)
    contact = KnownId(contacts, required=False, allow_null=True)


class CloseCase(Takes):
    """How the case ends, and why."""

    outcome = serializers.ChoiceField(CLOSED_BY_HAND)
    reason = serializers.CharField(max_length=2000)


class ConditionField(serializers.DictField):
    """A condition's tree, as docs/rules.md describes it."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the tree in its canonical form; say where it cannot stand."""
        try:
            return rules.parse(super().to_internal_value(data)).as_json()
        except rules.ConditionRefused as refusal:
            raise serializers.ValidationError(str(refusal), code=refusal.code) from refusal


class ReviseRule(Takes):
    """The next version of a rule."""

    condition = ConditionField()
    severity = serializers.ChoiceField(Severity.choices, required=False)


class MakeRule(Takes):
    """A new rule, which stands switched off."""

    code = serializers.RegexField(r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)
    name_en = serializers.CharField(max_length=120)
    name_zh = serializers.CharField(max_length=120)
    condition = ConditionField()
    severity = serializers.ChoiceField(Severity.choices, default=Severity.MEDIUM)
    case_kind = serializers.ChoiceField(CaseKind.choices, default=CaseKind.SAVE)
    cool_down_days = serializers.IntegerField(min_value=0, max_value=3650, default=30)
    call_within_minutes = serializers.IntegerField(min_value=1, max_value=60 * 24 * 366, default=16 * 60)

    def as_rule(self) -> WarningRule:
        """Return the rule, not yet stored."""
        return WarningRule(**self.validated_data)


class EnableRule(Takes):
    """Whom a rule that is switched on tells of: new matches only, or those who match already too."""

    open_existing = serializers.BooleanField()
