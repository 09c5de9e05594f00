"""What every page of loyalty stands in: the tabs, the programme that runs, and how an act comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from customers import company
from customers.ground import clock
from customers.ground.errors import Refused
from loyalty.models import Programme
from loyalty.pages.roles import DECIDES, SEES_FIGURES, SEES_LOYALTY, SETS_UP, WORKS_ACCOUNTS

GIVEN = object()


def running() -> Programme | None:
    """Return the programme that runs, else the draft that was made last."""
    rows = list(Programme.objects.order_by("pk"))
    return next((row for row in rows if row.state != Programme.State.DRAFT), rows[-1] if rows else None)


def show(
    request: HttpRequest,
    template: str,
    here: str,
    context: dict[str, Any],
    *,
    programme: Programme | object | None = GIVEN,
    status: int = 200,
) -> HttpResponse:
    """Show a page of loyalty; ``here`` names its tab. ``programme`` saves reading it again."""
    found = running() if programme is GIVEN else programme
    role = request.user.role  # type: ignore[union-attr]
    given = {
        "now": clock.now(),
        "tabs": tabs(here, role=role, has_programme=found is not None),
        "programme": found,
        "currency": found.currency if isinstance(found, Programme) else company.current().base_currency,
        "may_work": role in WORKS_ACCOUNTS,
        "may_decide": role in DECIDES,
        "may_set_up": role in SETS_UP,
        "sees_figures": role in SEES_FIGURES,
    }
    return render(request, f"loyalty/{template}", {**given, **context}, status=status)


def tabs(here: str, *, role: str, has_programme: bool) -> list[dict[str, Any]]:
    """Return the tabs that a role may open; without a programme only where one is made."""
    pages = [
        ("overview", _("Overview"), SEES_LOYALTY),
        ("account_list", pgettext("of points", "Accounts"), SEES_LOYALTY),
        ("redemption_list", _("Redemptions"), SEES_LOYALTY),
        ("adjustment_list", _("Adjustments"), SEES_LOYALTY),
        ("reward_list", _("Rewards"), SEES_LOYALTY),
        ("tier_list", _("Tiers"), SEES_LOYALTY),
        ("rule_list", _("Earning"), SEES_LOYALTY),
        ("programme", _("Programme"), SEES_LOYALTY),
        ("ledger", _("Ledger"), SEES_FIGURES),
    ]
    without = {"overview", "programme"}
    return [
        {"url": reverse(f"loyalty:{name}"), "label": label, "current": name == here}
        for name, label, roles in pages
        if role in roles and (has_programme or name in without)
    ]


def act_on(
    request: HttpRequest,
    form: forms.Form,
    verb: Callable[[dict[str, Any]], Any],
    *,
    done: str | Callable[[Any], str],
) -> bool:
    """Call the verb with what the form holds; say whether it was done. A refusal stands at its field."""
    if not form.is_valid():
        return False
    try:
        made = verb(dict(form.cleaned_data))
    except Refused as refusal:
        form.add_error(field_of(form, refusal), str(refusal))
        return False
    messages.success(request, done if isinstance(done, str) else done(made))
    return True


def field_of(form: forms.Form, refusal: Refused) -> str | None:
    """Return the field that a refusal speaks of: the one it names, or the form's only one for its code."""
    named = getattr(refusal, "field", "") or getattr(form, "REFUSALS", {}).get(refusal.code, "")
    return named if named in form.fields else None


def told(form: forms.Form) -> str:
    """Return all that is wrong with a form in one line, for where it is not shown again."""
    return " ".join(str(error) for found in form.errors.values() for error in found)


def press(request: HttpRequest, verb: Callable[[], Any], *, done: str) -> None:
    """Call the verb of a button; say what was done, or why not."""
    try:
        verb()
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
