"""Answers of the past by program: a batch says of each what became of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, ImportBatch
from surveys.models import SurveyAnswer, SurveyAsked, SurveyResponse
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def send(program: Any) -> Any:
    said = {"source": "shop", "records": [{"external_id": "C-1", "name": "Blue Lake"}]}
    assert program("post", "batch/customers/", said).json()["created"] == 1

    def sending(*records: dict[str, Any], **head: Any) -> Any:
        answer = program("post", "batch/responses/", {"source": "shop", "records": list(records), **head})
        assert answer.status_code == 200, answer.content
        return answer.json()

    return sending


def record(number: int, **values: Any) -> dict[str, Any]:
    answer = {"metric": "nps", "score": 9, **values}
    told = {"occurred_at": "2026-05-10T09:30:00+08:00", "survey": "Yearly", "answers": [answer]}
    return {"external_id": f"R-{number}", "customer": "C-1", **told}


def silent(number: int) -> dict[str, Any]:
    return {name: value for name, value in record(number).items() if name != "answers"}


def test_batch_says_of_each_record_what_became_of_it(send: Any) -> None:
    said = send(record(1), record(2, score=11), silent(3), {**record(4), "customer": "C-9"})
    assert [one["status"] for one in said["results"]] == ["created", "refused", "created", "refused"]
    assert [(e["pointer"], e["code"]) for one in said["results"] for e in one["errors"]] == [
        ("#/records/1/answers/0/score", "not_on_scale"),
        ("#/records/3/customer", "unknown_customer"),
    ]
    said = send(record(1), silent(3), record(5))
    assert [one["status"] for one in said["results"]] == ["unchanged", "unchanged", "created"]
    more = record(1)
    more["answers"].append({"metric": "csat", "score": 5})
    said = send(more, silent(3), record(5))  # only a second answer was added
    assert [one["status"] for one in said["results"]] == ["updated", "unchanged", "unchanged"]
    more["answers"][1]["score"] = 1
    said = send(more, silent(3), record(5))
    assert [one["status"] for one in said["results"]] == ["updated", "unchanged", "unchanged"]
    assert list(SurveyAnswer.objects.filter(kind="csat").values_list("number", flat=True)) == [1]
    assert (SurveyAsked.objects.count(), SurveyResponse.objects.count()) == (3, 2)


def test_batch_takes_as_many_queries_for_ten_as_for_three(send: Any) -> None:
    send(record(0))

    def queries(first: int, count: int) -> int:
        with CaptureQueriesContext(connection) as seen:
            send(*(record(first + n) for n in range(count)))
        return len([q for q in seen if "ratecounter" not in q["sql"]])

    assert queries(10, 3) == queries(20, 10)


def test_only_admins_bring_answers(client: Any) -> None:
    client.force_login(UserFactory(role="account_manager"))
    answer = client.post("/api/v1/batch/responses/", {}, content_type="application/json")
    assert answer.status_code == 403
    assert not ImportBatch.objects.exists() and not Customer.objects.exists()
