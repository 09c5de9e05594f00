"""The two evaluators of an expression, SQL and Python, say the same."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection

from retention import measures
from retention.measures.expressions import TODAY, Col, Expr, Known, Num, Once, Ratio
from retention.models.measures import CustomerMeasures
from tests.factories import NOW, CustomerFactory, day

TODAY_NUMBER = 739_000


def parts() -> dict[str, Expr]:
    """Return every expression that a measure is made of; a ratio has two."""
    found: dict[str, Expr] = {"literal": Num(7), "sum": Col("orders_30d") + 2, "product": Num(3) * TODAY}
    for code, measure in measures.every().items():
        if measure.choices:  # read as it stands: nothing is computed with a code
            continue
        if isinstance(measure.value, Ratio):
            found[f"{code} top"], found[f"{code} bottom"] = measure.value.top, measure.value.bottom
        else:
            found[code] = measure.value
    return found


@pytest.mark.django_db
def test_sql_equals_python_for_every_measure_and_random_rows(company: Any) -> None:
    chance = random.Random(7)
    for customer in CustomerFactory.create_batch(25, contact=False):
        CustomerMeasures.objects.create(
            customer=customer,
            as_of=NOW,
            **{
                m.code: chance.choice([None, *(code for code, _label in m.choices)])
                if m.choices
                else chance.choice([None, 0, 1, 3, 4, 5, day(NOW), -chance.randrange(99), 10**9])
                for m in measures.stored()
            },
        )
    rows = CustomerMeasures.objects.in_bulk()
    wanted = parts()
    with connection.cursor() as cursor:
        columns = ", ".join(part.sql(prefix="m.") for part in wanted.values())
        cursor.execute(
            f"SELECT m.customer_id, {columns} FROM {CustomerMeasures._meta.db_table} m",
            {"today": TODAY_NUMBER},
        )
        answers = {pk: dict(zip(wanted, values, strict=True)) for pk, *values in cursor.fetchall()}
    assert len(answers) == 25
    for pk, found in answers.items():
        row = {m.code: getattr(rows[pk], m.code) for m in measures.stored()}
        assert found == {name: part.evaluate(row, today=TODAY_NUMBER) for name, part in wanted.items()}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (TODAY - Col("day"), 30),
        (10 - Col("n"), 6),
        (Col("n") + 1, 5),
        (Col("n") * Col("day"), 280),
        (Col("none") + 1, None),
        (Known(True, Col("day"), Col("n")), 4),
        (Known(False, Col("day"), Col("n")), 70),
        (Known(True, Col("none"), Col("n")), 4),
        (Known(False, Col("n"), Col("none")), 4),
        (Known(True, Col("none"), Col("none")), None),
        (Once(Col("n"), 4, Col("day")), 70),
        (Once(Col("n"), 5, Col("day")), None),
        (Once(Col("none"), 0, Col("day")), None),
        (Ratio(Col("n"), Num(8)), Fraction(1, 2)),
        (Ratio(Col("n"), Num(0)), None),
        (Ratio(Col("n"), Num(-2)), None),
        (Ratio(Col("none"), Num(2)), None),
    ],
)
def test_evaluate_gives_the_value_or_unknown(expression: Expr | Ratio, value: Any) -> None:
    row = {"day": 70, "n": 4, "none": None}
    assert expression.evaluate(row, today=100) == value


def test_columns_are_those_that_are_read() -> None:
    assert measures.get("overdue_ratio").columns() == {"order_days", "last_order_day", "order_span_days"}
    assert measures.get("orders_90d").columns() == {"orders_90d"}
