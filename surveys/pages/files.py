"""Surveys as files: taken from SurveyJS or from another Liuke, and given out as either."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from surveys import building, surveyjs
from surveys.definition import Json
from surveys.models import Survey
from surveys.pages.roles import BUILDS_SURVEYS, SEES_SURVEYS
from surveys.pages.surveys import NamesForm, survey_of


class TakeForm(NamesForm):
    """A file, and what the survey is called here."""

    occasion = forms.ChoiceField(
        label=pgettext_lazy("of a survey", "Occasion"), choices=Survey.Occasion.choices, initial="other"
    )
    file = forms.FileField(
        label=pgettext_lazy("to upload", "File"),
        help_text=gettext_lazy("JSON of SurveyJS, or of Liuke; at most 1 MB."),
    )
    field_order = ["file", "occasion", "name_en", "name_zh", "code"]

    def clean_file(self) -> Json:
        """Return the JSON that the file holds."""
        upload = self.cleaned_data["file"]
        if upload.size > surveyjs.MOST_BYTES:
            raise forms.ValidationError(_("The file is too large."))
        try:
            return json.loads(upload.read().decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(_("The file is no JSON in UTF-8.")) from error


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*BUILDS_SURVEYS)
def survey_take(request: HttpRequest) -> HttpResponse:
    """Make a draft of a file, and say of each thing in it that is not as it stood there."""
    form = TakeForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        values: dict[str, Any] = form.values()
        document, reports = values.pop("file"), []
        try:
            if not (isinstance(document, dict) and "format" in document):
                taken = surveyjs.take(document)
                document, reports = taken.document, taken.reports
            survey = building.create_survey(**values, document=document, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("file", str(refusal))
        else:
            return render(request, "surveys/survey_taken.html", {"survey": survey, "reports": reports})
    status = 422 if form.errors else 200
    return render(request, "surveys/survey_take.html", {"form": form}, status=status)


@require_safe
@allow(*SEES_SURVEYS)
def survey_export(request: HttpRequest, code: str) -> HttpResponse:
    """Give a survey as a file of ours, or with ``?as=surveyjs`` of SurveyJS."""
    survey = survey_of(request, code)
    document, name = building.document_of(survey), survey.code
    if request.GET.get("as") == "surveyjs":
        document = surveyjs.give(building.definition_of(survey)).document
        name = f"{name}.surveyjs"
    text = json.dumps(document, ensure_ascii=False, indent=2)
    answer = HttpResponse(text, content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return answer
