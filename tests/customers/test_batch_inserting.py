"""COPY and ``executemany`` write what ``bulk_create`` writes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import DataError, connection

from customers.batch.inserting import decimal_text, escaped, insert, moment_text
from customers.models import Order, OrderLine, TouchedCustomer
from tests.factories import NOW, OrderFactory, ProductFactory

pytestmark = pytest.mark.django_db


def plain(value):
    """Write a value as ``insert`` takes it."""
    if isinstance(value, bool):
        return int(value)
    for kind, write in ((datetime, moment_text), (Decimal, decimal_text), (str, escaped)):
        if isinstance(value, kind):
            return write(value)
    return value


def test_insert_writes_what_bulk_create_writes(company):
    OrderFactory()
    order, product = Order.objects.get(), ProductFactory()
    lines = [
        OrderLine(
            customer_id=order.customer_id,
            occurred_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
            occurred_day=1,
            recorded_at=NOW,
            recorded_assumed=bool(number % 2),
            ingested_at=NOW,
            order=order,
            line_no=100 + number,
            product=product if number else None,
            description=text,
            quantity=quantity,
            unit_price=Decimal("1E+3") if number else Decimal("0.3300"),
            unit_cost=None if number else Decimal("0.1"),
            amount=-5,
        )
        for number, (text, quantity) in enumerate(
            [
                ("plain", Decimal("1.500")),
                ("tab\tquote\"'\\n\n中文 %s", Decimal(-3)),
                ("None", Decimal("0.001")),
                ("", Decimal(1)),
            ]
        )
    ]
    columns = [str(field.column) for field in OrderLine._meta.concrete_fields if not field.primary_key]
    attributes = [field.attname for field in OrderLine._meta.concrete_fields if not field.primary_key]
    OrderLine.objects.bulk_create(lines)
    OrderLine.objects.filter(line_no__gte=100).update(ingested_at=NOW)
    rows = [[getattr(line, name) for name in attributes] for line in lines]
    for row in rows:
        row[attributes.index("line_no")] += 100
        row[attributes.index("ingested_at")] = NOW
    insert(OrderLine, columns, [[plain(value) for value in row] for row in rows])

    def stored(least):
        names = ", ".join(f'"{column}"' for column in columns if column != "line_no")
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT {names} FROM "{OrderLine._meta.db_table}" '
                "WHERE line_no >= %s AND line_no < %s ORDER BY line_no",
                [least, least + 100],
            )
            return cursor.fetchall()

    assert len(stored(100)) == 4
    assert stored(200) == stored(100)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite takes numbers of any size here")
def test_insert_raises_what_django_raises():
    row = (1, moment_text(NOW), "x" * 99)
    with pytest.raises(DataError):
        insert(TouchedCustomer, ("customer_id", "recorded_at", "lease_token"), [row])
