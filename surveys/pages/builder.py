"""Writing a survey: one form for all of it, changed by buttons, saved by another, seen beside it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from surveys import building
from surveys.definition import DefinitionRefused, Json, problems, read
from surveys.models import Survey
from surveys.pages import drafting
from surveys.pages.drafted import Drafted
from surveys.pages.preview import preview_of
from surveys.pages.roles import BUILDS_SURVEYS
from surveys.pages.surveys import survey_of


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*BUILDS_SURVEYS)
def survey_edit(request: HttpRequest, code: str) -> HttpResponse:
    """Write what a survey asks; a press of a button of the form changes the form only."""
    survey = survey_of(request, code)
    if survey.status == Survey.Status.CLOSED:
        messages.error(request, str(building.SurveyClosed()))
        return redirect("surveys:survey", survey.code)
    if request.method != "POST":
        return _form(request, survey, building.document_of(survey), survey.revision)
    document, revision = drafting.read(request.POST), whole(request.POST.get("revision")) or 0
    pressed = request.POST.get("act", "")
    if pressed and pressed != "save":
        return _form(request, survey, document, revision, focus=_acted(document, pressed, request.POST))
    try:
        building.save_draft(
            survey,
            document=document,
            revision=revision,
            name_en=request.POST.get("name_en", "")[:120] or None,
            name_zh=request.POST.get("name_zh", "")[:120] or None,
            by=request.user,
            at=clock.now(),
        )
    except Refused as refusal:
        return _form(request, survey, document, revision, error=str(refusal))
    messages.success(request, _("The draft is saved."))
    return redirect("surveys:survey", survey.code)


@require_POST
@allow(*BUILDS_SURVEYS)
def survey_preview(request: HttpRequest, code: str) -> HttpResponse:
    """Draw the preview of what stands in the form; writes nothing."""
    survey_of(request, code)
    context = _preview(drafting.read(request.POST), request.POST.get("preview", ""))
    return render(request, "surveys/builder_preview.html", context)


def _acted(document: Json, pressed: str, data: QueryDict) -> str:
    """Do what the button asks; return where the focus goes."""
    name, _colon, place = pressed.partition(":")
    if name == "add":
        page = whole(place)
        return drafting.add(document, page, data.get(f"p{page}.new", "")) if page is not None else ""
    if name == "language":
        return drafting.act(document, f"language:{data.get('new_language', '')}")
    return drafting.act(document, pressed)


def _form(
    request: HttpRequest, survey: Survey, document: Json, revision: int, *, focus: str = "", error: str = ""
) -> HttpResponse:
    sent = request.POST
    context: dict[str, Any] = {
        "survey": survey,
        "name_en": sent.get("name_en", survey.name_en),
        "name_zh": sent.get("name_zh", survey.name_zh),
        "revision": revision,
        "error": error,
        **_preview(document, sent.get("preview", "")),
    }
    found = problems(context["definition"]) if context["definition"] is not None else []
    try:
        context["drafted"] = Drafted(document, found, focus=focus)
    except ValueError:  # a kind of question that no button offers
        context["drafted"] = Drafted(building.document_of(survey))
    status = 422 if error else 200
    part = "builder" if request.htmx else "survey_edit"  # type: ignore[attr-defined]
    return render(request, f"surveys/{part}.html", context, status=status)


def _preview(document: Json, language: str) -> dict[str, Any]:
    """Return the preview of a document, or why there is none."""
    try:
        definition = read(document)
    except DefinitionRefused as refusal:
        return {"definition": None, "preview": "", "refused": str(refusal), "preview_language": ""}
    shown = language if language in definition.languages else definition.languages[0]
    return {
        "definition": definition,
        "preview": preview_of(definition, shown),
        "refused": "",
        "preview_language": shown,
    }
