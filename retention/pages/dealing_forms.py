"""Short forms to enter dealings by hand, made for a phone too."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from customers import communities, company, competitor_names, indicators, usage
from customers.ground.models import ExchangeRate
from customers.ground.money import format_money
from customers.ground.numbers import whole
from customers.models import (
    Community,
    CompetitorSighting,
    Contact,
    Customer,
    Indicator,
    Invoice,
    InvoiceEvent,
    Product,
    UsageMetric,
)
from retention.pages.forms import YEARS, MomentField

MOST_INVOICES = 100
AMOUNT = {"max_digits": 14, "decimal_places": 4}
_OUTCOMES = [(code, label) for code, label in InvoiceEvent.Kind.choices if code != InvoiceEvent.Kind.ISSUED]


class DayField(forms.DateField):
    """A day, picked by the browser's own control."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def to_python(self, value: Any) -> date | None:
        """Return the day; years that nobody means are refused."""
        day: date | None = super().to_python(value)
        if day is not None and day.year not in YEARS:
            raise ValidationError(_("Enter a year between 2000 and 2100."), code="year")
        return day


class ListedField(forms.ModelChoiceField):
    """One row; a key that is no number the database can hold is refused like an unknown one."""

    def to_python(self, value: Any) -> Any:
        """Return the row."""
        if value not in self.empty_values and whole(str(value)) is None:
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice")
        return super().to_python(value)


def number_field(**values: Any) -> forms.DecimalField:
    """Return a field for a decimal number; a phone shows its digits."""
    return forms.DecimalField(
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}), **values
    )


def when_field(label: Any) -> MomentField:
    """Return a field for the moment of what is entered."""
    return MomentField(label=label, required=False, help_text=_("Empty: now."))


class InCurrencyForm(forms.Form):
    """What has an amount in one of the currencies that the company knows."""

    currency = forms.ChoiceField(label=_("Currency"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        base = company.current().base_currency
        others = ExchangeRate.objects.order_by("currency").values_list("currency", flat=True).distinct()
        codes = [base, *(code for code in others if code != base)]
        self.fields["currency"].choices = [(code, code) for code in codes]  # type: ignore[attr-defined]


class DeliveryForm(forms.Form):
    """When an order was promised and when it came."""

    promised_on = DayField(label=_("Delivery promised by"), required=False)
    delivered_on = DayField(label=_("Delivered on"), required=False)


class InvoiceForm(InCurrencyForm):
    """An invoice."""

    amount = number_field(label=_("Amount"), min_value=0, **AMOUNT)
    due_on = DayField(label=_("Due on"))
    number = forms.CharField(label=_("Invoice number"), max_length=64, required=False)
    occurred_at = when_field(_("Issued at"))
    field_order = ["amount", "currency", "due_on", "number", "occurred_at"]


class InvoiceField(ListedField):
    """An invoice, called by its number and what is still owed."""

    def label_from_instance(self, obj: Any) -> str:
        """Return what the list says of an invoice."""
        return f"{obj.number or obj.pk} · {format_money(obj.owed, obj.currency, 'en')}"


class PaymentForm(forms.Form):
    """A payment of an open invoice."""

    invoice = InvoiceField(label=_("Invoice"), queryset=Invoice.objects.none(), empty_label=None)
    kind = forms.ChoiceField(label=_("What became of it"), choices=_OUTCOMES)
    amount = number_field(
        label=_("Amount"), min_value=0, required=False, help_text=_("Empty: all that is owed."), **AMOUNT
    )
    method = forms.ChoiceField(
        label=_("Method"), choices=[("", "—"), *InvoiceEvent.Method.choices], required=False
    )
    occurred_at = when_field(_("When"))

    def __init__(self, *args: Any, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        due = Invoice.objects.filter(customer=customer, void=False, settled__lt=F("amount"))
        listed = due.order_by("due_day", "pk").values("pk")[:MOST_INVOICES]
        field: Any = self.fields["invoice"]
        found = list(listed.values_list("pk", flat=True))
        self.has_invoices = bool(found)
        field.queryset = Invoice.objects.filter(pk__in=found).order_by("due_day", "pk")


class UsageForm(forms.Form):
    """Usage of a metric."""

    metric = ListedField(label=_("Metric"), queryset=UsageMetric.objects.none(), empty_label=None)
    quantity = number_field(label=_("Quantity"), max_digits=15, decimal_places=3)
    occurred_at = when_field(_("When"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["metric"].queryset = usage.metrics()  # type: ignore[attr-defined]


class SightingForm(InCurrencyForm):
    """What a competitor was seen to offer."""

    competitor = forms.CharField(
        label=_("Competitor"),
        max_length=competitor_names.MOST_OF_NAME,
        help_text=_("Its name in any spelling; a new one is entered to be checked."),
        widget=forms.TextInput({"list": "competitor-names", "autocomplete": "off"}),
    )
    offered = forms.CharField(
        label=_("What it offered"), max_length=2000, required=False, widget=forms.Textarea({"rows": 3})
    )
    price_seen = number_field(label=_("Price seen"), min_value=0, required=False, **AMOUNT)
    price_ours = number_field(label=_("Our price"), min_value=0, required=False, **AMOUNT)
    product = forms.CharField(label=_("Our product"), max_length=64, required=False, help_text=_("Its code."))
    learnt_from = forms.ChoiceField(label=_("Learnt from"), choices=CompetitorSighting.LearntFrom.choices)
    occurred_at = when_field(_("When"))
    field_order = [
        *("competitor", "learnt_from", "offered", "price_seen", "price_ours"),
        *("currency", "product", "occurred_at"),
    ]

    def clean_product(self) -> Product | None:
        """Return the product of the code."""
        code = self.cleaned_data["product"]
        found = Product.objects.filter(code=code).first() if code else None
        if code and found is None:
            raise ValidationError(_("There is no product with this code."), code="unknown_product")
        return found


class CommunityForm(forms.Form):
    """A community that the customer, or one of its people, joined."""

    community = ListedField(label=_("Community"), queryset=Community.objects.none(), empty_label=None)
    contact = ListedField(
        label=_("Who"), queryset=Contact.objects.none(), required=False, empty_label=_("The customer itself")
    )
    occurred_at = when_field(_("Joined at"))

    def __init__(self, *args: Any, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        listed = communities.communities()
        self.has_communities = listed.exists()
        self.fields["community"].queryset = listed  # type: ignore[attr-defined]
        self.fields["contact"].queryset = customer.contacts.all()  # type: ignore[attr-defined]


class IndicatorForm(forms.Form):
    """What an indicator stands at."""

    indicator = ListedField(label=_("Indicator"), queryset=Indicator.objects.none(), empty_label=None)
    value = number_field(label=_("Value"), max_digits=15, decimal_places=3)
    occurred_at = when_field(_("When"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        listed = indicators.indicators()
        self.has_indicators = listed.exists()
        self.fields["indicator"].queryset = listed  # type: ignore[attr-defined]
