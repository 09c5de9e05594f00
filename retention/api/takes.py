"""What the API of retention takes; what each verb allows is the verb's own to say."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from customers.ground.api.serializers import MomentField, Takes
from customers.models import Cause, Contact, Customer, Team, User
from retention import rules
from retention.api.known import GREATEST_ID, KnownCode, KnownId, KnownIds
from retention.cases import recovery
from retention.cases.closing import CLOSED_BY_HAND
from retention.models import FollowUpCall, RetentionCase, RuleState
from retention.models.rules import HOLD_DAYS, CaseKind, Severity, WorkTo

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


class GrantPoints(Takes):
    """How many recovery points, what for, and a name for this one grant."""

    points = serializers.IntegerField(min_value=1, max_value=recovery.MOST_POINTS)
    reason = serializers.CharField(max_length=1000)
    key = serializers.CharField(max_length=recovery.MOST_KEY)


class CloseCase(Takes):
    """How the case ends, and why."""

    outcome = serializers.ChoiceField(CLOSED_BY_HAND)
    reason = serializers.CharField(max_length=2000)


class ConditionField(serializers.DictField):
    """A condition's tree, as docs/rules.md describes it."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the tree in its canonical form; say where it cannot stand."""
        try:
            return rules.read(super().to_internal_value(data)).as_json()
        except rules.ConditionRefused as refusal:
            raise serializers.ValidationError(str(refusal), code=refusal.code) from refusal


def teams(user: User) -> Any:
    """Return the teams that a rule may give its cases to."""
    return Team.objects.all()


class _RuleFields(Takes):
    """What a rule is made of, beside its code."""

    name_en = serializers.CharField(max_length=120)
    name_zh = serializers.CharField(max_length=120)
    condition = ConditionField()
    clear_condition = ConditionField(required=False, allow_null=True)
    severity = serializers.ChoiceField(Severity.choices, default=Severity.MEDIUM)
    opens_work = serializers.BooleanField(required=False)
    case_kind = serializers.ChoiceField(CaseKind.choices, default=CaseKind.SAVE)
    hold_days = serializers.ChoiceField(HOLD_DAYS, default=0)
    cool_down_days = serializers.IntegerField(min_value=0, max_value=3650, default=30)
    call_within_minutes = serializers.IntegerField(min_value=1, max_value=60 * 24 * 366, default=16 * 60)
    work_to = serializers.ChoiceField(WorkTo.choices, default=WorkTo.OWNER)
    work_team = KnownId(teams, required=False, allow_null=True)
    work_person = KnownId(colleagues, required=False, allow_null=True)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)

    def validate(self, values: Any) -> Any:
        """Name a team and a person by the columns of a rule."""
        for name in ("work_team", "work_person"):
            if name in values:
                named = values.pop(name)
                values[f"{name}_id"] = named.pk if named is not None else None
        return values


class MakeRule(_RuleFields):
    """A new rule, which stands as a draft.

    Without `opens_work` a rule of low severity warns only.
    """

    code = serializers.RegexField(r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)

    def validate(self, values: Any) -> Any:
        """Let severity decide whether it opens work where nothing is said."""
        values = super().validate(values)
        values.setdefault("opens_work", values["severity"] > Severity.LOW)
        return values


class ReviseRule(_RuleFields):
    """The next version of a rule: what is given changes, what is left out stays."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for one in self.fields.values():
            one.required = False
            one.default = serializers.empty


class RevertRule(Takes):
    """An earlier version that becomes the next one."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)


class MoveRule(Takes):
    """Another state, and what a launch asks for.

    Shares are in hundredths of a percent: 1000 is 10 %. Without them the hold-out stays as it is.
    """

    to = serializers.ChoiceField(RuleState.choices)
    open_existing = serializers.BooleanField(default=False)
    cases_a_day = serializers.IntegerField(min_value=1, max_value=10_000, required=False)
    holdout_share = serializers.IntegerField(min_value=0, max_value=5_000, required=False)
    programme_share = serializers.IntegerField(min_value=0, max_value=5_000, required=False)
    retire_replaced = serializers.BooleanField(
        default=False, help_text="At a launch: retire the rule that it was proposed in the place of."
    )
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)

    def validate(self, values: Any) -> Any:
        """Put the shares together."""
        rule, programme = values.pop("holdout_share", None), values.pop("programme_share", None)
        if rule is not None or programme is not None:
            values["shares"] = rules.Shares(rule=rule or 0, programme=programme)
        return values


class SilenceRule(Takes):
    """Up to which day a rule opens no case, for one customer or for all, and why."""

    customer = KnownId(customers, required=False, allow_null=True)
    until = serializers.DateField()
    reason = serializers.CharField(max_length=300)


class TakeRules(Takes):
    """A file of rules, as it is exported."""

    liuke_rules = serializers.IntegerField(min_value=1, max_value=1)
    rules = serializers.ListField(child=serializers.DictField(), min_length=1, max_length=200)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)


class EnableRule(Takes):
    """Whom a rule that is switched on tells of: new matches only, or those who match already too."""

    open_existing = serializers.BooleanField()
