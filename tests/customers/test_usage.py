"""Usage: recorded, corrected, landed from files; the catalogue of what is counted; its pages and API."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.test import Client
from django.utils import translation

from customers import batch, usage
from customers.batch import UsageRecord
from customers.ground.models import AuditEvent, Event
from customers.imports import batches, kinds, mapping
from customers.models import (
    Customer,
    ExternalRef,
    TouchedCustomer,
    Usage,
    UsageMetric,
    UsageVersion,
    User,
)
from customers.writing import InTheFuture
from tests.factories import NOW, ProductFactory, UsageFactory, ago, day

pytestmark = pytest.mark.django_db


def metric(code: str = "logins") -> UsageMetric:
    return UsageMetric.objects.get(code=code)


# --- By hand -----------------------------------------------------------------------------------
def test_record_usage_keeps_the_quantity_and_tells_of_it(customer: Customer, manager: User) -> None:
    TouchedCustomer.objects.all().delete()
    made = usage.record_usage(
        customer, metric=metric(), quantity=Decimal("3.5"), occurred_at=ago(2), by=manager, at=NOW
    )

    assert (made.quantity, made.kind, made.occurred_day) == (Decimal("3.5"), "use", day(ago(2)))
    assert made.recorded_at == NOW
    assert TouchedCustomer.objects.filter(customer=customer).count() == 1
    assert Event.objects.filter(kind="usage.recorded", customer_id=customer.pk).count() == 1
    assert AuditEvent.objects.get(act="usage.record").actor_id == manager.pk


@pytest.mark.parametrize(
    ("code", "quantity", "is_fine"),
    [
        ("logins", "0", True),
        ("logins", "-0.001", False),
        ("balance", "-0.001", True),
        ("logins", "999999999999.999", True),
        ("logins", "1000000000000", False),
        ("balance", "-1000000000000", False),
        ("logins", "NaN", False),
    ],
)
def test_record_usage_refuses_what_cannot_be_counted(
    customer: Customer, code: str, quantity: str, is_fine: bool
) -> None:
    def record() -> Usage:
        return usage.record_usage(customer, metric=metric(code), quantity=Decimal(quantity), by=None, at=NOW)

    if is_fine:
        assert record().quantity == Decimal(quantity)
    else:
        with pytest.raises(usage.UsageRefused):
            record()
        assert not Usage.objects.exists()


def test_record_usage_refuses_the_future_and_a_retired_metric(customer: Customer) -> None:
    one = Decimal(1)
    with pytest.raises(InTheFuture):
        usage.record_usage(
            customer, metric=metric(), quantity=one, occurred_at=NOW + timedelta(seconds=1), by=None, at=NOW
        )
    old = usage.change_metric(metric(), name_en="Old", name_zh="旧", is_retired=True, by=None, at=NOW)
    with pytest.raises(usage.MetricRetired):
        usage.record_usage(customer, metric=old, quantity=one, by=None, at=NOW)
    assert not Usage.objects.exists()


def test_remove_usage_keeps_the_earlier_version_and_is_done_once(customer: Customer) -> None:
    made = UsageFactory(customer=customer)
    for _twice in range(2):
        made = usage.remove_usage(made, by=None, at=NOW)
    assert made.void
    assert UsageVersion.objects.get().void is False
    assert AuditEvent.objects.filter(act="usage.remove").count() == 1


# --- The catalogue -----------------------------------------------------------------------------
def test_sync_delivers_the_metrics_once_and_leaves_names_alone(company: object) -> None:
    codes = {code for code, *_rest in usage.METRICS}
    assert set(UsageMetric.objects.values_list("code", flat=True)) == codes
    assert {"logins", "visits", "balance"} <= codes
    usage.change_metric(metric(), name_en="Sign-ins", name_zh="登录", is_retired=True, by=None, at=NOW)
    usage.sync()
    assert (str(metric()), metric().is_retired, UsageMetric.objects.count()) == ("Sign-ins", True, len(codes))
    with translation.override("zh-hans"):
        assert str(metric()) == "登录"
        assert str(metric("visits")) == "到店次数"


def test_add_metric_refuses_a_code_that_is_taken(admin: User) -> None:
    added = usage.add_metric(code="seats", kind="balance", name_en="Seats", name_zh="席位", by=admin, at=NOW)
    with pytest.raises(usage.MetricExists):
        usage.add_metric(code="seats", kind="use", name_en="S", name_zh="席", by=admin, at=NOW)
    added.refresh_from_db()
    assert (added.kind, added.name_en) == ("balance", "Seats")
    assert AuditEvent.objects.filter(act="metric.add").count() == 1


# --- Many at once ------------------------------------------------------------------------------
def record(number: int, **values: object) -> UsageRecord:
    said = {
        "external_id": f"U{number}",
        "customer": "C-1",
        "occurred_at": ago(number),
        "recorded_at": ago(number),
        "metric": "logins",
        "quantity": Decimal(number),
        **values,
    }
    return UsageRecord(**said)  # type: ignore[arg-type]


def land(*records: UsageRecord) -> batch.Landed:
    return batch.upsert_usage(records, source="app", batch=None, at=NOW)


def test_upsert_usage_lands_once_and_changes_what_differs(customer: Customer) -> None:
    ExternalRef.objects.create(source="app", kind="customer", external_id="C-1", object_id=customer.pk)
    product = ProductFactory(code="P-1")
    told = [
        record(1),
        record(2, product="P-1"),
        record(3, metric="到店次数"),
        record(4, metric="Balance held"),
    ]

    first = land(*told)
    again = land(*told)
    changed = land(record(1, quantity=Decimal(9)), *told[1:])

    assert (first.created, first.updated, first.unchanged) == (4, 0, 0)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 4)
    assert (changed.created, changed.updated, changed.unchanged) == (0, 1, 3)
    rows = Usage.objects.order_by("-occurred_at").values_list("metric__code", "milli", "product", "kind")
    assert list(rows) == [
        ("logins", 9000, None, "use"),
        ("logins", 2000, product.pk, "use"),
        ("visits", 3000, None, "use"),
        ("balance", 4000, None, "balance"),
    ]
    assert UsageVersion.objects.get().milli == 1000


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"metric": "log-ins"}, "metric", "unknown_metric"),
        ({"product": "P-9"}, "product", "unknown_product"),
        ({"quantity": Decimal(-1)}, "quantity", "usage_quantity"),
        ({"customer": "C-9"}, "customer", "unknown_customer"),
    ],
)
def test_upsert_usage_refuses_one_record_and_lands_the_others(
    customer: Customer, values: dict[str, object], field: str, code: str
) -> None:
    ExternalRef.objects.create(source="app", kind="customer", external_id="C-1", object_id=customer.pk)
    landed = land(record(1), record(2, **values))
    assert [(refusal.field, refusal.reason.code) for refusal in landed.refused] == [(field, code)]
    assert landed.created == Usage.objects.count() == 1


def test_file_of_usage_is_understood_in_chinese_and_repeats_without_effect(
    customer: Customer, tmp_path: Path
) -> None:
    ExternalRef.objects.create(source="app", kind="customer", external_id="C-1", object_id=customer.pk)
    path = tmp_path / "用量.csv"
    path.write_text(
        "流水号,客户编号,统计日期,指标,数量\n1,C-1,2026-05-01,登录次数,12\n2,C-1,2026-05-02,logins,2.5\n"
        "3,C-1,2026-05-03,登陆,1\n4,C-1,2027-05-03,logins,1\n",
        encoding="utf-8",
    )
    for created in (2, 0):
        report = batches.import_file(
            path, kinds.named("usage"), mapping.from_data({"source": "app"}), by=None, at=NOW
        )
        assert (report.landed.created, report.refused) == (created, 2)
    assert sorted(Usage.objects.values_list("milli", flat=True)) == [2500, 12000]


# --- Pages and API -----------------------------------------------------------------------------
@pytest.mark.parametrize(("language", "words"), [("en", "Visits to a shop"), ("zh-hans", "到店次数")])
def test_admin_adds_and_retires_a_metric_on_the_page(
    client: Client, admin: User, language: str, words: str
) -> None:
    User.objects.filter(pk=admin.pk).update(language=language)
    client.force_login(admin)
    assert words in client.get("/settings/metrics/").content.decode()
    said = {"code": "seats", "kind": "balance", "name_en": "Seats", "name_zh": "席位"}
    assert client.post("/settings/metrics/", said).status_code == 302
    refused = client.post("/settings/metrics/", said)
    assert refused.status_code == 422 and "Seats" in refused.content.decode()
    page = f"/settings/metrics/{metric('seats').pk}/"
    assert client.get(page).status_code == 200
    assert client.post(page, {"name_en": "", "name_zh": "席"}).status_code == 422
    assert client.post(page, {"name_en": "Seats", "name_zh": "席", "is_retired": "on"}).status_code == 302
    assert metric("seats").is_retired


def test_metrics_are_changed_by_admins_only(client: Client, lead: User, analyst: User) -> None:
    for user in (lead, analyst):
        client.force_login(user)
        assert client.get("/settings/metrics/").status_code == 403
