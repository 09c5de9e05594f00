"""Usage, invoices and deliveries by the API: recorded, removed, in batches; the catalogue of metrics."""

from __future__ import annotations

from customers.ground.models import AuditEvent
from customers.models import Invoice, Order, Usage, UsageMetric
from tests.factories import InvoiceFactory, OrderFactory, ProductFactory, UsageFactory

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


def test_invoice_is_recorded_paid_and_removed(program, customer):
    body = {"customer": customer.pk, "amount": "100.00", "due_on": "2026-06-10", "number": "INV-7"}
    made = program("post", "invoices/", body)
    assert made.status_code == 201, made.content
    path = f"invoices/{made.json()['id']}/"
    paid = program("post", f"{path}payments/", {"amount": "40.50", "method": "card"}).json()
    assert (paid["settled"], paid["payments"][0]["outcome"]) == ("40.50", "paid")
    program("post", f"{path}payments/", {"outcome": "failed"})
    assert [p["amount"] for p in program.get(path).json()["payments"]] == ["40.50", "59.50"]
    assert [row["number"] for row in program.get("invoices/", open="true").json()["results"]] == ["INV-7"]
    assert program.get("invoices/", open="false").json()["results"] == []
    left = program("post", f"{path}remove-payment/", {"payment": paid["payments"][0]["id"]}).json()
    assert (left["settled"], len(left["payments"])) == ("0.00", 1)
    program("post", f"{path}payments/", {})
    assert program("post", f"{path}payments/", {}).json()["code"] == "invoice_settled"
    assert program("post", f"{path}remove/").json()["void"] is True


def test_invoice_refuses_what_cannot_be(program, customer):
    body = {"customer": customer.pk, "amount": "0", "due_on": "2026-06-10"}
    assert program("post", "invoices/", body).json()["code"] == "invoice_amount"
    assert program("post", "invoices/", {**body, "amount": "-1"}).status_code == 400
    mine, other = InvoiceFactory(customer=customer), InvoiceFactory(customer=customer)
    step = other.events.get()
    path = f"invoices/{mine.pk}/remove-payment/"
    assert program("post", path, {"payment": step.pk}).status_code == 404
    assert program("post", f"invoices/{other.pk}/remove-payment/", {"payment": step.pk}).json()["code"] == (
        "not_a_payment"
    )


def test_delivery_of_an_order_is_told(program, customer):
    order = OrderFactory(customer=customer)
    path = f"orders/{order.pk}/delivery/"
    said = program("post", path, {"promised_on": "2026-05-10"}).json()
    assert (said["promised_on"], said["delivered_on"], said["status"]) == ("2026-05-10", None, "placed")
    said = program("post", path, {"delivered_on": "2026-05-11"}).json()
    assert (said["promised_on"], said["delivered_on"], said["status"]) == (
        "2026-05-10", "2026-05-11", "delivered"
    )  # fmt: skip
    assert program("post", path, {"delivered_on": "2026-01-01"}).json()["code"] == "delivered_before"
    assert Order.objects.get().delivered_day is not None


def test_batch_of_invoices_takes_payments_along(program):
    program("post", "batch/customers/", {"source": "s", "records": [{"external_id": "C-1", "name": "Lake"}]})

    def send(*payments, **values):
        record = {
            "external_id": "INV-1",
            "customer": "C-1",
            "occurred_at": MOMENT,
            "due_on": "2026-06-10",
            "total": "100",
            **values,
        }
        if payments:
            record["payments"] = payments
        answer = program("post", "batch/payments/", {"source": "s", "records": [record]})
        assert answer.status_code == 200, answer.content
        (result,) = answer.json()["results"]
        return result["status"], [error["pointer"] for error in result["errors"]]

    paid = {"paid_at": "2026-05-11T09:40:00+08:00", "amount": "40", "method": "wechat"}
    assert send() == ("created", [])
    assert send(paid) == ("updated", [])
    assert send(paid) == ("unchanged", [])
    early = {**paid, "paid_at": "2026-05-10T09:40:00+08:00"}
    assert send(early) == ("refused", ["#/records/0/payments/0/paid_at"])
    assert send(total="0") == ("refused", ["#/records/0/total"])
    assert Invoice.objects.get().settled == 4000
