"""One improvement: what it is, what it moved, what it answers, who is told; and the acts on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import company
from customers.access import allow
from customers.channels import senders
from customers.contact import foreseeing
from customers.ground import clock, localtime
from customers.ground.errors import Refused
from customers.models import Customer
from customers.models.people import Role
from retention.improving import attaching, effect, planning, telling
from retention.improving.showing import KINDS, lines_of, moves_of
from retention.models import ImprovementAction, ImprovementNotice
from retention.pages.complaints import complaints_of
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.forms import WORKERS
from retention.pages.improving.forms import MatchForm, PlanForm, ReasonForm, ToldForm, filled

PAGE = 20
LOOK_BACK = timedelta(days=180)
LEADS = (Role.TEAM_LEAD, Role.ADMIN)
State = ImprovementAction.State


def one_of(request: HttpRequest, pk: int) -> ImprovementAction:
    """Return an improvement that one may see, or answer 404."""
    rows = ImprovementAction.objects.visible_to(request.user)  # type: ignore[attr-defined]
    found: ImprovementAction = get_object_or_404(rows.select_related("owner", "product", "survey"), pk=pk)
    return found


def _mine(request: HttpRequest, pk: int) -> ImprovementAction:
    """Return an improvement that one may change, or answer 404 or 403."""
    action = one_of(request, pk)
    if not planning.may_change(request.user, action):  # type: ignore[arg-type]
        raise PermissionDenied
    return action


# --- Reading ----------------------------------------------------------------------------------
@require_safe
@allow(*SEES_CUSTOMERS)
def improvement_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one improvement."""
    return _page(request, one_of(request, pk))


def _page(
    request: HttpRequest, action: ImprovementAction, *, status: int = 200, **forms: Any
) -> HttpResponse:
    at = clock.now()
    seen = action.feedback.visible_to(request.user)  # type: ignore[attr-defined]
    rows = seen.select_related("complaint__customer", "loop__customer", "loop__response", "loop__unknown")
    told = effect.effect_of(action, at=at)
    today = localtime.day_of(company.today(at).number)
    context = {
        "action": action,
        "causes": action.causes.all(),
        "moves": moves_of(action),
        "page": Paginator(rows.order_by("-pk"), PAGE).get_page(request.GET.get("page")),
        "said": action.feedback.count(),
        "effect": told,
        "effect_kind": KINDS[told.kind] if told is not None else "",
        "effect_lines": zip((_("Before"), _("After"), _("Difference")), lines_of(told), strict=True)
        if told is not None
        else (),
        "fewest": effect.FEWEST,
        "may_change": planning.may_change(request.user, action),  # type: ignore[arg-type]
        "may_match": bool(action.product_id) or action.causes.exists(),
        "told_form": ToldForm(initial={"told_en": action.told_en, "told_zh": action.told_zh}),
        "reason_form": ReasonForm(),
        "match_form": MatchForm(initial={"since": today - LOOK_BACK}, auto_id="match_%s"),
        "currency": company.current().base_currency,
        "is_late": action.is_open and action.due_on < today,
        "now": at,
    } | forms
    return render(request, "retention/improving/one.html", context, status=status)


@require_safe
@allow(*SEES_CUSTOMERS)
def improvement_people(request: HttpRequest, pk: int) -> HttpResponse:
    """Show who would be told, or was, by which way, or why not: as far as one may see them."""
    action, at = one_of(request, pk), clock.now()
    everybody = telling.people(action)
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    page = Paginator(everybody.filter(customer__in=visible.order_by().values("pk")), PAGE).get_page(
        request.GET.get("page")
    )
    became = ImprovementNotice.objects.filter(action=action)
    context = {
        "action": action,
        "page": page,
        "rows": telling.recipients(action, list(page), at=at),
        "all": everybody.count(),
        "written": became.filter(state=ImprovementNotice.State.WRITTEN).count(),
        "waiting": became.filter(state=ImprovementNotice.State.WAITING).count(),
        "has_sender": bool(senders.channels_in_use() & set(foreseeing.WRITTEN)),
        "has_words": bool(action.told_en or action.told_zh),
        "may_tell": request.user.role in LEADS and action.state == State.DONE,  # type: ignore[union-attr]
        "now": at,
    }
    return render(request, "retention/improving/people.html", context)


# --- Acts -------------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WORKERS)
def improvement_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Plan an open improvement anew."""
    action = _mine(request, pk)
    form = PlanForm(request.POST or None, initial=filled(action))
    if request.method == "POST" and form.is_valid():
        try:
            planning.change_improvement(action, form.plan, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("retention:improvement", action.pk)
    context = {"form": form, "action": action}
    return render(request, "retention/improving/form.html", context, status=422 if form.errors else 200)


@require_POST
@allow(*WORKERS)
def improvement_begin(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin it."""
    return _act(request, _mine(request, pk), planning.begin)


@require_POST
@allow(*WORKERS)
def improvement_finish(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that it is done, and what customers are told of it."""
    return _with_words(request, pk, planning.finish)


@require_POST
@allow(*WORKERS)
def improvement_say(request: HttpRequest, pk: int) -> HttpResponse:
    """Write anew what customers are told of it."""
    return _with_words(request, pk, planning.say)


def _with_words(request: HttpRequest, pk: int, verb: Any) -> HttpResponse:
    action, form = _mine(request, pk), ToldForm(request.POST)
    if not form.is_valid():
        return _page(request, action, told_form=form, status=422)
    return _act(request, action, verb, **form.cleaned_data)


@require_POST
@allow(*WORKERS)
def improvement_drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Give it up."""
    action, form = _mine(request, pk), ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, action, reason_form=form, status=422)
    return _act(request, action, planning.drop, **form.cleaned_data)


@require_POST
@allow(*WORKERS)
def improvement_match(request: HttpRequest, pk: int) -> HttpResponse:
    """Attach what one may see that names the same causes, product and lot."""
    action, form = _mine(request, pk), MatchForm(request.POST, auto_id="match_%s")
    if not form.is_valid():
        return _page(request, action, match_form=form, status=422)
    try:
        new = attaching.attach_matching(
            action,
            among=complaints_of(request.user),  # type: ignore[arg-type]
            since_day=form.cleaned_data["since"],
            by=request.user,  # type: ignore[arg-type]
            at=clock.now(),
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        told = ngettext("%(n)s piece of feedback is new.", "%(n)s pieces of feedback are new.", new)
        messages.success(request, told % {"n": new})
    return redirect("retention:improvement", pk)


@require_POST
@allow(*WORKERS)
def improvement_detach(request: HttpRequest, pk: int, row: int) -> HttpResponse:
    """Take a piece of feedback off."""
    action = _mine(request, pk)
    seen = action.feedback.visible_to(request.user)  # type: ignore[attr-defined]
    try:
        attaching.detach(get_object_or_404(seen, pk=row), by=request.user, at=clock.now())  # type: ignore[arg-type]
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("retention:improvement", pk)


@require_POST
@allow(*LEADS)
def improvement_tell(request: HttpRequest, pk: int) -> HttpResponse:
    """Have everybody told who raised it."""
    action = one_of(request, pk)
    try:
        telling.tell_customers(action, by=request.user, at=clock.now())  # type: ignore[arg-type]
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Those who raised it are told, each as soon as it is allowed."))
    return redirect("retention:improvement_people", pk)


def _act(request: HttpRequest, action: ImprovementAction, verb: Any, **values: Any) -> HttpResponse:
    try:
        verb(action, **values, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("retention:improvement", action.pk)
