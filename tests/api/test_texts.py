"""What texts say by API: read by all who see the customer, corrected by those who write."""

from __future__ import annotations

from typing import Any

import pytest

from customers import text
from customers.models import Complaint, Customer, TextReading
from retention import cases
from tests.factories import NOW, ComplaintFactory, CustomerFactory
from tests.retention import makers

LATE = "The parcel came late"


@pytest.fixture
def complaint(customer: Customer) -> Complaint:
    made: Complaint = ComplaintFactory(customer=customer, text=LATE)
    ComplaintFactory(customer=CustomerFactory(), text="Rude staff")
    text.read_unread(at=NOW)
    return made


def test_readings_are_listed_by_what_is_asked(caller: Any, manager: Any, complaint: Complaint) -> None:
    call = caller(manager)
    every = call.get("text-readings/").json()["results"]
    assert {(row["subject_id"], row["aspect"]) for row in every} == {
        (complaint.pk, aspect) for aspect in ("sentiment", "cause", "urgency")
    }
    asked = f"text-readings/?subject_kind=complaint&subject_id={complaint.pk}&aspect=cause"
    (row,) = call.get(asked).json()["results"]
    assert (row["stands"], row["code"], row["percent"], row["model"]) == (
        "late_delivery",
        "late_delivery",
        None,
        None,
    )
    unsure = call.get("text-readings/?is_sure=false").json()["results"]
    assert {row["aspect"] for row in unsure} == {"urgency"}
    assert "text" not in row


def test_a_correction_stands_and_is_taken_back(caller: Any, manager: Any, complaint: Complaint) -> None:
    call = caller(manager)
    pk = TextReading.objects.get(subject_id=complaint.pk, aspect="cause").pk
    said = call("post", f"text-readings/{pk}/correct/", {"code": "outage"})
    assert (said.status_code, said.json()["stands"], said.json()["corrected_by"]) == (
        200,
        "outage",
        manager.pk,
    )
    back = call("post", f"text-readings/{pk}/correct/", {"code": ""})
    assert (back.json()["stands"], back.json()["corrected_by"]) == ("late_delivery", None)


def test_what_is_not_offered_is_a_problem(caller: Any, manager: Any, complaint: Complaint) -> None:
    pk = TextReading.objects.get(subject_id=complaint.pk, aspect="cause").pk
    answer = caller(manager)("post", f"text-readings/{pk}/correct/", {"code": "negative"})
    assert (answer.status_code, answer.json()["code"]) == (409, "text_answer")
    assert caller(manager)("post", f"text-readings/{pk}/correct/", {}).status_code == 400


def test_others_readings_are_not_there(
    caller: Any, outsider: Any, analyst: Any, complaint: Complaint
) -> None:
    pk = TextReading.objects.get(subject_id=complaint.pk, aspect="cause").pk
    assert caller(outsider).get(f"text-readings/{pk}/").status_code == 404
    assert caller(outsider)("post", f"text-readings/{pk}/correct/", {"code": "outage"}).status_code == 404
    assert caller(outsider).get("text-readings/").json()["results"] == []
    assert len(caller(analyst).get("text-readings/").json()["results"]) == 6
    assert caller(analyst)("post", f"text-readings/{pk}/correct/", {"code": "outage"}).status_code == 403


def test_the_main_cause_of_a_diagnosis_is_learnt_as_the_complaints(
    customer: Customer, manager: Any, company: Any
) -> None:
    from customers.text import sources

    complaint = ComplaintFactory(customer=customer, text=LATE)
    case = makers.make_case(customer, complaint=complaint)
    price, outage = makers.cause("price"), makers.cause("outage")
    cases.diagnose(case, churn_type="active", causes=[price, outage], main=outage, by=manager, at=NOW)
    other = makers.make_case(CustomerFactory())  # no complaint opened it
    cases.diagnose(other, churn_type="active", causes=[price], by=manager, at=NOW)

    (labels,) = sources.all_labels()
    (found,) = labels("cause", 10)
    assert (found.kind, found.subject_id, found.code, found.at) == ("complaint", complaint.pk, "outage", NOW)
    assert list(labels("sentiment", 10)) == []


def test_trainings_are_listed(caller: Any, analyst: Any, company: Any) -> None:
    from tests.api.world import _text_model

    pk = _text_model()
    (row,) = caller(analyst).get("text-models/?aspect=cause").json()["results"]
    assert (row["id"], row["macro_f1"], row["is_active"]) == (pk, 0.9, False)
    assert "weights" not in row and "fingerprint" not in row
    assert caller(analyst).get("text-models/?aspect=urgency").json()["results"] == []
