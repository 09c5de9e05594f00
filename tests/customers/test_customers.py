"""Making and changing customers: what is kept, what is refused, who owns it, what moves with it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from customers import addresses, changing, customers, groups, regions, registration
from customers.ground.models import AuditEvent
from customers.models import Address, AddressVersion, Customer, Ownership
from tests.factories import NOW, CustomerFactory, ago, day

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
USCC = "91110000600037341L"


def places(customer: Customer) -> list[tuple[str, str, int]]:
    return list(
        Address.objects.filter(customer=customer, void=False)
        .order_by("occurred_at")
        .values_list("country", "region", "occurred_day")
    )


def test_create_customer_keeps_the_whole_file_and_its_first_address(company, manager):
    made = customers.create_customer(
        name=" Red Pine ",
        country="CN",
        region="320506",
        street="1 Lake Road",
        registration_number="9111 0000 6000 37341l",
        source="referral",
        contact={"name": "Wang Jing", "is_decision_maker": True, "function": "management"},
        by=manager,
        at=NOW,
    )

    made.refresh_from_db()
    assert (made.name, made.registration_number, made.street) == ("Red Pine", USCC, "1 Lake Road")
    assert places(made) == [("CN", "320506", day(NOW))]
    assert Address.objects.get().place == "CN-32-05"
    person = made.contacts.get()
    assert (person.name, person.is_main, person.is_decision_maker) == ("Wang Jing", True, True)


def test_create_customer_without_a_contacts_name_takes_the_customers(company, manager):
    made = customers.create_customer(name="Li Na", kind="person", contact={"name": " "}, by=manager, at=NOW)
    assert made.contacts.get().name == "Li Na"
    assert not Address.objects.exists()


def test_create_customer_is_owned_by_the_account_manager_who_makes_it(manager, lead, teammate):
    own = customers.create_customer(name="A", by=manager, at=NOW)
    given = customers.create_customer(name="B", owner=teammate, by=lead, at=NOW)
    nobodys = customers.create_customer(name="C", by=lead, at=NOW)
    assert [own.owner, given.owner, nobodys.owner] == [manager, teammate, None]
    assert set(Ownership.objects.values_list("customer_id", "user_id")) == {
        (own.pk, manager.pk),
        (given.pk, teammate.pk),
    }


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"name": " "}, customers.NoName),
        ({"name": "A", "country": "XX"}, regions.UnknownCountry),
        ({"name": "A", "country": "CN", "region": "LND"}, regions.UnknownRegion),
        ({"name": "A", "region": "32"}, regions.UnknownRegion),
        ({"name": "A", "country": "CN", "registration_number": "123"}, registration.WrongRegistrationNumber),
    ],
)
def test_create_customer_writes_nothing_when_refused(company, values, refusal):
    with pytest.raises(refusal):
        customers.create_customer(**values, by=None, at=NOW)
    assert not Customer.objects.exists()


def test_change_customer_is_refused_when_somebody_else_wrote_since(customer, manager, lead):
    mine, theirs = Customer.objects.get(pk=customer.pk), Customer.objects.get(pk=customer.pk)
    customers.change_customer(theirs, city="Suzhou", by=lead, at=NOW)

    with pytest.raises(changing.ChangedMeanwhile):
        customers.change_customer(mine, notes="Mine", by=manager, at=NOW)

    customer.refresh_from_db()
    assert (customer.city, customer.notes) == ("Suzhou", "")
    assert AuditEvent.objects.filter(act="customer.change").count() == 1


def test_change_customer_makes_a_version_of_its_own_though_the_clock_stands_still(customer, manager):
    read = Customer.objects.get(pk=customer.pk)
    customers.change_customer(customer, city="Wuxi", by=manager, at=customer.updated_at)
    assert customer.updated_at > read.updated_at


def test_change_customer_with_what_stands_writes_nothing(customer, manager):
    before = customer.updated_at
    customers.change_customer(customer, name=customer.name, by=manager, at=NOW)
    customer.refresh_from_db()
    assert customer.updated_at == before
    assert not AuditEvent.objects.filter(act="customer.change").exists()


# --- Moving -----------------------------------------------------------------------------------
@pytest.fixture
def settled(company, manager):
    return customers.create_customer(name="Red Pine", country="CN", region="3205", by=manager, at=ago(100))


def test_change_customer_to_another_region_is_a_dated_move(settled, manager):
    customers.change_customer(settled, region="3101" + "15", moved_on=date(2026, 5, 1), by=manager, at=NOW)
    moved = Address.objects.order_by("occurred_at").last()
    assert places(settled) == [
        ("CN", "3205", day(ago(100))),
        ("CN", "310115", date(2026, 5, 1).toordinal()),
    ]
    assert (moved.recorded_at, moved.place) == (NOW, "CN-31")


def test_change_customer_of_a_wrong_region_corrects_the_fact_and_nobody_moved(settled, manager):
    customers.change_customer(settled, region="3202", corrects=True, by=manager, at=NOW)
    assert places(settled) == [("CN", "3202", day(ago(100)))]
    assert AddressVersion.objects.get().region == "3205"


def test_change_customer_of_country_drops_the_region_that_lies_elsewhere(settled, manager):
    customers.change_customer(settled, country="GB", by=manager, at=NOW)
    assert (settled.country, settled.region) == ("GB", "")
    assert places(settled)[-1][:2] == ("GB", "")


def test_change_customer_refuses_a_move_before_the_address_that_stands(settled, manager):
    with pytest.raises(addresses.MovedBeforeThat):
        customers.change_customer(settled, region="3202", moved_on=ago(200).date(), by=manager, at=NOW)
    settled.refresh_from_db()
    assert settled.region == "3205"


def test_change_customer_of_the_street_alone_is_no_move(settled, manager):
    customers.change_customer(settled, street="2 Lake Road", by=manager, at=NOW)
    assert len(places(settled)) == 1


# --- Groups -----------------------------------------------------------------------------------
def test_parent_in_a_circle_is_refused_at_any_depth(company):
    top, middle, bottom = CustomerFactory(), CustomerFactory(), CustomerFactory()
    customers.change_customer(middle, parent=top, by=None, at=NOW)
    customers.change_customer(bottom, parent=middle, by=None, at=NOW)
    for parent in (top, middle, bottom):
        with pytest.raises(groups.ParentInCircle):
            customers.change_customer(top, parent=parent, by=None, at=LATER)
    assert set(groups.all_below(top)) == {middle.pk, bottom.pk}


def test_group_of_five_levels_is_taken_and_a_sixth_is_refused(company):
    chain = CustomerFactory.create_batch(6)
    for child, parent in zip(chain[1:5], chain, strict=False):
        customers.change_customer(child, parent=parent, by=None, at=NOW)
    with pytest.raises(groups.GroupTooDeep):
        customers.change_customer(chain[5], parent=chain[4], by=None, at=NOW)
    with pytest.raises(groups.GroupTooDeep):
        customers.change_customer(chain[0], parent=chain[5], by=None, at=NOW)
    customers.change_customer(chain[5], parent=chain[3], by=None, at=NOW)


def test_parent_is_taken_away_again(company):
    top, child = CustomerFactory(), CustomerFactory()
    customers.change_customer(child, parent=top, by=None, at=NOW)
    customers.change_customer(child, parent=None, by=None, at=NOW)
    assert groups.all_below(top) == []
