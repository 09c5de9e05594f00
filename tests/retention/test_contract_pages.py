"""Contracts on pages: the calendar, one press, by hand, the feed for calendar programs, and the API."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from icalendar import Calendar

from customers import calendar_links
from customers import contracts as recording
from customers.ground import clock
from customers.models import CalendarLink, Contract
from retention import renewals
from retention.models import RetentionCase
from retention.pages import contracts as pages
from tests.factories import NOW, CustomerFactory, TeamFactory

pytestmark = pytest.mark.django_db
TODAY = date(2026, 5, 11)


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


def agreed(customer, *, ends=20, notice=None, value=1_200_000, **values):
    ends_on = TODAY + timedelta(days=ends)
    return recording.record_contract(
        customer,
        starts_on=ends_on - timedelta(days=364),
        ends_on=ends_on,
        notice_on=TODAY + timedelta(days=notice) if notice is not None else None,
        value=value,
        by=None,
        at=NOW - timedelta(days=300),
        **values,
    )


def in_chinese(client, user):
    user.language = "zh-hans"
    user.save()
    client.force_login(user)


# --- Calendar and list -------------------------------------------------------------------------
def test_calendar_shows_what_is_due_in_its_month_on_its_day(client, manager, customer):
    agreed(customer, ends=60, notice=10)  # 21 May
    agreed(CustomerFactory(owner=manager, name="In June"), ends=30)
    client.force_login(manager)
    page = client.get("/contracts/").content.decode()
    day = re.search(r"<td[^>]*><span class=\"cal-day\">21<.*?</td>", page, re.S).group()
    assert "Blue Lake Trading" in day and "¥12,000" in day and "In June" not in page
    assert "In June" in client.get("/contracts/?month=2026-06").content.decode()
    assert "Blue Lake" in client.get("/contracts/?month=rubbish").content.decode()


def test_list_shows_the_next_date_first_and_pages(client, manager, monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 2)
    for name, ends, notice in (("C", 50, None), ("A", 90, 5), ("B", 20, None), ("Old", -9, None)):
        agreed(CustomerFactory(owner=manager, name=f"Firm {name}"), ends=ends, notice=notice)
    client.force_login(manager)
    page = client.get("/contracts/?view=list").content.decode()
    assert re.findall(r"Firm \w+</a>", page) == ["Firm A</a>", "Firm B</a>"]
    older = re.search(r'rel="next" href="([^"]+)"', page).group(1).replace("&amp;", "&")
    assert re.findall(r"Firm \w+</a>", client.get("/contracts/" + older).content.decode()) == ["Firm C</a>"]
    assert client.get("/contracts/?view=list&after=x~y").status_code == 200


def test_value_renewing_is_summed_for_30_60_and_90_days_of_what_one_sees(client, manager, lead, outsider):
    for ends, value in ((30, 100_00), (31, 200_00), (90, 400_00), (91, 800_00)):
        agreed(CustomerFactory(owner=manager), ends=ends, value=value)
    agreed(CustomerFactory(owner=outsider), ends=5, value=9_999_00)
    decided = agreed(CustomerFactory(owner=manager), ends=5, value=5_000_00)
    renewals.renew(decided, by=manager, at=NOW)
    found = pages.figures(pages.contracts_of(lead), day=TODAY.toordinal())
    assert [(one["days"], one["count"], one["value"]) for one in found] == [
        (30, 1, 100_00),
        (60, 2, 300_00),
        (90, 3, 700_00),
    ]
    client.force_login(lead)
    for address in ("/", "/contracts/"):
        page = client.get(address).content.decode()
        assert "Renews within 90 days" in page and "¥700" in page and "9,999" not in page


def test_calendar_is_narrowed_by_owner_and_team(client, admin, manager, outsider):
    agreed(CustomerFactory(owner=manager, name="Northern"))
    agreed(CustomerFactory(owner=outsider, name="Southern"))
    client.force_login(admin)
    only = client.get(f"/contracts/?owner={manager.pk}").content.decode()
    assert "Northern" in only and "Southern" not in only
    other = client.get(f"/contracts/?team={outsider.team_id}&view=list").content.decode()
    assert "Southern" in other and "Northern" not in other
    Contract.objects.update(owner=None)  # as an import leaves it
    again = client.get(f"/contracts/?owner={manager.pk}&view=list").content.decode()
    assert "Northern" in again and "Southern" not in again and str(manager) in again
    assert "Northern" not in client.get("/contracts/?owner=nobody&view=list").content.decode()
    client.force_login(manager)
    assert 'name="team"' not in client.get("/contracts/").content.decode()


@pytest.mark.parametrize("address", ["/contracts/", "/contracts/?view=list"])
def test_calendar_asks_as_often_for_three_as_for_one(client, lead, manager, address):
    client.force_login(lead)

    def asked():
        agreed(CustomerFactory(owner=manager))
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        return len(queries)

    few = asked()
    asked()
    assert asked() <= few <= 12


@pytest.mark.parametrize("address", ["/contracts/", "/contracts/?view=list", "/contracts/calendar/"])
def test_pages_speak_chinese_and_say_when_they_are_empty(client, manager, address):
    in_chinese(client, manager)
    page = client.get(address)
    assert page.status_code == 200 and "合同" in page.content.decode()


# --- One contract ------------------------------------------------------------------------------
@pytest.mark.parametrize("act", ["renew", "renegotiate", "longer", "lapse"])
def test_foreign_contract_is_not_found(client, outsider, customer, act):
    contract = agreed(customer)
    client.force_login(outsider)
    assert client.get(f"/contracts/{contract.pk}/").status_code == 404
    assert client.get(f"/contracts/{contract.pk}/edit/").status_code == 404
    assert client.post(f"/contracts/{contract.pk}/{act}/").status_code == 404
    assert "Blue Lake" not in client.get("/contracts/").content.decode()
    assert Contract.objects.count() == 1


def test_one_press_on_the_case_writes_the_successor_and_comes_back(client, manager, customer):
    contract = agreed(customer, notice=5, number="K-1")
    renewals.nightly(at=NOW)
    case = RetentionCase.objects.get()
    client.force_login(manager)
    page = client.get(f"/cases/{case.pk}/").content.decode()
    assert f"/contracts/{contract.pk}/renew/" in page and "16 May" in page
    said = client.post(f"/contracts/{contract.pk}/renew/", {"next": f"/cases/{case.pk}/"})
    assert said.status_code == 302 and said["Location"] == f"/cases/{case.pk}/"
    assert Contract.objects.get(renews=contract).renewal == "same"
    assert f"/contracts/{contract.pk}/renew/" not in client.get(f"/cases/{case.pk}/").content.decode()
    again = client.post(f"/contracts/{contract.pk}/lapse/")
    assert again.status_code == 422
    away = client.post(f"/contracts/{agreed(customer).pk}/renew/", {"next": "https://evil.example/"})
    assert away["Location"].startswith("/contracts/")


def test_other_terms_and_refusals_keep_what_was_typed(client, manager, customer):
    contract = agreed(customer)
    client.force_login(manager)
    bad = client.post(f"/contracts/{contract.pk}/renegotiate/", {"value": "-1"})
    assert bad.status_code == 422 and 'value="-1"' in bad.content.decode()
    early = client.post(f"/contracts/{contract.pk}/longer/", {"ends_on": "2026-06-30"})
    assert early.status_code == 422 and "A longer term ends after" in early.content.decode()
    assert client.post(f"/contracts/{contract.pk}/longer/", {"ends_on": "9999-01-01"}).status_code == 422
    assert client.post(f"/contracts/{contract.pk}/renegotiate/", {"value": "99.50"}).status_code == 302
    assert Contract.objects.get(renews=contract).value == 9950


def test_states_are_told_on_the_page(client, manager, customer):
    client.force_login(manager)

    def said(contract):
        return client.get(f"/contracts/{contract.pk}/").content.decode()

    assert "notice date missed" in said(agreed(customer, notice=-1))
    assert "renews itself" in said(agreed(customer, notice=-1, auto_renew=True))
    over = agreed(customer, ends=-1)
    assert "ended without a renewal" in said(over)
    renewals.nightly(at=NOW)
    assert "counted as a loss" not in said(over)  # others of this customer go on
    alone = agreed(CustomerFactory(owner=manager), ends=-1)
    renewals.nightly(at=NOW + timedelta(days=1))
    assert "counted as a loss" in said(alone)


def test_contract_by_hand_is_made_and_corrected_never_over_somebody_else(client, manager, customer):
    client.force_login(manager)
    given = {"starts_on": "2026-06-01", "ends_on": "2027-05-31", "value": "1200", "currency": "CNY"}
    address = reverse("retention:contract_new", args=[customer.pk])
    assert client.get(address).status_code == 200
    assert client.post(address, given | {"ends_on": "2020-01-01"}).status_code == 422
    assert client.post(address, given | {"starts_on": "1200-01-01"}).status_code == 422
    client.post(address, given | {"number": "K-9", "owner": manager.pk})
    contract = Contract.objects.get()
    assert (contract.number, contract.value, contract.owner) == ("K-9", 120_000, manager)
    edit = reverse("retention:contract_edit", args=[contract.pk])
    version = re.search(r'name="version" value="([^"]+)"', client.get(edit).content.decode()).group(1)
    clock.fix(NOW + timedelta(hours=1))
    assert client.post(edit, given | {"value": "1300", "version": version}).status_code == 302
    late = client.post(edit, given | {"value": "1400", "version": version})
    assert late.status_code == 422 and "newer version" in late.content.decode()
    assert client.post(edit, given | {"value": "1500", "version": "x"}).status_code == 422
    contract.refresh_from_db()
    assert contract.value == 130_000


def test_days_before_the_notice_date_are_set_by_the_admin(client, admin, manager):
    client.force_login(manager)
    assert client.get("/settings/renewals/").status_code == 403
    client.force_login(admin)
    assert client.post("/settings/renewals/", {"days": "0"}).status_code == 422
    assert client.post("/settings/renewals/", {"days": "45"}).status_code == 302
    assert renewals.days_before() == 45
    assert 'value="45"' in client.get("/settings/renewals/").content.decode()


# --- The feed ----------------------------------------------------------------------------------
def feed(secret):
    return Client().get(f"/contracts/feed/{secret}.ics")


def test_feed_is_read_without_signing_in_and_shows_what_its_owner_may_see(manager, outsider, customer):
    agreed(customer, ends=60, notice=10, number="K-1")
    agreed(CustomerFactory(owner=outsider, name="Foreign"), ends=10)
    link, secret = calendar_links.make_link(manager, by=manager, at=NOW)
    answer = feed(secret)
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/calendar")
    assert not answer.cookies and answer["Cache-Control"] == "no-store"
    events = Calendar.from_ical(answer.content).walk("VEVENT")
    assert [(str(event["SUMMARY"]), event["DTSTART"].dt) for event in events] == [
        ("Notice until: Blue Lake Trading", date(2026, 5, 21)),
        ("Contract ends: Blue Lake Trading", date(2026, 7, 10)),
    ]
    assert secret not in link.secret_hash and len(secret) >= 43


def test_feed_opens_nothing_when_unknown_revoked_replaced_or_its_owner_left(client, manager):
    _link, first = calendar_links.make_link(manager, by=manager, at=NOW)
    _link, second = calendar_links.make_link(manager, by=manager, at=NOW)
    assert [feed(secret).status_code for secret in ("x" * 43, first, second)] == [404, 404, 200]
    manager.is_active = False
    manager.save()
    assert feed(second).status_code == 404
    manager.is_active = True
    manager.save()
    assert calendar_links.revoke_link(manager, by=manager, at=NOW)
    assert not calendar_links.revoke_link(manager, by=manager, at=NOW)
    assert feed(second).status_code == 404


def test_link_is_shown_once_and_revoked_by_its_owner(client, manager):
    client.force_login(manager)
    page = client.post("/contracts/calendar/").content.decode()
    address = re.search(r'value="(http[^"]+\.ics)"', page).group(1)
    assert feed(re.search(r"feed/(.+)\.ics", address).group(1)).status_code == 200
    assert ".ics" not in client.get("/contracts/calendar/").content.decode()
    client.post("/contracts/calendar/", {"act": "revoke"})
    assert not CalendarLink.objects.filter(revoked_at__isnull=True).exists()


def test_dealings_tell_how_each_contract_of_the_customer_stands(customer):
    agreed(customer, ends=60)
    agreed(CustomerFactory(team=TeamFactory()))
    rows = pages.contracts_of_customer(customer, day=TODAY.toordinal())
    assert [(row.customer, state) for row, state, _tone in rows] == [(customer, "running")]
