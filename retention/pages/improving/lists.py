"""The list of improvements, and planning a new one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from customers import company
from customers.access import allow
from customers.ground import clock, localtime
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Complaint, Customer, User
from retention.improving import attaching, planning
from retention.improving.showing import moves_of
from retention.models import ImprovementAction, LoopClosure, RiseAlarm
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.forms import WORKERS
from retention.pages.improving.forms import PlanForm

PAGE = 50
DUE_IN = timedelta(days=28)
State = ImprovementAction.State
SHOWN: dict[str, tuple[str, ...]] = {
    "open": ImprovementAction.OPEN_STATES,
    "done": (State.DONE,),
    "dropped": (State.DROPPED,),
}


@require_safe
@allow(*SEES_CUSTOMERS)
def improvement_list(request: HttpRequest) -> HttpResponse:
    """List improvements: what is open by its due day, what ended with the newest first."""
    shown = request.GET.get("state", "")
    shown = shown if shown in SHOWN else "open"
    rows = found(request.user, shown).select_related("owner", "product", "survey")  # type: ignore[arg-type]
    page = Paginator(rows.prefetch_related("causes"), PAGE).get_page(request.GET.get("page"))
    at = clock.now()
    labels = {"open": _("Open"), "done": _("Done"), "dropped": _("Given up")}
    context = {
        "page": page,
        "rows": [(one, moves_of(one)) for one in page],
        "shown": shown,
        "views": [
            {"url": f"?state={code}", "label": label, "current": code == shown}
            for code, label in labels.items()
        ],
        "alarms": RiseAlarm.objects.filter(state=RiseAlarm.State.OPEN).count(),
        "may_plan": request.user.role in WORKERS,  # type: ignore[union-attr]
        "today": localtime.day_of(company.today(at).number),
        "currency": company.current().base_currency,
        "now": at,
    }
    return render(request, "retention/improving/list.html", context)


def found(user: User, shown: str) -> Any:
    """Return the improvements in one of the views of the list, in its order."""
    rows = ImprovementAction.objects.visible_to(user).filter(state__in=SHOWN[shown])  # type: ignore[attr-defined]
    return rows.order_by("due_on", "pk") if shown == "open" else rows.order_by("-ended_at", "-pk")


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WORKERS)
def improvement_new(request: HttpRequest) -> HttpResponse:
    """Plan an improvement; with ``?loop=`` or ``?complaint=`` filled in from it, which then hangs on it."""
    said = _said(request)
    form = PlanForm(request.POST or None, initial=_begun(request, **said))
    if request.method == "POST" and form.is_valid():
        at = clock.now()
        try:
            with transaction.atomic():  # planned with what it answers, or not at all
                action = planning.plan_improvement(form.plan, by=request.user, at=at)
                if any(said.values()):
                    attaching.attach(action, **said, by=request.user, at=at)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("retention:improvement", action.pk)
    status = 422 if form.errors else 200
    return render(request, "retention/improving/form.html", {"form": form}, status=status)


def _said(request: HttpRequest) -> dict[str, Any]:
    """Return the loop or the complaint that the address names, if one may see it."""
    loops = LoopClosure.objects.visible_to(request.user)  # type: ignore[attr-defined]
    loop = complaint = None
    if (pk := whole(request.GET.get("loop"))) is not None:
        loop = loops.select_related("complaint__cause", "complaint__product", "cause").filter(pk=pk).first()
    elif (pk := whole(request.GET.get("complaint"))) is not None:
        seen = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
        rows = Complaint.objects.select_related("cause", "product").filter(customer__in=seen, void=False)
        complaint = rows.filter(pk=pk).first()
    return {"loop": loop} if loop is not None else {"complaint": complaint}


def _begun(
    request: HttpRequest, *, loop: LoopClosure | None = None, complaint: Complaint | None = None
) -> dict[str, Any]:
    """Return what the form begins with."""
    today = localtime.day_of(company.today(clock.now()).number)
    source = complaint or (loop.complaint if loop is not None else None)
    cause = (loop.cause_id if loop is not None else None) or (source.cause_id if source is not None else None)
    product = source.product if source is not None else None
    return {
        "owner": request.user.pk,
        "begins_on": today,
        "due_on": today + DUE_IN,
        "causes": [cause] if cause is not None else [],
        "product": product.code if product is not None else "",
        "lot": source.lot if source is not None else "",
        "moves": ImprovementAction.Moves.COMPLAINTS,
    }
