"""When orders were promised and when they came: by verb, by file, and never before it was known."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from customers import orders
from customers.ground.models import AuditEvent, Event
from customers.imports import batches, kinds, mapping
from customers.models import Customer, Order, OrderVersion
from customers.writing import OlderThanKnown
from retention.measures import compute
from tests.factories import NOW, OrderFactory, ago, day

pytestmark = pytest.mark.django_db
PLACED = date(2026, 5, 6)  # five days before NOW


def deliver(order: Order, promised: date | None, delivered: date | None, *, at: object = NOW) -> Order:
    return orders.set_delivery(order, promised_on=promised, delivered_on=delivered, by=None, at=at)  # type: ignore[arg-type]


def test_record_order_keeps_both_days(customer: Customer) -> None:
    order = orders.record_order(
        customer,
        lines=[orders.Line(Decimal(1), Decimal(5))],
        promised_on=PLACED,
        delivered_on=date(2026, 5, 7),
        occurred_at=ago(5),
        by=None,
        at=NOW,
    )
    assert (order.promised_day, order.delivered_day, order.status) == (
        PLACED.toordinal(), date(2026, 5, 7).toordinal(), "delivered"
    )  # fmt: skip


@pytest.mark.parametrize(("delivered", "is_fine"), [(5, False), (6, True), (11, True), (12, False)])
def test_set_delivery_refuses_days_on_which_nothing_can_come(
    customer: Customer, delivered: int, is_fine: bool
) -> None:
    order = OrderFactory(customer=customer, occurred_at=ago(5))
    if is_fine:
        assert deliver(order, None, date(2026, 5, delivered)).status == "delivered"
    else:
        with pytest.raises(orders.DeliveredBefore):
            deliver(order, None, date(2026, 5, delivered))
        assert not OrderVersion.objects.exists()


def test_set_delivery_refuses_returns_and_cancelled_orders(customer: Customer) -> None:
    for values in ({"status": "cancelled"}, {"sold": 0, "returned": 500}):
        with pytest.raises(orders.NothingToDeliver):
            deliver(OrderFactory(customer=customer, **values), PLACED, None)


def test_set_delivery_writes_a_version_once_and_can_be_taken_back(customer: Customer) -> None:
    order = OrderFactory(customer=customer, occurred_at=ago(5))
    for _twice in range(2):
        order = deliver(order, PLACED, date(2026, 5, 8))
    assert OrderVersion.objects.count() == AuditEvent.objects.filter(act="order.set_delivery").count() == 1
    assert Event.objects.filter(kind="order.delivered").count() == 1
    with pytest.raises(OlderThanKnown):
        deliver(order, PLACED, None, at=NOW - timedelta(days=1))
    order = deliver(order, PLACED, None, at=NOW + timedelta(hours=1))
    assert (order.status, order.delivered_day) == ("placed", None)


def test_delivery_counts_from_when_it_was_recorded(customer: Customer) -> None:
    order = OrderFactory(customer=customer, occurred_at=ago(10), promised_day=day(ago(5)))
    deliver(order, date(2026, 5, 6), date(2026, 5, 8), at=ago(1))

    def overdue_and_late(at: object) -> tuple[int, int]:
        with compute.at(as_of=at) as table:  # type: ignore[arg-type]
            row = compute.values_of([customer.pk], table=table)[customer.pk]
        return row["deliveries_overdue"], row["deliveries_late_90d"]

    assert overdue_and_late(ago(6)) == (0, 0)
    assert overdue_and_late(ago(2)) == (1, 0)  # it had come, but nobody had told
    assert overdue_and_late(NOW) == (0, 1)


def test_file_of_orders_brings_both_days_and_repeats_without_effect(company: object, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"

    def bring(*lines: str) -> tuple[int, int, int, int]:
        head = "订单号,客户编号,下单时间,金额,承诺交期,送达日期"
        path.write_text("\n".join([head, *lines]), encoding="utf-8")
        stated = {"source": "s", "on_missing_customer": "create", "history": False}
        report = batches.import_file(path, kinds.named("orders"), mapping.from_data(stated), by=None, at=NOW)
        return report.landed.created, report.landed.updated, report.landed.unchanged, report.refused

    told = [
        "1,C-1,2026-05-01,10,2026-05-04,2026-05-05",
        "2,C-1,2026-05-01,10,2026-05-04,",
        "3,C-1,2026-05-01,10,,",
    ]
    bad = ["4,C-1,2026-05-01,10,,2026-04-30", "5,C-1,2026-05-01,10,,2026-05-12"]
    assert bring(*told, *bad) == (3, 0, 0, 2)
    assert bring(*told, *bad) == (0, 0, 3, 2)
    assert bring(told[0], "2,C-1,2026-05-01,10,2026-05-04,2026-05-06", told[2]) == (0, 1, 2, 0)
    days = Order.objects.order_by("id").values_list("status", "promised_day", "delivered_day")
    promised = date(2026, 5, 4).toordinal()
    assert list(days) == [
        ("delivered", promised, promised + 1),
        ("delivered", promised, promised + 2),
        ("placed", None, None),
    ]
    assert OrderVersion.objects.get().delivered_day is None
