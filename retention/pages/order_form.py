"""The form of an order: one amount, or several lines whose sum it is."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from customers import orders
from customers.ground.numbers import whole
from customers.imports.errors import NumberTooLarge
from customers.models import Product
from retention.pages.dealing_forms import AMOUNT, DayField, InCurrencyForm, number_field, when_field

SHOWN, MOST = 5, 50
"""How many lines stand there at first and are added at a time; how many there can be."""
MOST_OF_A_LINE = Decimal(10) ** 10  # in major units, as the amount of an order without lines


class LineForm(forms.Form):
    """One line of an order; one that is left empty is none."""

    use_required_attribute = False

    product = forms.CharField(label=_("Product code"), max_length=64, required=False)
    description = forms.CharField(label=_("Or what it is"), max_length=200, required=False)
    quantity = number_field(label=_("Quantity"), max_digits=14, decimal_places=3)
    unit_price = number_field(label=_("Price of one"), min_value=0, **AMOUNT)

    def __init__(self, *args: Any, number: int, **kwargs: Any) -> None:
        super().__init__(*args, prefix=f"line-{number}", **kwargs)
        self.number = number

    @property
    def is_filled(self) -> bool:
        """Say whether anything was written into it."""
        return any(str(self.data.get(self.add_prefix(name), "")).strip() for name in self.fields)

    def clean_quantity(self) -> Decimal:
        """Return the quantity; what comes back is no order."""
        quantity: Decimal = self.cleaned_data["quantity"]
        if quantity <= 0:
            raise ValidationError(_("Enter a quantity above zero."), code="quantity")
        return quantity

    def clean(self) -> dict[str, Any]:
        """Refuse a line that says not what was ordered, and one of more than an order can be."""
        values = self.cleaned_data
        if not self.errors and not (values["product"] or values["description"]):
            self.add_error("product", _("Say what was ordered: the code of a product, or a few words."))
        if values.get("quantity", 0) * values.get("unit_price", 0) >= MOST_OF_A_LINE:
            self.add_error("unit_price", str(NumberTooLarge()))
        return values

    def line(self, products: Mapping[str, Product]) -> orders.Line | None:
        """Return the line, or nothing, with an error where it stands, when its product is unknown."""
        code = self.cleaned_data["product"]
        if code and code not in products:
            self.add_error("product", _("There is no product with this code."))
            return None
        said = self.cleaned_data
        return orders.Line(
            said["quantity"], said["unit_price"], products.get(code), description=said["description"]
        )


class OrderForm(InCurrencyForm):
    """An order of one amount, or of lines; ``cleaned_data["lines"]`` are its lines either way."""

    amount = number_field(
        label=_("Amount"), min_value=0, required=False, help_text=_("Empty: the sum of the lines."), **AMOUNT
    )
    description = forms.CharField(label=_("What was ordered"), max_length=200, required=False)
    number = forms.CharField(label=_("Order number"), max_length=64, required=False)
    occurred_at = when_field(_("Ordered at"))
    promised_on = DayField(label=_("Delivery promised by"), required=False)
    field_order = ["amount", "currency", "description", "number", "promised_on", "occurred_at"]

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        typed: Mapping[str, Any] | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        """``typed`` is what stands in the form unchecked; it gets more lines than it had."""
        super().__init__(data, initial=typed or initial, auto_id="id_order_%s")  # sheets share a page
        said: Mapping[str, Any] = data or typed or {}
        shown = max(whole(str(said.get("lines", ""))) or 0, SHOWN) + (SHOWN if typed is not None else 0)
        self.shown, self.most = min(shown, MOST), MOST
        self.lines = [_line(number, data, said) for number in range(1, self.shown + 1)]
        self.filled = [line for line in self.lines if line.is_bound]
        self.is_open = typed is not None or bool(self.filled)

    def clean(self) -> dict[str, Any]:
        """Put the lines together; what is wrong with one stands at it, and its number above all."""
        values = self.cleaned_data
        lines = self._lines()
        if self.filled and values.get("amount") is not None:
            self.add_error("amount", _("Leave the amount empty: it is the sum of the lines."))
        elif self.filled and values.get("description"):
            self.add_error("description", _("Leave this empty: each line says what was ordered."))
        elif not self.filled and "amount" in values:
            if values["amount"] is None:
                self.add_error("amount", _("Enter the amount, or lines."))
            else:
                lines = [orders.Line(Decimal(1), values["amount"], description=values.get("description", ""))]
        values["lines"] = lines
        for name in ("amount", "description"):
            values.pop(name, None)
        return values

    def _lines(self) -> list[orders.Line]:
        codes = {form.cleaned_data["product"] for form in self.filled if form.is_valid()} - {""}
        products = {row.code: row for row in Product.objects.filter(code__in=codes)} if codes else {}
        found = []
        for form in self.filled:
            line = form.line(products) if form.is_valid() else None
            if line is not None:
                found.append(line)
            else:
                self.add_error(None, _("Line %(number)s is not right yet.") % {"number": form.number})
        return found


def _line(number: int, data: Mapping[str, Any] | None, said: Mapping[str, Any]) -> LineForm:
    """Return a line: to be checked if anything was sent in it, else with what was typed."""
    sent = LineForm(data, number=number)
    if sent.is_filled:
        return sent
    return LineForm(
        number=number, initial={name: said.get(sent.add_prefix(name), "") for name in sent.fields}
    )
