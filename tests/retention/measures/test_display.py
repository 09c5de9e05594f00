"""Values as people read them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from retention import measures
from retention.measures import Measure, Unit
from retention.measures.display import UNKNOWN, format_value


def shown(unit: Unit, value: int | Fraction | str | None, *, language: str = "en") -> str:
    measure = Measure("x", "X", unit, "orders", choices=(("gold", "Gold tier"),))
    return format_value(measure, value, currency="CNY", language=language)


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (Unit.COUNT, 0, "0"),
        (Unit.COUNT, 12345, "12,345"),
        (Unit.MONEY, 3820000, "¥38,200"),
        (Unit.MONEY, -50, "−¥0.50"),
        (Unit.DAYS, 1, "1 day"),
        (Unit.DAYS, 0, "0 days"),
        (Unit.DAYS, -3, "−3 days"),
        (Unit.FLAG, 1, "yes"),
        (Unit.FLAG, 0, "no"),
        (Unit.RATIO, Fraction(2), "2.00"),
        (Unit.RATIO, Fraction(47, 20), "2.35"),
        (Unit.RATIO, Fraction(1, 3), "0.33"),
        (Unit.RATIO, Fraction(1, 200), "0.01"),  # half up
        (Unit.RATIO, Fraction(-1, 200), "−0.01"),
        (Unit.RATIO, Fraction(-1, 1000), "0.00"),
        (Unit.RATIO, Fraction(1999, 200), "10.0"),
        (Unit.RATIO, Fraction(86, 7), "12.3"),
        (Unit.CODE, "gold", "Gold tier"),
        (Unit.CODE, "gone", "gone"),
        (Unit.DAY, None, UNKNOWN),
        (Unit.COUNT, None, UNKNOWN),
    ],
)
def test_format_value_by_unit(unit: Unit, value: int | Fraction | str | None, text: str) -> None:
    assert shown(unit, value) == text


def test_format_value_writes_a_day_as_a_date_in_the_readers_language() -> None:
    from datetime import date

    day = date(2026, 5, 11).toordinal()
    assert "2026" in shown(Unit.DAY, day) and "11" in shown(Unit.DAY, day)
    assert shown(Unit.DAY, day, language="zh-hans") == "2026年5月11日"


def test_every_measure_can_be_shown() -> None:
    for measure in measures.every().values():
        for language in ("en", "zh-hans"):
            value = Fraction(5, 2) if measure.unit == Unit.RATIO else 739000
            assert format_value(measure, value, currency="EUR", language=language)
