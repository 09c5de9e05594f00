"""`demo`: one command from an empty database to a company with cases to work on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from statistics import correlation
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from customers.demo import truth
from customers.ground import clock
from customers.ground.models import AuditEvent, Company
from customers.models import Customer, ExternalRef, Interaction, Order, User
from retention.models import EarlyWarning, FollowUpCall, Loss, RetentionCase, SweepRun, WarningRule
from surveys.models import Survey, SurveyAsked, SurveyResponse
from tests.factories import CompanyFactory, CustomerFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
]  # asks of no database what another would answer otherwise: once is enough
UNTIL = "2026-06-30"


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    settings.DEMO_PASSWORD = ""


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("demo", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def built() -> dict[str, Any]:
    return json.loads(run("--customers", "60", "--until", UNTIL, "--json").splitlines()[-1])


def test_demo_prints_one_object_on_its_last_line(built: dict[str, Any]) -> None:
    assert set(built) == {"customers", "orders", "seconds", "accounts"}
    assert built["customers"] == Customer.objects.count() == 60
    assert built["orders"] == Order.objects.filter(is_purchase=True).count()
    assert [account["username"] for account in built["accounts"]] == ["admin", "lead", "manager", "analyst"]
    for account in built["accounts"]:
        assert User.objects.get(username=account["username"]).check_password(account["password"])


def test_demo_ends_on_its_day_and_sets_the_clock_to_it(built: dict[str, Any]) -> None:
    assert clock.is_fixed()
    now = clock.now()
    assert datetime(2026, 6, 30, 1, tzinfo=UTC) <= now < datetime(2026, 6, 30, 1, 30, tzinfo=UTC)
    assert not Order.objects.filter(recorded_at__gt=now).exists()
    assert not Interaction.objects.filter(recorded_at__gt=now).exists()
    assert Order.objects.filter(occurred_at__gt=datetime(2026, 6, 25, tzinfo=UTC)).exists()


def test_demo_switches_the_ready_rules_on_and_leaves_cases_to_work_on(built: dict[str, Any]) -> None:
    assert WarningRule.objects.filter(is_enabled=True).count() == 15
    assert set(SweepRun.objects.values_list("scope", "status")) == {("full", "done")}
    still_open = RetentionCase.objects.open()  # type: ignore[attr-defined]
    assert still_open.count() > 3
    assert EarlyWarning.objects.filter(state="open", case__isnull=False).exists()
    assert FollowUpCall.objects.filter(status="planned").exists()
    for case in still_open:
        assert case.status != "unassigned" or case.assign_reason


def test_demo_leaves_cases_that_were_worked_through_the_verbs(built: dict[str, Any]) -> None:
    closed = RetentionCase.objects.filter(status="closed")
    assert closed.filter(outcome="lost").count() == Loss.objects.count() > 0
    assert FollowUpCall.objects.filter(status="done", interaction__isnull=False).exists()
    assert set(AuditEvent.objects.values_list("act", flat=True)) >= {
        "demo.load",
        "case.closed",
        "rule.enable",
    }
    assert AuditEvent.objects.filter(channel="command").exists()


def test_demo_asks_its_customers_and_some_answer_as_they_feel(built: dict[str, Any], tmp_path: Path) -> None:
    asked, given = SurveyAsked.objects.all(), SurveyResponse.objects.all()
    assert Survey.objects.get().status == "live"
    assert 100 < asked.count() < 250 and 0.2 < given.count() / asked.count() < 0.6
    assert {row.metric for row in given} == {"nps"} and given.exclude(comment="").exists()
    assert given.latest("occurred_at").occurred_at < clock.now() - timedelta(days=10)
    moods = truth.read(tmp_path / "demo" / "truth.json.gz").moods
    refs = ExternalRef.objects.filter(source="demo", kind="customer")
    keys = {pk: key for key, pk in refs.values_list("external_id", "object_id")}
    means = {pk: sum(moods[key]) / len(moods[key]) for pk, key in keys.items()}
    pairs = [(means[row.customer_id], row.score) for row in given]
    assert correlation(*zip(*pairs, strict=True)) > 0.3


def test_demo_does_the_same_work_again_in_another_database() -> None:
    def worked() -> list[Any]:
        with transaction.atomic():
            run("--customers", "40", "--until", UNTIL, "--json")
            rows = RetentionCase.objects.order_by("customer__contacts__email", "opened_at")
            done = list(
                rows.values_list("customer__name", "status", "outcome", "churn_type", "opened_at__date")
            )
            transaction.set_rollback(True)
        clock.forget()
        return done

    first = worked()
    assert not Company.objects.exists()
    assert first == worked()
    assert {status for _name, status, *_ in first} >= {"closed", "assigned"}


def test_demo_keeps_the_truth_apart(built: dict[str, Any], tmp_path: Path) -> None:
    hidden = truth.read(tmp_path / "demo" / "truth.json.gz")
    assert hidden.departures
    assert set(hidden.moods) >= {row.customer for row in hidden.departures}


def test_demo_prints_the_accounts_and_a_password_of_its_own() -> None:
    text = run("--customers", "12", "--months", "6", "--until", UNTIL)
    for name in ("admin", "lead", "manager", "analyst"):
        assert name in text
    password = text.strip().splitlines()[-1].split(": ")[1]
    assert User.objects.get(username="lead").check_password(password)


def test_demo_takes_the_password_that_was_set(settings: Any) -> None:
    settings.DEMO_PASSWORD = "open sesame 1001"
    run("--customers", "8", "--months", "4", "--until", UNTIL, "--json")
    assert User.objects.get(username="analyst").check_password("open sesame 1001")


def test_demo_refuses_a_second_time_and_keeps_what_is_there(built: dict[str, Any]) -> None:
    before = (
        Order.objects.count(),
        RetentionCase.objects.count(),
        User.objects.get(username="admin").password,
    )
    with pytest.raises(CommandError, match="already here") as refused:
        run("--customers", "60", "--until", UNTIL)
    assert refused.value.returncode == 2
    after = (
        Order.objects.count(),
        RetentionCase.objects.count(),
        User.objects.get(username="admin").password,
    )
    assert after == before


def test_demo_refuses_another_companys_database() -> None:
    CompanyFactory()
    CustomerFactory()
    with pytest.raises(CommandError, match="empty database"):
        run("--customers", "8", "--until", UNTIL)
    assert Customer.objects.count() == 1
    assert not clock.is_fixed()


def test_demo_refuses_to_end_after_the_databases_clock() -> None:
    clock.fix(datetime(2026, 3, 1, tzinfo=UTC))
    with pytest.raises(CommandError, match="2026-06-30"):
        run("--customers", "8", "--until", UNTIL)
    assert not Company.objects.exists()


def test_demo_ends_where_the_databases_clock_stands() -> None:
    clock.fix(datetime(2026, 3, 1, 2, tzinfo=UTC))
    run("--customers", "8", "--months", "4", "--json")
    newest = Order.objects.order_by("-recorded_at").first()
    assert newest is not None
    assert newest.recorded_at < clock.now() < datetime(2026, 3, 1, 3, tzinfo=UTC)


def test_demo_refuses_a_story_that_cannot_be_told() -> None:
    with pytest.raises(CommandError, match="between"):
        run("--customers", "8", "--until", "2010-06-30")
    assert not Company.objects.exists()
