"""The tasks by their names, on a real Celery worker with a real Redis and the tests' PostgreSQL."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.db import connection

from customers.ground import clock
from customers.models import Customer
from retention import cases, rules
from retention.models import EarlyWarning, FollowUpCall, RetentionCase, SweepRun
from tests.factories import (
    NOW,
    CompanyFactory,
    CustomerFactory,
    InteractionFactory,
    TeamFactory,
    UserFactory,
    ago,
)

ROOT = Path(__file__).parents[2]
SECONDS = 60.0

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def send(redis_url: str, postgres_url: str, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Start a worker on a queue of its own; yield the function that sends it a task by name."""
    clock.fix(NOW)
    queue = f"liuke-test-{secrets.token_hex(6)}"
    address = f"{postgres_url.rpartition('/')[0]}/{connection.settings_dict['NAME']}"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": address,
        "REDIS_URL": redis_url,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "EMAIL_URL": "memorymail://",
        "PUBLIC_BASE_URL": "http://testserver",
        "LIUKE_VAR": str(tmp_path),
    }
    options = ["-Q", queue, "-c", "1", "-n", f"{queue}@%h", "--without-gossip", "--without-mingle"]
    log = (tmp_path / "worker.log").open("wb")
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "config", "worker", "-l", "INFO", *options],
        cwd=ROOT,
        env=environment,
        stdout=log,
        stderr=log,
    )
    producer = Celery("tests", broker=redis_url)
    try:
        yield lambda name, **kwargs: producer.send_task(name, kwargs=kwargs, queue=queue, ignore_result=True)
    finally:
        worker.terminate()
        try:
            worker.wait(30)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        with producer.connection_for_write() as broker:
            broker.default_channel.queue_delete(queue)
        producer.close()
        log.close()


def wait_until(true: Callable[[], bool], *, log: Path) -> None:
    """Look again and again until something is true; fail with the worker's log when time is up."""
    until = time.monotonic() + SECONDS
    seen = true()
    while not seen:
        assert time.monotonic() < until, log.read_text(errors="replace")[-3000:]
        time.sleep(0.05)
        seen = true()


def silent(**values: Any) -> Customer:
    """Return a customer with whom nobody has spoken for 60 days."""
    customer = CustomerFactory(**values)
    InteractionFactory(customer=customer, occurred_at=ago(60))
    return customer


def test_flag_warning_signs_sweeps_once_for_the_local_day(send: Callable[..., None], tmp_path: Path) -> None:
    CompanyFactory()
    owner = UserFactory(team=TeamFactory())
    customer = silent(owner=owner)
    rules.enable(rules.get(["no-contact"])[0], open_existing=True, by=None, at=NOW)

    send("retention.tasks.flag_warning_signs")
    send("retention.tasks.flag_warning_signs", some_later_argument=1)
    log = tmp_path / "worker.log"
    wait_until(lambda: SweepRun.objects.filter(status="done").exists(), log=log)

    warning = EarlyWarning.objects.select_related("case", "rule").get()
    assert (warning.customer, warning.rule.code, warning.case.assignee) == (customer, "no-contact", owner)
    assert FollowUpCall.objects.filter(case=warning.case, status="planned").count() == 1

    send("retention.tasks.flag_warning_signs", scope="full")
    wait_until(lambda: SweepRun.objects.filter(status="done", scope="full").exists(), log=log)
    assert list(SweepRun.objects.order_by("id").values_list("scope", flat=True)) == ["changed", "full"]
    assert EarlyWarning.objects.count() == RetentionCase.objects.count() == 1


def test_assign_follow_up_calls_gives_a_waiting_case_to_somebody_new(
    send: Callable[..., None], tmp_path: Path
) -> None:
    CompanyFactory()
    team = TeamFactory()  # that has nobody yet
    case = cases.open_case(silent(team=team), kind="save", severity=2, by=None, at=NOW)
    assert case.status == RetentionCase.Status.UNASSIGNED
    newcomer = UserFactory(team=team)

    send("retention.tasks.assign_follow_up_calls")
    wait_until(
        lambda: RetentionCase.objects.filter(pk=case.pk, assignee__isnull=False).exists(),
        log=tmp_path / "worker.log",
    )

    call = FollowUpCall.objects.get(case=case)
    assert (call.assignee, call.status) == (newcomer, "planned")
