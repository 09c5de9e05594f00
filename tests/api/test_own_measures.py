"""Own measures by the API: made, listed, renamed, retired by admins; read like all others."""

from __future__ import annotations

from typing import Any

import pytest

from customers.models import Attribute, Customer, Indicator, User
from retention.models import OwnMeasure
from tests.factories import IndicatorFactory, IndicatorValueFactory

pytestmark = pytest.mark.django_db
FALL = {
    "code": "fall",
    "label_en": "Fall",
    "label_zh": "下降",
    "way": "change",
    "indicator": "health-score",
    "days": 30,
}


@pytest.fixture
def score(company: object) -> Indicator:
    return IndicatorFactory()


def test_admin_makes_renames_and_retires(caller: Any, admin: User, score: Indicator) -> None:
    ask = caller(admin)
    made = ask("post", "own-measures/", FALL)
    assert made.status_code == 201, made.content
    said = made.json()
    assert (said["measure"], said["unit"], said["indicator"], said["attribute"]) == (
        "own.fall",
        "count",
        "health-score",
        None,
    )
    assert ask("post", "own-measures/", FALL).json()["code"] == "own_measure_taken"
    again = {**FALL, "code": "b", "label_en": "B", "label_zh": "乙"}
    assert ask("post", "own-measures/", {**again, "way": "number"}).json()["code"] == "own_measure_way"
    assert ask("post", "own-measures/", {**again, "indicator": "gone"}).status_code == 400
    assert ask("post", "own-measures/", {**again, "way": "sum"}).status_code == 400
    path = f"own-measures/{said['id']}/"
    names = {"label_en": "Drop", "label_zh": "下跌"}
    assert ask("post", f"{path}rename/", names).json()["label_en"] == "Drop"
    assert ask("post", f"{path}retire/", {"retired": True}).json()["retired_at"]
    assert ask.get("own-measures/", is_retired="false").json()["results"] == []
    assert [one["code"] for one in ask.get("own-measures/").json()["results"]] == ["fall"]


def test_the_same_key_makes_one(caller: Any, admin: User, score: Indicator) -> None:
    ask = caller(admin)
    first, second = (ask("post", "own-measures/", FALL, key="one") for _again in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert OwnMeasure.objects.count() == 1


def test_others_read_and_do_not_write(caller: Any, lead: User, manager: User, score: Indicator) -> None:
    assert caller(lead).get("own-measures/").status_code == 200
    for user in (lead, manager):
        assert caller(user)("post", "own-measures/", FALL).status_code == 403
    assert not OwnMeasure.objects.exists()


def test_catalogue_and_values_of_a_customer_have_it(
    caller: Any, admin: User, customer: Customer, score: Indicator
) -> None:
    IndicatorValueFactory(customer=customer, number=50)
    ask = caller(admin)
    ask("post", "own-measures/", {**FALL, "way": "newest"})
    listed = {one["code"]: one for one in ask.get("measures/").json()["results"]}
    assert (listed["own.fall"]["unit"], listed["own.fall"]["source"]) == ("count", "own")
    assert listed["own.fall"]["known"] is None  # not counted yet
    assert ask.get(f"customers/{customer.pk}/measures/").json()["values"]["own.fall"] == "50"


def test_what_one_reads_is_not_retired_by_a_program_either(
    program: Any, caller: Any, admin: User, score: Indicator
) -> None:
    caller(admin)("post", "own-measures/", FALL)
    refused = program("patch", f"indicators/{score.pk}/", {"is_retired": True}, If_Match="*")
    assert (refused.status_code, refused.json()["code"]) == (409, "still_read")
    grade = Attribute.objects.create(code="n", kind="number", label_en="N", label_zh="数")
    made = {"code": "n", "label_en": "N", "label_zh": "数", "way": "number", "attribute": "n"}
    assert caller(admin)("post", "own-measures/", made).status_code == 201
    assert program("post", f"attributes/{grade.pk}/retire/", {"retired": True}).json()["code"] == "still_read"
