"""Batches: good records land, each bad one says why, and a repeat changes nothing."""

from __future__ import annotations

import time
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.api import traces
from customers.api.urls import BATCHES, _batch
from customers.ground.models import AuditEvent, Company, ExchangeRate
from customers.imports import landing
from customers.imports.kinds import Context, Group, Row
from customers.models import (
    Attribute,
    Complaint,
    Contact,
    Contract,
    Customer,
    ExternalRef,
    ImportBatch,
    Interaction,
    Order,
    OrderLine,
    Product,
)
from tests.factories import NOW, CommunityFactory, CustomerFactory, IndicatorFactory

MOMENT = "2026-05-11T09:30:00+08:00"


def order(number, **values):
    line = {"product": "P-1", "quantity": "2", "unit_price": "49.90"}
    return {"external_id": f"O-{number}", "customer": "C-1", "occurred_at": MOMENT, "lines": [line], **values}


@pytest.fixture
def shop(program):
    """A program whose source has a customer called C-1."""
    said = {"source": "shop", "records": [{"external_id": "C-1", "name": "Blue Lake"}]}
    assert program("post", "batch/customers/", said).json()["created"] == 1
    return program


def send(program, kind, records, **head):
    answer = program("post", f"batch/{kind}/", {"source": "shop", "records": records, **head})
    assert answer.status_code == 200, answer.content
    return answer.json()


def statuses(said):
    return [result["status"] for result in said["results"]]


def test_each_record_says_what_became_of_it(shop):
    said = send(shop, "orders", [order(1), order(2), order(3)])
    assert statuses(said) == ["created"] * 3
    assert [result["id"] for result in said["results"]] == list(
        Order.objects.order_by("pk").values_list("pk", flat=True)
    )
    changed = order(2, lines=[{"product": "P-1", "quantity": "3", "unit_price": "49.90"}])
    said = send(shop, "orders", [order(1), changed, order(3, status="delivered"), order(4)])
    assert statuses(said) == ["unchanged", "updated", "updated", "created"]
    assert (said["created"], said["updated"], said["unchanged"], said["refused"]) == (1, 2, 1, 0)
    assert Order.objects.get(pk=said["results"][1]["id"]).sold == 14970


def test_a_change_of_a_lines_text_alone_is_an_update(shop):
    send(shop, "orders", [order(1), order(2)])
    line = {"product": "P-1", "quantity": "2", "unit_price": "49.90", "description": "Green"}
    assert statuses(send(shop, "orders", [order(1, lines=[line]), order(2)])) == ["updated", "unchanged"]


def test_bad_records_name_their_place_and_the_good_ones_land(shop):
    said = send(
        shop,
        "orders",
        [
            order(1),
            order(2, customer="C-9"),
            order(3, occurred_at="2026-05-11"),
            order(4, lines=[{"quantity": "1"}]),
            order(5, lines=[]),
            order(1),
            order(6, currency="EUR"),
            order(7, occurred_at="2190-01-01T00:00:00Z"),
            order(8, colour="red"),
            "order",
            order(9, customer_id=987654),
            order(10, lines=[{"unit_price": "1e11"}, {"quantity": "9e10", "unit_price": "9e11"}]),
            order(11),
        ],
    )
    errors = [(e["pointer"], e["code"]) for result in said["results"] for e in result["errors"]]
    assert errors == [
        ("#/records/1/customer", "unknown_customer"),
        ("#/records/2/occurred_at", "naive"),
        ("#/records/3/lines/0/amount", "missing"),
        ("#/records/4/lines", "min_length"),
        ("#/records/5/external_id", "duplicate"),
        ("#/records/6/currency", "missing_rate"),
        ("#/records/7/occurred_at", "future"),
        ("#/records/8/colour", "unknown_field"),
        ("#/records/9", "invalid"),
        ("#/records/10/customer", "required"),
        ("#/records/11/lines/1/unit_price", "number_too_large"),
    ]
    assert statuses(said)[0] == statuses(said)[-1] == "created"
    assert said["refused"] == 11 and Order.objects.count() == 2


def test_other_kinds_land_too(shop):
    assert statuses(
        send(shop, "contacts", [{"external_id": "K", "customer": "C-1", "name": "Wang Jing"}])
    ) == ["created"]
    contract = {
        "external_id": "V",
        "customer": "C-1",
        "starts_on": "2026-01-01",
        "ends_on": "2026-12-31",
        "value": "9.5",
    }
    assert statuses(send(shop, "contracts", [contract])) == ["created"]
    assert statuses(send(shop, "contracts", [contract])) == ["unchanged"]
    talk = {"external_id": "I", "customer": "C-1", "occurred_at": MOMENT, "kind": "call", "contact": "K"}
    assert statuses(send(shop, "interactions", [talk])) == ["created"]
    complaint = {"external_id": "T", "customer": "C-1", "occurred_at": MOMENT, "text": "Wet.", "severity": 3}
    assert statuses(send(shop, "complaints", [complaint])) == ["created"]
    complaint["resolved_at"] = "2026-05-12T09:30:00Z"
    assert statuses(send(shop, "complaints", [complaint, {**complaint, "external_id": "T2"}])) == [
        "updated",
        "created",
    ]
    for kind, record, model in (
        ("products", {"code": "P-9", "name": "Tea", "margin": "0.35", "unit_cost": "3.2"}, Product),
        ("rates", {"currency": "EUR", "day": "2026-05-11", "rate": "7.8412"}, ExchangeRate),
    ):
        for status in ("created", "unchanged"):
            said = shop("post", f"batch/{kind}/", {"records": [record]}).json()
            assert statuses(said) == [status], said
            assert said["results"][0]["id"] == model.objects.get().pk
    assert Product.objects.get().margin_bp == 3500
    assert Contract.objects.get().value == 950
    assert Complaint.objects.filter(state="resolved").count() == 2
    assert Interaction.objects.get().contact == Contact.objects.get(name="Wang Jing")


def test_what_somebody_else_was_quicker_to_bring_is_not_told_as_created(shop, monkeypatch):
    send(shop, "orders", [order(1)])
    looked = []
    numbers = traces.Trace._numbers
    monkeypatch.setattr(
        traces.Trace, "_numbers", lambda it: numbers(it) if looked else looked.append(it) or {}
    )
    assert statuses(send(shop, "orders", [order(1)])) == ["unchanged"]


def test_a_rate_that_somebody_else_brings_meanwhile_is_written_over(shop, monkeypatch):
    rate = {"currency": "EUR", "day": "2026-05-11", "rate": "7.8412"}
    shop("post", "batch/rates/", {"records": [rate]})
    values = {"currency": "EUR", "day": date(2026, 5, 11), "rate": Decimal("7.9")}
    monkeypatch.setattr(ExchangeRate.objects, "filter", lambda **_: [])  # it was not there a moment ago
    context = Context(source="", at=NOW, firm=Company.objects.get())
    landing.land_rates([Group("EUR", [Row(0, 1, values)])], context)
    assert [row.rate for row in ExchangeRate.objects.all()] == [Decimal("7.9")]


def test_customers_can_be_made_on_the_way_or_named_by_our_number(shop):
    customer = CustomerFactory()
    records = [order(1, customer="C-2", customer_name="New one")]
    records += [order(2, customer_id=customer.pk), order(3, customer_id=987654)]
    for record in records[1:]:
        del record["customer"]
    said = send(shop, "orders", records, on_missing_customer="create")
    assert statuses(said) == ["created", "created", "refused"], said
    assert said["results"][2]["errors"][0]["pointer"] == "#/records/2/customer_id"
    assert set(Order.objects.values_list("customer__name", flat=True)) == {"New one", customer.name}


def test_history_is_known_when_it_happened(shop):
    send(shop, "orders", [order(1)], history=True)
    send(shop, "orders", [order(2)])
    old, new = Order.objects.order_by("pk")
    assert old.recorded_at == old.occurred_at and old.recorded_assumed
    assert new.recorded_at > new.occurred_at and not new.recorded_assumed


def test_null_empties_and_silence_leaves(shop):
    full = {"external_id": "C-1", "name": "Blue Lake", "city": "Wuxi", "segment": "wholesale"}
    send(shop, "customers", [full])
    send(shop, "customers", [{"external_id": "C-1", "name": "Blue Lake", "city": None}])
    customer = Customer.objects.get()
    assert (customer.city, customer.segment) == ("", "wholesale")


def test_same_ids_of_two_sources_are_two_records(shop):
    send(shop, "customers", [{"external_id": "C-1", "name": "Other"}], source="erp")
    assert Customer.objects.count() == 2
    found = shop.get("references/", source="erp", kind="customer", external_id="C-1").json()["results"]
    assert [ref["object_id"] for ref in found] == [ExternalRef.objects.get(source="erp").object_id]


@pytest.mark.parametrize(
    "said",
    [
        {"records": []},
        {"source": "", "records": [order(1)]},
        {"source": "shop", "records": []},
        {"source": "shop", "records": {}},
        {"source": "shop", "records": [order(1)] * 1001},
        {"source": "shop", "records": [order(1)], "on_missing_customer": "park"},
        {"source": "shop", "records": [order(1)], "mapping": {}},
    ],
)
def test_batch_of_another_shape_is_refused_as_a_whole(shop, said):
    answer = shop("post", "batch/orders/", said)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert not Order.objects.exists()


def test_batches_of_a_day_are_one_import_that_counts_them(shop):
    send(shop, "orders", [order(1), order(2, customer="C-9")])
    send(shop, "orders", [order(1)])
    batch = ImportBatch.objects.get(kind="orders")
    assert (batch.lines, batch.accepted, batch.refused, batch.created, batch.unchanged) == (3, 2, 1, 1, 1)
    assert set(Order.objects.values_list("batch", flat=True)) == {batch.pk}
    assert AuditEvent.objects.filter(act="batch.upsert", codes__kind="orders").count() == 2


def test_only_admins_and_programs_send_batches(caller, lead):
    answer = caller(lead)("post", "batch/orders/", {"source": "shop", "records": [order(1)]})
    assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed")


def test_a_batch_takes_as_many_queries_for_ten_as_for_three(shop):
    send(shop, "orders", [order(0)])

    def queries(first, count):
        with CaptureQueriesContext(connection) as seen:
            send(shop, "orders", [order(first + n) for n in range(count)])
        return len([q for q in seen if "ratecounter" not in q["sql"]])

    assert queries(10, 3) == queries(20, 10)


def test_examples_of_the_documentation_land(shop):
    Attribute.objects.create(code="industry", kind="text", label_en="Industry", label_zh="行业")
    CommunityFactory(code="tea-friends")
    IndicatorFactory(code="health-score")
    for kind in BATCHES:
        example = _batch(kind, *BATCHES[kind]).examples["upsert"]
        said = shop("post", f"batch/{kind}/", example).json()
        assert said["refused"] == 0, (kind, said)
    assert OrderLine.objects.get().order.customer.name == "Blue Lake Trading"


def test_a_thousand_orders_land_in_a_few_seconds(shop):
    begun = time.perf_counter()
    said = send(shop, "orders", [order(n) for n in range(1000)])
    assert said["created"] == 1000
    assert time.perf_counter() - begun < 10


def test_successor_of_a_contact_is_named_by_its_source(shop):
    first = {"external_id": "K-1", "customer": "C-1", "name": "Li Na"}
    second = {"external_id": "K-2", "customer": "C-1", "name": "Wu Di"}
    left = {"left_on": "2026-05-01", "successor": "K-2"}
    said = send(shop, "contacts", [{**first, **left}, second])
    assert statuses(said) == ["created", "created"]
    assert Contact.objects.get(name="Li Na").successor == Contact.objects.get(is_main=True, name="Wu Di")
    said = send(shop, "contacts", [{**first, "successor": "K-9"}, {**second, "successor": "K-2"}])
    assert [(e["pointer"], e["code"]) for r in said["results"] for e in r["errors"]] == [
        ("#/records/0/successor", "unknown_contact"),
        ("#/records/1/successor", "not_a_successor"),
    ]
    assert Contact.objects.get(name="Li Na").successor is not None
    assert statuses(send(shop, "contacts", [{**first, "successor": None}])) == ["updated"]
    assert Contact.objects.get(name="Li Na").successor is None


def test_contacts_take_birthdays_as_files_do(shop):
    person = {"external_id": "K-1", "customer": "C-1", "name": "Wang Jing"}
    send(shop, "customers", [{"external_id": "C-1", "name": "Blue"}])
    said = send(
        shop,
        "contacts",
        [
            {**person, "birthday": "08-15", "birth_calendar": "lunar"},
            {**person, "external_id": "K-2", "birthday": "1990-02-30"},
        ],
    )
    assert statuses(said) == ["created", "refused"]
    (error,) = said["results"][1]["errors"]
    assert (error["code"], error["pointer"]) == ("no_such_birthday", "#/records/1/birthday")
    assert statuses(send(shop, "contacts", [person])) == ["unchanged"]
