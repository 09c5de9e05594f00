"""SurveyJS in and out: what can be said is, what cannot is reported with its path, nothing goes unsaid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from surveys import ready, surveyjs
from surveys.definition import DefinitionRefused, problems, read
from surveys.models import Survey
from tests.factories import UserFactory
from tests.surveys.documents import every, nps
from tests.surveys.makers import draft

FILE = Path(__file__).parent / "files" / "surveyjs_shop.json"


def shop() -> Any:
    return json.loads(FILE.read_text(encoding="utf-8"))


def taken(*elements: Any, **survey: Any) -> surveyjs.Taken:
    return surveyjs.take({"title": "T", "elements": list(elements), **survey})


def paths(result: surveyjs.Taken) -> list[str]:
    return [report.path for report in result.reports]


def asked(result: surveyjs.Taken) -> dict[str, Any]:
    return {q["code"]: q for page in result.document["pages"] for q in page["questions"]}


# --- A file -----------------------------------------------------------------------------------
def test_file_is_taken_over_with_an_exact_report():
    result = surveyjs.take(shop())
    assert sorted(paths(result)) == sorted([
        "showProgressBar",
        "triggers",
        "completedHtml.default",
        "completedHtml.zh-cn",
        "pages[0].elements[0].html.default",
        "pages[0].elements[0].html.zh-cn",
        "pages[0].elements[0]",  # help of the next question
        "pages[0].elements[1]",  # NPS
        "pages[0].elements[2]",  # opened
        "pages[1].elements[0].alternateRows",
        "pages[1].elements[0]",  # a question a row
        "pages[1].elements[1].labelTrue",
        "pages[1].elements[2].visibleIf",
        "pages[1].elements[3]",
        "pages[1].elements[4]",
    ])  # fmt: skip
    questions = asked(result)
    assert {code: q["kind"] for code, q in questions.items()} == {
        "nps_score": "nps", "reasons": "multiple", "more": "text", "quality_food": "single",
        "quality_staff": "single", "again": "yes_no", "when": "date",
    }  # fmt: skip
    assert questions["nps_score"]["help"]["en"] == "Two short pages."
    assert questions["nps_score"]["ends"]["high"] == {"en": "surely", "zh-hans": "一定会"}
    assert questions["reasons"]["visible_if"] == {
        "match": "all", "tests": [{"question": "nps_score", "op": "<=", "value": 6}],
    }  # fmt: skip
    assert questions["more"]["visible_if"]["tests"] == [
        {"question": "reasons", "op": "includes", "value": "item_2"},
        {"question": "nps_score", "op": "<=", "value": 6},
    ]
    assert questions["quality_food"]["text"]["en"] == "How good was – the food"
    assert questions["quality_food"]["text"]["zh-hans"] == "质量如何 – 菜品"
    assert "visible_if" not in questions["when"]
    assert result.document["thanks"] == {"any": {"en": "Thank you!", "zh-hans": "谢谢！"}}
    assert problems(read(result.document)) == []


def test_reports_say_what_became_of_it():
    said = {report.path: report.what for report in surveyjs.take(shop()).reports}
    assert "“file”" in said["pages[1].elements[3]"]
    assert "brackets" in said["pages[1].elements[2].visibleIf"]
    assert said["triggers"].startswith("Left out")


# --- Expressions ------------------------------------------------------------------------------
RATING = {"type": "rating", "name": "r", "title": "R"}
ONE = {"type": "radiogroup", "name": "o", "title": "O", "choices": ["A b", "C"]}
BOOL = {"type": "boolean", "name": "b", "title": "B"}


@pytest.mark.parametrize(
    ("text", "match", "tests"),
    [
        ("{r} <= 2", "all", [{"question": "r", "op": "<=", "value": 2}]),
        ("{r} < 3", "all", [{"question": "r", "op": "<=", "value": 2}]),
        ("{r} > 3", "all", [{"question": "r", "op": ">=", "value": 4}]),
        ("{ r } = '5'", "all", [{"question": "r", "op": "=", "value": 5}]),
        ("{o} = 'A b'", "all", [{"question": "o", "op": "is", "value": "a_b"}]),
        ("{o} <> 'C'", "all", [{"question": "o", "op": "is_not", "value": "c"}]),
        ("{b} = true", "all", [{"question": "b", "op": "is", "value": "yes"}]),
        ("{b} != true", "all", [{"question": "b", "op": "is", "value": "no"}]),
        ("{r} notempty", "all", [{"question": "r", "op": "answered"}]),
        (
            "{r} empty or {o} = \"C\"",
            "any",
            [{"question": "r", "op": "not_answered"}, {"question": "o", "op": "is", "value": "c"}],
        ),
    ],
)  # fmt: skip
def test_expressions_that_can_be_said(text, match, tests):
    result = taken(RATING, ONE, BOOL, {"type": "comment", "name": "x", "title": "X", "visibleIf": text})
    assert asked(result)["x"]["visible_if"] == {"match": match, "tests": tests}
    assert paths(result) == []


@pytest.mark.parametrize(
    "text",
    [
        "({r} > 1)",
        "{r} > 1 and {b} = true or {o} = 'C'",
        "iif({r} > 1, true, false)",
        "{nobody} = 1",
        "{x} = 1",
        "{r} contains 1",
        "{o} = 'Z'",
        "{o} > 'A b'",
        "{r} = {o}",
        "{r} > 1.5",
        "age > 3",
        "{r} anyof [1, 2]",
        "{o} = 'A and b' and {r} <> 2",
    ],
)
def test_expressions_that_cannot_be_said_are_reported(text):
    result = taken(RATING, ONE, BOOL, {"type": "comment", "name": "x", "title": "X", "visibleIf": text})
    assert paths(result) == ["elements[3].visibleIf"]
    assert text in result.reports[0].what
    assert "visible_if" not in asked(result)["x"]


# --- Elements ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("element", "path"),
    [
        ({"type": "rating", "name": "r", "title": "R", "rateMax": 11}, "elements[0]"),
        ({"type": "rating", "name": "r", "title": "R", "rateStep": 2}, "elements[0]"),
        ({"type": "imagepicker", "name": "r"}, "elements[0]"),
        ({"name": "r"}, "elements[0]"),
        ("text", "elements[0]"),
        ({"type": "html", "name": "h", "html": "Alone"}, "elements[0]"),
        ({"type": "matrix", "name": "m", "title": "M"}, "elements[0]"),
    ],
)
def test_element_that_is_not_taken_over_is_reported(element, path):
    result = taken(element)
    assert path in paths(result)
    assert asked(result) == {}


@pytest.mark.parametrize(
    ("element", "path"),
    [
        ({"type": "comment", "name": "x", "title": "X", "validators": [{}]}, "elements[0].validators"),
        ({"type": "comment", "name": "x", "title": "X", "rows": 9}, "elements[0].rows"),
        ({"type": "text", "name": "x", "title": "X", "inputType": "email"}, "elements[0].inputType"),
        ({"type": "text", "name": "x", "title": "Dear {name}"}, "elements[0].title"),
        ({"type": "text", "name": "x", "title": "x" * 2001}, "elements[0].title"),
        ({"type": "text", "name": "x"}, "elements[0].title"),
        ({"type": "text", "name": "x", "title": {"default": "X", "tlh": "nuqneH"}}, "elements[0].title.tlh"),
        ({"type": "radiogroup", "name": "x", "title": "X", "choices": ["a", "b"], "hasOther": True},
         "elements[0].hasOther"),
    ],
)  # fmt: skip
def test_part_that_is_changed_or_left_out_is_reported(element, path):
    result = taken(element)
    assert paths(result) == [path]
    assert "x" in asked(result)


def test_names_that_become_the_same_code_stay_apart():
    result = taken(*[{"type": "comment", "name": name, "title": name} for name in ("a b", "a-b", "中", "文")])
    assert list(asked(result)) == ["a_b", "a_b_2", "q", "q_2"]


@pytest.mark.parametrize("document", [[], "x", None, {}, {"title": "T"}])
def test_what_is_no_survey_is_refused(document):
    with pytest.raises(surveyjs.NotSurveyJs):
        surveyjs.take(document)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "name", "title", "choices", "rows", "columns", "elements", "visibleIf"]),
            inner | st.sampled_from(["rating", "matrix", "panel", "html", "radiogroup", "{a} = 1"]),
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.lists(json_like, max_size=4))
def test_any_json_is_taken_or_refused(elements):
    try:
        result = surveyjs.take({"elements": elements})
    except DefinitionRefused:
        return
    read(result.document)


# --- Out --------------------------------------------------------------------------------------
def test_what_is_given_out_comes_back_but_for_what_was_reported():
    given_out = surveyjs.give(read(every()))
    assert [r.path for r in given_out.reports] == ["pages[0].questions[0].kind", "pages[0].questions[1].kind"]
    back = surveyjs.take(given_out.document)
    kinds = {code: q["kind"] for code, q in asked(back).items()}
    assert kinds == {
        "ces": "rating", "csat": "rating", "stars": "rating", "cause": "single", "wishes": "multiple",
        "words": "text", "again": "yes_no", "since": "date",
    }  # fmt: skip
    ours = {q["code"]: q for page in every()["pages"] for q in page["questions"]}
    for code, question in asked(back).items():
        assert question["text"] == ours[code]["text"]
        assert question.get("choices") == ours[code].get("choices")
        assert question.get("visible_if") == ours[code].get("visible_if")
    assert back.document["thanks"] == every()["thanks"]


def test_what_surveyjs_has_no_word_for_is_reported():
    reports = {r.path for r in surveyjs.give(read(nps())).reports}
    assert reports == {"pages[0].questions[0].follow_up", "pages[0].questions[1]", "thanks"}


@pytest.mark.parametrize("one", ready.offered(), ids=lambda one: one.code)
def test_every_ready_survey_goes_out_and_comes_back(one):
    surveyjs.take(surveyjs.give(one.definition).document)


# --- Pages and API ----------------------------------------------------------------------------
@pytest.fixture
def builder(client, company):
    client.force_login(UserFactory(role="analyst"))
    return client


def upload(content: bytes) -> dict[str, Any]:
    file = SimpleUploadedFile("s.json", content, content_type="application/json")
    return {"file": file, "occasion": "other", "name_en": "Shop", "name_zh": "店", "code": "shop"}


@pytest.mark.django_db
def test_file_becomes_a_draft_and_the_page_lists_what_differs(builder):
    html = builder.post(reverse("surveys:survey_take"), upload(FILE.read_bytes())).content.decode()
    assert "pages[1].elements[3]" in html
    survey = Survey.objects.get()
    assert (survey.code, survey.status, len(survey.draft["pages"])) == ("shop", "draft", 2)


@pytest.mark.django_db
def test_our_own_file_goes_out_and_comes_back(builder):
    survey = draft("mine", document=every())
    answer = builder.get(reverse("surveys:survey_export", args=[survey.code]))
    assert json.loads(answer.content) == every()
    html = builder.post(reverse("surveys:survey_take"), upload(answer.content)).content.decode()
    assert "Everything was taken over." in html
    assert Survey.objects.get(code="shop").draft == every()
    theirs = builder.get(reverse("surveys:survey_export", args=[survey.code]) + "?as=surveyjs")
    assert json.loads(theirs.content) == surveyjs.give(read(every())).document


@pytest.mark.django_db
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"format": 9}'])
def test_file_that_is_none_is_refused(builder, content):
    answer = builder.post(reverse("surveys:survey_take"), upload(content))
    assert (answer.status_code, Survey.objects.count()) == (422, 0)
