"""One sweep: what it raises, refuses, leaves alone; dry runs, reports, broken rules."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from customers.ground import localtime
from customers.ground.models import AuditEvent, Event
from customers.models import ExternalRef
from retention import rules, sweep, warnings
from retention.measures import compute
from retention.models import CustomerMeasures, EarlyWarning, FollowUpCall, MeasureState, RetentionCase
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
from tests.retention.sweep.stories import all_rows, names_of, on, silent, standing


@pytest.fixture(autouse=True)
def _company(db: None) -> None:
    """Every test has a company in Shanghai."""
    CompanyFactory()


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


def test_shards_are_short_on_sqlite_and_write_the_rows_that_one_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def written() -> list[object]:
        done = sweep.run(as_of=NOW)
        assert (done.shards_done, done.customers, done.cases_opened) == (done.shards, 5, 3)
        return [done.shards, standing(), list(CustomerMeasures.objects.order_by("customer_id").values())]

    silent(58, 59, 60, 61, 62)
    on("no-contact")
    with transaction.atomic():
        whole = written()
        transaction.set_rollback(True)
    monkeypatch.setattr(compute, "LARGEST_SHARD_ON_SQLITE", 2)

    apart = written()

    assert apart[1:] == whole[1:]
    assert (whole[0], apart[0]) == (1, 3 if connection.vendor == "sqlite" else 1)
    assert len(compute.shards(1)) == 1  # a dry run writes nothing that others wait for


def test_state_of_the_whole_pass_is_noted_after_the_last_shard() -> None:
    silent(60)
    sweep.run(as_of=NOW, shards=2)
    state = MeasureState.objects.get()
    assert (state.as_of, state.day) == (NOW, localtime.day_number(NOW, "Asia/Shanghai"))


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
