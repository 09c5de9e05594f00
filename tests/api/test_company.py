"""The company by API: set up, calendar, days that differ, exchange rates."""

from __future__ import annotations

import pytest

from customers.ground.models import CalendarException, Company, ExchangeRate
from tests.factories import OrderFactory

SAID = {
    "name": "Blue Lake",
    "language": "en",
    "base_currency": "EUR",
    "time_zone": "Europe/Berlin",
    "margin": "0.25",
}
WEEK = [*["09:00-17:00"] * 5, "", ""]


def test_an_admin_sets_the_company_up_and_changes_it(caller, admin):
    Company.objects.all().delete()
    call = caller(admin)
    assert call("put", "company/", SAID).json() == {**SAID, "is_demo": False}
    assert call.get("company/").json()["margin"] == "0.25"
    OrderFactory()
    fixed = call("put", "company/", {**SAID, "base_currency": "CNY"})
    assert (fixed.status_code, fixed.json()["code"]) == (409, "company_fixed")
    assert call("put", "company/", {**SAID, "margin": "0.3"}).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"margin": "2"}, 400),
        ({"language": "xx"}, 400),
        ({"time_zone": "Mars"}, 409),
        ({"base_currency": "QQQ"}, 409),
    ],
)
def test_what_is_no_company_is_refused(caller, admin, wrong, status):
    assert caller(admin)("put", "company/", {**SAID, **wrong}).status_code == status
    assert Company.objects.get().base_currency == "CNY"


def test_an_admin_sets_the_week_and_days_that_differ(caller, admin):
    call = caller(admin)
    shown = call("put", "calendar/", {"country": "CN", "week": WEEK}).json()
    assert (shown["week"], shown["country"]) == (WEEK, "CN")
    assert call("put", "calendar/", {"country": "", "week": [""] * 7}).json()["code"] == "no_working_time"
    assert call("put", "calendar/", {"country": "", "week": ["x"] * 7}).status_code == 400
    new = call("post", "calendar-exceptions/", {"day": "2026-05-11", "hours": "10:00-12:00"})
    assert (new.status_code, new.json()["hours"], new.json()["is_own"]) == (201, "10:00-12:00", True)
    assert call("post", f"calendar-exceptions/{new.json()['id']}/remove/").status_code == 200
    delivered = call.get("calendar-exceptions/", since="2026-06-19", until="2026-06-19").json()["results"]
    refused = call("post", f"calendar-exceptions/{delivered[0]['id']}/remove/")
    assert (refused.status_code, refused.json()["code"]) == (409, "calendar_delivered")
    assert not CalendarException.objects.filter(is_own=True).exists()


def test_an_admin_enters_a_rate_and_mends_it(caller, admin):
    call, said = caller(admin), {"currency": "GBP", "day": "2026-05-01", "rate": "9.1"}
    first = call("post", "exchange-rates/", said)
    again = call("post", "exchange-rates/", {**said, "rate": "9.2"})
    assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert str(ExchangeRate.objects.get().rate.normalize()) == "9.2"
    base = call("post", "exchange-rates/", {**said, "currency": "CNY"})
    assert (base.status_code, base.json()["code"]) == (409, "rate_of_base")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("put", "company/"),
        ("put", "calendar/"),
        ("post", "exchange-rates/"),
        ("post", "calendar-exceptions/"),
    ],
)
def test_nobody_but_an_admin_changes_them(caller, lead, method, path):
    assert caller(lead)(method, path, {}).status_code == 403
