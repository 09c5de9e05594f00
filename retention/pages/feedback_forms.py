"""The forms of feedback: filing it, saying more exactly what it is about, notes, compensation."""

from __future__ import annotations

import secrets
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers import causes
from customers.feedback import notes
from customers.ground import money
from customers.ground.widgets import LongSelect
from customers.models import (
    Cause,
    Compensation,
    Complaint,
    Contact,
    Customer,
    FeedbackKind,
    Order,
    OrderLine,
    Product,
    User,
)
from retention.pages.dealing_forms import AMOUNT, DayField, InCurrencyForm, ListedField, number_field
from retention.pages.forms import MomentField, grouped

MOST_ORDERS = 50


class OrderField(ListedField):
    """One of the customer's orders, called by its number and day."""

    def label_from_instance(self, obj: Any) -> str:
        """Return the number of the order, or ours, with its day."""
        return f"{obj.number or obj.pk} · {obj.occurred_at:%Y-%m-%d}"


class AboutForm(forms.Form):
    """What feedback is about: category, cause, product, lot, severity, and who is praised."""

    severity = forms.TypedChoiceField(
        label=_("Severity"), choices=Complaint.Severity.choices, coerce=int, initial=Complaint.Severity.MEDIUM
    )
    category = forms.CharField(label=_("Category"), max_length=64, required=False)
    cause = ListedField(
        label=pgettext_lazy("of feedback", "Cause"),
        queryset=Cause.objects.none(),
        required=False,
        empty_label=_("not assessed yet"),
        help_text=_("Our own assessment, of the company's causes."),
    )
    product = forms.CharField(
        label=_("Product code"),
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs={"list": "products"}),
    )
    lot = forms.CharField(label=_("Lot"), max_length=64, required=False)
    praised = ListedField(
        label=_("Praised colleague"),
        queryset=User.objects.none(),
        required=False,
        empty_label=_("nobody by name"),
        widget=LongSelect,
        help_text=_("She finds the praise on her first page."),
    )

    def __init__(
        self, *args: Any, user: User, kind: str | None = None, cause: Cause | None = None, **kwargs: Any
    ) -> None:
        """``kind``: of feedback that is filed already; only praise has somebody praised then."""
        super().__init__(*args, **kwargs)
        fields = cast(Any, self.fields)
        known = list(causes.choices().select_related("parent"))
        if cause is not None and cause not in known:
            known.append(cause)
        fields["cause"].queryset = Cause.objects.filter(pk__in=[one.pk for one in known])
        fields["cause"].widget.choices = [("", fields["cause"].empty_label), *grouped(known)]
        if kind not in (None, FeedbackKind.PRAISE):
            del fields["praised"]
        else:
            fields["praised"].queryset = User.objects.working().visible_to(user).order_by("username")

    def clean_product(self) -> Product | None:
        """Return the product of the code."""
        code = self.cleaned_data["product"]
        found = Product.objects.filter(code=code).first() if code else None
        if code and found is None:
            raise ValidationError(_("There is no product with this code."), code="unknown_product")
        return found


class FeedbackForm(AboutForm):
    """What a customer tells us, whatever it is."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=FeedbackKind.choices,
        initial=FeedbackKind.COMPLAINT,
        widget=forms.RadioSelect(attrs={"class": "choices"}),
    )
    text = forms.CharField(
        label=pgettext_lazy("feedback", "What was said"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("In the customer's words."),
    )
    channel = forms.ChoiceField(label=_("Came by"), choices=Complaint.Channel.choices)
    contact = ListedField(
        label=_("From"), queryset=Contact.objects.none(), required=False, empty_label=_("not said")
    )
    order = OrderField(
        label=_("About the order"), queryset=Order.objects.none(), required=False, empty_label=_("none")
    )
    occurred_at = MomentField(label=_("When"), required=False, help_text=_("Empty: just now."))

    field_order = (
        *("kind", "text", "channel", "contact", "order", "product", "lot"),
        *("severity", "category", "cause", "praised", "occurred_at"),
    )

    def __init__(self, *args: Any, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields = cast(Any, self.fields)
        orders = Order.objects.filter(customer=customer, void=False)
        newest = orders.order_by("-occurred_day", "-pk").values_list("pk", flat=True)[:MOST_ORDERS]
        fields["order"].queryset = orders.filter(pk__in=list(newest)).order_by("-occurred_day", "-pk")
        fields["contact"].queryset = customer.contacts.filter(erased_at=None)

    def clean(self) -> dict[str, Any]:
        """Refuse somebody who is praised where nothing is praised."""
        said: dict[str, Any] = super().clean() or {}
        if said.get("praised") is not None and said.get("kind") not in (None, FeedbackKind.PRAISE):
            self.add_error("praised", _("Only praise has somebody who is praised."))
        return said


class DueForm(forms.Form):
    """By the end of which day it is to be resolved."""

    due_on = DayField(label=_("To be resolved by"))


class NoteForm(forms.Form):
    """A note for colleagues."""

    text = forms.CharField(
        label=_("Note"),
        max_length=notes.MOST_LETTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For colleagues; the customer does not see it."),
    )


class CompensationForm(InCurrencyForm):
    """What the customer gets; the key makes that a second press gives nothing more."""

    kind = forms.ChoiceField(label=_("What it is"), choices=Compensation.Kind.choices)
    amount = number_field(
        label=_("Amount"), min_value=0, help_text=_("Of goods and points what they are worth."), **AMOUNT
    )
    reason = forms.CharField(label=_("What for"), max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    field_order = ("kind", "amount", "currency", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"key": secrets.token_urlsafe(16)})
        super().__init__(*args, **kwargs)

    def values(self) -> dict[str, Any]:
        """Return what was written as the verb takes it: the amount in minor units."""
        said = dict(self.cleaned_data)
        currency = said["currency"] or self.fields["currency"].choices[0][0]  # type: ignore[attr-defined]
        return said | {"currency": currency, "amount": money.to_minor(said["amount"], currency)}


def products_of(customer: Customer) -> QuerySet[Product]:
    """Return the products that the customer bought lately, to be chosen from while one types."""
    newest = Order.objects.filter(customer=customer, void=False).order_by("-occurred_day", "-pk")
    lines = OrderLine.objects.filter(order__in=list(newest.values_list("pk", flat=True)[:MOST_ORDERS]))
    return Product.objects.filter(pk__in=lines.values("product")).order_by("name", "pk")[:MOST_ORDERS]
