"""Measures of survey answers by example: what counts, and the nearest thing that does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from customers.models import Customer
from retention import measures
from retention.measures import compute
from surveys import answering, invitations
from surveys.definition import Given
from surveys.models import SurveyAsked
from tests.factories import NOW, ago
from tests.surveys.factories import SurveyAnswerFactory, SurveyAskedFactory
from tests.surveys.makers import live

pytestmark = pytest.mark.django_db
REAL = datetime(2026, 5, 11, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _company(company: Any) -> None:
    """Everything here needs a company."""


def value_of(customer: Customer, code: str, *, at: datetime = NOW) -> Any:
    with compute.at(as_of=at, customers=compute.only([customer.pk])) as table:
        row = compute.values_of([customer.pk], table=table)[customer.pk]
    return measures.get(code).read(row, today=compute.today(at).number)


def scored(customer: Customer, *answers: tuple[str, int | None, float], **values: Any) -> None:
    for kind, number, days in answers:
        SurveyAnswerFactory(customer=customer, kind=kind, number=number, occurred_at=ago(days), **values)


def test_without_an_answer_everything_is_unknown_and_nothing_neutral(customer: Customer) -> None:
    for code, measure in measures.every().items():
        if measure.source in {"answers", "asked"}:
            assert value_of(customer, code) is None, code
    scored(customer, ("text", None, 3))
    assert value_of(customer, "days_since_last_answer") == 3
    assert [value_of(customer, code) for code in ("last_nps", "last_csat", "last_ces")] == [None] * 3


def test_newest_score_of_each_kind_stands_for_it(customer: Customer) -> None:
    scored(customer, ("nps", 10, 90), ("nps", 0, 5), ("nps", None, 1), ("csat", 5, 2), ("rating", 1, 1))
    assert (value_of(customer, "last_nps"), value_of(customer, "days_since_last_nps")) == (0, 5)
    assert (value_of(customer, "last_csat"), value_of(customer, "csat_change")) == (5, None)
    assert value_of(customer, "days_since_last_csat") == 2


def test_satisfaction_changes_against_the_answer_before(customer: Customer) -> None:
    scored(customer, ("csat", 1, 300), ("csat", 5, 90), ("csat", 2, 5))
    assert (value_of(customer, "csat_before"), value_of(customer, "csat_change")) == (5, -3)
    assert value_of(customer, "csat_change", at=ago(5)) == 4  # before the newest one
    scored(customer, ("csat", 4, 1), void=True)
    assert value_of(customer, "csat_change") == -3


@pytest.mark.parametrize(
    ("points", "number", "read"),
    [(7, 1, 1), (7, 6, 6), (7, 7, 7), (5, 1, 1), (5, 2, 2), (5, 3, 4), (5, 4, 5), (5, 5, 7)],
)
def test_effort_is_told_on_seven_points(customer: Customer, points: int, number: int, read: int) -> None:
    SurveyAnswerFactory(customer=customer, kind="ces", points=points, number=number)
    assert value_of(customer, "last_ces") == read


def test_invitations_without_an_answer_are_counted_after_fourteen_days(customer: Customer) -> None:
    SurveyAskedFactory(customer=customer, occurred_at=ago(13))
    assert value_of(customer, "non_response") is None
    SurveyAskedFactory(customer=customer, occurred_at=ago(14))
    assert value_of(customer, "non_response") == 1
    day = NOW.date().toordinal()
    SurveyAskedFactory(customer=customer, occurred_at=ago(100), answered_day=day - 99)
    SurveyAskedFactory(customer=customer, occurred_at=ago(200))
    assert (value_of(customer, "non_response"), value_of(customer, "non_response_365d")) == (1, 2)
    SurveyAskedFactory(customer=customer, occurred_at=ago(1), answered_day=day)
    assert (value_of(customer, "non_response"), value_of(customer, "non_response_365d")) == (0, 2)


def test_asking_and_answering_are_known_from_the_moment_on_at_which_they_happened(
    customer: Customer,
) -> None:
    survey, contact = live(), customer.contacts.get(is_main=True)
    asked_at, answered_at = NOW - timedelta(days=30), NOW - timedelta(days=2)
    invitation, _token = invitations.invite(survey, contact, by=None, now=REAL, at=asked_at)
    given = {"nps": Given(number=3, text="太慢")}
    answering.submit(invitation, answers=given, by=None, now=REAL, at=answered_at)
    row = SurveyAsked.objects.get()
    assert (row.occurred_at, row.response.score) == (asked_at, 3)
    before, after = answered_at, answered_at + timedelta(seconds=1)
    assert [value_of(customer, code, at=before) for code in ("non_response", "last_nps")] == [1, None]
    assert [value_of(customer, code, at=after) for code in ("non_response", "last_nps")] == [0, 3]
    assert value_of(customer, "non_response", at=asked_at) is None


def test_nobody_is_asked_by_an_open_link(customer: Customer) -> None:
    survey = live()
    link = invitations.make_open_link(survey, label="till", by=None, now=REAL, at=NOW)
    begun = invitations.begin(link, invitations.ticket(link), language="en", now=REAL)
    assert begun is not None
    answering.submit(begun[0], answers={"nps": Given(number=3)}, by=None, now=REAL, at=NOW)
    assert not SurveyAsked.objects.exists()
