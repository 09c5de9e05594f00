"""What may never stand in a log line."""

from __future__ import annotations

import json
import logging
import logging.config
import sys

import pytest

from config import logs
from customers.ground import context


@pytest.mark.parametrize(
    "line",
    [
        "GET /s/AbCdEfGhIjKlMnOp0123456789/ 200",
        "GET /accounts/password/reset/key/1-CANARYCANARY/ 200",
        "password=CANARY&next=/",
        "Authorization: Bearer CANARYCANARYCANARY",
        "{'token': 'CANARY'}",
        "postgres://liuke:CANARY@db/liuke",
    ],
)
def test_scrub_takes_out_the_secret(line: str) -> None:
    scrubbed = logs.scrub(line)
    assert "CANARY" not in scrubbed and "AbCdEfGh" not in scrubbed
    assert "…" in scrubbed


@pytest.mark.parametrize(
    "line", ["GET /settings/people/ 200", "customer 4711 has 3 open cases", "postgres://db/liuke"]
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
