"""One truth: a file, the same file in another order, and the batch verb land the same rows."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from customers import batch
from customers.batch import Line, OrderRecord, orders
from customers.ground.models import ExchangeRate
from customers.imports import batches, kinds, mapping, together
from customers.models import (
    Customer,
    ExternalRef,
    ImportBatch,
    Order,
    OrderLine,
    OrderLineVersion,
    OrderVersion,
    Product,
)
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HEADER = "id,customer,date,currency,product,description,quantity,unit price,unit cost,status"
FIRST = datetime(2026, 1, 2)  # noqa: DTZ001 — as a file has it


@pytest.fixture(autouse=True)
def _rates(company):
    for day, rate in (("2026-01-01", "7.8"), ("2026-03-01", "8.1234")):
        ExchangeRate.objects.create(currency="EUR", day=day, rate=Decimal(rate))
    Product.objects.create(code="P1", name="P1", unit_cost=123)
    Product.objects.create(code="P2", name="P2", margin_bp=4500)


def company_of(seed):
    """Return orders as plain tuples: id, customer, local date, currency, status, lines."""
    chance = random.Random(seed)
    found = []
    for number in range(20 if seed == 1 else 60):
        lines = [
            (
                chance.choice(["", "P1", "P2", f"P{chance.randint(3, 9)}"]),
                chance.choice(["", "plain", "None", "with \\ and\ttab", "青山, “quoted”", "x" * 200]),
                chance.choice(["1", "2.5", "-1", "0.3335", "-0.0005", "1000", "0"]),
                chance.choice(["9.99", "0.335", "0.00005", "1234.5678", "0"]),
                chance.choice(["", "", "5", "0.12345"]),
            )
            for _line in range(chance.randint(1, 5))
        ]
        day = FIRST + timedelta(days=chance.randint(0, 110), minutes=chance.randint(0, 1439))
        found.append(
            (f"O{number}", f"C{chance.randint(1, 12)}", day, chance.choice(["CNY", "EUR", "EUR"]),
             chance.choice(["placed", "delivered", "cancelled"]), lines)
        )  # fmt: skip
    return found


def changed(found, seed):
    """Return the orders with a few of them corrected, and two new ones."""
    chance = random.Random(seed)
    other = []
    for name, customer, day, currency, status, lines in found:
        lines = list(lines)
        kind = chance.randint(0, 12)
        if kind == 0:
            lines.pop()
        elif kind == 1:
            lines.append(("P1", "new", "3", "4.5", ""))
        elif kind == 2:
            lines[0] = (*lines[0][:2], "7", *lines[0][3:])
        elif kind == 3:
            status = "cancelled"
        elif kind == 4:
            customer = "C99"
        elif kind == 5:
            day += timedelta(days=1)
        elif kind == 6:
            lines[0] = (lines[0][0], "other words", *lines[0][2:])
        if lines:
            other.append((name, customer, day, currency, status, lines))
    return [
        *other,
        *((f"N{n}", "C1", FIRST, "CNY", "placed", [("", "", "1", "1", "")]) for n in range(2)),
    ]


def quoted(text):
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n') else text


def as_file(found):
    rows = [
        [name, customer, f"{day:%Y-%m-%d %H:%M}", currency, product, quoted(words), *rest, status]
        for name, customer, day, currency, status, lines in found
        for product, words, *rest in lines
    ]
    return "\n".join([HEADER, *map(",".join, rows)]) + "\n"


def by_import(tmp_path, found, at):
    path = tmp_path / "file.csv"
    path.write_text(as_file(found))
    wanted = mapping.from_data({"source": "shop", "on_missing_customer": "create", "history": True})
    report = batches.import_file(path, kinds.named("orders"), wanted, by=None, at=at)
    assert report.refused == 0
    return report.landed


def by_verb(_tmp_path, found, at):
    zone = ZoneInfo("Asia/Shanghai")
    records = []
    for name, customer, day, currency, status, lines in found:
        moment = day.replace(tzinfo=zone).astimezone(UTC)
        records.append(
            OrderRecord(
                external_id=name,
                customer=customer,
                occurred_at=moment,
                recorded_at=moment,
                recorded_assumed=True,
                currency=currency,
                values={"status": status},
                lines=[
                    Line(
                        n,
                        Decimal(quantity),
                        Decimal(price),
                        product,
                        words.strip(),
                        Decimal(cost) if cost else None,
                    )
                    for n, (product, words, quantity, price, cost) in enumerate(lines, start=1)
                ],
            )
        )
    # of an import, as a file is: a version that differs in its import alone is kept, for the undo
    run = ImportBatch.objects.create(kind="orders", made_at=at)
    return batch.upsert_orders(records, source="shop", batch=run, at=at, create_missing=True)


def stored():
    """Return everything that orders are, by the names of their source."""
    name_of = {r.object_id: r.external_id for r in ExternalRef.objects.filter(kind="order")}
    skipped = {"id", "batch_id", "ingested_at", "order_id", "fact_id", "customer_id", "product_id"}
    customers = dict(Customer.objects.values_list("pk", "name"))
    products = {None: None, **dict(Product.objects.values_list("pk", "code"))}

    def rows(model, order):
        return sorted(
            (
                (
                    name_of[row[order]],
                    customers[row["customer_id"]],
                    products[row.get("product_id")],
                    *((name, str(value)) for name, value in row.items() if name not in skipped),
                )
                for row in model._default_manager.values()
            ),
            key=str,
        )

    return (
        rows(Order, "id"),
        rows(OrderLine, "order_id"),
        rows(OrderVersion, "fact_id"),
        rows(OrderLineVersion, "order_id"),
        sorted(Product.objects.values_list("code")),  # named by whichever line came last
    )


def emptied():
    from django.db import connection

    from customers.ground import guards

    guards.remove(connection)
    for model in (OrderLine, Order, OrderVersion, OrderLineVersion, ExternalRef):
        model._default_manager.all().delete()
    Product.objects.exclude(code__in=["P1", "P2"]).delete()
    guards.install(connection)


def all_by(way, tmp_path, found, seed):
    emptied()
    counts = []
    for step, at in ((found, NOW), (found, NOW), (changed(found, seed), NOW), (changed(found, seed), NOW)):
        landed = way(tmp_path, step, at)
        counts.append((landed.created, landed.updated, landed.unchanged))
    assert counts[1] == (0, 0, len(found))
    assert counts[3][:2] == (0, 0)
    return counts, stored()


@pytest.mark.parametrize(
    "seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)]
)
def test_file_and_verb_land_the_same_rows(seed, tmp_path, monkeypatch):
    found = company_of(seed)
    wanted = all_by(by_verb, tmp_path, found, seed)
    assert any(count[1] for count in wanted[0])

    def check(found):
        assert found[0] == wanted[0]
        for theirs, ours in zip(wanted[1], found[1], strict=True):
            assert [row for row in ours if row not in theirs] == []
            assert len(ours) == len(theirs)

    check(all_by(by_import, tmp_path, found, seed))
    # brought together on disk first, as when the lines of an order stand apart
    monkeypatch.setattr(together.Together, "stand", lambda self: False)
    check(all_by(by_import, tmp_path, found, seed))
    # one by one through the objects, as an order that says more than most does
    monkeypatch.setattr(orders.new_orders, "is_plain", lambda record: False)
    check(all_by(by_verb, tmp_path, found, seed))
