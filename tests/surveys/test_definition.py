"""Definitions: read back as written, refused with the place, checked question by question."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.definition import (
    OPS,
    SCALES,
    Band,
    DefinitionRefused,
    Given,
    Kind,
    best,
    holds,
    known,
    problems,
    read,
    shown,
    written,
)
from tests.surveys.documents import both, every, nps, question


def codes(document: Any) -> list[tuple[str, str]]:
    return [(one.code, one.question) for one in problems(read(document))]


# --- Shape ------------------------------------------------------------------------------------
@pytest.mark.parametrize("make", [nps, every])
def test_written_definition_reads_back_as_itself(make):
    definition = read(make())
    assert written(definition) == make()
    assert read(written(definition)) == definition


def wrong(path: str, **change: Any) -> tuple[str, Any]:
    document = every()
    question(document, "csat").update(change)
    return path, document


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("definition", []),
        ("definition", "text"),
        ("languages", {"title": {}}),
        ("languages[0]", {"languages": ["tlh"]}),
        ("languages", {"languages": ["en", "en"]}),
        ("title.de", {"languages": ["en"], "title": {"de": "Titel"}}),
        ("title.en", {"languages": ["en"], "title": {"en": "x" * 201}}),
        ("title.en", {"languages": ["en"], "title": {"en": "a\0b"}}),
        ("format", {"languages": ["en"], "format": 2}),
        ("script", {"languages": ["en"], "script": "alert(1)"}),
        ("pages", {"languages": ["en"], "pages": {}}),
        ("pages", {"languages": ["en"], "pages": [{}] * 21}),
        ("thanks.great", {"languages": ["en"], "thanks": {"great": {}}}),
        wrong("pages[0].questions[1].kind", kind="magic"),
        wrong("pages[0].questions[1].code", code="Bad Code"),
        wrong("pages[0].questions[1].code", code="csat\n"),
        wrong("pages[0].questions[1].required", required="yes"),
        wrong("pages[0].questions[1].points", points=7),
        wrong("pages[0].questions[1].alarm_at", alarm_at=6),
        wrong("pages[0].questions[1].alarm_at", alarm_at=True),
        wrong("pages[0].questions[1].choices", choices=[]),
        wrong("pages[0].questions[1].text.en", text={"en": 5}),
        wrong("pages[0].questions[1].visible_if.match", visible_if={"match": "none", "tests": []}),
        wrong(
            "pages[0].questions[1].visible_if.tests[0].op",
            visible_if={"match": "all", "tests": [{"question": "ces", "op": "like", "value": 1}]},
        ),
        wrong(
            "pages[0].questions[1].visible_if.tests[0].value",
            visible_if={"match": "all", "tests": [{"question": "ces", "op": "is", "value": [1]}]},
        ),
        wrong("pages", code="ces"),
    ],
)
def test_document_of_another_shape_is_refused_with_its_place(path, document):
    with pytest.raises(DefinitionRefused) as refused:
        read(document)
    assert refused.value.path == path
    assert str(refused.value).startswith(path + ":")


def test_two_questions_whether_one_may_call_are_refused():
    document = nps()
    document["pages"][0]["questions"].append({"code": "again", "kind": "contact", "text": both("Call?")})
    with pytest.raises(DefinitionRefused):
        read(document)


json = st.recursive(
    st.none() | st.booleans() | st.integers(-20, 20) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["languages", "pages", "questions", "title", "kind", "code", "visible_if", "en"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json)
def test_any_json_is_read_or_refused(document):
    try:
        read(document)
    except DefinitionRefused:
        pass


# --- What it lacks ----------------------------------------------------------------------------
@pytest.mark.parametrize("make", [nps, every])
def test_complete_definition_has_no_problems(make):
    assert codes(make()) == []


def test_each_missing_text_is_named_with_its_language():
    document = every()
    del question(document, "cause")["choices"][0]["text"]["zh-hans"]
    del document["title"]["en"]
    found = problems(read(document))
    assert [(one.code, one.question, one.language) for one in found] == [
        ("text_missing", "", "en"),
        ("text_missing", "cause", "zh-hans"),
    ]
    assert "简体中文" in found[1].text
    assert "price" in found[1].text


def test_text_that_is_nowhere_said_may_be_missing_but_not_the_question_itself():
    document = every()
    del document["intro"]
    question(document, "again")["text"] = {}
    assert codes(document) == [("text_missing", "again")] * 2


def test_language_that_is_taken_away_misses_nothing():
    document = every()
    del question(document, "cause")["choices"][0]["text"]["zh-hans"]
    document["languages"] = ["en"]

    def only_english(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: only_english(value) for name, value in part.items() if name != "zh-hans"}
        return [only_english(one) for one in part] if isinstance(part, list) else part

    assert codes(only_english(document)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: d.update(pages=[]), [("no_questions", "")]),
        (lambda d: d["pages"].append({"questions": []}), [("empty_page", "")]),
        (lambda d: question(d, "cause").update(choices=[]), [("few_choices", "cause")]),
        (
            lambda d: question(d, "cause")["choices"][1].update(text=both("PRICE", "Price（中）")),
            [("choices_alike", "cause")] * 2,
        ),
        (lambda d: question(d, "csat").update(ends={"low": both("bad")}), [("one_end", "csat")]),
        (
            lambda d: question(d, "csat").update(follow_up={"low": both("Why?")}),
            [("follow_up_incomplete", "csat")],
        ),
        (
            lambda d: question(d, "again").update(visible_if={"match": "all", "tests": []}),
            [("empty_condition", "again")],
        ),
    ],
)
def test_what_cannot_be_answered_is_a_problem(change, expected):
    document = every()
    change(document)
    if expected[0][0] in ("few_choices", "no_questions"):
        question(document, "words").pop("visible_if") if document["pages"] else None
        document["thanks"] = {"any": both("Thanks")}
    assert codes(document) == expected


def test_thanks_by_score_need_a_score():
    document = every()
    document["thanks"]["low"] = both("Sorry.")
    assert codes(document) == []
    for code in ("ces", "csat"):
        question(document, code)["kind"] = "yes_no"
        question(document, code).pop("points", None)
    assert codes(document) == [("thanks_without_score", "")]


def shown_when(code: str, *tests: tuple[str, str, Any], match: str = "all") -> Any:
    document = every()
    said = [
        {"question": q, "op": op, "value": v} if v is not None else {"question": q, "op": op}
        for q, op, v in tests
    ]
    question(document, code)["visible_if"] = {"match": match, "tests": said}
    return document


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (shown_when("csat", ("again", "is", "yes")), "condition"),  # asked later
        (shown_when("again", ("nothing", "is", "yes")), "condition"),
        (shown_when("again", ("again", "is", "yes")), "condition"),  # itself
        (shown_when("again", ("ces", "is", "yes")), "condition"),  # no comparison of a scale
        (shown_when("again", ("ces", "<=", 6)), "condition"),  # the scale ends at 5
        (shown_when("again", ("cause", "is", "weather")), "condition"),
        (shown_when("again", ("ces", "<=", 2), ("ces", ">=", 3)), "unreachable"),
        (shown_when("again", ("cause", "is", "price"), ("cause", "is", "service")), "unreachable"),
        (shown_when("again", ("ces", "not_answered", None)), "unreachable"),  # it is required
        (
            shown_when("again", ("wishes", "includes", "faster"), ("wishes", "excludes", "faster")),
            "unreachable",
        ),
    ],
)
def test_condition_that_cannot_stand_is_a_problem_of_its_question(document, expected):
    assert [code for code, _question in codes(document)] == [expected]


@pytest.mark.parametrize(
    "document",
    [
        shown_when("again", ("ces", "<=", 3), ("ces", ">=", 3)),
        shown_when("again", ("csat", "not_answered", None)),
        shown_when("again", ("cause", "is", "price"), ("cause", "is", "service"), match="any"),
        shown_when("again", ("wishes", "includes", "faster"), ("wishes", "includes", "nearer")),
        shown_when("again", ("wishes", "excludes", "faster"), ("wishes", "excludes", "nearer")),
        shown_when("again", ("words", "answered", None)),
    ],
)
def test_condition_that_some_answers_meet_is_none(document):
    assert codes(document) == []


def test_question_behind_one_that_nobody_reaches_is_unreachable_too():
    document = shown_when("again", ("ces", "<=", 1), ("ces", ">=", 5))
    question(document, "since")["visible_if"] = {
        "match": "all",
        "tests": [{"question": "again", "op": "answered"}],
    }
    assert codes(document) == [("unreachable", "again"), ("unreachable", "since")]


def test_conditions_that_contradict_each_other_over_two_questions_are_found():
    document = shown_when("again", ("ces", "<=", 2))
    question(document, "since")["visible_if"] = {
        "match": "all",
        "tests": [{"question": "again", "op": "answered"}, {"question": "ces", "op": ">=", "value": 3}],
    }
    assert codes(document) == [("unreachable", "since")]


# --- Answers ----------------------------------------------------------------------------------
def test_questions_are_shown_by_the_answers_before_them():
    definition = read(nps())
    assert [q.code for q in shown(definition, {})] == ["nps"]
    assert [q.code for q in shown(definition, {"nps": Given(number=6)})] == ["nps", "call"]
    assert [q.code for q in shown(definition, {"nps": Given(number=7)})] == ["nps"]


def test_answer_to_a_question_that_is_not_shown_counts_nowhere():
    document = shown_when("csat", ("ces", "<=", 2))
    question(document, "again")["visible_if"] = {
        "match": "all",
        "tests": [{"question": "csat", "op": "answered"}],
    }
    answers = {"ces": Given(number=5), "csat": Given(number=1)}
    assert {"csat", "again"} & {q.code for q in shown(read(document), answers)} == set()
    low = {**answers, "ces": Given(number=2)}
    assert {"csat", "again"} <= {q.code for q in shown(read(document), low)}


def test_only_not_answered_holds_of_what_was_not_answered():
    for op in ("is", "is_not", "includes", "excludes", "<=", ">=", "=", "answered"):
        condition = read(shown_when("again", ("cause", op, None if op == "answered" else "price"))).question(
            "again"
        )
        assert not holds(condition.visible_if, {})
        assert not holds(condition.visible_if, {"cause": Given()})
    nothing = read(shown_when("again", ("cause", "not_answered", None))).question("again").visible_if
    assert holds(nothing, {})
    assert not holds(nothing, {"cause": Given(chosen=("price",))})


# Definition: 0–6 / 7–8 / 9–10 (S12 of the cases), top two of five, agreement 1–7.
@pytest.mark.parametrize(
    ("kind", "points", "bands"),
    [
        ("nps", None, "LLLLLLLMMHH"),
        ("csat", None, "LLMHH"),
        ("ces", 7, "LLLMHHH"),
        ("ces", 5, "LLMHH"),
    ],
)
def test_bands_of_scores(kind, points, bands):
    one = {"code": "q", "kind": kind, "text": both("?")} | ({"points": points} if points else {})
    asked = read({"languages": ["en", "zh-hans"], "pages": [{"questions": [one]}]}).question("q")
    short = {Band.LOW: "L", Band.MIDDLE: "M", Band.HIGH: "H"}
    assert "".join(short[asked.band(score)] for score in asked.scale) == bands
    assert asked.alarm_at == {"nps": 6, "csat": 2}.get(kind)


def test_every_kind_has_comparisons():
    assert set(OPS) == set(Kind)
    assert Kind.RATING in SCALES


# --- Languages --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("zh-CN", "zh-hans"),
        ("zh", "zh-hans"),
        ("ZH_Hans_CN", "zh-hans"),
        ("zh-TW", "zh-hant"),
        ("de-AT", "de"),
        ("en-GB", "en"),
        ("tlh", ""),
        ("", ""),
    ],
)
def test_known_languages(tag, code):
    assert known(tag) == code


def test_nearest_language_is_taken_and_the_first_when_there_is_none():
    among = ("en", "zh-hans")
    assert best("zh-TW", among) == "zh-hans"
    assert best("de", among) == "en"
    assert best("", ("zh-hans", "en")) == "zh-hans"
    assert best("en-US", ("zh-hans", "en")) == "en"
