"""Care plans: their list, one with whom it greeted, who is due next, what it does; writing and starting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from retention import care
from retention.care.effect import DAYS as EFFECT_DAYS
from retention.care.effect import Counts, Group
from retention.care.upcoming import DAYS, missed_today
from retention.models import CarePlan, CareTouch
from retention.pages.care.forms import CareForm
from retention.pages.customers import SEES_CUSTOMERS

PLANS = ("team_lead", "admin")
STARTS = ("admin",)
SEES_EFFECT = ("team_lead", "admin", "analyst")
PAGE = 50
SHOWN: dict[str, tuple[str, ...]] = {
    "sent": (CareTouch.State.SENT,),
    "waiting": (CareTouch.State.WAITING, CareTouch.State.DEFERRED),
    "closed": (CareTouch.State.CLOSED,),
}


# --- Reading ----------------------------------------------------------------------------------
@require_safe
@allow(*SEES_CUSTOMERS)
def care_list(request: HttpRequest) -> HttpResponse:
    """List the plans, with how many of one's customers were greeted."""
    page = Paginator(CarePlan.objects.select_related("segment"), PAGE).get_page(request.GET.get("page"))
    counted = care.counts_of([one.pk for one in page], user=request.user)
    context = {
        "page": page,
        "rows": [(one, counted.get(one.pk, Counts())) for one in page],
        "may_plan": request.user.role in PLANS,
        "may_see_effect": request.user.role in SEES_EFFECT,
    }
    return render(request, "retention/care/list.html", context)


@require_safe
@allow(*SEES_CUSTOMERS)
def care_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a plan with whom it greeted, of one's customers."""
    plan = _one(pk)
    rows = CareTouch.objects.visible_to(request.user).filter(plan=plan)  # type: ignore[attr-defined]
    state = request.GET.get("state", "")
    if state in SHOWN:
        rows = rows.filter(state__in=SHOWN[state])
    before = whole(request.GET.get("before"))
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.select_related("customer", "contact").order_by("-pk")[: PAGE + 1])
    query = request.GET.copy()
    query.pop("before", None)
    newer = "?" + query.urlencode() if before is not None else None
    if len(found) > PAGE:
        query["before"] = str(found[PAGE - 1].pk)
    language = get_language() or "en"
    counts = care.counts_of([plan.pk], user=request.user).get(plan.pk, Counts())
    context = {
        "plan": plan,
        "touches": found[:PAGE],
        "newer": newer,
        "older": "?" + query.urlencode() if len(found) > PAGE else None,
        "views": _views(state, counts),
        "counts": counts,
        "subject": plan.said("subject", language),
        "words": plan.said("text", language),
        "gift": plan.said("gift", language),
        "holdout": f"{plan.holdout_share / 100:g} %",
        "may_plan": request.user.role in PLANS,
        "may_start": request.user.role in STARTS,
        "may_see_effect": request.user.role in SEES_EFFECT,
    }
    return render(request, "retention/care/plan.html", context)


def _views(state: str, counts: Counts) -> list[dict[str, Any]]:
    shown = state if state in SHOWN else ""
    labels = {
        "": (_("All"), counts.sent + counts.waiting + counts.closed),
        "sent": (_("Sent"), counts.sent),
        "waiting": (_("Waiting"), counts.waiting),
        "closed": (_("Not sent"), counts.closed),
    }
    return [
        {"label": label, "url": f"?state={code}" if code else "?", "count": count, "current": code == shown}
        for code, (label, count) in labels.items()
    ]


@require_safe
@allow(*SEES_CUSTOMERS)
def care_upcoming(request: HttpRequest, pk: int) -> HttpResponse:
    """Show who is due in the next days, of one's customers, and what stands in the way."""
    plan = _one(pk)
    start = min((whole(request.GET.get("from")) or 0), 10_000)
    at = clock.now()
    context: dict[str, Any] = {"plan": plan, "days": DAYS}
    context["missed"] = missed_today(plan, user=request.user, at=at)
    try:
        found = care.upcoming(plan, user=request.user, at=at, start=start, most=PAGE)
    except Refused as refusal:
        context["problem"] = str(refusal)
    else:
        context |= {
            "found": found,
            "newer": f"?from={max(start - PAGE, 0)}" if start else None,
            "older": f"?from={start + PAGE}" if found.number > start + PAGE else None,
        }
    return render(request, "retention/care/upcoming.html", context)


@require_safe
@allow(*SEES_EFFECT)
def care_effect(request: HttpRequest, pk: int) -> HttpResponse:
    """Show those greeted beside those left out on purpose, in sums over all customers."""
    plan = _one(pk)
    effect = care.effect_of(plan, at=clock.now())
    lines = [
        (_("Greeted"), effect.greeted, _share(effect.greeted)),
        (_("Left out on purpose"), effect.withheld, _share(effect.withheld)),
    ]
    difference = effect.difference
    context = {
        "plan": plan,
        "effect": effect,
        "lines": lines,
        "days": EFFECT_DAYS,
        "difference": None if difference is None else _points(difference),
        "interval": _span(effect.interval, signed=True),
    }
    return render(request, "retention/care/effect.html", context)


def _share(group: Group) -> tuple[str, str]:
    share = "–" if group.share is None else f"{group.share * 100:.1f} %"
    return share, _span(group.interval, signed=False)


def _span(interval: tuple[float, float] | None, *, signed: bool) -> str:
    if interval is None:
        return "–"
    low, high = interval
    if signed:
        return f"{_points(low)} – {_points(high)}"
    return f"{low * 100:.1f} – {high * 100:.1f} %"


def _points(share: float) -> str:
    return f"{share * 100:+.1f}".replace("-", "−")


# --- Writing ----------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@allow(*PLANS)
def care_new(request: HttpRequest) -> HttpResponse:
    """Write a plan as a draft."""
    form = CareForm(request.POST or None, initial={"holdout_share": 10, "days_before": 0})
    return _written(request, form, None, lambda said, at: care.create_plan(said, by=request.user, at=at))


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*PLANS)
def care_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a plan anew."""
    plan = _one(pk)
    form = CareForm(request.POST or None, plan=plan)
    sent = whole(request.POST.get("version"))
    if sent is not None:
        plan.version = sent
    return _written(
        request, form, plan, lambda said, at: care.change_plan(plan, said, by=request.user, at=at)
    )


def _written(
    request: HttpRequest,
    form: CareForm,
    plan: CarePlan | None,
    verb: Callable[[care.Said, datetime], CarePlan],
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            saved = verb(form.said(), clock.now())
        except care.CarePlanRefused as refusal:
            form.add_error(refusal.field, str(refusal))
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("“%(plan)s” is saved.") % {"plan": saved})
            return redirect("retention:care_plan", pk=saved.pk)
    context = {"form": form, "plan": plan}
    return render(request, "retention/care/form.html", context, status=422 if form.errors else 200)


@require_POST
@allow(*STARTS)
def care_start(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a plan greet."""
    said = _("It runs. Who is due today is greeted within minutes.")
    return _moved(request, pk, care.start_plan, said)


@require_POST
@allow(*STARTS)
def care_pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a plan greet nobody for now."""
    return _moved(
        request, pk, care.pause_plan, _("It is paused. Nobody is greeted until it is started again.")
    )


def _moved(request: HttpRequest, pk: int, verb: Callable[..., CarePlan], said: str) -> HttpResponse:
    try:
        verb(_one(pk), by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, said)
    return redirect("retention:care_plan", pk=pk)


def _one(pk: int) -> CarePlan:
    rows = CarePlan.objects.select_related("segment", "made_by")
    found = rows.filter(pk=pk).first() if whole(str(pk)) is not None else None
    if found is None:
        raise Http404
    return found
