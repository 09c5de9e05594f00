"""Online Retail by the tutorial's own mapping files, where it is at hand (``LIUKE_DATA``)."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from customers.ground import localtime, money
from customers.ground.models import Company
from customers.imports import batches, kinds, mapping
from customers.models import Customer, Order, OrderLine, OrderLineVersion, OrderVersion

DATA = Path(os.environ.get("LIUKE_DATA", "/nowhere")) / "online_retail"
TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial"
AT = datetime(2011, 12, 10, tzinfo=UTC)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db,
    pytest.mark.skipif(not DATA.is_dir(), reason="LIUKE_DATA is not set: Online Retail is not at hand"),
]


@pytest.mark.parametrize(
    ("name", "stated", "accepted", "refused", "orders"),
    [
        ("online_retail_full.csv.gz", "online_retail_orders.json", 406_829, 135_080, 22_034),
        (
            "online_retail_invoices_2010-12_2011-06.csv.gz",
            "online_retail_invoices.json",
            172_782,
            67_225,
            10_436,
        ),
    ],
)
def test_import_online_retail_lands_each_line_once(tmp_path, name, stated, accepted, refused, orders):
    Company.objects.create(id=1, base_currency="GBP", time_zone="Europe/London", default_margin_bp=3000)
    wanted = mapping.read_mapping(TUTORIAL / stated)
    for created, unchanged in ((orders, 0), (0, orders)):
        report = batches.import_file(
            DATA / name, kinds.named("orders"), wanted, errors_to=tmp_path / "errors.csv", by=None, at=AT
        )
        assert (report.accepted, report.refused) == (accepted, refused)
        landed = report.landed
        assert (landed.created, landed.updated, landed.unchanged) == (created, 0, unchanged)
    assert (Order.objects.count(), OrderLine.objects.count()) == (orders, accepted)
    assert not (OrderVersion._default_manager.exists() or OrderLineVersion._default_manager.exists())
    if orders == 22_034:
        assert Customer.objects.count() == 4_372
    assert not Customer.objects.filter(name__endswith=".0").exists()
    with (tmp_path / "errors.csv").open(encoding="utf-8-sig") as stream:
        assert sum(1 for _line in stream) == refused + 1


def test_orders_in_pounds_are_frozen_in_yuan_at_the_rate_of_their_day(tmp_path):
    """A slice of 20,000 lines: enough days to pass a change of the rate."""
    Company.objects.create(id=1, base_currency="CNY", time_zone="Asia/Shanghai", default_margin_bp=3000)
    rates = {date(2010, 1, 1): Decimal("10.4"), date(2010, 12, 6): Decimal("10.5125")}
    path = tmp_path / "rates.csv"
    lines = [f"GBP,{day.isoformat()},{rate}" for day, rate in rates.items()]
    path.write_text("\n".join(["currency,day,rate", *lines]))
    landed = batches.import_file(path, kinds.named("rates"), mapping.from_data({}), by=None, at=AT).landed
    assert landed.created == 2
    part = tmp_path / "part.csv"
    with gzip.open(DATA / "online_retail_full.csv.gz", "rt", encoding="utf-8-sig") as whole:
        part.write_text("".join(line for _number, line in zip(range(20_001), whole, strict=False)))

    wanted = mapping.read_mapping(TUTORIAL / "online_retail_orders.json")
    assert wanted.currency == "GBP"
    report = batches.import_file(
        part, kinds.named("orders"), wanted, errors_to=tmp_path / "errors.csv", by=None, at=AT
    )

    assert report.lines == 20_000 and report.landed.created == Order.objects.count() > 500
    change = date(2010, 12, 6).toordinal()
    seen = set()
    for order in Order.objects.iterator():
        day = localtime.day_number(order.occurred_at, "Asia/Shanghai")
        assert (order.currency, order.occurred_day) == ("GBP", day)
        rate = rates[date(2010, 12, 6)] if day >= change else rates[date(2010, 1, 1)]
        for minor, base in ((order.sold, order.sold_base), (order.returned, order.returned_base)):
            assert base == money.convert(minor, rate=rate, from_currency="GBP", to_currency="CNY")
        seen.add(day >= change)
    assert seen == {True, False}
