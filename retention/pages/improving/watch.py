"""The weekly watch and the huddle: what rose, whom it concerns, what is decided about it."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Customer
from retention.improving import huddle, watching
from retention.models import RiseAlarm
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.improving.forms import ReasonForm
from retention.pages.improving.one import LEADS

PAGE = 50


@require_safe
@allow(*SEES_CUSTOMERS)
def rise_list(request: HttpRequest) -> HttpResponse:
    """List what rose: open alarms with the surest first, or those that are decided."""
    is_decided = request.GET.get("state") == "decided"
    rows = RiseAlarm.objects.visible_to(request.user).select_related("product", "decided_by", "action")  # type: ignore[attr-defined]
    open_ones = rows.filter(state=RiseAlarm.State.OPEN).order_by("q", "pk")
    decided = rows.exclude(state=RiseAlarm.State.OPEN).order_by("-decided_at", "-pk")
    context = {
        "page": Paginator(decided if is_decided else open_ones, PAGE).get_page(request.GET.get("page")),
        "is_decided": is_decided,
        "views": [
            {"url": "?state=open", "label": _("Open"), "current": not is_decided},
            {"url": "?state=decided", "label": _("Decided"), "current": is_decided},
        ],
        "recent_weeks": watching.RECENT // 7,
        "before_weeks": watching.BEFORE // 7,
        "now": clock.now(),
    }
    return render(request, "retention/improving/rises.html", context)


@require_safe
@allow(*SEES_CUSTOMERS)
def rise_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one rise with the customers whom it concerns, as far as one may see them."""
    return _page(request, _alarm(request, pk), ReasonForm())


@require_POST
@allow(*LEADS)
def rise_take_up(request: HttpRequest, pk: int) -> HttpResponse:
    """Plan the improvement that it asks for."""
    alarm = _alarm(request, pk)
    try:
        action = watching.take_up(alarm, by=request.user, at=clock.now())  # type: ignore[arg-type]
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("retention:rise", pk)
    return redirect("retention:improvement", action.pk)


@require_POST
@allow(*LEADS)
def rise_dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that it needs nothing, and why."""
    alarm, form = _alarm(request, pk), ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, alarm, form, status=422)
    try:
        watching.dismiss(alarm, **form.cleaned_data, by=request.user, at=clock.now())  # type: ignore[arg-type]
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("retention:rise_list")


@require_safe
@allow(*SEES_CUSTOMERS)
def huddle_page(request: HttpRequest) -> HttpResponse:
    """Show the sheet for the weekly huddle, to be printed."""
    at = clock.now()
    context = {"sheet": huddle.huddle(request.user, at=at), "now": at}  # type: ignore[arg-type]
    return render(request, "retention/improving/huddle.html", context)


def _alarm(request: HttpRequest, pk: int) -> RiseAlarm:
    rows = RiseAlarm.objects.visible_to(request.user).select_related("product", "decided_by", "action")  # type: ignore[attr-defined]
    found: RiseAlarm = get_object_or_404(rows, pk=pk)
    return found


def _page(request: HttpRequest, alarm: RiseAlarm, form: ReasonForm, *, status: int = 200) -> HttpResponse:
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    rows = watching.concerned(alarm).filter(pk__in=visible.order_by().values("pk")).select_related("owner")
    order = ("-has_complained", "-has_returned", "pk")
    context = {
        "alarm": alarm,
        "page": Paginator(rows.order_by(*order), PAGE).get_page(request.GET.get("page")),
        "form": form,
        "may_decide": request.user.role in LEADS and alarm.state == RiseAlarm.State.OPEN,  # type: ignore[union-attr]
        "recent_weeks": watching.RECENT // 7,
        "before_weeks": watching.BEFORE // 7,
        "percent": f"{alarm.p * 100:.2g}",
        "now": clock.now(),
    }
    return render(request, "retention/improving/rise.html", context, status=status)
