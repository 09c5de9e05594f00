"""Guides: what a document may say, versions, who saved first, and the form that writes one."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict
from django.utils import translation

from customers.ground.models import AuditEvent
from surveys.guides import ready, writing
from surveys.guides.document import GuideRefused, read, written
from surveys.models import Guide, GuideVersion
from surveys.pages.guides import pressed, typed
from tests.factories import UserFactory
from tests.surveys.talks import WHO, document, guide, words


def test_a_document_is_stored_alike_however_it_was_sent() -> None:
    short = {"questions": [{"code": "a", "text": {"en": " Why? "}}]}
    stored = written(read(short))
    assert stored == {
        "format": 1,
        "questions": [{"code": "a", "text": {"en": "Why?", "zh-hans": "Why?"}, "prompts": [], "codes": []}],
    }
    assert written(read(stored)) == stored
    assert written(read(document())) == document()


MANY_CODES = [{"code": f"c{n}", "text": words(f"c{n}")} for n in range(41)]


def broken(path: str, value: Any) -> dict[str, Any]:
    """Return the document with something else at a place like ``questions.1.codes.0.text``."""
    found: Any = document()
    *way, last = path.split(".")
    at = found
    for step in way:
        at = at[int(step) if step.isdigit() else step]
    at[int(last) if last.isdigit() else last] = value
    return found


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("questions", [], "questions"),
        ("questions", "none", "questions"),
        ("format", 2, "format"),
        ("more", 1, "more"),
        ("questions.0", "why", "questions[0]"),
        ("questions.0.kind", "text", "questions[0].kind"),
        ("questions.0.code", "Why not", "questions[0].code"),
        ("questions.0.text", {}, "questions[0].text"),
        ("questions.0.text", {"en": "x" * 501}, "questions[0].text"),
        ("questions.0.text", {"en": 5}, "questions[0].text"),
        ("questions.0.text", {"de": "Warum?"}, "questions[0].text.de"),
        ("questions.0.prompts", [words("p")] * 13, "questions[0].prompts"),
        ("questions.0.codes", "reasons", "questions[0].codes"),
        ("questions.1.code", "why", "questions"),
        ("questions.1.codes.1.code", "yes", "questions[1].codes"),
        ("questions.1.codes.1.text", words("YES", "别的"), "questions[1].codes"),
        ("questions.1.codes", MANY_CODES, "questions[1].codes"),
    ],
)  # fmt: skip
def test_what_is_no_guide_is_refused_at_its_place(path: str, value: Any, where: str) -> None:
    with pytest.raises(GuideRefused) as refused:
        read(broken(path, value))
    assert refused.value.path == where


def test_refusals_name_the_question_in_both_languages() -> None:
    wrong = broken("questions.1.codes.0.text", {})
    said = {}
    for language in ("en", "zh-hans"):
        with translation.override(language), pytest.raises(GuideRefused) as refused:
            read(wrong)
        said[language] = str(refused.value)
    assert said["en"] == "Question 2, codes: write it in English or in Chinese"
    assert "2" in said["zh-hans"] and "Question" not in said["zh-hans"]


@pytest.mark.parametrize("one", ready.offered(), ids=lambda one: one.code)
def test_ready_guides_are_whole_in_both_languages(one: ready.ReadyGuide) -> None:
    assert written(one.definition) == one.document
    texts = [one.name_en, one.name_zh]
    for question in one.definition.questions:
        every = [question.text, *question.prompts, *(code.text for code in question.codes)]
        assert all(text.en != text.zh for text in every)
        texts += [text.en for text in every]
        assert all(any("一" <= sign <= "鿿" for sign in text.zh) for text in every)
    assert len(texts) > 10


def test_ready_guides_are_the_two_that_were_promised() -> None:
    assert [(one.code, one.purpose) for one in ready.offered()] == [
        ("exit-interview", "exit"),
        ("key-account-review", "relationship"),
    ]
    assert ready.offered()[0].definition.asks_causes


@pytest.mark.django_db
def test_other_questions_make_the_next_version_and_the_same_ones_none(company: Any) -> None:
    made = guide()
    assert (made.version, made.revision) == (1, 1)
    writing.save_guide(made, document=document(), name_en="Guide exit", **WHO)
    assert (made.version, made.revision) == (1, 1)
    assert not AuditEvent.objects.filter(act="guide.save").exists()
    writing.save_guide(made, name_en="Leaving", **WHO)
    assert (made.version, made.revision, made.name_zh) == (1, 2, "提纲 exit")
    more = {"code": "more", "text": words("More?"), "prompts": [], "codes": []}
    writing.save_guide(made, document=document(more), **WHO)
    assert (made.version, made.revision) == (2, 3)
    numbers = GuideVersion.objects.filter(guide=made).order_by("number")
    assert [len(one.document["questions"]) for one in numbers] == [2, 3]


@pytest.mark.django_db
def test_of_two_who_save_a_guide_the_second_is_told(company: Any) -> None:
    made = guide()
    writing.save_guide(made, name_en="First", revision=1, **WHO)
    with pytest.raises(writing.GuideChanged):
        writing.save_guide(made, name_en="Second", revision=1, **WHO)
    assert Guide.objects.get().name_en == "First"


@pytest.mark.django_db
def test_a_code_that_is_taken_is_refused_and_nothing_is_written(company: Any) -> None:
    guide()
    with pytest.raises(writing.GuideCodeTaken):
        writing.create_guide("exit", name_en="E", name_zh="", purpose="free", document=document(), **WHO)
    assert GuideVersion.objects.count() == 1


@pytest.mark.django_db
def test_retired_and_brought_back_once_each(company: Any) -> None:
    made = guide()
    for _twice in range(2):
        writing.retire_guide(made, **WHO)
    assert made.is_retired
    for _twice in range(2):
        writing.bring_back(made, **WHO)
    assert not made.is_retired
    acts = AuditEvent.objects.filter(act__startswith="guide.").order_by("pk").values_list("act", flat=True)
    assert list(acts) == ["guide.create", "guide.retire", "guide.bring_back"]


# --- The form ---------------------------------------------------------------------------------
def sent(rows: list[dict[str, str]], **more: str) -> QueryDict:
    data = QueryDict(mutable=True)
    data.update(more)
    for number, row in enumerate(rows):
        data.appendlist("question", f"n{number}")
        for name, value in row.items():
            data[f"n{number}.{name}"] = value
    return data


def test_codes_keep_theirs_while_their_words_stay_in_one_language() -> None:
    known = document()
    row = {"code": "back", "en": "Back?", "zh": "回来？", "by": "own"}
    form = sent([{**row, "codes": "yes | 愿意\nNever | 中 no\nperhaps｜也许\n也许不"}])
    codes = typed(form, known)["questions"][0]["codes"]
    assert [(one["code"], one["text"]["en"], one["text"]["zh-hans"]) for one in codes] == [
        ("yes", "yes", "愿意"),
        ("no", "Never", "中 no"),
        ("perhaps", "perhaps", "也许"),
        ("code", "也许不", "也许不"),
    ]
    assert len(read(typed(form, known)).questions[0].codes) == 4


def test_a_new_question_gets_a_code_that_no_version_before_it_had() -> None:
    known = {"questions": [{"code": "q1", "text": words("One"), "prompts": [], "codes": []}]}
    found = typed(sent([{"code": "", "en": "New?"}, {"code": "", "en": "Newer?"}]), known)
    assert [one["code"] for one in found["questions"]] == ["q2", "q3"]


@pytest.mark.parametrize(
    ("act", "order", "focus"),
    [
        ("up:1", "bac", 0),
        ("down:1", "acb", 2),
        ("up:0", "abc", 0),
        ("down:2", "abc", 2),
        ("remove:0", "bc", 0),
        ("remove:2", "ab", 1),
        ("up:9", "abc", None),
        ("remove:x", "abc", None),
        ("fly:1", "abc", 1),
    ],
)
def test_buttons_move_and_remove_questions(act: str, order: str, focus: int | None) -> None:
    found = {"questions": [{"code": code} for code in "abc"]}
    assert pressed(found, act) == focus
    assert "".join(one["code"] for one in found["questions"]) == order


@pytest.mark.django_db
def test_a_lead_takes_a_ready_guide_over_adds_a_question_and_saves(client: Any, company: Any) -> None:
    client.force_login(UserFactory(role="team_lead"))
    page = client.get("/interviews/guides/new/?ready=exit-interview").content.decode()
    assert "Would you tell me how it came" in page and "能请您说说" in page
    rows = [{"code": "why", "en": "Why?", "zh": "为什么？", "by": "causes", "prompts": "Wait. | 等一等。"}]
    names = {"name_en": "Exit", "name_zh": "离开", "purpose": "exit", "revision": "0"}

    def post(path: str, questions: list[dict[str, str]], act: str) -> Any:
        form = sent(questions, act=act, **names).urlencode()
        kind = "application/x-www-form-urlencoded"
        return client.post(f"/interviews/guides/{path}", form, content_type=kind)

    added = post("new/", rows, "add")
    assert added.status_code == 200 and "Question 2" in added.content.decode()
    assert not Guide.objects.exists()
    empty = post("new/", [*rows, {"code": "", "en": ""}], "save")
    assert empty.status_code == 422
    assert "Question 2: write it in English or in Chinese" in empty.content.decode()
    saved = post("new/", rows, "save")
    made = Guide.objects.get()
    assert saved["Location"] == f"/interviews/guides/{made.code}/"
    assert made.code == "exit"
    prompts = [words("Wait.", "等一等。")]
    assert writing.newest(made).document["questions"] == [
        {"code": "why", "text": words("Why?", "为什么？"), "prompts": prompts, "codes": "causes"}
    ]
    changed = post("exit/edit/", rows, "save")
    assert changed.status_code == 422 and "Somebody else saved this guide" in changed.content.decode()
    names["revision"], names["name_en"] = "1", "Exit talk"
    assert post("exit/edit/", rows, "save").status_code == 302
    made.refresh_from_db()
    assert (made.name_en, made.version, made.revision) == ("Exit talk", 1, 2)
    client.post("/interviews/guides/exit/retire/", {"retired": "1"})
    assert Guide.objects.get().is_retired


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["account_manager", "analyst"])
def test_who_writes_no_guides_reads_them(client: Any, company: Any, role: str) -> None:
    made = guide()
    client.force_login(UserFactory(role=role))
    assert client.get(f"/interviews/guides/{made.code}/").status_code == 200
    for path in ("new/", "exit/edit/"):
        assert client.get(f"/interviews/guides/{path}").status_code == 403
    assert client.post("/interviews/guides/exit/retire/", {"retired": "1"}).status_code == 403
    assert not Guide.objects.get().is_retired
