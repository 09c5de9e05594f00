"""The commands ``rules``, ``sweep`` and ``losses``: what they print, write and refuse."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from customers import touched as touching
from customers.ground import clock
from customers.models import Customer, ExternalRef
from retention.models import Dismissal, EarlyWarning, Loss, RetentionCase, SweepRun, WarningRule
from tests.factories import NOW, CompanyFactory, CustomerFactory, InteractionFactory, ago
from tests.retention.makers import make_rule, make_run, make_warning

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _standing_clock(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A company, and a clock that stands."""
    CompanyFactory()
    monkeypatch.setattr(clock, "now", lambda: NOW)


def run(*args: str) -> str:
    """Run a command and return what it printed."""
    out = io.StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def printed_json(*args: str) -> Any:
    """Run a command and return the object on its last line."""
    return json.loads(run(*args).splitlines()[-1])


def refused(*args: str) -> tuple[str, int]:
    """Run a command that must be refused; return what it says and its exit code."""
    with pytest.raises(CommandError) as error:
        run(*args)
    return str(error.value), error.value.returncode


def silent(days: float = 60) -> Customer:
    """Return a customer with whom nobody has spoken for so many days."""
    customer = CustomerFactory()
    InteractionFactory(customer=customer, occurred_at=ago(days))
    return customer


# --- rules ------------------------------------------------------------------------------------


def test_rules_list_says_code_state_and_sentence() -> None:
    WarningRule.objects.filter(code="overdue").update(is_enabled=True)
    WarningRule.objects.filter(code="no-contact").update(is_enabled=True, broken_since=NOW)
    lines = run("rules", "list").splitlines()
    assert len(lines) == WarningRule.objects.count()
    assert lines[0].split()[:2] == ["overdue", "on"]
    assert lines[0].endswith("“Overdue against own rhythm” is at least 2.")
    assert lines[1].split()[:2] == ["spend-halved", "off"]
    assert lines[2].split()[:3] == ["no-contact", "set", "aside"]


def test_rules_list_json_gives_one_object() -> None:
    WarningRule.objects.filter(code="overdue").update(condition={"all": []})
    listed = printed_json("rules", "list", "--json")["rules"]
    assert [rule["code"] for rule in listed][:2] == ["overdue", "spend-halved"]
    assert listed[0]["sentence"].startswith("all: this group is empty")
    assert {rule["enabled"] for rule in listed} == {False}


def test_rules_enable_lays_a_baseline_unless_existing_matches_are_to_be_opened() -> None:
    silent()
    assert run("rules", "enable", "no-contact") == "Switched on: no-contact\n"
    assert EarlyWarning.objects.get().is_baseline
    assert run("rules", "enable", "no-contact") == "Was on already: no-contact\n"
    assert run("rules", "disable", "no-contact") == "Switched off: no-contact\n"
    assert run("rules", "disable", "no-contact") == "Was off already: no-contact\n"
    run("rules", "enable", "no-contact", "--open-existing", "--holdout", "0.0")
    assert printed_json("sweep", "--json")["cases_opened"] == 1


def test_rules_enable_changes_nothing_when_one_of_the_codes_is_unknown() -> None:
    text, code = refused("rules", "enable", "overdue", "sunshine")
    assert ("sunshine" in text, code) == (True, 2)
    assert not WarningRule.objects.filter(is_enabled=True).exists()


@pytest.mark.parametrize("share", ["0.6", "-0.1", "half", "0.00001", "nan", "inf"])
def test_rules_enable_refuses_a_share_that_cannot_be_held_out(share: str) -> None:
    text, code = refused("rules", "enable", "overdue", f"--holdout={share}")
    assert (f"A share of {share} cannot be held out" in text, code) == (True, 2)
    assert not WarningRule.objects.filter(is_enabled=True).exists()


def test_rules_enable_holds_nobody_out_of_a_rule_about_complaints() -> None:
    text, code = refused("rules", "enable", "overdue", "complaint-overdue", "--holdout", "0.1")
    assert ("nobody is held out" in text, code) == (True, 2)
    assert not WarningRule.objects.filter(is_enabled=True).exists()


def test_rules_enable_holds_out_a_share_only_when_it_is_given() -> None:
    run("rules", "enable", "overdue")
    run("rules", "enable", "no-contact", "--holdout", "0.1")
    shares = WarningRule.objects.filter(is_enabled=True).order_by("code")
    assert list(shares.values_list("code", "holdout_share", "holdout_from")) == [
        ("no-contact", 1000, NOW),
        ("overdue", 0, None),
    ]


# --- sweep ------------------------------------------------------------------------------------


def test_sweep_json_has_exactly_the_keys_of_the_contract() -> None:
    silent()
    run("rules", "enable", "no-contact", "overdue", "--open-existing")
    done = printed_json("sweep", "--json", "--shards", "3")
    assert list(done) == [
        "as_of",
        "customers",
        "seconds",
        "warnings",
        "warnings_closed",
        "cases_opened",
        "calls_created",
        "failed_rules",
    ]
    assert set(done["seconds"]) == {"measures", "rules", "cases"}
    assert (done["as_of"], done["customers"]) == (NOW.isoformat(), 1)
    assert done["warnings"] == {"no-contact": 1, "overdue": 0}
    assert (done["cases_opened"], done["warnings_closed"], done["failed_rules"]) == (1, 0, {})


def test_sweep_tells_people_what_it_did() -> None:
    silent()
    run("rules", "enable", "no-contact", "--open-existing")
    lines = run("sweep").splitlines()
    assert "Customers: 1" in lines and "Cases opened: 1" in lines
    assert any(line.split() == ["no-contact", "1"] for line in lines)


def test_sweep_takes_a_day_a_local_time_and_a_moment() -> None:
    assert printed_json("sweep", "--dry-run", "--json", "--as-of", "2026-05-11")["as_of"] == (
        "2026-05-11T00:00:00+08:00"
    )
    assert printed_json("sweep", "--dry-run", "--json", "--as-of", "2026-05-11T09:30")["as_of"] == (
        "2026-05-11T09:30:00+08:00"
    )
    assert printed_json("sweep", "--dry-run", "--json", "--as-of", "2026-05-11T01:00:00Z")["as_of"] == (
        "2026-05-11T01:00:00+00:00"
    )


def test_sweep_of_one_rule_dry_writes_a_line_for_each_match(tmp_path: Path) -> None:
    customer = silent()
    silent(59)
    ExternalRef.objects.create(source="shop", kind="customer", external_id="C-7", object_id=customer.pk)
    out = tmp_path / "found.tsv"
    done = printed_json("sweep", "--rules", "no-contact", "--dry-run", "--out", str(out), "--json")
    name, rule, evidence = out.read_text().rstrip("\n").split("\t")
    assert (name, rule, done["warnings"]) == ("C-7", "no-contact", {"no-contact": 1})
    assert json.loads(evidence).keys() == {"as_of_day", "last_contact_day", "spend_365d"}
    assert not SweepRun.objects.exists()


def test_sweep_touched_looks_only_at_the_marked(tmp_path: Path) -> None:
    customer = silent()
    silent()
    run("rules", "enable", "no-contact", "--open-existing")
    touching.mark([customer.pk], at=NOW - DAY)
    out = tmp_path / "found"
    done = printed_json("sweep", "--touched", "--json", "--out", str(out))
    assert (done["customers"], done["warnings"]) == (1, {"no-contact": 1})
    assert out.read_text().startswith(f"{customer.pk}\tno-contact\t")
    assert printed_json("sweep", "--touched", "--json")["customers"] == 0


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--as-of", "yesterday"), "not a moment"),
        (("--as-of", "2026-05-12"), "in the future"),
        (("--rules", "sunshine"), "sunshine"),
        (("--rules", "overdue"), "switched off"),
        (("--rules", "overdue", "--touched"), "Leave --rules out"),
    ],
)
def test_sweep_refuses_with_two_and_says_how_to_mend(options: tuple[str, ...], word: str) -> None:
    text, code = refused("sweep", *options)
    assert (word in text, code) == (True, 2)
    assert not SweepRun.objects.exists()


def test_sweep_exits_with_one_when_a_rule_had_to_be_set_aside() -> None:
    WarningRule.objects.filter(code="overdue").update(is_enabled=True, condition={"all": []})
    text, code = refused("sweep", "--json")
    assert ("overdue" in text, code) == (True, 1)
    assert SweepRun.objects.get().failed_rules == {"overdue": "condition_refused"}


# --- losses -----------------------------------------------------------------------------------


def test_losses_lists_what_was_known_at_the_moment() -> None:
    early, late = CustomerFactory(), CustomerFactory()
    ExternalRef.objects.create(source="shop", kind="customer", external_id="C-1", object_id=early.pk)
    for customer, occurred, recorded in ((early, ago(20), ago(10)), (late, ago(5), ago(5))):
        Loss.objects.create(
            customer=customer,
            occurred_at=occurred,
            recorded_at=recorded,
            churn_type=RetentionCase.ChurnType.ACTIVE,
            margin_365d=700,
        )
    assert [row["customer"] for row in printed_json("losses", "--json")["losses"]] == ["C-1", str(late.pk)]
    known = printed_json("losses", "--as-of", ago(9).isoformat(), "--json")["losses"]
    assert known == [
        {
            "customer": "C-1",
            "occurred_at": ago(20).isoformat(),
            "recorded_at": ago(10).isoformat(),
            "definition": "hand",
            "churn_type": "active",
            "margin_365d": 700,
            "is_valuable": None,
            "days_ahead": None,
            "ended_at": None,
        }
    ]
    assert printed_json("losses", "--as-of", ago(15).isoformat(), "--json")["losses"] == []
    assert "Losses: 2" in run("losses")
    assert refused("losses", "--as-of", "once")[1] == 2


def test_rules_health_says_what_each_rule_raised() -> None:
    rule = make_rule(code="quiet")
    warning = make_warning(silent(), run=make_run(at=NOW - 40 * DAY), rule=rule)
    make_warning(silent(), run=make_run(at=NOW - DAY), rule=rule)
    Dismissal.objects.create(warning=warning, reason="known", at=NOW)
    found = {one["code"]: one for one in printed_json("rules", "health", "--days", "90", "--json")["rules"]}
    assert found["quiet"]["fired"] == 2
    assert found["quiet"]["dismissed"] == {"part": 1, "of": 2}
    assert (found["quiet"]["reasons"], found["quiet"]["untouched"]) == ({"known": 1}, None)
    assert printed_json("rules", "health", "--json")["days"] == 30
    said = next(line for line in run("rules", "health").splitlines() if line.startswith("quiet"))
    assert said.endswith(
        "1 fired, 0 cases, 0 acted on, 0 noise, 0 kept, 0 lost, 0 flapping; right where nobody called: —"
    )
    for _number in range(30):
        make_warning(CustomerFactory(), run=make_run(at=NOW - 100 * DAY), rule=rule)
    assert "right where nobody called: 0%" in run("rules", "health")
    refused("rules", "health", "--days", "31")
