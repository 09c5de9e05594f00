"""Every measure, at any moment, is what brute force over the recorded versions says it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.models import Customer
from retention import measures
from retention.measures import compute, passes
from retention.measures.passes import Customers
from tests.factories import CompanyFactory, CustomerFactory, UserFactory
from tests.retention.measures import truth
from tests.retention.measures.histories import (
    CUSTOMERS,
    LAST,
    MICROSECOND,
    USERS,
    History,
    histories,
    looks_at,
)
from tests.retention.measures.recording import Recorder
from tests.retention.measures.truth import EVALUATORS, Fact, Version, local_day

pytestmark = pytest.mark.django_db
many = settings(
    max_examples=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)


@contextmanager
def world(zone: str) -> Iterator[Recorder]:
    """Make a company with a few customers and users that vanish at the end of the block."""
    with transaction.atomic():
        CompanyFactory(time_zone=zone)
        customers = [CustomerFactory(contact=False) for _ in range(CUSTOMERS)]
        yield Recorder(zone=zone, customers=customers, users=UserFactory.create_batch(USERS))
        transaction.set_rollback(True)


def seen(
    customers: list[Customer], *, as_of: datetime, table: str | None = None
) -> dict[int, dict[str, Any]]:
    """Return every measure, stored and derived, as the product reads it from a wide table."""
    rows = compute.values_of([customer.pk for customer in customers], table=table)
    today = compute.today(as_of).number
    return {
        pk: {code: measure.read(row, today=today) for code, measure in measures.every().items()}
        for pk, row in rows.items()
    }


def expected(
    recorder: Recorder, facts: list[Fact], *, as_of: datetime, live: bool = False
) -> dict[int, dict[str, Any]]:
    """Return the same by brute force."""
    return {
        customer.pk: truth.evaluate(truth.past_of(n, facts, as_of=as_of, zone=recorder.zone, live=live))
        for n, customer in enumerate(recorder.customers)
    }


def in_the_past(
    recorder: Recorder, *, as_of: datetime, customers: Customers = compute.EVERYONE
) -> dict[int, dict[str, Any]]:
    """Return what a past pass gives."""
    with compute.at(as_of=as_of, customers=customers) as table:
        return seen(recorder.customers, as_of=as_of, table=table)


def test_every_measure_has_a_brute_force_evaluator() -> None:
    assert set(EVALUATORS) == set(measures.every())


@many
@given(history=histories(), data=st.data())
def test_past_pass_equals_brute_force_at_random_moments(history: History, data: st.DataObject) -> None:
    with world(history.zone) as recorder:
        recorder.write(history.facts)
        for as_of in data.draw(st.lists(looks_at(history), min_size=1, max_size=5)):
            assert in_the_past(recorder, as_of=as_of) == expected(recorder, history.facts, as_of=as_of)


@many
@given(history=histories(), data=st.data())
def test_nothing_recorded_afterwards_changes_a_past_moment(history: History, data: st.DataObject) -> None:
    as_of = data.draw(looks_at(history))
    with world(history.zone) as recorder:
        recorder.write(history.facts, until=as_of)
        before = in_the_past(recorder, as_of=as_of)
        live = compute.refresh(as_of=as_of) and seen(recorder.customers, as_of=as_of)
        recorder.write(history.facts)
        assert in_the_past(recorder, as_of=as_of) == before == live
        assert before == expected(recorder, history.facts, as_of=as_of)


@many
@given(history=histories(), data=st.data())
def test_live_pass_equals_past_pass_and_brute_force_now(history: History, data: st.DataObject) -> None:
    now = history.moments[-1] + data.draw(
        st.sampled_from([MICROSECOND, timedelta(days=1), timedelta(days=95)])
    )
    with world(history.zone) as recorder:
        recorder.write(history.facts)
        compute.refresh(as_of=now)
        live = seen(recorder.customers, as_of=now)
        assert live == in_the_past(recorder, as_of=now)
        assert live == expected(recorder, history.facts, as_of=now, live=True)


@many
@given(history=histories(), data=st.data())
def test_a_part_of_the_customers_gets_what_all_get(history: History, data: st.DataObject) -> None:
    as_of = data.draw(looks_at(history))
    with world(history.zone) as recorder:
        recorder.write(history.facts)
        everyone = in_the_past(recorder, as_of=as_of)
        some = sorted(everyone)[: data.draw(st.integers(1, CUSTOMERS))]
        part = {pk: values for pk, values in everyone.items() if pk in some}
        assert in_the_past(recorder, as_of=as_of, customers=compute.only(some)) == part
        assert in_the_past(recorder, as_of=as_of, customers=compute.between(some[0], some[-1])) == part


# --- Each source: what was recorded later is not seen, and the test would notice -----------------
TODAY = LAST.toordinal()
NOON = datetime.fromisoformat(f"{LAST}T12:00:00+08:00")
ORDER = {"status": "placed", "is_purchase": True, "sold": 1000, "returned": 0, "margin": 300}
CONTRACT = {
    "starts": TODAY - 100,
    "ends": TODAY + 50,
    "auto_renew": False,
    "renewed": None,
    "terminated": None,
    "value": 5000,
}
STANDS = {
    "value_tier": "A",
    "lifecycle_stage": "mature",
    "recency_score": 5,
    "frequency_score": 4,
    "monetary_score": 3,
}
# source -> what a fact says, what its correction says
TOLD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "orders": (ORDER, {**ORDER, "sold": 7000}),
    "contracts": (CONTRACT, {**CONTRACT, "value": 9000}),
    "interactions": ({"reached": True, "direction": "out"}, {"reached": True, "direction": "in"}),
    "complaints": ({"event": "opened", "due": TODAY + 3}, {"event": "opened", "due": TODAY - 3}),
    "deliveries": (
        {"status": "placed", "promised": TODAY - 3, "delivered": None},
        {"status": "delivered", "promised": TODAY - 3, "delivered": TODAY - 1},
    ),
    "products": (
        {"product": 1, "quantity": 1, "status": "placed"},
        {"product": 2, "quantity": 1, "status": "placed"},
    ),
    "invoices": (
        {"event": "issued", "amount": 1000, "due": TODAY + 3},
        {"event": "issued", "amount": 900, "due": TODAY - 3},
    ),
    "usage": ({"milli": 3000}, {"milli": 8000}),
    "balances": (
        {"metric": 0, "product": None, "milli": 5000},
        {"metric": 1, "product": None, "milli": 2000},  # of one metric the newest alone would stand
    ),
    "sightings": ({"seen": 1000, "ours": 1100}, {"seen": 1000, "ours": 900}),
    "communities": ({"left": None}, {"left": TODAY - 3}),
    "indicators": ({"worse": "lower", "milli": 5000}, {"worse": "lower", "milli": 4000}),
    "answers": (
        {"kind": "csat", "points": 5, "score": 5},
        {"kind": "csat", "points": 5, "score": 2},
    ),
    "asked": ({"answered": None}, {"answered": TODAY - 12}),
    "mentions": ({"sentiment": "positive"}, {"sentiment": "negative"}),
    "ownership": ({"user": 0}, {"user": 1}),
    "addresses": ({"place": "CN-31"}, {"place": "CN-32-05"}),
    "main_contact": ({"change": "left"}, {"change": "followed"}),
    "standing": (STANDS, {**STANDS, "value_tier": "B", "recency_score": 4}),
    "points": (
        {"entry": "earn", "points": 700, "pending": 40},
        {"entry": "redeem", "points": -200, "pending": -40},
    ),
    "expiring": (
        {"entry": "earn", "points": 300, "pending": 0, "ends": TODAY + 3},
        {"entry": "earn", "points": 90, "pending": 0, "ends": TODAY + 30},
    ),
    "tiers": ({"old": 0, "new": 2, "grace": None}, {"old": 2, "new": 1, "grace": TODAY + 9}),
    "memberships": ({"ends": TODAY + 5, "cancelled": None}, {"ends": TODAY + 40, "cancelled": None}),
}
CORRECTED = [code for code, source in measures.sources().items() if not source.is_ledger]
"""Sources whose facts can be corrected; the rows of a ledger stay as they were written."""


ALSO = {"points": ("expiring",)}
"""Sources whose rows another one reads, too: what is earned with a lot is an entry as any other."""


def ago(days: float) -> datetime:
    return NOON - timedelta(days=days)


def late(source: str) -> list[Fact]:
    """Tell of one fact that was known in time and of one that was not."""
    first, second = TOLD[source]
    return [
        Fact(source, 0, [Version(ago(20), ago(20), first)], thread=1),
        Fact(source, 0, [Version(ago(-5), ago(10), second)], thread=2),
    ]


def corrected(source: str) -> list[Fact]:
    """Tell of one fact that was corrected in time and of one that is corrected afterwards."""
    first, second = TOLD[source]
    return [
        Fact(source, 0, [Version(ago(20), ago(20), first), Version(ago(15), ago(20), second)], thread=1),
        Fact(source, 1, [Version(ago(20), ago(20), first), Version(ago(-5), ago(20), second)], thread=2),
    ]


def left_afterwards() -> list[Fact]:
    """Tell of an owner who left, which became known too late."""
    return [
        Fact("ownership", 0, [Version(ago(20), ago(20), {"user": 0})]),
        Fact("activity", 0, [Version(ago(-5), ago(10), {"user": 0, "is_active": False})]),
    ]


def check(facts: list[Fact]) -> None:
    """Compare a past pass with brute force; raise ``AssertionError`` when they differ."""
    with world("Asia/Shanghai") as recorder:
        recorder.write(facts)
        assert in_the_past(recorder, as_of=NOON) == expected(recorder, facts, as_of=NOON)


def check_live(facts: list[Fact]) -> None:
    """Compare a live pass with brute force over the newest versions."""
    with world("Asia/Shanghai") as recorder:
        recorder.write(facts)
        compute.refresh(as_of=NOON)
        found = seen(recorder.customers, as_of=NOON)
        assert found == expected(recorder, facts, as_of=NOON, live=True)


def test_every_source_has_a_told_history() -> None:
    assert set(TOLD) == set(measures.sources())


@pytest.mark.parametrize("source", TOLD)
def test_past_pass_leaves_out_a_fact_recorded_later(source: str) -> None:
    check(late(source))


@pytest.mark.parametrize("source", TOLD)
def test_live_pass_leaves_out_a_fact_recorded_later(source: str) -> None:
    check_live(late(source))


@pytest.mark.parametrize("source", CORRECTED)
def test_past_pass_reads_the_version_that_stood_then(source: str) -> None:
    check(corrected(source))


def test_past_pass_leaves_out_a_colleagues_leaving_recorded_later() -> None:
    check(left_afterwards())


def taken_afterwards() -> list[Fact]:
    """Tell of points of which some were taken in time, and some were taken later or known to be."""
    earned = {"entry": "earn", "points": 300, "pending": 0, "ends": TODAY + 3}
    taken = {"entry": "redeem", "points": -50, "pending": 0, "ends": None}
    moments = [(ago(9), ago(9)), (ago(-1), ago(-1)), (ago(-1), ago(1))]
    return [
        Fact("expiring", 0, [Version(ago(20), ago(20), earned)], thread=1),
        *(Fact("expiring", 0, [Version(known, at, taken)], thread=1) for known, at in moments),
    ]


def test_lot_holds_what_it_held_at_the_moment() -> None:
    check(taken_afterwards())
    check_live(taken_afterwards())


Filter = Callable[[str], str]


def without(monkeypatch: pytest.MonkeyPatch, name: str, source: str) -> None:
    """Take one filter out of one source."""
    original: Filter = getattr(passes, name)
    monkeypatch.setattr(passes, name, lambda of: "1 = 1" if of == source else original(of))


@pytest.mark.parametrize("source", TOLD)
def test_check_fails_when_the_recorded_time_filter_is_taken_out(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "known_before", source)
    for variant in (check, check_live):
        with pytest.raises(AssertionError):
            variant(late(source))
    for other in set(TOLD) - {source, *ALSO.get(source, ())}:
        check(late(other))


@pytest.mark.parametrize("source", CORRECTED)
def test_check_fails_when_superseded_versions_are_not_filtered_out(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "not_yet_superseded", source)
    with pytest.raises(AssertionError):
        check(corrected(source))


@pytest.mark.parametrize("source", CORRECTED)
def test_check_fails_when_earlier_versions_are_not_read(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = passes.visible_facts
    monkeypatch.setattr(
        passes,
        "visible_facts",
        lambda of, customers, *, mode: original(of, customers, mode="live" if of.code == source else mode),
    )
    with pytest.raises(AssertionError):
        check(corrected(source))


def test_check_fails_when_the_recorded_time_filter_of_activity_is_taken_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without(monkeypatch, "known_before", "activity")
    with pytest.raises(AssertionError):
        check(left_afterwards())


def test_local_day_of_the_truth_is_the_products(company: Any) -> None:
    assert local_day(NOON, company.time_zone) == compute.today(NOON).number == TODAY
