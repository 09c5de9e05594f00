"""The forms of the programme: its settings in sections with help, and the steps it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from customers.ground.localtime import day_of
from customers.ground.money import format_money
from loyalty import programmes
from loyalty.models import Programme
from loyalty.pages.fields import DayField, MoneyField, number_field, text_field

Words = str | Promise
SECTIONS: tuple[tuple[Words, Words, tuple[str, ...]], ...] = (
    (_("Name"), "", ("name", "name_alt")),
    (
        _("What a point is worth"),
        _("The liability is counted with this worth; earning is said by the rules."),
        ("worth_of_100", "rounding", "pending_days"),
    ),
    (
        _("Expiry"),
        _("A change counts for points that are earned from now on."),
        ("expiry", "expiry_months", "remind_days", "breakage_bp"),
    ),
    (_("Returns"), "", ("on_spent_return",)),
    (
        _("Tiers"),
        _("A tier is reached from its threshold on. Who falls below keeps it for the days of grace."),
        ("tier_basis", "tier_window", "tier_window_days", "tier_grace_days", "tier_fall"),
    ),
    (
        _("Limits"),
        _("What one person may give, and what a case and a month may cost."),
        ("adjust_limit", "recovery_limit", "recovery_budget"),
    ),
    (
        _("Referral"),
        _("Both are rewarded after the first paid order of who was referred; nobody refers herself."),
        ("referral_referrer", "referral_referred"),
    ),
)
HELP: dict[str, Words] = {
    "worth_of_100": _("For example 1.00: then 250 points are worth 2.50."),
    "rounding": _("Once for the whole order, after everything else is counted."),
    "pending_days": _(
        "So long points of an order are pending, because goods may come back. 0: usable at once."
    ),
    "expiry_months": _("Counts for all kinds of expiry but “never”."),
    "remind_days": _("Days before points expire on which a reminder may go out, for example 30, 15, 7, 1."),
    "breakage_bp": _("In percent. Empty: as it was measured. It lowers the liability, never a balance."),
    "on_spent_return": _("Points that are left are always taken back."),
    "tier_basis": _("Thresholds are counted in it: it changes only while no tier begins above zero."),
    "tier_window_days": _("Counts when “the last days” are counted."),
    "adjust_limit": _(
        "So much a team lead or admin adjusts alone, of a customer and a day. "
        "Everything else another one decides."
    ),
    "recovery_budget": _("Empty: no budget."),
}
_STEP = re.compile(r"[\s,，、;；]+")


class DaysField(forms.CharField):
    """Some numbers of days, written with commas; its value is the list of them."""

    def to_python(self, value: Any) -> Any:
        """Return the numbers; what is no number is refused."""
        parts = [part for part in _STEP.split(super().to_python(value) or "") if part]
        if not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
            raise ValidationError(
                str(programmes.REMINDERS) % {"most": programmes.MOST_REMINDERS}, code="days"
            )
        return [int(part) for part in parts]

    def prepare_value(self, value: Any) -> Any:
        """Return the numbers as they are written."""
        return ", ".join(str(day) for day in value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Say whether other numbers were typed."""
        return bool(super().has_changed(self.prepare_value(initial), data))


class ShareField(forms.DecimalField):
    """A share that is typed in percent; its value is in basis points."""

    widget = forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"})

    def clean(self, value: Any) -> Any:
        """Return basis points."""
        share = super().clean(value)
        return None if share is None else int(share * 100)

    def prepare_value(self, value: Any) -> Any:
        """Return percent of basis points, or what was typed."""
        return f"{value / 100:g}" if isinstance(value, int) and not isinstance(value, bool) else value


def field_for(name: str, *, currency: str) -> forms.Field:
    """Return the form's field for a setting."""
    column = Programme._meta.get_field(name)
    label = capfirst(column.verbose_name)  # type: ignore[union-attr]
    hint = HELP.get(name, "")
    if name in {"name", "name_alt"}:
        return text_field(label, 100, required=name == "name")
    if name == "worth_of_100":
        return MoneyField(label=label, currency=currency, help_text=hint)
    if name == "remind_days":
        return DaysField(label=label, required=False, max_length=100, help_text=hint)
    if name == "breakage_bp":
        share = {"min_value": 0, "max_value": 100, "max_digits": 5, "decimal_places": 2}
        return ShareField(label=label, required=False, help_text=hint, **share)
    if choices := getattr(column, "choices", None):
        said = [(code, capfirst(text)) for code, text in choices]
        return forms.ChoiceField(label=label, choices=said, help_text=hint)
    most = programmes.MOST_POINTS if name.startswith(("adjust", "recovery", "referral")) else 3650
    return number_field(label, most=most, required=name != "recovery_budget", help_text=hint)


class SettingsForm(forms.Form):
    """All settings of a programme, in sections."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    reason = text_field(
        _("Why it is changed"),
        programmes.LONGEST_REASON,
        required=False,
        help_text=_("It stands in the history."),
    )

    def __init__(self, *args: Any, programme: Programme, **kwargs: Any) -> None:
        self.programme = programme
        super().__init__(*args, **kwargs)
        for _title, _hint, names in SECTIONS:
            for name in names:
                self.fields[name] = field_for(name, currency=programme.currency)

    def sections(self) -> Iterator[tuple[Words, Words, list[forms.BoundField]]]:
        """Yield each section with its hint and fields."""
        for title, hint, names in SECTIONS:
            yield title, hint, [self[name] for name in names]

    def values(self) -> dict[str, Any]:
        """Return the settings that were entered."""
        return {name: self.cleaned_data[name] for name in programmes.SETTINGS}

    @staticmethod
    def initial_of(programme: Programme) -> dict[str, Any]:
        """Return what the form shows of a programme."""
        return {name: getattr(programme, name) for name in (*programmes.SETTINGS, "version")}


class NewForm(forms.Form):
    """The few things that a programme begins with; all else can be changed afterwards."""

    NAMES = ("name", "name_alt", "worth_of_100", "pending_days", "expiry", "expiry_months")

    with_ready_rules = forms.BooleanField(
        label=_("Take the ready earning rules over"),
        required=False,
        initial=True,
        help_text=_("1 point for each whole unit of money is on; the others wait to be switched on."),
    )

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rules = self.fields.pop("with_ready_rules")
        for name in self.NAMES:
            self.fields[name] = field_for(name, currency=currency)
        self.fields["with_ready_rules"] = rules

    @staticmethod
    def proposal() -> dict[str, Any]:
        """Return what the empty form proposes."""
        return {"worth_of_100": 100, "pending_days": 14, "expiry": "months", "expiry_months": 12}


class StartForm(forms.Form):
    """From which day on orders earn."""

    starts_on = DayField(
        label=_("Orders earn from"),
        required=False,
        help_text=_("Empty: today. An earlier day lets orders of the past earn in the next night."),
    )


class StepForm(forms.Form):
    """Why a programme is paused or goes on."""

    reason = text_field(_("Reason"), programmes.LONGEST_REASON, required=False)


# --- Versions ------------------------------------------------------------------------------------
def differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], currency: str
) -> list[dict[str, str]]:
    """Return in words what differs between two versions of the settings; of the first nothing."""
    if before is None:
        return []
    return [
        {
            "label": _label(name),
            "before": shown(name, before.get(name), currency),
            "after": shown(name, value, currency),
        }
        for name, value in after.items()
        if before.get(name) != value
    ]


def shown(name: str, value: Any, currency: str) -> str:
    """Return the value of a setting in words."""
    if name == "breakage_bp" and value is None:
        return gettext("as measured")
    if value is None or value in ("", []):
        return "–"
    column = Programme._meta.get_field(name)
    if choices := getattr(column, "choices", None):
        return str(dict(choices).get(value, value))
    if name == "worth_of_100":
        return format_money(value, currency, get_language() or "en")
    if name == "breakage_bp":
        return f"{value / 100:g} %"
    if name == "starts_day":
        return date_format(day_of(value), "DATE_FORMAT")
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _label(name: str) -> str:
    said = {"state": gettext("State"), "starts_day": gettext("Orders earn from")}
    return said.get(name) or str(capfirst(Programme._meta.get_field(name).verbose_name))  # type: ignore[union-attr]
