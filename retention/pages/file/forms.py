"""Forms of the customer's file: short, in groups, and able to show each value in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, cast

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers import birthdays, regions, registration
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Contact, Customer, User
from customers.models.people import Role
from customers.pages.regions import RegionField, country_field
from retention.pages.file.finding import CustomerField, written
from retention.pages.forms import ColleagueField

_LANGUAGES = [("", "—"), *settings.LANGUAGES]
_CHANNELS = [
    ("", "—"),
    ("phone", _("phone")),
    ("wechat", _("WeChat")),
    ("email", _("e-mail")),
    ("sms", _("text message")),
    ("visit", _("visit")),
]


class DayField(forms.DateField):
    """A day, picked by the browser's own control."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(required=False, widget=widget, **kwargs)


Groups = tuple[tuple[str | Promise, tuple[str, ...]], ...]


class FileForm(forms.Form):
    """A form over one record; ``GROUPS`` are its headings with the names of their fields.

    ``EXTRA`` are fields that are no part of the record. ``TOGETHER`` are fields that make sense only with
    another one, by which they are kept or dropped. Groups behind the first ``UNFOLDED`` are folded away
    while nothing but ``USUAL`` values stands in them.
    """

    GROUPS: ClassVar[Groups] = ()
    EXTRA: ClassVar[frozenset[str]] = frozenset()
    TOGETHER: ClassVar[dict[str, str]] = {}
    UNFOLDED: ClassVar[int] = 99
    USUAL: ClassVar[frozenset[str]] = frozenset()

    def groups(self) -> Iterable[tuple[str | Promise, list[forms.BoundField], bool]]:
        """Yield each heading with its fields, and whether they are folded away until somebody asks."""
        for place, (title, names) in enumerate(self.GROUPS):
            bound = [self[name] for name in names if name in self.fields]
            if bound:
                yield title, bound, place >= self.UNFOLDED and not any(map(self._is_used, bound))

    def _is_used(self, field: forms.BoundField) -> bool:
        """Say whether something stands in a field that does not stand there by itself."""
        return bool(field.errors or (field.value() and field.name not in self.USUAL))

    def values(self) -> dict[str, Any]:
        """Return what was entered of the record itself."""
        return {name: value for name, value in self.cleaned_data.items() if name not in self.EXTRA}

    def extras(self) -> dict[str, Any]:
        """Return what was entered beside."""
        return {name: value for name, value in self.cleaned_data.items() if name in self.EXTRA}

    def shown(self, name: str, values: dict[str, Any]) -> str:
        """Return a value in words."""
        value = values[name]
        if value in (None, ""):
            return "—"
        if isinstance(value, bool):
            return str(_("yes") if value else _("no"))
        if hasattr(value, "toordinal"):
            return date_format(value, "DATE_FORMAT")
        labels = dict(getattr(self.fields[name], "choices", ()) or ())
        return str(labels.get(value, value))


def _text(label: Any, most: int, *, required: bool = False, **attrs: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=most, required=required, widget=forms.TextInput(attrs=attrs)
    )


class CustomerForm(FileForm):
    """A customer's file."""

    GROUPS: ClassVar[Groups] = (
        (_("Who it is"), ("kind", "name", "name_alt", "segment", "since", "language")),
        (_("Where it is"), ("country", "city", "region", "street", "postal_code", "moved_on", "corrects")),
        (_("Company and origin"), ("registration_number", "parent", "source", "source_note")),
        (_("Notes"), ("notes",)),
    )
    EXTRA = frozenset({"moved_on", "corrects"})
    TOGETHER: ClassVar[dict[str, str]] = {"region": "country"}

    kind = forms.ChoiceField(label=_("Company or person"), choices=Customer.Kind.choices)
    name = _text(_("Name"), 200, required=True)
    name_alt = _text(_("Name in the other language"), 200)
    segment = _text(_("Segment"), 64)
    since = DayField(label=_("Customer since"))
    language = forms.ChoiceField(label=_("Language"), choices=_LANGUAGES, required=False)
    country = country_field()
    city = _text(_("City"), 100, autocomplete="address-level2")
    region = RegionField(label=_("Region"), required=False)
    street = _text(_("Street and number"), 300, autocomplete="street-address")
    postal_code = _text(_("Postal code"), 20, autocomplete="postal-code")
    moved_on = DayField(label=_("There since"), help_text=_("Empty: since today."))
    corrects = forms.BooleanField(
        label=_("The region was wrong: nobody moved"),
        required=False,
        help_text=_("Then it counts all along."),
    )
    registration_number = forms.CharField(
        label=_("Registration number"),
        max_length=40,
        required=False,
        help_text=_("In China the unified social credit code of 18 characters; it is checked."),
    )
    parent = CustomerField(label=_("Parent company"), help_text=_("Its name, or its number behind a #."))
    source = forms.ChoiceField(
        label=_("How they came to us"), choices=[("", "—"), *Customer.Source.choices], required=False
    )
    source_note = _text(_("More on that"), 200)
    notes = forms.CharField(
        label=_("Notes"), max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, user: User, customer: Customer | None = None, **kwargs: Any) -> None:
        if customer is not None:
            stands = {name: getattr(customer, name) for name in self.base_fields if hasattr(customer, name)}
            kwargs["initial"] = {
                **stands,
                "parent": written(customer.parent),
                **(kwargs.get("initial") or {}),
            }
        super().__init__(*args, **kwargs)
        visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        parent = cast(Any, self.fields["parent"])
        parent.visible = visible.exclude(pk=customer.pk) if customer else visible
        if customer and customer.parent_id and not visible.filter(pk=customer.parent_id).exists():
            del self.fields["parent"]  # stays as it is, unseen
        if customer is None or not customer.country:
            del self.fields["moved_on"], self.fields["corrects"]
        region = cast(Any, self.fields["region"])
        region.widget.country = self["country"].value() or ""

    def clean(self) -> dict[str, Any]:
        """Check the number against the country."""
        values: dict[str, Any] = super().clean() or {}
        if values.get("registration_number"):
            try:
                values["registration_number"] = registration.checked(
                    values["registration_number"], country=values.get("country", "")
                )
            except Refused as refusal:
                self.add_error("registration_number", ValidationError(str(refusal), code=refusal.code))
        return values

    def shown(self, name: str, values: dict[str, Any]) -> str:
        """Return a value in words; country and region are one."""
        if name == "parent":
            return written(values["parent"]) or "—"
        if name == "country":
            parts = [regions.country_name(values["country"])] if values["country"] else []
            return " · ".join([*parts, *regions.region_names(values["country"], values["region"])]) or "—"
        return super().shown(name, values)


class NewCustomerForm(CustomerForm):
    """A new customer with the person whom one asks first."""

    GROUPS: ClassVar[Groups] = (
        (_("Who it is"), ("kind", "name", "name_alt", "segment", "owner")),
        (
            _("Main contact"),
            ("contact_name", "contact_role", "contact_phone", "contact_email", "contact_decides"),
        ),
        *CustomerForm.GROUPS[1:],
    )
    UNFOLDED = 2
    USUAL = frozenset({"country"})

    contact_name = forms.CharField(
        label=pgettext_lazy("of a person", "Name"),
        max_length=200,
        required=False,
        help_text=_("Empty for a private customer: the same person."),
    )
    contact_role = _text(pgettext_lazy("of a contact", "Role"), 100)
    contact_phone = _text(_("Phone"), 40, type="tel")
    contact_email = forms.EmailField(label=_("E-mail"), required=False)
    contact_decides = forms.BooleanField(label=_("Decides what is bought"), required=False)
    owner = ColleagueField(label=_("Account manager"), required=False, empty_label=_("nobody yet"))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        del self.fields["since"], self.fields["language"]
        if user.role == Role.ACCOUNT_MANAGER:
            del self.fields["owner"]
        else:
            owner = cast(Any, self.fields["owner"])
            owner.queryset = User.objects.working().visible_to(user).order_by("username")
            owner.initial = user.pk if user.role == Role.TEAM_LEAD else None

    def contact(self) -> dict[str, Any]:
        """Return the main contact's fields."""
        said = self.cleaned_data
        return {
            "name": said["contact_name"],
            "role": said["contact_role"],
            "phone": said["contact_phone"],
            "email": said["contact_email"],
            "is_decision_maker": said["contact_decides"],
        }

    def values(self) -> dict[str, Any]:
        """Return what was entered of the customer itself."""
        own = super().values()
        return {name: value for name, value in own.items() if not name.startswith("contact_")}


class ContactForm(FileForm):
    """A contact of a customer."""

    GROUPS: ClassVar[Groups] = (
        (_("Who it is"), ("name", "role", "function", "is_decision_maker")),
        (
            _("How to reach them"),
            ("phone", "email", "preferred_channel", "at_most_once_in_days", "language"),
        ),
        (
            _("Birthday"),
            ("birth_month", "birth_day", "birth_year", "birth_calendar", "birth_is_leap"),
        ),
        (_("If they left"), ("left_on", "successor")),
    )
    TOGETHER: ClassVar[dict[str, str]] = dict.fromkeys(
        ("birth_day", "birth_year", "birth_calendar", "birth_is_leap"), "birth_month"
    )

    name = _text(pgettext_lazy("of a person", "Name"), 200, required=True)
    role = _text(pgettext_lazy("of a contact", "Role"), 100)
    function = forms.ChoiceField(
        label=_("Function"), choices=[("", "—"), *Contact.Function.choices], required=False
    )
    is_decision_maker = forms.BooleanField(label=_("Decides what is bought"), required=False)
    phone = _text(_("Phone"), 40, type="tel")
    email = forms.EmailField(label=_("E-mail"), required=False)
    preferred_channel = forms.ChoiceField(label=_("Preferred channel"), choices=_CHANNELS, required=False)
    at_most_once_in_days = forms.TypedChoiceField(
        label=_("Contacted at most"),
        choices=[("", _("as the company does")), *Contact.AtMostOnce.choices],
        coerce=int,
        empty_value=None,
        required=False,
        help_text=_("As they wish, over everything but service. They can choose it on their own page."),
    )
    language = forms.ChoiceField(label=_("Language"), choices=_LANGUAGES, required=False)
    birth_month = forms.IntegerField(label=_("Month of birth"), min_value=1, max_value=12, required=False)
    birth_day = forms.IntegerField(label=_("Day of birth"), min_value=1, max_value=31, required=False)
    birth_year = forms.IntegerField(
        label=_("Year of birth"),
        min_value=birthdays.FIRST_YEAR,
        max_value=birthdays.LAST_YEAR,
        required=False,
        help_text=_("If it is known."),
    )
    birth_calendar = forms.ChoiceField(
        label=_("Calendar"), choices=[("", "—"), *Contact.BirthCalendar.choices], required=False
    )
    birth_is_leap = forms.BooleanField(label=_("In a leap month of the lunar calendar"), required=False)
    left_on = DayField(label=_("Left on"))
    successor = forms.ModelChoiceField(
        label=_("Successor"), queryset=Contact.objects.none(), required=False, empty_label=_("nobody yet")
    )

    def __init__(self, *args: Any, customer: Customer, contact: Contact | None = None, **kwargs: Any) -> None:
        if contact is not None:
            stands = {name: getattr(contact, name) for name in self.base_fields}
            kwargs["initial"] = {**stands, **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        channel = cast(Any, self.fields["preferred_channel"])
        if contact is None:
            del self.fields["left_on"], self.fields["successor"]
            return
        if contact.preferred_channel not in dict(_CHANNELS):  # what a file said stays
            channel.choices = [*_CHANNELS, (contact.preferred_channel, contact.preferred_channel)]
        others = cast(Any, self.fields["successor"])
        others.queryset = customer.contacts.exclude(pk=contact.pk).filter(left_on=None)

    def clean(self) -> dict[str, Any]:
        """Say at its field what is wrong with a birthday; what was entered becomes whole."""
        data = super().clean() or {}
        if any(name in self.errors for name in birthdays.FIELDS):
            return data
        try:
            data |= birthdays.columns_of(data, at=clock.now())
        except birthdays.BornInFuture as refusal:
            self.add_error("birth_year", str(refusal))
        except birthdays.BirthdayIncomplete as refusal:
            self.add_error("birth_day" if data.get("birth_month") else "birth_month", str(refusal))
        except Refused as refusal:
            self.add_error("birth_day", str(refusal))
        return data

    def shown(self, name: str, values: dict[str, Any]) -> str:
        """Return a value in words."""
        if name == "successor":
            return str(values[name] or "—")
        if name == "at_most_once_in_days" and values[name] is None:
            return str(_("as the company does"))
        return super().shown(name, values)
