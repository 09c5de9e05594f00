"""The forms of rules: writing one, moving it, silencing it, taking rules over from a file, trying one."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import clock
from customers.ground.localtime import day_of
from customers.models import Customer, Team, User
from customers.models.people import Role
from retention import rules
from retention.models import RuleState, WarningRule
from retention.models.rules import HOLD_DAYS, CaseKind, Severity, WorkTo
from retention.rules.holdout import PROGRAMME, RULE
from retention.rules.life import MOST_A_DAY, ON, OPENING
from retention.rules.saving import RESERVED
from retention.segments.naming import named

LARGEST_FILE = 1_000_000
WORKING_ROLES = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD)


class RuleForm(forms.Form):
    """All of a rule but its conditions, which are editors beside it."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    name_en = forms.CharField(label=_("English name"), max_length=120, required=False)
    name_zh = forms.CharField(label=_("Chinese name"), max_length=120, required=False)
    code = forms.SlugField(
        label=_("Code"),
        max_length=64,
        required=False,
        help_text=_("What files and programs call it: Latin letters, digits and hyphens. It stays."),
    )
    severity = forms.TypedChoiceField(label=_("Severity"), choices=Severity.choices, coerce=int)
    opens_work = forms.ChoiceField(
        label=_("What it does"),
        choices=[
            ("", _("By severity: a low one warns only")),
            ("1", _("Opens a case")),
            ("0", _("Warns only")),
        ],
        required=False,
    )
    case_kind = forms.ChoiceField(label=_("Kind of case"), choices=CaseKind.choices)
    call_within = forms.DecimalField(
        label=_("First call within"),
        min_value=Decimal("0.02"),
        max_value=Decimal(24 * 366),
        decimal_places=2,
        help_text=_("Working hours."),
    )
    work_to = forms.ChoiceField(label=_("Who gets it"), choices=WorkTo.choices)
    work_team = forms.ModelChoiceField(label=_("Team"), queryset=Team.objects.none(), required=False)
    work_person = forms.ModelChoiceField(label=_("Person"), queryset=User.objects.none(), required=False)
    hold_days = forms.TypedChoiceField(
        label=_("Must have held"),
        choices=[(days, days) for days in HOLD_DAYS],
        coerce=int,
        help_text=_("Days that the sign must have stood before it warns."),
    )
    cool_down_days = forms.IntegerField(
        label=_("Quiet after the close"),
        min_value=0,
        max_value=3650,
        help_text=_("Days in which it opens no other case for the customer."),
    )
    reason = forms.CharField(
        label=_("Why this change"),
        max_length=300,
        required=False,
        help_text=_("Stands beside the version."),
    )

    def __init__(self, *args: Any, rule: WarningRule | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rule = rule
        del self.fields["version" if rule is None else "code"]
        self.fields["work_team"].queryset = Team.objects.all()  # type: ignore[attr-defined]
        people = User.objects.filter(is_active=True, role__in=WORKING_ROLES).order_by("pk")
        self.fields["work_person"].queryset = people  # type: ignore[attr-defined]

    @staticmethod
    def initial_of(rule: WarningRule | None) -> dict[str, Any]:
        """Return what the form shows of a rule, or of a new one."""
        if rule is None:
            return {
                "severity": Severity.MEDIUM,
                "case_kind": CaseKind.SAVE,
                "call_within": 16,
                "work_to": WorkTo.OWNER,
                "hold_days": 0,
                "cool_down_days": 30,
            }
        return {
            "version": rule.version,
            "name_en": rule.name_en,
            "name_zh": rule.name_zh,
            "severity": rule.severity,
            "opens_work": "1" if rule.opens_work else "0",
            "case_kind": rule.case_kind,
            "call_within": _hours(rule.call_within_minutes),
            "work_to": rule.work_to,
            "work_team": rule.work_team_id,
            "work_person": rule.work_person_id,
            "hold_days": rule.hold_days,
            "cool_down_days": rule.cool_down_days,
        }

    def clean(self) -> dict[str, Any]:
        """Refuse a rule without a name, and a code that is an address."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not (cleaned.get("name_en") or cleaned.get("name_zh")):
            self.add_error("name_en", _("Give the rule a name, in English or Chinese."))
        if cleaned.get("code") in RESERVED:
            self.add_error("code", _("Choose another code."))
        return cleaned

    def chosen_code(self) -> str:
        """Return the code, which follows from the name when it was left out."""
        wanted = self.cleaned_data["code"].lower() or slugify(self.cleaned_data["name_en"])[:64]
        return wanted if wanted and wanted not in RESERVED else f"rule-{WarningRule.objects.count() + 1}"

    def values(self) -> dict[str, Any]:
        """Return the values of a rule's columns."""
        data = self.cleaned_data
        english, chinese = data["name_en"], data["name_zh"]
        opens = data["opens_work"] == "1" if data["opens_work"] else data["severity"] > Severity.LOW
        team, person = data["work_team"], data["work_person"]
        return {
            "name_en": english or chinese,
            "name_zh": chinese or english,
            "severity": data["severity"],
            "opens_work": opens,
            "case_kind": data["case_kind"],
            "call_within_minutes": self._minutes(),
            "work_to": data["work_to"],
            "work_team_id": team.pk if team else None,
            "work_person_id": person.pk if person else None,
            "hold_days": data["hold_days"],
            "cool_down_days": data["cool_down_days"],
        }

    def _minutes(self) -> int:
        """Return the minutes that were meant: those of the rule when its hours, rounded, were left alone."""
        hours = self.cleaned_data["call_within"]
        if self.rule is not None and hours == Decimal(_hours(self.rule.call_within_minutes)):
            return self.rule.call_within_minutes
        return round(hours * 60)


def _hours(minutes: int) -> str:
    """Return minutes as hours with two decimals at most."""
    return f"{round(minutes / 60, 2):g}"


class MoveForm(forms.Form):
    """Another state for a rule, with what a launch asks for."""

    to = forms.ChoiceField(choices=RuleState.choices, widget=forms.HiddenInput)
    cases_a_day = forms.IntegerField(
        label=_("New cases a day, at most"), min_value=1, max_value=MOST_A_DAY, required=False
    )
    existing = forms.ChoiceField(
        label=_("Who matches already"),
        choices=[("", _("is the baseline and opens nothing")), ("1", _("opens a case, too"))],
        required=False,
    )
    replaced = forms.ChoiceField(
        label=_("The rule in whose place it comes"),
        choices=[("1", _("is retired at the same moment")), ("", _("goes on beside it"))],
        required=False,
    )
    holdout = forms.DecimalField(
        label=_("Held out of this rule, %"),
        min_value=0,
        max_value=50,
        decimal_places=2,
        required=False,
        help_text=_("They are left alone on purpose, so that the effect can be told."),
    )
    programme = forms.DecimalField(
        label=_("Held out of all such rules, %"), min_value=0, max_value=50, decimal_places=2, required=False
    )
    reason = forms.CharField(label=_("Reason"), max_length=300, required=False)

    def shares(self) -> rules.Shares | None:
        """Return the shares of the hold-out; nothing when the form asked for none."""
        data = self.cleaned_data
        if data["holdout"] is None and data["programme"] is None:
            return None
        programme = data["programme"]
        return rules.Shares(
            rule=int((data["holdout"] or 0) * 100),
            programme=int(programme * 100) if programme is not None else None,
        )


def launch_form(to: str, *, rule: WarningRule, may_hold_out: bool, programme: int | None) -> MoveForm:
    """Return the form of a move as the page offers it, with the shares that are proposed."""
    standing = rule.holdout_share if rule.holdout_from else RULE
    form = MoveForm(
        initial={
            "to": to,
            "cases_a_day": rule.cases_a_day or 5,
            "replaced": "1",
            "holdout": Decimal(standing) / 100,
            "programme": Decimal(programme if programme is not None else PROGRAMME) / 100,
        },
        prefix=None,
        auto_id=f"{to}_%s",
    )
    launching = to in (RuleState.LIMITED, RuleState.LIVE)
    if to != RuleState.LIMITED:
        del form.fields["cases_a_day"]
    if not launching or rule.state in OPENING:
        del form.fields["existing"], form.fields["replaced"]
    elif rule.replaces is None or rule.replaces.state not in ON:
        del form.fields["replaced"]
    if not launching or not may_hold_out:
        del form.fields["holdout"], form.fields["programme"]
    return form


class OneCustomerField(forms.CharField):
    """A customer by its id: that of the company's files, or our number."""

    def __init__(self, *, user: User, **kwargs: Any) -> None:
        self.user = user
        super().__init__(max_length=64, **kwargs)

    def clean(self, value: Any) -> Any:
        """Return the customer; raise ``ValidationError`` when there is none that one may see."""
        text: str = super().clean(value)
        if not text:
            return None
        visible = Customer.objects.visible_to(self.user)  # type: ignore[attr-defined]
        found, _unknown = named([text.strip()], among=visible)
        if not found:
            raise ValidationError(_("There is no such customer, or you may not see it."), code="unknown")
        return found[0]


class TryForm(forms.Form):
    """One customer, and perhaps a day of the past."""

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        help_text = _("As in your files, or our number.")
        self.fields["customer"] = OneCustomerField(user=user, label=_("Customer's id"), help_text=help_text)
        self.fields["on"] = forms.DateField(
            label=_("At the end of"), required=False, widget=forms.DateInput(attrs={"type": "date"})
        )


class SilenceForm(forms.Form):
    """Until when a rule opens no case, for whom, and why."""

    until = forms.DateField(label=_("Up to and including"), widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(label=_("Reason"), max_length=300)

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["customer"] = OneCustomerField(
            user=user,
            required=False,
            label=_("Only for the customer"),
            help_text=_("Its id in your files, or our number. For all when empty."),
        )
        today = day_of(company.today(clock.now()).number)
        self.fields["until"].widget.attrs["min"] = today.isoformat()


class TakeForm(forms.Form):
    """A file of rules."""

    file = forms.FileField(label=_("File"), help_text=_("As it is exported, in JSON."))

    def clean_file(self) -> Any:
        """Return what the file says; refuse what is no JSON."""
        sent = self.cleaned_data["file"]
        if sent.size > LARGEST_FILE:
            raise ValidationError(_("The file is too large."))
        try:
            return json.loads(sent.read().decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise ValidationError(_("This file cannot be read as JSON.")) from error
