"""The catalogue of usage metrics: admins add their own, rename and retire."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from customers import usage
from customers.models import UsageKind, UsageMetric
from customers.pages.catalogue import Catalogue, ChangedForm, NamedForm, NewForm


class NewMetricForm(NewForm, NamedForm):
    """A new metric; its kind never changes."""

    kind = forms.ChoiceField(label=_("How it counts"), choices=UsageKind.choices)
    field_order = ["code", "kind"]


class ChangedMetricForm(ChangedForm, NamedForm):
    """A metric as it shall be."""


METRICS = Catalogue(
    noun="metric",
    model=UsageMetric,
    new_form=NewMetricForm,
    changed_form=ChangedMetricForm,
    add=usage.add_metric,
    change=usage.change_metric,
    sort="kind",
    icon="gauge",
    title=_("Usage metrics"),
    about=_("What is counted of how customers use what they have."),
    sort_title=_("How it counts"),
    new_title=_("New metric"),
    new_act=_("Add metric"),
    added=_("“%(name)s” can be counted now."),
)
