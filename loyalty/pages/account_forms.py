"""The forms of an account: adjusting, reversing, redeeming, using what a tier brings, membership."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

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
        label=_("Points"),
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


class RedeemForm(KeyedForm):
    """Which reward the customer takes, and for whom."""

    sheet = "redeem"
    REFUSALS = dict.fromkeys(
        ("not_enough_points", "reward_not_offered", "reward_for_tier", "reward_taken", "reward_gone"),
        "reward",
    ) | {"contact_of_another": "contact"}

    reward = forms.ModelChoiceField(label=_("Reward"), queryset=Reward.objects.none(), empty_label=None)
    contact = forms.ModelChoiceField(
        label=_("For whom"),
        queryset=Contact.objects.none(),
        required=False,
        empty_label=_("nobody in particular"),
    )

    def __init__(self, *args: Any, offered: list[Reward], contacts: list[Contact], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, rows in (("reward", offered), ("contact", contacts)):
            field: forms.ModelChoiceField = self.fields[name]  # type: ignore[assignment]
            field.queryset = (
                type(rows[0]).objects.filter(pk__in=[row.pk for row in rows]) if rows else field.queryset
            )
        self.fields["reward"].choices = [  # type: ignore[attr-defined]
            (
                row.pk,
                _("%(reward)s – %(points)s points") % {"reward": called(row), "points": f"{row.points:,}"},
            )
            for row in offered
        ]
        people = [(row.pk, row.name) for row in contacts]
        self.fields["contact"].choices = [("", _("nobody in particular")), *people]  # type: ignore[attr-defined]


class UseForm(KeyedForm):
    """That the customer used something that its tier brings."""

    sheet = "use"
    REFUSALS = {"benefit_none_left": "benefit", "benefit_not_entitled": "benefit", "benefit_day": "used_day"}

    benefit = forms.TypedChoiceField(label=_("What was used"), coerce=int)
    used_day = DayField(label=_("On"), required=False, help_text=_("Empty: today."))
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
        "plan_price": "price",
        "membership_price_role": "price",
        "membership_start_role": "starts_day",
        "membership_start": "starts_day",
    }

    plan = forms.TypedChoiceField(label=_("Membership"), coerce=int)
    starts_day = DayField(label=_("First day"), required=False, help_text=_("Empty: today."))

    def __init__(self, *args: Any, plans: list[MembershipPlan], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["plan"].choices = [(row.pk, called(row)) for row in plans]  # type: ignore[attr-defined]
        currency = self.account.programme.currency
        self.fields["price"] = MoneyField(
            label=_("Paid"),
            currency=currency,
            required=False,
            help_text=_("Empty: the price of the membership."),
        )


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
