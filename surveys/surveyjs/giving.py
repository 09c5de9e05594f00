"""A survey of ours as a SurveyJS document, with what that has no word for reported."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from surveys.definition import ALARM_AT, CHOOSING, SCALES, Definition, Json, Kind, Question, Text, written
from surveys.surveyjs import expressions
from surveys.surveyjs.taking import Report, Taken

_TYPES = {
    Kind.SINGLE: "radiogroup",
    Kind.MULTIPLE: "checkbox",
    Kind.TEXT: "comment",
    Kind.YES_NO: "boolean",
    Kind.DATE: "text",
}
_LOCALES = {"zh-hans": "zh-cn", "zh-hant": "zh-tw"}


def give(definition: Definition) -> Taken:
    """Return the SurveyJS document of a survey, and all that it does not say."""
    reports: list[Report] = []
    first = definition.languages[0]
    kinds = {one.code: one.kind for one in definition.questions() if one.kind != Kind.CONTACT}
    ours = {one["code"]: one for page in written(definition)["pages"] for one in page["questions"]}
    pages = []
    for number, page in enumerate(definition.pages):
        elements = []
        for place, question in enumerate(page.questions):
            path = f"pages[{number}].questions[{place}]"
            if question.kind == Kind.CONTACT:
                reports.append(Report(path, _("Left out: SurveyJS does not ask for a call.")))
                continue
            elements.append(_element(question, ours[question.code], kinds, first, path, reports))
        title = {"title": _text(page.title, first)} if page.title else {}
        pages.append({"name": f"page{number + 1}", **title, "elements": elements})
    document: Json = {
        "locale": _LOCALES.get(first, first),
        "title": _text(definition.title, first),
        "pages": pages,
    }
    if definition.intro:
        document["description"] = _text(definition.intro, first)
    if "any" in definition.thanks:
        document["completedHtml"] = _text(definition.thanks["any"], first)
    if definition.thanks.keys() - {"any"}:
        reports.append(Report("thanks", _("Left out: thanks that depend on the score.")))
    return Taken(document, reports)


def _element(
    question: Question, ours: Json, kinds: Mapping[str, Kind], first: str, path: str, reports: list[Report]
) -> Json:
    element: Json = {"type": _TYPES.get(question.kind, "rating"), "name": question.code}
    element["title"] = _text(question.text, first)
    if question.help:
        element["description"] = _text(question.help, first)
    if question.required:
        element["isRequired"] = True
    if question.kind == Kind.DATE:
        element["inputType"] = "date"
    if question.kind in CHOOSING:
        element["choices"] = [{"value": one.code, "text": _text(one.text, first)} for one in question.choices]
    if question.kind in SCALES:
        element |= {"rateMin": question.scale.start, "rateMax": question.scale.stop - 1}
        for key, text in zip(("minRateDescription", "maxRateDescription"), question.ends, strict=True):
            if text:
                element[key] = _text(text, first)
        if question.kind in (Kind.CSAT, Kind.CES):
            reports.append(Report(f"{path}.kind", _("Changed: there it is a rating without a meaning.")))
    if question.follow_up:
        reports.append(Report(f"{path}.follow_up", _("Left out: the question why, worded by the score.")))
    if question.alarm_at != ALARM_AT.get(question.kind):
        reports.append(Report(f"{path}.alarm_at", _("Left out: which score is answered with a call.")))
    if condition := ours.get("visible_if"):
        if all(test["question"] in kinds for test in condition["tests"]):
            element["visibleIf"] = expressions.written(condition, kinds)
        else:
            reports.append(
                Report(f"{path}.visible_if", _("Left out: it depends on the question for a call."))
            )
    return element


def _text(text: Text, first: str) -> Json:
    if not text.keys() - {first}:
        return text.get(first, "")
    return {("default" if code == first else _LOCALES.get(code, code)): words for code, words in text.items()}
