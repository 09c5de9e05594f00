"""Surveys in the browser: listed, made, written by one form, previewed, published and closed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import User
from surveys import building
from surveys.definition import Kind, read
from surveys.models import Survey
from surveys.pages import drafting
from tests.factories import UserFactory
from tests.surveys.documents import every, nps, question
from tests.surveys.makers import WHO, draft, live

pytestmark = pytest.mark.django_db
FIELD = re.compile(
    r'<input[^>]*?name="(?P<name>[^"]+)"(?P<rest>[^>]*)>'
    r'|<textarea[^>]*?name="(?P<area>[^"]+)"[^>]*>(?P<text>[^<]*)</textarea>'
    r'|<select[^>]*?name="(?P<select>[^"]+)"[^>]*>(?P<options>.*?)</select>',
    re.S,
)


@pytest.fixture
def analyst(company: Any) -> User:
    return UserFactory(role="analyst")


@pytest.fixture
def builder(client: Client, analyst: User) -> Client:
    client.force_login(analyst)
    return client


def page(name: str, *args: str) -> str:
    return reverse(f"surveys:{name}", args=args)


def sent_by(html: str) -> dict[str, list[str]]:
    """Return what a browser would send of the builder's form as it stands."""
    from html import unescape

    form = html[html.index('<div id="builder"') : html.index("<aside")]
    sent: dict[str, list[str]] = {}
    for found in FIELD.finditer(form):
        if found["area"]:
            sent.setdefault(found["area"], []).append(unescape(found["text"].removeprefix("\n")))
        elif found["select"]:
            chosen = re.search(r'<option value="([^"]*)"[^>]* selected', found["options"])
            first = re.search(r'<option value="([^"]*)"', found["options"])
            sent.setdefault(found["select"], []).append(
                unescape((chosen or first)[1] if chosen or first else "")
            )
        elif 'type="checkbox"' not in found[0] or " checked" in found[0]:
            value = re.search(r'value="([^"]*)"', found[0])
            sent.setdefault(found["name"], []).append(unescape(value[1]) if value else "")
    return sent


def press(client: Client, survey: Survey, act: str, form: dict[str, Any], **change: Any) -> Any:
    return client.post(page("survey_edit", survey.code), {**form, **change, "act": act})


def formed(client: Client, survey: Survey) -> dict[str, list[str]]:
    return sent_by(client.get(page("survey_edit", survey.code)).content.decode())


# --- Who may ----------------------------------------------------------------------------------
def test_everybody_reads_but_only_builders_are_offered_acts(client, manager):
    survey = live()
    client.force_login(manager)
    for address in (page("survey_list"), page("survey", survey.code)):
        html = client.get(address).content.decode()
        assert str(survey) in html
        assert page("survey_new") not in html
        assert page("survey_close", survey.code) not in html
    assert client.get(page("survey_edit", survey.code)).status_code == 403
    assert client.post(page("survey_close", survey.code)).status_code == 403


def test_list_is_paged_and_costs_the_same_with_more_rows(builder, django_assert_max_num_queries):
    live()
    with django_assert_max_num_queries(12):
        builder.get(page("survey_list"))
    for number in range(51):
        draft(f"s{number:02}")
    with django_assert_max_num_queries(12):
        html = builder.get(page("survey_list")).content.decode()
    assert "?page=2" in html
    assert html.count('<th scope="row"') == 50


# --- From nothing to live ---------------------------------------------------------------------
def test_ready_survey_becomes_a_draft_in_two_presses(builder):
    html = builder.get(page("survey_list")).content.decode()
    assert f"{page('survey_new')}?ready=exit" in html
    form = {"begin": "exit", "name_en": "Why they left", "name_zh": "为何离开", "code": "", "occasion": ""}
    answer = builder.post(page("survey_new"), form)
    survey = Survey.objects.get()
    assert answer["Location"] == page("survey_edit", survey.code)
    assert (survey.code, survey.occasion, survey.status) == ("why-they-left", "exit", "draft")
    again = builder.post(page("survey_new"), form)
    assert again["Location"] == page("survey_edit", "why-they-left-2")


def test_code_that_is_taken_or_an_address_is_refused(builder):
    form = {"begin": "", "name_en": "A", "name_zh": "甲", "occasion": "other"}
    assert builder.post(page("survey_new"), {**form, "code": "new"}).status_code == 422
    assert not Survey.objects.exists()
    assert builder.post(page("survey_new"), {**form, "name_en": "新", "code": ""}).status_code == 302
    assert Survey.objects.get().code == "survey"


@pytest.mark.parametrize("make", [nps, every])
def test_form_sends_back_the_survey_that_it_shows(builder, make):
    survey = draft(document=make())
    form = formed(builder, survey)
    from django.http import QueryDict

    data = QueryDict(mutable=True)
    for name, values in form.items():
        data.setlist(name, values)
    assert read(drafting.read(data)) == read(make())


def test_survey_is_written_question_by_question_and_saved(builder):
    survey = draft(document={"languages": ["en", "zh-hans"], "pages": [{"questions": []}]})
    form = formed(builder, survey)
    html = press(builder, survey, "add:0", form, **{"p0.new": "nps"}).content.decode()
    form = sent_by(html)
    html = press(builder, survey, "add:0", form, **{"p0.new": "single"}).content.decode()
    form = sent_by(html)
    assert survey.draft["pages"] == [{"questions": []}]  # nothing was saved so far
    texts = {
        "title.en": "Title",
        "title.zh-hans": "标题",
        "p0.q0.text.en": "Recommend?",
        "p0.q0.text.zh-hans": "推荐吗？",
        "p0.q1.text.en": "Why?",
        "p0.q1.text.zh-hans": "为什么？",
        "p0.q1.c0.text.en": "Price",
        "p0.q1.c0.text.zh-hans": "价格",
        "p0.q1.c1.text.en": "Service",
        "p0.q1.c1.text.zh-hans": "服务",
    }
    answer = press(builder, survey, "save", form, **texts)
    assert answer["Location"] == page("survey", survey.code)
    survey.refresh_from_db()
    asked = survey.draft["pages"][0]["questions"]
    assert [(q["code"], q["kind"], q["text"]["zh-hans"]) for q in asked] == [
        ("nps", "nps", "推荐吗？"),
        ("single", "single", "为什么？"),
    ]
    assert builder.post(page("survey_publish", survey.code)).status_code == 302
    survey.refresh_from_db()
    assert survey.status == "live"


def test_incomplete_survey_is_saved_and_says_what_it_lacks(builder):
    document = nps()
    del question(document, "nps")["text"]["zh-hans"]
    survey = draft(document=document)
    for address in (page("survey", survey.code), page("survey_edit", survey.code)):
        html = builder.get(address).content.decode()
        assert "简体中文 misses the question “nps”" in html
    assert (
        page("survey_publish", survey.code) not in builder.get(page("survey", survey.code)).content.decode()
    )
    builder.post(page("survey_publish", survey.code))
    survey.refresh_from_db()
    assert survey.status == "draft"


def test_of_two_who_write_the_second_keeps_her_words_and_is_told(builder):
    survey = draft()
    form = formed(builder, survey)
    building.save_draft(survey, document=nps(), **WHO)
    answer = press(builder, survey, "save", form, **{"title.en": "Mine"})
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "Somebody else saved this survey" in html
    assert 'value="Mine"' in html


def test_preview_shows_what_was_typed_and_nothing_runs(builder):
    survey = draft()
    form = formed(builder, survey)
    evil = "<img src=x onerror=alert(1)>"
    answer = builder.post(page("survey_preview", survey.code), {**form, "title.en": evil, "preview": "en"})
    html = answer.content.decode()
    assert evil not in html
    assert "&lt;img src=x" in html
    survey.refresh_from_db()
    assert survey.draft == nps()


def test_closed_survey_is_not_written(builder):
    survey = building.close_survey(live(), **WHO)
    answer = builder.get(page("survey_edit", survey.code), follow=True)
    assert "This survey is closed" in answer.content.decode()


def test_acts_of_its_life(builder):
    survey = live()
    building.save_draft(survey, document=every(), **WHO)
    builder.post(page("survey_discard", survey.code))
    survey.refresh_from_db()
    assert survey.draft is None
    builder.post(page("survey_close", survey.code))
    survey.refresh_from_db()
    assert survey.status == "closed"
    answer = builder.post(page("survey_copy", survey.code), {"name_en": "B", "name_zh": "乙", "code": "b"})
    assert answer["Location"] == page("survey_edit", "b")
    html = builder.post(page("survey_publish", survey.code), follow=True).content.decode()
    assert "nobody answers it any more" in html


# --- Buttons ----------------------------------------------------------------------------------
def order(document: Any) -> list[list[str]]:
    return [[q["code"] for q in p["questions"]] for p in document["pages"]]


def test_question_moves_among_its_neighbours_and_over_the_edge_of_a_page():
    document = every()
    assert drafting.act(document, "up:0-1") == "up:0-0"
    assert order(document)[0] == ["csat", "ces", "stars", "cause"]
    drafting.act(document, "up:0-0")
    assert order(document)[0] == ["csat", "ces", "stars", "cause"]  # nowhere to go
    drafting.act(document, "down:0-3")
    assert order(document) == [["csat", "ces", "stars"], ["cause", "wishes", "words", "again", "since"]]
    drafting.act(document, "up:1-0")
    assert order(document)[0] == ["csat", "ces", "stars", "cause"]


def test_buttons_add_and_remove():
    document = every()
    drafting.act(document, "choice:0-3")
    assert [c["code"] for c in question(document, "cause")["choices"]] == ["price", "service", "a"]
    drafting.act(document, "choice_up:0-3-2")
    drafting.act(document, "unchoice:0-3-0")
    assert [c["code"] for c in question(document, "cause")["choices"]] == ["a", "service"]
    drafting.act(document, "untest:1-1-0")
    assert len(question(document, "words")["visible_if"]["tests"]) == 1
    drafting.act(document, "untest:1-1-0")
    assert "visible_if" not in question(document, "words")
    drafting.act(document, "test:1-1")
    assert question(document, "words")["visible_if"]["tests"] == [{"question": "ces", "op": "answered"}]
    drafting.act(document, "remove:1-0")
    drafting.act(document, "add_page")
    assert order(document)[1:] == [["words", "again", "since"], []]
    drafting.act(document, "page_up:2")
    drafting.act(document, "remove_page:0")
    assert order(document) == [[], ["words", "again", "since"]]
    assert drafting.add(document, 0, "csat") == "text:0-0"
    assert drafting.add(document, 0, "csat") == "text:0-1"
    assert order(document)[0] == ["csat", "csat2"]


def test_language_goes_with_all_that_is_said_in_it_but_the_last_stays():
    document = nps()
    drafting.act(document, "unlanguage:zh-hans")
    drafting.act(document, "unlanguage:en")
    assert document["languages"] == ["en"]
    assert "zh-hans" not in str(document)
    drafting.act(document, "language:de")
    assert document["languages"] == ["en", "de"]
    read(document)


@pytest.mark.parametrize(
    "act",
    ["up:9-9", "up:0", "up:x-y", "remove:0-99", "magic:0", "language:tlh", "choice:0-99", "", "add_page:1"],
)
def test_button_that_does_not_exist_changes_nothing(act):
    document = every()
    drafting.act(document, act)
    assert document == every()


def test_every_kind_can_be_added_and_read(builder):
    document = {"format": 1, "languages": ["en"], "title": {}, "pages": [{"questions": []}]}
    for kind in Kind:
        drafting.add(document, 0, str(kind))
    assert len(read(document).pages[0].questions) == len(Kind)
    survey = draft(document=document)
    assert builder.get(page("survey_edit", survey.code)).status_code == 200


@pytest.mark.parametrize("bad", ["x" * 3000, "a\0b"])
def test_text_that_does_not_fit_is_refused_and_stays_in_the_form(builder, bad):
    survey = draft()
    answer = press(builder, survey, "save", formed(builder, survey), **{"p0.q0.text.en": bad})
    assert answer.status_code == 422
    assert "pages[0].questions[0].text.en" in answer.content.decode()


def test_form_with_a_kind_that_no_button_offers_is_refused(builder):
    survey = draft()
    answer = press(builder, survey, "save", formed(builder, survey), **{"p0.q0.kind": "magic"})
    assert answer.status_code == 422
