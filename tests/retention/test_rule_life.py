"""The life of a rule: its states and moves, and what each of them does to warnings and cases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from customers.ground.models import AuditEvent, Company, Event
from customers.models import Customer, Objection, Team, User
from retention import cases, rules, sweep, warnings
from retention.models import (
    EarlyWarning,
    Holdout,
    HoldoutProgramme,
    Loss,
    PendingMatch,
    RetentionCase,
    RuleMove,
    RuleState,
    SweepRun,
    WarningRule,
)
from retention.rules import exchange, holdout, silences, versions, why
from retention.rules.contradictions import Contradiction
from retention.rules.holdout import bucket_of
from retention.sweep import releasing
from tests.factories import (
    NOW,
    CompanyFactory,
    CustomerFactory,
    InteractionFactory,
    OrderFactory,
    UserFactory,
    ago,
)
from tests.retention.makers import give_margin

DAY = timedelta(days=1)
SILENT = {"measure": "days_since_last_contact", "op": ">=", "value": 60}


@pytest.fixture(autouse=True)
def _company(db: None) -> None:
    CompanyFactory()


def rule_of(**values: Any) -> WarningRule:
    """Write a rule about silence, still a draft."""
    made = {"code": "silent", "name_en": "Silent", "name_zh": "沉默", "condition": SILENT, **values}
    return rules.save(WarningRule(**made), by=None, at=NOW)


def silent(days: float = 60, **values: Any) -> Customer:
    """Return a customer with whom nobody has spoken for so many days."""
    customer = CustomerFactory(**values)
    InteractionFactory(customer=customer, occurred_at=ago(days))
    return customer


def speak(customer: Customer, *, at: Any) -> None:
    InteractionFactory(customer=customer, occurred_at=at - timedelta(minutes=5))


def told(rule: WarningRule) -> list[tuple[str, str, bool]]:
    """Return state, why no case, and whether there is one, of the rule's warnings."""
    rows = EarlyWarning.objects.filter(rule=rule).order_by("id")
    return [(w.state, w.no_case_because, w.case_id is not None) for w in rows]


# --- Moves --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("before", "after"), list(product(RuleState, RuleState)))
def test_only_the_moves_of_the_table_are_allowed(before: RuleState, after: RuleState) -> None:
    rule = rule_of()
    if before != "draft":
        rules.move(rule, to=before, cases_a_day=3, open_existing=True, by=None, at=NOW)
    assert rule.state == before
    moves = RuleMove.objects.count()
    if before == after:
        assert rules.move(rule, to=after, cases_a_day=3, by=None, at=NOW) is False
    elif after in rules.MOVES[before]:
        assert rules.move(rule, to=after, cases_a_day=3, by=None, at=NOW) is True
        assert WarningRule.objects.in_state(after).get(code="silent") == rule  # type: ignore[attr-defined]
    else:
        with pytest.raises(rules.MayNotMove):
            rules.move(rule, to=after, cases_a_day=3, by=None, at=NOW)
    assert WarningRule.objects.get(code="silent").state == (
        before if RuleMove.objects.count() == moves else after
    )


def test_two_who_move_at_once_are_told_apart() -> None:
    rule = rule_of()
    stale = WarningRule.objects.get(pk=rule.pk)
    rules.move(rule, to="shadow", by=None, at=NOW)
    with pytest.raises(rules.MovedMeanwhile):
        rules.move(stale, to="live", by=None, at=NOW)


def replacing(old: WarningRule) -> WarningRule:
    """Return a draft that was proposed in the place of a rule."""
    return rule_of(code="next", name_en="Next", condition={**SILENT, "value": 65}, replaces=old)


def test_a_launch_retires_the_rule_in_whose_place_it_comes_and_keeps_its_cases() -> None:
    old = rule_of()
    rules.enable(old, open_existing=True, by=None, at=NOW)
    silent(70)
    sweep.run(as_of=NOW)
    boss, draft = UserFactory(role="admin"), replacing(old)
    rules.move(draft, to="live", retire_replaced=True, by=boss, at=NOW + DAY)
    old.refresh_from_db()
    assert (draft.state, old.state, old.retired_at) == ("live", "retired", NOW + DAY)
    moved = old.moves.latest("pk")
    assert (moved.before, moved.after, moved.by, moved.reason) == (
        "live",
        "retired",
        boss,
        "“Next” takes its place.",
    )
    assert told(old) == [("closed", "", True)]
    case = RetentionCase.objects.get()
    assert case.is_open
    sweep.run(as_of=NOW + 2 * DAY)
    assert RetentionCase.objects.get().is_open, "nobody whom the old rule found falls out of the queue"
    assert EarlyWarning.objects.get(rule=draft).is_baseline


@pytest.mark.parametrize(
    ("to", "asked", "after"),
    [
        ("live", False, "live"),
        ("limited", True, "retired"),
        ("shadow", True, "live"),
        ("retired", True, "live"),
    ],
)
def test_only_a_launch_that_says_so_retires_what_it_replaces(to: str, asked: bool, after: str) -> None:
    old = rule_of()
    rules.enable(old, open_existing=True, by=None, at=NOW)
    rules.move(replacing(old), to=to, cases_a_day=3, retire_replaced=asked, by=None, at=NOW)
    old.refresh_from_db()
    assert old.state == after


def test_a_launch_goes_on_when_nothing_is_there_to_be_retired() -> None:
    old, alone = rule_of(), rule_of(code="alone")
    for rule in (replacing(old), alone):
        assert rules.move(rule, to="live", retire_replaced=True, by=None, at=NOW)
    old.refresh_from_db()
    assert (old.state, old.moves.count()) == ("draft", 0)


@pytest.mark.parametrize("number", [None, 0, 10_001])
def test_a_limited_rule_says_how_many_a_day(number: int | None) -> None:
    with pytest.raises(rules.HowManyADay):
        rules.move(rule_of(), to="limited", cases_a_day=number, by=None, at=NOW)


def test_moves_are_kept_with_author_version_and_reason() -> None:
    rule, admin = rule_of(), UserFactory(role="admin")
    rules.move(rule, to="shadow", reason=" Look first. ", by=admin, at=NOW)
    kept = RuleMove.objects.get()
    assert (kept.before, kept.after, kept.version, kept.by, kept.reason) == (
        "draft",
        "shadow",
        1,
        admin,
        "Look first.",
    )
    assert AuditEvent.objects.filter(act="rule.move", actor_id=admin.pk).exists()


# --- Shadow -------------------------------------------------------------------------------------------
def test_a_rule_in_shadow_logs_and_opens_nothing_and_tells_nobody() -> None:
    rule, admin = rule_of(), UserFactory(role="admin")
    silent()
    rules.move(rule, to="shadow", by=None, at=NOW)
    run = sweep.run(as_of=NOW + DAY)
    assert (run.warnings, run.cases_opened) == ({"silent": 1}, 0)
    assert told(rule) == [("withheld", "shadow", False)]
    assert not EarlyWarning.objects.visible_to(admin).exists()  # type: ignore[attr-defined]
    assert not EarlyWarning.objects.calling().exists()  # type: ignore[attr-defined]
    assert not Event.objects.filter(kind__startswith="warning.").exists()
    sweep.run(as_of=NOW + 2 * DAY)
    assert len(told(rule)) == 1


def test_what_ends_in_shadow_is_told_to_nobody_and_cools_nothing_down_outside() -> None:
    rule, customer = rule_of(cool_down_days=90), silent()
    rules.move(rule, to="shadow", by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    speak(customer, at=NOW + 2 * DAY)
    sweep.run(as_of=NOW + 2 * DAY)
    assert told(rule) == [("closed", "shadow", False)]
    assert not Event.objects.filter(kind__startswith="warning.").exists()
    rules.move(rule, to="live", by=None, at=NOW + 3 * DAY)
    sweep.run(as_of=NOW + 70 * DAY)
    assert told(rule)[1:] == [("open", "", True)]


def test_a_launch_out_of_the_shadow_takes_the_baseline() -> None:
    rule = rule_of()
    silent()
    rules.move(rule, to="shadow", by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    rules.move(rule, to="live", by=None, at=NOW + DAY)
    sweep.run(as_of=NOW + 2 * DAY)
    rows = EarlyWarning.objects.order_by("id").values_list("state", "closed_because", "is_baseline")
    assert list(rows) == [("closed", "rule_moved", False), ("open", "", True)]
    assert not RetentionCase.objects.exists()


def test_a_launch_out_of_the_shadow_opens_what_matches_when_asked() -> None:
    rule = rule_of()
    silent()
    rules.move(rule, to="shadow", by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    rules.move(rule, to="live", open_existing=True, by=None, at=NOW + DAY)
    sweep.run(as_of=NOW + 2 * DAY)
    assert told(rule)[1:] == [("open", "", True)]


# --- Limited ------------------------------------------------------------------------------------------
def test_a_limited_rule_opens_the_most_valuable_and_lets_the_rest_wait() -> None:
    rule = rule_of()
    poor, rich, middling = silent(), silent(), silent()
    for customer, margin in ((poor, 1), (rich, 900), (middling, 50)):
        give_margin(customer, margin)
    rules.move(rule, to="limited", cases_a_day=1, open_existing=True, by=None, at=NOW)
    # the sweep computes margins anew from orders: there are none, so the lower number comes first
    run = sweep.run(as_of=NOW + DAY)
    assert (run.warnings, run.cases_opened) == ({"silent": 3}, 1)
    assert RetentionCase.objects.get().customer == poor
    assert told(rule).count(("withheld", "cap", False)) == 2
    again = sweep.run(as_of=NOW + DAY + timedelta(hours=1))
    assert again.cases_opened == 0
    assert sweep.run(as_of=NOW + 2 * DAY).cases_opened == 1
    assert Event.objects.filter(kind="warning.raised").count() == 2


def test_those_who_wait_open_theirs_when_the_rule_goes_live() -> None:
    rule = rule_of()
    for _n in range(3):
        silent()
    rules.move(rule, to="limited", cases_a_day=1, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    rules.move(rule, to="live", by=None, at=NOW + DAY)
    assert sweep.run(as_of=NOW + 2 * DAY).cases_opened == 2
    assert set(told(rule)) == {("open", "", True)}


def waiting_for(rule: WarningRule) -> tuple[Customer, Customer]:
    """Return two customers of a limited rule whose turn comes on the next days, in this order."""
    _first, second, third = silent(), silent(), silent()
    rules.move(rule, to="limited", cases_a_day=1, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    assert told(rule) == [("open", "", True), ("withheld", "cap", False), ("withheld", "cap", False)]
    return second, third


def test_whoever_objects_while_waiting_lets_the_next_one_through() -> None:
    objector, _next = waiting_for(rule_of())
    Objection.objects.create(customer=objector, source="form", occurred_at=NOW, recorded_at=NOW)
    assert releasing.release(SweepRun.objects.get(), at=NOW + DAY) == (0, 0)
    run = SweepRun.objects.create(
        scope="touched",
        as_of=NOW + 2 * DAY,
        day=SweepRun.objects.get().day + 1,
        started_at=NOW,
        codes=["silent"],
    )
    told_of = Event.objects.filter(kind="warning.raised").count()
    assert warnings.release(EarlyWarning.objects.filter(customer=objector), run=run, at=NOW + 2 * DAY) == 0
    assert releasing.release(run, at=NOW + 2 * DAY) == (1, 1)
    assert Event.objects.filter(kind="warning.raised").count() == told_of + 1
    assert not RetentionCase.objects.filter(customer=objector).exists()


@pytest.mark.parametrize(("ordered", "opened"), [(None, 0), (2, 1)])
def test_who_is_lost_lets_others_through_until_an_order_after_that_day(
    ordered: int | None, opened: int
) -> None:
    rule = rule_of()
    lost, _next = waiting_for(rule)
    Loss.objects.create(customer=lost, occurred_at=ago(5), recorded_at=NOW)
    if ordered:
        OrderFactory(customer=lost, occurred_at=ago(ordered))
    sweep.run(as_of=NOW + 2 * DAY)
    assert RetentionCase.objects.filter(customer=lost).count() == opened
    assert RetentionCase.objects.count() == 2


def test_a_used_up_day_does_not_hold_the_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting_for(rule_of())
    held: list[int] = []
    monkeypatch.setattr("retention.cases.holders.hold_desk", lambda: held.append(1))
    assert releasing.release(SweepRun.objects.get(), at=NOW + DAY) == (0, 0)
    assert held == []


def test_a_touched_sweep_counts_with_the_day() -> None:
    rule, customers = rule_of(), [silent(), silent()]
    rules.move(rule, to="limited", cases_a_day=1, open_existing=True, by=None, at=NOW)
    for n, customer in enumerate(customers, start=1):
        sweep.run(as_of=NOW + timedelta(minutes=n), scope="touched", customer_ids=[customer.pk])
    assert RetentionCase.objects.count() == 1


# --- Must hold, clears later ----------------------------------------------------------------------------
def test_a_sign_must_have_stood_for_its_days() -> None:
    rule, customer = rule_of(hold_days=3), silent(59.5)
    rules.move(rule, to="live", by=None, at=NOW - DAY)
    for n in range(1, 4):
        run = sweep.run(as_of=NOW + n * DAY)
        assert run.warnings == {"silent": 0}, n
        assert run.details["rules"]["silent"]["matches"] == 0
    assert sweep.run(as_of=NOW + 4 * DAY).warnings == {"silent": 1}
    assert PendingMatch.objects.get().customer == customer


def test_days_that_were_broken_off_count_anew() -> None:
    rule, customer = rule_of(hold_days=2), silent(59.5)
    rules.move(rule, to="live", by=None, at=NOW - DAY)
    sweep.run(as_of=NOW + DAY)
    speak(customer, at=NOW + 2 * DAY)
    sweep.run(as_of=NOW + 2 * DAY)
    assert not PendingMatch.objects.exists()


@pytest.mark.parametrize(("days", "matches"), [(62, 0), (63, 1)])
def test_a_dry_run_compares_the_day_with_the_one_so_many_days_before(days: int, matches: int) -> None:
    rule_of(hold_days=3)
    silent(days)
    run = sweep.run(as_of=NOW, rules=["silent"], dry_run=True)
    assert run.warnings == {"silent": matches}
    assert not PendingMatch.objects.exists()


@pytest.mark.parametrize("how", ["sweep", "why"])
def test_days_are_local_ones_when_clocks_change(how: str) -> None:
    """At 00:30 of 30 March 24 hours before is 23:30 two days before, since the 29th has 23 hours."""
    Company.objects.update(time_zone="Europe/Berlin")
    as_of = datetime(2026, 3, 29, 22, 30, tzinfo=UTC)
    customer = CustomerFactory()
    InteractionFactory(customer=customer, occurred_at=datetime(2026, 1, 28, 11, tzinfo=UTC))
    rule = rule_of(hold_days=1)
    if how == "sweep":
        run = sweep.run(as_of=as_of, rules=["silent"], dry_run=True)
        assert run.warnings == {"silent": 1}
    else:
        user = UserFactory(role="admin")
        assert why.why(rule, customer, as_of=as_of, user=user, currency="EUR").earlier is True


def test_a_warning_stands_until_its_clear_condition_holds() -> None:
    longer = {"measure": "days_since_last_contact", "op": "<", "value": 10}
    rule, customer = (
        rule_of(clear_condition=longer, condition={**SILENT, "op": "between", "value": [60, 70]}),
        silent(),
    )
    rules.move(rule, to="live", open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    sweep.run(as_of=NOW + 20 * DAY)  # 80 days: no match any more, but nobody spoke either
    assert told(rule) == [("open", "", True)]
    speak(customer, at=NOW + 21 * DAY)
    sweep.run(as_of=NOW + 21 * DAY)
    assert EarlyWarning.objects.get().closed_because == "sign_gone"
    assert RetentionCase.objects.get().outcome == "recovered"


# --- Warns only ---------------------------------------------------------------------------------------
def test_a_rule_that_opens_no_work_warns_whoever_sees_the_customer() -> None:
    owner, stranger = UserFactory(), UserFactory()
    rule, customer = rule_of(severity=1, opens_work=False), silent(owner=owner)
    rules.move(rule, to="live", open_existing=True, by=None, at=NOW)
    run = sweep.run(as_of=NOW + DAY)
    assert (run.warnings, run.cases_opened) == ({"silent": 1}, 0)
    assert told(rule) == [("open", "warns", False)]
    visible = EarlyWarning.objects.visible_to  # type: ignore[attr-defined]
    assert [w.customer for w in visible(owner)] == [customer]
    assert not visible(stranger).exists()
    assert Event.objects.filter(kind="warning.raised").count() == 1
    assert not EarlyWarning.objects.calling().exists()  # type: ignore[attr-defined]


# --- Silences -----------------------------------------------------------------------------------------
def test_a_silence_of_one_customer_ends_by_itself() -> None:
    rule, quiet, other = rule_of(), silent(), silent()
    rules.move(rule, to="live", open_existing=True, by=None, at=NOW)
    until = (NOW + 5 * DAY).date()
    rules.silence(rule, customer=quiet, until=until, reason="They move house.", by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    assert [w.customer for w in EarlyWarning.objects.all()] == [other]
    sweep.run(as_of=NOW + 7 * DAY)
    assert EarlyWarning.objects.filter(customer=quiet).exists()


def test_a_silence_of_a_whole_rule_can_be_ended_early() -> None:
    rule = rule_of()
    silent()
    rules.move(rule, to="live", open_existing=True, by=None, at=NOW)
    made = rules.silence(rule, until=(NOW + 50 * DAY).date(), reason="Stocktaking.", by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    assert not EarlyWarning.objects.exists()
    assert silences.end(made, by=None, at=NOW + DAY) is True
    assert silences.end(made, by=None, at=NOW + DAY) is False
    sweep.run(as_of=NOW + 2 * DAY)
    assert EarlyWarning.objects.exists()


@pytest.mark.parametrize(
    ("until", "reason"),
    [
        (None, "Why"),
        (date(2026, 5, 11), " "),
        (NOW.date() - 2 * DAY, "Why"),
        (NOW.date() + 500 * DAY, "Why"),
    ],
)
def test_a_silence_needs_an_end_and_a_reason(until: Any, reason: str) -> None:
    with pytest.raises(rules.SilenceRefused):
        rules.silence(rule_of(), until=until, reason=reason, by=None, at=NOW)


# --- Versions -----------------------------------------------------------------------------------------
def test_a_version_holds_everything_and_says_what_changed_and_can_come_back() -> None:
    rule, admin = rule_of(), UserFactory(role="admin")
    changes = {"severity": 3, "hold_days": 3, "cool_down_days": 7, "condition": {**SILENT, "value": 90}}
    rules.revise(rule, changes=changes, reason="Too noisy.", by=admin, at=NOW)
    first, second = rule.versions.order_by("version")
    assert (second.version, second.by, second.reason) == (2, admin, "Too noisy.")
    said = versions.differences(
        versions.content_of_version(first), versions.content_of_version(second), currency="CNY"
    )
    assert [(one.label, one.before, one.after) for one in said] == [
        (
            "Warns when",
            "“Days since the last contact” is at least 60 days.",
            "“Days since the last contact” is at least 90 days.",
        ),
        ("Severity", "medium", "high"),
        ("Must have held", "0 days", "3 days"),
        ("Quiet after the close", "30 days", "7 days"),
    ]
    rules.revert(rule, version=1, reason="Back.", by=admin, at=NOW)
    assert (rule.version, rule.severity, rule.hold_days, rule.condition) == (3, 2, 0, SILENT)
    with pytest.raises(rules.NoSuchVersion):
        rules.revert(rule, version=9, by=admin, at=NOW)


def test_saving_what_stands_makes_no_version() -> None:
    rule = rule_of()
    rules.revise(rule, changes={"severity": 2}, by=None, at=NOW)
    assert rule.version == 1


def test_a_case_keeps_the_versions_that_opened_it() -> None:
    rule = rule_of()
    silent()
    rules.revise(rule, severity=3, by=None, at=NOW)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    rules.revise(rule, severity=1, by=None, at=NOW + DAY)
    assert EarlyWarning.objects.get().rule_version == 2
    codes = RetentionCase.objects.get().moves.get(kind="opened").codes
    assert (codes["rules"], codes["versions"]) == ([rule.pk], [2])


@pytest.mark.parametrize("changes", [{"hold_days": 4}, {"work_to": "team"}, {"work_to": "person"}])
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any]) -> None:
    rule = rule_of()
    with pytest.raises((rules.HoldsOddly, rules.NobodyGetsIt)):
        rules.revise(rule, changes=changes, by=None, at=NOW)
    assert WarningRule.objects.get(code="silent").version == 1


# --- Who gets the work ----------------------------------------------------------------------------------
def test_a_rule_gives_its_cases_to_a_person_first() -> None:
    team = Team.objects.create(name="North")
    owner, expert = UserFactory(team=team), UserFactory(team=team)
    rule = rule_of(work_to="person", work_person=expert)
    silent(owner=owner, team=team)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    case = RetentionCase.objects.get()
    assert case.assignee == expert
    assert "because the rule says so" in cases.why_assigned(case)


def test_a_person_who_is_gone_leaves_it_to_the_owner() -> None:
    owner, expert = UserFactory(), UserFactory()
    rule = rule_of(work_to="person", work_person=expert)
    User.objects.filter(pk=expert.pk).update(is_active=False)
    silent(owner=owner)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    assert RetentionCase.objects.get().assignee == owner


def test_a_rule_gives_its_cases_to_a_team_of_its_own() -> None:
    rescuers = Team.objects.create(name="Rescue")
    owner, rescuer = UserFactory(), UserFactory(team=rescuers)
    rule = rule_of(work_to="team", work_team=rescuers)
    silent(owner=owner)
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    case = RetentionCase.objects.get()
    assert case.assignee == rescuer
    assert "team of its own" in cases.why_assigned(case)


# --- Hold-outs ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("salt", "customer", "bucket"),
    [
        ("winback-2025q1", "C000001", 1789),
        ("winback-2025q1", "C000002", 5752),
        ("winback-2025q2", "C000001", 4637),
    ],
)
def test_buckets_are_those_of_the_check_numbers(salt: str, customer: str, bucket: int) -> None:
    assert bucket_of(salt, customer) == bucket


def launched_with(rule: WarningRule, *, share: int, programme: int | None = None) -> None:
    rules.move(
        rule,
        to="live",
        open_existing=True,
        shares=rules.Shares(rule=share, programme=programme),
        by=None,
        at=NOW,
    )


def test_each_is_drawn_once_at_its_first_match_and_whoever_is_held_out_opens_nothing() -> None:
    rule, customers = rule_of(cool_down_days=0), [silent() for _n in range(12)]
    launched_with(rule, share=5000, programme=0)
    sweep.run(as_of=NOW + DAY)
    rule.refresh_from_db()
    held = {c.pk for c in customers if bucket_of(rule.holdout_salt, c.pk) < 5000}
    assert 0 < len(held) < 12
    assert set(EarlyWarning.objects.filter(state="withheld").values_list("customer", flat=True)) == held
    assert set(RetentionCase.objects.values_list("customer", flat=True)) == {c.pk for c in customers} - held
    assert Holdout.objects.filter(rule=rule).count() == 12
    told_of = set(Event.objects.filter(kind="warning.raised").values_list("customer_id", flat=True))
    assert told_of == {c.pk for c in customers} - held
    # another share later draws nobody anew
    rules.move(rule, to="limited", cases_a_day=50, shares=rules.Shares(rule=1), by=None, at=NOW + DAY)
    for customer in customers:
        speak(customer, at=NOW + 2 * DAY)
    sweep.run(as_of=NOW + 2 * DAY)
    sweep.run(as_of=NOW + 70 * DAY)
    again = EarlyWarning.objects.filter(state="withheld", no_case_because="held_out")
    assert set(again.values_list("customer", flat=True)) == held
    assert not Event.objects.filter(kind__startswith="warning.", customer_id__in=held).exists()


def test_the_programme_is_drawn_before_the_rule() -> None:
    rule, customers = rule_of(), [silent() for _n in range(12)]
    launched_with(rule, share=5000, programme=5000)
    sweep.run(as_of=NOW + DAY)
    salt = HoldoutProgramme.objects.get().salt
    out = {c.pk for c in customers if bucket_of(salt, c.pk) < 5000}
    assert set(Holdout.objects.filter(rule=None, is_held_out=True).values_list("customer", flat=True)) == out
    assert Holdout.objects.filter(rule=None).count() == 12
    assert (
        set(Holdout.objects.filter(rule=rule).values_list("customer", flat=True))
        == {c.pk for c in customers} - out
    )
    assert not RetentionCase.objects.filter(customer__in=out).exists()


def test_a_baseline_is_not_drawn() -> None:
    rule = rule_of()
    silent()
    shares = rules.Shares(rule=5000, programme=5000)
    rules.move(rule, to="live", shares=shares, by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    assert not Holdout.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"case_kind": "recovery"},
        {"condition": {"any": [SILENT, {"measure": "complaints_open", "op": ">=", "value": 1}]}},
        {"condition": {"any": [SILENT, {"measure": "failures_60d", "op": ">=", "value": 1}]}},
    ],
)
def test_complaints_are_never_held_out(values: dict[str, Any]) -> None:
    rule = rule_of(**values)
    assert not holdout.may_hold_out(rule)
    with pytest.raises(rules.NeverHeldOut):
        launched_with(rule, share=1000)
    assert WarningRule.objects.get(code="silent").state == "draft"


@pytest.mark.parametrize(
    ("changes", "withheld"),
    [
        ({"severity": 3}, 1),
        ({"case_kind": "recovery"}, 0),
        ({"condition": {"any": [SILENT, {"measure": "complaints_open", "op": ">=", "value": 1}]}}, 0),
        ({"condition": {"any": [SILENT, {"measure": "failures_60d", "op": ">=", "value": 1}]}}, 0),
    ],
)
def test_a_rule_with_a_hold_out_that_becomes_one_of_complaints_withholds_nobody(
    changes: dict[str, Any], withheld: int
) -> None:
    rule = rule_of()
    launched_with(rule, share=5000)
    rules.revise(rule, changes=changes, by=None, at=NOW)
    customer = silent()
    Holdout.objects.create(customer=customer, rule=rule, bucket=1, share=5000, is_held_out=True, drawn_at=NOW)
    sweep.run(as_of=NOW + DAY)
    assert EarlyWarning.objects.filter(no_case_because="held_out").count() == withheld
    assert RetentionCase.objects.count() == 1 - withheld
    assert Holdout.objects.count() == 1


def test_nobody_is_held_out_unless_it_is_asked_for() -> None:
    rule = rule_of()
    silent()
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW + DAY)
    assert not Holdout.objects.exists()
    assert RetentionCase.objects.exists()


# --- Contradictions -------------------------------------------------------------------------------------
def asks(op: str, value: Any, measure: str = "orders_90d") -> dict[str, Any]:
    return {"measure": measure, "op": op, "value": value}


RATIO = "spend_90d_vs_previous"


@pytest.mark.parametrize("code", ["new", "import", "export"])
def test_a_code_that_is_an_address_is_refused(code: str) -> None:
    with pytest.raises(rules.CodeTaken, match="is an address"):
        rule_of(code=code)
    assert rule_of(code=f"{code}s").pk


@pytest.mark.parametrize(
    ("said", "opens"), [({"severity": 1}, False), ({}, True), ({"severity": 1, "opens_work": True}, True)]
)
def test_a_rule_of_a_file_opens_work_by_its_severity_unless_it_says_so(
    said: dict[str, Any], opens: bool
) -> None:
    one = {"code": "filed", "name_en": "F", "name_zh": "F", "condition": SILENT, **said}
    exchange.take({"liuke_rules": 1, "rules": [one]}, by=None, at=NOW)
    assert WarningRule.objects.get(code="filed").opens_work is opens


@pytest.mark.parametrize(
    "parts",
    [
        [asks(">", 5), asks("<", 3)],
        [asks(">", 5), asks("<", 6)],
        [asks("=", 5), asks("=", 6)],
        [asks(">=", 5), {"all": [asks("between", [1, 4])]}],
        [asks("one_of", [1, 2]), asks(">", 2)],
        [asks(">=", "0.5", "spend_90d_vs_previous"), asks("<", "0.5", "spend_90d_vs_previous")],
        [asks("=", 1, "owner_inactive"), asks("=", 0, "owner_inactive")],
        [{"measure": "orders_90d", "op": "is_unknown"}, asks(">", 5)],
    ],
)
def test_conditions_that_exclude_each_other_are_refused(parts: list[Any]) -> None:
    with pytest.raises(Contradiction):
        rule_of(condition={"all": parts})
    with pytest.raises(Contradiction):
        rule_of(condition={"any": [SILENT, {"not": {"all": parts}}]})
    assert rule_of(condition={"any": parts})


@pytest.mark.parametrize(
    "parts",
    [
        [asks(">", 5), asks("<", 7)],
        [asks(">=", 5), asks("<=", 5)],
        [asks(">", 5), asks("<", 3, "orders_180d")],
        [asks(">", 5), {"any": [asks("<", 3), asks(">", 9)]}],
        [asks(">", "0.5", "spend_90d_vs_previous"), asks("<", "0.6", "spend_90d_vs_previous")],
        [{"measure": "orders_90d", "op": "is_known"}, asks(">", 5)],
        [{"measure": RATIO, "op": "is_unknown"}, {**asks(">", 5, RATIO), "unknown": "yes"}],
    ],
)
def test_conditions_that_somebody_can_meet_are_kept(parts: list[Any]) -> None:
    assert rule_of(condition={"all": parts}).version == 1


# --- Segments and attributes in rules -------------------------------------------------------------------
def test_a_rule_may_ask_for_a_segment_by_night_and_as_of_the_past() -> None:
    from retention import segments

    who: dict[str, Any] = {"by": None, "at": NOW}
    listed = segments.make_list("watched", name_en="Watched", name_zh="关注", **who)
    inside, _outside = silent(), silent()
    segments.put(listed, [inside], is_member=True, **who)
    rule = rule_of(condition={"all": [SILENT, {"segment": "watched"}]})
    rules.enable(rule, open_existing=True, by=None, at=NOW)
    assert sweep.run(as_of=NOW + DAY).warnings == {"silent": 1}
    assert EarlyWarning.objects.get().customer == inside
    assert sweep.run(as_of=NOW + DAY, rules=["silent"], dry_run=True).warnings == {"silent": 1}
    assert sweep.run(as_of=NOW - DAY, rules=["silent"], dry_run=True).warnings == {"silent": 0}
