"""Forms of contracts: what was agreed, and what becomes of it in one press."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers import company
from customers import renewals as terms
from customers.ground import localtime, money
from customers.ground.models import ExchangeRate
from customers.ground.widgets import LongSelect
from customers.models import Contract, User
from retention import renewals
from retention.pages.forms import YEARS


class DaysForm(forms.Form):
    """How early a contract becomes a case."""

    days = forms.IntegerField(
        label=_("Days before the notice date"),
        min_value=1,
        max_value=365,
        help_text=_("A case opens so many days before the notice date; without one, before the end."),
    )


def _day(label: Any, **options: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}), **options)


class ContractForm(forms.Form):
    """What was agreed; ``read_at`` is the version that the page showed."""

    number = forms.CharField(label=_("Number"), max_length=64, required=False)
    starts_on = _day(_("Begins on"))
    ends_on = _day(_("Ends on"))
    notice_on = _day(_("Notice until"), required=False, help_text=_("The last day on which it may be ended."))
    value = forms.DecimalField(
        label=_("Value of the term"), min_value=Decimal(0), max_digits=15, decimal_places=2, initial=0
    )
    currency = forms.ChoiceField(label=_("Currency"))
    auto_renew = forms.BooleanField(label=_("Renews itself"), required=False)
    owner = forms.ModelChoiceField(
        label=_("Owner"), queryset=User.objects.none(), required=False, widget=LongSelect
    )
    version = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, user: Any, contract: Contract | None = None, **kwargs: Any) -> None:
        self.contract = contract
        base = company.current().base_currency
        first: dict[str, Any] = {"currency": base, **kwargs.pop("initial", {})}
        if contract is not None:
            first |= {
                "number": contract.number,
                "starts_on": localtime.day_of(contract.starts_day),
                "ends_on": localtime.day_of(contract.ends_day),
                "notice_on": localtime.day_of(contract.notice_day) if contract.notice_day else None,
                "value": money.from_minor(contract.value, contract.currency),
                "currency": contract.currency,
                "auto_renew": contract.auto_renew,
                "owner": contract.owner_id,
                "version": contract.recorded_at.isoformat(),
            }
        super().__init__(*args, initial=first, **kwargs)
        known = [
            base,
            *ExchangeRate.objects.order_by("currency").values_list("currency", flat=True).distinct(),
        ]
        if contract is not None:
            known = [contract.currency]
        self.fields["currency"].choices = [(one, one) for one in dict.fromkeys(known)]  # type: ignore[attr-defined]
        people = User.objects.working().visible_to(user)
        if first.get("owner"):
            people = people | User.objects.filter(pk=first["owner"])
        self.fields["owner"].queryset = people.order_by("username")  # type: ignore[attr-defined]

    @property
    def read_at(self) -> datetime:
        """Return the moment of the version that the page showed; a text that is none is never the newest."""
        found = parse_datetime(self.cleaned_data.get("version") or "")
        return found if found is not None and found.tzinfo is not None else datetime(1970, 1, 1, tzinfo=UTC)

    def clean(self) -> dict[str, Any]:
        """Refuse years that nobody means, and amounts that no column holds."""
        given = super().clean() or self.cleaned_data
        for name in ("starts_on", "ends_on", "notice_on"):
            if given.get(name) and given[name].year not in YEARS:
                self.add_error(name, _("Enter a year between 2000 and 2100."))
        return given

    def values(self) -> dict[str, Any]:
        """Return what the verbs take; the value in minor units."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "version"}
        return {**given, "value": money.to_minor(given["value"], given["currency"])}


class RenewForm(forms.Form):
    """The same terms for another term."""

    done: str | Promise = _("The contract is renewed.")

    def act(self, contract: Contract, *, by: User | None, at: datetime) -> None:
        """Renew it."""
        renewals.renew(contract, by=by, at=at)


class RenegotiateForm(forms.Form):
    """Another value for another term."""

    done: str | Promise = _("The contract is renewed at its new value.")
    value = forms.DecimalField(
        label=_("New value of the term"), min_value=Decimal(0), max_digits=15, decimal_places=2
    )

    def act(self, contract: Contract, *, by: User | None, at: datetime) -> None:
        """Renew it at another value."""
        value = money.to_minor(self.cleaned_data["value"], contract.currency)
        renewals.renew(contract, value=value, by=by, at=at)


class LongerForm(forms.Form):
    """A longer term."""

    done: str | Promise = _("The contract is renewed for a longer term.")
    ends_on = forms.DateField(label=_("New end"), widget=forms.DateInput(attrs={"type": "date"}))

    def clean_ends_on(self) -> Any:
        """Return the day; years that nobody means are refused."""
        day = self.cleaned_data["ends_on"]
        if day.year not in YEARS:
            raise forms.ValidationError(_("Enter a year between 2000 and 2100."), code="year")
        return day

    def act(self, contract: Contract, *, by: User | None, at: datetime) -> None:
        """Renew it for longer."""
        renewals.renew(contract, ends_on=self.cleaned_data["ends_on"], by=by, at=at)


class LapseForm(forms.Form):
    """It does not go on."""

    done: str | Promise = _("The contract has lapsed. Tonight it counts as a loss, unless another one runs.")

    def act(self, contract: Contract, *, by: User | None, at: datetime) -> None:
        """End it."""
        terms.lapse(contract, by=by, at=at)


ACTS: dict[str, type[Any]] = {
    "renew": RenewForm,
    "renegotiate": RenegotiateForm,
    "longer": LongerForm,
    "lapse": LapseForm,
}
"""In the order in which they are offered."""


def act_forms(contract: Contract, *, act: str = "", data: Any = None) -> dict[str, Any]:
    """Return the forms of a contract by act, one of them bound."""
    longer = terms.next_term(contract).ends_on
    first = {
        "renegotiate": {"value": money.from_minor(contract.value, contract.currency)},
        "longer": {"ends_on": longer},
    }
    return {
        name: form(
            data if name == act else None, initial=first.get(name), auto_id=f"id_{name}_{contract.pk}_%s"
        )
        for name, form in ACTS.items()
    }
