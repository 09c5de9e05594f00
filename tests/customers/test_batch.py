"""Landing many records: once each, versions only for what differs, few statements."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from unittest import mock

import pytest
from django.db import IntegrityError, connection, connections
from django.test.utils import CaptureQueriesContext

from customers import batch
from customers.batch import (
    AttributeRecord,
    ComplaintRecord,
    ContactRecord,
    ContractRecord,
    CustomerRecord,
    InteractionRecord,
    Line,
    OrderRecord,
    OwnershipRecord,
    ProductRecord,
    Step,
    inserting,
    landing,
    new_orders,
)
from customers.ground import sealed
from customers.ground.models import Event, ExchangeRate, SealedValue
from customers.models import (
    Attribute,
    Complaint,
    ComplaintEvent,
    Contact,
    Contract,
    Customer,
    ExternalRef,
    Interaction,
    Order,
    OrderLine,
    OrderLineVersion,
    OrderVersion,
    Ownership,
    Product,
    TouchedCustomer,
)
from tests.factories import NOW, ago, day

pytestmark = pytest.mark.django_db
EARLIER = ago(10)


@pytest.fixture(autouse=True)
def _company(company):
    return company


def land(verb, *records, at=NOW, **options):
    return verb(records, source="shop", batch=None, at=at, **options)


def counts(landed):
    return landed.created, landed.updated, landed.unchanged


def an_order(name="O1", customer="C1", lines=None, **values):
    values = {
        "occurred_at": EARLIER,
        "recorded_at": EARLIER,
        "currency": "CNY",
        "lines": lines if lines is not None else [Line(1, Decimal(2), Decimal("9.99"))],
        **values,
    }
    return OrderRecord(external_id=name, customer=customer, **values)


def customers(*names):
    land(
        batch.upsert_customers, *(CustomerRecord(external_id=n, values={"name": f"Name {n}"}) for n in names)
    )


# --- Customers ---------------------------------------------------------------------------------
def test_upsert_customers_makes_each_with_a_main_contact():
    customers("C1", "C2")
    assert sorted(Customer.objects.values_list("name", flat=True)) == ["Name C1", "Name C2"]
    assert sorted(Contact.objects.values_list("customer__name", "name", "is_main")) == [
        ("Name C1", "Name C1", True),
        ("Name C2", "Name C2", True),
    ]
    assert Event.objects.filter(kind="customer.created").count() == 2


def test_upsert_customers_changes_only_what_it_knows():
    customers("C1")
    Customer.objects.update(city="Lijiang", updated_at=EARLIER)
    same = land(batch.upsert_customers, CustomerRecord(external_id="C1", values={"name": "Name C1"}))
    assert counts(same) == (0, 0, 1)
    assert Customer.objects.get().updated_at == EARLIER
    changed = land(batch.upsert_customers, CustomerRecord(external_id="C1", values={"segment": "A"}))
    assert counts(changed) == (0, 1, 0)
    assert Customer.objects.values_list("name", "city", "segment").get() == ("Name C1", "Lijiang", "A")


def test_upsert_customers_seals_the_old_name_when_it_changes():
    customers("C1")
    land(batch.upsert_customers, CustomerRecord(external_id="C1", values={"name": "New"}))
    row = SealedValue.objects.get()
    assert row.holder == f"customer:{Customer.objects.get().pk}"
    assert sealed.unseal(row) == {"old": {"name": "Name C1"}}


def test_upsert_customers_writes_an_ownership_when_the_owner_differs(manager, teammate):
    record = CustomerRecord(external_id="C1", values={"name": "A"}, owner="manager")
    assert counts(land(batch.upsert_customers, record)) == (1, 0, 0)
    assert counts(land(batch.upsert_customers, record)) == (0, 0, 1)
    assert counts(land(batch.upsert_customers, replace(record, owner="teammate"))) == (0, 1, 0)
    assert list(Ownership.objects.order_by("id").values_list("user__username", flat=True)) == [
        "manager",
        "teammate",
    ]
    assert Customer.objects.get().owner == teammate


def test_upsert_customers_refuses_an_owner_who_is_no_colleague(manager):
    landed = land(
        batch.upsert_customers,
        CustomerRecord(external_id="C1", values={"name": "A"}, owner="nobody"),
        CustomerRecord(external_id="C2", values={"name": "B"}, owner="manager@example.com"),
    )
    assert counts(landed) == (1, 0, 0)
    assert [(r.record.external_id, r.field, r.reason.code) for r in landed.refused] == [
        ("C1", "owner", "unknown_user")
    ]


# --- Contacts ----------------------------------------------------------------------------------
def test_upsert_contacts_takes_the_place_of_the_bare_contact():
    customers("C1")
    records = [
        ContactRecord(external_id="K1", customer="C1", values={"name": "Li Na", "phone": "1"}),
        ContactRecord(external_id="K2", customer="C1", values={"name": "Wu Di"}),
    ]
    assert counts(land(batch.upsert_contacts, *records)) == (2, 0, 0)
    assert list(Contact.objects.order_by("id").values_list("name", "is_main")) == [
        ("Li Na", True),
        ("Wu Di", False),
    ]
    assert counts(land(batch.upsert_contacts, *records)) == (0, 0, 2)


def test_upsert_contacts_leaves_a_contact_that_somebody_filled_in():
    customers("C1")
    Contact.objects.update(phone="123")
    land(batch.upsert_contacts, ContactRecord(external_id="K1", customer="C1", values={"name": "Li Na"}))
    assert sorted(Contact.objects.values_list("name", "is_main")) == [("Li Na", False), ("Name C1", True)]


def test_upsert_contacts_makes_room_for_a_new_main_contact():
    customers("C1")
    Contact.objects.update(phone="123")
    main = ContactRecord(external_id="K1", customer="C1", values={"name": "Li Na", "is_main": True})
    land(batch.upsert_contacts, main)
    assert sorted(Contact.objects.values_list("name", "is_main")) == [("Li Na", True), ("Name C1", False)]


def test_upsert_contacts_refuses_one_of_another_customer():
    customers("C1", "C2")
    land(batch.upsert_contacts, ContactRecord(external_id="K1", customer="C1", values={"name": "Li Na"}))
    landed = land(batch.upsert_contacts, ContactRecord(external_id="K1", customer="C2", values={"name": "X"}))
    assert [r.reason.code for r in landed.refused] == ["contact_moved"]


def test_upsert_contacts_seals_with_the_key_of_the_contact():
    customers("C1")
    record = ContactRecord(external_id="K1", customer="C1", values={"name": "Li Na", "phone": "111"})
    land(batch.upsert_contacts, record)
    SealedValue.objects.all().delete()
    land(batch.upsert_contacts, replace(record, values={"phone": "222"}))
    contact = Contact.objects.get()
    assert SealedValue.objects.get().holder == f"contact:{contact.pk}"
    assert contact.phone == "222"


# --- Orders ------------------------------------------------------------------------------------
def test_upsert_orders_counts_amounts_in_minor_units_rounded_half_up():
    customers("C1")
    lines = [
        Line(1, Decimal(3), Decimal("0.335")),  # 1.005 -> 1.01
        Line(2, Decimal(-1), Decimal("0.505")),  # -0.505 -> -0.51
        Line(3, Decimal(1), Decimal(0)),
    ]
    land(batch.upsert_orders, an_order(lines=lines))
    order = Order.objects.get()
    assert list(order.lines.order_by("line_no").values_list("amount", flat=True)) == [101, -51, 0]
    assert (order.sold, order.returned, order.is_purchase) == (101, 51, True)
    assert (order.margin_base, order.margin_assumed) == (30 - 15, True)


def test_upsert_orders_of_negative_lines_only_are_returns():
    customers("C1")
    land(batch.upsert_orders, an_order(lines=[Line(1, Decimal(-1), Decimal(5))]))
    assert Order.objects.values_list("is_purchase", "sold", "returned").get() == (False, 0, 500)


def test_upsert_orders_takes_the_margin_from_line_then_product_then_company():
    customers("C1")
    Product.objects.create(code="P1", name="P1", unit_cost=400)
    Product.objects.create(code="P2", name="P2", margin_bp=5000)
    known = [
        Line(1, Decimal(1), Decimal(10), product="P1", unit_cost=Decimal(7)),
        Line(2, Decimal(1), Decimal(10), product="P1"),
    ]
    assumed = [Line(1, Decimal(1), Decimal(10), product="P2"), Line(2, Decimal(1), Decimal(10))]
    land(batch.upsert_orders, an_order("O1", lines=known), an_order("O2", lines=assumed))
    assert list(Order.objects.order_by("id").values_list("margin_base", "margin_assumed")) == [
        (300 + 600, False),
        (500 + 300, True),
    ]


def test_upsert_orders_freezes_the_rate_of_the_day():
    customers("C1")
    ExchangeRate.objects.create(currency="EUR", day=date(2026, 1, 1), rate=Decimal(8))
    ExchangeRate.objects.create(currency="EUR", day=date(2026, 5, 5), rate=Decimal(9))
    record = an_order(currency="EUR", lines=[Line(1, Decimal(1), Decimal(1))])
    land(batch.upsert_orders, record)
    assert Order.objects.get().sold_base == 800
    ExchangeRate.objects.update(rate=Decimal(5))
    assert counts(land(batch.upsert_orders, record)) == (0, 0, 1)
    assert Order.objects.get().sold_base == 800


def test_upsert_orders_refuses_a_day_without_a_rate_and_lands_the_rest():
    customers("C1")
    ExchangeRate.objects.create(currency="EUR", day=date(2026, 5, 2), rate=Decimal(8))
    landed = land(
        batch.upsert_orders,
        an_order("O1", currency="EUR", occurred_at=datetime(2026, 5, 1, 15, 59, tzinfo=UTC)),
        an_order("O2", currency="EUR", occurred_at=datetime(2026, 5, 1, 16, 0, tzinfo=UTC)),
    )
    assert [(r.record.external_id, r.reason.code) for r in landed.refused] == [("O1", "missing_rate")]
    assert counts(landed) == (1, 0, 0)


def test_upsert_orders_writes_nothing_when_nothing_differs():
    customers("C1")
    land(batch.upsert_orders, an_order())
    TouchedCustomer.objects.all().delete()
    before = list(Order.objects.values())
    later = an_order(recorded_at=NOW)
    assert counts(land(batch.upsert_orders, later, at=NOW + timedelta(days=1))) == (0, 0, 1)
    assert list(Order.objects.values()) == before
    assert (OrderVersion._default_manager.count(), OrderLineVersion._default_manager.count()) == (0, 0)
    assert not TouchedCustomer.objects.exists()


def test_upsert_orders_writes_one_version_of_what_a_correction_changes():
    customers("C1")
    lines = [Line(1, Decimal(1), Decimal(10)), Line(2, Decimal(1), Decimal(5))]
    land(batch.upsert_orders, an_order(lines=lines), an_order("O2"))
    lines[1] = Line(2, Decimal(1), Decimal(6))
    landed = land(batch.upsert_orders, an_order(lines=lines, recorded_at=NOW), an_order("O2"))
    assert counts(landed) == (0, 1, 1)
    version = OrderVersion._default_manager.get()
    assert (version.sold, version.superseded_at) == (1500, NOW)
    assert OrderLineVersion._default_manager.values_list("line_no", "amount").get() == (2, 500)
    assert Order.objects.order_by("id").first().sold == 1600


def test_upsert_orders_voids_a_line_that_is_gone_and_brings_it_back():
    customers("C1")
    two = [Line(1, Decimal(1), Decimal(10)), Line(2, Decimal(1), Decimal(5))]
    land(batch.upsert_orders, an_order(lines=two))
    land(batch.upsert_orders, an_order(lines=two[:1], recorded_at=NOW))
    assert list(OrderLine.objects.order_by("line_no").values_list("void", flat=True)) == [False, True]
    assert Order.objects.get().sold == 1000
    land(batch.upsert_orders, an_order(lines=two, recorded_at=NOW))
    assert not OrderLine.objects.filter(void=True).exists()


def test_upsert_orders_that_only_adds_joins_the_lines_that_stand():
    customers("C1")
    land(batch.upsert_orders, an_order(lines=[Line(1, Decimal(1), Decimal(10), unit_cost=Decimal(2))]))
    mended = an_order(
        lines=[Line(2, Decimal(1), Decimal(5), unit_cost=Decimal(1))],
        occurred_at=EARLIER + timedelta(days=1),
        recorded_at=EARLIER + timedelta(days=1),
        values={"status": "delivered"},
        adds=True,
    )
    assert counts(land(batch.upsert_orders, mended)) == (0, 1, 0)
    assert counts(land(batch.upsert_orders, mended)) == (0, 0, 1)
    order = Order.objects.get()
    assert (order.sold, order.margin_base, order.lines.filter(void=False).count()) == (1500, 1200, 2)
    assert (order.occurred_at, order.status) == (EARLIER, "placed")
    assert set(order.lines.values_list("occurred_at", flat=True)) == {EARLIER}


def test_upsert_orders_never_records_a_change_before_what_stands():
    customers("C1")
    land(batch.upsert_orders, an_order(recorded_at=NOW))
    land(batch.upsert_orders, an_order(lines=[Line(1, Decimal(1), Decimal(1))], recorded_at=EARLIER))
    assert Order.objects.get().recorded_at == NOW
    assert OrderVersion._default_manager.get().superseded_at == NOW


def test_upsert_orders_seals_an_old_number():
    customers("C1")
    land(batch.upsert_orders, an_order(values={"number": "SO-1"}))
    land(batch.upsert_orders, an_order(values={"number": "SO-2"}, recorded_at=NOW))
    assert sealed.unseal(SealedValue.objects.get()) == {"old": {"number": "SO-1"}}


def test_upsert_orders_creates_missing_customers_only_when_asked():
    refused = land(batch.upsert_orders, an_order(customer="C9"))
    assert [(r.field, r.reason.code) for r in refused.refused] == [("customer", "unknown_customer")]
    assert not Customer.objects.exists()
    made = land(
        batch.upsert_orders, an_order(customer="C9", new_customer={"name": "Nine"}), create_missing=True
    )
    assert counts(made) == (1, 0, 0)
    assert Customer.objects.get().name == "Nine"
    assert Contact.objects.get().is_main


def test_upsert_orders_marks_the_customer_that_an_order_leaves_too():
    customers("C1", "C2")
    land(batch.upsert_orders, an_order(customer="C1"))
    TouchedCustomer.objects.all().delete()
    land(batch.upsert_orders, an_order(customer="C2"))
    assert TouchedCustomer.objects.count() == 2
    assert set(OrderLine.objects.values_list("customer__name", flat=True)) == {"Name C2"}


def test_upsert_orders_of_one_id_twice_keeps_the_later():
    customers("C1")
    landed = land(
        batch.upsert_orders,
        an_order(lines=[Line(1, Decimal(1), Decimal(1))]),
        an_order(lines=[Line(1, Decimal(1), Decimal(2))]),
    )
    assert counts(landed) == (1, 1, 0)
    assert Order.objects.get().sold == 200


@pytest.mark.parametrize("many", [3, 30])
def test_upsert_orders_takes_the_same_statements_for_many(many):
    def statements(count):
        names = [f"Q{count}-{n}" for n in range(count)]
        with CaptureQueriesContext(connection) as first:
            land(batch.upsert_orders, *(an_order(n, customer=n) for n in names), create_missing=True)
        with CaptureQueriesContext(connection) as again:
            land(batch.upsert_orders, *(an_order(n, customer=n) for n in names), create_missing=True)
        return len(first), len(again)

    assert statements(many) == statements(1)


def test_upsert_orders_goes_on_with_what_another_import_made_meanwhile():
    customers("C1")
    real = new_orders.write

    def write(ready, **options):
        with mock.patch.object(new_orders, "write", real):
            land(batch.upsert_orders, an_order("O1"), an_order("O2", lines=[Line(1, Decimal(5), Decimal(5))]))
        with mock.patch.object(inserting, "claim_refs", side_effect=lambda *_a, **_o: {"O1", "O2"}):
            return real(ready, **options)

    with mock.patch.object(new_orders, "write", side_effect=write):
        landed = land(batch.upsert_orders, an_order("O1"), an_order("O2"))
    assert counts(landed) == (0, 1, 1)
    assert (Order.objects.count(), OrderVersion._default_manager.count()) == (2, 1)


def test_upsert_customers_is_tried_again_when_another_import_was_quicker():
    real, calls = ExternalRef.objects.bulk_create, []

    def lose_once(rows, **kwargs):
        calls.append(len(rows))
        if len(calls) == 1:
            error = IntegrityError("UNIQUE constraint failed: customers_externalref")
            raise error
        return real(rows, **kwargs)

    with mock.patch.object(ExternalRef.objects, "bulk_create", side_effect=lose_once):
        customers("C1")
    assert (len(calls), Customer.objects.count()) == (2, 1)


# --- Products, contracts, interactions, ownerships, attributes -----------------------------------
def test_upsert_orders_is_tried_again_when_another_import_wrote_a_later_version(monkeypatch):
    customers("C1")
    land(batch.upsert_orders, an_order())
    true, tries = landing.Changes.write, []

    def overtaken(changes):
        tries.append(changes.model)
        if len(tries) == 1:  # taken back with the try, as if another transaction had been rolled back
            Order.objects.update(sold=1, recorded_at=NOW + timedelta(hours=2))
        true(changes)

    monkeypatch.setattr(landing.Changes, "write", overtaken)
    landed = land(batch.upsert_orders, an_order(lines=[Line(1, Decimal(3), Decimal(10))]))
    assert counts(landed) == (0, 1, 0)
    assert Order.objects.get().sold == 3000 and tries == [Order, Order, OrderLine]


def test_upsert_products_changes_only_what_it_knows():
    record = ProductRecord(code="P1", values={"name": "Lamp", "unit_cost": 300})
    verb = lambda *records: batch.upsert_products(records, batch=None, at=NOW)  # noqa: E731
    assert counts(verb(record)) == (1, 0, 0)
    assert counts(verb(record)) == (0, 0, 1)
    assert counts(verb(ProductRecord(code="P1", values={"category": "light"}))) == (0, 1, 0)
    assert Product.objects.values_list("name", "unit_cost", "category").get() == ("Lamp", 300, "light")


def test_upsert_contracts_freezes_the_base_value():
    customers("C1")
    ExchangeRate.objects.create(currency="EUR", day=date(2026, 1, 1), rate=Decimal(8))
    record = ContractRecord(
        external_id="V1",
        customer="C1",
        occurred_at=EARLIER,
        recorded_at=EARLIER,
        currency="EUR",
        values={"starts_day": 739000, "ends_day": 739100, "value": 100},
    )
    assert counts(land(batch.upsert_contracts, record)) == (1, 0, 0)
    ExchangeRate.objects.update(rate=Decimal(9))
    assert counts(land(batch.upsert_contracts, record)) == (0, 0, 1)
    assert Contract.objects.get().value_base == 800


def test_upsert_interactions_resolves_contact_and_colleague(manager):
    customers("C1", "C2")
    land(batch.upsert_contacts, ContactRecord(external_id="K1", customer="C1", values={"name": "Li"}))
    values = {"occurred_at": EARLIER, "recorded_at": EARLIER, "values": {"kind": "call", "text": "hello"}}
    good = InteractionRecord(external_id="I1", customer="C1", contact="K1", by="manager", **values)
    foreign = InteractionRecord(external_id="I2", customer="C2", contact="K1", **values)
    landed = land(batch.upsert_interactions, good, foreign)
    assert counts(landed) == (1, 0, 0)
    assert [(r.record.external_id, r.field) for r in landed.refused] == [("I2", "contact")]
    row = Interaction.objects.get()
    assert (row.contact.name, row.by) == ("Li", manager)
    land(batch.upsert_interactions, replace(good, values={"kind": "call", "text": "bye"}))
    assert SealedValue.objects.get(subject_type="customers.interaction").holder == f"contact:{row.contact_id}"


def test_upsert_ownerships_keeps_the_newest_as_the_owner(manager, teammate):
    customers("C1")
    records = [
        OwnershipRecord(external_id=f"W{n}", customer="C1", user=name, occurred_at=ago(n), recorded_at=ago(n))
        for n, name in ((1, "teammate"), (5, "manager"))
    ]
    assert counts(land(batch.upsert_ownerships, *records)) == (2, 0, 0)
    assert Customer.objects.get().owner == teammate
    assert counts(land(batch.upsert_ownerships, *records)) == (0, 0, 2)


def test_upsert_attributes_needs_the_attribute():
    customers("C1")
    Attribute.objects.create(code="industry", kind="choice", label_en="Industry", label_zh="行业")
    values = {"customer": "C1", "occurred_at": EARLIER, "recorded_at": EARLIER, "values": {"choice": "food"}}
    landed = land(
        batch.upsert_attributes,
        AttributeRecord(external_id="A1", attribute="industry", **values),
        AttributeRecord(external_id="A2", attribute="colour", **values),
    )
    assert counts(landed) == (1, 0, 0)
    assert [r.reason.code for r in landed.refused] == ["unknown_attribute"]


# --- Complaints --------------------------------------------------------------------------------
def a_complaint(name="B1", steps=("opened",), **values):
    return ComplaintRecord(
        external_id=name,
        customer="C1",
        occurred_at=EARLIER,
        recorded_at=EARLIER,
        values={"text": "late", "severity": 3},
        steps=[
            Step(
                kind=kind,
                occurred_at=EARLIER + timedelta(days=n),
                recorded_at=EARLIER + timedelta(days=n),
                due_day=740000 if kind == "opened" else None,
            )
            for n, kind in enumerate(steps)
        ],
        **values,
    )


def test_upsert_complaints_tells_the_news_of_new_ones_once():
    customers("C1")
    assert counts(land(batch.upsert_complaints, a_complaint())) == (1, 0, 0)
    assert counts(land(batch.upsert_complaints, a_complaint())) == (0, 0, 1)
    event = Event.objects.get(kind="complaint.filed")
    assert event.data == {"kind": "complaint", "severity": 3, "history": False, "resolved": False}
    complaint = Complaint.objects.get()
    assert (event.subject_id, event.customer_id) == (complaint.pk, complaint.customer_id)
    assert complaint.state == "open" and complaint.due_at is not None


def test_upsert_complaints_says_so_when_they_are_history_or_resolved():
    customers("C1")
    land(batch.upsert_complaints, a_complaint("B1", history=True), a_complaint("B2", ("opened", "resolved")))
    told = Event.objects.filter(kind="complaint.filed").order_by("subject_id").values_list("data", flat=True)
    assert [(data["history"], data["resolved"]) for data in told] == [(True, False), (False, True)]


def test_upsert_complaints_gains_and_loses_steps():
    customers("C1")
    land(batch.upsert_complaints, a_complaint())
    assert counts(land(batch.upsert_complaints, a_complaint(steps=("opened", "resolved")))) == (0, 1, 0)
    assert Complaint.objects.get().state == "resolved"
    assert Event.objects.filter(kind="complaint.resolved").count() == 1
    steps = ("opened", "resolved", "reopened")
    land(batch.upsert_complaints, a_complaint(steps=steps))
    assert Complaint.objects.get().state == "open"
    assert list(ComplaintEvent.objects.order_by("id").values_list("kind", flat=True)) == list(steps)


def test_upsert_complaints_leaves_steps_made_by_hand():
    customers("C1")
    land(batch.upsert_complaints, a_complaint())
    complaint = Complaint.objects.get()
    ComplaintEvent.objects.create(
        complaint=complaint,
        customer=complaint.customer,
        kind="resolved",
        occurred_at=NOW,
        occurred_day=1,
        recorded_at=NOW,
    )
    Complaint.objects.update(state="resolved")
    assert counts(land(batch.upsert_complaints, a_complaint())) == (0, 0, 1)
    assert not ComplaintEvent.objects.filter(void=True).exists()
    assert Complaint.objects.get().state == "resolved"


def test_upsert_complaints_due_earlier_now_are_answered_no_later():
    customers("C1")

    def due(days):
        made = a_complaint()
        return replace(made, steps=[replace(made.steps[0], due_day=day(EARLIER) + days)])

    land(batch.upsert_complaints, due(9))
    first = Complaint.objects.get().respond_by
    assert first is not None and day(first) > day(EARLIER)
    land(batch.upsert_complaints, due(0))
    row = Complaint.objects.get()
    assert row.respond_by == row.due_at < first
    land(batch.upsert_complaints, due(9))
    assert Complaint.objects.get().respond_by == first


def of_kind(kind, **said):
    made = a_complaint(**said)
    return replace(made, values={**made.values, "kind": kind})


def test_upsert_complaints_of_another_kind_now_are_told_of_as_filed_anew():
    customers("C1")
    land(batch.upsert_complaints, of_kind("question"))
    land(batch.upsert_complaints, of_kind("complaint"))
    land(batch.upsert_complaints, of_kind("complaint"))
    land(batch.upsert_complaints, of_kind("suggestion"))
    land(batch.upsert_complaints, of_kind("suggestion", steps=("opened", "resolved", "reopened")))
    told = Event.objects.filter(subject_type="customers.complaint").order_by("pk")
    assert list(told.values_list("kind", flat=True)) == [
        *("feedback.filed", "complaint.filed", "feedback.filed"),
        *("feedback.resolved", "feedback.reopened"),
    ]


def at_days(*days, first=1, **values):
    made = [a_complaint(f"B{first + number}", **values) for number, _day in enumerate(days)]
    return [
        replace(one, occurred_at=NOW - timedelta(days=day), recorded_at=NOW, values={"severity": 1})
        for one, day in zip(made, days, strict=True)
    ]


def escalated():
    rows = Complaint.objects.filter(escalated=True).order_by("pk")
    assert set(rows.values_list("severity", flat=True)) <= {3}
    return [(NOW - moment).days for moment in rows.values_list("occurred_at", flat=True)]


def test_upsert_complaints_makes_a_second_failure_high_and_leaves_it_so():
    customers("C1", "C2")
    records = at_days(59, 0, 119)
    land(batch.upsert_complaints, *records)
    assert escalated() == [0]
    assert Complaint.objects.get(escalated=False, occurred_at__lt=NOW - timedelta(days=100)).severity == 1
    assert counts(land(batch.upsert_complaints, *records)) == (0, 0, 3)
    land(batch.upsert_complaints, *at_days(118, first=9))
    assert escalated() == [0, 118]
    other = replace(at_days(1, first=20)[0], customer="C2")
    land(batch.upsert_complaints, other)
    assert escalated() == [0, 118]


def test_upsert_complaints_escalates_nothing_of_the_past_and_no_other_kind():
    customers("C1")
    land(batch.upsert_complaints, *at_days(30, 20, history=True))
    (question,) = at_days(10, first=5)
    land(batch.upsert_complaints, replace(question, values={"kind": "question", "severity": 1}))
    assert escalated() == []
    land(batch.upsert_complaints, *at_days(5, first=7))
    assert escalated() == [5]


def test_upsert_complaints_takes_the_same_statements_for_many():
    customers("C1")

    def statements(count):
        records = [a_complaint(f"S{count}-{n}", ("opened", "resolved")) for n in range(count)]
        with CaptureQueriesContext(connection) as first:
            land(batch.upsert_complaints, *records)
        with CaptureQueriesContext(connection) as again:
            land(batch.upsert_complaints, *records)
        return len(first), len(again)

    assert statements(3) == statements(1)


# --- Two at once -------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
@pytest.mark.services
def test_two_imports_of_the_same_orders_at_once_land_once(company):
    records = [an_order(f"O{n}", customer=f"C{n % 50}") for n in range(400)]
    barrier, results, errors = threading.Barrier(2), [], []

    def work():
        try:
            barrier.wait(timeout=10)
            results.append(
                batch.upsert_orders(records, source="shop", batch=None, at=NOW, create_missing=True)
            )
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert errors == []
    assert sum(landed.created for landed in results) == 400
    assert (Order.objects.count(), Customer.objects.count(), OrderVersion._default_manager.count()) == (
        400,
        50,
        0,
    )
