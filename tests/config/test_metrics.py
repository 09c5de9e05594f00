"""Metrics: the values of planted rows, read by Prometheus' own parser; who may ask; what it costs."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from prometheus_client.parser import text_string_to_metric_families

from config import metrics
from customers.ground import clock, pulse, tally
from customers.ground.models import Heartbeat, OutboxRow, Tally
from customers.models import ImportBatch, TouchedCustomer
from retention.models import SweepRun, SweepShard
from tests.factories import NOW, CustomerFactory

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-the-tests"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(autouse=True)
def _counted_from_nothing() -> None:
    tally._pending.clear()
    clock.fix(NOW)


def samples(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told() -> Samples:
    return samples(metrics.exposition().decode())


def row(key: str, *, handler: str = "a", late: float = -60, **fields: Any) -> None:
    due_at = clock.now() - timedelta(seconds=late)
    OutboxRow.objects.create(handler=handler, dedupe_key=key, due_at=due_at, **fields)


def sweep(**fields: Any) -> SweepRun:
    common = {"as_of": clock.now(), "day": 1, "fingerprint": "f", "started_at": NOW, "status": "done"}
    return SweepRun.objects.create(**{**common, **fields})


# --- What is told -----------------------------------------------------------------------------
def test_outbox_is_told_by_handler():
    real = clock.real_now()
    row("1", late=600)
    row("2", late=30, lease_until=real + timedelta(seconds=9))
    row("3", error="X", attempts=1, lease_until=real - timedelta(seconds=9))
    row("4", handler="b", dead_at=real)
    row("5", handler="b", late=9999, done_at=real)
    found = told()
    a, b = (("handler", "a"),), (("handler", "b"),)
    for name, values in {
        "undone": (3, 0), "late": (1, 0), "leased": (1, 0), "failed": (1, 0), "dead": (0, 1),
    }.items():  # fmt: skip
        assert (found[f"liuke_outbox_{name}", a], found[f"liuke_outbox_{name}", b]) == values, name
    assert 600 <= found["liuke_outbox_lag_seconds", ()] < 620
    assert found["liuke_outbox_capped", ()] == 0


def test_lag_is_zero_while_nothing_is_due():
    row("1", late=-60)
    assert told()["liuke_outbox_lag_seconds", ()] == 0


def test_counts_stop_at_a_bound_and_say_so(monkeypatch, company):
    monkeypatch.setattr(metrics.backlog, "COUNT_UP_TO", 2)
    monkeypatch.setattr(metrics, "COUNT_UP_TO", 2)
    for n in range(3):
        row(str(n), late=n)
        TouchedCustomer.objects.create(customer=CustomerFactory(), recorded_at=clock.now())
    found = told()
    assert found["liuke_outbox_undone", (("handler", "a"),)] == 2
    assert found["liuke_outbox_capped", ()] == 1
    assert found["liuke_touched_marks", ()] == 2


def test_marks_imports_sweeps_and_processes_are_told(company):
    TouchedCustomer.objects.all().delete()
    customer = CustomerFactory()
    TouchedCustomer.objects.all().delete()
    for age in (300, 20):
        TouchedCustomer.objects.create(customer=customer, recorded_at=clock.now() - timedelta(seconds=age))
    for status in ("waiting", "waiting", "running", "done", "uploaded"):
        ImportBatch.objects.create(kind="orders", status=status, made_at=NOW)
    sweep(scope="full", seconds={"measures": 9.0}, finished_at=NOW - timedelta(days=1), day=1)
    sweep(scope="changed", seconds={"measures": 2.5, "rules": 0.5}, finished_at=clock.now(), day=2)
    sweep(scope="touched", seconds={"rules": 0.25}, finished_at=clock.now())
    sweep(scope="changed", status="failed", seconds={"measures": 99}, day=3)
    for status, done_at in (("running", None), ("running", clock.real_now()), ("failed", None)):
        run = sweep(scope="full", status=status)
        SweepShard.objects.create(run=run, number=1, low=1, high=9, done_at=done_at)
    real = clock.real_now()
    for n, (kind, ago) in enumerate([("worker", 5), ("worker", 59), ("worker", 61), ("web", 1)]):
        seen_at = real - timedelta(seconds=ago)
        Heartbeat.objects.create(process=str(n), kind=kind, host="x", pid=n, started_at=real, seen_at=seen_at)
    found = told()
    assert found["liuke_touched_marks", ()] == 2
    assert 300 <= found["liuke_touched_oldest_seconds", ()] < 320
    assert found["liuke_imports", (("status", "waiting"),)] == 2
    assert found["liuke_imports", (("status", "running"),)] == 1
    assert found["liuke_sweep_phase_seconds", (("phase", "measures"), ("scope", "everybody"))] == 2.5
    assert found["liuke_sweep_phase_seconds", (("phase", "rules"), ("scope", "touched"))] == 0.25
    ended = found["liuke_sweep_last_success_timestamp_seconds", (("scope", "everybody"),)]
    assert abs(ended - real.timestamp()) < 20  # in real time, though the clock of the tests is set
    assert found["liuke_sweep_shards_undone", ()] == 1
    assert found["liuke_processes", (("kind", "worker"),)] == 2
    assert found["liuke_processes", (("kind", "beat"),)] == 0


def test_metrics_ask_sixteen_questions_however_much_there_is(company, django_assert_max_num_queries):
    for n in range(3):
        row(str(n), handler=f"h{n}", late=n)
        sweep(scope="full")
        tally.count("liuke_drain_failures_total", name=f"n{n}")
    tally.flush()
    told()  # the clock's offset is read once a process
    with django_assert_max_num_queries(16):
        told()


# --- Counters of all processes ----------------------------------------------------------------
def test_counters_add_up_over_processes():
    for _process in range(2):
        tally.count("liuke_http_requests_total", method="GET", route="home", status="200")
        for seconds in (0.004, 0.2, 7000.0):
            tally.observe("liuke_queue_seconds", seconds, handler="a")
        assert tally.flush() == 5
    assert tally.flush() == 0
    found = told()
    labels = (("method", "GET"), ("route", "home"), ("status", "200"))
    assert found["liuke_http_requests_total", labels] == 2
    bucket = {
        dict(key)["le"]: value for (name, key), value in found.items() if name == "liuke_queue_seconds_bucket"
    }
    assert (bucket["0.005"], bucket["0.1"], bucket["0.25"], bucket["1800"], bucket["+Inf"]) == (2, 2, 4, 4, 6)
    assert found["liuke_queue_seconds_count", (("handler", "a"),)] == 6
    assert found["liuke_queue_seconds_sum", (("handler", "a"),)] == pytest.approx(14000.408)


def test_nothing_counted_is_lost_when_the_database_is_away(monkeypatch):
    tally.count("liuke_drain_failures_total", name="a")
    write = tally._write

    def away(_rows: object) -> None:
        raise OSError("away")

    monkeypatch.setattr(tally, "_write", away)
    with pytest.raises(OSError, match="away"):
        tally.flush()
    tally.count("liuke_drain_failures_total", name="a")
    monkeypatch.setattr(tally, "_write", write)
    tally.flush()
    assert Tally.objects.get().value == 2


def test_series_of_one_process_are_bounded(monkeypatch):
    monkeypatch.setattr(tally, "MOST_SERIES", 2)
    for n in range(4):
        tally.count("liuke_drain_failures_total", name=f"n{n}")
    tally.count("liuke_drain_failures_total", name="n0")
    assert sorted(tally._pending.values()) == [1, 2]


def test_page_for_operators_names_metrics_that_exist():
    page = (Path(settings.BASE_DIR) / "docs" / "production.md").read_text()
    named = set(re.findall(r"\bliuke_[a-z_]+", page))
    text = metrics.exposition().decode()
    real = {family.name for family in text_string_to_metric_families(text)}
    assert {name for name in named if name.removesuffix("_total") not in real} == set()
    told_of = named | {f"liuke_outbox_{name}" for name in re.findall(r"`_([a-z]+)`", page)}
    assert {name for name in real if name not in told_of and f"{name}_total" not in told_of} == set()


# --- Who may ask ------------------------------------------------------------------------------
def test_without_a_token_there_is_no_such_page(client, settings):
    settings.METRICS_TOKEN = ""
    for given in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer x"}):
        assert client.get("/metrics", headers=given).status_code == 404


WRONG = ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ☃"]


@pytest.mark.parametrize("given", WRONG)
def test_wrong_token_gets_nothing(client, settings, admin, given):
    settings.METRICS_TOKEN = TOKEN
    client.force_login(admin)  # a session is no token
    answer = client.get("/metrics", headers={"Authorization": given} if given else {})
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_token_opens_metrics(client, settings):
    settings.METRICS_TOKEN = TOKEN
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "no-store" in answer["Cache-Control"]
    assert ("liuke_outbox_lag_seconds", ()) in samples(answer.content.decode())
    assert client.post("/metrics").status_code == 405


def test_command_prints_the_same(capsys):
    call_command("metrics")
    assert ("liuke_outbox_lag_seconds", ()) in samples(capsys.readouterr().out)


# --- The pulse --------------------------------------------------------------------------------
@pytest.fixture
def alive(monkeypatch):
    monkeypatch.setattr(pulse, "_kinds", {"worker", "web"})
    monkeypatch.setattr(pulse, "_turned", {})
    monkeypatch.setattr(pulse, "_doing", {})
    pulse.turn("worker")


def test_beat_says_what_the_process_is_at(alive):
    with pulse.doing("outer"), pulse.doing("inner"):
        pulse.beat()
        assert Heartbeat.objects.get(kind="worker").doing == "inner"
    pulse.beat()
    found = Heartbeat.objects.get(kind="worker")
    assert (found.doing, found.since, found.process) == ("", None, pulse.process())
    assert Heartbeat.objects.count() == 2
    assert pulse.lease_token().startswith(pulse.process()) and len(pulse.lease_token()) == 32


def test_process_whose_loop_stands_still_falls_silent(alive):
    pulse._turned["worker"] -= pulse.LONGEST_TURN["worker"] + 1
    assert pulse.beat() == 1
    assert list(Heartbeat.objects.values_list("kind", flat=True)) == ["web"]


def test_stop_says_good_bye_and_keeps_the_counts(alive):
    pulse.beat()
    tally.count("liuke_drain_failures_total", name="a")
    pulse.stop()
    assert not Heartbeat.objects.exists()
    assert Tally.objects.get().value == 1
