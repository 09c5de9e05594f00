"""Value tiers with their band, RFM scores with their ties, stages of life; kept, and read as of the past."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers.ground import clock, localtime
from customers.ground.models import AuditEvent
from customers.models import Customer, TouchedCustomer, User
from retention import losses, standing
from retention.measures import compute
from retention.models import CustomerMeasures, CutPoints, Loss, LossKind, Standing, ValuePolicy
from tests.factories import NOW, ContractFactory, CustomerFactory, OrderFactory, ago

pytestmark = pytest.mark.django_db
TODAY = localtime.day_number(NOW, "Asia/Shanghai")


@pytest.fixture(autouse=True)
def _company(company: Any) -> None:
    """All of these need the company."""


def row(margin: int | None = None, *, customer: Customer | None = None, **values: Any) -> Customer:
    """Put one customer into the wide table: an old one that ordered yesterday, unless told otherwise."""
    customer = customer or CustomerFactory(contact=False)
    known = {"first_order_day": TODAY - 1000, "last_order_day": TODAY - 1, "orders_365d": 1}
    if margin is not None:
        known["margin_365d"] = margin
    CustomerMeasures.objects.update_or_create(customer=customer, defaults={"as_of": NOW, **known, **values})
    return customer


def now(customer: Customer, code: str = "value_tier") -> Any:
    return Standing.objects.filter(customer=customer).order_by("-pk").values_list(code, flat=True)[0]


def limits(*tiers: int, band: int = 10, at: Any = NOW, **values: Any) -> CutPoints:
    parts = {"recency": [], "frequency": [], "monetary": [], "customers": 1, **values}
    return CutPoints.objects.create(fitted_as_of=at, tiers=list(tiers), band=band, **parts)


# --- Tiers -------------------------------------------------------------------------------------
def test_fit_cuts_by_cumulative_shares_and_ties_are_one_tier() -> None:
    for margin in (400, 300, 100, 100, 50, 30, 20, 0, -70):  # 1,000 together
        row(margin)
    assert standing.fit(as_of=NOW).tiers == [300, 100, 50]  # 400 + 300 pass 50 %; 100 + 100 pass 80 and more
    standing.appraise(as_of=NOW)
    tiers = list(Standing.objects.order_by("customer").values_list("value_tier", flat=True))
    assert tiers == ["A", "A", "B", "B", "C", "D", "D", "D", "D"]


def test_tier_begins_at_its_limit() -> None:
    limits(1000, 100, 10)
    customers = [row(margin) for margin in (1000, 999, 100, 99, 10, 9)]
    standing.appraise(as_of=NOW)
    assert [now(one) for one in customers] == ["A", "B", "B", "C", "C", "D"]


@pytest.mark.parametrize(
    ("first", "then", "tier"),
    [
        (999, 1099, "B"),  # within the band: stays
        (999, 1100, "A"),  # passed by a tenth: rises
        (1000, 901, "A"),
        (1000, 900, "A"),
        (1000, 899, "B"),  # below by more than a tenth: falls
        (1000, 91, "B"),  # far below A, within the band of B
        (1000, 5, "D"),
        (5, 5000, "A"),
        (5, 105, "C"),  # above B, not by a tenth
    ],
)
def test_band_holds_a_customer_in_its_tier_in_both_directions(first: int, then: int, tier: str) -> None:
    limits(1000, 100, 10)
    customer = row(first)
    standing.appraise(as_of=NOW)
    row(then, customer=customer)
    standing.appraise(as_of=NOW + timedelta(days=1))
    assert now(customer) == tier


def test_tier_is_unknown_before_a_fit_and_without_margin() -> None:
    customer = row(5)
    standing.appraise(as_of=NOW)
    assert now(customer) is None and now(customer, "recency_score") is None
    assert now(customer, "lifecycle_stage") == "mature"
    CustomerMeasures.objects.update(margin_365d=0)
    assert standing.fit(as_of=NOW).tiers == []


def test_moment_uses_the_newest_limits_fitted_at_it_or_before() -> None:
    limits(100, 10, 1, at=ago(5))
    limits(7, 6, 5, at=NOW + timedelta(days=1))
    customer = row(50)
    standing.appraise(as_of=NOW)
    assert now(customer) == "B"


def test_standing_says_when_it_was_written_in_real_time() -> None:
    before = clock.real_now()
    row()
    standing.appraise(as_of=NOW)
    stood = Standing.objects.get()
    assert (stood.occurred_at, stood.recorded_at) == (NOW, NOW)
    assert before - timedelta(seconds=1) <= stood.ingested_at <= clock.real_now() + timedelta(seconds=1)


# --- Scores ------------------------------------------------------------------------------------
def test_scores_are_fifths_and_equal_values_share_the_lower_one() -> None:
    values = [(1, 50, 10), (2, 40, 20), (3, 30, 30), (4, 20, 40), (5, 10, 50)]
    customers = [row(m, orders_365d=n, last_order_day=TODAY - age) for n, age, m in values]
    standing.fit(as_of=NOW)
    standing.appraise(as_of=NOW)
    for code in ("recency_score", "frequency_score", "monetary_score"):
        assert [now(one, code) for one in customers] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("values", "scores"),
    [
        ([0, 0, 0, 1, 2], [1, 1, 1, 4, 5]),
        ([7, 7, 7, 7, 7], [1, 1, 1, 1, 1]),
        ([1, 2, 2, 2, 3], [1, 2, 2, 2, 5]),
        ([4], [1]),
        ([1, 9], [1, 3]),
        ([1, 2, 3], [1, 2, 4]),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),
    ],
)
def test_ties_of_scores(values: list[int], scores: list[int]) -> None:
    customers = [row(0, orders_365d=value) for value in values]
    standing.fit(as_of=NOW)
    standing.appraise(as_of=NOW)
    assert [now(one, "frequency_score") for one in customers] == scores


# --- Stages ------------------------------------------------------------------------------------
OLD = {"first_order_day": TODAY - 730, "spend_prev_365d": 1000, "spend_365d": 1000}
YOUNG = {"first_order_day": TODAY - 729, "spend_prev_90d": 1000, "spend_90d": 1000}


@pytest.mark.parametrize(
    ("values", "stage"),
    [
        ({"first_order_day": TODAY - 89}, "new"),
        ({"first_order_day": TODAY - 90}, "mature"),
        ({"first_order_day": TODAY - 50, "first_contract_day": TODAY - 90}, "mature"),
        ({"last_order_day": TODAY - 180}, "dormant"),
        ({"last_order_day": TODAY - 179}, "mature"),
        ({"last_order_day": TODAY - 180, "contracts_running": 1}, "mature"),
        ({"last_order_day": TODAY - 40, "order_days": 4, "order_span_days": 60}, "dormant"),
        ({"last_order_day": TODAY - 39, "order_days": 4, "order_span_days": 60}, "mature"),
        ({"last_order_day": TODAY - 40, "order_days": 3, "order_span_days": 40}, "mature"),
        ({"last_order_day": TODAY - 29, "order_days": 4, "order_span_days": 3}, "mature"),
        ({**OLD, "spend_365d": 750}, "declining"),
        ({**OLD, "spend_365d": 751}, "mature"),
        ({**OLD, "spend_365d": 1250}, "growing"),
        ({**OLD, "spend_365d": 1249}, "mature"),
        ({**YOUNG, "spend_90d": 600}, "declining"),
        ({**YOUNG, "spend_90d": 601}, "mature"),
        ({**YOUNG, "spend_90d": 1500}, "growing"),
        ({**YOUNG, "spend_90d": 1499}, "mature"),
        ({"first_order_day": None, "last_order_day": None, "first_contract_day": TODAY - 100}, "dormant"),
    ],
)
def test_stage_of_life(values: dict[str, Any], stage: str) -> None:
    customer = row(**values)
    standing.appraise(as_of=NOW)
    assert now(customer, "lifecycle_stage") == stage


def test_who_never_bought_has_no_standing() -> None:
    row(first_order_day=None, last_order_day=None)
    assert standing.appraise(as_of=NOW) == 0


def test_lost_and_returned_follow_the_losses_as_they_were_known() -> None:
    customer = row()
    loss = Loss.objects.create(customer=customer, occurred_at=ago(100), recorded_at=ago(90))
    partial = row()
    Loss.objects.create(customer=partial, occurred_at=ago(9), recorded_at=ago(9), definition="partial")
    seen = []
    Loss.objects.filter(pk=loss.pk).update(ended_at=ago(50), end_recorded_at=ago(40))
    for n in (95, 89, 45, 39, -129, -131):
        standing.appraise(as_of=ago(n))
        seen.append(now(customer, "lifecycle_stage"))
    assert seen[:5] == ["new" if seen[0] == "new" else "mature", "lost", "lost", "returned", "returned"]
    assert seen[5] != "returned"
    assert "lost" not in Standing.objects.filter(customer=partial).values_list("lifecycle_stage", flat=True)


# --- Kept as data ------------------------------------------------------------------------------
def test_only_who_changed_is_written_and_marked() -> None:
    limits(1000, 100, 10)
    staying, moving = row(500), row(500)
    assert standing.appraise(as_of=NOW) == 2
    TouchedCustomer.objects.all().delete()
    row(5000, customer=moving)
    assert standing.appraise(as_of=NOW + timedelta(hours=1)) == 1
    assert standing.appraise(as_of=NOW + timedelta(hours=2)) == 0
    assert list(TouchedCustomer.objects.values_list("customer", flat=True)) == [moving.pk]
    assert Standing.objects.filter(customer=staying).count() == 1


def test_measures_tell_the_standing_as_of_any_moment() -> None:
    customer = CustomerFactory()
    for n in (900, 500, 400, 300):
        OrderFactory(customer=customer, occurred_at=ago(n))
    OrderFactory(customer=CustomerFactory(), occurred_at=ago(10), sold=99)
    losses.define(losses.Definition(LossKind.WINDOW, True, days=200), by=None, at=ago(950))
    for n in (350, 50):
        compute.refresh(as_of=ago(n))
        losses.seek(at=ago(n))
        standing.nightly(at=ago(n))
    told = {}
    for n in (351, 349, 49):
        with compute.at(as_of=ago(n)) as table:
            values = compute.values_of([customer.pk], table=table)[customer.pk]
        told[n] = (values["lifecycle_stage"], values["value_tier"], values["recency_score"])
    assert told == {351: (None, None, None), 349: ("mature", "A", 1), 49: ("lost", "A", 1)}
    compute.refresh(as_of=NOW)
    live = compute.values_of([customer.pk])[customer.pk]
    assert live["lifecycle_stage"] == "lost"


def test_nightly_fits_weekly_and_when_the_shares_changed(admin: User) -> None:
    row(5)
    moments = [NOW, NOW + timedelta(days=6), NOW + timedelta(days=7), NOW + timedelta(days=8)]
    assert standing.nightly(at=moments[0]) == 1
    assert standing.nightly(at=moments[0]) is None
    standing.nightly(at=moments[1])
    assert CutPoints.objects.count() == 1
    standing.nightly(at=moments[2])
    assert CutPoints.objects.count() == 2
    shares = {"share_a": 10, "share_b": 20, "share_c": 30, "band": 0}
    standing.set_policy(**shares, by=admin, at=moments[2] + timedelta(hours=1))
    standing.set_policy(**shares, by=admin, at=moments[2] + timedelta(hours=2))
    standing.nightly(at=moments[3])
    assert CutPoints.objects.count() == 3
    assert ValuePolicy.objects.count() == AuditEvent.objects.filter(act="value.set_shares").count() == 1


@pytest.mark.parametrize(
    "shares", [(0, 80, 95, 10), (80, 80, 95, 10), (50, 96, 95, 10), (50, 80, 100, 10), (50, 80, 95, 51)]
)
def test_set_policy_refuses_shares_that_do_not_rise(admin: User, shares: tuple[int, int, int, int]) -> None:
    names = ("share_a", "share_b", "share_c", "band")
    with pytest.raises(standing.BadShares):
        standing.set_policy(**dict(zip(names, shares, strict=True)), by=admin, at=NOW)
    assert not ValuePolicy.objects.exists()


def test_history_judges_each_month_once_by_what_was_known_then() -> None:
    customer = CustomerFactory()
    OrderFactory(customer=customer, occurred_at=ago(120))
    OrderFactory(customer=customer, occurred_at=ago(100), recorded_at=ago(10), sold=10**6)
    ContractFactory(customer=customer, occurred_at=ago(5))
    assert standing.write_history(since=ago(100), at=NOW) >= 1
    assert standing.write_history(since=ago(100), at=NOW) == 0
    fits = list(CutPoints.objects.order_by("fitted_as_of").values_list("tiers", flat=True))
    assert fits[:3] == [[], [3000, 3000, 3000], [3000, 3000, 3000]]
    assert Standing.objects.filter(customer=customer).order_by("pk").first().lifecycle_stage == "new"
