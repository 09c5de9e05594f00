"""The form of a care plan."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground import clock
from customers.ground.widgets import LongSelect
from customers.models import Channel, Contact
from customers.models.channels import SENDABLE
from retention import care
from retention.care.letters import PLACEHOLDERS
from retention.care.planning import MOST_DAYS_BEFORE, MOST_ORDERS, MOST_POINTS, MOST_TEXT, checked
from retention.models import CarePlan, Segment

_CHANNELS = [("", _("her preferred one")), *((one.value, one.label) for one in map(Channel, SENDABLE))]
_KNOWN = ", ".join("{{" + name + "}}" for name in PLACEHOLDERS)


def _text(label: Any, most: int, *, required: bool = False, **more: Any) -> forms.CharField:
    return forms.CharField(label=label, max_length=most, required=required, **more)


def _words(label: Any, **more: Any) -> forms.CharField:
    return _text(label, MOST_TEXT, widget=forms.Textarea({"rows": 6}), **more)


class CareForm(forms.Form):
    """All that a person says of a plan."""

    name = _text(pgettext_lazy("of a thing", "Name"), 100, required=True)
    name_alt = _text(_("Name in the other language"), 100)
    code = _text(
        _("Code"),
        40,
        required=True,
        help_text=_("Small letters, digits, - and _. It names the plan in programs."),
    )
    occasion = forms.ChoiceField(label=_("Occasion"), choices=CarePlan.Occasion.choices)
    festival = forms.ChoiceField(
        label=_("Festival"), choices=[("", "—"), *CarePlan.Festival.choices], required=False
    )
    calendar = forms.ChoiceField(
        label=_("Calendar"),
        choices=[("", "—"), *Contact.BirthCalendar.choices],
        required=False,
        help_text=_("Of a day of our own."),
    )
    month = forms.IntegerField(
        label=pgettext_lazy("care", "Month"), min_value=1, max_value=12, required=False
    )
    day = forms.IntegerField(label=pgettext_lazy("care", "Day"), min_value=1, max_value=31, required=False)
    orders = forms.IntegerField(
        label=_("After so many orders"),
        min_value=1,
        max_value=MOST_ORDERS,
        required=False,
        help_text=_("For thanks. Orders before the plan is started are counted, but not thanked for."),
    )
    days_before = forms.IntegerField(
        label=_("Days before"),
        min_value=0,
        max_value=MOST_DAYS_BEFORE,
        required=False,
        help_text=_("So many days earlier it may leave, where quiet hours and contact limits let it."),
    )
    segment = forms.ModelChoiceField(
        label=_("Segment"),
        queryset=Segment.objects.filter(retired_at=None).order_by("code"),
        to_field_name="code",
        required=False,
        empty_label=_("everybody"),
        widget=LongSelect,
    )
    language = forms.ChoiceField(
        label=_("Only who is written to in"),
        choices=[("", _("every language")), *settings.LANGUAGES],
        required=False,
    )
    channel = forms.ChoiceField(
        label=_("Channel"), choices=_CHANNELS, required=False, help_text=_("Else the first that is open.")
    )
    subject_en = _text(_("English subject"), 150, help_text=_("For e-mails."))
    subject_zh = _text(_("Chinese subject"), 150, help_text=_("One language stands for the other."))
    text_en = _words(_("English text"))
    text_zh = _words(_("Chinese text"))
    points = forms.IntegerField(
        label=_("Points given"),
        min_value=0,
        max_value=MOST_POINTS,
        required=False,
        help_text=_("Booked with the greeting, usable at once."),
    )
    gift_en = _text(_("Gift in English"), 150, help_text=_("Instead of points."))
    gift_zh = _text(_("Gift in Chinese"), 150)
    holdout_share = forms.DecimalField(
        label=_("Left out on purpose, in %"),
        min_value=0,
        max_value=50,
        max_digits=4,
        decimal_places=2,
        required=False,
        help_text=_("Drawn by lot and kept, so that one can tell what the greeting does."),
    )

    _GROUPS = (
        (_("Plan"), "name name_alt code"),
        (_("Occasion"), "occasion days_before festival calendar month day orders"),
        (_("Who is greeted"), "segment language channel holdout_share"),
        (pgettext_lazy("care", "What is said"), "subject_en text_en subject_zh text_zh"),
        (_("What is given"), "points gift_en gift_zh"),
    )

    def __init__(self, *args: Any, plan: CarePlan | None = None, **kwargs: Any) -> None:
        if plan is not None:
            kwargs["initial"] = initial_of(plan) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        self.fields["text_en"].help_text = _("Filled in: %(names)s") % {"names": _KNOWN}

    @property
    def groups(self) -> Iterable[tuple[Any, list[BoundField]]]:
        """Return the fields under their headings."""
        return [(title, [self[name] for name in names.split()]) for title, names in self._GROUPS]

    def clean(self) -> dict[str, Any]:
        """Say at its field what does not hold together."""
        data = super().clean() or {}
        if not self.errors:
            try:
                checked(self.said(), at=clock.now())
            except care.CarePlanRefused as refusal:
                self.add_error(refusal.field, str(refusal))
        return data

    def said(self) -> care.Said:
        """Return what the form holds."""
        said = dict(self.cleaned_data)
        said["points"], said["days_before"] = said["points"] or 0, said["days_before"] or 0
        said["holdout_share"] = int((said["holdout_share"] or 0) * 100)
        return care.Said(**said)


def initial_of(plan: CarePlan) -> dict[str, Any]:
    """Return what the form shows of a plan."""
    said = {name: getattr(plan, name) for name in CareForm.base_fields}
    share = Decimal(plan.holdout_share) / 100
    return said | {"segment": plan.segment.code if plan.segment else "", "holdout_share": share}
