"""Changes of the business: their list, the impact before and the following after the announcement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import company
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Customer
from retention import changes
from retention.changes.planning import plan_of
from retention.models import (
    BusinessChange,
    ConcernedCustomer,
    ConcernedStep,
    RetentionCase,
    WarningRule,
)
from retention.pages.change_forms import ChangeForm, CloseChangeForm, StepForm, initial_of, steps_from
from retention.pages.change_shown import effect_lines, state_views, tags_of
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.forms import WORKERS

PLANS = ("team_lead", "admin")
ANNOUNCES = ("admin",)
SEES_EFFECT = ("team_lead", "admin", "analyst")
PAGE = 50
READY_RULE = "product-withdrawn"


# --- Reading ----------------------------------------------------------------------------------
@require_safe
@allow(*SEES_CUSTOMERS)
def change_list(request: HttpRequest) -> HttpResponse:
    """List the changes, the newest first, with how many of one's customers still wait."""
    mine = ConcernedCustomer.objects.visible_to(request.user).filter(change=OuterRef("pk"))  # type: ignore[attr-defined]
    rows = BusinessChange.objects.annotate(is_mine=Exists(mine)).order_by("-pk")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    shown = [one.pk for one in page]
    visible = ConcernedCustomer.objects.visible_to(request.user).filter(change__in=shown)  # type: ignore[attr-defined]
    counted = {
        row["change"]: row
        for row in visible.order_by()
        .values("change")
        .annotate(n=Count("pk"), waiting=Count("pk", filter=Q(pk__in=visible.waiting().values("pk"))))
    }
    context = {
        "page": page,
        "rows": [(one, counted.get(one.pk, {"n": 0, "waiting": 0})) for one in page],
        "may_plan": request.user.role in PLANS,
    }
    return render(request, "retention/changes/list.html", context)


@require_safe
@allow(*SEES_CUSTOMERS)
def change_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show whom a draft would concern, or how far those concerned were followed."""
    return _page(request, _one(pk))


def _page(
    request: HttpRequest,
    change: BusinessChange,
    *,
    step: tuple[int, StepForm] | None = None,
    close_form: CloseChangeForm | None = None,
) -> HttpResponse:
    at = clock.now()
    context: dict[str, Any] = {
        "change": change,
        "products": [one.product for one in change.about.select_related("product").order_by("pk")],
        "explanation": change.said("explanation", request.LANGUAGE_CODE),
        "questions": change.said("questions", request.LANGUAGE_CODE),
        "offer": change.said("offer", request.LANGUAGE_CODE),
        "currency": company.current().base_currency,
        "may_plan": request.user.role in PLANS,
        "may_announce": request.user.role in ANNOUNCES,
        "may_work": request.user.role in WORKERS,
        "close_form": close_form or CloseChangeForm(),
        "rule": WarningRule.objects.filter(code=READY_RULE).first(),
        "is_withdrawing": change.kind == change.Kind.WITHDRAWN
        and company.today(at).number < change.effect_day,
        "now": at,
    }
    context |= (
        _impact(request, change) if change.announced_at is None else _following(request, change, step=step)
    )
    status = 422 if step is not None or (close_form is not None and close_form.errors) else 200
    return render(request, "retention/changes/change.html", context, status=status)


def _impact(request: HttpRequest, change: BusinessChange) -> dict[str, Any]:
    """Return what a draft would do, to those whom this person may see."""
    try:
        found = changes.impact(change, user=request.user, at=clock.now())
        rows, newer, older = _paged(request, drafted(request, change))
    except Refused as refusal:
        return {"problem": str(refusal)}
    return {"impact": found, "rows": rows, "newer": newer, "older": older}


def _following(
    request: HttpRequest, change: BusinessChange, *, step: tuple[int, StepForm] | None
) -> dict[str, Any]:
    """Return how far those whom this person may see were followed."""
    mine = change.concerned.visible_to(request.user)  # type: ignore[attr-defined]
    rows, newer, older = _paged(request, followed(request, change))
    told: dict[int, list[ConcernedStep]] = {}
    for one in ConcernedStep.objects.filter(row__in=rows).select_related("by").order_by("at", "pk"):
        told.setdefault(one.row_id, []).append(one)
    progress = mine.aggregate(total=Count("pk"), handled=Count("pk", filter=Q(handled_at__isnull=False)))
    is_open = change.state in BusinessChange.OPEN
    found = {
        "views": state_views(request, changes.counts(mine), waiting=mine.waiting().count()),
        "lines": [(row, told.get(row.pk, []), steps_from(row), _bound(row, step)) for row in rows],
        "newer": newer,
        "older": older,
        "progress": progress,
        "is_open": is_open,
        "using": mine.filter(customer__measures__withdrawn_products_365d__gte=1).count(),
    }
    if change.is_crisis:
        found |= tags_of(change, user=request.user)
    if request.user.role in SEES_EFFECT:
        found["effect"] = changes.effect_of(change, at=clock.now())
        found["effect_lines"] = effect_lines(found["effect"])
    return found


def _bound(row: ConcernedCustomer, step: tuple[int, StepForm] | None) -> StepForm | None:
    return step[1] if step is not None and step[0] == row.pk else None


def drafted(request: HttpRequest, change: BusinessChange) -> QuerySet[Customer]:
    """Return the customers whom a draft would concern and this person may see."""
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    open_case = RetentionCase.objects.open().filter(customer=OuterRef("pk"))  # type: ignore[attr-defined]
    who = changes.concerned(change, at=clock.now()).filter(pk__in=visible.values("pk"))
    figures = {"value_tier": F("measures__value_tier"), "margin": F("measures__margin_365d")}
    return who.select_related("owner").annotate(has_case=Exists(open_case), **figures)


def followed(request: HttpRequest, change: BusinessChange) -> QuerySet[ConcernedCustomer]:
    """Return the rows that the address asks for and this person may see."""
    mine = change.concerned.visible_to(request.user)  # type: ignore[attr-defined]
    state = request.GET.get("state", "")
    if state == "waiting":
        mine = mine.waiting()
    elif state in ConcernedCustomer.State.values:
        mine = mine.filter(state=state)
    return mine.select_related("customer__owner", "message", "case")


def _paged(request: HttpRequest, rows: QuerySet[Any]) -> tuple[list[Any], str | None, str | None]:
    """Return a page of rows by their number, and the addresses of the first and the next one."""
    after = whole(request.GET.get("after"))
    query = request.GET.copy()
    query.pop("after", None)
    first = "?" + query.urlencode()
    found = list((rows.filter(pk__gt=after) if after is not None else rows).order_by("pk")[: PAGE + 1])
    if len(found) > PAGE:
        query["after"] = str(found[PAGE - 1].pk)
    older = "?" + query.urlencode() if len(found) > PAGE else None
    return found[:PAGE], first if after is not None else None, older


# --- Writing ----------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@allow(*PLANS)
def change_new(request: HttpRequest) -> HttpResponse:
    """Plan a change."""
    form = ChangeForm(
        request.POST or None,
        user=request.user,
        initial={"bought_days": 365, "calls_top_tier": True, "scope": BusinessChange.Scope.PRODUCTS},
    )
    return _planned(request, form, None, lambda plan, at: changes.plan_change(plan, by=request.user, at=at))


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*PLANS)
def change_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a draft anew."""
    change = _one(pk)
    form = ChangeForm(request.POST or None, user=request.user, initial=initial_of(plan_of(change)))
    return _planned(
        request,
        form,
        change,
        lambda plan, at: changes.revise_change(change, plan, by=request.user, at=at),
    )


def _planned(
    request: HttpRequest, form: ChangeForm, change: BusinessChange | None, verb: Callable[..., BusinessChange]
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            saved = verb(form.plan(), clock.now())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("“%(change)s” is saved. Nobody was told yet.") % {"change": saved})
            return redirect("retention:change", pk=saved.pk)
    context = {"form": form, "change": change}
    return render(request, "retention/changes/form.html", context, status=422 if form.errors else 200)


@require_POST
@allow(*ANNOUNCES)
def change_announce(request: HttpRequest, pk: int) -> HttpResponse:
    """Announce a draft to everybody whom it concerns."""
    change = _one(pk)
    try:
        changes.announce(change, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Announced. Notices leave from the notice day on."))
    return redirect("retention:change", pk=pk)


@require_POST
@allow(*ANNOUNCES)
def change_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a change, or give a draft up."""
    change, form = _one(pk), CloseChangeForm(request.POST)
    if form.is_valid():
        try:
            changes.close_change(change, **form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("reason", str(refusal))
        else:
            messages.success(request, _("The change is closed."))
            return redirect("retention:change", pk=pk)
    return _page(request, change, close_form=form)


@require_POST
@allow(*WORKERS)
def change_follow(request: HttpRequest, pk: int, row: int) -> HttpResponse:
    """Say how far one customer came."""
    change = _one(pk)
    mine = change.concerned.visible_to(request.user)  # type: ignore[attr-defined]
    found = get_object_or_404(mine.select_related("change"), pk=row)
    form = StepForm(request.POST, auto_id=f"step-{row}-%s")
    if form.is_valid():
        try:
            changes.set_state(found, **form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("note", str(refusal))
        else:
            messages.success(request, _("Noted for %(customer)s.") % {"customer": found.customer})
            query = request.GET.urlencode()
            back = redirect("retention:change", pk=pk)
            back["Location"] += f"?{query}" if query else ""
            return back
    return _page(request, change, step=(row, form))


def _one(pk: int) -> BusinessChange:
    rows = BusinessChange.objects.select_related(
        "segment", "substitute", "made_by", "announced_by", "closed_by"
    )
    found = rows.filter(pk=pk).first() if whole(str(pk)) is not None else None
    if found is None:
        raise Http404
    return found
