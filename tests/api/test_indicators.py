"""Indicators by the API: defined, recorded, listed, removed, in batches."""

from __future__ import annotations

from typing import Any

import pytest

from customers.models import Customer, Indicator, IndicatorValue, User
from tests.factories import IndicatorFactory, IndicatorValueFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def score(company: object) -> Indicator:
    return IndicatorFactory()


def test_api_records_lists_and_removes(program: Any, customer: Customer, score: Indicator) -> None:
    body = {"customer": customer.pk, "indicator": "health-score", "value": "72.5"}
    made = program("post", "indicator-values/", body)
    assert made.status_code == 201, made.content
    assert (made.json()["indicator"], float(made.json()["value"])) == ("health-score", 72.5)
    for name, value in (("indicator", "x"), ("value", "much"), ("customer", 10**9)):
        refused = program("post", "indicator-values/", {**body, name: value})
        assert refused.status_code == 400, refused.content
    listed = program.get("indicator-values/", indicator="health-score").json()["results"]
    assert [row["id"] for row in listed] == [made.json()["id"]]
    assert program.get("indicator-values/", indicator="other").json()["results"] == []
    assert program("post", f"indicator-values/{made.json()['id']}/remove/").json()["void"] is True


def test_api_of_others_values_and_of_the_catalogue(
    caller: Any, outsider: User, manager: User, program: Any, customer: Customer
) -> None:
    mine = IndicatorValueFactory(customer=customer)
    assert caller(outsider).get("indicator-values/").json()["results"] == []
    assert caller(outsider)("post", f"indicator-values/{mine.pk}/remove/").status_code == 404
    said = {"code": "nps", "name_en": "Score", "name_zh": "得分", "worse": "lower"}
    assert program("post", "indicators/", said).status_code == 201
    assert program("post", "indicators/", said).json()["code"] == "indicator_exists"
    assert program("post", "indicators/", {**said, "code": "b", "worse": "up"}).status_code == 400
    assert caller(manager)("post", "indicators/", {**said, "code": "b"}).status_code == 403


def test_batch_of_values_says_what_became_of_each_record(program: Any, score: Indicator) -> None:
    first = {
        "external_id": "1",
        "customer": "C-1",
        "occurred_at": "2026-05-01T09:00:00Z",
        "indicator": "health-score",
        "value": "7",
    }
    records = [first, {**first, "external_id": "2", "indicator": "x"}]
    said = {"source": "s", "records": records, "on_missing_customer": "create"}
    answer = program("post", "batch/indicators/", said).json()
    assert [row["status"] for row in answer["results"]] == ["created", "refused"], answer
    again = {**said, "records": [{**first, "value": "8"}]}
    assert program("post", "batch/indicators/", again).json()["updated"] == 1
    assert IndicatorValue.objects.get().milli == 8000
