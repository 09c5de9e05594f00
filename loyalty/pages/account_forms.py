"""The forms of an account: adjusting, reversing, redeeming, using what a tier brings, membership."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from customers.ground.money import format_money
from customers.ground.numbers import whole
from customers.models import Contact
from loyalty.models import MembershipPlan, PointsAccount, Reward
from loyalty.naming import called
from loyalty.pages.fields import MOST, DayField, MoneyField, text_field
from loyalty.rewards import catalogue
from loyalty.tiers.benefits import Entitlement

MOST_REASON = 500


class KeyedForm(forms.Form):
    """A form that does its act once, however often it is sent; in a sheet called ``sheet``."""

    sheet = ""
    key = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)

    def __init__(self, *args: Any, account: PointsAccount, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", f"{self.sheet}_%s")
        kwargs.setdefault("initial", {})
        kwargs["initial"] = {"key": secrets.token_hex(12), **kwargs["initial"]}
        super().__init__(*args, **kwargs)
        self.account = account

    def clean_key(self) -> str:
        """Return the key; a form that was sent without one does its act by itself."""
        return self.cleaned_data["key"] or secrets.token_hex(12)


class AdjustForm(KeyedForm):
    """Points that are given or taken by hand."""

    sheet = "adjust"
    REFUSALS = {"points_reason": "reason", "not_enough_points": "points", "points_amount": "points"}

    points = forms.IntegerField(
        label=pgettext_lazy("of an account", "Points"),
        min_value=-MOST,
        max_value=MOST,
        help_text=_("Below zero takes points away. The balance never falls below zero."),
    )
    reason = text_field(_("Reason"), MOST_REASON, rows=3, help_text=_("It stands in the statement."))

    def clean_points(self) -> int:
        """Refuse nothing at all."""
        points: int = self.cleaned_data["points"]
        if not points:
            raise forms.ValidationError(_("Write a number above or below zero."), code="zero")
        return points


class ReverseForm(KeyedForm):
    """Why an entry is reversed."""

    sheet = "reverse"
    reason = text_field(_("Reason"), MOST_REASON)


class PricedField(forms.ChoiceField):
    """Something at the price that its label shows; its value is the row and that price.

    What was chosen at a price that has changed since stays chosen, at the price that is shown now.
    """

    def __init__(self, *, offered: list[Any], **options: Any) -> None:
        self.offered = {str(row.pk): row for row in offered}
        super().__init__(choices=[(self.value_of(row), self.label_of(row)) for row in offered], **options)

    def price_of(self, row: Any) -> int:
        """Return what the row costs now."""
        raise NotImplementedError

    def label_of(self, row: Any) -> Any:
        """Return what the choice says, with the price."""
        raise NotImplementedError

    def value_of(self, row: Any) -> str:
        """Return the value of the choice, with the price."""
        return f"{row.pk}:{self.price_of(row)}"

    def clean(self, value: Any) -> tuple[Any, int | None]:
        """Return the row and the price that was shown; nothing where none was sent."""
        pk, _colon, price = str(value or "").partition(":")
        super().clean(self.bound_data(value, None))
        return self.offered[pk], whole(price)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what is chosen now."""
        row = self.offered.get(str(data or "").partition(":")[0])
        return data if row is None else self.value_of(row)


class RewardField(PricedField):
    """A reward at the price that its label shows."""

    def price_of(self, row: Reward) -> int:
        """Return its points."""
        return row.points

    def label_of(self, row: Reward) -> Any:
        """Return its name and its points."""
        says = _("%(reward)s – %(points)s points")
        return says % {"reward": called(row), "points": f"{row.points:,}"}


class PlanField(PricedField):
    """A membership at the price that its label shows."""

    def price_of(self, row: MembershipPlan) -> int:
        """Return minor units of its currency."""
        return row.price

    def label_of(self, row: MembershipPlan) -> Any:
        """Return its name and its price."""
        return f"{called(row)} – {format_money(row.price, row.currency, get_language() or 'en')}"


class RedeemForm(KeyedForm):
    """Which reward the customer takes, and for whom."""

    sheet = "redeem"
    REFUSALS = dict.fromkeys(
        (
            *("not_enough_points", "reward_not_offered", "reward_for_tier", "reward_taken", "reward_gone"),
            "reward_price",
        ),
        "reward",
    ) | {"contact_of_another": "contact"}

    contact = forms.ModelChoiceField(
        label=_("For whom"),
        queryset=Contact.objects.none(),
        required=False,
        empty_label=_("nobody in particular"),
    )

    def __init__(self, *args: Any, offered: list[Reward], contacts: list[Contact], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reward"] = RewardField(label=_("Reward"), offered=offered)
        self.order_fields(["key", "reward", "contact"])
        self.fields["contact"].queryset = Contact.objects.filter(  # type: ignore[attr-defined]
            pk__in=[row.pk for row in contacts]
        )
        people = [(row.pk, row.name) for row in contacts]
        self.fields["contact"].choices = [("", _("nobody in particular")), *people]  # type: ignore[attr-defined]


class UseForm(KeyedForm):
    """That the customer used something that its tier brings."""

    sheet = "use"
    REFUSALS = {"benefit_none_left": "benefit", "benefit_not_entitled": "benefit", "benefit_day": "used_day"}

    benefit = forms.TypedChoiceField(label=_("What was used"), coerce=int)
    used_day = DayField(
        label=pgettext_lazy("the day of a use", "On"), required=False, help_text=_("Empty: today.")
    )
    note = text_field(_("Note"), 500, required=False)

    def __init__(self, *args: Any, entitled: list[Entitlement], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["benefit"].choices = [(one.benefit.pk, called(one.benefit)) for one in entitled]  # type: ignore[attr-defined]


class SellForm(KeyedForm):
    """A membership that is sold."""

    sheet = "sell"
    REFUSALS = {
        "plan_not_sold": "plan",
        "already_member": "plan",
        "membership_price_changed": "plan",
        "plan_price": "price",
        "membership_price_role": "price",
        "membership_start_role": "starts_day",
        "membership_start": "starts_day",
    }

    starts_day = DayField(label=_("First day"), required=False, help_text=_("Empty: today."))

    def __init__(self, *args: Any, plans: list[MembershipPlan], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["plan"] = PlanField(label=_("Membership"), offered=plans)
        self.fields["price"] = MoneyField(
            label=_("Paid"),
            currency=self.account.programme.currency,
            required=False,
            help_text=_("Empty: the price of the membership."),
        )
        self.order_fields(["key", "plan", "starts_day", "price"])

    def clean_plan(self) -> tuple[MembershipPlan, int | None]:
        """Let what was paid, which is read after it, be in the currency of the plan."""
        plan, shown = self.cleaned_data["plan"]
        self.fields["price"].currency = plan.currency  # type: ignore[attr-defined]
        return plan, shown


class EndForm(KeyedForm):
    """Why a membership ends before its last day."""

    sheet = "end"
    REFUSALS = {"membership_reason": "reason"}

    number = forms.IntegerField(widget=forms.HiddenInput)
    reason = text_field(_("Reason"), MOST_REASON, rows=2)


class ReferForm(KeyedForm):
    """By whose code the customer came."""

    sheet = "refer"
    REFUSALS = dict.fromkeys(
        ("unknown_referral_code", "self_referral", "referred_before", "referred_not_new"), "code"
    )

    code = forms.CharField(
        label=pgettext_lazy("of a referral", "Code of who referred this customer"), max_length=20
    )


class AsOfForm(forms.Form):
    """As of which day a statement is shown."""

    as_of = DayField(
        label=_("As of the end of"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "class": "control"}, format="%Y-%m-%d"),
    )


def offered_to(account: PointsAccount, *, at: Any) -> list[Reward]:
    """Return the rewards that the account may have and that are in stock."""
    return [row for row in catalogue.offered_to(account, at=at) if row.stock != 0]
