"""Merging and erasing reach every table; a canary planted in every text is found nowhere after."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection, models

from customers import complaints, contacts, customers, interactions, movers, people, writing
from customers.facts import TWINS
from customers.ground import sealed
from customers.ground.models import AuditEvent, Event, SealedValue
from customers.ground.privacy import Data
from customers.models import Customer, ExternalRef, Interaction, InteractionVersion
from tests.factories import NOW, CustomerFactory, OrderFactory, UserFactory

pytestmark = pytest.mark.django_db
CANARY = "Zeisig-7f3a"
LATER = NOW + timedelta(days=1)


def everything() -> str:
    """Return the whole database as text."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                found += [
                    bytes(v).decode("latin-1") if isinstance(v, memoryview | bytes) else str(v) for v in row
                ]
    return "\n".join(found)


def person(company):
    user = UserFactory()
    customer = customers.create_customer(
        name=f"{CANARY} Ltd",
        name_alt=CANARY,
        city=CANARY,
        notes=f"likes {CANARY}",
        contact={"name": CANARY, "role": CANARY, "phone": CANARY, "email": f"{CANARY}@example.com"},
        by=user,
        at=NOW,
    )
    contact = customer.contacts.get()
    said = interactions.log_interaction(
        customer, kind="call", text=f"said {CANARY}", contact=contact, by=user, at=NOW
    )
    filed = complaints.file_complaint(customer, text=f"{CANARY} broke", contact=contact, by=user, at=NOW)
    OrderFactory(customer=customer, number=CANARY)
    ExternalRef.objects.create(source="crm", kind="customers", external_id=CANARY, object_id=customer.pk)
    return user, customer, contact, said, filed


def test_canary_is_found_nowhere_after_change_overwriting_and_destroyed_keys(company):
    user, customer, contact, said, filed = person(company)
    # change every text: the old ones must go under seal, not into a twin or an audit row
    customers.change_customer(customer, name=f"{CANARY} two", notes=f"{CANARY} two", by=user, at=LATER)
    contacts.change_contact(
        contact, name=f"{CANARY} two", phone="1", email="2@example.com", by=user, at=LATER
    )
    writing.revise(said, text=f"{CANARY} corrected", reached=False, at=LATER)
    writing.revise(filed, text=f"{CANARY} corrected", severity=3, at=LATER)
    assert InteractionVersion.objects.count() == 1
    assert SealedValue.objects.count() == 4
    assert CANARY in everything()

    for erase in movers.erasers().values():
        erase("contact", contact.pk)
        erase("customer", customer.pk)
    ExternalRef.objects.filter(kind="customers", object_id=customer.pk).delete()
    # only the seals are left: they say nothing without their key
    assert CANARY not in everything()
    for holder in (f"contact:{contact.pk}", f"customer:{customer.pk}"):
        sealed.destroy(holder)
    assert not SealedValue.objects.exists()
    assert CANARY not in everything()
    # sums hold: the facts stand under a nameless customer
    assert Customer.objects.get().name == f"#{customer.pk}" and Customer.objects.get().orders.count() == 1


def test_staff_names_go_with_the_users_key(company):
    boss = UserFactory(role="admin")
    user = UserFactory(first_name=CANARY)
    people.change_user(user, first_name="Li", by=boss, at=NOW)
    assert CANARY not in everything()
    assert sealed.unseal(SealedValue.objects.get())["before"] == {"first_name": CANARY}
    sealed.destroy(f"user:{user.pk}")
    assert not SealedValue.objects.exists()


def test_version_twins_have_no_column_for_names_or_texts():
    personal = {Data.IDENTITY, Data.REACH, Data.TEXT}
    for fact, twin in TWINS.items():
        named = {name for name, (data, _e) in fact.privacy.items() if data in personal}
        assert named & {field.name for field in twin._meta.concrete_fields} == set()


def test_mover_repoints_facts_versions_events_and_audit(company):
    _user, customer, contact, said, _filed = person(company)
    writing.revise(said, reached=False, at=LATER)
    target = CustomerFactory()
    new = target.contacts.get()
    for move in movers.movers().values():
        move("contact", contact.pk, new.pk)
        move("customer", customer.pk, target.pk)
    assert list(target.contacts.values_list("pk", "is_main")) == [(new.pk, True), (contact.pk, False)]
    for model in (Interaction, InteractionVersion):
        assert set(model.objects.values_list("customer_id", "contact_id")) == {(target.pk, new.pk)}
    assert not Event.objects.filter(customer_id=customer.pk).exists()
    assert not AuditEvent.objects.filter(customer_id=customer.pk).exists()


def test_mover_leaves_the_rows_of_others(company):
    mine, other, target = OrderFactory(), OrderFactory(), CustomerFactory()
    for move in movers.movers().values():
        move("customer", mine.customer_id, target.pk)
    other.refresh_from_db()
    assert other.customer_id not in {mine.customer_id, target.pk}


def test_eraser_leaves_the_rows_of_others(company):
    mine, other = CustomerFactory(name="Mine"), CustomerFactory(name="Other")
    for erase in movers.erasers().values():
        erase("customer", mine.pk)
    assert set(Customer.objects.values_list("name", flat=True)) == {f"#{mine.pk}", "Other"}
    assert other.contacts.get().name != ""


def test_exporter_gives_the_rows_of_one_person_only(company):
    _user, customer, _contact, _said, _filed = person(company)
    OrderFactory()
    rows = movers.exporters()[Customer]("customer", customer.pk)
    assert [row["name"] for row in rows] == [f"{CANARY} Ltd"]


@pytest.mark.parametrize(
    "model", [m for m in apps.get_models() if hasattr(m, "privacy")], ids=lambda m: m._meta.label
)
def test_blank_fields_can_be_blanked(model):
    """What erasure empties must be able to stand empty."""
    for name, (_data, action) in model.privacy.items():
        if action == "blank":
            field = model._meta.get_field(name)
            assert field.null or isinstance(field, models.CharField | models.TextField)
