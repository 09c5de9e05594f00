"""Distributions in the browser: made, looked at before they start, started, and each ask with its reason."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.ground import clock
from customers.models import Contact
from surveys import building
from surveys.distributions import making, planning
from surveys.models import Distribution, PlannedAsk
from tests.factories import ContactFactory, CustomerFactory, TeamFactory, UserFactory
from tests.surveys.distributing import NOW, distribution, drained, listed, live, people, person, running
from tests.surveys.makers import WHO

pytestmark = pytest.mark.django_db
PERIODIC = {
    "name": "Each quarter",
    "period_days": "90",
    "whom": "main",
    "channel": "email",
    "fallback": "",
    "share": "100",
    "per_day": "20",
    "remind_after": "4",
    "useful_days": "14",
    "not_asked_days": "30",
}


@pytest.fixture(autouse=True)
def _now(company: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def boss(client: Client, admin: Any) -> Client:
    client.force_login(admin)
    return client


def page(name: str, *args: Any, kind: str = "") -> str:
    return reverse(f"surveys:{name}", args=args) + (f"?kind={kind}" if kind else "")


def of(one: Distribution, name: str = "distribution", *more: Any) -> str:
    return page(name, one.survey.code, one.pk, *more)


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


# --- Making -----------------------------------------------------------------------------------
def test_kind_is_chosen_first_and_its_form_asks_only_what_it_needs(boss):
    survey = live()
    html = text_of(boss, page("distribution_new", survey.code))
    for kind in ("list", "segment", "event", "periodic"):
        assert f'href="?kind={kind}"' in html
    asked = {
        "list": set(),
        "segment": {"group", "whom", "team"},
        "event": {"group", "trigger", "delay_days", "team"},
        "periodic": {"group", "period_days", "whom", "team"},
    }
    for kind, fields in asked.items():
        html = text_of(boss, page("distribution_new", survey.code, kind=kind))
        found = {name for name in set().union(*asked.values()) if f'name="{name}"' in html}
        assert found == fields, kind


def test_draft_is_made_previewed_started_paused_and_ended(boss):
    survey = live()
    contacts = people(3)
    answer = boss.post(page("distribution_new", survey.code, kind="periodic"), PERIODIC)
    one = Distribution.objects.get()
    assert answer["Location"] == of(one)
    assert (one.status, one.period_days, one.per_day, one.remind_after) == ("draft", 90, 20, 4)
    html = text_of(boss, of(one))
    assert "If it is started now" in html
    assert "no sender is in use" in html
    for act, status in (("start", "live"), ("pause", "paused"), ("resume", "live"), ("end", "ended")):
        boss.post(of(one, "distribution_act", act))
        one.refresh_from_db()
        assert one.status == status
    assert "What became of it" in text_of(boss, of(one))
    assert len(contacts) == 3


def test_what_is_wrong_stands_at_its_field_and_nothing_is_made(boss):
    survey = live()
    for field, value in (("period_days", "3"), ("share", "0"), ("fallback", "email"), ("name", " ")):
        answer = boss.post(page("distribution_new", survey.code, kind="periodic"), PERIODIC | {field: value})
        assert answer.status_code == 422
        assert f'id="id_{field}_error"' in answer.content.decode(), field
    assert not Distribution.objects.exists()


def test_started_one_is_changed_but_for_whom_it_asks(boss):
    one = running(kind="periodic", period_days=90)
    html = text_of(boss, of(one, "distribution_edit"))
    assert 'name="period_days"' not in html
    assert 'name="per_day"' in html
    assert boss.post(of(one, "distribution_edit"), PERIODIC | {"per_day": "3"}).status_code == 302
    one.refresh_from_db()
    assert (one.per_day, one.period_days, one.status) == (3, 90, "live")


def test_refused_act_says_why(boss):
    answer = boss.post(of(distribution(), "distribution_act", "start"), follow=True)
    assert "Nobody is chosen yet. Add people first." in answer.content.decode()
    assert boss.post(of(distribution(), "distribution_act", "explode")).status_code == 404
    survey = live("closing")
    one = distribution(survey)
    building.close_survey(survey, **WHO)
    assert boss.post(page("distribution_new", survey.code, kind="list"), PERIODIC).status_code == 422
    assert (
        "This survey is not live"
        in boss.post(of(one, "distribution_act", "start"), follow=True).content.decode()
    )


# --- People -----------------------------------------------------------------------------------
def test_people_are_pasted_good_lines_land_and_bad_ones_are_told(boss):
    one = distribution()
    good, twin = person(email="Good@Example.org"), person(email="twin@example.org")
    ContactFactory(email="twin@example.org")
    number = CustomerFactory().pk
    lines = f"good@example.org\n\ntwin@example.org\nnobody@example.org\n{number}\ngood@example.org"
    answer = boss.post(of(one, "distribution_people"), {"text": lines})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "2 lines name nobody" in html
    assert "2 people have this address" in html
    assert "Nobody is known by this" in html
    assert set(PlannedAsk.objects.values_list("contact", flat=True)) == {
        good.pk,
        Contact.objects.get(customer=number).pk,
    }
    assert twin.pk


@pytest.mark.parametrize("name", ["email", "E-Mail"])
def test_file_needs_a_column_that_we_know(boss, name):
    one, contact = distribution(), person(email="she@example.org")
    upload = SimpleUploadedFile("people.csv", f"no,{name}\n1,she@example.org\n".encode())
    answer = boss.post(of(one, "distribution_people"), {"file": upload})
    if name == "email":
        assert answer.status_code == 302
        assert PlannedAsk.objects.get().contact == contact
    else:
        assert answer.status_code == 422
        assert "The file needs a column called email, contact or customer" in answer.content.decode()
        assert not PlannedAsk.objects.exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04nonsense", b"\x00\x01\x02", b"\xd0\xcf\x11\xe0old"])
def test_file_that_is_no_table_is_refused_in_words(boss, data):
    answer = boss.post(of(distribution(), "distribution_people"), {"file": SimpleUploadedFile("p.csv", data)})
    assert answer.status_code == 422
    assert "field-bad" in answer.content.decode()


def test_neither_text_nor_file_and_both_are_refused(boss):
    one = distribution()
    upload = SimpleUploadedFile("p.csv", b"email\nshe@example.org\n")
    for sent in ({}, {"text": "x@example.org", "file": upload}):
        assert boss.post(of(one, "distribution_people"), sent).status_code == 422
    assert not PlannedAsk.objects.exists()


# --- Who sees what ----------------------------------------------------------------------------
def test_roles_see_and_run(client, lead, manager, analyst, admin, company):
    one = running(kind="periodic", period_days=90, team_id=lead.team_id)
    foreign = running(live("other"), kind="periodic", period_days=90, team_id=TeamFactory().pk)
    everybody = running(live("third"), kind="periodic", period_days=90)
    sees = {lead: [200, 404, 404], analyst: [200] * 3, admin: [200] * 3, manager: [403] * 3}
    for user, codes in sees.items():
        client.force_login(user)
        assert [client.get(of(each)).status_code for each in (one, foreign, everybody)] == codes
    client.force_login(analyst)
    assert client.post(of(one, "distribution_act", "pause")).status_code == 403
    assert client.post(of(one, "distribution_people"), {"text": "1"}).status_code == 403
    client.force_login(lead)
    assert client.post(of(foreign, "distribution_act", "pause")).status_code == 404
    one.refresh_from_db()
    assert one.status == "live"


def test_lead_adds_and_sees_only_customers_that_she_may_see(client, lead):
    mine = CustomerFactory(team=lead.team).contacts.get()
    theirs = CustomerFactory(team=TeamFactory(), owner=UserFactory()).contacts.get()
    one = distribution(by=lead)
    client.force_login(lead)
    html = client.post(
        of(one, "distribution_people"), {"text": f"{mine.email}\n{theirs.email}"}
    ).content.decode()
    assert "1 line names nobody" in html
    assert set(PlannedAsk.objects.values_list("contact", flat=True)) == {mine.pk}
    making.add_people(one, [theirs], **WHO)  # by an admin
    html = text_of(client, of(one))
    assert mine.name in html
    assert theirs.name not in html


def test_preview_shows_only_customers_that_one_may_see_but_counts_all(client, lead):
    from surveys.distributions.preview import preview

    mine = CustomerFactory(team=lead.team).contacts.get()
    CustomerFactory(team=TeamFactory())
    one = distribution(kind="periodic", period_days=7)
    found = preview(one, user=lead, at=NOW)
    assert found.people == 2
    assert {each.contact.pk for each in found.first} <= {mine.pk}


# --- The log ----------------------------------------------------------------------------------
def test_log_says_of_each_what_became_of_it_and_pages(boss):
    without = person(name="Without Address", email="")
    one = listed([without, *people(60)], per_day=5)
    drained()
    html = text_of(boss, of(one))
    assert html.count('<th scope="row" class="break">') == 50
    assert "?before=" in html
    html = text_of(boss, of(one) + "?shown=not_asked")
    assert html.count('<th scope="row" class="break">') == 1
    assert "Without Address" in html
    assert "no address to reach" in html


def test_pages_cost_the_same_with_more_rows(boss):
    survey = live()
    first = listed([person()], survey=survey)
    drained()
    text_of(boss, of(first))  # what is kept from one request to the next is kept
    counts = []
    for _round in range(2):
        with CaptureQueriesContext(connection) as asked:
            text_of(boss, of(first))
        with CaptureQueriesContext(connection) as listed_:
            text_of(boss, page("distribution_list", survey.code))
        counts.append((len(asked), len(listed_)))
        making.add_people(first, people(2), **WHO)
        for number in range(2):
            distribution(survey, name=f"More {number}")
        drained()
    assert counts[0] == counts[1]
    assert max(counts[0]) <= 30


def test_preview_is_bounded_however_many_it_is_for(boss):
    one = distribution(kind="periodic", period_days=7)
    people(60)
    with CaptureQueriesContext(connection) as asked:
        html = text_of(boss, of(one))
    assert len(asked) <= 120  # of at most ten people that are shown
    assert html.count('<li class="stack-item break">') <= 10


def test_fault_is_shown(boss):
    one = running(kind="periodic", period_days=90)
    Distribution.objects.update(fault="audience")
    assert "It stands still." in text_of(boss, of(one))
    assert "stands still" in text_of(boss, page("distribution_list", one.survey.code))
    planning.run(at=NOW)
    assert "It stands still." not in text_of(boss, of(one))


@pytest.mark.parametrize("route", ["distribution_list", "survey"])
def test_navigation_says_that_one_is_among_the_surveys(boss, route):
    html = text_of(boss, page(route, live().code))
    assert f'href="{reverse("surveys:survey_list")}" aria-current="page"' in html
