"""Backtests in the API: asked for by a program, followed, read, cancelled."""

from __future__ import annotations

import pytest

from customers.ground import clock, drain
from retention import segments
from retention.models import BacktestRun
from tests.factories import NOW
from tests.retention.backtest.past import QUIET, buyer, lose, quiet_rule

pytestmark = pytest.mark.django_db
ASKED = {
    "rule": "quiet",
    "from_day": "2025-10-23",
    "to_day": "2026-01-31",
    "step_days": 50,
    "horizon_days": 30,
}


@pytest.fixture(autouse=True)
def _today(company):
    clock.fix(NOW)
    lose(buyer("lost", 300), 180)
    quiet_rule()


def test_a_backtest_is_asked_for_and_read_when_it_is_done(caller, admin):
    call = caller(admin)
    made = call("post", "backtests/", {**ASKED, "gap_days": 5})
    assert made.status_code == 202, made.content
    path = made["Location"].removeprefix("/api/v1/")
    told = made.json()
    assert (told["status"], told["version"], told["result"]) == ("waiting", 1, None)
    drain.until_empty(at=NOW)
    told = call.get(path).json()
    assert (told["status"], told["rule"], told["from_day"]) == ("done", "quiet", "2025-10-23")
    assert (told["result"]["alarms"], told["result"]["precision"]) == (1, 1.0)
    assert (told["assumed_share"], told["history_taken_back_at"]) == (0.0, None)
    [listed] = call.get("backtests/?rule=quiet&status=done").json()["results"]
    assert "result" not in listed
    assert call.get("backtests/?rule=overdue").json()["results"] == []


def test_a_condition_that_is_not_stored_is_tried_by_itself(caller, admin):
    told = caller(admin)("post", "backtests/", {"condition": {**QUIET, "value": 90}}).json()
    assert (told["rule"], told["version"], told["condition"]) == (None, None, {**QUIET, "value": 90})


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 409, "backtest_of_nothing"),
        ({**ASKED, "to_day": "2025-01-01"}, 409, "backtest_span"),
        ({**ASKED, "to_day": "2027-01-01"}, 409, "backtest_span"),
        ({**ASKED, "comparison": 1}, 409, "backtest_no_threshold"),
        ({**ASKED, "version": 2}, 409, "unknown_version"),
        ({**ASKED, "rule": "nothing"}, 400, "validation_failed"),
        ({**ASKED, "step_days": 0}, 400, "validation_failed"),
        ({**ASKED, "condition": {"all": []}}, 400, "validation_failed"),
    ],
)
def test_what_cannot_be_asked_is_refused(caller, admin, body, status, code):
    refused = caller(admin)("post", "backtests/", body)
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.content
    assert not BacktestRun.objects.exists()


def test_one_that_waits_is_cancelled(caller, admin):
    call = caller(admin)
    path = call("post", "backtests/", ASKED)["Location"].removeprefix("/api/v1/")
    assert call("post", f"{path}cancel/").json()["status"] == "cancelled"
    assert call("post", f"{path}cancel/").json()["status"] == "cancelled"


def test_a_lead_reads_and_does_not_start(caller, lead, admin):
    path = caller(admin)("post", "backtests/", ASKED)["Location"].removeprefix("/api/v1/")
    call = caller(lead)
    assert call.get(path).status_code == 200
    assert call("post", "backtests/", ASKED).status_code == 403
    assert call("post", f"{path}cancel/").status_code == 403


def test_an_account_manager_sees_none(caller, manager):
    assert caller(manager).get("backtests/").status_code == 403


def test_a_condition_that_names_a_segment_is_tried_by_itself(caller, admin):
    segments.make_list("watched", name_en="Watched", name_zh="关注", by=None, at=NOW)
    condition = {"all": [QUIET, {"segment": "watched"}]}
    made = caller(admin)("post", "backtests/", {"condition": condition})
    assert (made.status_code, made.json()["condition"]) == (202, condition), made.content
    drain.until_empty(at=NOW)
    assert BacktestRun.objects.get().status == "done"
