"""Forms of the sheets of the file tab."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers import attachments, attributes
from customers.ground.localtime import day_of
from customers.models import Attribute, AttributeValue, Contact, Customer, Need, SocialHandle
from retention.pages.file.forms import DayField


class _OfContact(forms.Form):
    """A form about the customer or one of its contacts."""

    def __init__(
        self, *args: Any, customer: Customer, contacts: Iterable[Contact] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        field = cast(Any, self.fields["contact"])
        field.queryset = customer.contacts.filter(left_on=None)
        if contacts is not None:
            field.widget.choices = [("", field.empty_label), *((c.pk, str(c)) for c in contacts)]


class NeedForm(_OfContact):
    """Something that the customer needs or prefers."""

    kind = forms.ChoiceField(label=_("Kind"), choices=Need.Kind.choices)
    topic = forms.ChoiceField(label=_("About"), choices=Need.Topic.choices)
    text = forms.CharField(label=_("What exactly"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
    source = forms.ChoiceField(label=_("Known from"), choices=Need.Source.choices)
    contact = forms.ModelChoiceField(
        label=_("Whose"), queryset=Contact.objects.none(), required=False, empty_label=_("the customer's")
    )
    learnt_on = DayField(label=_("Since"), help_text=_("Empty: since today."))


class HandleForm(_OfContact):
    """A name on a platform."""

    platform = forms.ChoiceField(label=_("Platform"), choices=SocialHandle.Platform.choices)
    handle = forms.CharField(label=_("Name there"), max_length=100)
    contact = forms.ModelChoiceField(
        label=_("Whose"), queryset=Contact.objects.none(), required=False, empty_label=_("the customer's")
    )


class AttachmentForm(forms.Form):
    """A file."""

    file = forms.FileField(
        label=_("File"),
        max_length=255,
        widget=forms.FileInput(
            attrs={"accept": ",".join(s for kind in attachments.TYPES.values() for s in kind.suffixes)}
        ),
        help_text=_("PDF, pictures, Office documents or text, at most 10 MB."),
    )
    note = forms.CharField(label=pgettext_lazy("of a file", "Note"), max_length=200, required=False)


class AttributesForm(forms.Form):
    """What the business's own attributes are worth; only what changes becomes a new value."""

    since = DayField(label=_("Since"), help_text=_("From which day what you change counts. Empty: today."))

    def __init__(
        self,
        *args: Any,
        attributes: Iterable[Attribute],
        values: Mapping[int, AttributeValue],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.attributes = list(attributes)
        for attribute in self.attributes:
            name = f"attribute_{attribute.pk}"
            self.fields[name] = _field_of(attribute)
            self.initial[name] = _initial_of(values.get(attribute.pk))
        self.order_fields([*(f"attribute_{a.pk}" for a in self.attributes), "since"])

    def changes(self) -> list[tuple[Attribute, Decimal | date | str | None]]:
        """Return the attributes that were changed, with what was entered."""
        return [
            (attribute, self.cleaned_data[name])
            for attribute in self.attributes
            if (name := f"attribute_{attribute.pk}") in self.changed_data
        ]


def _field_of(attribute: Attribute) -> forms.Field:
    match attribute.kind:
        case attributes.Kind.NUMBER:
            return forms.DecimalField(
                label=attribute.label, required=False, max_digits=20, decimal_places=4, localize=False
            )
        case attributes.Kind.DATE:
            return DayField(label=attribute.label)
        case attributes.Kind.CHOICE:
            listed = [("", "—"), *((code, attribute.label_of(code)) for code in attribute.choices)]
            return forms.ChoiceField(label=attribute.label, required=False, choices=listed)
    return forms.CharField(label=attribute.label, required=False, max_length=500)


def _initial_of(row: AttributeValue | None) -> Any:
    if row is None:
        return None
    if row.number is not None:
        return row.number.normalize()
    if row.day is not None:
        return day_of(row.day)
    return row.choice or row.text or None
