"""The pages of rule health: who sees them, what they say, what one press does; noise said on a case."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, User
from retention import backtest, cases, rules
from retention.models import BacktestRun, Dismissal, EarlyWarning, RetentionCase, WarningRule
from tests.factories import NOW, CustomerFactory
from tests.retention.backtest.past import QUIET, back
from tests.retention.makers import make_rule, make_run, make_warning

DAY = timedelta(days=1)
ROWS = [("60", 400, 100), ("80", 276, 97)]


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch, company: Any) -> None:
    monkeypatch.setattr("customers.ground.clock.now", lambda: NOW)
    WarningRule.objects.filter(is_ready_made=True).update(position=99)


@pytest.fixture
def rule(company: Any) -> WarningRule:
    return make_rule(code="quiet", name_en="Quiet for long", name_zh="长期沉默", condition=QUIET)


def tried(rule: WarningRule) -> BacktestRun:
    """Return a kept backtest that proposes 80 days."""
    rows = [{"value": value, "alarms": alarms, "recall": caught / 200} for value, alarms, caught in ROWS]
    result = {
        "judged": 100,
        "losses": 200,
        "thresholds": {"comparison": 0, "present": "60", "rows": rows},
    }
    run = backtest.start(rule, span=back(200, 100), by=None, at=NOW)
    BacktestRun.objects.filter(pk=run.pk).update(status="done", counted_at=NOW, result=result)
    return run


def page_of(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status, path
    return str(response.content.decode())


def warned(rule: WarningRule, days: float = 5, **values: Any) -> EarlyWarning:
    return make_warning(CustomerFactory(), run=make_run(at=NOW - days * DAY), rule=rule, **values)


# --- Who may -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("language", "word"), [("en", "Quiet for long"), ("zh-hans", "长期沉默")])
@pytest.mark.parametrize("who", ["manager", "lead", "admin", "analyst"])
def test_pages_open_for_those_who_see_rules_and_acts_for_those_who_may(
    client: Client, request: Any, rule: WarningRule, who: str, language: str, word: str
) -> None:
    user = request.getfixturevalue(who)
    type(user).objects.filter(pk=user.pk).update(language=language)
    run = tried(rule)
    client.force_login(user)
    sees = who != "manager"
    for path in ("/rules/health/", "/rules/quiet/health/"):
        assert (word in page_of(client, path, 200 if sees else 403)) == sees
    if sees:
        assert ("health/adopt/" in page_of(client, "/rules/quiet/health/")) == (who == "admin")
    asked = client.post("/rules/quiet/health/ask/").status_code
    assert asked == (302 if who in ("admin", "analyst") else 403)
    sent = {"run": run.pk, "value": "80"}
    adopted = client.post("/rules/quiet/health/adopt/", sent).status_code
    assert adopted == (302 if who == "admin" else 403)
    assert rule.replacements.count() == (who == "admin")


def test_looking_changes_nothing(client: Client, admin: User, rule: WarningRule) -> None:
    client.force_login(admin)
    for path in ("/rules/quiet/health/ask/", "/rules/quiet/health/adopt/"):
        assert client.get(path).status_code == 405
    assert client.get("/rules/nothing/health/").status_code == 404


def test_no_rule_takes_the_address(rule: WarningRule) -> None:
    with pytest.raises(rules.CodeTaken):
        rules.save(WarningRule(code="health", name_en="H", name_zh="H", condition=QUIET), by=None, at=NOW)


# --- What they say -------------------------------------------------------------------------------------
def test_the_list_says_each_share_with_its_whole(client: Client, lead: User, rule: WarningRule) -> None:
    warned(rule, 60)
    warned(rule)
    cases.open_for_warnings(EarlyWarning.objects.last().sweep_run, at=NOW - 5 * DAY)
    client.force_login(lead)
    html = page_of(client, "/rules/health/")
    for said in ("0 of 1 cases", "0 of 1 told warnings", "no case was closed", "fewer than 30 customers"):
        assert said in html
    assert "0 of 2 told warnings" in page_of(client, "/rules/health/?days=90")
    assert "0 of 1 told warnings" in page_of(client, "/rules/health/?days=31")
    assert "0 of 1 told warnings" in page_of(client, "/rules/health/?days=9%C2%B2")


def test_a_rule_that_raised_nothing_is_one_line(client: Client, lead: User, rule: WarningRule) -> None:
    WarningRule.objects.exclude(pk=rule.pk).update(is_enabled=False)
    client.force_login(lead)
    before = page_of(client, "/rules/health/").count("It raised nothing in this time.")
    warned(rule)
    assert page_of(client, "/rules/health/").count("It raised nothing in this time.") == before - 1


def test_the_list_is_paged_with_as_many_queries_for_one_rule_as_for_three(
    client: Client, lead: User, rule: WarningRule
) -> None:
    client.force_login(lead)
    page_of(client, "/rules/health/")
    numbers = []
    for more in (0, 2):
        for _number in range(more):
            warned(make_rule())
        warned(rule)
        with CaptureQueriesContext(connection) as seen:
            page_of(client, "/rules/health/")
        numbers.append(len(seen))
    assert numbers[0] == numbers[1]
    for _number in range(21):
        make_rule(position=1)
    assert "Page 1 of" in page_of(client, "/rules/health/")
    assert "Page 2 of" in page_of(client, "/rules/health/?page=2")


def test_the_page_tells_reasons_pairs_and_the_untouched(
    client: Client, admin: User, rule: WarningRule
) -> None:
    other = make_rule(code="other", name_en="The other one")
    for _number in range(30):
        warned(rule, 100)
    for _number in range(20):
        warning = warned(rule)
        make_warning(warning.customer, run=warning.sweep_run, rule=other)
    told = warned(rule)
    cases.open_for_warnings(told.sweep_run, at=NOW)
    told.refresh_from_db()
    cases.dismiss(told, reason="one_off", by=admin, at=NOW)
    client.force_login(admin)
    html = page_of(client, "/rules/quiet/health/")
    for said in (
        "it has a reason that passes",
        "The other one",
        "20 of 21 customers",
        "0 of 30 customers; 0%",
    ):
        assert said in html


# --- Proposals -----------------------------------------------------------------------------------------
def test_a_rule_that_was_not_tried_is_tried_by_one_press(
    client: Client, admin: User, rule: WarningRule
) -> None:
    client.force_login(admin)
    assert "not tried on the past yet" in page_of(client, "/rules/quiet/health/")
    answer = client.post("/rules/quiet/health/ask/", follow=True).content.decode()
    run = BacktestRun.objects.get()
    assert (run.rule, run.comparison, run.status, run.by) == (rule, 0, "waiting", admin)
    assert "1 backtest is counted in the background" in answer
    assert "A backtest is being counted." in answer and "health/ask/" not in answer
    again = client.post("/rules/quiet/health/ask/", follow=True).content.decode()
    assert "There is nothing to count" in again
    assert BacktestRun.objects.count() == 1


def test_a_proposal_is_said_and_adopted_by_one_press(client: Client, admin: User, rule: WarningRule) -> None:
    run = tried(rule)
    client.force_login(admin)
    html = page_of(client, "/rules/quiet/health/")
    assert "60 → 80 days: −31 % cases, −3 % caught" in html
    assert "276 instead of 400 cases, 97 instead of 100 losses foreseen" in html
    sent = {"run": run.pk, "value": "80"}
    answer = client.post("/rules/quiet/health/adopt/", sent)
    assert (answer.status_code, answer["Location"]) == (302, "/rules/quiet-next/")
    draft = page_of(client, "/rules/quiet-next/")
    assert "Proposed in the place of “Quiet for long”" in draft
    rule.refresh_from_db()
    assert (rule.state, rule.condition, WarningRule.objects.get(code="quiet-next").state) == (
        "live",
        QUIET,
        "draft",
    )
    client.post("/rules/quiet/health/adopt/", sent)
    assert rule.replacements.count() == 1


def test_a_proposal_that_stands_as_a_draft_leads_there(
    client: Client, admin: User, rule: WarningRule
) -> None:
    run = tried(rule)
    client.force_login(admin)
    client.post("/rules/quiet/health/adopt/", {"run": run.pk, "value": "80"})
    html = page_of(client, "/rules/quiet/health/")
    assert "It stands as the draft “Quiet for long (80 days)”." in html and "health/adopt/" not in html
    draft = WarningRule.objects.get(code="quiet-next")
    rules.revise(draft, condition={**QUIET, "value": 75}, by=admin, at=NOW)
    assert "health/adopt/" in page_of(client, "/rules/quiet/health/")


@pytest.mark.parametrize(
    ("sent", "after", "says"),
    [
        ({"replaced": "1"}, "retired", "It stands in the place of “Quiet for long”, which is off."),
        ({"replaced": ""}, "live", "which goes on beside it. Retire one of the two."),
        ({}, "live", "which goes on beside it. Retire one of the two."),
    ],
)
def test_the_launch_of_a_draft_asks_what_becomes_of_the_rule_it_replaces(
    client: Client, admin: User, rule: WarningRule, sent: dict[str, str], after: str, says: str
) -> None:
    run = tried(rule)
    client.force_login(admin)
    client.post("/rules/quiet/health/adopt/", {"run": run.pk, "value": "80"})
    html = page_of(client, "/rules/quiet-next/")
    assert "which goes on as it is until you launch this one." in html
    assert html.count("The rule in whose place it comes") == 2  # limited, live
    assert '<option value="1" selected>is retired at the same moment</option>' in " ".join(html.split())
    client.post("/rules/quiet-next/move/", {"to": "live", **sent})
    rule.refresh_from_db()
    assert rule.state == after
    html = page_of(client, "/rules/quiet-next/")
    assert says in html and "The rule in whose place it comes" not in html
    rules.save(WarningRule(code="alone", name_en="A", name_zh="A", condition=QUIET), by=None, at=NOW)
    assert "The rule in whose place it comes" not in page_of(client, "/rules/alone/")


def test_both_pages_say_what_each_figure_is(client: Client, lead: User, rule: WarningRule) -> None:
    client.force_login(lead)
    for path in ("/rules/health/", "/rules/quiet/health/"):
        html = page_of(client, path)
        for figure in ("Fired", "Cases", "Acted on", "Noise", "Kept", "Right, nobody called", "Flapping"):
            assert f"<li>{figure}: " in html, (path, figure)
        assert "Lost: closed as lost." in html and "<li>Always together: " in html


def test_what_a_limit_kept_back_is_not_said_to_wait(client: Client, lead: User, rule: WarningRule) -> None:
    warned(rule, state="closed", closed_at=NOW, no_case_because="cap")
    client.force_login(lead)
    assert "1 beyond its cases a day" in page_of(client, "/rules/quiet/health/")


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"value": "eighty"},
        {"value": "80", "run": "0"},
        {"value": "NaN"},
        {"value": "sNaN"},
        {"value": "1e9"},
    ],
)
def test_what_is_not_proposed_makes_no_draft(
    client: Client, admin: User, rule: WarningRule, sent: dict[str, str]
) -> None:
    run = tried(rule)
    client.force_login(admin)
    html = client.post("/rules/quiet/health/adopt/", {"run": run.pk, **sent}, follow=True).content.decode()
    assert "not proposed any more" in html
    assert not rule.replacements.exists()


# --- Noise, said on a case -----------------------------------------------------------------------------
@pytest.fixture
def case(rule: WarningRule, customer: Customer) -> RetentionCase:
    """A case of the manager's customer, with two warnings."""
    run = make_run(at=NOW - DAY)
    for one in (rule, make_rule(name_en="Second")):
        make_warning(customer, run=run, rule=one)
    cases.open_for_warnings(run, at=NOW - DAY)
    return RetentionCase.objects.get()


def test_a_warning_is_called_noise_on_its_case(client: Client, manager: User, case: RetentionCase) -> None:
    client.force_login(manager)
    warning = case.warnings.first()
    assert warning is not None
    html = page_of(client, f"/cases/{case.pk}/")
    assert html.count("Not a sign?") == 2
    path = f"/cases/{case.pk}/dismiss/"
    answer = client.post(path, {"warning": warning.pk, "reason": "known"}, follow=True).content.decode()
    kept = Dismissal.objects.get()
    assert (kept.warning, kept.reason, kept.by) == (warning, "known", manager)
    assert "Noted: the warning was no sign." in answer
    assert "No sign: known already and taken care of" in " ".join(answer.split())
    assert answer.count("Not a sign?") == 1
    again = client.post(path, {"warning": warning.pk, "reason": "usual"}, follow=True).content.decode()
    assert "Somebody has said already" in again


@pytest.mark.parametrize("reason", ["", "because"])
def test_a_reason_must_be_chosen(client: Client, manager: User, case: RetentionCase, reason: str) -> None:
    client.force_login(manager)
    sent = {"warning": case.warnings.first().pk, "reason": reason}  # type: ignore[union-attr]
    html = client.post(f"/cases/{case.pk}/dismiss/", sent, follow=True).content.decode()
    assert "Choose why it is no sign." in html
    assert not Dismissal.objects.exists()


def test_only_warnings_of_the_case_and_by_those_who_see_it(
    client: Client, manager: User, analyst: User, outsider: User, case: RetentionCase
) -> None:
    other, mine = warned(make_rule()), case.warnings.first()
    assert mine is not None
    path = f"/cases/{case.pk}/dismiss/"
    for user, warning, status in (
        (manager, other.pk, 404),
        (manager, "x", 404),
        (outsider, mine.pk, 404),
        (analyst, mine.pk, 403),
    ):
        client.force_login(user)
        assert client.post(path, {"warning": warning, "reason": "usual"}).status_code == status
    assert not Dismissal.objects.exists()
