"""A merge and an import of facts at the same moment, in both orders: nothing is lost to the stub."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction

from customers import merges, writing
from customers.batch import (
    CustomerRecord,
    InteractionRecord,
    facts,
    people,
    upsert_customers,
    upsert_interactions,
)
from customers.models import Customer, ExternalRef, Interaction, TouchedCustomer
from retention import sweep
from retention.models import EarlyWarning, RetentionCase
from tests.factories import NOW, CompanyFactory, CustomerFactory, InteractionFactory, TeamFactory, UserFactory
from tests.retention.makers import make_case
from tests.retention.racing import race

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def pair() -> tuple[Customer, Customer]:
    """Two customers with their references and a contact logged with each, committed."""
    CompanyFactory()
    owner = UserFactory(team=TeamFactory())
    made = []
    for name in ("one", "two"):
        customer = CustomerFactory(owner=owner, name=name)
        InteractionFactory(customer=customer)
        ExternalRef.objects.create(source="crm", kind="customer", external_id=name, object_id=customer.pk)
        made.append(customer)
    return made[0], made[1]


def merge(pair: tuple[Customer, Customer]) -> Any:
    survivor, other = pair
    return merges.merge_customers(survivor, other, reason="The same.", by=None, at=LATER)


def bring(number: int = 0) -> Any:
    """Import one interaction of each of the two."""
    records = [
        InteractionRecord(
            external_id=f"{name}-{number}",
            customer=name,
            occurred_at=NOW,
            recorded_at=NOW,
            values={"kind": "call", "text": "brought"},
        )
        for name in ("one", "two")
    ]
    return upsert_interactions(records, source="crm", batch=None, at=LATER)


class Held:
    """A step of the act that goes first: it waits there until the second was seen to wait, too."""

    def __init__(self, step: Callable[..., Any]) -> None:
        self.step, self.reached, self.go_on = step, threading.Event(), threading.Event()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = self.step(*args, **kwargs)
        self.reached.set()
        assert self.go_on.wait(timeout=20)
        return result


def one_after_the_other(held: Held, first: Callable[[], Any], second: Callable[[], Any]) -> list[Any]:
    """Begin ``first``, and ``second`` while it is held in the middle; return results or refusals."""
    results: list[Any] = [None, None]

    def run(position: int, act: Callable[[], Any]) -> None:
        try:
            results[position] = act()
        except Exception as error:
            results[position] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate((first, second))]
    threads[0].start()
    assert held.reached.wait(timeout=20)
    threads[1].start()
    threads[1].join(timeout=0.3)
    waits = threads[1].is_alive()
    held.go_on.set()
    for thread in threads:
        thread.join(timeout=30)
    assert waits, "the second went through while the first was in the middle"
    assert not [result for result in results if isinstance(result, Exception)], results
    return results


def holders() -> set[int]:
    return set(Interaction.objects.values_list("customer_id", flat=True))


def test_import_that_resolved_first_lands_and_is_moved(
    pair: tuple[Customer, Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(people.customers_for)
    monkeypatch.setattr(facts.people, "customers_for", held)

    one_after_the_other(held, bring, lambda: merge(pair))

    assert Interaction.objects.count() == 4
    assert holders() == {pair[0].pk}


def test_import_that_comes_during_the_merge_lands_with_the_survivor(
    pair: tuple[Customer, Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(merges.keeping.close)
    monkeypatch.setattr(merges.keeping, "close", held)

    one_after_the_other(held, lambda: merge(pair), bring)

    assert Interaction.objects.count() == 4
    assert holders() == {pair[0].pk}
    assert pair[0].pk in set(TouchedCustomer.objects.values_list("customer_id", flat=True))


def test_fact_entered_by_hand_during_the_merge_is_the_survivors(
    pair: tuple[Customer, Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(merges.keeping.close)
    monkeypatch.setattr(merges.keeping, "close", held)

    def log() -> Any:
        with transaction.atomic():
            return writing.write(
                Interaction, customer_id=pair[1].pk, when=writing.moments(at=LATER), kind="visit"
            )

    one_after_the_other(held, lambda: merge(pair), log)

    assert holders() == {pair[0].pk}


def test_file_of_a_customer_imported_during_the_merge_changes_the_survivor(
    pair: tuple[Customer, Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(merges.keeping.close)
    monkeypatch.setattr(merges.keeping, "close", held)
    record = CustomerRecord(external_id="two", values={"segment": "retail"})

    one_after_the_other(
        held,
        lambda: merge(pair),
        lambda: upsert_customers([record], source="crm", batch=None, at=LATER),
    )

    survivor, other = (Customer.objects.get(pk=customer.pk) for customer in pair)
    assert (survivor.segment, other.segment) == ("retail", "")


@pytest.mark.parametrize("round_", range(3))
def test_race_of_merge_imports_case_and_sweep_loses_nothing(
    pair: tuple[Customer, Customer], round_: int
) -> None:
    results = race(
        lambda: merge(pair),
        lambda: bring(1),
        lambda: bring(2),
        lambda: make_case(Customer.objects.get(pk=pair[1].pk), at=NOW),
        lambda: sweep.touched(LATER),
    )
    merges.gather(at=LATER)

    assert [result for result in results if isinstance(result, Exception)] == []
    assert Interaction.objects.count() == 6
    assert holders() == {pair[0].pk}
    assert set(RetentionCase.objects.values_list("customer_id", flat=True)) == {pair[0].pk}
    assert not EarlyWarning.objects.filter(customer=pair[1]).exists()


def test_two_merges_of_one_pair_both_ways_make_one(pair: tuple[Customer, Customer]) -> None:
    there, back = [Customer.objects.get(pk=c.pk) for c in pair], [Customer.objects.get(pk=c.pk) for c in pair]
    results = race(lambda: merge((there[0], there[1])), lambda: merge((back[1], back[0])))
    assert sorted(type(result).__name__ for result in results) == ["Merge", "MergedAlready"]
    assert Customer.objects.present().count() == 1  # type: ignore[attr-defined]
