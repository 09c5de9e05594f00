"""Pages and API of contact limits and reservations: set by admins, seen by whom they concern."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from customers import contact as contacting
from customers.contact import Limit, Quiet
from customers.ground import clock
from customers.models import ContactReservation
from tests.api.conftest import Caller
from tests.customers.test_contact import agreeing, ask
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LIMITS = "customers:contact_limits"
LIST = "customers:reservation_list"


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


@pytest.fixture
def as_admin(client, admin):
    client.force_login(admin)
    return client


def sent(**changes):
    """Return what the form sends when nothing but ``changes`` is touched."""
    said = {"starts": "21:00", "ends": "08:00"}
    for code, limit in contacting.limits().items():
        said |= {f"most_{code}": limit.most or "", f"days_{code}": limit.days}
    return {**said, **changes}


@pytest.mark.parametrize(("language", "word"), [("en", "Quiet from"), ("zh-hans", "免打扰")])
def test_the_page_shows_the_limits_in_both_languages(as_admin, admin, language, word):
    admin.language = language
    admin.save()
    page = as_admin.get(reverse(LIMITS)).content.decode()
    assert word in page and 'value="21:00"' in page and 'name="most_together" value="4"' in page


def test_the_page_sets_limits_and_quiet_hours(as_admin):
    said = sent(starts="22:30", most_offer="", most_care="5", days_care="7")
    assert as_admin.post(reverse(LIMITS), said).status_code == 302
    assert contacting.quiet_hours() == Quiet(22 * 60 + 30, 8 * 60)
    now = contacting.limits()
    assert (now["offer"], now["care"], now["together"]) == (Limit(None, 30), Limit(5, 7), Limit(4, 30))


@pytest.mark.parametrize(
    "wrong", [{"most_offer": "0"}, {"days_care": ""}, {"days_care": "731"}, {"starts": "25:00"}]
)
def test_the_page_refuses_what_makes_no_sense(as_admin, wrong):
    answer = as_admin.post(reverse(LIMITS), sent(**wrong))
    assert answer.status_code == 422
    assert contacting.limits()["offer"] == Limit(2, 30)


def test_the_list_shows_what_waits_and_why_and_filters_and_pages(as_admin, company):
    contact = agreeing(name="Wang Jing")
    row = ask(contact, key="a", at=NOW + timedelta(hours=13))
    made = ask(contact, key="b")
    page = as_admin.get(reverse(LIST)).content.decode()
    assert "Wang Jing" in page and "quiet hours" in page and "granted" in page
    found = as_admin.get(reverse(LIST), {"state": "deferred"}).context["rows"]
    assert [one.pk for one in found] == [row.pk]
    assert [one.pk for one in as_admin.get(reverse(LIST), {"state": "x"}).context["rows"]] == [
        made.pk,
        row.pk,
    ]
    ContactReservation.objects.bulk_create(
        ContactReservation(
            customer=contact.customer,
            contact=contact,
            purpose="care",
            channel="email",
            key=f"n{number}",
            state="closed",
            reason="no_consent",
            asked_at=NOW,
            ended_at=NOW,
        )
        for number in range(60)
    )
    first = as_admin.get(reverse(LIST), {"state": "closed"})
    assert len(first.context["rows"]) == 50
    second = as_admin.get(reverse(LIST) + first.context["older"])
    assert len(second.context["rows"]) == 10 and second.context["older"] is None
    assert second.context["newer"] == "?state=closed"


def test_a_lead_sees_her_teams_only(client, lead, customer, company):
    ask(agreeing(name="Foreign Person"), key="a")
    ask(agreeing(customer=customer, is_main=False, name="Own Person"), key="b")
    client.force_login(lead)
    page = client.get(reverse(LIST)).content.decode()
    assert "Own Person" in page and "Foreign Person" in page  # who has no owner and no team is everybody's


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_asks_a_bounded_number_of_questions(as_admin, company, rows, django_assert_max_num_queries):
    for number in range(rows):
        ask(agreeing(), key=f"k{number}")
    with django_assert_max_num_queries(11):
        as_admin.get(reverse(LIST))


# --- API ---------------------------------------------------------------------------------------
def test_a_program_asks_before_it_writes(admin, company):
    call, contact = Caller(admin), agreeing()
    said = {"contact": contact.pk, "purpose": "offer", "channel": "email", "key": "shop:spring"}
    made = call("post", "contact-reservations/", said)
    assert made.status_code == 201, made.content
    assert (made.json()["state"], made.json()["key"]) == ("granted", f"api:{contact.pk}:shop:spring")
    assert call("post", "contact-reservations/", said).json()["id"] == made.json()["id"]
    other = call("post", "contact-reservations/", {**said, "contact": agreeing().pk})
    assert other.json()["id"] != made.json()["id"]
    listed = call.get("contact-reservations/", contact=contact.pk, state="granted").json()["results"]
    assert [one["id"] for one in listed] == [made.json()["id"]]


def test_a_program_takes_back_what_waits(admin, company):
    call, contact = Caller(admin), agreeing()
    contacting.set_limits({"offer": Limit(1, 30)}, by=None, at=NOW)
    said = {"contact": contact.pk, "purpose": "offer", "channel": "email"}
    first, second = (call("post", "contact-reservations/", {**said, "key": key}).json() for key in "ab")
    assert (second["state"], second["reason"]) == ("deferred", "limit_reached")
    back = call("post", f"contact-reservations/{second['id']}/take-back/")
    assert (back.status_code, back.json()["reason"]) == (200, "taken_back")
    refused = call("post", f"contact-reservations/{first['id']}/take-back/")
    assert (refused.status_code, refused.json()["code"]) == (409, "reservation_ended")


def test_a_program_reads_and_sets_limits(admin, manager):
    call = Caller(admin)
    said = {"limits": [{"code": "offer", "most": None, "days": 10}], "quiet_starts": 0, "quiet_ends": 0}
    answer = call("put", "contact-limits/", said)
    assert answer.status_code == 200, answer.content
    assert answer.json() == call.get("contact-limits/").json()
    assert {"code": "offer", "most": None, "days": 10} in answer.json()["limits"]
    assert (answer.json()["quiet_starts"], contacting.quiet_hours()) == (0, Quiet(0, 0))
    for wrong in ({"code": "service", "most": 1, "days": 1}, {"code": "offer", "most": 0, "days": 1}):
        assert call("put", "contact-limits/", {"limits": [wrong]}).status_code == 400
    assert Caller(manager)("put", "contact-limits/", said).status_code == 403
