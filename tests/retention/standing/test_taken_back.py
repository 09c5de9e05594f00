"""Imports taken back after nights that judged their customers: what Liuke concluded is nobody's work."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from customers import undo
from customers.models import Customer
from retention import losses, sweep
from retention.models import Loss, LossKind, Standing, StandingVersion
from tests.customers.undoing import bring, take_back
from tests.factories import NOW
from tests.retention.losses.test_finding import turn_on

pytestmark = pytest.mark.django_db
CUSTOMERS = "id,name\nC1,Blue Lake\nC2,Red Hill\n"
ORDERS = "id,customer,date,quantity,unit price\nO1,C1,2026-05-01,1,10\nO2,C2,2026-05-02,1,10\n"
NIGHT = NOW + timedelta(hours=14)


@pytest.fixture(autouse=True)
def _company(company: Any) -> None:
    """All of these need the company."""


def test_import_that_made_customers_is_taken_back_after_nights(tmp_path: Path) -> None:
    made = bring(tmp_path, "customers", CUSTOMERS)
    ordered = bring(tmp_path, "orders", ORDERS)
    for n in (0, 200):
        sweep.nightly(at=NIGHT + timedelta(days=n))
    assert Standing.objects.values("customer").distinct().count() == 2 < Standing.objects.count()
    later = NIGHT + timedelta(days=201)
    take_back(ordered, at=later)
    assert undo.in_the_way(made).count == 0
    take_back(made, at=later)
    assert not Customer.objects.present().exists()  # type: ignore[attr-defined]
    assert not Standing.objects.filter(void=False).exists()
    assert all(v.superseded_at == v.recorded_at for v in StandingVersion.objects.all())


def test_orders_that_made_customers_are_taken_back_after_a_night(tmp_path: Path) -> None:
    ordered = bring(tmp_path, "orders", ORDERS)
    sweep.nightly(at=NIGHT)
    assert Standing.objects.filter(void=False).count() == 2
    take_back(ordered, at=NIGHT + timedelta(hours=1))
    assert not Standing.objects.filter(void=False).exists()


def test_loss_that_a_definition_found_goes_with_its_customer(tmp_path: Path) -> None:
    turn_on("window", days=90)
    ordered = bring(tmp_path, "orders", ORDERS)
    sweep.nightly(at=NIGHT + timedelta(days=100))
    assert Loss.objects.count() == 2
    assert undo.in_the_way(ordered).count == 0
    take_back(ordered, at=NIGHT + timedelta(days=101))
    assert not Loss.objects.exists()
    assert losses.seek(at=NIGHT + timedelta(days=102)) == {"returned": 0, "lost": 0}


@pytest.mark.parametrize("definition", [LossKind.HAND, ""])
def test_loss_by_hand_stands_in_the_way(tmp_path: Path, definition: str) -> None:
    ordered = bring(tmp_path, "orders", ORDERS)
    customer = Customer.objects.earliest("pk")
    Loss.objects.create(customer=customer, occurred_at=NOW, recorded_at=NOW, definition=definition)
    assert [blocker.customer_id for blocker in undo.in_the_way(ordered).shown] == [customer.pk]
    with pytest.raises(undo.UndoBlocked):
        take_back(ordered)
