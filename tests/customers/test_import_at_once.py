"""Several imports at once: what they leave is what they leave one after another, and none fails."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections

from customers.imports import batches, kinds, mapping, run
from customers.models import Customer, ExternalRef, Order, OrderLine, OrderLineVersion, OrderVersion, Product
from tests.customers.test_imports import ORDERS
from tests.factories import NOW

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
WANTED = {"on_missing_customer": "create"}


def write(path, orders, *, product="P"):
    """Write orders of three lines; the same order is the same in every file."""
    path.write_text(
        ORDERS.strip()
        + ",product\n"
        + "".join(
            f"O{n},C{n % 41},2026-05-0{1 + n % 9},{1 + line},2.5,{product}{(n + line) % 17}\n"
            for n in orders
            for line in range(3)
        )
    )
    return path


def stored():
    names = dict(ExternalRef.objects.filter(kind="order").values_list("object_id", "external_id"))
    lines = OrderLine.objects.values_list("order_id", "line_no", "product__code", "amount", "customer__name")
    return (
        sorted((names[order], *rest) for order, *rest in lines),
        sorted(names.values()),
        sorted(Customer.objects.values_list("name", flat=True)),
        sorted(Product.objects.values_list("code", flat=True)),
        Order.objects.count(),
        OrderVersion._default_manager.count(),
    )


def bring(path):
    return batches.import_file(path, kinds.named("orders"), mapping.from_data(WANTED), by=None, at=NOW)


def test_imports_of_overlapping_files_at_once_leave_what_they_leave_one_by_one(
    company, tmp_path, monkeypatch
):
    monkeypatch.setattr(run, "MOST_RECORDS", 40)
    files = [
        write(tmp_path / "rising.csv", range(300)),
        write(tmp_path / "falling.csv", reversed(range(100, 400))),
        write(tmp_path / "even.csv", range(0, 400, 2)),
        write(tmp_path / "again.csv", range(300)),
    ]
    barrier, reports, failures = threading.Barrier(len(files)), [], []

    def work(path):
        try:
            barrier.wait(timeout=20)
            reports.append(bring(path))
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(path,)) for path in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert failures == []
    assert [report.refused for report in reports] == [0] * len(files)
    assert sum(report.landed.created for report in reports) == 400
    assert sum(report.landed.updated for report in reports) == 0
    together = stored()
    assert (together[4], together[5], len(together[0])) == (400, 0, 1200)
    assert [bring(path).landed.created for path in files] == [0] * len(files)  # one by one: nothing is left
    assert stored() == together


def test_a_correction_beside_an_import_is_not_lost(company, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "MOST_RECORDS", 25)
    first = write(tmp_path / "first.csv", range(200))
    bring(first)
    corrected = write(tmp_path / "corrected.csv", range(200), product="Q")
    more = write(tmp_path / "more.csv", range(200, 400))
    failures = []

    def work(path, at):
        try:
            batches.import_file(path, kinds.named("orders"), mapping.from_data(WANTED), by=None, at=at)
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    later = NOW + timedelta(hours=1)
    threads = [threading.Thread(target=work, args=(path, later)) for path in (corrected, corrected, more)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert failures == []
    assert Order.objects.count() == 400
    changed = OrderLine.objects.filter(product__code__startswith="Q")
    assert (changed.count(), changed.filter(recorded_at=later).count()) == (600, 600)
    assert OrderLine.objects.filter(void=True).count() == 0
    assert OrderLineVersion._default_manager.count() == 600  # once each, though two corrected it
