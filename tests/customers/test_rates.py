"""Exchange rates by hand: entered, mended, listed; facts that stand keep theirs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers import company as firm
from customers import rates
from customers.ground.models import AuditEvent, ExchangeRate
from customers.ground.money import UnknownCurrency
from customers.models import User
from tests.factories import NOW

pytestmark = pytest.mark.django_db
DAY = date(2026, 5, 1)


def set_rate(admin: User, rate: str, *, currency: str = "GBP", day: date = DAY) -> bool:
    _row, is_new = rates.set_rate(currency=currency, day=day, rate=Decimal(rate), by=admin, at=NOW)
    return is_new


def test_rate_counts_from_its_day_and_is_mended(admin: User) -> None:
    assert set_rate(admin, "9.1234")
    with pytest.raises(firm.MissingRate):
        firm.rate_of("GBP", day=date(2026, 4, 30))
    assert firm.rate_of("GBP", day=date(2026, 6, 1)) == Decimal("9.1234")
    assert not set_rate(admin, "9.2")
    assert firm.rate_of("GBP", day=DAY) == Decimal("9.2")
    assert AuditEvent.objects.filter(act="rate.set", actor_id=admin.pk).count() == 2


@pytest.mark.parametrize(
    ("rate", "currency", "refusal"),
    [
        ("0", "GBP", rates.RateOutOfRange),
        ("-1", "GBP", rates.RateOutOfRange),
        ("0.000000001", "GBP", rates.RateOutOfRange),
        ("1000000000", "GBP", rates.RateOutOfRange),
        ("1", "CNY", rates.RateOfBase),
        ("1", "XQQ", UnknownCurrency),
    ],
)
def test_what_is_no_rate_is_refused(admin: User, rate: str, currency: str, refusal: Any) -> None:
    with pytest.raises(refusal):
        set_rate(admin, rate, currency=currency)
    assert not ExchangeRate.objects.exists()


@pytest.mark.parametrize("rate", ["0.00000001", "999999.9999"])
def test_rates_at_the_edge_are_kept(admin: User, rate: str) -> None:
    set_rate(admin, rate)
    assert ExchangeRate.objects.get().rate == Decimal(rate)


def test_page_enters_lists_and_filters(client: Client, admin: User) -> None:
    client.force_login(admin)
    said = {"currency": "GBP", "day": "2026-05-01", "rate": "10"}
    assert client.post(reverse("customers:rate_list"), said).status_code == 302
    set_rate(admin, "7.84", currency="EUR")
    page = client.get(reverse("customers:rate_list")).content.decode()
    assert ">10<" in page and ">7.84<" in page
    only = client.get(reverse("customers:rate_list"), {"currency": "EUR"}).content.decode()
    assert ">10<" not in only and ">7.84<" in only
    for bad in ({"rate": "0"}, {"rate": "x"}, {"currency": "CNY"}, {"day": ""}):
        assert client.post(reverse("customers:rate_list"), {**said, **bad}).status_code == 422


@pytest.mark.parametrize("more", [1, 3])
def test_page_takes_the_same_queries_for_any_number(
    client: Client, admin: User, more: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(more):
        set_rate(admin, "9", day=date(2026, 1, number + 1))
    client.force_login(admin)
    with django_assert_max_num_queries(8):
        client.get(reverse("customers:rate_list"))


@pytest.mark.parametrize(("language", "word"), [("en", "New rate"), ("zh-hans", "新汇率")])
def test_page_speaks_both_languages(client: Client, admin: User, language: str, word: str) -> None:
    User.objects.filter(pk=admin.pk).update(language=language)
    client.force_login(admin)
    assert word in client.get(reverse("customers:rate_list")).content.decode()


@pytest.mark.parametrize("role", ["lead", "manager", "analyst"])
def test_only_admins_open_the_rates(client: Client, request: Any, role: str) -> None:
    client.force_login(request.getfixturevalue(role))
    assert client.get(reverse("customers:rate_list")).status_code == 403
