"""The sweep: shards, dry runs, touched customers, nightly runs, broken rules, deaths in the middle."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, connections
from django.test.utils import CaptureQueriesContext

from customers import touched as touching
from customers.ground import clock, drain, localtime
from customers.ground.models import AuditEvent, BackgroundRun, Company, Event
from customers.models import Customer, ExternalRef, TouchedCustomer
from retention import cases, rules, sweep, warnings
from retention.measures import Measure, Unit, compute
from retention.measures.expressions import Col
from retention.measures.registry import _book
from retention.models import (
    CustomerMeasures,
    EarlyWarning,
    FollowUpCall,
    MeasureState,
    RetentionCase,
    SweepRun,
    WarningRule,
)
from retention.sweep import marks
from retention.sweep import sweeping as running
from tests.factories import (
    NOW,
    CompanyFactory,
    CustomerFactory,
    InteractionFactory,
    OrderFactory,
    TeamFactory,
    UserFactory,
    ago,
)

DAY = timedelta(days=1)
Scope = SweepRun.Scope
Found = list[tuple[str, str, str, str]]


@pytest.fixture(autouse=True)
def _company(db: None) -> None:
    """Every test has a company in Shanghai."""
    CompanyFactory()


def silent(*days: int) -> list[Customer]:
    """Return customers, one for each number of days since the last contact."""
    made = []
    for number in days:
        customer = CustomerFactory(name=f"silent {number}")
        InteractionFactory(customer=customer, occurred_at=ago(number))
        made.append(customer)
    return made


def on(*codes: str, **values: Any) -> list[WarningRule]:
    """Switch rules on with open cases for whoever matches, and perhaps change their columns."""
    found = rules.get(codes)
    for rule in found:
        rules.enable(rule, open_existing=True, by=None, at=NOW)
        if values:
            WarningRule.objects.filter(pk=rule.pk).update(**values)
    return found


def standing() -> Found:
    """Return the warnings as customer, rule, state and evidence."""
    rows = EarlyWarning.objects.values_list("customer__name", "rule__code", "state", "evidence")
    return sorted(rows)


def names_of(state: str = "open") -> list[str]:
    """Return the customers' names of the warnings in a state."""
    return sorted(EarlyWarning.objects.filter(state=state).values_list("customer__name", flat=True))


def all_rows() -> dict[str, list[Any]]:
    """Return every row of every table of the product, to see that nothing was written."""
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values())
        for app in ("ground", "customers", "retention")
        for model in apps.get_app_config(app).get_models()
    }


# --- One sweep --------------------------------------------------------------------------------


def test_run_raises_opens_and_plans_and_says_so() -> None:
    user = UserFactory(team=TeamFactory())
    customer = CustomerFactory(name="mine", owner=user)
    InteractionFactory(customer=customer, occurred_at=ago(70))
    silent(10)
    on("no-contact")

    done = sweep.run(as_of=NOW)

    assert (done.customers, done.warnings, done.warnings_closed) == (2, {"no-contact": 1}, 0)
    assert (done.cases_opened, done.calls_created, done.failed_rules) == (1, 1, {})
    assert set(done.seconds) == {"measures", "rules", "cases"}
    assert (done.status, done.shards_done, done.scope) == ("done", 1, "full")
    warning = EarlyWarning.objects.select_related("case").get()
    assert (warning.customer, warning.case.assignee, warning.sweep_run) == (customer, user, done)
    assert (warning.raised_at, warning.rule_version, warning.fingerprint) == (NOW, 1, done.fingerprint)
    assert FollowUpCall.objects.get().case == warning.case


def test_run_again_changes_nothing() -> None:
    silent(60, 61, 10)
    on("no-contact")
    sweep.run(as_of=NOW)
    before = standing()

    again = sweep.run(as_of=NOW + timedelta(minutes=5))

    assert (again.warnings, again.warnings_closed, again.cases_opened) == ({"no-contact": 0}, 0, 0)
    assert standing() == before
    assert RetentionCase.objects.count() == 2


def test_run_of_the_same_moment_sees_what_came_in_meanwhile() -> None:
    on("no-contact")
    sweep.run(as_of=NOW)
    silent(60)

    second = sweep.run(as_of=NOW)

    assert names_of() == ["silent 60"]
    assert NOW < second.as_of < NOW + timedelta(seconds=1)


@pytest.mark.parametrize("shards", [1, 3, 20])
def test_shards_find_what_one_finds(shards: int) -> None:
    silent(*range(50, 70))
    on("no-contact")

    done = sweep.run(as_of=NOW, shards=shards)

    assert (done.shards, done.shards_done, done.customers) == (shards, shards, 20)
    assert names_of() == [f"silent {days}" for days in range(60, 70)]
    assert RetentionCase.objects.count() == done.cases_opened == 10


def test_run_tells_one_event_for_each_warning_and_audits_the_run_once() -> None:
    silent(60, 61)
    (rule,) = on("no-contact")

    done = sweep.run(as_of=NOW, shards=2)

    told = Event.objects.filter(kind=warnings.RAISED)
    assert sorted(told.values_list("customer_id", "subject_id")) == sorted(
        EarlyWarning.objects.values_list("customer_id", "id")
    )
    assert told.first().data == {"rule": rule.pk, "severity": 1}
    audited = AuditEvent.objects.get(act="sweep.run")
    assert (audited.object_id, audited.codes["warnings"]) == (done.pk, 2)


@pytest.mark.parametrize("dry", [False, True])
def test_sweep_asks_the_database_as_often_for_many_customers_as_for_one(dry: bool) -> None:
    on("no-contact", "overdue", "complaint-overdue")
    asked = []
    for minutes, number in enumerate((1, 3, 30)):
        silent(*range(60, 60 + number))
        with CaptureQueriesContext(connection) as queries:
            sweep.run(as_of=NOW + minutes * timedelta(minutes=1), dry_run=dry)
        asked.append(len(queries))
    _first, few, many = asked
    assert few == many


def test_run_of_named_rules_leaves_the_others_alone() -> None:
    (customer,) = silent(60)
    OrderFactory(customer=customer, occurred_at=ago(20))
    on("no-contact", "overdue")

    done = sweep.run(as_of=NOW, rules=["overdue"])

    assert done.warnings == {"overdue": 0}
    assert not EarlyWarning.objects.exists()


def test_run_refuses_rules_that_are_off_or_unknown() -> None:
    with pytest.raises(sweep.RuleIsOff, match="rules enable overdue"):
        sweep.run(as_of=NOW, rules=["overdue"])
    with pytest.raises(rules.UnknownRule, match="sunshine"):
        sweep.run(as_of=NOW, rules=["sunshine"], dry_run=True)


def test_run_refuses_a_day_before_the_last_finished_sweep_except_dry() -> None:
    silent(60)
    on("no-contact")
    sweep.run(as_of=NOW)
    midnight = localtime.start_of_day(localtime.day_number(NOW, "Asia/Shanghai"), "Asia/Shanghai")

    with pytest.raises(sweep.SweepTooEarly, match="2026-05-10 lies before 2026-05-11"):
        sweep.run(as_of=midnight - timedelta(seconds=1))
    assert sweep.run(as_of=midnight).status == "done"
    assert sweep.run(as_of=midnight - timedelta(seconds=1), dry_run=True).warnings == {"no-contact": 0}


# --- Dry --------------------------------------------------------------------------------------


def test_dry_run_writes_nothing_and_counts_who_matches(tmp_path: Path) -> None:
    silent(60, 61, 10)
    on("no-contact")
    before = all_rows()

    out = tmp_path / "found"
    done = sweep.run(as_of=NOW, dry_run=True, rules=["no-contact", "overdue"], out=out, shards=2)

    assert all_rows() == before
    assert (done.pk, done.warnings, done.customers) == (None, {"no-contact": 2, "overdue": 0}, 3)
    assert (done.cases_opened, done.calls_created) == (0, 0)


def test_dry_run_sees_the_past_as_it_was_known_then() -> None:
    early, late = silent(100, 100)
    InteractionFactory(customer=early, occurred_at=ago(35), recorded_at=ago(35))
    InteractionFactory(customer=late, occurred_at=ago(35), recorded_at=ago(5))  # told a month later

    then = sweep.run(as_of=ago(30), rules=["no-contact"], dry_run=True)
    today = sweep.run(as_of=NOW, rules=["no-contact"], dry_run=True)

    assert (then.warnings, today.warnings) == ({"no-contact": 1}, {"no-contact": 0})


def test_out_lists_every_match_sorted_by_external_id_and_rule(tmp_path: Path) -> None:
    first, second, third = silent(60, 61, 62)
    ExternalRef.objects.create(source="shop", kind="customer", external_id="A2", object_id=first.pk)
    ExternalRef.objects.create(source="shop", kind="customer", external_id="A1", object_id=second.pk)
    on("no-contact")

    sweep.run(as_of=NOW, dry_run=True, out=tmp_path / "dry")
    sweep.run(as_of=NOW, out=tmp_path / "live")
    sweep.run(as_of=NOW, out=tmp_path / "again")

    lines = (tmp_path / "live").read_text().splitlines()
    assert [line.split("\t")[:2] for line in lines] == [
        [str(third.pk), "no-contact"],
        ["A1", "no-contact"],
        ["A2", "no-contact"],
    ]
    for path in ("dry", "again"):
        assert (tmp_path / path).read_text().splitlines() == lines
    frozen = dict(EarlyWarning.objects.values_list("customer_id", "evidence"))
    assert lines[0].split("\t")[2] == frozen[third.pk]


# --- Broken rules -----------------------------------------------------------------------------


@pytest.fixture
def crooked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A measure that the registry knows and the database does not."""
    for code in ("gone_column", "gone_derived"):
        measure = Measure(code, code, Unit.COUNT, "orders", form=Col("no_such_column") + 0)
        monkeypatch.setitem(_book, code, measure)
    monkeypatch.setitem(
        _book, "no_such_column", Measure("no_such_column", "", Unit.COUNT, "orders", aggregate="count(*)")
    )
    return


def broken_rule(code: str, condition: Any) -> WarningRule:
    """Store and enable a rule whose condition parses."""
    rule = WarningRule(code=code, name_en=code, name_zh=code, condition=condition)
    rules.save(rule, by=None, at=NOW)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    return rule


def test_rule_that_fails_is_set_aside_with_its_negation_and_the_others_go_on(
    crooked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf = {"measure": "gone_column", "op": ">=", "value": 1}
    broken_rule("crooked", leaf)
    broken_rule("not-crooked", {"not": leaf})
    silent(60, 10)
    on("no-contact")
    stored = [m for m in compute.stored() if m.code != "no_such_column"]
    for module in ("retention.measures.compute", "retention.measures.passes", "retention.rules.compile"):
        monkeypatch.setattr(f"{module}.stored", lambda: stored)

    done = sweep.run(as_of=NOW, shards=2)

    assert set(done.failed_rules) == {"crooked", "not-crooked"}
    assert done.warnings == {"no-contact": 1, "crooked": 0, "not-crooked": 0}
    assert names_of() == ["silent 60"]
    assert set(WarningRule.objects.filter(broken_since=NOW).values_list("code", flat=True)) == {
        "crooked",
        "not-crooked",
    }
    assert AuditEvent.objects.filter(act="rule.set_aside").count() == 2
    sweep.run(as_of=NOW + DAY)
    assert AuditEvent.objects.filter(act="rule.set_aside").count() == 2


def test_rule_that_no_longer_compiles_matches_nobody_and_closes_nothing() -> None:
    silent(60)
    (rule,) = on("no-contact")
    sweep.run(as_of=NOW)
    WarningRule.objects.filter(pk=rule.pk).update(
        condition={"not": {"measure": "withdrawn_measure", "op": ">=", "value": 1}}
    )

    done = sweep.run(as_of=NOW + DAY)

    assert done.failed_rules == {"no-contact": "condition_refused"}
    assert names_of() == ["silent 60"]
    rule.refresh_from_db()
    assert (rule.broken_since, rule.is_enabled) == (NOW + DAY, True)

    rules.revise(
        rule, condition={"measure": "days_since_last_contact", "op": ">=", "value": 60}, by=None, at=NOW
    )
    assert sweep.run(as_of=NOW + 2 * DAY).failed_rules == {}
    rule.refresh_from_db()
    assert rule.broken_since is None


# --- Death in the middle ----------------------------------------------------------------------

PLACES: dict[str, tuple[Any, str]] = {
    "before the measures": (compute, "refresh"),
    "after the measures": (running, "matching"),
    "before the warnings": (warnings, "raise_matches"),
    "after the warnings were raised": (warnings, "close_gone"),
    "before the cases": (cases, "open_for_warnings"),
    "before the recovered": (cases, "recovered_by_itself"),
    "before the end": (compute, "note_full_pass"),
    "at the audit": (running, "_codes"),
}


class Killed(BaseException):
    """As hard as a kill: no ``except Exception`` stops it."""


def story() -> None:
    """Let three customers fall silent, one of whom speaks again after the first sweep."""
    silent(61, 62, 63, 5)
    on("no-contact")
    sweep.run(as_of=NOW - DAY)
    InteractionFactory(customer=Customer.objects.get(name="silent 62"), occurred_at=ago(0.5))
    silent(80, 81)


def outcome() -> Any:
    """Return what everybody can see of the story's end."""
    return (
        standing(),
        sorted(RetentionCase.objects.values_list("customer__name", "status", "outcome")),
        sorted(FollowUpCall.objects.values_list("customer__name", "status", "attempt")),
        sorted(Event.objects.filter(kind__startswith="warning.").values_list("kind", "customer_id")),
    )


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("hits", [1, 2])
def test_killed_anywhere_and_run_again_ends_as_if_nothing_had_happened(
    place: str, hits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    story()
    module, name = PLACES[place]
    true, calls = getattr(module, name), iter(range(100))

    def deadly(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == hits - 1:
            raise Killed
        return true(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, deadly)
        try:
            sweep.run(as_of=NOW, shards=3)
        except Killed:
            assert SweepRun.objects.filter(status="failed").count() == 1

    sweep.run(as_of=NOW, shards=3)

    assert names_of() == ["silent 61", "silent 63", "silent 80", "silent 81"]
    assert names_of("closed") == ["silent 62"]
    opened = sorted(RetentionCase.objects.values_list("customer__name", "outcome"))
    assert opened == [
        ("silent 61", ""),
        ("silent 62", "recovered"),
        ("silent 63", ""),
        ("silent 80", ""),
        ("silent 81", ""),
    ]
    assert Event.objects.filter(kind=warnings.RAISED).count() == 5
    assert Event.objects.filter(kind=warnings.CLOSED).count() == 1


# --- Touched customers ------------------------------------------------------------------------


def test_touched_customer_has_its_case_after_one_round_of_the_drain() -> None:
    one, other = silent(60, 61)
    on("no-contact")
    touching.mark([one.pk], at=ago(0.1))

    drain.once(at=NOW)

    assert names_of() == ["silent 60"]
    assert RetentionCase.objects.get().customer == one
    assert not TouchedCustomer.objects.exists()
    run = SweepRun.objects.get()
    assert (run.scope, run.customers, run.as_of) == ("touched", 1, NOW)
    assert not CustomerMeasures.objects.filter(customer=other).exists()


def test_touched_sees_a_fact_recorded_just_now_even_when_the_clock_stands() -> None:
    (customer,) = silent(60)
    on("no-contact")
    for round_ in range(3):
        InteractionFactory(customer=customer, occurred_at=ago(50 - round_), recorded_at=NOW)
        touching.mark([customer.pk], at=NOW)
        assert sweep.touched(NOW) == 1
        row = CustomerMeasures.objects.get()
        assert row.last_contact_day == localtime.day_number(ago(50 - round_), "Asia/Shanghai")
    assert not EarlyWarning.objects.exists()


def test_touched_gives_marks_back_when_the_sweep_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    (customer,) = silent(60)
    on("no-contact")
    touching.mark([customer.pk], at=NOW)
    with monkeypatch.context() as patch:
        patch.setattr(cases, "open_for_warnings", lambda *a, **k: (_ for _ in ()).throw(RuntimeError("no")))
        with pytest.raises(RuntimeError):
            sweep.touched(NOW)
    assert not EarlyWarning.objects.exists()
    assert not CustomerMeasures.objects.exists()
    assert TouchedCustomer.objects.get().lease_until is None

    assert sweep.touched(NOW) == 1
    assert names_of() == ["silent 60"]


def test_mark_written_while_the_sweep_runs_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    (customer,) = silent(60)
    touching.mark([customer.pk], at=NOW)
    true = marks.delete

    def delete_after_another_mark(ids: Any) -> None:
        touching.mark([customer.pk], at=NOW)
        true(ids)

    monkeypatch.setattr(marks, "delete", delete_after_another_mark)
    sweep.touched(NOW)
    assert TouchedCustomer.objects.count() == 1


def test_leased_mark_is_left_alone_until_its_lease_ends() -> None:
    (customer,) = silent(60)
    touching.mark([customer.pk], at=NOW)
    claimed = marks.claim()
    assert claimed is not None and claimed.customers == (customer.pk,)

    assert marks.claim() is None
    assert sweep.touched(NOW) == 0

    TouchedCustomer.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
    assert sweep.touched(NOW) == 1


def test_full_pass_deletes_the_marks_that_it_answered_and_no_others() -> None:
    answered, later, overtaken = silent(10, 20, 30)
    touching.mark([answered.pk, overtaken.pk], at=NOW - DAY)
    touching.mark([later.pk], at=NOW)  # recorded at the very moment: not seen by a pass as of it
    CustomerMeasures.objects.create(customer=overtaken, as_of=NOW + timedelta(seconds=9))

    sweep.run(as_of=NOW)

    assert set(TouchedCustomer.objects.values_list("customer_id", flat=True)) == {later.pk, overtaken.pk}


def test_sweep_touched_dry_leaves_the_marks() -> None:
    (customer,) = silent(60)
    on("no-contact")
    touching.mark([customer.pk], at=NOW - DAY)

    done = sweep.sweep_touched(at=NOW, dry_run=True)

    assert (done.warnings, TouchedCustomer.objects.count()) == ({"no-contact": 1}, 1)
    assert not EarlyWarning.objects.exists()


def test_overtaken_pass_leaves_customers_judged_for_a_later_day_alone() -> None:
    one, _other = silent(59, 60)
    on("no-contact")
    touching.mark([one.pk], at=NOW + DAY)
    sweep.touched(NOW + DAY)  # the newer pass: 60 days by then
    assert names_of() == ["silent 59"]

    done = sweep.run(as_of=NOW)  # a full pass that began the day before

    assert names_of() == ["silent 59", "silent 60"]
    assert (done.customers, done.warnings_closed) == (1, 0)


def test_wide_row_of_a_newer_pass_wins() -> None:
    (customer,) = silent(60)
    CustomerMeasures.objects.create(customer=customer, as_of=NOW + timedelta(seconds=1), last_contact_day=1)
    sweep.run(as_of=NOW)
    assert CustomerMeasures.objects.get().last_contact_day == 1
    sweep.run(as_of=NOW + timedelta(seconds=2))
    assert CustomerMeasures.objects.get().last_contact_day > 1


# --- Nightly ----------------------------------------------------------------------------------


def test_nightly_runs_once_each_local_day() -> None:
    silent(59)
    on("no-contact")
    assert sweep.nightly(at=NOW) is not None
    assert sweep.nightly(at=NOW + timedelta(hours=3)) is None
    assert names_of() == []

    done = sweep.nightly(at=NOW + timedelta(hours=14))  # past midnight in Shanghai, not yet in UTC

    assert done is not None and done.scope == "changed"
    assert names_of() == ["silent 59"]
    assert list(BackgroundRun.objects.values_list("slot", "status").order_by("slot")) == [
        ("2026-05-11", "done"),
        ("2026-05-12", "done"),
    ]


def test_nightly_waits_until_a_company_is_set_up() -> None:
    Company.objects.all().delete()
    assert sweep.nightly(at=NOW) is None
    assert not BackgroundRun.objects.exists()
    CompanyFactory()
    assert sweep.nightly(at=NOW) is not None


def test_changed_pass_ends_as_a_full_one_does() -> None:
    silent(40, 58, 59, 60)
    shoppers = [CustomerFactory(name=f"shopper {n}") for n in range(4)]
    for number, shopper in enumerate(shoppers):
        for days in (180, 170, 160, 91 - number, 88 + number):
            OrderFactory(customer=shopper, occurred_at=ago(days))
    on("no-contact", "spend-halved", "overdue")
    sweep.nightly(at=NOW)

    for days in range(1, 6):
        sweep.nightly(at=NOW + days * DAY)
    whole = sweep.run(as_of=NOW + 5 * DAY, dry_run=True)

    by_rule = {
        code: EarlyWarning.objects.filter(rule__code=code, state="open").count() for code in whole.warnings
    }
    assert by_rule == whole.warnings
    assert sum(by_rule.values()) >= 4


def test_nightly_that_failed_is_tried_again_and_one_that_died_is_taken_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(compute, "refresh_changed", lambda **_k: (_ for _ in ()).throw(DatabaseError("gone")))
        with pytest.raises(DatabaseError):
            sweep.nightly(at=NOW)
    assert sweep.nightly(at=NOW) is None  # not before five minutes have passed
    BackgroundRun.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
    assert sweep.nightly(at=NOW) is not None

    BackgroundRun.objects.update(status="running", lease_until=clock.real_now() + timedelta(minutes=1))
    assert sweep.nightly(at=NOW) is None
    BackgroundRun.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
    assert sweep.nightly(at=NOW) is not None


# --- Several at once --------------------------------------------------------------------------


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run acts in threads that start together, each with its own connection; return results or errors."""
    barrier = threading.Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def do(number: int, act: Callable[[], Any]) -> None:
        try:
            barrier.wait(30)
            results[number] = act()
        except BaseException as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=do, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_three_schedulers_make_one_nightly_run() -> None:
    silent(60)
    on("no-contact")

    done = at_once(*[lambda: sweep.nightly(at=NOW)] * 3)

    assert [type(one) for one in done if one is not None] == [SweepRun]
    assert (SweepRun.objects.count(), EarlyWarning.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_sweeps_at_once_leave_one_open_warning_and_case_a_customer() -> None:
    silent(*range(60, 90))
    on("no-contact")

    done = at_once(
        lambda: sweep.run(as_of=NOW, shards=4), lambda: sweep.run(as_of=NOW + timedelta(seconds=1), shards=4)
    )

    assert [type(one) for one in done] == [SweepRun, SweepRun]
    assert names_of() == [f"silent {days}" for days in range(60, 90)]
    assert sum(one.warnings["no-contact"] for one in done) == 30
    assert sum(one.cases_opened for one in done) == RetentionCase.objects.count() == 30
    assert not EarlyWarning.objects.filter(case=None).exists()
    assert FollowUpCall.objects.count() == sum(one.calls_created for one in done)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_marks_claimed_at_once_are_each_swept_and_none_is_lost() -> None:
    customers = silent(*range(60, 90))
    on("no-contact")
    for customer in customers:
        touching.mark([customer.pk], at=NOW)

    def drained() -> int:
        done = 0
        while swept := sweep.touched(NOW):
            done += swept
        return done

    done = at_once(drained, drained, drained)

    assert all(isinstance(one, int) for one in done), done
    assert sum(done) == 30
    assert names_of() == [f"silent {days}" for days in range(60, 90)]
    assert not TouchedCustomer.objects.exists()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_rule_switched_off_during_a_sweep_leaves_no_open_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(60)
    (rule,) = on("no-contact")
    raising, true = threading.Event(), warnings.raise_matches

    def slow(*args: Any, **kwargs: Any) -> Any:
        raised = true(*args, **kwargs)
        raising.set()
        return raised

    monkeypatch.setattr(warnings, "raise_matches", slow)

    def switch_off() -> bool:
        raising.wait(30)
        return rules.disable(rule, by=None, at=NOW + timedelta(seconds=1))

    done = at_once(lambda: sweep.run(as_of=NOW), switch_off)

    assert [type(one) for one in done] == [SweepRun, bool]
    assert (names_of(), names_of("closed")) == ([], ["silent 60"])


def test_state_of_the_whole_pass_is_noted_after_the_last_shard() -> None:
    silent(60)
    sweep.run(as_of=NOW, shards=2)
    state = MeasureState.objects.get()
    assert (state.as_of, state.day) == (NOW, localtime.day_number(NOW, "Asia/Shanghai"))
    assert connection.vendor in ("sqlite", "postgresql")
    assert json.loads(json.dumps(SweepRun.objects.get().warnings)) == {}
