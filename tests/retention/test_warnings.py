"""Warnings: one open a customer and rule, cool-down from the close, baseline, closing by themselves."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from customers.ground import drain, events, outbox
from customers.ground.models import AuditEvent, Event
from customers.models import Customer, User
from retention import cases, losses, rules, sweep, warnings
from retention.models import EarlyWarning, Loss, LossKind, RetentionCase, RuleVersion, SweepRun, WarningRule
from tests.factories import NOW, CompanyFactory, CustomerFactory, InteractionFactory, OrderFactory, ago
from tests.retention.makers import make_run, make_warning

DAY = timedelta(days=1)
Closed = EarlyWarning.Closed


@pytest.fixture(autouse=True)
def _company(db: None) -> None:
    """Every test has a company in Shanghai."""
    CompanyFactory()


@pytest.fixture
def rule() -> WarningRule:
    """The rule “no contact for 60 days” with a cool-down of 30 days, not yet switched on."""
    return rules.get(["no-contact"])[0]


def silent(days: float = 60, **values: Any) -> Customer:
    """Return a customer with whom nobody has spoken for so many days."""
    customer = CustomerFactory(**values)
    InteractionFactory(customer=customer, occurred_at=ago(days))
    return customer


def speak(customer: Customer, *, at: datetime) -> None:
    """Speak with the customer."""
    InteractionFactory(customer=customer, occurred_at=at - timedelta(minutes=5))


def states(rule: WarningRule) -> list[tuple[str, str, bool]]:
    """Return state, reason and baseline of the rule's warnings in order."""
    rows = EarlyWarning.objects.filter(rule=rule).order_by("id")
    return list(rows.values_list("state", "closed_because", "is_baseline"))


def close_as_saved(customer: Customer, *, at: datetime) -> RetentionCase:
    """Close the customer's open case."""
    case = RetentionCase.objects.open().get(customer=customer)  # type: ignore[attr-defined]
    return cases.close_case(case, outcome="saved", reason="Stays with us.", by=None, at=at)


# --- One open ---------------------------------------------------------------------------------


def test_database_refuses_a_second_open_warning_of_the_same_customer_and_rule(rule: WarningRule) -> None:
    customer = silent()
    first = make_warning(customer, run=make_run(), rule=rule)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_warning(customer, run=make_run(), rule=rule)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_warning(customer, run=make_run(), rule=rule, state="withheld")
    warnings.close(EarlyWarning.objects.filter(pk=first.pk), because=Closed.SIGN_GONE, at=NOW)
    make_warning(customer, run=make_run(), rule=rule)
    make_warning(customer, run=make_run())  # another rule


# --- Baseline ---------------------------------------------------------------------------------


def test_enable_without_open_existing_opens_no_case_until_the_sign_came_back(rule: WarningRule) -> None:
    old, new = silent(80), silent(50)

    assert rules.enable(rule, open_existing=False, by=None, at=NOW)
    sweep.run(as_of=NOW + timedelta(minutes=1))
    assert states(rule) == [("open", "", True)]
    assert not RetentionCase.objects.exists()

    sweep.run(as_of=NOW + 15 * DAY)  # the other one has fallen silent since: that is new
    assert RetentionCase.objects.get().customer == new
    assert EarlyWarning.objects.get(customer=old).case is None

    speak(old, at=NOW + 20 * DAY)
    sweep.run(as_of=NOW + 20 * DAY)
    assert states(rule)[0] == ("closed", "sign_gone", True)
    sweep.run(as_of=NOW + 79 * DAY)
    assert RetentionCase.objects.count() == 1
    sweep.run(as_of=NOW + 80 * DAY)  # 60 days of silence again
    assert RetentionCase.objects.filter(customer=old).count() == 1
    assert states(rule)[-1] == ("open", "", False)


def test_baseline_leaves_no_cool_down_behind(rule: WarningRule) -> None:
    WarningRule.objects.filter(pk=rule.pk).update(cool_down_days=300)
    rule.refresh_from_db()
    customer = silent(80)
    rules.enable(rule, open_existing=False, by=None, at=NOW)
    speak(customer, at=NOW + DAY)
    sweep.run(as_of=NOW + DAY)

    sweep.run(as_of=NOW + 62 * DAY)

    assert states(rule) == [("closed", "sign_gone", True), ("open", "", False)]


def test_baseline_takes_in_a_customer_in_cool_down(rule: WarningRule) -> None:
    customer = silent(80)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW)
    close_as_saved(customer, at=NOW)
    rules.disable(rule, by=None, at=NOW)

    rules.enable(rule, open_existing=False, by=None, at=NOW + DAY)

    assert states(rule)[1:] == [("open", "", True)]
    done = sweep.run(as_of=NOW + 32 * DAY)
    assert (done.cases_opened, len(states(rule))) == (0, 2)


def test_enable_with_open_existing_leaves_a_customer_in_cool_down_alone_until_it_ends(
    rule: WarningRule,
) -> None:
    customer = silent(80)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW)
    close_as_saved(customer, at=NOW)
    rules.disable(rule, by=None, at=NOW)

    rules.enable(rule, open_existing=True, by=None, at=NOW + DAY)

    assert sweep.run(as_of=NOW + DAY).cases_opened == 0
    assert sweep.run(as_of=NOW + 32 * DAY).cases_opened == 1


def test_baseline_is_the_state_at_the_moment_of_enabling(rule: WarningRule) -> None:
    sweep.run(as_of=NOW - 10 * DAY)
    customer = silent(60)  # nobody has swept since

    rules.enable(rule, open_existing=False, by=None, at=NOW)

    assert states(rule) == [("open", "", True)]
    run = SweepRun.objects.get(scope="baseline")
    assert (run.warnings, run.status) == ({"no-contact": 1}, "done")
    evidence = json.loads(EarlyWarning.objects.get(customer=customer).evidence)
    assert evidence["as_of_day"] - evidence["last_contact_day"] == 60
    assert not Event.objects.filter(kind=warnings.RAISED).exists()


def test_enable_with_open_existing_opens_cases_at_the_next_sweep(rule: WarningRule) -> None:
    silent(80)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    assert not EarlyWarning.objects.exists()

    assert sweep.run(as_of=NOW).cases_opened == 1


# --- Switching --------------------------------------------------------------------------------


def test_enable_and_disable_are_audited_and_act_once(rule: WarningRule, admin: User) -> None:
    assert rules.enable(rule, open_existing=True, by=admin, at=NOW)
    assert not rules.enable(rule, open_existing=True, by=admin, at=NOW + DAY)
    rule.refresh_from_db()
    assert (rule.is_enabled, rule.enabled_at) == (True, NOW)
    assert rules.disable(rule, by=admin, at=NOW + DAY)
    assert not rules.disable(rule, by=admin, at=NOW + DAY)
    acts = AuditEvent.objects.filter(object_type="retention.warningrule").order_by("id")
    told = list(acts.values_list("act", "actor_id"))
    assert told == [("rule.enable", admin.pk), ("rule.disable", admin.pk)]


def test_empty_rule_cannot_be_enabled() -> None:
    rule = WarningRule.objects.create(code="empty", name_en="Empty", name_zh="空", condition={})
    with pytest.raises(rules.ConditionRefused, match="missing"):
        rules.enable(rule, open_existing=True, by=None, at=NOW)
    rule.refresh_from_db()
    assert not rule.is_enabled


def test_save_refuses_a_condition_that_does_not_stand_and_stores_nothing() -> None:
    bad = WarningRule(code="bad", name_en="Bad", name_zh="坏", condition={"all": []})
    with pytest.raises(rules.ConditionRefused):
        rules.save(bad, by=None, at=NOW)
    assert not WarningRule.objects.filter(code="bad").exists()


def test_revise_makes_the_next_version_and_keeps_the_one_before(rule: WarningRule, admin: User) -> None:
    condition = {"measure": "days_since_last_contact", "op": ">=", "value": "90.0"}
    rules.revise(rule, condition=condition, by=admin, at=NOW)
    kept = RuleVersion.objects.filter(rule=rule).order_by("version").values_list("version", "condition", "by")
    assert [(version, tree["value"], by) for version, tree, by in kept] == [(1, 60, None), (2, 90, admin.pk)]


def test_disable_closes_the_warnings_and_leaves_the_cases_open(rule: WarningRule) -> None:
    silent(80)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW)

    rules.disable(rule, by=None, at=NOW + DAY)

    assert states(rule) == [("closed", "rule_off", False)]
    assert RetentionCase.objects.open().count() == 1  # type: ignore[attr-defined]


def test_rule_switched_off_and_on_again_warns_at_once_and_joins_the_open_case(rule: WarningRule) -> None:
    silent(80)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW)
    rules.disable(rule, by=None, at=NOW + DAY)
    rules.enable(rule, open_existing=True, by=None, at=NOW + DAY)

    sweep.run(as_of=NOW + DAY)

    assert states(rule) == [("closed", "rule_off", False), ("open", "", False)]
    assert EarlyWarning.objects.values("case").distinct().count() == RetentionCase.objects.count() == 1


# --- Cool-down --------------------------------------------------------------------------------


def test_cool_down_counts_from_the_close_and_not_from_the_raising(rule: WarningRule) -> None:
    customer = silent(60)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW)
    closed_at = NOW + 25 * DAY
    close_as_saved(customer, at=closed_at)
    assert states(rule) == [("closed", "case_closed", False)]

    sweep.run(as_of=NOW + 31 * DAY)  # 31 days since the raising, 6 since the close
    sweep.run(as_of=closed_at + 30 * DAY - timedelta(seconds=1))
    assert len(states(rule)) == 1
    sweep.run(as_of=closed_at + 30 * DAY)
    assert states(rule)[1:] == [("open", "", False)]
    assert RetentionCase.objects.count() == 2


def test_cool_down_counts_from_the_close_of_the_case_when_that_came_after_the_warning(
    rule: WarningRule,
) -> None:
    customer = silent(60)
    WarningRule.objects.filter(pk=rule.pk).update(cool_down_days=70)
    rule.refresh_from_db()
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW)
    case = RetentionCase.objects.get()
    RetentionCase.objects.filter(pk=case.pk).update(reason="Somebody is on it.")  # so it stays open
    speak(customer, at=NOW + DAY)
    sweep.run(as_of=NOW + DAY)
    assert states(rule) == [("closed", "sign_gone", False)]
    close_as_saved(customer, at=NOW + 20 * DAY)

    sweep.run(as_of=NOW + 75 * DAY)  # silent again; 74 days since the warning closed, 55 since the case
    assert len(states(rule)) == 1
    sweep.run(as_of=NOW + 90 * DAY)
    assert len(states(rule)) == 2


def test_cool_down_of_one_rule_holds_no_other_back(rule: WarningRule) -> None:
    customer = silent(60)
    other = WarningRule(
        code="very-silent",
        name_en="Very silent",
        name_zh="很久没有联系",
        condition={"measure": "days_since_last_contact", "op": ">=", "value": 70},
    )
    rules.save(other, by=None, at=NOW)
    for one in (rule, other):
        rules.enable(one, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW)
    close_as_saved(customer, at=NOW + DAY)

    sweep.run(as_of=NOW + 10 * DAY)

    assert (len(states(rule)), len(states(other))) == (1, 1)


# --- Lost -------------------------------------------------------------------------------------


def lose(customer: Customer, *, at: datetime) -> Loss:
    """Record that the customer left."""
    return Loss.objects.create(customer=customer, occurred_at=at, recorded_at=at)


@pytest.mark.parametrize("open_existing", [True, False])
def test_lost_customer_gets_no_warning_and_no_baseline(rule: WarningRule, open_existing: bool) -> None:
    gone, stays = silent(80), silent(80)
    lose(gone, at=NOW - DAY)
    OrderFactory(customer=gone, occurred_at=NOW - DAY)  # on the day of the loss

    rules.enable(rule, open_existing=open_existing, by=None, at=NOW)
    sweep.run(as_of=NOW)

    assert EarlyWarning.objects.get().customer == stays


def test_customer_that_is_lost_in_part_only_is_warned_of(rule: WarningRule) -> None:
    customer = silent(80)
    loss = lose(customer, at=NOW - DAY)
    Loss.objects.filter(pk=loss.pk).update(definition=LossKind.PARTIAL)
    rules.enable(rule, open_existing=True, by=None, at=NOW)

    assert sweep.run(as_of=NOW).cases_opened == 1


def test_lost_customer_who_ordered_on_a_later_day_is_warned_of_again(rule: WarningRule) -> None:
    customer = silent(80)
    lost_at = datetime(2026, 5, 9, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai; the order one minute later
    lose(customer, at=lost_at)
    OrderFactory(customer=customer, occurred_at=lost_at + timedelta(minutes=1))
    rules.enable(rule, open_existing=True, by=None, at=NOW)

    assert sweep.run(as_of=NOW).cases_opened == 1


def test_customer_whose_loss_ended_is_warned_of_again(rule: WarningRule, admin: User) -> None:
    customer = silent(80)
    lose(customer, at=NOW - 5 * DAY)
    losses.end_loss(customer, by=admin, at=NOW - DAY)
    rules.enable(rule, open_existing=True, by=None, at=NOW)

    assert sweep.run(as_of=NOW).cases_opened == 1


# --- Closing ----------------------------------------------------------------------------------


def test_warning_closes_by_itself_when_the_sign_is_gone_and_takes_its_untouched_case_along(
    rule: WarningRule,
) -> None:
    gone, stays = silent(60), silent(60)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW)
    speak(gone, at=NOW + DAY)

    done = sweep.run(as_of=NOW + DAY)

    assert done.warnings_closed == 1
    warning = EarlyWarning.objects.get(customer=gone)
    assert (warning.state, warning.closed_because, warning.closed_at) == ("closed", "sign_gone", NOW + DAY)
    assert RetentionCase.objects.get(customer=gone).outcome == "recovered"
    assert RetentionCase.objects.get(customer=stays).outcome == ""
    told = Event.objects.get(kind=warnings.CLOSED)
    assert (told.customer_id, told.subject_id) == (gone.pk, warning.pk)


def test_case_with_another_sign_that_stands_stays_open(rule: WarningRule) -> None:
    customer = silent(60)
    other = WarningRule(
        code="never-bought",
        name_en="Never bought",
        name_zh="从未下单",
        condition={"measure": "orders_365d", "op": "=", "value": 0},
    )
    rules.save(other, by=None, at=NOW)
    for one in (rule, other):
        rules.enable(one, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW)
    speak(customer, at=NOW + DAY)

    sweep.run(as_of=NOW + DAY)

    assert (states(rule)[0][0], states(other)[0][0]) == ("closed", "open")
    assert RetentionCase.objects.get().outcome == ""


def test_new_sign_joins_the_case_whose_old_sign_went_in_the_same_sweep(rule: WarningRule) -> None:
    customer = silent(60)
    other = WarningRule(
        code="just-spoke",
        name_en="Just spoke",
        name_zh="刚联系过",
        condition={"measure": "days_since_last_contact", "op": "<=", "value": 1},
    )
    rules.save(other, by=None, at=NOW)
    for one in (rule, other):
        rules.enable(one, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW)
    speak(customer, at=NOW + DAY)

    sweep.run(as_of=NOW + DAY)

    assert (states(rule)[0][0], states(other)[0][0]) == ("closed", "open")
    case = RetentionCase.objects.get()
    assert (case.outcome, case.warnings.count()) == ("", 2)


def test_close_of_case_closes_its_standing_warnings_and_no_other(rule: WarningRule) -> None:
    customer, other = silent(60), silent(60)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW)
    case = RetentionCase.objects.get(customer=customer)

    assert warnings.close_of_case(case, because=Closed.CASE_CLOSED, at=NOW + DAY) == 1
    assert warnings.close_of_case(case, because=Closed.CASE_CLOSED, at=NOW + 2 * DAY) == 0

    assert EarlyWarning.objects.get(customer=customer).closed_at == NOW + DAY
    assert EarlyWarning.objects.get(customer=other).state == "open"
    assert Event.objects.filter(kind=warnings.CLOSED).count() == 1


def test_evidence_and_version_stay_as_raised_whatever_comes_later(rule: WarningRule) -> None:
    customer = silent(60)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW)
    frozen = EarlyWarning.objects.values_list("evidence", "rule_version").get()
    condition = {"measure": "days_since_last_contact", "op": ">=", "value": 30}
    rules.revise(rule, condition=condition, by=None, at=NOW)

    sweep.run(as_of=NOW + 5 * DAY)

    assert EarlyWarning.objects.values_list("evidence", "rule_version").get(customer=customer) == frozen


def test_subscribers_are_told_of_every_new_warning_once(
    rule: WarningRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[int | None, int | None]] = []

    def hear(row: Any, at: datetime) -> None:
        heard.append((row.event.customer_id, row.event.subject_id))

    monkeypatch.setitem(outbox._handlers, "test.heard", hear)
    monkeypatch.setitem(events._subscriptions, warnings.RAISED, ["test.heard"])
    customers = [silent(60), silent(61)]
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW, shards=2)
    sweep.run(as_of=NOW + timedelta(minutes=1))

    drain.until_empty(at=NOW + timedelta(minutes=2))

    assert sorted(heard) == sorted(EarlyWarning.objects.values_list("customer_id", "id"))
    assert {customer for customer, _warning in heard} == {customer.pk for customer in customers}
