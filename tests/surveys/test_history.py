"""Answers of the past from files and programs: what lands, what is refused, taken back, told again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from customers import text
from customers.ground.models import Event
from customers.imports import batches, kinds, mapping
from customers.models import ExternalRef, TextReading
from customers.text import reading
from retention.measures import compute
from surveys.models import Survey, SurveyAnswer, SurveyAsked, SurveyResponse
from tests.customers.undoing import bring, take_back
from tests.factories import NOW, CustomerFactory, day
from tests.surveys.factories import SurveyFactory, SurveyVersionFactory

pytestmark = pytest.mark.django_db
HEAD = "id,customer,survey,asked at,answered at,metric,scale,score,comment\n"


@pytest.fixture(autouse=True)
def _company(company: Any) -> None:
    """Everything here needs a company."""


def lines(*rows: str) -> str:
    return HEAD + "\n".join(rows) + "\n"


def values_of(code: str, *, at: datetime) -> dict[str, Any]:
    """Return the measures of the customer whom the source calls ``code``."""
    pk = ExternalRef.objects.get(kind="customer", external_id=code).object_id
    with compute.at(as_of=at, customers=compute.only([pk])) as table:
        return compute.values_of([pk], table=table)[pk]


def test_answers_land_with_their_moments_in_a_survey_that_is_made_closed(tmp_path: Path) -> None:
    batch = bring(
        tmp_path,
        "responses",
        lines(
            "R-1,C-1,Yearly 2025,2025-11-03 09:00,2025-11-05 10:00,nps,,4,送货太慢",
            "R-2,C-1,yearly 2025,,2025-12-01 10:00,满意度,,5,",
            "R-3,C-2,Yearly 2025,,2025-11-03 09:00,,,,",
            "R-4,C-2,Yearly 2025,,2025-11-09 09:00,,,,Nothing to say.",
        ),
        history=True,
    )
    assert (batch.created, batch.refused) == (4, 0)
    survey = Survey.objects.get()
    assert (survey.status, survey.name_en, survey.version) == ("closed", "Yearly 2025", 1)
    first = SurveyResponse.objects.get(score=4)
    told = datetime(2025, 11, 5, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
    assert (first.occurred_at, first.recorded_at, first.recorded_assumed) == (told, told, True)
    assert (first.metric, first.points, first.is_low, first.comment) == ("nps", 11, True, "送货太慢")
    assert (first.invitation_id, first.asked.answered_day) == (None, day(told))
    assert first.asked.occurred_at == datetime(2025, 11, 3, 1, 0, tzinfo=UTC)
    answers = SurveyAnswer.objects.order_by("pk").values_list("kind", "question", "number", "text", "points")
    assert list(answers) == [
        ("nps", "nps", 4, "送货太慢", 11),
        ("csat", "csat", 5, "", 5),
        ("text", "comment", None, "Nothing to say.", 0),
    ]
    assert SurveyAsked.objects.filter(answered_day=None).count() == 1
    assert not Event.objects.filter(kind="survey.answered").exists()  # nobody is called for the past


def test_measures_know_them_from_the_day_on_which_they_happened(tmp_path: Path) -> None:
    bring(
        tmp_path,
        "responses",
        lines(
            "R-1,C-1,Yearly,,2025-11-05 10:00,csat,,5,",
            "R-2,C-1,Yearly,,2026-04-05 10:00,csat,,2,",
            "R-3,C-2,Yearly,,2026-01-03 09:00,,,,",
            "R-4,C-2,Yearly,,2026-02-03 09:00,,,,",
        ),
        history=True,
    )
    assert [values_of("C-1", at=NOW)[code] for code in ("last_csat", "csat_before")] == [2, 5]
    before = values_of("C-1", at=datetime(2026, 4, 5, 2, 0, tzinfo=UTC))  # the very moment: not before it
    assert [before[code] for code in ("last_csat", "csat_before")] == [5, None]
    assert values_of("C-2", at=NOW)["non_response"] == 2
    assert values_of("C-2", at=datetime(2026, 2, 16, tzinfo=UTC))["non_response"] == 1
    assert values_of("C-2", at=datetime(2026, 1, 3, tzinfo=UTC))["non_response"] is None


@pytest.mark.parametrize(
    ("row", "field", "english", "chinese"),
    [
        ("X,C-1,,,2026-05-01,nps,,11,", "score", "from 0 to 10", "0 到 10"),
        ("X,C-1,,,2026-05-01,nps,,-1,", "score", "from 0 to 10", "0 到 10"),
        ("X,C-1,,,2026-05-01,csat,,3.5,", "score", "from 1 to 5", "1 到 5"),
        ("X,C-1,,,2026-05-01,csat,,0,", "score", "from 1 to 5", "1 到 5"),
        ("X,C-1,,,2026-05-01,,,7,", "metric", "what it measures", "衡量"),
        ("X,C-1,,,2026-05-01,ces,6,3,", "points", "no scale of 6 points", "6 分制"),
        ("X,C-1,,2026-05-03,2026-05-01,nps,,7,", "asked_at", "after it answered", "答复之后"),
        ("X,C-1,,,2026-05-12,nps,,7,", "occurred_at", "future", "未来"),
        ("X,C-1,Draft,,2026-05-01,nps,,7,", "survey", "never published", "从未发布"),
        ("X,C-1,Live,,2026-05-01,csat,,4,", "survey", "does not ask for CSAT", "没有问"),
    ],
)
def test_bad_line_says_what_is_wrong_in_both_languages_and_good_ones_land(
    tmp_path: Path, row: str, field: str, english: str, chinese: str
) -> None:
    SurveyFactory(name_en="Draft", status="draft", version=0, draft={"format": 1})
    SurveyVersionFactory(survey=SurveyFactory(name_en="Live"))  # asks for NPS alone
    CustomerFactory(name="C-1")
    path = tmp_path / "file.csv"
    path.write_text(lines(row, "R-9,C-1,Live,,2026-05-01,nps,,9,"), encoding="utf-8")
    for language, words in (("en", english), ("zh-hans", chinese)):
        with translation.override(language):
            report = batches.import_file(
                path,
                kinds.named("responses"),
                mapping.from_data({"on_missing_customer": "create"}),
                errors_to=tmp_path / "errors.csv",
                by=None,
                at=NOW,
            )
        assert (report.lines, report.refused) == (2, 1)
        assert words in (tmp_path / "errors.csv").read_text(encoding="utf-8-sig")
    (landed,) = SurveyResponse.objects.all()
    assert (landed.score, landed.survey.name_en) == (9, "Live")
    assert not Survey.objects.filter(status="closed").exists() or field == "survey"


def test_lines_of_one_response_are_its_answers_and_one_invitation(tmp_path: Path) -> None:
    batch = bring(
        tmp_path,
        "responses",
        lines(
            "R-1,C-1,Yearly,,2026-05-01 10:00,nps,,9,",
            "R-1,C-1,Yearly,,2026-05-01 10:00,csat,,2,",
            "R-1,C-1,Yearly,,2026-05-01 10:00,,,,In words.",
            "R-1,C-1,Yearly,,2026-05-01 10:00,nps,,3,",  # answered already
            "R-1,C-2,Yearly,,2026-05-01 10:00,ces,,3,",  # of somebody else
        ),
    )
    assert (batch.created, batch.refused) == (1, 2)
    response = SurveyResponse.objects.get()
    assert (response.metric, response.score, response.is_low, response.comment) == (
        *("nps", 9, True),  # for the satisfaction of 2
        "In words.",
    )
    said = response.answers.order_by("pk").values_list("kind", "number", "text")
    assert list(said) == [("nps", 9, ""), ("csat", 2, ""), ("text", None, "In words.")]
    assert SurveyAsked.objects.count() == 1


def test_same_file_again_changes_nothing_and_a_correction_makes_a_version(tmp_path: Path) -> None:
    told = "R-1,C-1,Yearly,,2026-04-01 10:00,nps,,4,slow"
    assert bring(tmp_path, "responses", lines(told), history=True).created == 1
    again = bring(tmp_path, "responses", lines(told), history=True)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 1)
    mended = bring(tmp_path, "responses", lines(told.replace(",4,slow", ",8,slow")), history=True)
    assert (mended.updated, SurveyAnswer.objects.get().number) == (1, 8)
    assert (SurveyResponse.objects.get().score, SurveyResponse.objects.get().is_low) == (8, False)
    assert (Survey.objects.count(), SurveyAsked.objects.count()) == (1, 1)


def test_answer_that_came_later_is_of_the_invitation_that_came_before(tmp_path: Path) -> None:
    bring(tmp_path, "responses", lines("R-1,C-1,Yearly,,2026-03-01 10:00,,,,"), history=True)
    assert SurveyAsked.objects.get().answered_day is None
    told = lines("R-1,C-1,Yearly,2026-03-01 10:00,2026-03-03 10:00,nps,,10,")
    bring(tmp_path, "responses", told, history=True)
    asked = SurveyAsked.objects.get()
    assert (asked.answered_day, asked.response.score) == (day(datetime(2026, 3, 3, 2, tzinfo=UTC)), 10)


def test_survey_is_known_by_its_name_in_either_language_and_by_its_code(tmp_path: Path) -> None:
    survey = SurveyVersionFactory(survey=SurveyFactory(code="yearly", name_en="Year", name_zh="年度")).survey
    rows = [f"R-{n},C-1,{name},,2026-05-01,nps,,9," for n, name in enumerate(("YEARLY", "year", "年度"))]
    assert bring(tmp_path, "responses", lines(*rows)).created == 3
    assert set(SurveyResponse.objects.values_list("survey", flat=True)) == {survey.pk}


def test_nameless_survey_is_made_once_and_has_a_name_in_both_languages(tmp_path: Path) -> None:
    bring(tmp_path, "responses", lines("R-1,C-1,,,2026-05-01,rating,10,9,"))
    bring(tmp_path, "responses", lines("R-2,C-1,,,2026-05-02,rating,10,8,"))
    survey = Survey.objects.get()
    assert (survey.name_en, survey.name_zh) == ("Imported answers", "导入的答卷")
    assert set(SurveyAnswer.objects.values_list("points", "kind")) == {(10, "rating")}
    assert set(SurveyResponse.objects.values_list("metric", "score")) == {("", None)}


def test_import_is_taken_back_with_what_was_read_of_its_texts(tmp_path: Path) -> None:
    batch = bring(
        tmp_path, "responses", lines("R-1,C-1,Yearly,,2026-04-01,nps,,1,太贵了，很失望"), history=True
    )
    assert reading.read_unread(at=NOW) == 1
    assert TextReading.objects.filter(
        subject_kind="survey", subject_id=SurveyAnswer.objects.get().pk
    ).exists()
    assert values_of("C-1", at=NOW + timedelta(days=2))["last_nps"] == 1
    take_back(batch)
    assert {
        row.void for model in (SurveyAsked, SurveyResponse, SurveyAnswer) for row in model.objects.all()
    } == {True}
    assert not SurveyAnswer.objects.exclude(text="").exists()
    assert not TextReading.objects.exists()
    assert not ExternalRef.objects.filter(kind__startswith="survey").exists()
    assert bring(tmp_path, "responses", lines("R-1,C-1,Yearly,,2026-05-01,nps,,7,")).created == 1
    assert Survey.objects.count() == 1


def test_import_that_changed_a_text_gives_it_back_to_be_read_anew(tmp_path: Path) -> None:
    told = "R-1,C-1,Yearly,,2026-04-01,nps,,1,太贵了，很失望"
    bring(tmp_path, "responses", lines(told), history=True)
    changed = lines(told.replace("太贵了，很失望", "送货很快，非常满意"))
    batch = bring(tmp_path, "responses", changed, history=True)
    assert batch.updated == 1
    reading.read_unread(at=NOW)
    sentiment = TextReading.objects.get(aspect="sentiment")
    assert sentiment.code == "positive"
    text.correct_reading(sentiment, code="neutral", by=None, at=NOW)  # of a text that never was
    take_back(batch)
    answer = SurveyAnswer.objects.get()
    assert (answer.void, answer.text, answer.response.comment) == (False, *("太贵了，很失望",) * 2)
    assert not TextReading.objects.exists()
    assert reading.read_unread(at=NOW + timedelta(days=2)) == 1
    assert TextReading.objects.get(aspect="sentiment").stands == "negative"


# --- Told again with less, or with what was missing ----------------------------------------------
def standing() -> list[tuple[str, int | None, str]]:
    rows = SurveyAnswer.objects.filter(void=False).order_by("question")
    return list(rows.values_list("question", "number", "text"))


TWO = (
    "R-1,C-1,Yearly,,2026-04-01 10:00,nps,,4,slow",
    "R-1,C-1,Yearly,,2026-04-01 10:00,csat,,2,",
)


def test_answer_that_a_response_no_longer_has_counts_no_more_and_may_come_back(tmp_path: Path) -> None:
    bring(tmp_path, "responses", lines(*TWO), history=True)
    less = bring(tmp_path, "responses", lines(TWO[0]), history=True)
    assert (less.updated, less.unchanged, standing()) == (1, 0, [("nps", 4, "slow")])
    again = bring(tmp_path, "responses", lines(TWO[0]), history=True)
    assert (again.updated, again.unchanged) == (0, 1)
    take_back(less)
    assert standing() == [("csat", 2, ""), ("nps", 4, "slow")]
    bring(tmp_path, "responses", lines(TWO[0]), at=NOW + timedelta(days=2), history=True)
    bring(tmp_path, "responses", lines(*TWO), at=NOW + timedelta(days=3), history=True)
    assert standing() == [("csat", 2, ""), ("nps", 4, "slow")]


def test_response_that_was_none_is_none(tmp_path: Path) -> None:
    bring(tmp_path, "responses", lines(*TWO), history=True)
    never = bring(tmp_path, "responses", lines("R-1,C-1,Yearly,,2026-04-01 10:00,,,,"), history=True)
    assert (never.updated, standing()) == (1, [])
    assert set(SurveyResponse.objects.values_list("void", flat=True)) == {True}
    assert list(SurveyAsked.objects.values_list("answered_day", "void")) == [(None, False)]
    assert [values_of("C-1", at=NOW)[code] for code in ("last_csat", "non_response")] == [None, 1]
    bring(tmp_path, "responses", lines(TWO[0]), history=True)
    assert (SurveyResponse.objects.get().void, standing()) == (False, [("nps", 4, "slow")])


def test_mended_line_joins_the_answers_of_its_response(tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    file.write_text(lines(TWO[0], TWO[1].replace(",2,", ",9,")), encoding="utf-8")
    errors = tmp_path / "errors.csv"
    means = mapping.from_data({"on_missing_customer": "create", "history": True})
    kind = kinds.named("responses")
    report = batches.import_file(file, kind, means, errors_to=errors, by=None, at=NOW)
    assert (report.refused, standing()) == (1, [("nps", 4, "slow")])
    file.write_text(errors.read_text(encoding="utf-8-sig").replace(",9,", ",2,"), encoding="utf-8")
    assert batches.import_file(file, kind, means, by=None, at=NOW).refused == 0
    assert standing() == [("csat", 2, ""), ("nps", 4, "slow")]
    response = SurveyResponse.objects.get()
    assert (response.metric, response.score, response.comment) == ("nps", 4, "slow")
