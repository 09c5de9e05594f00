"""Forms of what counts as lost, of the value tiers, and of revisits."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.models import User
from retention import losses, revisits, standing
from retention.losses.definitions import DAYS, MULTIPLE, SHARE
from retention.models import LossKind
from retention.pages.forms import MomentField


def _number(label: Any, span: tuple[int, int], **options: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=span[0], max_value=span[1], **options)


class DefinitionsForm(forms.Form):
    """Which definitions are on, and their numbers."""

    contract = forms.BooleanField(label=_("A contract ended or lapsed, and no other runs"), required=False)
    window = forms.BooleanField(label=_("No order for a fixed time"), required=False)
    window_days = _number(_("Days without an order"), DAYS)
    personal = forms.BooleanField(label=_("No order for many times the own rhythm"), required=False)
    personal_percent = _number(
        _("Percent of the own interval"),
        MULTIPLE,
        help_text=_("400: four times the usual days between orders. Needs four days with an order."),
    )
    personal_days = _number(_("But at least so many days"), DAYS)
    partial = forms.BooleanField(label=_("Partly lost: spend far below the own past"), required=False)
    partial_percent = _number(
        _("Percent of last year's spend"),
        SHARE,
        help_text=_(
            "50: spend of 12 months at half of the 12 months before or less. Kept apart from total losses."
        ),
    )

    @classmethod
    def current(cls, at: datetime) -> dict[str, Any]:
        """Return the definitions that count, as initial values."""
        now = losses.in_force(at)
        return {
            **{kind.value: one.is_on for kind, one in now.items()},
            "window_days": now[LossKind.WINDOW].days,
            "personal_days": now[LossKind.PERSONAL].days,
            "personal_percent": now[LossKind.PERSONAL].percent,
            "partial_percent": now[LossKind.PARTIAL].percent,
        }

    def act(self, *, by: User, at: datetime) -> None:
        """Let them count."""
        said = self.cleaned_data
        for kind in (LossKind.CONTRACT, LossKind.WINDOW, LossKind.PERSONAL, LossKind.PARTIAL):
            new = losses.Definition(
                kind, said[kind.value], said.get(f"{kind.value}_days"), said.get(f"{kind.value}_percent")
            )
            losses.define(new, by=by, at=at)


class SharesForm(forms.Form):
    """Of which shares of the margin the tiers are made."""

    share_a = _number(_("A: percent of all margin"), (1, 97))
    share_b = _number(_("A and B together"), (2, 98))
    share_c = _number(_("A, B and C together"), (3, 99))
    band = _number(
        _("Band"),
        (0, 50),
        help_text=_("Percent by which a margin must pass the limit of a tier before its customer moves."),
    )

    @classmethod
    def current(cls, at: datetime) -> dict[str, Any]:
        """Return the shares that count, as initial values."""
        now = standing.policy(at)
        return {name: getattr(now, name) for name in ("share_a", "share_b", "share_c", "band")}

    def act(self, *, by: User, at: datetime) -> None:
        """Let them count."""
        standing.set_policy(**self.cleaned_data, by=by, at=at)


class CadenceForm(forms.Form):
    """When lost customers are called again."""

    days = forms.CharField(
        label=_("Days after the loss"),
        required=False,
        max_length=60,
        help_text=_("Rising numbers, for example 30, 90, 180. Empty: no revisits by themselves."),
    )

    @classmethod
    def current(cls, at: datetime) -> dict[str, Any]:
        """Return the cadence that counts, as initial value."""
        return {"days": ", ".join(map(str, revisits.cadence()))}

    def clean_days(self) -> list[int]:
        """Return the numbers; what is none is refused."""
        parts = [
            part.strip()
            for part in self.cleaned_data["days"].replace("，", ",").replace("、", ",").split(",")
        ]
        parts = [part for part in parts if part]
        if not all(part.isascii() and part.isdigit() for part in parts):
            raise forms.ValidationError(str(revisits.BadCadence()))
        return [int(part) for part in parts]

    def act(self, *, by: User, at: datetime) -> None:
        """Let it count."""
        revisits.set_cadence(self.cleaned_data["days"], by=by, at=at)


class RevisitForm(forms.Form):
    """When one lost customer, or all that the filter shows, is to be called."""

    due_at = MomentField(label=_("Call by"))


FORMS: dict[str, Any] = {"definitions": DefinitionsForm, "shares": SharesForm, "cadence": CadenceForm}
