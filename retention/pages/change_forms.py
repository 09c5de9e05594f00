"""The forms of changes: the plan, how far a customer came, and closing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import money
from customers.ground.widgets import LongSelect
from customers.models import Product, User
from retention.changes import Plan
from retention.changes.following import STEPS
from retention.models import BusinessChange, ConcernedCustomer, Segment
from retention.pages.forms import YEARS
from retention.pages.segment_forms import CustomersField

_BETWEEN = re.compile(r"[\n,，;；]+")
NAMED_IN_ERRORS = 5
MOST_PRODUCTS = 200


class DayField(forms.DateField):
    """A day, picked by the browser's own control."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def to_python(self, value: Any) -> date | None:
        """Return the day; years that nobody means are refused."""
        day: date | None = super().to_python(value)
        if day is not None and day.year not in YEARS:
            raise ValidationError(_("Enter a year between 2000 and 2100."), code="year")
        return day


class ProductsField(forms.CharField):
    """Products by their codes, a line each."""

    widget = forms.Textarea(attrs={"rows": 3})

    def clean(self, value: Any) -> Any:
        """Return the products; raise ``ValidationError`` that names codes that no product has."""
        text: str = super().clean(value)
        codes = list(dict.fromkeys(one.strip() for one in _BETWEEN.split(text) if one.strip()))
        if len(codes) > MOST_PRODUCTS:
            raise ValidationError(
                _("Name at most %(most)d products."), code="many", params={"most": MOST_PRODUCTS}
            )
        found = {one.code: one for one in Product.objects.filter(code__in=codes)}
        if unknown := [code for code in codes if code not in found]:
            raise ValidationError(
                _("No product has the code %(codes)s."),
                code="unknown",
                params={"codes": ", ".join(code[:64] for code in unknown[:NAMED_IN_ERRORS])},
            )
        return [found[code] for code in codes]


class ProductField(ProductsField):
    """One product by its code, or none."""

    widget = forms.TextInput  # type: ignore[assignment]

    def clean(self, value: Any) -> Any:
        """Return the product; raise ``ValidationError`` for more than one."""
        found = super().clean(value)
        if len(found) > 1:
            raise ValidationError(_("Name one product."), code="many")
        return found[0] if found else None


def _text(label: Any, *, rows: int = 5, most: int = 10_000, **more: Any) -> forms.CharField:
    return forms.CharField(
        label=label, required=False, max_length=most, widget=forms.Textarea({"rows": rows}), **more
    )


class ChangeForm(forms.Form):
    """All that a person says of a change."""

    kind = forms.ChoiceField(label=_("Kind"), choices=BusinessChange.Kind.choices)
    is_crisis = forms.BooleanField(
        label=_("This is a crisis: gather complaints and mentions about it"), required=False
    )
    title_en = forms.CharField(label=_("English title"), max_length=150, required=False)
    title_zh = forms.CharField(label=_("Chinese title"), max_length=150, required=False)
    notice_on = DayField(label=_("Customers are told on"))
    effect_on = DayField(label=_("It takes effect on"))
    scope = forms.ChoiceField(
        label=_("Whom it concerns"),
        choices=BusinessChange.Scope.choices,
        help_text=_("Contracts name no products: choosing them takes everybody with a running contract."),
    )
    products = ProductsField(
        label=_("Products"), required=False, max_length=20_000, help_text=_("Their codes, a line each.")
    )
    bought_days = forms.IntegerField(label=_("Bought within days"), min_value=1, max_value=1095)
    segment = forms.ModelChoiceField(
        label=_("Segment"),
        queryset=Segment.objects.filter(retired_at=None).order_by("code"),
        to_field_name="code",
        required=False,
        widget=LongSelect,
    )
    explanation_en = _text(_("Explanation in English"), help_text=_("Customers and callers are told this."))
    explanation_zh = _text(_("Explanation in Chinese"), help_text=_("One language stands for the other."))
    questions_en = _text(_("Questions and answers in English"))
    questions_zh = _text(_("Questions and answers in Chinese"))
    offer_en = _text(_("Offer in English"), rows=3, help_text=_("What is offered for the transition."))
    offer_zh = _text(_("Offer in Chinese"), rows=3)
    substitute = ProductField(
        label=_("Substitute"), required=False, max_length=64, help_text=_("The code of a product.")
    )
    calls_top_tier = forms.BooleanField(label=_("Call every customer of tier A"), required=False)
    calls_margin = forms.DecimalField(
        label=_("Call from this margin of 12 months on"),
        required=False,
        min_value=0,
        max_digits=14,
        decimal_places=2,
        help_text=_("Leave it empty to call by tier alone."),
    )
    words = _text(
        _("Words of the crisis"),
        rows=3,
        most=3000,
        help_text=_(
            "A line each. Complaints and mentions that say one of them, or a product, are tagged. Words "
            "with spaces between them count whole: write leak and leaking."
        ),
    )

    _GROUPS = (
        (_("What changes"), "kind title_en title_zh notice_on effect_on is_crisis words"),
        (_("Whom it concerns"), "scope bought_days segment products customers"),
        (
            _("What is said"),
            "explanation_en explanation_zh offer_en offer_zh substitute questions_en questions_zh",
        ),
        (_("Who is called"), "calls_margin calls_top_tier"),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["customers"] = CustomersField(
            user=user,
            required=False,
            label=_("Customers' ids"),
            help_text=_("For a list: as in your files, or our numbers; one a line."),
        )

    @property
    def groups(self) -> Iterable[tuple[Any, list[BoundField]]]:
        """Return the fields under their headings."""
        return [(title, [self[name] for name in names.split()]) for title, names in self._GROUPS]

    def plan(self) -> Plan:
        """Return the plan that the form holds."""
        said = dict(self.cleaned_data)
        margin = said.pop("calls_margin")
        base = company.current().base_currency
        return Plan(
            **{**said, "words": said["words"].splitlines()},
            calls_margin=None if margin is None else money.to_minor(margin, base),
        )


def initial_of(plan: Plan) -> dict[str, Any]:
    """Return what the form shows of a plan."""
    base = company.current().base_currency
    return {
        **{name: getattr(plan, name) for name in ChangeForm.base_fields if name != "calls_margin"},
        "products": "\n".join(one.code for one in plan.products),
        "customers": "\n".join(str(one.pk) for one in plan.customers),
        "segment": plan.segment.code if plan.segment else "",
        "substitute": plan.substitute.code if plan.substitute else "",
        "words": "\n".join(plan.words),
        "calls_margin": None if plan.calls_margin is None else money.from_minor(plan.calls_margin, base),
    }


class StepForm(forms.Form):
    """How far a customer came, with a note."""

    state = forms.ChoiceField(label=_("State"), choices=ConcernedCustomer.State.choices)
    note = forms.CharField(
        label=_("Note"), required=False, max_length=2000, widget=forms.Textarea({"rows": 2})
    )


def steps_from(row: ConcernedCustomer) -> list[tuple[str, Any]]:
    """Return where a customer may go from where she stands, that first (to add a note)."""
    may = STEPS[ConcernedCustomer.State(row.state)]
    states = [ConcernedCustomer.State(row.state), *(one for one in ConcernedCustomer.State if one in may)]
    return [(one.value, one.label) for one in states]


class CloseChangeForm(forms.Form):
    """Why it ends although somebody was not followed to the end."""

    reason = forms.CharField(
        label=_("Why it ends"),
        required=False,
        max_length=2000,
        widget=forms.Textarea({"rows": 3}),
        help_text=_("Needed while customers wait."),
    )
