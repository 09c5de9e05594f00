"""The case: why this customer, what happened, what to do now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from customers import company
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.marks import moment_name
from customers.ground.numbers import whole
from customers.models import User
from retention import calls, cases
from retention.cases import queue
from retention.models import FollowUpCall, LoopClosure, RetentionCase
from retention.pages.about import about
from retention.pages.change_shown import told_of
from retention.pages.contract_forms import act_forms
from retention.pages.forms import (
    WORKERS,
    AssignForm,
    CallForm,
    CloseForm,
    DiagnosisForm,
    DismissForm,
    PlanForm,
    PointsForm,
)
from retention.pages.loops import card_of
from retention.timeline import told

SEES_CASES = ("account_manager", "team_lead", "admin", "analyst")
Outcome = FollowUpCall.Outcome


@dataclass(frozen=True)
class OutcomeButton:
    """One outcome of a call: its key, its name, and what pressing it will do."""

    key: int
    value: str
    label: str
    effect: str


@require_safe
@allow(*SEES_CASES)
def case_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one case."""
    return _page(request, _case_of(request, pk))


@require_POST
@allow(*WORKERS)
def case_call(request: HttpRequest, pk: int) -> HttpResponse:
    """Log what came of a call; the next one is planned by the cadence."""
    case, form, at = case_to_work_on(request, pk), CallForm(request.POST), clock.now()
    outcome = request.POST.get("outcome", "")
    if outcome not in Outcome.values:
        form.add_error(None, _("Say what came of the call: press one of the six buttons."))
    if form.is_valid():
        said = {**form.cleaned_data, "outcome": outcome, "by": request.user, "at": at}
        try:
            planned = FollowUpCall.objects.filter(case=case, pk=whole(request.POST.get("call"))).first()
            logged = calls.log_call(planned, **said) if planned else calls.log_unplanned(case, **said)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _said(logged, at=at))
            return _onward(request, case)
    return _refused(request, case, "call_form", form)


@require_POST
@allow(*WORKERS)
def case_plan(request: HttpRequest, pk: int) -> HttpResponse:
    """Plan the next call, or move it."""
    case, form = case_to_work_on(request, pk), PlanForm(request.POST)
    return act_on_case(
        request,
        case,
        "plan_form",
        form,
        lambda values, at: calls.plan_call(case, **values, by=request.user, at=at),
        done=_("The call is planned."),
    )


@require_POST
@allow(*WORKERS)
def case_diagnose(request: HttpRequest, pk: int) -> HttpResponse:
    """Enter why the customer is leaving."""
    case = case_to_work_on(request, pk)
    form = DiagnosisForm(request.POST, case=case)
    return act_on_case(
        request,
        case,
        "diagnosis_form",
        form,
        lambda values, at: cases.diagnose(case, **values, by=request.user, at=at),
        done=_("The diagnosis is saved."),
    )


@require_POST
@allow(*WORKERS)
def case_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Close the case with its outcome."""
    case, form = case_to_work_on(request, pk), CloseForm(request.POST)
    return act_on_case(
        request,
        case,
        "close_form",
        form,
        lambda values, at: cases.close_case(case, **values, by=request.user, at=at),
        done=_("The case is closed."),
    )


@require_POST
@allow(*WORKERS)
def case_dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that a warning of the case is no sign."""
    case, form = case_to_work_on(request, pk), DismissForm(request.POST)
    warning = get_object_or_404(case.warnings, pk=whole(request.POST.get("warning")) or 0)
    if not form.is_valid():
        messages.error(request, _("Choose why it is no sign."))
        return _onward(request, case)
    try:
        cases.dismiss(warning, **form.cleaned_data, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Noted: the warning was no sign."))
    return _onward(request, case)


@require_POST
@allow("team_lead", "admin")
def case_assign(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the case to a colleague."""
    case, form = case_to_work_on(request, pk), AssignForm(request.POST, user=request.user)
    return act_on_case(
        request,
        case,
        "assign_form",
        form,
        lambda values, at: cases.assign(case, to=values["to"], by=request.user, at=at),
        done=_("The case has a new holder."),
    )


@require_POST
@allow(*WORKERS)
def case_take(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a case that nobody holds."""
    case = case_to_work_on(request, pk)
    try:
        cases.take(case, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    return _onward(request, case)


def next_case(case: RetentionCase, *, user: User, at: datetime) -> RetentionCase | None:
    """Return the case behind this one in the user's queue; the first one when this is the last."""
    waiting = queue.queue(user).exclude(pk=case.pk)
    place = queue.place_of(case, at=at) if case.is_open else None
    return queue.next_behind(waiting, at=at, after=place)


def outcome_buttons(case: RetentionCase, call: FollowUpCall | None, *, at: datetime) -> list[OutcomeButton]:
    """Return the six outcomes, each saying beforehand what will happen."""
    attempt = call.attempt if call else 1
    again = calls.next_attempt(at, attempt=attempt, calendar=company.working_calendar())
    retry = (
        _("next attempt %(when)s") % {"when": moment_name(again, at=at)} if again else _("no further attempt")
    )
    effects = {
        Outcome.REACHED: _("no next call, unless you say when"),
        Outcome.NO_ANSWER: retry,
        Outcome.LEFT_MESSAGE: retry,
        Outcome.CALL_LATER: _("at the moment you enter"),
        Outcome.WRONG_NUMBER: _("no next call; the number needs mending"),
        Outcome.DO_NOT_CALL: _("no calls any more"),
    }
    return [
        OutcomeButton(key, outcome.value, str(outcome.label), effects[outcome])
        for key, outcome in enumerate(Outcome, start=1)
    ]


def _page(request: HttpRequest, case: RetentionCase, **bound: forms.Form) -> HttpResponse:
    at, firm = clock.now(), company.current()
    found = about(case, user=request.user)
    following = next_case(case, user=request.user, at=at)
    may_work = case.is_open and request.user.role in WORKERS
    may_assign = case.is_open and cases.may_assign(request.user)
    call = found.call
    room = cases.room_for(case, at=at) if may_work else None
    context: dict[str, Any] = {
        "case": case,
        "customer": case.customer,
        # a lead sees a case that nobody could take, though the customer is another team's
        "sees_file": found.sees_file,
        "contact": next(iter(found.contacts), None),
        "contacts": found.contacts,
        "call": call,
        "now": at,
        "currency": firm.base_currency,
        "reasons": found.reasons(currency=firm.base_currency),
        "why_here": queue.why_here(case, at, currency=firm.base_currency) if case.is_open else "",
        "why_assigned": cases.why_assigned(case),
        "hint": found.hint,
        "contracts": [(contract, act_forms(contract)) for contract in found.contracts],
        "changes": [told_of(change, get_language() or "en") for change in found.changes],
        "page": told(case.customer, limit=20),
        "complaints": found.open_complaints,
        "loops": card_of(LoopClosure.objects.visible_to(request.user).filter(case=case)),  # type: ignore[attr-defined]
        "next_case": following,
        "may_work": may_work,
        "may_assign": may_assign,
        "may_take": may_work and case.assignee_id is None and request.user.role != "admin",
        "buttons": outcome_buttons(case, call, at=at) if may_work else [],
        "call_form": CallForm(),
        "plan_form": PlanForm(initial={"due_at": call.due_at if call else None}),
        "close_form": CloseForm(),
        "dismiss_form": DismissForm(),
        "assign_form": AssignForm(user=request.user),
        "diagnosis_form": DiagnosisForm(initial=found.diagnosis, known=found.causes),
        "room": room,
        "points_form": PointsForm(),
        "diagnosis": found.named,
        "stated": found.stated,
        **bound,
    }
    if room is None and "points_form" in bound:  # the programme ended meanwhile, and its form with it
        messages.error(request, " ".join(bound["points_form"].non_field_errors()))
    context["open_sheet"] = next((name for name in bound if name != "call_form"), "")
    return render(request, "retention/case.html", context, status=422 if bound else 200)


def act_on_case(
    request: HttpRequest,
    case: RetentionCase,
    name: str,
    form: forms.Form,
    verb: Any,
    *,
    done: str,
    fields: Mapping[str, str] = MappingProxyType({}),
) -> HttpResponse:
    """Call the verb with what the form holds; come back with its words when it refuses.

    ``fields``: codes of refusals with the field that each is about; others stand above the form.
    """
    if form.is_valid():
        try:
            verb(form.cleaned_data, clock.now())
        except Refused as refusal:
            form.add_error(fields.get(refusal.code), str(refusal))
        else:
            messages.success(request, done)
            return _onward(request, case)
    return _refused(request, case, name, form)


def _refused(request: HttpRequest, case: RetentionCase, name: str, form: forms.Form) -> HttpResponse:
    """Come back to the form with its words; a closed case has no forms, so there they stand on top."""
    if not _is_closed(case):
        return _page(request, case, **{name: form})
    messages.error(request, " ".join(form.non_field_errors()) or str(cases.CaseClosed()))
    return _onward(request, case)


def _onward(request: HttpRequest, case: RetentionCase) -> HttpResponse:
    """Go back to the case, or to the queue when her access ended with it."""
    visible = RetentionCase.objects.visible_to(request.user)  # type: ignore[attr-defined]
    if visible.filter(pk=case.pk).exists():
        return redirect("retention:case", pk=case.pk)
    return redirect("retention:queue")


def _is_closed(case: RetentionCase) -> bool:
    return not RetentionCase.objects.filter(pk=case.pk).open().exists()  # type: ignore[attr-defined]


def _case_of(request: HttpRequest, pk: int) -> RetentionCase:
    visible = RetentionCase.objects.visible_to(request.user)  # type: ignore[attr-defined]
    return get_object_or_404(visible.select_related("customer__owner", "assignee", "closed_by"), pk=pk)


def case_to_work_on(request: HttpRequest, pk: int) -> RetentionCase:
    """As :func:`_case_of`; what she held until it closed is found too, so that its verbs can say so."""
    visible = RetentionCase.objects.visible_to(request.user)  # type: ignore[attr-defined]
    found = RetentionCase.objects.filter(Q(pk__in=visible.values("pk")) | Q(assignee=request.user))
    return get_object_or_404(found.select_related("customer__owner", "assignee", "closed_by"), pk=pk)


def _said(logged: calls.Logged, *, at: datetime) -> str:
    outcome = logged.call.get_outcome_display()
    if logged.next_call is None:
        return _("Logged: %(outcome)s. No further call is planned.") % {"outcome": outcome}
    when = moment_name(logged.next_call.due_at, at=at)
    return _("Logged: %(outcome)s. Next call by %(when)s.") % {"outcome": outcome, "when": when}
