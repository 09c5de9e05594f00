"""Interviews: their list, one that is held or read, and what they say together."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import company, competitors, showing
from customers.access import allow
from customers.ground import clock, localtime
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Cause
from surveys.guides.document import Question
from surveys.interviews import counting, holding
from surveys.interviews.said import Held, held_of
from surveys.models import Guide, GuideVersion, Interview
from surveys.pages.interview_form import HeldForm
from surveys.pages.roles import HOLDS_INTERVIEWS, SEES_INTERVIEWS, WRITES_GUIDES

PAGE = 50
QUOTES = 20
PERIODS = (
    (30, gettext_lazy("30 days")),
    (90, gettext_lazy("90 days")),
    (365, gettext_lazy("12 months")),
    (3650, gettext_lazy("ten years")),
)
Status = Interview.Status


class ListForm(forms.Form):
    """Which interviews are listed."""

    guide = forms.ModelChoiceField(
        label=gettext_lazy("Guide"),
        queryset=Guide.objects.all(),
        required=False,
        empty_label=gettext_lazy("all"),
    )
    status = forms.ChoiceField(
        label=gettext_lazy("State"), choices=[("", gettext_lazy("all")), *Status.choices], required=False
    )


class FiguresForm(forms.Form):
    """Which interviews are counted."""

    guide = forms.ModelChoiceField(
        label=gettext_lazy("Guide"), queryset=Guide.objects.all(), required=False, empty_label=None
    )
    version = forms.TypedChoiceField(
        label=gettext_lazy("Version"), coerce=int, empty_value=None, required=False
    )
    days = forms.TypedChoiceField(
        label=pgettext_lazy("of figures", "Period"),
        choices=PERIODS,
        coerce=int,
        empty_value=90,
        required=False,
    )

    def __init__(self, data: Any, *, guide: Guide) -> None:
        super().__init__({"guide": guide.pk, "days": 90, **data.dict()})
        numbers = guide.versions.order_by("-number").values_list("number", flat=True)[:100]
        choices = [("", gettext_lazy("all")), *((str(number), str(number)) for number in numbers)]
        self.fields["version"].choices = choices  # type: ignore[attr-defined]


@require_safe
@allow(*SEES_INTERVIEWS)
def interview_list(request: HttpRequest) -> HttpResponse:
    """List the interviews with customers that one may see, those being held first."""
    form = ListForm(request.GET)
    found = Interview.objects.visible_to(request.user)  # type: ignore[attr-defined]
    if form.is_valid():
        for name in ("guide", "status"):
            if value := form.cleaned_data[name]:
                found = found.filter(**{name: value})
    rows = found.select_related("customer", "contact", "guide", "by", "ended_by").defer("draft")
    context = {
        "page": Paginator(rows.order_by("-id"), PAGE).get_page(request.GET.get("page")),
        "form": form,
        "views": views_of("interview_list"),
        "may_hold": request.user.role in HOLDS_INTERVIEWS,
        "filtered": any(request.GET.get(name) for name in ("guide", "status")),
        "guides": Guide.objects.filter(is_retired=False).exists(),
        "may_write": request.user.role in WRITES_GUIDES,
    }
    return render(request, "surveys/interviews/list.html", context)


@require_safe
@allow(*SEES_INTERVIEWS)
def interview_figures(request: HttpRequest) -> HttpResponse:
    """Show how often each code was given by a guide, and what may be quoted."""
    context: dict[str, Any] = {"views": views_of("interview_figures"), "figures": None}
    guide = _guide(request.GET.get("guide", ""))
    if guide is not None:
        form = FiguresForm(request.GET, guide=guide)
        data = form.cleaned_data if form.is_valid() else {"version": None, "days": 90}
        version = GuideVersion.objects.filter(guide=guide, number=data["version"] or 0).first()
        since, until = _period(data["days"] or 90, at=clock.now())
        asked: dict[str, Any] = {"version": version, "since": since, "until": until}
        quoted = counting.quotes(request.user, guide, **asked)
        context |= {
            "guide": guide,
            "form": form,
            "figures": counting.figures(request.user, guide, **asked),
            "page": Paginator(quoted, QUOTES).get_page(request.GET.get("page")),
        }
        context["quotes"] = _quotes(context["page"])
    return render(request, "surveys/interviews/figures.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*SEES_INTERVIEWS)
def interview(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an interview: the form while it is held, what was said afterwards; finish or correct it."""
    found = _interview(request, pk)
    may_hold = request.user.role in HOLDS_INTERVIEWS and not found.customer.erased_at
    if request.method != "POST":
        wants_form = found.status == Status.OPEN or (found.status == Status.DONE and "correct" in request.GET)
        return (
            _form(request, found, HeldForm(interview=found))
            if may_hold and wants_form
            else _read(request, found)
        )
    if request.user.role not in HOLDS_INTERVIEWS:
        return _read(request, found, status=403)
    form = HeldForm(request.POST, interview=found)
    if not form.is_valid():
        return _form(request, found, form, revision=_revision(request), status=422)
    who: dict[str, Any] = {"revision": _revision(request), "by": request.user, "at": clock.now()}
    page = request.POST.get("page", "")[:32]
    act = request.POST.get("act", "save")
    try:
        if act == "finish":
            holding.finish(found, form.held(), page=page, **who)
            messages.success(request, _("The interview is finished and stands on the timeline."))
        elif act == "correct":
            holding.correct(found, form.held(), **who)
            messages.success(request, _("The correction stands; what stood before is kept."))
        else:
            holding.save(found, form.held(), page=page, **who)
            messages.success(request, _("Saved. You can go on whenever you like."))
    except holding.InterviewChanged as refusal:
        form.add_error(None, str(refusal))
        return _form(
            request, found, form, status=422, changed=True
        )  # with the newest revision: the next press counts
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _form(request, found, form, revision=_revision(request), status=422)
    return redirect("surveys:interview", found.pk)


@require_POST
@allow(*HOLDS_INTERVIEWS)
def interview_keep(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what was typed so far, without a press; answer with when, or why not."""
    found = _interview(request, pk)
    form = HeldForm(request.POST, interview=found)
    context: dict[str, Any] = {"interview": found, "revision": _revision(request)}
    if not form.is_valid():
        context["problem"] = _("Not saved yet: something cannot be read. Press “Save” to see what.")
        return render(request, "surveys/interviews/saved.html", context)
    try:
        holding.save(
            found,
            form.held(),
            revision=context["revision"],
            page=request.POST.get("page", "")[:32],
            by=request.user,
            at=clock.now(),
        )
    except Refused as refusal:
        context["problem"] = str(refusal)
        return render(request, "surveys/interviews/saved.html", context)
    context["revision"] = found.revision
    response = render(request, "surveys/interviews/saved.html", context)
    response["HX-Trigger"] = "kept"
    return response


@require_POST
@allow(*HOLDS_INTERVIEWS)
def interview_drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Note that an interview was not held."""
    found = _interview(request, pk)
    try:
        holding.drop(found, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("surveys:interview", found.pk)
    messages.success(request, _("Noted: this interview was not held."))
    return redirect("surveys:interview_list")


# --- Pieces -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Line:
    """One question of an interview that is read, with what was said."""

    number: int
    question: Question
    codes: list[str]
    note: str
    quote: str


def _interview(request: HttpRequest, pk: int) -> Interview:
    rows = Interview.objects.visible_to(request.user)  # type: ignore[attr-defined]
    related = ("customer", "contact", "guide", "version", "by", "saved_by", "ended_by")
    found: Interview = get_object_or_404(
        rows.select_related(*related, "interaction", "sighting__competitor__merged_into"), pk=pk
    )
    return found


def _form(
    request: HttpRequest,
    found: Interview,
    form: HeldForm,
    *,
    revision: int | None = None,
    status: int = 200,
    changed: bool = False,
) -> HttpResponse:
    context = {
        **_shown(found),
        "form": form,
        "parts": form.parts,
        "revision": found.revision if revision is None else revision,
        "opened": request.POST.get("page", "")[:32] or secrets.token_hex(8),
        "competitor_names": competitors.suggestions(),
        "is_correction": found.status == Status.DONE,
        "changed": changed,
    }
    return render(request, "surveys/interviews/form.html", context, status=status)


def _read(request: HttpRequest, found: Interview, *, status: int = 200) -> HttpResponse:
    held = held_of(found)
    context = {
        **_shown(found),
        "held": held,
        "lines": _lines(found, held),
        "agreed_how": Interview.Agreed(held.agreed_how).label if held.agreed_how else "",
        "may_correct": request.user.role in HOLDS_INTERVIEWS
        and found.status == Status.DONE
        and not found.customer.erased_at,
    }
    return render(request, "surveys/interviews/read.html", context, status=status)


def _lines(found: Interview, held: Held) -> list[Line]:
    document = found.version.definition
    causes = {}
    if document.asks_causes:
        given = {code for one in held.answers.values() for code in one.chosen}
        causes = {cause.code: str(cause) for cause in Cause.objects.filter(code__in=given)}
    lines = []
    for number, question in enumerate(document.questions, start=1):
        said = held.answers.get(question.code)
        labels = causes if question.is_about_causes else {one.code: str(one.text) for one in question.codes}
        codes = [labels.get(code, code) for code in said.chosen] if said else []
        lines.append(Line(number, question, codes, said.note if said else "", said.quote if said else ""))
    return lines


def _shown(found: Interview) -> dict[str, Any]:
    return {"interview": found, "customer_url": showing.to("customer", found.customer_id)}


def _revision(request: HttpRequest) -> int:
    return whole(request.POST.get("revision", "")) or 0


def _guide(pk: str) -> Guide | None:
    """Return the guide that was asked for, else that of the newest interview, else the first."""
    found = Guide.objects.filter(pk=whole(pk) or 0).first()
    if found is None:
        newest = Interview.objects.filter(status=Status.DONE).order_by("-held_at").values("guide")[:1]
        found = Guide.objects.filter(pk__in=list(newest.values_list("guide", flat=True))).first()
    return found or Guide.objects.first()


def _period(days: int, *, at: datetime) -> tuple[datetime, datetime]:
    """Return the first and the end of the last ``days`` local days, today among them."""
    zone, today = company.current().time_zone, company.today(at).number
    return localtime.start_of_day(today - days + 1, zone), localtime.start_of_day(today + 1, zone)


def _quotes(page: Any) -> list[dict[str, Any]]:
    """Return the quotes with the questions that they answer."""
    rows = []
    for answer in page:
        question = answer.interview.version.definition.find(answer.question)
        rows.append({"answer": answer, "question": question.text if question else answer.question})
    return rows


def views_of(here: str) -> list[dict[str, Any]]:
    """Return the tabs of the pages about interviews."""
    labels = {
        "interview_list": _("Interviews"),
        "interview_figures": pgettext("in interviews", "What was said"),
        "guide_list": pgettext("of interviews", "Guides"),
    }
    return [
        {"url": reverse(f"surveys:{name}"), "label": label, "current": name == here}
        for name, label in labels.items()
    ]
