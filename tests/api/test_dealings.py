"""Usage by the API: recorded, removed, in batches, and the catalogue of metrics."""

from __future__ import annotations

from customers.ground.models import AuditEvent
from customers.models import Usage, UsageMetric
from tests.factories import ProductFactory, UsageFactory

MOMENT = "2026-05-11T09:30:00+08:00"


def test_usage_is_recorded_listed_and_removed(program, customer):
    ProductFactory(code="P-1")
    body = {"customer": customer.pk, "metric": "visits", "quantity": "2.5", "product": "P-1"}
    made = program("post", "usage/", body)
    assert made.status_code == 201, made.content
    assert {name: made.json()[name] for name in ("metric", "quantity", "product", "void")} == {
        "metric": "visits",
        "quantity": "2.5",
        "product": "P-1",
        "void": False,
    }
    UsageFactory(customer=customer)
    listed = program.get("usage/", metric="visits").json()["results"]
    assert [row["id"] for row in listed] == [made.json()["id"]]
    assert program("post", f"usage/{made.json()['id']}/remove/").json()["void"] is True
    assert Usage.objects.get(metric__code="visits").void


def test_usage_refuses_what_is_not_there(program, customer):
    said = {"customer": customer.pk, "metric": "logins", "quantity": "1"}
    for name, value, place in (
        ("metric", "nothing", "#/metric"),
        ("product", "P-9", "#/product"),
        ("quantity", "1.0001", "#/quantity"),
    ):
        answer = program("post", "usage/", {**said, name: value})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, place)
    assert program("post", "usage/", {**said, "quantity": "-1"}).json()["code"] == "usage_quantity"
    assert not Usage.objects.exists()


def test_usage_of_others_is_not_there(caller, outsider, customer):
    mine = UsageFactory(customer=customer)
    assert caller(outsider).get("usage/").json()["results"] == []
    assert caller(outsider).get(f"usage/{mine.pk}/").status_code == 404
    assert caller(outsider)("post", f"usage/{mine.pk}/remove/").status_code == 404


def test_metrics_are_added_by_programs_that_may_change_the_company(program, caller, manager):
    said = {"code": "seats", "kind": "balance", "name_en": "Seats", "name_zh": "席位"}
    assert program("post", "usage-metrics/", said).status_code == 201
    assert program("post", "usage-metrics/", said).json()["code"] == "metric_exists"
    assert caller(manager)("post", "usage-metrics/", {**said, "code": "more"}).status_code == 403
    assert UsageMetric.objects.get(code="seats").name_zh == "席位"
    assert AuditEvent.objects.filter(act="metric.add").count() == 1


def test_batch_of_usage_says_what_became_of_each_record(program):
    program("post", "batch/customers/", {"source": "s", "records": [{"external_id": "C-1", "name": "Lake"}]})

    def send(*quantities, **values):
        records = [
            {
                "external_id": f"U-{number}",
                "customer": "C-1",
                "occurred_at": MOMENT,
                "metric": "logins",
                "quantity": quantity,
                **values,
            }
            for number, quantity in enumerate(quantities)
        ]
        answer = program("post", "batch/usage/", {"source": "s", "records": records})
        assert answer.status_code == 200, answer.content
        return [result["status"] for result in answer.json()["results"]]

    assert send("1", "2") == ["created", "created"]
    assert send("1", "3") == ["unchanged", "updated"]
    assert send("1", "4", metric="nothing") == ["refused", "refused"]
    assert sorted(Usage.objects.values_list("milli", flat=True)) == [1000, 3000]
