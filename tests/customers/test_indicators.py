"""Indicators: defined, recorded, landed from files; their pages."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from customers import batch, indicators
from customers.batch import IndicatorRecord
from customers.ground.models import AuditEvent, Event
from customers.imports import batches, kinds, mapping
from customers.models import (
    Customer,
    ExternalRef,
    Indicator,
    IndicatorValue,
    IndicatorValueVersion,
    TouchedCustomer,
    User,
)
from customers.writing import InTheFuture
from tests.factories import (
    NOW,
    CustomerFactory,
    IndicatorFactory,
    IndicatorValueFactory,
    ago,
    day,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def score(company: object) -> Indicator:
    return IndicatorFactory()


@pytest.fixture
def named(customer: Customer, score: Indicator) -> Customer:
    ExternalRef.objects.create(source="app", kind="customer", external_id="C-1", object_id=customer.pk)
    return customer


# --- By hand -----------------------------------------------------------------------------------
def test_record_value_keeps_it_in_thousandths_and_tells_of_it(
    customer: Customer, manager: User, score: Indicator
) -> None:
    TouchedCustomer.objects.all().delete()
    made = indicators.record_value(
        customer, indicator=score, value=Decimal("-72.0005"), occurred_at=ago(2), by=manager, at=NOW
    )
    assert (made.milli, made.value, made.worse) == (-72001, Decimal("-72.001"), "lower")
    assert (made.occurred_day, made.recorded_at) == (day(ago(2)), NOW)
    assert TouchedCustomer.objects.filter(customer=customer).count() == 1
    assert Event.objects.filter(kind="indicator.recorded", customer_id=customer.pk).count() == 1
    assert AuditEvent.objects.get(act="indicator.record").actor_id == manager.pk


@pytest.mark.parametrize("value", ["1000000000000", "-1000000000000", "NaN", "Infinity"])
def test_record_value_refuses_what_is_no_value(customer: Customer, score: Indicator, value: str) -> None:
    with pytest.raises(indicators.IndicatorValueRefused):
        indicators.record_value(customer, indicator=score, value=Decimal(value), by=None, at=NOW)
    assert not IndicatorValue.objects.exists()


def test_record_value_refuses_the_future_and_a_retired_indicator(
    customer: Customer, score: Indicator
) -> None:
    said: dict[str, Any] = {"value": Decimal(1), "by": None, "at": NOW}
    with pytest.raises(InTheFuture):
        indicators.record_value(customer, indicator=score, occurred_at=NOW + timedelta(seconds=1), **said)
    old = indicators.change_indicator(
        score, name_en="Old", name_zh="旧", unit="", is_retired=True, by=None, at=NOW
    )
    with pytest.raises(indicators.IndicatorRetired):
        indicators.record_value(customer, indicator=old, **said)
    assert not IndicatorValue.objects.exists()


def test_remove_value_keeps_the_earlier_version_and_is_done_once(customer: Customer) -> None:
    made = IndicatorValueFactory(customer=customer)
    for _twice in range(2):
        made = indicators.remove_value(made, by=None, at=NOW)
    assert made.void
    assert IndicatorValueVersion.objects.get().void is False
    assert AuditEvent.objects.filter(act="indicator.remove").count() == 1


# --- The catalogue -----------------------------------------------------------------------------
def test_define_indicator_refuses_a_code_that_is_taken_and_has_two_names(admin: User) -> None:
    said: dict[str, Any] = {"name_en": "Health", "name_zh": "健康度", "by": admin, "at": NOW}
    made = indicators.define_indicator(code="health", worse="lower", unit="%", **said)
    with pytest.raises(indicators.IndicatorExists):
        indicators.define_indicator(code="health", worse="higher", **said)
    made.refresh_from_db()
    assert (made.worse, made.unit, str(made)) == ("lower", "%", "Health")
    with translation.override("zh-hans"):
        assert str(made) == "健康度"
    assert AuditEvent.objects.filter(act="indicator.define").count() == 1


# --- Many at once ------------------------------------------------------------------------------
def record(number: int, **values: Any) -> IndicatorRecord:
    said: dict[str, Any] = {
        "external_id": f"H{number}",
        "customer": "C-1",
        "occurred_at": ago(number),
        "recorded_at": ago(number),
        "indicator": "health-score",
        "value": Decimal(number),
        **values,
    }
    return IndicatorRecord(**said)


def land(*records: IndicatorRecord) -> batch.Landed:
    return batch.upsert_indicators(records, source="app", batch=None, at=NOW)


def test_upsert_indicators_lands_once_and_changes_what_differs(named: Customer) -> None:
    told = [record(1), record(2, indicator="健康度"), record(3, indicator="Health score")]
    first, again = land(*told), land(*told)
    changed = land(record(1, value=Decimal("9.5")), *told[1:])
    assert (first.created, again.unchanged, changed.updated, changed.unchanged) == (3, 3, 1, 2)
    rows = IndicatorValue.objects.order_by("-occurred_at").values_list("milli", "worse")
    assert list(rows) == [(9500, "lower"), (2000, "lower"), (3000, "lower")]
    assert IndicatorValueVersion.objects.get().milli == 1000


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"indicator": "wealth"}, "indicator", "unknown_indicator"),
        ({"value": Decimal(10) ** 12}, "value", "indicator_value"),
        ({"customer": "C-9"}, "customer", "unknown_customer"),
    ],
)
def test_upsert_indicators_refuses_one_record_and_lands_the_others(
    named: Customer, values: dict[str, Any], field: str, code: str
) -> None:
    landed = land(record(1), record(2, **values))
    assert [(refusal.field, refusal.reason.code) for refusal in landed.refused] == [(field, code)]
    assert landed.created == IndicatorValue.objects.count() == 1


def test_file_of_values_is_understood_in_chinese_and_repeats_without_effect(
    named: Customer, tmp_path: Path
) -> None:
    path = tmp_path / "指标.csv"
    path.write_text(
        "记录编号,客户编号,日期,指标,数值\n1,C-1,2026-05-01,健康度,72.5\n2,C-1,2026-05-02,health-score,-3\n"
        "3,C-1,2026-05-03,财富,1\n4,C-1,2027-05-03,健康度,1\n",
        encoding="utf-8",
    )
    for created in (2, 0):
        report = batches.import_file(
            path, kinds.named("indicators"), mapping.from_data({"source": "app"}), by=None, at=NOW
        )
        assert (report.landed.created, report.refused) == (created, 2)
    assert sorted(IndicatorValue.objects.values_list("milli", flat=True)) == [-3000, 72500]


# --- Pages -------------------------------------------------------------------------------------
def test_admin_defines_and_retires_an_indicator_on_the_page(client: Client, admin: User, lead: User) -> None:
    client.force_login(admin)
    said = {"code": "nps", "name_en": "Score", "name_zh": "得分", "unit": "分", "worse": "lower"}
    assert client.post("/settings/indicators/", said).status_code == 302
    assert "Score" in client.get("/settings/indicators/").content.decode()
    assert client.post("/settings/indicators/", said).status_code == 422
    made = Indicator.objects.get()
    page = f"/settings/indicators/{made.pk}/"
    assert client.get(page).status_code == 200
    assert client.post(page, {"name_en": "", "name_zh": "得"}).status_code == 422
    changed = {"name_en": "S", "name_zh": "得", "unit": "", "is_retired": "on", "worse": "higher"}
    assert client.post(page, changed).status_code == 302
    made.refresh_from_db()
    assert (made.name_en, made.unit, made.is_retired, made.worse) == ("S", "", True, "lower")
    client.force_login(lead)
    assert client.get("/settings/indicators/").status_code == 403


def test_a_value_is_entered_and_taken_out_on_the_page_of_dealings(
    client: Client, manager: User, customer: Customer, score: Indicator
) -> None:
    client.force_login(manager)
    page = f"/customers/{customer.pk}/dealings/"
    for wrong in ({"indicator": score.pk, "value": "NaN"}, {"indicator": "x", "value": "1"}):
        assert client.post(f"{page}indicator/", wrong).status_code == 422
    assert client.post(f"{page}indicator/", {"indicator": score.pk, "value": "72.5"}).status_code == 302
    made = IndicatorValue.objects.get()
    shown = client.get(page).content.decode()
    assert "72.5" in shown and f"{page}indicator/{made.pk}/remove/" in shown
    assert client.post(f"{page}indicator/{made.pk}/remove/").status_code == 302
    assert IndicatorValue.objects.get().void
    other = IndicatorValueFactory(customer=CustomerFactory())
    assert client.post(f"{page}indicator/{other.pk}/remove/").status_code == 404
