"""Rules that fail are set aside and match nobody, their negations neither; the others go on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from customers.ground.models import AuditEvent
from retention import rules, sweep
from retention.measures import Measure, Unit, compute
from retention.measures.expressions import Col
from retention.measures.registry import _book
from retention.models import WarningRule
from tests.factories import NOW, CompanyFactory
from tests.retention.sweep.stories import names_of, on, silent

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _company(db: None) -> None:
    """Every test has a company in Shanghai."""
    CompanyFactory()


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
    monkeypatch.setattr("retention.rules.compile.stored", lambda: stored)
    filled = [m for m in stored if m.aggregate]
    for module in ("retention.measures.compute", "retention.measures.passes"):
        monkeypatch.setattr(f"{module}.aggregated", lambda: filled)

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


def test_rule_whose_clear_condition_fails_is_set_aside_and_the_others_go_on(
    crooked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent(60)
    (rule,) = on("no-contact")
    stored = [m for m in compute.stored() if m.code != "no_such_column"]
    monkeypatch.setattr("retention.rules.compile.stored", lambda: stored)
    filled = [m for m in stored if m.aggregate]
    for module in ("retention.measures.compute", "retention.measures.passes"):
        monkeypatch.setattr(f"{module}.aggregated", lambda: filled)
    clear = {"measure": "gone_column", "op": ">=", "value": 1}
    WarningRule.objects.filter(pk=rule.pk).update(clear_condition=clear)

    done = sweep.run(as_of=NOW)

    assert set(done.failed_rules) == {"no-contact"}
    assert (done.status, names_of()) == ("done", ["silent 60"])
