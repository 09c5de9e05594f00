"""Redemptions: what was asked for and how far it is; each is moved on, or cancelled."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.counting import counted
from customers.ground.errors import Refused
from loyalty.models import Redemption
from loyalty.pages.frame import running, show
from loyalty.pages.roles import SEES_LOYALTY, WORKS_ACCOUNTS
from loyalty.rewards import redeeming

PAGE = 50
State = Redemption.State
OPEN = tuple(state for state, ahead in redeeming.MOVES.items() if ahead)


class MoveForm(forms.Form):
    """What is said when a redemption moves on."""

    tracking = forms.CharField(label=gettext_lazy("Tracking number"), max_length=64, required=False)
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500, required=False)


@require_safe
@allow(*SEES_LOYALTY)
def redemption_list(request: HttpRequest) -> HttpResponse:
    """List the redemptions of a state; those that wait oldest first, those that ended newest first."""
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    visible: Any = Redemption.objects.visible_to(request.user)  # type: ignore[attr-defined]
    state = request.GET.get("state", "")
    state = state if state in State.values else State.ASKED.value
    rows = visible.filter(state=state).select_related("customer", "reward", "by", "changed_by")
    page = Paginator(rows.order_by("pk" if state in OPEN else "-pk"), PAGE).get_page(request.GET.get("page"))
    counts = counted(**{one: visible.filter(state=one) for one in OPEN})
    context: dict[str, Any] = {
        "page": page,
        "rows": [
            (row, steps_of(row), redeeming.may_cancel(row, by=request.user))  # type: ignore[arg-type]
            for row in page
        ],
        "state": state,
        "is_open": state in OPEN,
        "views": [
            {"url": f"?state={one}", "label": label, "count": counts.get(one), "current": one == state}
            for one, label in _labels().items()
        ],
    }
    return show(request, "redemptions.html", "redemption_list", context, programme=programme)


@require_POST
@allow(*WORKS_ACCOUNTS)
def redemption_act(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Move a redemption to the state that ``act`` names, or cancel it."""
    visible: Any = Redemption.objects.visible_to(request.user)  # type: ignore[attr-defined]
    row: Redemption = get_object_or_404(visible, pk=pk)
    if act not in {"cancel", *State.values}:
        raise Http404
    form = MoveForm(request.POST)
    if form.is_valid():
        try:
            _act(row, act, form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            said = _("Cancelled: the points are back in the lots that they came from.")
            messages.success(request, said if act == "cancel" else _("Noted."))
    else:
        messages.error(request, "; ".join(str(error) for found in form.errors.values() for error in found))
    if request.POST.get("next") == "account":
        return redirect("loyalty:account", pk=row.account_id)
    was = request.POST.get("state", "")
    back = redirect("loyalty:redemption_list")
    if was in State.values:
        back["Location"] += f"?state={was}"
    return back


def _act(row: Redemption, act: str, said: dict[str, str], *, by: Any, at: datetime) -> None:
    if act == "cancel":
        redeeming.cancel(row, reason=said["reason"], by=by, at=at)
    else:
        redeeming.set_state(row, act, tracking=said["tracking"] or None, by=by, at=at)


def steps_of(row: Redemption) -> list[tuple[str, str]]:
    """Return the states that a redemption may be moved to, as pairs of code and what the button says."""
    says = {
        State.READY.value: pgettext("a redemption", "Ready"),
        State.SENT.value: pgettext("a redemption", "Sent"),
        State.DONE.value: pgettext("a redemption", "Handed over"),
    }
    return [(str(state), says[state]) for state in redeeming.MOVES[row.state]]


def _labels() -> dict[str, str]:
    return {
        State.ASKED.value: pgettext("redemptions", "Asked for"),
        State.READY.value: pgettext("redemptions", "Ready"),
        State.SENT.value: pgettext("redemptions", "Sent"),
        State.DONE.value: pgettext("redemptions", "Handed over"),
        State.CANCELLED.value: pgettext("redemptions", "Cancelled"),
    }
