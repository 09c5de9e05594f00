"""What is learnt from the company's customers: by moment, found again, and used from its moment on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction

from customers.ground.localtime import start_of_day
from customers.models import Customer, Order
from retention.measures import compute, fitted, learning, rhythm, season
from retention.models import CustomerMeasures, FittedParameters
from tests.factories import NOW, CustomerFactory, OrderFactory, ago

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
MIDNIGHT = start_of_day(NOW.date().toordinal(), "Asia/Shanghai")


def kept(kind: str, moment: datetime, **values: Any) -> FittedParameters:
    """Keep parameters as if they had been fitted then."""
    made = {"values": values, "customers": 100, "made_at": moment}
    return FittedParameters.objects.create(kind=kind, fitted_as_of=moment, **made)


def test_newest_is_the_last_one_fitted_at_the_moment_or_before(company: Any) -> None:
    kind = rhythm.BUYING_RATE
    assert fitted.newest(kind, moment=NOW) == kind.shipped
    kept("buying_rate", NOW, r=3, alpha=3)
    kept("buying_rate", NOW - 2 * DAY, r=2, alpha=2)
    kept("decline", NOW - DAY, a=9, b=9)
    found = [fitted.newest(kind, moment=moment)["r"] for moment in (NOW - 3 * DAY, NOW - DAY, NOW, NOW + DAY)]
    assert found == [kind.shipped["r"], 2, 3, 3]
    with pytest.raises(IntegrityError), transaction.atomic():
        kept("buying_rate", NOW, r=4, alpha=4)


def rhythmic(customer: Customer, *, every: int, days: int = 400, until: int = 0) -> None:
    """Let a customer order every so many days, up to ``until`` days ago."""
    rows = [
        Order(
            customer=customer,
            occurred_at=ago(back),
            recorded_at=ago(back),
            occurred_day=NOW.date().toordinal() - back,
            currency="CNY",
            sold_base=1000,
            margin_base=300,
        )
        for back in range(until, days, every)
    ]
    Order.objects.bulk_create(rows)


def test_measures_use_the_parameters_of_their_moment(customer: Customer) -> None:
    rhythmic(customer, every=10, until=30)
    score = "overdue_score_parts"

    def at(moment: datetime) -> Any:
        with compute.at(as_of=moment, customers=compute.only([customer.pk])) as table:
            return compute.values_of([customer.pk], table=table)[customer.pk][score]

    before = at(NOW)
    kept("buying_rate", NOW + timedelta(hours=1), r=0.01, alpha=5000)
    assert at(NOW) == before
    assert at(NOW + timedelta(hours=2)) < before
    kept("buying_rate", NOW - DAY, r=5, alpha=20)
    assert at(NOW) > before
    compute.refresh(as_of=NOW)
    assert CustomerMeasures.objects.get().overdue_score_parts == at(NOW)


def test_vector_measures_move_with_the_clock_when_nothing_else_does(customer: Customer) -> None:
    rhythmic(customer, every=10, until=100)
    bystander = CustomerFactory()
    compute.refresh(as_of=NOW)
    before = CustomerMeasures.objects.get(customer=customer)
    untouched = CustomerMeasures.objects.get(customer=bystander)
    compute.refresh_changed(as_of=NOW + DAY)
    after = CustomerMeasures.objects.get(customer=customer)
    assert after.overdue_score_parts > before.overdue_score_parts
    assert after.as_of == NOW + DAY
    assert CustomerMeasures.objects.get(customer=bystander).as_of == untouched.as_of == NOW


def test_vector_measures_of_a_newer_row_are_left_alone(customer: Customer) -> None:
    rhythmic(customer, every=10, until=100)
    compute.refresh(as_of=NOW + DAY, customers=compute.only([customer.pk]))
    before = CustomerMeasures.objects.get()
    assert compute.refresh_vectors(as_of=NOW, customers=compute.EVERYONE) == 0
    after = CustomerMeasures.objects.get()
    assert (after.as_of, after.overdue_score_parts) == (before.as_of, before.overdue_score_parts)


def test_only_the_wanted_vector_measures_are_filled(customer: Customer) -> None:
    rhythmic(customer, every=10)
    with compute.at(as_of=NOW, columns=["count_decline_parts"]) as table:
        row = compute.values_of([customer.pk], table=table)[customer.pk]
    assert row["count_decline_parts"] is not None
    assert row["expected_lost_margin"] is None and row["overdue_score_parts"] is None


# --- Learning ---------------------------------------------------------------------------------
def test_nothing_is_learnt_from_too_few(customer: Customer) -> None:
    rhythmic(customer, every=10)
    assert fitted.fit_due(at=NOW) == []
    assert not FittedParameters.objects.exists()


@pytest.fixture
def many(company: Any) -> list[Customer]:
    """120 customers of whom a third went silent half a year ago."""
    customers = CustomerFactory.create_batch(120, contact=False)
    for n, customer in enumerate(customers):
        rhythmic(customer, every=8 + n % 40, until=180 if n % 3 == 0 else n % 9, days=600)
    return customers


def test_rates_are_learnt_from_what_was_known_at_the_beginning_of_the_day(many: list[Customer]) -> None:
    assert fitted.fit_due(at=NOW) == ["buying_rate", "decline"]  # less than two years: no season
    rows = {row.kind: row for row in FittedParameters.objects.all()}
    assert {row.fitted_as_of for row in rows.values()} == {MIDNIGHT}
    r, alpha = rows["buying_rate"].values["r"], rows["buying_rate"].values["alpha"]
    assert 15 < alpha / r < 40  # days between orders: those of 8 to 47, the quick ones weigh more as rates
    weights = rows["decline"].values["weights"]
    assert sum(weights) == pytest.approx(1, abs=1e-4)
    assert weights[-1] > 2 * 0.05 and weights[-1] == max(weights[1:])  # a third has stopped
    OrderFactory.create_batch(3, customer=many[0], occurred_at=NOW - timedelta(hours=1))
    assert fitted.fit("buying_rate", as_of=NOW, at=NOW + DAY) == rows["buying_rate"]
    again = learning.buying_rate(MIDNIGHT)
    assert again is not None and again[0] == rows["buying_rate"].values


def test_buying_rates_of_a_simulated_population_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(20260402)
    days = 730
    rows = []
    for rate, dropout in zip(chance.gamma(0.8, 1 / 40, 4000), chance.beta(1.2, 6, 4000), strict=True):
        x, last = 0, 0.0
        while (at := last + chance.exponential(1 / rate)) < days:
            x, last = x + 1, at
            if chance.random() < dropout:
                break
        rows.append((x + 1.0, last, 739_000.0 - days))
    monkeypatch.setattr(learning, "_sample", lambda moment, columns: np.array(rows))
    monkeypatch.setattr(learning, "today", lambda moment: type("Day", (), {"number": 739_000}))
    learnt = learning.buying_rate(NOW)
    assert learnt is not None
    assert learnt[0]["r"] == pytest.approx(0.8, rel=0.1)
    assert learnt[0]["alpha"] == pytest.approx(40, rel=0.15)


def test_parameters_are_fitted_anew_after_a_week_and_not_before(many: list[Customer]) -> None:
    assert fitted.fit_due(at=NOW)
    assert fitted.fit_due(at=NOW + 6 * DAY) == []
    assert fitted.fit_due(at=NOW + 7 * DAY) == ["buying_rate", "decline"]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a transaction keeps others from writing there")
def test_learning_keeps_no_writer_waiting(company: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    inside: list[int] = []

    def learn(moment: datetime) -> None:
        inside.append(len(connection.savepoint_ids))

    monkeypatch.setattr(fitted, "_learners", {"buying_rate": learn})
    fitted.fit_due(at=NOW)
    assert inside == [len(connection.savepoint_ids)]


def test_a_kind_that_fails_leaves_the_others_alone(
    many: list[Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(moment: datetime) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(fitted._learners, "buying_rate", fail)
    assert fitted.fit_due(at=NOW) == ["decline"]


def test_season_is_learnt_from_days_with_an_order(company: Any) -> None:
    for customer in CustomerFactory.create_batch(3, contact=False):
        rhythmic(customer, every=1, days=season.LEAST_DAYS + 300, until=1)
        rhythmic(customer, every=1, days=season.LEAST_DAYS + 300, until=1)  # twice a day is one day
    learnt = learning.order_season(MIDNIGHT)
    assert learnt is not None
    values, days = learnt
    assert days == 3 * (season.LEAST_DAYS + 299)
    assert len(values["index"]) == season.bins() and set(values["index"]) == {1000}
    assert isinstance(np.array(values["index"]).sum().item(), int)
