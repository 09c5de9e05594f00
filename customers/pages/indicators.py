"""The catalogue of indicators: admins define them, rename and retire."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from customers import indicators
from customers.models import Indicator, Worse
from customers.pages.catalogue import Catalogue, ChangedForm, NamedForm, NewForm


class IndicatorForm(NamedForm):
    """What an indicator is called, and its unit."""

    unit = forms.CharField(label=_("Unit"), max_length=20, required=False)


class NewIndicatorForm(NewForm, IndicatorForm):
    """A new indicator; its direction never changes."""

    worse = forms.ChoiceField(label=_("Which way is bad"), choices=Worse.choices)
    field_order = ["code"]


class ChangedIndicatorForm(ChangedForm, IndicatorForm):
    """An indicator as it shall be."""


INDICATORS = Catalogue(
    noun="indicator",
    model=Indicator,
    new_form=NewIndicatorForm,
    changed_form=ChangedIndicatorForm,
    add=indicators.define_indicator,
    change=indicators.change_indicator,
    sort="worse",
    icon="gauge",
    title=_("Indicators"),
    about=_("Figures of your own that tell how a customer is doing, one value after the other."),
    sort_title=_("Which way is bad"),
    new_title=_("New indicator"),
    new_act=_("Add indicator"),
    added=_("“%(name)s” can be recorded now."),
    empty_title=_("No indicator yet"),
    empty_text=_("For example a health score or a share of wallet."),
)
