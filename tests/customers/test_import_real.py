"""Online Retail by the tutorial's own mapping files, where it is at hand (``LIUKE_DATA``)."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

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
