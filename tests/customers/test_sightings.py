"""What competitors were seen to offer: recorded, removed, landed from files, moved, taken back, erased."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from customers import batch, competitors, merges, sightings
from customers.batch import SightingRecord
from customers.company import MissingRate
from customers.ground.models import AuditEvent, Event, ExchangeRate
from customers.imports import batches, kinds, mapping
from customers.models import (
    Competitor,
    CompetitorSighting,
    CompetitorSightingVersion,
    Customer,
    ExternalRef,
    TouchedCustomer,
    User,
)
from customers.movers import erase_references, erasers
from customers.writing import InTheFuture
from tests.customers.undoing import bring, take_back
from tests.factories import NOW, CompetitorFactory, CustomerFactory, ProductFactory, SightingFactory, ago, day

pytestmark = pytest.mark.django_db


# --- By hand -----------------------------------------------------------------------------------
def test_record_sighting_keeps_prices_and_tells_of_it(customer: Customer, manager: User) -> None:
    ExchangeRate.objects.create(currency="EUR", day=ago(9).date(), rate="8")
    TouchedCustomer.objects.all().delete()
    made = sightings.record_sighting(
        customer,
        competitor="Acme Ltd",
        offered=" 10 % off ",
        price_seen=9000,
        price_ours=9900,
        currency="EUR",
        learnt_from="visit",
        occurred_at=ago(2),
        by=manager,
        at=NOW,
    )
    assert (made.price_seen, made.price_ours, made.price_seen_base, made.price_ours_base) == (
        *(9000, 9900),
        *(72000, 79200),
    )
    assert (made.offered, made.currency, made.occurred_day) == ("10 % off", "EUR", day(ago(2)))
    assert made.recorded_at == NOW and not made.competitor.is_checked
    assert TouchedCustomer.objects.filter(customer=customer).count() == 1
    event = Event.objects.get(kind="sighting.recorded", customer_id=customer.pk)
    assert event.data == {"competitor": made.competitor_id}
    assert AuditEvent.objects.get(act="sighting.record").actor_id == manager.pk


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"price_seen": 0}, sightings.SightingPrice),
        ({"price_seen": -1}, sightings.SightingPrice),
        ({"price_seen": 5, "price_ours": 0}, sightings.SightingPrice),
        ({"price_ours": 5}, sightings.OursWithoutTheirs),
        ({"price_seen": 5, "currency": "EUR"}, MissingRate),
        ({"occurred_at": NOW + timedelta(seconds=1)}, InTheFuture),
        ({"competitor": "。"}, competitors.CompetitorNameRefused),
    ],
)
def test_record_sighting_refuses_in_words_and_writes_nothing(
    customer: Customer, values: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        sightings.record_sighting(customer, **{"competitor": "Acme", **values}, by=None, at=NOW)
    assert not CompetitorSighting.objects.exists()
    assert not Competitor.objects.exists()


def test_sighting_without_prices_needs_no_rate(customer: Customer) -> None:
    made = sightings.record_sighting(customer, competitor="Acme", currency="EUR", by=None, at=NOW)
    assert (made.currency, made.price_seen, made.price_ours_base) == ("", None, None)


def test_remove_sighting_keeps_the_earlier_version_and_is_done_once(customer: Customer) -> None:
    made = SightingFactory(customer=customer)
    for _twice in range(2):
        made = sightings.remove_sighting(made, by=None, at=NOW)
    assert made.void
    assert CompetitorSightingVersion.objects.get().void is False
    assert AuditEvent.objects.filter(act="sighting.remove").count() == 1


# --- Many at once ------------------------------------------------------------------------------
def record(number: int, **values: Any) -> SightingRecord:
    said: dict[str, Any] = {
        "external_id": f"S{number}",
        "customer": "C-1",
        "occurred_at": ago(number),
        "recorded_at": ago(number),
        "competitor": "Acme Ltd",
        "currency": "CNY",
        "has_prices": True,
        "price_seen": number * 100,
        "values": {"offered": f"offer {number}"},
        **values,
    }
    return SightingRecord(**said)


def land(*records: SightingRecord, at: Any = NOW) -> batch.Landed:
    return batch.upsert_sightings(records, source="app", batch=None, at=at)


@pytest.fixture
def named(customer: Customer) -> Customer:
    """The customer, whom the source calls C-1."""
    ExternalRef.objects.create(source="app", kind="customer", external_id="C-1", object_id=customer.pk)
    return customer


def test_upsert_lands_once_merges_spellings_and_changes_what_differs(named: Customer) -> None:
    product = ProductFactory(code="P-1")
    told = [record(1), record(2, competitor="ACME, Inc."), record(3, competitor="Zenith", product="P-1")]

    first = land(*told)
    again = land(*told)
    changed = land(record(1, price_ours=150), *told[1:])
    kept = land(record(1, has_prices=False, price_seen=None), *told[1:])

    assert (first.created, first.updated, first.unchanged) == (3, 0, 0)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 3)
    assert (changed.created, changed.updated, changed.unchanged) == (0, 1, 2)
    assert (kept.updated, kept.unchanged) == (0, 3)
    rows = CompetitorSighting.objects.order_by("-occurred_at").values_list(
        "competitor__name", "price_seen", "price_ours_base", "product"
    )
    assert list(rows) == [
        ("Acme Ltd", 100, 150, None),
        ("Acme Ltd", 200, None, None),
        ("Zenith", 300, None, product.pk),
    ]
    assert CompetitorSightingVersion.objects.get().price_ours is None
    assert set(Competitor.objects.values_list("is_checked", flat=True)) == {False}


def test_rerun_after_a_merge_writes_nothing(named: Customer) -> None:
    land(record(1, competitor="Acmee"))
    wrong, right = Competitor.objects.get(), CompetitorFactory(name="Acme")
    competitors.merge_competitors(wrong, into=right, by=None, at=NOW)
    assert land(record(1, competitor="Acmee")).unchanged == 1
    assert land(record(1, competitor="Acme")).unchanged == 1
    assert land(record(1, competitor="Zenith")).updated == 1
    assert not CompetitorSightingVersion.objects.exclude(competitor_id=wrong.pk).exists()


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"competitor": "--"}, "competitor", "competitor_name"),
        ({"product": "P-9"}, "product", "unknown_product"),
        ({"price_seen": 0}, "price_seen", "sighting_price"),
        ({"price_seen": None, "price_ours": 5}, "price_seen", "ours_without_theirs"),
        ({"currency": "EUR"}, "currency", "missing_rate"),
        ({"customer": "C-9"}, "customer", "unknown_customer"),
    ],
)
def test_upsert_refuses_one_record_and_lands_the_others(
    named: Customer, values: dict[str, Any], field: str, code: str
) -> None:
    landed = land(record(1), record(2, **values))
    assert [(refusal.field, refusal.reason.code) for refusal in landed.refused] == [(field, code)]
    assert landed.created == CompetitorSighting.objects.count() == Competitor.objects.count() == 1


def _file(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_file_of_sightings_is_understood_in_chinese_and_repeats_without_effect(
    named: Customer, tmp_path: Path
) -> None:
    path = _file(
        tmp_path / "竞品.csv",
        "记录编号,客户编号,发现日期,竞争对手,优惠内容,对手价格,我方价格,来源\n"
        "1,C-1,2026-05-01,红海商贸有限公司,九折,90,99.5,拜访\n2,C-1,2026-05-02,红海商贸,,,,\n"
        "3,C-1,2026-05-03,红海,,,5,\n4,C-1,2027-05-03,红海,,1,,\n5,C-1,2026-05-03,。,,1,,\n"
        "6,C-1,2026-05-03,红海,,0,,\n7,C-1,2026-05-03,红海,,1,,谣言\n",
    )
    for created in (2, 0):
        report = batches.import_file(
            path, kinds.named("sightings"), mapping.from_data({"source": "app"}), by=None, at=NOW
        )
        assert (report.landed.created, report.refused) == (created, 5)
    first, second = CompetitorSighting.objects.order_by("pk")
    assert (first.price_seen, first.price_ours, first.learnt_from, first.offered) == (
        *(9000, 9950),
        *("visit", "九折"),
    )
    assert (second.price_seen, second.currency, second.learnt_from) == (None, "", "other")
    assert first.competitor == second.competitor == Competitor.objects.get()


# --- What becomes of them ----------------------------------------------------------------------
def test_sightings_go_with_their_customer_when_two_become_one(customer: Customer, admin: User) -> None:
    other = CustomerFactory(name="Blue Lake Trading 2", owner=customer.owner)
    seen = SightingFactory(customer=other)
    merge = merges.merge_customers(customer, other, values={}, reason="same phone", by=admin, at=NOW)
    seen.refresh_from_db()
    assert seen.customer == customer
    merges.undo_merge(merge, by=admin, at=NOW + timedelta(hours=1))
    seen.refresh_from_db()
    assert seen.customer == other


def test_erasing_blanks_the_words_and_forgets_the_names_of_the_source(named: Customer) -> None:
    land(record(1))
    erasers()[CompetitorSighting]("customer", named.pk)
    erase_references("customer", named.pk)
    seen = CompetitorSighting.objects.get()
    assert (seen.offered, seen.price_seen) == ("", 100)
    assert not ExternalRef.objects.filter(kind="sighting").exists()


def test_import_of_sightings_is_taken_back(named: Customer, tmp_path: Path) -> None:
    header = "id,customer,date,competitor,price\n"
    bring(tmp_path, "sightings", header + "1,C-1,2026-05-01,Acme,90\n", source="app")
    wrong = "1,C-1,2026-05-01,Zenith,80\n2,C-1,2026-05-02,Zenith,70\n"
    take_back(bring(tmp_path, "sightings", header + wrong, source="app", at=NOW + timedelta(hours=1)))
    standing = CompetitorSighting.objects.filter(void=False)
    assert [(row.competitor.name, row.price_seen) for row in standing] == [("Acme", 9000)]
