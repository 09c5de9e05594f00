"""The form of an earning rule: one field for each thing that a rule of its kind may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.dates import WEEKDAYS
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from customers.models import Product
from loyalty.earning import documents, rules
from loyalty.models import Programme
from loyalty.naming import called
from loyalty.pages.fields import DayField, number_field, text_field

LABELS_SHOWN = 12
HELP = {
    documents.AMOUNT: _("Counted on what is net paid after discounts and points. The usual first rule."),
    documents.ITEM: _("So many points for each piece of certain goods, whatever they cost."),
    documents.MULTIPLIER: _("Multiplies what is earned by amount: in a tier, on some days, for a birthday."),
    documents.EXCLUSION: _("Delivery, sale goods and the like, on which nothing is earned."),
    documents.MINIMUM: _("Orders below an amount earn nothing at all."),
    documents.FIRST_ORDER: _("Once for each customer, with the first order."),
    documents.EVENT: _("For opening an account, answering a survey (never for its score), a birthday."),
    documents.CAP: _("No more than so many points by orders in a period."),
}


class CodesField(forms.CharField):
    """Some codes or names, a line each; its value is the list of them."""

    widget = forms.Textarea(attrs={"rows": 3})

    def to_python(self, value: Any) -> Any:
        """Return the lines, each once."""
        lines = [line.strip() for line in (super().to_python(value) or "").splitlines()]
        return list(dict.fromkeys(line for line in lines if line))

    def prepare_value(self, value: Any) -> Any:
        """Return them as they are written."""
        return "\n".join(value) if isinstance(value, list) else value


class ProductsField(CodesField):
    """Products by code or name; its value is their codes."""

    def clean(self, value: Any) -> Any:
        """Return the codes; what no product is called is refused."""
        lines = super().clean(value)
        if not lines:
            return []
        known = Product.objects.filter(Q(code__in=lines) | Q(name__in=lines) | Q(name_alt__in=lines))
        by_word: dict[str, str] = {}
        for code, name, other in known.order_by("-pk").values_list("code", "name", "name_alt"):
            by_word |= {name: code, other: code}
        by_word |= {code: code for code in known.values_list("code", flat=True)}
        if strange := [line for line in lines if line not in by_word]:
            said = gettext("No product has this code or name: %(names)s.")
            raise ValidationError(said % {"names": ", ".join(strange[:5])}, code="product")
        return list(dict.fromkeys(by_word[line] for line in lines))


def _decimal(label: Any, **options: Any) -> forms.DecimalField:
    attrs = {"inputmode": "decimal", "step": "any"}
    return forms.DecimalField(
        label=label,
        max_digits=14,
        decimal_places=documents.DECIMALS,
        widget=forms.NumberInput(attrs=attrs),
        **options,
    )


def _several(label: Any, choices: list[tuple[Any, Any]], **options: Any) -> forms.TypedMultipleChoiceField:
    return forms.TypedMultipleChoiceField(
        label=label, choices=choices, required=False, widget=forms.CheckboxSelectMultiple, **options
    )


def _one_of(label: Any, known: Mapping[str, Any], *, none: Any = None) -> forms.ChoiceField:
    choices = [(code, capfirst(text)) for code, text in known.items()]
    first = [("", none)] if none is not None else []
    return forms.ChoiceField(label=label, choices=first + choices, required=none is None)


def _tiers(programme: Programme) -> forms.Field:
    rows = programme.tiers.filter(is_retired=False)
    return _several(_("In the tiers"), [(row.code, called(row)) for row in rows])


def _labels(_programme: Programme) -> forms.Field:
    known = (
        Product.objects.exclude(category="")
        .order_by("category")
        .values_list("category", flat=True)
        .distinct()
    )
    shown = ", ".join(known[:LABELS_SHOWN])
    hint = gettext("A line each: the category of products.")
    if shown:
        hint += " " + gettext("Known: %(labels)s") % {"labels": shown}
    return CodesField(label=_("Labels"), required=False, max_length=20_000, help_text=hint)


_FIELDS: dict[str, Callable[[Programme], forms.Field]] = {
    "points": lambda _programme: _decimal(
        pgettext_lazy("of an account", "Points"), min_value=Decimal("0.0001")
    ),
    "per": lambda programme: _decimal(
        _("for each"), min_value=Decimal("0.0001"), help_text=f"{programme.currency}"
    ),
    "times": lambda _programme: _decimal(
        _("Times"), min_value=Decimal("0.0001"), help_text=_("2 doubles what is earned by amount.")
    ),
    "amount": lambda programme: _decimal(
        _("Least order"), min_value=Decimal("0.0001"), help_text=f"{programme.currency}"
    ),
    "products": lambda _programme: ProductsField(
        label=_("Products"), required=False, max_length=40_000, help_text=_("A line each: code or name.")
    ),
    "labels": _labels,
    "tiers": _tiers,
    "from": lambda _programme: DayField(label=_("From day"), required=False),
    "until": lambda _programme: DayField(label=_("Until day"), required=False),
    "weekdays": lambda _programme: _several(
        _("On these days"), [(n + 1, name) for n, name in WEEKDAYS.items()], coerce=int
    ),
    "birthday": lambda _programme: _one_of(
        _("For a birthday"), documents.BIRTHDAYS, none=_("whenever it is")
    ),
    "why": lambda _programme: _one_of(_("What they are"), documents.REASONS, none=_("not said")),
    "event": lambda _programme: _one_of(_("What happens"), documents.EVENTS),
    "times_a_year": lambda _programme: number_field(
        _("Most times a year"),
        least=1,
        most=366,
        required=False,
        help_text=_("Empty: as often as it happens."),
    ),
    "period": lambda _programme: _one_of(_("in each"), documents.PERIODS),
}
_DAYS = {"from", "until"}
_NUMBERS = {"points", "per", "times", "amount"}


class RuleForm(forms.Form):
    """What a rule is called and says; the fields follow from its kind."""

    REFUSALS = {"earning_rule_name": "name"}

    name = text_field(pgettext_lazy("of a rule", "Name"), rules.LONGEST_NAME)
    name_alt = text_field(_("Name in the other language"), rules.LONGEST_NAME, required=False)

    def __init__(
        self, *args: Any, kind: str, programme: Programme, is_new: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        for name in documents.fields_of(kind):
            self.fields[name] = _FIELDS[name](programme)
        if "tiers" in self.fields:
            self._offer_named(programme, self.initial.get("tiers") or [])
        self.fields["reason"] = text_field(
            _("Why it is changed"),
            rules.LONGEST_REASON,
            required=False,
            help_text=_("It stands in the history."),
        )
        self.fields["version"] = forms.IntegerField(widget=forms.HiddenInput, required=False)
        if is_new:
            del self.fields["reason"], self.fields["version"]
            self.fields["is_on"] = forms.BooleanField(
                label=_("It counts from now on"),
                required=False,
                help_text=_("Else it waits to be switched on."),
            )

    def _offer_named(self, programme: Programme, codes: list[str]) -> None:
        """Offer also the retired tiers that the rule names: left out, it would be everybody's."""
        field: Any = self.fields["tiers"]
        offered = {code for code, _name in field.choices}
        missing = [code for code in codes if code not in offered]
        names = {row.code: called(row) for row in programme.tiers.filter(code__in=missing)}
        says = gettext("%(tier)s (retired)")
        field.choices = [
            *field.choices,
            *((code, says % {"tier": names.get(code, code)}) for code in missing),
        ]

    def clean(self) -> dict[str, Any]:
        """Check the document as the verb does, so that what is wrong stands at its field."""
        data = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.document = documents.check(self._document(data))
            except documents.DocumentRefused as refusal:
                self.add_error(refusal.field if refusal.field in self.fields else None, self._said(refusal))
        return data

    def _said(self, refusal: documents.DocumentRefused) -> str:
        """Return the refusal with the field called as the form calls it."""
        field = self.fields.get(refusal.field)
        values = {**refusal.values, "field": field.label if field is not None else refusal.field}
        return str(refusal.text) % values

    def _document(self, data: dict[str, Any]) -> documents.Json:
        found: documents.Json = {"kind": self.kind}
        for name in documents.fields_of(self.kind):
            value = data.get(name)
            if value in (None, "", []):
                continue
            if name in _DAYS:
                value = date.fromordinal(value).isoformat()
            elif name in _NUMBERS:
                value = f"{value.normalize():f}"
            found[name] = value
        return found

    @staticmethod
    def initial_of(document: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the form shows of a document."""
        return {
            name: date.fromisoformat(value).toordinal() if name in _DAYS else value
            for name, value in document.items()
        }


class StepForm(forms.Form):
    """Why a rule is switched, or goes back to an earlier version."""

    reason = text_field(gettext_lazy("Reason"), rules.LONGEST_REASON, required=False)


# --- Versions ------------------------------------------------------------------------------------
def differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], programme: Programme
) -> list[dict[str, str]]:
    """Return in words what differs between two versions, whether it is on among it; of the first nothing."""
    if before is None:
        return []
    names = [*before, *(name for name in after if name not in before)]
    return [
        {
            "label": _label(name, programme),
            "before": _shown(name, before.get(name)),
            "after": _shown(name, after.get(name)),
        }
        for name in names
        if before.get(name) != after.get(name)
    ]


def _label(name: str, programme: Programme) -> str:
    if name == "is_on":
        return gettext("Counts")
    return str(_FIELDS[name](programme).label) if name in _FIELDS else name


def _shown(name: str, value: Any) -> str:
    if value in (None, "", []):
        return "–"
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if name == "weekdays":
        return ", ".join(str(WEEKDAYS[day - 1]) for day in value)
    known = {"event": documents.EVENTS, "period": documents.PERIODS, "why": documents.REASONS}
    known |= {"birthday": documents.BIRTHDAYS}
    if name in known:
        return str(known[name].get(value, value))
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)
