"""The team of a case is its customer's, whoever changes what and when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction

from customers import ownership
from customers.batch import CustomerRecord, OwnershipRecord, upsert_customers, upsert_ownerships
from customers.models import Customer, ExternalRef
from retention import cases
from retention.models import RetentionCase
from tests.factories import NOW, CompanyFactory, CustomerFactory, TeamFactory, UserFactory
from tests.retention.racing import race

SOURCE = "shop"


def opened(customer: Customer) -> RetentionCase:
    return cases.open_case(customer, kind="save", severity=2, by=None, at=NOW)


def left_behind() -> list[tuple[int, int | None, int | None]]:
    """Return the cases whose team is not that of their customer."""
    rows = RetentionCase.objects.values_list("pk", "team_id", "customer__team_id")
    return [row for row in rows if row[1] != row[2]]


# --- Each way in which a team changes ---------------------------------------------------------
def given_away(customer: Customer) -> None:
    ownership.assign_owner(customer, user=UserFactory(team=TeamFactory()), by=None, at=NOW)


def taken_back(customer: Customer) -> None:
    ownership.assign_owner(customer, user=None, by=None, at=NOW)


def moved_with_owner(customer: Customer) -> None:
    owner = customer.owner
    owner.team = TeamFactory()
    owner.save()
    ownership.move_with_owner(owner, by=None, at=NOW)


def imported(customer: Customer) -> None:
    record = CustomerRecord(external_id="C1", values={}, team=TeamFactory(name="West").name)
    assert not upsert_customers([record], source=SOURCE, batch=None, at=NOW).refused


def imported_ownership(customer: Customer) -> None:
    user = UserFactory(team=TeamFactory())
    record = OwnershipRecord(
        external_id="O1", customer="C1", occurred_at=NOW, recorded_at=NOW, user=user.username
    )
    assert not upsert_ownerships([record], source=SOURCE, batch=None, at=NOW).refused


def updated(customer: Customer) -> None:
    Customer.objects.filter(pk=customer.pk).update(team=TeamFactory())


def saved(customer: Customer) -> None:
    customer.team = TeamFactory()
    customer.save()


WAYS = [given_away, taken_back, moved_with_owner, imported, imported_ownership, updated, saved]


@pytest.mark.django_db
@pytest.mark.parametrize("way", WAYS)
def test_team_of_a_case_follows_its_customer(way: Callable[[Customer], None]) -> None:
    CompanyFactory()
    owner = UserFactory(team=TeamFactory())
    customer = CustomerFactory(owner=owner, team=owner.team)
    ExternalRef.objects.create(source=SOURCE, kind="customer", external_id="C1", object_id=customer.pk)
    case = opened(customer)
    before, of_owner = RetentionCase.objects.get(pk=case.pk).team_id, owner.team_id
    way(customer)
    case.refresh_from_db()
    customer.refresh_from_db()
    assert before == of_owner != case.team_id == customer.team_id


@pytest.mark.django_db
def test_case_moved_to_another_customer_takes_its_team() -> None:
    CompanyFactory()
    case, other = opened(CustomerFactory(team=TeamFactory())), CustomerFactory(team=TeamFactory())
    RetentionCase.objects.filter(customer=case.customer_id).update(customer=other)
    case.refresh_from_db()
    assert case.team_id == other.team_id


@pytest.mark.django_db
def test_team_of_a_case_cannot_be_written_by_itself() -> None:
    """A case read long ago and saved whole, or an update of the column, changes no team."""
    CompanyFactory()
    customer = CustomerFactory(team=TeamFactory())
    case = opened(customer)
    RetentionCase.objects.filter(pk=case.pk).update(team=TeamFactory())
    assert left_behind() == []
    RetentionCase.objects.filter(pk=case.pk).update(team=None, severity=3)
    assert left_behind() == []


# --- At the same moment -----------------------------------------------------------------------
@pytest.fixture
def _on_postgresql(transactional_db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    CompanyFactory()


def in_turn(first: Callable[[], Any], second: Callable[[], Any]) -> list[Any]:
    """Do ``first``, then ``second`` while the first has not committed; return what was raised."""
    done, raised = threading.Event(), []

    def act(what: Callable[[], Any], *, waits: bool) -> None:
        try:
            if waits:
                done.wait(10)
            with transaction.atomic():
                what()
                if not waits:
                    done.set()
                    other.join(0.5)  # it stands at a lock by then, or has committed
        except Exception as error:
            raised.append(error)
        finally:
            connections.close_all()

    other = threading.Thread(target=act, args=(second,), kwargs={"waits": True})
    one = threading.Thread(target=act, args=(first,), kwargs={"waits": False})
    other.start(), one.start()
    one.join(20), other.join(20)
    return raised


@pytest.mark.services
@pytest.mark.usefixtures("_on_postgresql")
@pytest.mark.parametrize("first", ["case", "team"])
def test_new_case_and_new_team_of_its_customer_meet(first: str) -> None:
    customer, south = CustomerFactory(team=TeamFactory()), TeamFactory()
    acts = {
        "case": lambda: RetentionCase.objects.create(customer_id=customer.pk, opened_at=NOW),
        "team": lambda: Customer.objects.filter(pk=customer.pk).update(team=south),
    }
    one = acts.pop(first)
    assert in_turn(one, acts.popitem()[1]) == []
    assert RetentionCase.objects.get().team_id == south.pk


@pytest.mark.services
@pytest.mark.usefixtures("_on_postgresql")
def test_case_moved_to_a_customer_whose_team_changes_takes_the_new_one() -> None:
    case, target, south = opened(CustomerFactory()), CustomerFactory(team=TeamFactory()), TeamFactory()
    assert (
        in_turn(
            lambda: RetentionCase.objects.filter(pk=case.pk).update(customer=target),
            lambda: Customer.objects.filter(pk=target.pk).update(team=south),
        )
        == []
    )
    assert RetentionCase.objects.get().team_id == south.pk


@pytest.mark.services
@pytest.mark.usefixtures("_on_postgresql")
@pytest.mark.parametrize("_round", range(4))
def test_many_change_owners_and_open_cases_without_waiting_for_each_other(_round: int) -> None:
    owners = [UserFactory(team=TeamFactory()) for _ in range(3)]
    customers = [CustomerFactory(owner=None, team=None) for _ in range(30)]
    backwards = customers[::-1]
    acts: list[Callable[[], Any]] = [
        *(
            lambda o=owner, c=some: ownership.assign_owner_many(c, user=o, by=None, at=NOW)
            for owner, some in zip(owners, (customers, backwards, customers[10:]), strict=True)
        ),
        lambda: [opened(customer) for customer in customers],
        lambda: [opened(customer) for customer in backwards],
    ]
    results = race(*acts)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert RetentionCase.objects.count() == 30
    assert left_behind() == []
