"""Many lines (P6): good ones once, each bad one explained, in little memory, whatever dies on the way.

``LIUKE_P6_LINES=1000000`` runs it in full.
"""

from __future__ import annotations

import csv
import json
import os
import random
import time

import pytest

from customers.models import ImportBatch, Order
from tests.customers import programs
from tests.customers.test_imports import BAD_LINES, ORDERS

LINES = int(os.environ.get("LIUKE_P6_LINES", "100000"))
SEED = int(os.environ.get("LIUKE_SEED", "1"))
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
COUNTS = """
from customers.models import *
from django.db.models import Sum
import json, customers.imports.kinds
print(json.dumps([
    Order.objects.count(), OrderLine.objects.count(), Customer.objects.count(),
    OrderVersion._default_manager.count(), OrderLineVersion._default_manager.count(),
    Order.objects.aggregate(s=Sum("sold_base"))["s"], OrderLine.objects.aggregate(s=Sum("amount"))["s"],
    ExternalRef.objects.filter(kind="order").count(),
]))
"""


def make(path):
    """Write the file; return (line, column) of each bad one and how many orders and lines are good."""
    bad, orders, good, total = [], set(), 0, 0
    with path.open("w", newline="") as stream:
        stream.write(ORDERS)
        for n in range(LINES):
            if n % 100 == 50:
                line, column, _code = BAD_LINES[n // 100 % len(BAD_LINES)]
                stream.write(line.format(n=f"B{n}") + "\n")
                bad.append((n + 2, column))
            else:
                order, quantity = n // 5, 1 + n % 7
                stream.write(
                    f"O{order},C{order % 5000},2026-0{1 + order % 4}-1{order % 9} 10:00,{quantity},2.5\n"
                )
                orders.add(order)
                good, total = good + 1, total + quantity * 250
    return bad, len(orders), good, total


@pytest.fixture
def program(company, tmp_path, settings):
    """Start ``manage.py`` on the database of the tests."""
    from django.db import connection

    values = connection.settings_dict
    if connection.vendor == "postgresql":
        place = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**values)
    else:
        place = f"sqlite:///{values['NAME']}"
    environment = {
        **os.environ,
        "DATABASE_URL": place,
        "DEBUG": "1",
        "SECRET_KEY": "x" * 50,
        "TEST_DB_NAME": "",
    }
    environment["LIUKE_NOW"] = "2026-05-11T09:00:00+08:00"
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"

    def start(*arguments):
        return programs.start(arguments, cwd=tmp_path, environment=environment)

    return start


def test_many_lines_land_once_and_bad_ones_are_explained_whatever_dies(program, tmp_path):
    path, errors = tmp_path / "orders.csv", tmp_path / "errors.csv"
    bad, orders, good, total = make(path)
    assert len(bad) == LINES // 100
    (tmp_path / "mapping.json").write_text('{"on_missing_customer": "create", "history": true}')
    arguments = ("import_data", "orders", path, "--mapping", tmp_path / "mapping.json", "--errors", errors)

    chance, killed, partly = random.Random(SEED), 0, 0
    for number in range(10):
        running = program(*arguments)
        while running.poll() is None and ImportBatch.objects.count() <= number:
            time.sleep(0.02)
        if number % 2:  # while it reads, or wherever it is
            until = time.monotonic() + chance.uniform(0, LINES / 60_000)
            while running.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
        else:  # while it lands
            enough = Order.objects.count() + chance.randint(1, orders // 20)
            while running.poll() is None and Order.objects.count() < enough:
                time.sleep(0.02)
        running.kill()
        running.communicate()
        # a kill counts only while the database shows work that is not done
        killed += ImportBatch.objects.order_by("-id")[0].status == "running"
        partly += 0 < Order.objects.count() < orders
    assert (killed >= 5, partly >= 1) == (True, True)

    running = program(*arguments, "--json")
    out, err = running.communicate()
    found = json.loads(out.splitlines()[-1])
    memory = programs.peak(err)
    print(f"seed {SEED}, {killed} killed, {memory} MB, {found['seconds']} s")  # noqa: T201 — shown by -rP
    assert running.returncode == 1
    assert (found["lines"], found["accepted"], found["refused"]) == (LINES, good, len(bad))
    assert found["records"]["updated"] == 0
    assert found["records"]["created"] + found["records"]["unchanged"] == orders
    assert memory < 256

    def stored():
        return json.loads(program("shell", "-c", COUNTS).communicate()[0].splitlines()[-1])

    before = stored()
    assert before == [orders, good, min(5000, LINES // 5), 0, 0, total, total, orders]
    with errors.open(encoding="utf-8-sig", newline="") as stream:
        told = [
            (int(row["error_line"]), row["error_column"], row["error_reason"])
            for row in csv.DictReader(stream)
        ]
    assert [(line, column) for line, column, _reason in told] == bad
    assert all(reason for _line, _column, reason in told)

    again = program(*arguments, "--json").communicate()[0].splitlines()[-1]
    assert json.loads(again)["records"] == {"created": 0, "updated": 0, "unchanged": orders}
    assert stored() == before
