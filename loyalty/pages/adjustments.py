"""Adjustments by hand: those that wait for a second person, and those that were decided."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.counting import counted
from loyalty.ledger import adjusting
from loyalty.models import PointsAdjustment
from loyalty.pages.frame import press, running, show
from loyalty.pages.roles import DECIDES, SEES_LOYALTY, WORKS_ACCOUNTS

PAGE = 50
State = PointsAdjustment.State


@require_safe
@allow(*SEES_LOYALTY)
def adjustment_list(request: HttpRequest) -> HttpResponse:
    """List the adjustments that wait, oldest first; by ``?state=`` those decided, newest first."""
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    visible: Any = PointsAdjustment.objects.visible_to(request.user)  # type: ignore[attr-defined]
    state = request.GET.get("state", "")
    state = state if state in State.values else State.ASKED.value
    rows = visible.filter(state=state).select_related("customer", "by", "decided_by")
    rows = rows.order_by("pk" if state == State.ASKED else "-pk")
    context: dict[str, Any] = {
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "state": state,
        "views": _views(state, waiting=counted(asked=visible.filter(state=State.ASKED))["asked"]),
    }
    return show(request, "adjustments.html", "adjustment_list", context, programme=programme)


@require_POST
@allow(*DECIDES)
def adjustment_act(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Grant or decline an adjustment that waits."""
    visible: Any = PointsAdjustment.objects.visible_to(request.user)  # type: ignore[attr-defined]
    row: PointsAdjustment = get_object_or_404(visible, pk=pk)
    if act not in {"grant", "decline"}:
        raise Http404
    is_granted = act == "grant"
    press(
        request,
        lambda: adjusting.decide_adjustment(row, is_granted=is_granted, by=request.user, at=clock.now()),
        done=_("The points are adjusted.") if is_granted else _("The adjustment is declined."),
    )
    if request.POST.get("next") == "account":
        return redirect("loyalty:account", pk=row.account_id)
    return redirect("loyalty:adjustment_list")


@require_POST
@allow(*WORKS_ACCOUNTS)
def adjustment_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Withdraw an adjustment that one asked for oneself."""
    visible: Any = PointsAdjustment.objects.visible_to(request.user)  # type: ignore[attr-defined]
    row: PointsAdjustment = get_object_or_404(visible, pk=pk)
    press(
        request,
        lambda: adjusting.withdraw_adjustment(row, by=request.user, at=clock.now()),  # type: ignore[arg-type]
        done=_("The adjustment is withdrawn."),
    )
    if request.POST.get("next") == "account":
        return redirect("loyalty:account", pk=row.account_id)
    return redirect("loyalty:adjustment_list")


def _views(current: str, *, waiting: int) -> list[dict[str, Any]]:
    labels = {
        State.ASKED: pgettext("adjustments", "Waiting"),
        State.GRANTED: pgettext("adjustments", "Granted"),
        State.DECLINED: pgettext("adjustments", "Declined"),
        State.WITHDRAWN: pgettext("adjustments", "Withdrawn"),
    }
    return [
        {
            "url": f"?state={state}",
            "label": label,
            "count": waiting if state == State.ASKED else None,
            "current": state == current,
        }
        for state, label in labels.items()
    ]
