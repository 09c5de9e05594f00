"""The answers of a survey: figures, groups, rates, silence and words, for whom they may be shown."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.ground import clock
from customers.ground.models import AuditEvent
from customers.models import Customer, User
from customers.text import reading
from surveys import results
from surveys.models import Survey, SurveyVersion
from surveys.results import since_day
from tests.factories import (
    NOW,
    CustomerFactory,
    OrderFactory,
    OrderLineFactory,
    ProductFactory,
    UserFactory,
    ago,
)
from tests.surveys.factories import SurveyAnswerFactory, SurveyAskedFactory, SurveyVersionFactory

pytestmark = pytest.mark.django_db
TODAY = NOW.date().toordinal()
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def version() -> SurveyVersion:
    found: SurveyVersion = SurveyVersionFactory()
    return found


@pytest.fixture
def lead() -> User:
    return UserFactory(role="admin")


def answer(version: SurveyVersion, *numbers: int, **values: Any) -> list[Any]:
    return [SurveyAnswerFactory(version=version, number=number, **values) for number in numbers]


def scale(version: SurveyVersion, kind: str = "nps") -> results.Scale:
    return next(one for one in results.scales_of(version.survey, language="en") if one.kind == kind)


def counted(version: SurveyVersion, user: User, *, since: int = TODAY - 365, kind: str = "nps") -> Any:
    asked = {"user": user, "since": since, "at": NOW}
    return results.counted(version.survey, scale(version, kind), **asked)


def page(client: Client, survey: Survey, user: User, part: str = "answers", **query: Any) -> str:
    client.force_login(user)
    got = client.get(reverse(f"surveys:survey_{part}", args=[survey.code]), query)
    assert got.status_code == 200
    return got.content.decode()


# --- What counts ---------------------------------------------------------------------------------
def test_figures_count_what_stands_of_this_survey_and_question_in_time(version, lead) -> None:
    answer(version, 10, 9, 7, 2)
    answer(version, 0, void=True)
    answer(version, 0, occurred_at=ago(366))
    answer(version, 0, occurred_at=NOW + timedelta(hours=1))
    answer(version, 0, question="another")
    answer(SurveyVersionFactory(), 0)
    answer(version, 1, kind="csat")
    SurveyAnswerFactory(version=version, number=None, text="no score")
    answer(version, 10, customer=None)  # of an open link
    found = results.overall(counted(version, lead), scale(version))
    assert (found.answers, found.low, found.middle, found.high, found.value) == (5, 1, 1, 3, 40.0)


def test_account_manager_counts_her_customers_and_who_is_anonymous(version) -> None:
    manager = UserFactory(role="account_manager")
    answer(version, 10, customer=CustomerFactory(owner=manager))
    answer(version, 0, customer=CustomerFactory(owner=UserFactory()))
    answer(version, 9, customer=None)
    found = results.overall(counted(version, manager), scale(version))
    assert (found.answers, found.low) == (2, 0)
    assert results.overall(counted(version, UserFactory(role="admin")), scale(version)).answers == 3


@pytest.mark.parametrize(("answers", "is_shown"), [(29, False), (30, True)])
def test_figures_are_hidden_below_thirty_answers(client, version, lead, answers, is_shown) -> None:
    answer(version, *[9] * answers)
    html = page(client, version.survey, lead)
    assert ('class="stat-value">+100<' in html) is is_shown
    assert (f"{answers} answers; figures are shown from 30" in html) is not is_shown
    assert f"{answers} answers" in html


def test_groups_of_each_kind_are_exact(version, lead) -> None:
    wen, li = UserFactory(first_name="Wen"), UserFactory(first_name="Li")
    tea, pots = ProductFactory(name="Tea"), ProductFactory(name="Pots")
    second = SurveyVersionFactory(survey=version.survey, number=2)
    one = CustomerFactory(owner=wen, segment="gold")
    two = CustomerFactory(owner=li, segment="")
    for product, customer, days in (
        (tea, one, 10),
        (tea, one, 20),
        (pots, one, 5),
        (tea, two, 366),
        (pots, two, 0),
    ):
        order = OrderFactory(customer=customer, occurred_at=ago(days))
        OrderLineFactory(order=order, product=product)
    lids = ProductFactory(name="Lids")
    OrderLineFactory(order=OrderFactory(customer=one, occurred_at=ago(9), status="cancelled"), product=lids)
    OrderLineFactory(order=OrderFactory(customer=one, occurred_at=ago(9)), product=lids, quantity=-1)
    answer(version, 10, 8, customer=one)
    answer(second, 3, customer=two)
    answer(second, 9, customer=None)
    rows, asked = counted(version, lead), scale(version)

    def told(groups: list[results.Group]) -> list[tuple[str, int, float | None]]:
        return [(group.name, group.tally.answers, group.tally.value) for group in groups]

    segments = told(results.by_segment(rows, asked))
    assert segments[0] == ("gold", 2, 50.0)
    assert sorted(segments[1:]) == [("anonymous", 1, 100.0), ("no segment", 1, -100.0)]
    assert told(results.by_owner(rows, asked)) == sorted([(str(li), 1, -100.0), (str(wen), 2, 50.0)])
    assert told(results.by_version(rows, asked)) == [("Version 2", 2, 0.0), ("Version 1", 2, 50.0)]
    # bought twice counts once; in the year before the answer, and not on the days after it; what was
    # cancelled or came back was not bought
    assert sorted(told(results.by_product(rows, asked))) == [("Pots", 2, 50.0), ("Tea", 2, 50.0)]


def test_months_are_local_and_empty_ones_are_there(version, lead) -> None:
    answer(version, 9, occurred_at=ago(0.1))  # 11 May, 07:36
    answer(version, 0, occurred_at=NOW.replace(month=4, day=30, hour=16))  # 1 May 00:00 in Shanghai
    answer(version, 8, occurred_at=NOW.replace(month=4, day=30, hour=15, minute=59))
    since = since_day(NOW, 3)
    found = results.by_month(counted(version, lead), scale(version), since=since, until=TODAY)
    assert [(month, one.answers, one.low) for month, one in found] == [
        (date(2026, 3, 1), 0, 0),
        (date(2026, 4, 1), 1, 0),
        (date(2026, 5, 1), 2, 1),
    ]
    assert date.fromordinal(since_day(NOW, 12)) == date(2025, 6, 1)
    assert date.fromordinal(since_day(NOW, 5)) == date(2026, 1, 1)
    assert date.fromordinal(since_day(NOW.replace(month=1), 1)) == date(2026, 1, 1)


# --- Who answers -----------------------------------------------------------------------------------
def test_rates_and_who_is_silent(version, lead) -> None:
    manager = UserFactory(role="account_manager")
    survey, other = version.survey, SurveyVersionFactory().survey
    quiet, mine, late, good = CustomerFactory.create_batch(4)
    Customer.objects.filter(pk=mine.pk).update(owner=manager)

    def ask(customer: Customer, *days: float, **values: Any) -> None:
        for days_ago in days:
            SurveyAskedFactory(customer=customer, occurred_at=ago(days_ago), **{"survey": survey, **values})

    ask(quiet, 300, 200, 13)
    ask(mine, 14)
    ask(late, 13)
    ask(good, 300)
    ask(good, 100, answered_day=TODAY - 99)
    ask(CustomerFactory(), 50, survey=other)
    ask(CustomerFactory(), 50, void=True)
    asked = {"at": NOW, "user": lead}
    found = results.rates(survey, since=TODAY - 365, **asked)
    assert (found.asked, found.answered) == (7, 1)
    rows = results.silent(survey, **asked)
    assert [(one.pk, one.times, one.last_day) for one in rows] == [
        (quiet.pk, 2, TODAY - 200),
        (mine.pk, 1, TODAY - 14),
    ]
    assert [one.pk for one in results.silent(survey, user=manager, at=NOW)] == [mine.pk]
    assert results.rates(survey, user=manager, since=TODAY - 365, at=NOW).asked == 1


def test_behaviour_is_that_of_ninety_days_before_and_after(version, lead) -> None:
    survey = version.survey
    yes, no = CustomerFactory.create_batch(2)
    SurveyAskedFactory(customer=yes, survey=survey, occurred_at=ago(120), answered_day=TODAY - 119)
    SurveyAskedFactory(customer=no, survey=survey, occurred_at=ago(90))
    SurveyAskedFactory(customer=no, survey=survey, occurred_at=ago(89))  # its 90 days are not over
    for days in (211, 210, 121, 120, 119, 30, 29):
        OrderFactory(customer=yes, occurred_at=ago(days), sold=1000)
    OrderFactory(customer=yes, occurred_at=ago(115), sold=0, returned=400)
    OrderFactory(customer=yes, occurred_at=ago(115), status="cancelled")
    OrderFactory(customer=no, occurred_at=ago(91), sold=700)
    found = results.compared(survey, user=lead, since=TODAY - 365, at=NOW)
    assert found == (
        results.Behaviour(1, 2.0, 2.0, 2000.0, 1600.0),
        results.Behaviour(1, 1.0, 0.0, 700.0, 0.0),
    )


def test_behaviour_is_shown_from_thirty_invitations_on_either_side_and_claims_no_cause(
    client, version, lead
) -> None:
    for is_answered in (True, False):
        for _n in range(30 if is_answered else 29):
            SurveyAskedFactory(
                survey=version.survey,
                occurred_at=ago(100),
                answered_day=TODAY - 99 if is_answered else None,
            )
    html = page(client, version.survey, lead)
    assert "a difference here is no effect of the survey" in html
    assert "Did not answer" not in html
    SurveyAskedFactory(survey=version.survey, occurred_at=ago(100))
    assert "Did not answer" in page(client, version.survey, lead)


# --- Words -----------------------------------------------------------------------------------------
def test_words_are_searched_by_text_and_score(client, version, lead) -> None:
    answer(version, 2, text="送货太慢了")
    answer(version, 6, text="Slow DELIVERY")
    answer(version, 8, text="送货还行")
    answer(version, 10, text="")
    html = page(client, version.survey, lead, "words")
    assert all(text in html for text in ("送货太慢了", "Slow DELIVERY", "送货还行"))
    html = page(client, version.survey, lead, "words", q="送货", band="low")
    assert "送货太慢了" in html and "送货还行" not in html and "Slow" not in html
    assert "Slow DELIVERY" in page(client, version.survey, lead, "words", q="delivery")
    html = page(client, version.survey, lead, "words", band="high")
    assert "Nothing found" in html
    html = page(client, version.survey, lead, "words", band="middle")
    assert "送货还行" in html and "太慢" not in html


def test_words_of_others_customers_and_of_nobody_are_not_shown_to_an_account_manager(client, version) -> None:
    manager = UserFactory(role="account_manager")
    mine = CustomerFactory(owner=manager, name="Blue Lake")
    answer(version, 2, text="mine", customer=mine)
    answer(version, 2, text="foreign", customer=CustomerFactory(owner=UserFactory()))
    answer(version, 2, text="unsigned", customer=None)
    html = page(client, version.survey, manager, "words")
    assert "mine" in html and "foreign" not in html and "unsigned" not in html
    assert f"/customers/{mine.pk}/" in html
    assert client.get(reverse("surveys:survey_answers_export", args=[version.survey.code])).status_code == 403
    assert "unsigned" in page(client, version.survey, UserFactory(role="admin"), "words")


def test_what_was_read_of_words_stands_beside_them(client, version, lead) -> None:
    (one,) = answer(version, 2, text="太贵了，非常失望")
    assert reading.read_unread(at=NOW) == 1
    html = page(client, version.survey, lead, "words")
    assert re.findall(r"visually-hidden\">(\w+) </span>([^<]+) · by keywords", html) == [
        ("sentiment", "negative"),
        ("cause", "Too expensive"),
    ]
    assert reading.read_text(one, at=NOW)[0].subject_kind == "survey"


def test_hostile_words_are_inert_on_the_page_and_in_the_file(client, version, lead) -> None:
    answer(version, 2, text=EVIL, customer=CustomerFactory(name=EVIL[:60]))
    answer(version, 2, text="=HYPERLINK(1)")
    html = page(client, version.survey, lead, "words", q="<script>")
    assert "<script>alert" not in html and "&lt;script&gt;" in html
    sheet = client.get(reverse("surveys:survey_answers_export", args=[version.survey.code]))
    text = b"".join(sheet.streaming_content).decode("utf-8-sig")
    assert "'=HYPERLINK(1)" in text and "\n=HYPERLINK" not in text
    assert AuditEvent.objects.get(act="export.run").codes["rows"] == 2


def test_file_of_words_is_what_the_search_shows(client, version, lead) -> None:
    answer(version, 2, text="slow")
    answer(version, 9, text="fine")
    answer(version, 9)
    client.force_login(lead)
    address = reverse("surveys:survey_answers_export", args=[version.survey.code])
    lines = {}
    for name, query in (("all", {}), ("words", {"words": 1}), ("low", {"words": 1, "band": "low"})):
        sheet = client.get(address, query)
        lines[name] = b"".join(sheet.streaming_content).decode("utf-8-sig").splitlines()
    assert [len(lines[name]) for name in ("all", "words", "low")] == [4, 3, 2]
    assert lines["low"][1].endswith(",slow")
    headers = {"HTTP_ACCEPT_LANGUAGE": "zh-hans"}
    User.objects.filter(pk=lead.pk).update(language="zh-hans")
    sheet = client.get(address, **headers)
    head = b"".join(sheet.streaming_content).decode("utf-8-sig").splitlines()[0]
    assert head.endswith("问题,类型,量表,分值,所选,文字")  # 编号 would be the number of something


# --- Pages -----------------------------------------------------------------------------------------
def test_survey_without_a_score_or_an_answer_says_so(client, lead) -> None:
    document = {
        "format": 1,
        "languages": ["en"],
        "title": {"en": "T"},
        "pages": [{"questions": [{"code": "q", "kind": "text", "text": {"en": "Why?"}}]}],
    }
    wordy = SurveyVersionFactory(document=document)
    assert "asks for no score" in page(client, wordy.survey, lead)
    empty = SurveyVersionFactory()
    assert "no answer yet" in page(client, empty.survey, lead)
    assert "No words yet" in page(client, empty.survey, lead, "words")
    assert "Nobody is silent" in page(client, empty.survey, lead, "silent")


def test_each_question_has_its_figures_and_an_unknown_one_is_the_first(client, version, lead) -> None:
    answer(version, *[4] * 30, kind="csat")
    html = page(client, version.survey, lead, question="csat.csat.5")
    assert "100%" in html and "Satisfied" in html
    html = page(client, version.survey, lead, question="nothing", months="999")
    assert "no answer yet" in html


@pytest.mark.parametrize("part", ["answers", "words", "silent"])
def test_page_asks_as_often_at_three_rows_as_at_one(client, version, lead, part) -> None:
    def fill() -> None:
        customer = CustomerFactory(owner=UserFactory(), segment=f"s{Customer.objects.count()}")
        OrderLineFactory(order=OrderFactory(customer=customer, occurred_at=ago(9)), product=ProductFactory())
        (one,) = answer(version, 2, text="太贵了", customer=customer)
        reading.read_text(one, at=NOW)
        SurveyAskedFactory(survey=version.survey, customer=CustomerFactory(), occurred_at=ago(100))

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            page(client, version.survey, lead, part)
        return len(seen)

    fill()
    page(client, version.survey, lead, part)
    first = queries()
    fill()
    fill()
    assert queries() == first
