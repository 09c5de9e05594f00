"""Feedback of every kind by program: filed, found, said more exactly; compensation within limits."""

from __future__ import annotations

from typing import Any

import pytest

from customers import complaints
from customers.ground.models import Event
from customers.models import Cause, Compensation, Complaint, Customer, User
from tests.factories import NOW, CustomerFactory, ProductFactory, UserFactory

pytestmark = pytest.mark.django_db


def news() -> list[str]:
    told = Event.objects.filter(subject_type="customers.complaint").order_by("id")
    return list(told.values_list("kind", flat=True))


def test_feedback_of_every_kind_is_filed_and_found(caller: Any, manager: User, customer: Customer) -> None:
    call, product = caller(manager), ProductFactory(code="P-9")
    cause = Cause.objects.get(code="late_delivery")
    said = {
        "customer": customer.pk,
        "kind": "praise",
        "text": "Quick help",
        "product": "P-9",
        "lot": "L-7",
        "cause": cause.pk,
        "praised": manager.pk,
        "respond_by": "2026-05-12T08:00:00Z",
    }
    made = call("post", "complaints/", said)
    assert made.status_code == 201, made.content
    row = made.json()
    shown = {name: row[name] for name in said}
    assert shown == said and row["escalated"] is False and row["steps"][0]["kind"] == "received"
    assert Complaint.objects.get().product == product
    plain = call("post", "complaints/", {"customer": customer.pk, "text": "Wet."}).json()
    assert (plain["kind"], plain["steps"][0]["kind"], plain["product"]) == ("complaint", "opened", None)
    for query, ids in {
        "kind=praise": [row["id"]],
        "kind=complaint": [plain["id"]],
        "product=P-9": [row["id"]],
        "product=P-8": [],
        "lot=L-7": [row["id"]],
        f"cause={cause.pk}": [row["id"]],
        f"praised={manager.pk}": [row["id"]],
        "respond_before=2190-05-13T00:00:00Z": [row["id"], plain["id"]],
        "respond_before=2026-05-11T02:00:00Z": [],
    }.items():
        found = call("get", f"complaints/?{query}").json()["results"]
        assert sorted(one["id"] for one in found) == ids, query


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"product": "none-such"}, "product"),
        ({"cause": 99_999_999}, "cause"),
        ({"kind": "praise", "praised": 99_999_999}, "praised"),
        ({"kind": "rumour"}, "kind"),
    ],
)
def test_what_is_not_there_is_named(
    caller: Any, manager: User, customer: Customer, said: dict[str, Any], field: str
) -> None:
    answer = caller(manager)("post", "complaints/", {"customer": customer.pk, "text": "x", **said})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"#/{field}")
    assert not Complaint.objects.exists()


def test_only_praise_has_somebody_praised(caller: Any, manager: User, customer: Customer) -> None:
    said = {"customer": customer.pk, "text": "x", "praised": manager.pk}
    answer = caller(manager)("post", "complaints/", said)
    assert (answer.status_code, answer.json()["code"]) == (409, "praised_without_praise")


def test_it_is_said_more_exactly_and_the_rest_stays(caller: Any, manager: User, customer: Customer) -> None:
    ProductFactory(code="P-9")
    row = complaints.file_complaint(customer, text="Wet", category="delivery", lot="1", by=None, at=NOW)
    call = caller(manager)
    shown = call("post", f"complaints/{row.pk}/describe/", {"product": "P-9", "lot": "2"}).json()
    assert (shown["product"], shown["lot"], shown["category"]) == ("P-9", "2", "delivery")
    assert call("post", f"complaints/{row.pk}/describe/", {"product": ""}).json()["product"] is None


def test_compensation_is_given_once_and_decided_by_somebody_else(
    caller: Any, manager: User, admin: User, customer: Customer
) -> None:
    row = complaints.file_complaint(customer, text="Wet", by=None, at=NOW)
    call = caller(manager)
    said = {"complaint": row.pk, "kind": "refund", "amount": "150.50", "reason": "Wet", "key": "t-1"}
    first, second = (call("post", "compensations/", said) for _press in range(2))
    assert first.status_code == 201, first.content
    assert first.json()["id"] == second.json()["id"] and Compensation.objects.count() == 1
    assert (first.json()["amount"], first.json()["state"]) == ("150.50", "granted")
    more = call("post", "compensations/", {**said, "key": "t-2"}).json()
    assert more["state"] == "asked"
    assert call("post", f"compensations/{more['id']}/grant/").status_code == 403
    waiting = call("get", "compensations/?state=asked").json()["results"]
    assert [one["id"] for one in waiting] == [more["id"]]
    by_admin = caller(admin)
    assert by_admin("post", f"compensations/{more['id']}/grant/").json()["state"] == "granted"
    again = by_admin("post", f"compensations/{more['id']}/decline/")
    assert (again.status_code, again.json()["code"]) == (409, "compensation_decided")


def test_compensation_of_others_is_not_there(caller: Any, manager: User) -> None:
    row = complaints.file_complaint(CustomerFactory(owner=UserFactory()), text="Wet", by=None, at=NOW)
    said = {"complaint": row.pk, "kind": "refund", "amount": "1", "reason": "Wet", "key": "t-1"}
    answer = caller(manager)("post", "compensations/", said)
    assert answer.status_code == 400 and not Compensation.objects.exists()


def test_a_batch_brings_kinds_products_lots_and_causes(
    caller: Any, manager: User, customer: Customer
) -> None:
    ProductFactory(code="P-9")
    record = {
        "external_id": "T-1",
        "customer": "C-1",
        "occurred_at": "2026-05-10T09:00:00Z",
        "text": "Is it safe?",
        "kind": "question",
        "product": "P-9",
        "lot": "L-7",
        "cause": "late_delivery",
    }
    bad = [{**record, "external_id": name, name: "none-such"} for name in ("product", "cause")]
    call = caller(UserFactory(role="integration"))
    known = {"source": "desk", "records": [{"external_id": "C-1", "name": "Blue Lake"}]}
    assert call("post", "batch/customers/", known).json()["created"] == 1

    def send(*records: dict[str, Any]) -> list[Any]:
        answer = call("post", "batch/complaints/", {"source": "desk", "records": list(records)})
        return [
            (row["status"], [e["code"] for e in row.get("errors", [])]) for row in answer.json()["results"]
        ]

    assert send(record, *bad) == [
        ("created", []),
        ("refused", ["unknown_product"]),
        ("refused", ["unknown_cause"]),
    ]
    row = Complaint.objects.select_related("product", "cause").get()
    assert (row.kind, row.product.code, row.lot, row.cause.code) == (
        "question",
        "P-9",
        "L-7",
        "late_delivery",
    )  # type: ignore[union-attr]
    assert list(row.events.values_list("kind", flat=True)) == ["received"]
    assert row.respond_by is not None
    assert news() == ["feedback.filed"]
    resolved = record | {"resolved_at": "2026-05-10T10:00:00Z"}
    assert send(resolved) == [("updated", [])]
    del resolved["kind"]  # what is not said stays
    assert send(resolved | {"reopened_at": "2026-05-10T11:00:00Z"}) == [("updated", [])]
    row.refresh_from_db()
    assert (row.kind, row.state) == ("question", "open")
    assert news() == [
        "feedback.filed",
        "feedback.resolved",
        "feedback.reopened",
    ]
    assert set(row.events.values_list("kind", flat=True)) == {"received", "resolved"}
