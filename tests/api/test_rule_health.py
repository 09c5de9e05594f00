"""Rule health in the API: figures with their wholes, proposals and adopting them, noise said of a warning."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.ground import clock
from retention import backtest, cases
from retention.models import BacktestRun, Dismissal, EarlyWarning, WarningRule
from tests.factories import NOW, CustomerFactory
from tests.retention.backtest.past import QUIET, back
from tests.retention.makers import make_rule, make_run, make_warning

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _today(company: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def rule(company: Any) -> WarningRule:
    return make_rule(code="quiet", condition=QUIET)


def warned(rule: WarningRule, days: float = 5, **values: Any) -> EarlyWarning:
    return make_warning(CustomerFactory(), run=make_run(at=NOW - days * DAY), rule=rule, **values)


def tried(rule: WarningRule) -> BacktestRun:
    rows = [{"value": "60", "alarms": 400, "recall": 0.5}, {"value": "80", "alarms": 276, "recall": 0.485}]
    result = {
        "judged": 100,
        "losses": 200,
        "thresholds": {"comparison": 0, "present": "60", "rows": rows},
    }
    run = backtest.start(rule, span=back(200, 100), by=None, at=NOW)
    BacktestRun.objects.filter(pk=run.pk).update(status="done", counted_at=NOW, result=result)
    return run


def listed(call: Any, rule: WarningRule, **query: Any) -> dict[str, Any]:
    rows = call.get("rules/health/", **query).json()["results"]
    found: dict[str, Any] = next(row for row in rows if row["rule"] == rule.code)
    return found


# --- Figures -------------------------------------------------------------------------------------------
def test_the_list_gives_parts_and_wholes(caller, lead, rule) -> None:
    call = caller(lead)
    nothing = {"part": 0, "of": 0, "share": None}
    empty = listed(call, rule)
    assert (empty["days"], empty["fired"], empty["acted_on"], empty["flapping"]) == (30, 0, nothing, nothing)
    warned(rule, 60)
    warning = warned(rule)
    cases.open_for_warnings(warning.sweep_run, at=NOW - 5 * DAY)
    warning.refresh_from_db()
    cases.dismiss(warning, reason="known", by=None, at=NOW)
    told = listed(call, rule)
    assert (told["fired"], told["told"], told["cases"], told["opened"], told["closed"]) == (1, 1, 1, 1, 1)
    assert told["acted_on"] == {"part": 0, "of": 1, "share": 0.0}
    assert told["dismissed"] == {"part": 1, "of": 1, "share": 1.0}
    assert told["reasons"] == {"usual": 0, "one_off": 0, "known": 1, "wrong_data": 0, "too_early": 0}
    assert listed(call, rule, days="90")["fired"] == 2
    assert call.get("rules/health/", days="31").status_code == 400
    assert call.get("rules/health/", state="draft", page_size=500).status_code == 400
    assert rule.code not in [
        row["rule"] for row in call.get("rules/health/", state="draft").json()["results"]
    ]


def test_the_untouched_are_not_even_counted_below_thirty(caller, analyst, rule) -> None:
    call = caller(analyst)
    for _number in range(29):
        warned(rule, 100, state="withheld", no_case_because="held_out")
    hidden = dict.fromkeys(["customers", "lost", "precision", "low", "high"])
    assert listed(call, rule)["untouched"] == hidden
    warned(rule, 100)
    told = listed(call, rule)["untouched"]
    assert (told["customers"], told["lost"], told["precision"], told["low"]) == (30, 0, 0.0, 0.0)
    assert round(told["high"], 4) == 0.1135


def test_the_list_costs_as_much_for_one_rule_as_for_three(caller, lead, rule) -> None:
    call = caller(lead)
    call.get("rules/health/")
    numbers = []
    for more in (0, 2):
        for _number in range(more):
            warned(make_rule())
        warned(rule)
        with CaptureQueriesContext(connection) as seen:
            call.get("rules/health/")
        numbers.append(len(seen))
    assert numbers[0] == numbers[1]
    first = call.get("rules/health/", page_size=1).json()
    assert len(first["results"]) == 1 and first["next"]


@pytest.mark.parametrize(
    ("role", "status"), [("manager", 403), ("lead", 200), ("analyst", 200), ("admin", 200)]
)
def test_whoever_sees_rules_sees_their_health(caller, request, rule, role: str, status: int) -> None:
    call = caller(request.getfixturevalue(role))
    assert call.get("rules/health/").status_code == status
    assert call.get(f"rules/{rule.pk}/health/").status_code == status


def test_a_token_needs_its_scope(caller, admin, rule) -> None:
    call = caller(admin, ["cases:read"])
    assert call.get("rules/health/").status_code == 403
    call = caller(admin, ["rules:read"])
    assert call.get("rules/health/").status_code == 200
    assert call("post", f"rules/{rule.pk}/adopt/", {"backtest": 1, "value": "80"}).status_code == 403


# --- Proposals -----------------------------------------------------------------------------------------
def test_a_proposal_is_read_and_adopted(caller, admin, rule) -> None:
    call, run = caller(admin), tried(rule)
    told = call.get(f"rules/{rule.pk}/health/").json()
    assert [span["days"] for span in told["spans"]] == [30, 90]
    assert (told["because"], told["untried"]) == (None, [])
    assert told["proposal"] == {
        "backtest": run.pk,
        "comparison": 0,
        "present": "60",
        "value": "80",
        "cases": 400,
        "cases_then": 276,
        "caught": 100,
        "caught_then": 97,
        "said": "60 → 80 days: −31 % cases, −3 % caught",
    }
    wanted = {"backtest": run.pk, "value": "80"}
    made = call("post", f"rules/{rule.pk}/adopt/", wanted)
    assert made.status_code == 201, made.content
    draft = WarningRule.objects.get(replaces=rule)
    assert made["Location"] == f"/api/v1/rules/{draft.pk}/"
    assert (made.json()["code"], made.json()["state"]) == ("quiet-next", "draft")
    assert (made.json()["condition"]["value"], made.json()["replaces"]) == (80, "quiet")
    assert call.get(f"rules/{rule.pk}/").json()["replaces"] is None
    again = call("post", f"rules/{rule.pk}/adopt/", wanted)
    assert (again.status_code, again.json()["id"]) == (200, draft.pk)
    rule.refresh_from_db()
    assert (rule.state, rule.version, rule.condition) == ("live", 1, QUIET)


def test_a_launch_retires_the_replaced_rule_when_asked(caller, admin, rule) -> None:
    call = caller(admin)
    draft = make_rule(code="next", condition=QUIET, replaces=rule)
    WarningRule.objects.filter(pk=draft.pk).update(is_enabled=False)
    moved = call("post", f"rules/{draft.pk}/move/", {"to": "live", "retire_replaced": True})
    assert (moved.status_code, moved.json()["state"]) == (200, "live")
    rule.refresh_from_db()
    assert rule.state == "retired"


def test_what_is_not_proposed_is_refused(caller, admin, rule) -> None:
    call, run = caller(admin), tried(rule)
    refused = call("post", f"rules/{rule.pk}/adopt/", {"backtest": run.pk, "value": "90"})
    assert (refused.status_code, refused.json()["code"]) == (409, "proposal_gone")
    assert call("post", f"rules/{rule.pk}/adopt/", {"backtest": run.pk}).status_code == 400
    assert call("post", f"rules/{rule.pk}/adopt/", {"backtest": run.pk, "value": "x"}).status_code == 400
    assert not rule.replacements.exists()


def test_thresholds_are_asked_for_once(caller, analyst, lead, rule) -> None:
    call = caller(analyst)
    assert call.get(f"rules/{rule.pk}/health/").json()["because"] == "not_tried"
    assert caller(lead)("post", f"rules/{rule.pk}/ask/").status_code == 403
    asked = call("post", f"rules/{rule.pk}/ask/")
    assert (asked.status_code, asked.json()) == (202, {"backtests": [BacktestRun.objects.get().pk]})
    again = call("post", f"rules/{rule.pk}/ask/")
    assert (again.status_code, again.json()["code"]) == (409, "proposal_nothing_to_ask")
    assert call("post", f"rules/{rule.pk}/adopt/", {"backtest": 1, "value": "80"}).status_code == 403


# --- Noise ---------------------------------------------------------------------------------------------
def test_a_warning_is_called_noise(caller, manager, outsider, analyst, customer, rule) -> None:
    warning = make_warning(customer, run=make_run(), rule=rule)
    cases.open_for_warnings(warning.sweep_run, at=NOW)
    path = f"warnings/{warning.pk}/dismiss/"
    assert caller(analyst)("post", path, {"reason": "usual"}).status_code == 403
    assert caller(outsider)("post", path, {"reason": "usual"}).status_code == 404
    call = caller(manager)
    assert call.get(f"warnings/{warning.pk}/").json()["dismissed_because"] is None
    assert call("post", path, {"reason": "because"}).status_code == 400
    said = call("post", path, {"reason": "usual"})
    assert said.status_code == 200, said.content
    assert (said.json()["dismissed_because"], said.json()["closed_because"]) == ("usual", "dismissed")
    assert Dismissal.objects.get().by == manager
    again = call("post", path, {"reason": "known"})
    assert (again.status_code, again.json()["code"]) == (409, "warning_dismissed_already")
    shown = call.get(f"cases/{warning.__class__.objects.get().case_id}/").json()
    assert [one["dismissed_because"] for one in shown["warnings"]] == ["usual"]


@pytest.mark.parametrize("because", ["held_out", "shadow", "cap"])
def test_what_was_withheld_is_not_there_to_be_judged(caller, admin, customer, rule, because: str) -> None:
    hidden = make_warning(customer, run=make_run(), rule=rule, state="withheld", no_case_because=because)
    answer = caller(admin)("post", f"warnings/{hidden.pk}/dismiss/", {"reason": "usual"})
    assert answer.status_code == 404
    assert not Dismissal.objects.exists()
