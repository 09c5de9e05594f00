"""Forms of improvements."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground.money import from_minor, to_minor
from customers.models import Cause, Product, User
from customers.models.people import Role
from retention.improving import planning
from retention.models import ImprovementAction
from retention.pages.dealing_forms import AMOUNT, DayField, ListedField, number_field
from surveys.models import Survey

OWNERS = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN)


class CausesField(forms.ModelMultipleChoiceField):
    """Causes of the catalogue, those of the second level beneath theirs."""

    def label_from_instance(self, obj: Any) -> str:
        """Return the name, moved in below its parent's."""
        return f"— {obj}" if obj.parent_id else str(obj)


class PlanForm(forms.Form):
    """What is to be done, by whom, until when, and what it should move."""

    title = forms.CharField(
        label=_("What shall become better"), max_length=200, widget=forms.TextInput({"autocomplete": "off"})
    )
    owner = ListedField(label=_("Owner"), queryset=User.objects.none(), empty_label=None)
    begins_on = DayField(label=_("Begins"), required=False)
    due_on = DayField(label=_("Due"))
    cost = number_field(label=_("Cost"), required=False, min_value=0, **AMOUNT)
    causes = CausesField(
        label=_("Causes"),
        queryset=Cause.objects.none(),
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 8}),
        help_text=_("A cause stands for those below it. Hold Ctrl or ⌘ to choose several."),
    )
    product = forms.CharField(label=_("Product"), max_length=64, required=False, help_text=_("Its code."))
    lot = forms.CharField(label=_("Lot"), max_length=64, required=False)
    moves = forms.ChoiceField(label=_("It should move"), choices=ImprovementAction.Moves.choices)
    survey = ListedField(
        label=_("Survey"),
        queryset=Survey.objects.none(),
        required=False,
        empty_label="—",
        help_text=_("For the score of a survey."),
    )
    measure = forms.ChoiceField(label=_("Measure"), required=False, help_text=_("For the mean of a measure."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        people = User.objects.filter(is_active=True, role__in=OWNERS)
        fields["owner"].queryset = people.order_by("username")
        fields["causes"].queryset = Cause.objects.filter(is_retired=False).order_by("position", "pk")
        fields["survey"].queryset = Survey.objects.order_by("code")
        offered = sorted((str(one.label), one.code) for one in planning.measures_offered())
        fields["measure"].choices = [("", "—"), *((code, label) for label, code in offered)]
        currency = company.current().base_currency
        fields["cost"].label = f"{fields['cost'].label} ({currency})"

    def clean_product(self) -> Product | None:
        """Return the product of the code."""
        code = self.cleaned_data["product"].strip()
        if not code:
            return None
        found = Product.objects.filter(code=code).first()
        if found is None:
            raise ValidationError(_("There is no product with this code."), code="unknown_product")
        return found

    def clean_cost(self) -> int | None:
        """Return the cost in minor units of the base currency."""
        cost = self.cleaned_data["cost"]
        return None if cost is None else to_minor(cost, company.current().base_currency)

    @property
    def plan(self) -> planning.Plan:
        """Return what was filled in, as the verbs take it."""
        return planning.Plan(**{**self.cleaned_data, "causes": list(self.cleaned_data["causes"])})


def filled(action: ImprovementAction) -> dict[str, Any]:
    """Return what the form shows of an improvement."""
    currency = company.current().base_currency
    return {
        "title": action.title,
        "owner": action.owner_id,
        "begins_on": action.begins_on,
        "due_on": action.due_on,
        "cost": None if action.cost is None else from_minor(action.cost, currency),
        "causes": [cause.pk for cause in action.causes.all()],
        "product": action.product.code if action.product is not None else "",
        "lot": action.lot,
        "moves": action.moves,
        "survey": action.survey_id,
        "measure": action.measure,
    }


class ToldForm(forms.Form):
    """What customers are told of it."""

    told_zh = forms.CharField(
        label=_("What we did, in Chinese"),
        max_length=planning.MOST_OF_TOLD,
        required=False,
        widget=forms.Textarea({"rows": 3}),
    )
    told_en = forms.CharField(
        label=_("What we did, in English"),
        max_length=planning.MOST_OF_TOLD,
        required=False,
        widget=forms.Textarea({"rows": 3}),
        help_text=_("In words for customers; who has no language of these two gets the other one."),
    )


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea({"rows": 2}))


class MatchForm(forms.Form):
    """Since which day."""

    since = DayField(label=_("Said since"))

    def clean_since(self) -> int:
        """Return the local day number."""
        day: date = self.cleaned_data["since"]
        return day.toordinal()
