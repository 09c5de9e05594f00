"""Losses by definition: found on their day and not a day sooner, once, and ended by who comes back."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from customers.ground.models import AuditEvent, BackgroundRun, Event
from customers.models import Cause, Customer, Order, User
from retention import cases, losses, renewals
from retention.losses import finding
from retention.measures import compute
from retention.models import CutPoints, Loss, LossDefinition, LossKind
from tests.factories import NOW, ContractFactory, CustomerFactory, OrderFactory, ago, day
from tests.retention.makers import make_case, make_rule, make_run, make_warning

pytestmark = pytest.mark.django_db
TODAY = NOW


def turn_on(kind: str, *, at: Any = None, **values: Any) -> None:
    """Let a definition count since long ago."""
    losses.define(losses.Definition(LossKind(kind), True, **values), by=None, at=at or ago(900))


def ordered(customer: Customer, *days_ago: int, **values: Any) -> list[Order]:
    return [OrderFactory(customer=customer, occurred_at=ago(n), **values) for n in days_ago]


def night(days: int = 0) -> dict[str, int]:
    """Bring the measures up to date and look, so many days after now."""
    at = NOW + timedelta(days=days)
    compute.refresh(as_of=at)
    return losses.seek(at=at)


@pytest.fixture(autouse=True)
def _company(company: Any) -> None:
    """All of these need the company."""


# --- Fixed window ------------------------------------------------------------------------------
def test_window_finds_on_the_day_it_is_full_and_not_the_day_before() -> None:
    turn_on("window", days=90)
    full, near = CustomerFactory(), CustomerFactory()
    ordered(full, 90)
    ordered(near, 89)
    CustomerFactory()  # never ordered anything
    assert night() == {"returned": 0, "lost": 1}
    loss = Loss.objects.get()
    assert (loss.customer, loss.found_by, loss.churn_type) == (full, LossKind.WINDOW, "passive")
    assert day(loss.occurred_at) == day(NOW) and loss.recorded_at == NOW
    assert loss.last_order_day == day(ago(90)) and loss.margin_365d == 3000
    assert night(1)["lost"] == 1
    assert set(Loss.objects.values_list("customer", flat=True)) == {full.pk, near.pk}


def test_loss_that_is_found_late_says_when_it_happened() -> None:
    turn_on("window", days=90)
    ordered(CustomerFactory(), 300)
    night()
    loss = Loss.objects.get()
    assert day(loss.occurred_at) == day(ago(210)) and loss.recorded_at == NOW
    assert list(losses.known_at(ago(1))) == [] and list(losses.known_at(NOW + timedelta(seconds=1))) == [loss]
    assert list(losses.between(ago(211), ago(209))) == [loss]
    assert list(losses.between(loss.occurred_at, NOW)) == []
    assert list(losses.between(ago(900), loss.occurred_at)) == [loss]


@pytest.mark.parametrize("what", ["contract", "off", "gone", "cancelled", "return"])
def test_who_is_not_lost_by_the_window(what: str) -> None:
    if what != "off":
        turn_on("window", days=90)
    customer = CustomerFactory(gone_at=NOW if what == "gone" else None)
    ordered(customer, 200)
    if what == "contract":
        ContractFactory(customer=customer)
    if what in ("cancelled", "return"):  # neither is an order: still lost
        values = {"status": "cancelled"} if what == "cancelled" else {"sold": 0, "returned": 100}
        ordered(customer, 10, **values)
    assert night()["lost"] == (1 if what in ("cancelled", "return") else 0)


def test_repeating_the_night_and_stopping_it_half_way_change_nothing(monkeypatch: Any) -> None:
    turn_on("window", days=90)
    monkeypatch.setattr(finding, "CHUNK", 1)
    for _one in range(3):
        ordered(CustomerFactory(), 100)
    compute.refresh(as_of=NOW)
    real, calls = finding._record, []

    def dies(found: Any, *, at: Any) -> int:
        calls.append(found)
        if len(calls) == 2:
            raise RuntimeError
        return real(found, at=at)

    monkeypatch.setattr(finding, "_record", dies)
    with pytest.raises(RuntimeError):
        losses.nightly(at=NOW)
    assert Loss.objects.count() == 1
    BackgroundRun.objects.filter(name="losses").update(lease_until=NOW - timedelta(days=9999))
    assert losses.nightly(at=NOW) == {"returned": 0, "lost": 2}
    assert losses.nightly(at=NOW) is None
    assert losses.seek(at=NOW) == {"returned": 0, "lost": 0}
    assert Loss.objects.count() == Event.objects.filter(kind="loss.record").count() == 3
    assert AuditEvent.objects.filter(act="loss.record").count() == 3


# --- Own rhythm --------------------------------------------------------------------------------
@pytest.mark.parametrize(("last", "found"), [(40, 1), (39, 0)])
def test_personal_window_is_a_multiple_of_the_own_interval(last: int, found: int) -> None:
    turn_on("personal", days=7, percent=400)  # every 10 days: lost after 40
    ordered(CustomerFactory(), last, last + 10, last + 20, last + 30)
    assert night()["lost"] == found
    if found:
        assert Loss.objects.get().found_by == LossKind.PERSONAL


def test_personal_window_needs_a_rhythm_and_its_least_days() -> None:
    turn_on("personal", days=60, percent=400)
    ordered(CustomerFactory(), 50, 51, 52, 53)  # every day, but 60 days are the least
    ordered(CustomerFactory(), 300, 310, 320)  # three days with an order tell no rhythm
    assert night()["lost"] == 0
    assert night(10)["lost"] == 1


@pytest.mark.parametrize(("span", "order_days", "days"), [(30, 4, 40), (31, 4, 42), (0, 4, 7), (29, 4, 39)])
def test_needed_days_are_rounded_up(span: int, order_days: int, days: int) -> None:
    assert finding.needed_days(days=7, percent=400, span=span, order_days=order_days) == days


def test_of_two_definitions_the_sooner_one_makes_the_loss() -> None:
    turn_on("personal", days=7, percent=400)
    turn_on("window", days=90)
    ordered(CustomerFactory(), 100, 110, 120, 130)
    night()
    loss = Loss.objects.get()
    assert loss.found_by == LossKind.PERSONAL and day(loss.occurred_at) == day(ago(60))


# --- Partial -----------------------------------------------------------------------------------
def spends(customer: Customer, *, now: int) -> None:
    ordered(customer, 400, 450, 500, 550, sold=10_000)
    ordered(customer, 20, sold=now)


def test_partial_loss_compares_with_the_own_past_and_ends_when_spend_is_back() -> None:
    turn_on("partial", percent=50)
    half, more = CustomerFactory(), CustomerFactory()
    spends(half, now=20_000)
    spends(more, now=20_001)
    assert night()["lost"] == 1
    loss = Loss.objects.get()
    assert (loss.customer, loss.churn_type, loss.spend_before) == (half, "hidden", 40_000)
    assert loss.margin_365d == 6_000  # of 12,000 before; 6,000 are left
    ordered(half, 1, sold=11_999)
    assert night(1)["returned"] == 0
    ordered(half, 1, sold=1)
    assert night(2)["returned"] == 1
    loss.refresh_from_db()
    assert loss.ended_because == "recovered"


def test_partial_loss_becomes_a_total_one_as_a_second_spell() -> None:
    turn_on("partial", percent=50)
    turn_on("window", days=90)
    customer = CustomerFactory()
    spends(customer, now=1_000)
    night()
    assert night(70)["lost"] == 1
    partial, total = Loss.objects.order_by("pk")
    assert (partial.ended_because, total.found_by, total.ended_at) == ("total", LossKind.WINDOW, None)
    assert partial.ended_at == total.recorded_at


# --- Returns -----------------------------------------------------------------------------------
def test_order_after_the_loss_ends_it_from_its_recorded_moment_on() -> None:
    turn_on("window", days=90)
    customer = CustomerFactory()
    ordered(customer, 200)
    night()
    back, told = NOW + timedelta(days=2), NOW + timedelta(days=5)
    OrderFactory(customer=customer, occurred_at=back, recorded_at=told)
    assert night(4)["returned"] == 0  # nobody knew yet
    assert night(6) == {"returned": 1, "lost": 0}
    loss = Loss.objects.get()
    assert (loss.ended_at, loss.end_recorded_at, loss.ended_because) == (back, told, "order")
    assert list(losses.standing_at(told)) == [loss]
    assert list(losses.standing_at(told + timedelta(seconds=1))) == []
    assert Event.objects.filter(kind="loss.end").count() == 1


def test_command_says_of_a_moment_only_the_ends_that_were_known_then() -> None:
    began, ended, told = NOW - timedelta(days=9), NOW - timedelta(days=6), NOW - timedelta(days=3)
    Loss.objects.create(
        customer=CustomerFactory(), occurred_at=began, recorded_at=began, ended_at=ended, end_recorded_at=told
    )
    said = []
    for moment in (told, told + timedelta(seconds=1)):
        out = StringIO()
        call_command("losses", "--as-of", moment.isoformat(), "--json", stdout=out)
        said.append([loss["ended_at"] for loss in json.loads(out.getvalue())["losses"]])
    assert said == [[None], [ended.isoformat()]]


def test_return_and_second_loss_are_two_spells() -> None:
    turn_on("window", days=90)
    customer = CustomerFactory()
    ordered(customer, 200)
    night()
    OrderFactory(customer=customer, occurred_at=NOW + timedelta(days=2))
    night(3)
    assert night(91)["lost"] == 0
    assert night(92)["lost"] == 1
    assert Loss.objects.filter(customer=customer).count() == 2
    assert Loss.objects.get(ended_at=None).last_order_day == day(NOW + timedelta(days=2))


def test_order_that_was_recorded_late_ends_the_loss_where_it_began() -> None:
    turn_on("window", days=90)
    customer = CustomerFactory()
    ordered(customer, 95)
    night()
    OrderFactory(customer=customer, occurred_at=ago(10), recorded_at=NOW + timedelta(hours=1))
    assert night(1)["returned"] == 1
    loss = Loss.objects.get()
    assert loss.ended_at == loss.occurred_at


@pytest.mark.parametrize(
    ("runs_until", "told", "returned"),
    [(0, 1, 1), (400, 1, 1), (-1, 1, 0), (400, -1, 0)],  # days from the loss; hours from when it was found
)
def test_contract_that_was_signed_before_the_loss_and_told_of_after_it_ends_it(
    runs_until: int, told: int, returned: int
) -> None:
    customer = CustomerFactory()
    found = NOW + timedelta(hours=1)
    loss = Loss.objects.create(customer=customer, occurred_at=NOW, recorded_at=found, definition="hand")
    recorded = found + timedelta(hours=told)
    ContractFactory(
        customer=customer, occurred_at=ago(30), recorded_at=recorded, ends_day=day(NOW) + runs_until
    )
    assert losses.seek(at=recorded)["returned"] == 0  # what is recorded now is known a moment later
    assert losses.seek(at=recorded + timedelta(days=1))["returned"] == returned
    loss.refresh_from_db()
    ended = (loss.occurred_at, recorded, "contract") if returned else (None, None, "")
    assert (loss.ended_at, loss.end_recorded_at, loss.ended_because) == ended


def test_contract_that_was_known_before_the_loss_and_changes_after_it_does_not_end_it() -> None:
    customer = CustomerFactory()
    contract = ContractFactory(customer=customer, occurred_at=ago(30), ends_day=day(NOW) + 100)
    Loss.objects.create(customer=customer, occurred_at=NOW, recorded_at=NOW, definition="hand")
    contract.value_base, contract.recorded_at = 7, NOW + timedelta(hours=1)
    contract.save()
    assert losses.seek(at=NOW + timedelta(days=1))["returned"] == 0


@pytest.mark.parametrize("what", ["before", "cancelled", "return", "void"])
def test_what_is_no_return(what: str) -> None:
    turn_on("window", days=90)
    customer = CustomerFactory()
    ordered(customer, 200)
    night()
    values: dict[str, Any] = {"occurred_at": NOW + timedelta(days=1)}
    values |= {
        "before": {"occurred_at": ago(400), "recorded_at": NOW + timedelta(days=1)},
        "cancelled": {"status": "cancelled"},
        "return": {"sold": 0, "returned": 5},
        "void": {"void": True},
    }[what]
    OrderFactory(customer=customer, **values)
    assert night(3)["returned"] == 0


@pytest.mark.parametrize(
    ("because", "lasted", "lost"),
    [("hand", 5, 0), ("", 5, 0), ("hand", 0, 1), ("", 0, 1), ("contract", 5, 1), ("order", 5, 1)],
)
def test_only_a_return_that_a_person_told_of_begins_the_silence_anew(
    because: str, lasted: int, lost: int
) -> None:
    turn_on("window", days=90)
    customer = CustomerFactory()
    ordered(customer, 200)
    began, ended = ago(10 + lasted), ago(10)
    Loss.objects.create(
        customer=customer, occurred_at=began, recorded_at=began, ended_at=ended, ended_because=because
    )
    assert night()["lost"] == lost


def test_regained_by_hand_counts_anew_from_that_day(manager: User) -> None:
    turn_on("window", days=90)
    customer = CustomerFactory(owner=manager)
    ordered(customer, 200)
    night()
    losses.end_loss(customer, by=manager, at=NOW + timedelta(days=1))
    assert night(90)["lost"] == 0
    assert night(91)["lost"] == 1


# --- By hand, by contract and by definition are one spell --------------------------------------
def close_as_lost(customer: Customer, *, by: User, at: Any = NOW) -> None:
    case = make_case(customer)
    cases.diagnose(
        case, churn_type="competitive", causes=[Cause.objects.get(code="competitor")], by=by, at=at
    )
    cases.close_case(case, outcome="lost", reason="Signed elsewhere.", by=by, at=at)


def test_case_closed_as_lost_and_window_are_one_spell_whichever_comes_first(manager: User) -> None:
    turn_on("window", days=90)
    first, second = CustomerFactory(owner=manager), CustomerFactory(owner=manager)
    ordered(first, 200)
    ordered(second, 200)
    close_as_lost(first, by=manager)
    assert night()["lost"] == 1
    close_as_lost(second, by=manager, at=NOW + timedelta(hours=1))
    told = {loss.customer_id: (loss.found_by, loss.churn_type) for loss in Loss.objects.all()}
    assert told == {
        first.pk: (LossKind.HAND, "competitive"),
        second.pk: (LossKind.WINDOW, "competitive"),
    }
    assert all(loss.case_id for loss in Loss.objects.all())


def test_case_that_closes_while_the_night_writes_leaves_one_spell(manager: User, monkeypatch: Any) -> None:
    turn_on("window", days=90)
    customer = CustomerFactory(owner=manager)
    ordered(customer, 200)
    real = finding.complete

    def closes_meanwhile(rows: Any) -> None:
        real(rows)
        close_as_lost(customer, by=manager)

    monkeypatch.setattr(finding, "complete", closes_meanwhile)
    assert night()["lost"] == 0
    assert Loss.objects.get().found_by == LossKind.HAND


def test_lapse_and_window_of_one_customer_are_one_spell() -> None:
    turn_on("window", days=90)
    lapsed, silent = CustomerFactory(), CustomerFactory()
    for customer in (lapsed, silent):
        ordered(customer, 200)
        ContractFactory(customer=customer, occurred_at=ago(300), ends_day=day(NOW) - 1)
    compute.refresh(as_of=NOW)
    renewals.nightly(at=NOW)
    assert losses.seek(at=NOW)["lost"] == 0
    assert set(Loss.objects.values_list("customer", "definition")) == {
        (lapsed.pk, "contract"),
        (silent.pk, "contract"),
    }


def test_lapse_is_no_loss_when_its_definition_is_off() -> None:
    losses.define(losses.Definition(LossKind.CONTRACT, False), by=None, at=ago(1))
    ContractFactory(occurred_at=ago(300), ends_day=day(NOW) - 1)
    done = renewals.nightly(at=NOW)
    assert done is not None and done["losses"] == 0


# --- What a loss tells -------------------------------------------------------------------------
def test_loss_names_the_earliest_warning_that_was_told_of(manager: User) -> None:
    turn_on("window", days=90)
    customer, quiet = CustomerFactory(owner=manager), CustomerFactory(owner=manager)
    case = make_case(customer)
    for one in (customer, quiet):
        ordered(one, 90)
    make_warning(customer, run=make_run(at=ago(200)), case=case, rule=make_rule())  # too long ago
    told = make_warning(customer, run=make_run(at=ago(30)), case=case, rule=make_rule())
    make_warning(customer, run=make_run(at=ago(10)), case=case, rule=make_rule())
    make_warning(quiet, run=make_run(at=ago(30)), state="withheld")
    make_warning(quiet, run=make_run(at=ago(30)), is_baseline=True)
    night()
    assert Loss.objects.get(customer=customer).detected_by == told
    assert Loss.objects.get(customer=customer).days_ahead == 29
    loss = Loss.objects.get(customer=quiet)
    assert (loss.detected_by, loss.days_ahead) == (None, None)


def test_loss_is_valuable_by_the_limits_that_were_fitted_before() -> None:
    turn_on("window", days=90)
    parts: dict[str, Any] = {"recency": [], "frequency": [], "monetary": [], "band": 10, "customers": 9}
    CutPoints.objects.create(fitted_as_of=ago(5), tiers=[9000, 3000, 100], **parts)
    CutPoints.objects.create(fitted_as_of=NOW + timedelta(days=1), tiers=[9, 3, 1], **parts)
    ordered(CustomerFactory(), 100, sold=10_000)
    ordered(CustomerFactory(), 100, sold=9_990)
    night()
    assert list(Loss.objects.order_by("customer").values_list("is_valuable", flat=True)) == [True, False]


def test_margin_of_a_silent_one_is_of_the_year_up_to_its_last_order() -> None:
    turn_on("window", days=90)
    ordered(CustomerFactory(), 300, 664, 665, sold=10_000)
    night()
    assert Loss.objects.get().margin_365d == 6_000


# --- Definitions -------------------------------------------------------------------------------
def test_definitions_are_versions_and_a_moment_has_its_own(admin: User) -> None:
    assert losses.in_force(NOW)[LossKind.WINDOW].is_on is False
    new = losses.Definition(LossKind.WINDOW, True, days=120)
    losses.define(new, by=admin, at=ago(10))
    losses.define(new, by=admin, at=ago(9))  # nothing changes
    losses.define(losses.Definition(LossKind.WINDOW, True, days=60), by=admin, at=ago(5))
    assert [losses.in_force(ago(n))[LossKind.WINDOW].days for n in (11, 10, 6, 5)] == [180, 120, 120, 60]
    assert LossDefinition.objects.count() == 2
    assert AuditEvent.objects.filter(act="losses.define", actor_id=admin.pk).count() == 2


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("window", {"days": 6}),
        ("window", {"days": 1096}),
        ("window", {}),
        ("personal", {"days": 60, "percent": 149}),
        ("personal", {"days": 60}),
        ("partial", {"percent": 91}),
        ("partial", {"percent": 4}),
    ],
)
def test_define_refuses_what_is_out_of_bounds(kind: str, values: dict[str, int]) -> None:
    with pytest.raises(losses.BadDefinition) as refused:
        losses.define(losses.Definition(LossKind(kind), True, **values), by=None, at=NOW)
    assert "must lie between" in str(refused.value)
    assert not LossDefinition.objects.exists()
