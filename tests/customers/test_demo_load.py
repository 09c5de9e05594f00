"""The demo company in the database: all that was told, with its moments and versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.db.models import Max

from customers.demo import bulk, load, world
from customers.demo.company import LEAVER
from customers.demo.moments import aware, local_day
from customers.demo.world import World
from customers.ground.models import AuditEvent, Company
from customers.models import (
    AttributeValue,
    Complaint,
    ComplaintEvent,
    Contact,
    Contract,
    ContractVersion,
    Customer,
    ExternalRef,
    Interaction,
    InteractionVersion,
    Order,
    OrderLine,
    OrderVersion,
    Ownership,
    TouchedCustomer,
    User,
    UserActivity,
)
from tests.factories import CompanyFactory, CustomerFactory, UserFactory

pytestmark = pytest.mark.django_db
UNTIL = date(2026, 6, 30)
NOW = datetime(2026, 6, 30, 1, tzinfo=UTC)
PASSWORD = "a demo's password"


@pytest.fixture(scope="module")
def told() -> World:
    return world.build(seed=14, customers=60, months=18, until=UNTIL)


@pytest.fixture
def loaded(told: World) -> Iterator[dict[str, int]]:
    yield load.load(told, password=PASSWORD, at=NOW)


def pk_of(kind: str, key: str) -> int:
    return ExternalRef.objects.get(source="demo", kind=kind, external_id=key).object_id


def test_load_writes_every_fact_once(told: World, loaded: dict[str, int]) -> None:
    facts = told.facts
    assert Customer.objects.count() == len(facts.customers) == 60
    assert Contact.objects.count() == sum(len(row.contacts) for row in facts.customers)
    assert Order.objects.filter(is_purchase=True).count() == len(facts.orders)
    assert Order.objects.filter(is_purchase=False).count() == len(facts.returns) > 0
    assert OrderLine.objects.count() == sum(len(row.lines) for row in facts.orders) + len(facts.returns)
    assert Contract.objects.count() == len(facts.contracts)
    assert Interaction.objects.count() == len(facts.interactions)
    assert Complaint.objects.count() == len(facts.complaints)
    assert ComplaintEvent.objects.count() == len(facts.complaints) + len(facts.complaint_steps)
    assert Ownership.objects.count() == len(facts.ownerships)
    assert AttributeValue.objects.count() == len(facts.attributes)
    assert User.objects.count() == len(facts.employees)


def test_load_tells_its_progress_to_the_last_row(told: World) -> None:
    seen: list[int] = []
    load.load(told, password=PASSWORD, at=NOW, progress=lambda _name, count: seen.append(count))
    assert sum(seen) == load.rows_of(told)


def test_load_keeps_the_moments_of_each_fact(told: World, loaded: dict[str, int]) -> None:
    late = max(told.facts.interactions, key=lambda row: (not row.void_at, row.known_at - row.at))
    stored = Interaction.objects.get(pk=pk_of("interaction", late.key))
    assert (stored.occurred_at, stored.recorded_at) == (aware(late.at), aware(late.known_at))
    assert stored.occurred_day == local_day(late.at)
    assert stored.recorded_at.timestamp() - stored.occurred_at.timestamp() > 86400
    assert not stored.recorded_assumed
    assert stored.text == late.text


def test_load_writes_rows_as_the_models_read_them(told: World, loaded: dict[str, int]) -> None:
    untouched = {row.key for row in told.facts.orders} - {row.order for row in told.facts.order_changes}
    row = next(row for row in told.facts.orders if row.key in untouched)
    order = Order.objects.get(pk=pk_of("order", row.key))
    assert (order.sold, order.sold_base, order.returned, order.currency) == (row.amount, row.amount, 0, "CNY")
    assert order.margin_base == row.amount - row.cost
    assert (order.margin_assumed, order.is_purchase, order.void) == (False, True, False)
    assert order.ingested_at == NOW
    lines = list(order.lines.order_by("line_no"))
    assert [(line.quantity, line.amount) for line in lines] == [(x.quantity, x.amount) for x in row.lines]
    assert [line.unit_price * 100 for line in lines] == [line.price for line in row.lines]
    for model in (Order, OrderLine, Contract, Interaction, Complaint, ComplaintEvent, Ownership, Contact):
        for stored in model._default_manager.order_by("pk")[:20]:
            empty = [f.name for f in stored._meta.fields if f.null and getattr(stored, f.attname) is None]
            stored.clean_fields(exclude=empty)


def test_load_keeps_what_was_known_before_a_correction(told: World, loaded: dict[str, int]) -> None:
    change = next(row for row in told.facts.order_changes if not row.void)
    before = next(row for row in told.facts.orders if row.key == change.order)
    pk = pk_of("order", change.order)
    assert Order.objects.get(pk=pk).sold == change.amount != before.amount
    version: Any = OrderVersion._default_manager.get(fact_id=pk)
    assert (version.sold, version.recorded_at) == (before.amount, aware(before.known_at))
    assert version.superseded_at == aware(change.known_at)
    assert OrderVersion._default_manager.count() == len(told.facts.order_changes)


def test_load_voids_from_the_moment_of_voiding(told: World, loaded: dict[str, int]) -> None:
    gone = [row for row in told.facts.interactions if row.void_at]
    assert Interaction.objects.filter(void=True).count() == len(gone) > 0
    version: Any = InteractionVersion._default_manager.get(fact_id=pk_of("interaction", gone[0].key))
    assert (version.void, version.superseded_at) == (False, aware(gone[0].void_at))
    assert Order.objects.filter(void=True).count() == sum(row.void for row in told.facts.order_changes)
    ended = [row for row in told.facts.contract_ends if row.kind != "lapsed"]
    assert ContractVersion._default_manager.count() == len(ended) > 0


def test_load_keeps_caches_in_agreement_with_the_dated_facts(told: World, loaded: dict[str, int]) -> None:
    for complaint in Complaint.objects.all():
        steps = complaint.events.exclude(kind="acknowledged").order_by("occurred_at")
        newest = steps.last()
        assert newest is not None
        assert complaint.state == ("resolved" if newest.kind == "resolved" else "open")
        due = steps.exclude(due_day=None).last()
        assert due is not None and due.due_day is not None and complaint.due_at is not None
        assert local_day(int(complaint.due_at.timestamp())) == due.due_day + 1
    for customer in Customer.objects.all():
        last = Ownership.objects.filter(customer=customer).order_by("occurred_at", "pk").last()
        assert last is not None
        assert (customer.owner_id, customer.team_id) == (last.user_id, last.team_id)
    assert set(Complaint.objects.values_list("state", flat=True)) == {"open", "resolved"}


def test_load_makes_four_accounts_that_can_sign_in_and_no_other(loaded: dict[str, int]) -> None:
    can = {user.username for user in User.objects.all() if user.has_usable_password()}
    assert can == {"admin", "lead", "manager", "analyst"}
    user = authenticate(username="manager", password=PASSWORD)
    assert user is not None
    assert user.role == "account_manager"  # type: ignore[attr-defined]
    assert authenticate(username="manager", password="another") is None
    roles = dict(User.objects.filter(username__in=can).values_list("username", "role"))
    assert roles == {
        "admin": "admin",
        "lead": "team_lead",
        "manager": "account_manager",
        "analyst": "analyst",
    }


def test_load_notes_who_left_the_company(told: World, loaded: dict[str, int]) -> None:
    left = User.objects.get(username=LEAVER)
    assert not left.is_active
    note = UserActivity.objects.get(user=left)
    assert (note.is_active, note.occurred_at) == (False, aware(told.window.employees[LEAVER].left_at))
    assert User.objects.filter(is_active=False).count() == 1


def test_load_refers_to_every_record_by_its_name_at_the_source(told: World, loaded: dict[str, int]) -> None:
    counted = {
        kind: ExternalRef.objects.filter(source="demo", kind=kind).count() for kind in ("customer", "order")
    }
    assert counted == {"customer": 60, "order": len(told.facts.orders) + len(told.facts.returns)}
    first = told.facts.customers[0]
    assert Customer.objects.get(pk=pk_of("customer", first.key)).name in (first.name_zh, first.name_en)


def test_load_writes_one_audit_event_of_its_own_and_leaves_no_marks_of_its_facts(
    loaded: dict[str, int],
) -> None:
    event = AuditEvent.objects.get(act="demo.load")
    assert event.codes["order_rows"] == loaded["order_rows"]
    leavers = Ownership.objects.filter(user__username=LEAVER).values("customer_id")
    assert not TouchedCustomer.objects.exclude(customer_id__in=leavers).exists()


def test_load_lets_the_database_count_on(loaded: dict[str, int]) -> None:
    top = Customer.objects.aggregate(top=Max("pk"))["top"]
    assert CustomerFactory.create().pk > top


def test_load_refuses_a_second_demo_and_keeps_the_first(told: World, loaded: dict[str, int]) -> None:
    orders = Order.objects.count()
    with pytest.raises(load.AlreadyThere):
        load.load(told, password=PASSWORD, at=NOW)
    assert Order.objects.count() == orders


def test_load_refuses_a_database_with_another_companys_customers(told: World) -> None:
    CompanyFactory()
    CustomerFactory()
    with pytest.raises(load.ForeignFacts):
        load.load(told, password=PASSWORD, at=NOW)
    assert Customer.objects.count() == 1
    assert not Order.objects.exists()


def test_load_refuses_a_database_with_people_and_no_company_yet(told: World) -> None:
    UserFactory(role="admin")
    with pytest.raises(load.ForeignFacts):
        load.load(told, password=PASSWORD, at=NOW)
    assert not Customer.objects.exists()


def test_load_refuses_a_company_that_was_set_up_but_has_no_facts_yet(told: World) -> None:
    company = CompanyFactory()
    with pytest.raises(load.ForeignFacts):
        load.load(told, password=PASSWORD, at=NOW)
    assert Company.objects.get() == company


def test_load_writes_nothing_of_the_truth(told: World, loaded: dict[str, int]) -> None:
    hidden = {row.customer for row in told.truth.departures if row.type == "hidden"}
    assert hidden  # there is something that could leak
    leaving = {row.customer: row for row in told.truth.departures}
    for key in hidden:
        customer = Customer.objects.get(pk=pk_of("customer", key))
        assert customer.notes == ""
        stay = Customer.objects.exclude(pk=customer.pk).filter(kind=customer.kind).first()
        assert stay is not None
        for name in ("segment", "language"):
            assert leaving[key].cause not in getattr(customer, name)


def test_insert_writes_the_same_row_as_the_model_does(told: World, loaded: dict[str, int]) -> None:
    customer = Customer.objects.first()
    assert customer is not None
    stamp = int(NOW.timestamp())
    moment = bulk.moments()(stamp)
    names = ("customer_id", "occurred_at", "occurred_day", "recorded_at", "kind", "text")
    row = (customer.pk, moment, local_day(stamp), moment, "call", "bulk")
    assert sum(bulk.insert(Interaction, names, iter([row]), ingested_at=NOW)) == 1
    Interaction.objects.create(
        customer=customer,
        occurred_at=NOW,
        occurred_day=local_day(stamp),
        recorded_at=NOW,
        kind="call",
        text="model",
    )
    left_out = {"id", "ingested_at", "text"}
    first, second = (
        {k: v for k, v in Interaction.objects.values().get(text=text).items() if k not in left_out}
        for text in ("bulk", "model")
    )
    assert first == second
