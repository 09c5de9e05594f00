"""The programme: made in one form, changed in sections, started, paused and resumed; its versions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import company
from customers.access import allow
from customers.ground import clock
from customers.ground.localtime import day_of
from loyalty import programmes
from loyalty.models import Programme
from loyalty.pages.fields import free_code
from loyalty.pages.frame import act_on, running, show, told
from loyalty.pages.programme_forms import (
    SECTIONS,
    NewForm,
    SettingsForm,
    StartForm,
    StepForm,
    differences,
    shown,
)
from loyalty.pages.roles import SEES_LOYALTY, SETS_UP

VERSIONS = 20
_BEFORE = {"start": Programme.State.DRAFT, "pause": Programme.State.LIVE, "resume": Programme.State.PAUSED}


@require_safe
@allow(*SEES_LOYALTY)
def programme_page(request: HttpRequest) -> HttpResponse:
    """Show the programme's settings and versions; without one, the form that makes it."""
    found = running()
    return _page(request, found) if found is not None else _new(request)


@require_POST
@allow(*SETS_UP)
def programme_new(request: HttpRequest) -> HttpResponse:
    """Make the programme, as a draft."""
    found = running()
    if found is not None:
        return redirect("loyalty:programme")
    form = NewForm(request.POST, currency=company.current().base_currency)

    def make(data: dict[str, Any]) -> Programme:
        rules = data.pop("with_ready_rules")
        code = free_code(data["name"], Programme.objects.values_list("code", flat=True), stem="loyalty")
        named = {"name": data.pop("name"), "name_alt": data.pop("name_alt")}
        return programmes.create_programme(
            code,
            **named,
            settings=data,
            with_ready_rules=rules,
            by=request.user,  # type: ignore[arg-type]
            at=clock.now(),
        )

    done = _("The programme stands as a draft. Look at its rules, then start it.")
    if act_on(request, form, make, done=done):
        return redirect("loyalty:programme")
    return _new(request, form, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*SETS_UP)
def programme_edit(request: HttpRequest) -> HttpResponse:
    """Change the settings as the next version."""
    found = running()
    if found is None:
        return redirect("loyalty:programme")
    form = SettingsForm(request.POST or None, programme=found, initial=SettingsForm.initial_of(found))

    def change(data: dict[str, Any]) -> Programme:
        return programmes.change_programme(
            found,
            values=form.values(),
            reason=data["reason"],
            version=data["version"],
            by=request.user,  # type: ignore[arg-type]
            at=clock.now(),
        )

    if request.method == "POST" and act_on(request, form, change, done=_("The programme is saved.")):
        return redirect("loyalty:programme")
    status = 422 if form.errors else 200
    return show(request, "programme_form.html", "programme", {"form": form}, programme=found, status=status)


@require_POST
@allow(*SETS_UP)
def programme_act(request: HttpRequest, act: str) -> HttpResponse:
    """Start, pause or resume the programme."""
    found = running()
    if found is None or act not in _BEFORE:
        raise Http404
    who: dict[str, Any] = {"by": request.user, "at": clock.now()}
    form: forms.Form
    if act == "start":
        form = StartForm(request.POST)
        done = act_on(
            request,
            form,
            lambda data: programmes.start_programme(
                found, starts_on=day_of(data["starts_on"]) if data["starts_on"] else None, **who
            ),
            done=_("The programme runs."),
        )
    else:
        form = StepForm(request.POST)
        verb = programmes.pause_programme if act == "pause" else programmes.resume_programme
        said = (
            _("Paused: nothing is earned. What was earned can be used.")
            if act == "pause"
            else _("It runs again.")
        )
        done = act_on(request, form, lambda data: verb(found, reason=data["reason"], **who), done=said)
    if done:
        return redirect("loyalty:programme")
    found.refresh_from_db()
    if found.state != _BEFORE[act]:  # somebody took the step meanwhile: its sheet is not shown any more
        messages.error(request, told(form))
        return redirect("loyalty:programme")
    return _page(request, found, status=422, **{f"{act}_form": form})


def _new(request: HttpRequest, form: NewForm | None = None, *, status: int = 200) -> HttpResponse:
    fresh = NewForm(currency=company.current().base_currency, initial=NewForm.proposal())
    context = {"form": form or fresh}
    return show(request, "programme_new.html", "programme", context, programme=None, status=status)


def _page(request: HttpRequest, found: Programme, *, status: int = 200, **given: forms.Form) -> HttpResponse:
    rows = list(found.versions.select_related("by").order_by("-number")[: VERSIONS + 1])
    documents = [*(row.document for row in rows), None]
    changed = [differences(before, after, found.currency) for after, before in pairwise(documents)]
    context: dict[str, Any] = {
        "sections": [
            (
                title,
                hint,
                [
                    (
                        Programme._meta.get_field(name).verbose_name,
                        shown(name, getattr(found, name), found.currency),
                    )  # type: ignore[union-attr]
                    for name in names
                ],
            )
            for title, hint, names in SECTIONS
        ],
        "versions": list(zip(rows, changed, strict=True))[:VERSIONS],
        "start_form": StartForm(),
        "pause_form": StepForm(auto_id="pause_%s"),
        "resume_form": StepForm(auto_id="resume_%s"),
        "open_sheet": next(iter(given), ""),
        **given,
    }
    return show(request, "programme.html", "programme", context, programme=found, status=status)
