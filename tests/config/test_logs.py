"""What may never stand in a log line."""

from __future__ import annotations

import json
import logging
import logging.config
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from config import celery, logs
from customers.ground import clock, context, drain, outbox
from customers.ground.models import AuditEvent, OutboxRow
from tests.factories import NOW


@pytest.mark.parametrize(
    "line",
    [
        "GET /s/AbCdEfGhIjKlMnOp0123456789/ 200",
        "GET /accounts/password/reset/key/1-CANARYCANARY/ 200",
        "password=CANARY&next=/",
        "Authorization: Bearer CANARYCANARYCANARY",
        "{'token': 'CANARY'}",
        "Not Found: /api/v1/liuke_CANARYCANARYCANARYCANARYCANARYCANARYCANARY1/",
        "postgres://liuke:CANARY@db/liuke",
    ],
)
def test_scrub_takes_out_the_secret(line: str) -> None:
    scrubbed = logs.scrub(line)
    assert "CANARY" not in scrubbed and "AbCdEfGh" not in scrubbed
    assert "…" in scrubbed


@pytest.mark.parametrize(
    "line",
    [
        "GET /settings/people/ 200",
        "customer 4711 has 3 open cases",
        "postgres://db/liuke",
        "liuke_http_requests_total",
    ],
)
def test_scrub_leaves_other_words_alone(line: str) -> None:
    assert logs.scrub(line) == line


def test_log_line_is_one_json_object_with_the_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    made = logs.configuration(level="INFO", as_json=True)["formatters"]["lines"]
    formatter = made.pop("()")(**made)
    with context.acting(channel="page", request_id="request-4711"):
        record = logging.LogRecord(
            "liuke", logging.WARNING, __file__, 1, "refused %s", ("token=CANARY",), None
        )
        line = json.loads(formatter.format(record))
    assert line["request_id"] == "request-4711"
    assert line["channel"] == "page"
    assert line["level"] == "warning"
    assert "CANARY" not in json.dumps(line)


def test_log_line_keeps_what_was_added_but_not_the_request() -> None:
    made = logs.configuration(level="INFO", as_json=True)["formatters"]["lines"]
    record = logging.makeLogRecord(
        {"msg": "failed", "outbox_id": 7, "request": "?q=CANARY", "status_code": 500}
    )
    line = json.loads(made.pop("()")(**made).format(record))
    assert line["outbox_id"] == 7
    assert line["status_code"] == 500
    assert "CANARY" not in json.dumps(line)


@pytest.mark.parametrize(("status", "traced"), [(403, False), (404, False), (500, True)])
def test_log_line_holds_a_traceback_only_of_a_mistake_of_ours(status: int, traced: bool) -> None:
    made = logs.configuration(level="INFO", as_json=True)["formatters"]["lines"]
    try:
        raise PermissionError("not yours")
    except PermissionError:
        record = logging.makeLogRecord({"msg": "x", "status_code": status, "exc_info": sys.exc_info()})
    line = json.loads(made.pop("()")(**made).format(record))
    assert ("exception" in line) is traced


# --- From a request to the work that follows it -----------------------------------------------
@pytest.fixture
def written() -> Iterator[list[dict[str, Any]]]:
    """The lines as they are written, while their origin still stands."""
    made = logs.configuration(level="INFO", as_json=True)["formatters"]["lines"]
    formatter = made.pop("()")(**made)
    lines: list[dict[str, Any]] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(formatter.format(logging.makeLogRecord(vars(record)))))

    handler = Kept(level=logging.INFO)
    names = ("config", "customers")
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(logging.INFO)
    yield lines
    for name in names:
        logging.getLogger(name).removeHandler(handler)
        logging.getLogger(name).setLevel(before[name])


ASKED = "asked-by-a-test-0001"


@pytest.mark.django_db
def test_request_id_is_found_on_all_that_follows_a_complaint(client, manager, customer, written) -> None:
    clock.fix(NOW)
    client.force_login(manager)
    address = reverse("retention:customer_complaint", args=[customer.pk])
    said = {"text": "Broken on arrival: CANARY", "channel": "phone", "severity": 3}
    answer = client.post(address, said, headers={"X-Request-ID": ASKED})
    assert answer["X-Request-ID"] == ASKED

    (request,) = [line for line in written if line["event"] == "request"]
    assert (request["request_id"], request["method"], request["status"]) == (ASKED, "POST", 302)
    assert (request["route"], request["user_id"]) == ("retention:customer_complaint", manager.pk)
    assert request["url_pk"] == customer.pk and request["ms"] > 0
    row = OutboxRow.objects.get(handler="retention.complaint_opens_case")
    assert row.request_id == ASKED

    drain.until_empty(at=clock.now())
    (work,) = [line for line in written if line["event"] == "outbox row" and line["outbox_id"] == row.pk]
    assert (work["caused_by"], work["outcome"], work["attempts"]) == (ASKED, "done", 1)
    assert work["handler"] == row.handler and work["seconds"] >= 0
    assert work["request_id"] not in ("", ASKED)
    opened = AuditEvent.objects.get(act="case.opened")
    assert (opened.caused_by, opened.request_id, opened.channel) == (ASKED, work["request_id"], "task")
    filed = AuditEvent.objects.get(act="complaint.file")
    assert (filed.caused_by, filed.request_id, filed.channel) == ("", ASKED, "page")
    assert "CANARY" not in json.dumps(written)


@pytest.mark.django_db
def test_idle_drain_writes_no_line(written) -> None:
    drain.once(at=NOW)
    drain.once(at=NOW)
    assert written == []


@pytest.mark.django_db
def test_failed_work_is_one_line_with_its_outcome(written, monkeypatch) -> None:
    def fail(_row: object, _at: object) -> None:
        raise RuntimeError("personal text")

    monkeypatch.setitem(outbox._handlers, "test.fail", fail)
    outbox.add("test.fail", due_at=NOW, dedupe_key="f")
    outbox.drain(at=NOW)
    (line,) = [line for line in written if line["event"] == "outbox row"]
    assert (line["outcome"], line["attempts"], line["level"]) == ("failed", 1, "info")
    assert "caused_by" not in line


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "route", "status"),
    [("/s/AbCdEfGhIjKlMnOp0123456789/", "surveys:answer", 404), ("/queue/?q=CANARY", "retention:queue", 302)],
)
def test_request_line_holds_no_address(client, written, path, route, status) -> None:
    client.get(path)
    (line,) = [line for line in written if line["event"] == "request"]
    assert (line["route"], line["user_id"]) == (route, None)
    assert line["status"] in (status, 302)
    assert "AbCd" not in json.dumps(line) and "CANARY" not in json.dumps(line)


@pytest.mark.django_db
def test_probes_write_no_line_while_all_is_well(client, written, settings) -> None:
    settings.METRICS_TOKEN = "a-token-of-the-tests"
    client.get("/healthz")
    client.get("/metrics", headers={"Authorization": "Bearer a-token-of-the-tests"})
    assert written == []
    client.get("/metrics")
    assert [line["status"] for line in written] == [401]


@pytest.mark.django_db
def test_request_line_looks_nobody_up(client, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        client.get("/healthz")


# --- Tasks ------------------------------------------------------------------------------------
class Task:
    name = "a.task"

    def __init__(self, headers: dict[str, Any]) -> None:
        self.request = Request(headers)


class Request(dict):  # type: ignore[type-arg]
    def __init__(self, headers: dict[str, Any]) -> None:
        super().__init__(headers)
        self.headers = headers


@pytest.mark.django_db
def test_task_carries_the_id_of_who_sent_it(written) -> None:
    headers: dict[str, Any] = {}
    with context.acting(channel="page", request_id=ASKED):
        celery._carry_the_id(headers=headers)
    task = Task(headers)
    celery._begin(task_id="task-id-0001", task=task)
    with context.acting(channel="task") as inside:
        assert (inside.request_id, inside.caused_by) == ("task-id-0001", ASKED)
    celery._end(task_id="task-id-0001", task=task, state="SUCCESS")
    (line,) = written
    assert (line["event"], line["task"], line["outcome"]) == ("task", "a.task", "success")
    assert (line["request_id"], line["caused_by"]) == ("task-id-0001", ASKED)
    assert context.current().request_id == ""


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["x" * 65, "a b c d e f g h", "", "<script>alert(1)</script>"])
def test_task_believes_no_odd_id(given: str) -> None:
    task = Task({celery.CAUSED_BY: given})
    celery._begin(task_id="task-id-0002", task=task)
    assert context.current().caused_by == ""
    celery._end(task_id="task-id-0002", task=task)


@pytest.mark.django_db
def test_scheduled_task_has_no_cause(written) -> None:
    headers: dict[str, Any] = {}
    celery._carry_the_id(headers=headers)
    assert headers == {}
    task = Task(headers)
    celery._begin(task_id="task-id-0003", task=task)
    celery._end(task_id="task-id-0003", task=task)
    assert "caused_by" not in written[0]
