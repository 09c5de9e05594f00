"""Surveys: their list, a new one, one with its versions, and the acts of its life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from surveys import building, ready, surveyjs
from surveys.definition import LANGUAGES, Json, problems
from surveys.models import Survey
from surveys.pages.preview import preview_of
from surveys.pages.roles import BUILDS_SURVEYS, SEES_DISTRIBUTIONS, SEES_SURVEYS

PAGE = 50
RESERVED = {"new", "import"}
EMPTY: Json = {"format": 1, "languages": ["en", "zh-hans"], "title": {}, "pages": [{"questions": []}]}


class NamesForm(forms.Form):
    """What a survey is called among colleagues."""

    name_en = forms.CharField(label=gettext_lazy("English name"), max_length=120)
    name_zh = forms.CharField(label=gettext_lazy("Chinese name"), max_length=120)
    code = forms.SlugField(
        label=gettext_lazy("Code"),
        max_length=64,
        required=False,
        help_text=gettext_lazy("Letters without accents, digits, - and _. It stays for good."),
    )

    def clean_code(self) -> str:
        """Refuse the names that are addresses of their own."""
        code: str = self.cleaned_data["code"].lower()
        if code in RESERVED:
            raise forms.ValidationError(_("Choose another code."))
        return code

    def values(self) -> dict[str, Any]:
        """Return names and code; a code that was left out follows from the name."""
        data = dict(self.cleaned_data)
        wanted = data.pop("code") or slugify(data["name_en"])[:56]
        return {**data, "code": _free(wanted if wanted not in RESERVED else "survey")}


class NewForm(NamesForm):
    """A new survey, from a ready one or from nothing."""

    begin = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    occasion = forms.ChoiceField(
        label=pgettext_lazy("of a survey", "Occasion"),
        choices=[("", gettext_lazy("that of what it begins with")), *Survey.Occasion.choices],
        required=False,
    )
    field_order = ["begin", "occasion", "name_en", "name_zh", "code"]

    def values(self) -> dict[str, Any]:
        """Return what the verb wants to know."""
        values = super().values()
        begin = ready.find(values.pop("begin"))
        occasion = values.pop("occasion") or (begin.occasion if begin else Survey.Occasion.OTHER)
        return {**values, "occasion": occasion, "document": begin.document if begin else EMPTY}


def _free(wanted: str) -> str:
    """Return the code, or it with the next number when it followed from a name that others have, too."""
    base = wanted or "survey"
    taken = set(Survey.objects.filter(code__startswith=base).values_list("code", flat=True))
    return (
        base if base not in taken else next(c for n in range(2, 10_000) if (c := f"{base}-{n}") not in taken)
    )


@require_safe
@allow(*SEES_SURVEYS)
def survey_list(request: HttpRequest) -> HttpResponse:
    """List the surveys, closed ones last."""
    found = Survey.objects.visible_to(request.user)  # type: ignore[attr-defined]
    rows = found.order_by("closed_at", "code").defer("draft")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "may_build": _may_build(request), "ready": ready.offered()}
    return render(request, "surveys/survey_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*BUILDS_SURVEYS)
def survey_new(request: HttpRequest) -> HttpResponse:
    """Make a survey as a draft, from a ready one or from nothing."""
    chosen = ready.find(request.GET.get("ready", ""))
    initial = {"begin": chosen.code, "name_en": chosen.name_en, "name_zh": chosen.name_zh} if chosen else {}
    form = NewForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            survey = building.create_survey(**form.values(), by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("code", str(refusal))
        else:
            return redirect("surveys:survey_edit", survey.code)
    status = 422 if form.is_bound else 200
    begin = ready.find(str(form["begin"].value() or ""))
    context = {"form": form, "ready": ready.offered(), "begin": begin}
    return render(request, "surveys/survey_new.html", context, status=status)


@require_safe
@allow(*SEES_SURVEYS)
def survey_page(request: HttpRequest, code: str) -> HttpResponse:
    """Show one survey: where it stands, what it asks, its versions."""
    return _page(request, survey_of(request, code))


@require_POST
@allow(*BUILDS_SURVEYS)
def survey_publish(request: HttpRequest, code: str) -> HttpResponse:
    """Let customers answer the draft."""
    said = _("“%(survey)s” is live: what you wrote is asked from now on.")
    return _do(request, code, lambda survey, who: building.publish(survey, **who), said)


@require_POST
@allow(*BUILDS_SURVEYS)
def survey_close(request: HttpRequest, code: str) -> HttpResponse:
    """Let nobody answer any more."""
    said = _("“%(survey)s” is closed: its links answer nobody any more.")
    return _do(request, code, lambda survey, who: building.close_survey(survey, **who), said)


@require_POST
@allow(*BUILDS_SURVEYS)
def survey_discard(request: HttpRequest, code: str) -> HttpResponse:
    """Throw away what was written since the survey was published."""
    said = _("The changes to “%(survey)s” are gone; what is live stays.")
    return _do(request, code, lambda survey, who: building.discard_draft(survey, **who), said)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*BUILDS_SURVEYS)
def survey_copy(request: HttpRequest, code: str) -> HttpResponse:
    """Make a draft that asks the same."""
    survey = survey_of(request, code)
    form = NamesForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = building.copy_survey(survey, **form.values(), by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("code", str(refusal))
        else:
            return redirect("surveys:survey_edit", made.code)
    context = {"form": form, "survey": survey}
    return render(request, "surveys/survey_copy.html", context, status=422 if form.is_bound else 200)


def survey_of(request: HttpRequest, code: str) -> Survey:
    """Return the survey in an address, or 404."""
    found = Survey.objects.visible_to(request.user)  # type: ignore[attr-defined]
    survey: Survey = get_object_or_404(found, code=code)
    return survey


def _do(
    request: HttpRequest, code: str, act: Callable[[Survey, dict[str, Any]], Any], said: str
) -> HttpResponse:
    survey = survey_of(request, code)
    try:
        act(survey, {"by": request.user, "at": clock.now()})
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, said % {"survey": survey})
    return redirect("surveys:survey", survey.code)


def _may_build(request: HttpRequest) -> bool:
    return request.user.role in BUILDS_SURVEYS


def _page(request: HttpRequest, survey: Survey) -> HttpResponse:
    definition = building.definition_of(survey)
    wanted = request.GET.get("language", "")
    language = wanted if wanted in definition.languages else definition.languages[0]
    context = {
        "survey": survey,
        "versions": survey.versions.select_related("by").order_by("-number").defer("document")[:20],
        "problems": problems(definition),
        "languages": [(code, LANGUAGES[code], code == language) for code in definition.languages],
        "preview": preview_of(definition, language),
        "questions": sum(1 for _question in definition.questions()),
        "unsaid": surveyjs.give(definition).reports,
        "may_build": _may_build(request),
        "may_distribute": request.user.role in SEES_DISTRIBUTIONS,
    }
    return render(request, "surveys/survey.html", context)
