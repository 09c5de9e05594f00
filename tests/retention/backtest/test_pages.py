"""The page of a rule's backtests: form, progress, result in words and numbers, who may do what."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers.ground import clock, drain, localtime
from customers.models import HistoryTakenBack, ImportBatch, User
from retention import rules, segments
from retention.models import BacktestRun, WarningRule
from tests.factories import NOW, CompanyFactory, UserFactory
from tests.retention.backtest.past import QUIET, TODAY, back, buyer, counted, lose, quiet_rule

pytestmark = pytest.mark.django_db
SPAN = back(200, 100, step=50, horizon=30, gap=5)


@pytest.fixture(autouse=True)
def rule(db: None) -> WarningRule:
    """A company and a rule."""
    CompanyFactory()
    clock.fix(NOW)
    return quiet_rule()


@pytest.fixture
def boss() -> User:
    return UserFactory(role="admin")


def address(code: str = "quiet", query: str = "") -> str:
    return reverse("retention:rule_backtest", args=[code]) + query


def body(client: Client, user: User, query: str = "") -> str:
    client.force_login(user)
    answer = client.get(address(query=query))
    assert answer.status_code == 200
    return answer.content.decode()


def sent(**changed: Any) -> dict[str, Any]:
    first, last = (localtime.day_of(day).isoformat() for day in (SPAN.first, SPAN.last))
    asked = {"first": first, "last": last, "step": 50, "gap": 5, "horizon": 30, "minutes": 8, "comparison": 0}
    return {**asked, **changed}


def start(client: Client, user: User, **changed: Any) -> Any:
    client.force_login(user)
    return client.post(reverse("retention:rule_backtest_start", args=["quiet"]), sent(**changed))


def test_a_rule_that_was_never_tried_says_so_and_offers_it(client, boss) -> None:
    text = body(client, boss)
    assert "Never tried on the past" in text
    assert "Run the backtest" in text


def test_a_backtest_is_started_watched_and_read(client, boss) -> None:
    lose(buyer("lost", 300), 180)
    done = start(client, boss)
    run = BacktestRun.objects.get()
    assert (done.status_code, done["Location"]) == (302, address(query=f"?run={run.pk}"))
    assert (run.by, run.first_day, run.gap_days, run.comparison) == (boss, TODAY - 200, 5, 0)
    assert "Waiting for its turn" in body(client, boss)

    part = body(client, boss, f"?run={run.pk}&part=state")
    assert "<html" not in part and f"run={run.pk}&amp;part=state" in part
    drain.until_empty(at=NOW)
    client.force_login(boss)
    assert client.get(address(query=f"?run={run.pk}&part=state"))["HX-Refresh"] == "true"
    text = body(client, boss)
    for said in ("100%", "1 of 1", "Were right", "a case closed as lost · 1", "begins 6 to 35 days after it"):
        assert said in text
    assert "<svg" in text and 'class="chart"' in text


def test_where_no_loss_is_recorded_the_page_says_so(client, boss, rule) -> None:
    buyer("quiet", 300)
    counted(rule, SPAN)
    text = body(client, boss)
    assert "No loss is recorded in this time" in text
    assert "cannot be said" in text
    assert 'num">0%' not in text


def test_the_result_of_another_version_and_of_history_taken_back_is_marked(client, boss, rule) -> None:
    buyer("quiet", 300)
    counted(rule, SPAN)
    assert "rule stands at version" not in body(client, boss)
    rules.revise(rule, condition={**QUIET, "value": 90}, by=None, at=NOW)
    batch = ImportBatch.objects.create(kind="orders", by=boss, made_at=NOW)
    recorded = localtime.start_of_day(TODAY - 150, "Asia/Shanghai")
    HistoryTakenBack.objects.create(batch=batch, at=NOW, facts=1, recorded_from=recorded)
    text = body(client, boss)
    assert "This is about version 1; the rule stands at version 2." in text
    assert "History was taken back since" in text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"first": ""}, "required"),
        ({"first": "soon"}, "valid date"),
        ({"last": "2020-01-01"}, "A backtest goes from a day"),
        ({"last": "2030-01-01"}, "A backtest goes from a day"),
        ({"step": "0"}, "greater than or equal to 1"),
        ({"horizon": "99999"}, "less than or equal to"),
        ({"comparison": "7"}, "not one of the available choices"),
    ],
)
def test_a_form_that_cannot_be_asked_comes_back(client, boss, changed, said) -> None:
    refused = start(client, boss, **changed)
    assert refused.status_code == 422
    assert said in refused.content.decode()
    assert not BacktestRun.objects.exists()


def test_one_that_waits_is_cancelled(client, boss) -> None:
    start(client, boss)
    run = BacktestRun.objects.get()
    done = client.post(reverse("retention:backtest_cancel", args=[run.pk]), follow=True)
    assert "The backtest was cancelled." in done.content.decode()
    again = client.post(reverse("retention:backtest_cancel", args=[run.pk]), follow=True)
    assert "It had ended already." in again.content.decode()


def test_a_rule_that_no_longer_compiles_shows_its_trouble_and_no_form(client, boss, rule) -> None:
    WarningRule.objects.filter(pk=rule.pk).update(condition={"measure": "gone", "op": ">", "value": 1})
    text = body(client, boss)
    assert "mend it first" in text
    assert "Run the backtest" not in text
    assert start(client, boss).status_code == 422


def test_a_failed_one_says_why(client, boss, rule) -> None:
    start(client, boss)
    BacktestRun.objects.update(status="failed", error="stopped")
    assert "It stopped several times" in body(client, boss)


@pytest.mark.parametrize(
    ("role", "reads", "starts"),
    [("admin", 200, 302), ("analyst", 200, 302), ("team_lead", 200, 403), ("account_manager", 403, 403)],
)
def test_who_may_read_and_start(client, role, reads, starts) -> None:
    user = UserFactory(role=role)
    client.force_login(user)
    assert client.get(address()).status_code == reads
    assert start(client, user).status_code == starts
    if reads == 200:
        assert ("Run the backtest" in client.get(address()).content.decode()) is (starts == 302)


def test_a_run_of_another_rule_is_not_there(client, boss, rule) -> None:
    other = counted(quiet_rule(code="other"), SPAN)
    client.force_login(boss)
    assert client.get(address(query=f"?run={other.pk}")).status_code == 404
    assert client.get(address("nothing")).status_code == 404
    assert client.post(reverse("retention:backtest_cancel", args=[10**9])).status_code == 404


def test_the_page_asks_as_much_for_three_runs_as_for_one(
    client, boss, rule, django_assert_max_num_queries
) -> None:
    buyer("quiet", 300)
    for code in ("a", "b", "c"):
        quiet_rule(code=code, is_enabled=True)
    client.force_login(boss)
    for _number in range(2):
        counted(rule, SPAN)
        with django_assert_max_num_queries(16):
            client.get(address())


def test_it_reads_in_chinese(client, rule) -> None:
    lose(buyer("lost", 300), 180)
    counted(rule, SPAN)
    text = body(client, UserFactory(role="admin", language="zh-hans"))
    for said in ("回测", "每周预警", "提前预警的流失", "团队承担得了吗？"):
        assert said in text


def test_a_rule_that_names_a_segment_is_tried_and_read(client, boss, rule) -> None:
    segments.make_list("watched", name_en="Watched", name_zh="关注", by=None, at=NOW)
    condition = {"all": [QUIET, {"segment": "watched"}]}
    WarningRule.objects.filter(pk=rule.pk).update(condition=condition)
    buyer("quiet", 300)
    text = body(client, boss)
    assert "Run the backtest" in text and "Watched" in text
    assert start(client, boss).status_code == 302
    drain.until_empty(at=NOW)
    assert "At another threshold" in body(client, boss)


def test_a_kept_result_whose_condition_no_longer_stands_is_read_without_thresholds(
    client, boss, rule
) -> None:
    lose(buyer("lost", 300), 180)
    run = counted(rule, SPAN)
    BacktestRun.objects.filter(pk=run.pk).update(condition={"measure": "gone", "op": ">", "value": 1})
    text = body(client, boss)
    assert "Were right" in text
    assert "At another threshold" not in text


def test_labels_of_money_in_the_chart_are_in_major_units(client, boss, rule) -> None:
    spent = {"measure": "spend_365d", "op": "<=", "value": 150000}
    WarningRule.objects.filter(pk=rule.pk).update(condition=spent)
    rule.refresh_from_db()
    run = counted(rule, SPAN)
    [column] = re.findall(r'<text class="chart-text chart-text-now"[^>]*>([^<]*)<', body(client, boss))
    assert (run.result["thresholds"]["present"], column) == ("150000", "1500")


@pytest.mark.parametrize("clear", [None, {**QUIET, "op": "<", "value": 10}])
def test_the_page_says_that_a_clear_condition_is_left_out(client, boss, rule, clear) -> None:
    WarningRule.objects.filter(pk=rule.pk).update(clear_condition=clear)
    assert ("own condition for the end of a warning is left out" in body(client, boss)) == bool(clear)
