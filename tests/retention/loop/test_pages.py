"""Pages of the way back: the list, the page with its next step, figures; who sees what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Complaint, Contact, Customer, User
from retention import loop as looping
from retention.loop import figures, policy
from retention.models import LoopClosure, RetentionCase
from tests.factories import NOW, CustomerFactory
from tests.retention.loop.world import SOON, WORDS, asked, drained, filed, mentioned, unknown, worked
from tests.retention.makers import cause

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _now() -> None:
    from customers.ground import clock

    clock.fix(SOON)


@pytest.fixture
def loop(customer: Customer) -> LoopClosure:
    return filed(customer)


def shown(client: Client, user: User, query: str = "") -> set[int]:
    client.force_login(user)
    response = client.get(reverse("retention:loop_list") + query)
    assert response.status_code == 200
    return {loop.pk for loop, _words in response.context["rows"]}


def post(client: Client, user: User, loop: LoopClosure, act: str, **data: Any) -> Any:
    client.force_login(user)
    return client.post(reverse("retention:loop_act", args=[loop.pk, act]), data)


def test_list_shows_each_what_is_hers(
    client: Client, loop: LoopClosure, manager: User, teammate: User, lead: User, outsider: User, admin: User
) -> None:
    unknown()
    drained()
    nobodys = LoopClosure.objects.get(source="unknown")
    assert nobodys.owner == lead
    assert shown(client, manager) == {loop.pk}
    assert shown(client, outsider, "?view=all") == set()
    assert shown(client, lead, "?view=team") == {loop.pk, nobodys.pk}
    assert shown(client, lead) == {nobodys.pk}
    assert shown(client, admin) == {loop.pk, nobodys.pk}
    assert shown(client, admin, "?source=unknown") == {nobodys.pk}
    assert shown(client, admin, "?state=confirmed") == set()
    assert shown(client, admin, "?state=nonsense&page=999&view=x") == {loop.pk, nobodys.pk}


def test_page_of_a_strangers_loop_is_not_there(client: Client, loop: LoopClosure, outsider: User) -> None:
    client.force_login(outsider)
    assert client.get(reverse("retention:loop", args=[loop.pk])).status_code == 404
    assert post(client, outsider, loop, "take").status_code == 404
    assert LoopClosure.objects.get().owner != outsider


def test_analyst_looks_and_does_nothing(client: Client, loop: LoopClosure, analyst: User) -> None:
    client.force_login(analyst)
    response = client.get(reverse("retention:loop", args=[loop.pk]))
    assert response.status_code == 200 and not response.context["is_working"]
    assert post(client, analyst, loop, "take").status_code == 403


def test_whole_way_by_the_pages(client: Client, loop: LoopClosure, manager: User, lead: User) -> None:
    client.force_login(manager)
    url = reverse("retention:loop", args=[loop.pk])
    assert client.get(url).context["next"] == "contact"
    refused = post(client, manager, loop, "ask", message=WORDS, by_hand="on")
    assert refused.status_code == 422 and "the cause" in refused.text
    assert (
        post(client, manager, loop, "contact", kind="call", reached="yes", text="Hello.").status_code == 302
    )
    assert client.get(url).context["next"] == "diagnose"
    post(client, manager, loop, "diagnose", cause=cause("price").pk)
    assert client.get(url).context["next"] == "act"
    assert post(client, manager, loop, "act", action="thanked", text="x").status_code == 422
    post(client, manager, loop, "act", action="corrected", text="Mended.")
    assert client.get(url).context["next"] == "ask"
    post(client, manager, loop, "ask", message=WORDS, by_hand="on")
    assert LoopClosure.objects.get().state == "asked"
    post(client, manager, loop, "not-solved", words="Still broken.")
    assert LoopClosure.objects.get().owner == lead
    assert post(client, manager, loop, "nonsense").status_code == 404


def test_colleague_who_was_told_writes_how(client: Client, loop: LoopClosure, manager: User) -> None:
    asked(loop, by=manager)
    client.force_login(manager)
    page = client.get(reverse("retention:loop", args=[loop.pk])).text
    assert 'popovertarget="confirm"' in page and 'id="confirm"' in page
    refused = post(client, manager, loop, "confirm", words="")
    assert refused.status_code == 422 and refused.context["open_sheet"] == "confirm_form"
    assert LoopClosure.objects.get().state == "asked"
    assert post(client, manager, loop, "confirm", words="On the phone.").status_code == 302
    assert LoopClosure.objects.get().confirmed_by_us
    assert "as told to us" in client.get(reverse("retention:loop", args=[loop.pk])).text


def test_only_leads_see_how_to_take_a_complaint_back(
    client: Client, loop: LoopClosure, manager: User, lead: User
) -> None:
    url = reverse("retention:loop", args=[loop.pk])
    for user, may in ((manager, False), (lead, True)):
        client.force_login(user)
        assert ('popovertarget="withdraw"' in client.get(url).text) == may
    assert post(client, manager, loop, "withdraw", reason="x").status_code == 422
    assert LoopClosure.objects.get().state == "assigned"
    post(client, lead, loop, "withdraw", reason="Filed twice.")
    assert LoopClosure.objects.get().state == "withdrawn"


def test_unknown_with_an_address_is_answered_there_by_the_page(client: Client, lead: User) -> None:
    row = unknown(stated_reach="me@example.org")
    drained()
    loop = LoopClosure.objects.get()
    client.force_login(lead)
    page = client.get(reverse("retention:loop", args=[loop.pk])).text
    assert "Answered directly" in page and "Answered in public" not in page
    assert post(client, lead, loop, "answer", words="By mail.").status_code == 302
    row.refresh_from_db()
    assert row.answered == "direct"


def test_known_customer_with_an_address_is_not_offered_an_answer_in_public(
    client: Client, loop: LoopClosure, manager: User
) -> None:
    client.force_login(manager)
    url = reverse("retention:loop", args=[loop.pk])
    assert 'popovertarget="answer"' not in client.get(url).text
    Contact.objects.update(email="", phone="")
    assert 'popovertarget="answer"' in client.get(url).text


def test_what_went_to_the_lead_is_not_offered_to_the_manager(
    client: Client, loop: LoopClosure, manager: User, lead: User
) -> None:
    looping.not_solved(asked(loop, by=manager), by=None, at=SOON)
    url, button = (
        reverse("retention:loop", args=[loop.pk]),
        reverse("retention:loop_act", args=[loop.pk, "take"]),
    )
    client.force_login(manager)
    assert button not in client.get(url).text
    told = client.post(button, follow=True)
    assert "team lead or an admin can give it to you" in told.text
    assert LoopClosure.objects.get().owner == lead
    LoopClosure.objects.update(owner=None)
    assert button in client.get(url).text
    assert post(client, manager, loop, "take").status_code == 302
    assert LoopClosure.objects.get().owner == manager


def test_lead_gives_it_to_a_colleague_and_a_manager_may_not(
    client: Client, loop: LoopClosure, manager: User, teammate: User, lead: User
) -> None:
    url = reverse("retention:loop_assign", args=[loop.pk])
    client.force_login(manager)
    assert client.post(url, {"to": teammate.pk}).status_code == 403
    client.force_login(lead)
    assert client.post(url, {"to": teammate.pk}).status_code == 302
    assert LoopClosure.objects.get().owner == teammate
    assert client.post(url, {"to": "x"}).status_code == 422


def test_complaint_page_leads_to_what_is_missing(client: Client, loop: LoopClosure, manager: User) -> None:
    client.force_login(manager)
    complaint = Complaint.objects.get()
    response = client.post(reverse("retention:complaint_act", kwargs={"pk": complaint.pk, "act": "resolve"}))
    assert response["Location"] == reverse("retention:loop", args=[loop.pk])


def test_case_customer_and_first_page_show_the_loop(client: Client, loop: LoopClosure, manager: User) -> None:
    client.force_login(manager)
    link = reverse("retention:loop", args=[loop.pk])
    for page in (
        reverse("retention:case", args=[RetentionCase.objects.get().pk]),
        reverse("retention:customer", args=[loop.customer_id]),
    ):
        assert link in client.get(page).text
    assert client.get(reverse("retention:home")).context["loop_times"].received == 1


def test_text_of_a_stranger_is_no_markup(client: Client, manager: User, customer: Customer) -> None:
    loop = filed(customer, text="<img src=x onerror=alert(1)>")
    client.force_login(manager)
    for url in (reverse("retention:loop", args=[loop.pk]), reverse("retention:loop_list")):
        assert "<img src=x" not in client.get(url).text


def test_settings_are_for_admins(client: Client, admin: User, lead: User) -> None:
    url = reverse("retention:loop_settings")
    client.force_login(lead)
    assert client.get(url).status_code == 403
    client.force_login(admin)
    assert client.post(url, {"silent_days": 0}).status_code == 422
    assert client.post(url, {"silent_days": 3}).status_code == 302
    assert policy.silent_days() == 3


@pytest.mark.parametrize("page", ["list", "page"])
def test_pages_need_as_many_queries_for_three_as_for_one(
    client: Client, loop: LoopClosure, admin: User, page: str
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.force_login(admin)
    url = reverse("retention:loop_list") if page == "list" else reverse("retention:loop", args=[loop.pk])
    client.get(url)
    with CaptureQueriesContext(connection) as one:
        client.get(url)
    for _n in range(3):
        filed(CustomerFactory())
        mentioned()
        looping.log_contact(loop, text="x", by=admin, at=SOON)
    drained()
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) <= len(one)


# --- Figures -----------------------------------------------------------------------------------
def test_figures_count_all_feedback_in_working_time(
    client: Client, customer: Customer, manager: User, lead: User, admin: User
) -> None:
    # Monday 10:00; the company works 9–12 and 13:30–18
    quick, slow, silent, open_one = (filed(customer) for _n in range(4))
    worked(quick, by=manager, at=NOW + HOUR)
    looping.ask_customer(quick, message=WORDS, by_hand=True, by=manager, at=NOW + HOUR)
    looping.confirm(quick, by=None, at=NOW + 2 * HOUR)
    late = NOW + timedelta(days=1, hours=1)  # Tuesday 11:00
    asked(slow, by=manager, at=late)
    looping.not_solved(slow, by=None, at=late)
    asked(LoopClosure.objects.get(pk=slow.pk), by=lead, at=late + HOUR)
    asked(silent, by=manager, at=NOW + HOUR)
    looping.expire(at=NOW + timedelta(days=9))
    found = figures.figures(LoopClosure.objects.all(), since=NOW, until=NOW + timedelta(days=1), by="owner")
    whole = found.whole
    assert (whole.received, whole.open, whole.confirmed, whole.unconfirmed, whole.reopened) == (4, 1, 1, 2, 1)
    assert whole.contacted_in_time == 2 and whole.contact_share == 0.5
    assert whole.to_contact.count(1.0) == 2 and max(whole.to_contact) == 8.5
    assert (whole.contact_median, whole.contact_p90) == (1.0, 8.5)
    assert open_one.contacted_at is None and {one.label for one in found.groups} == {str(manager), str(lead)}
    client.force_login(admin)
    url = reverse("retention:loop_figures")
    response = client.get(url + "?since=2026-05-11&until=2026-05-11&by=source")
    assert response.context["figures"].whole.received == 4
    file = client.get(url + "?since=2026-05-11&until=2026-05-11&by=source&format=csv")
    assert b"complaint,4," in b"".join(file.streaming_content)


def test_figures_show_only_what_one_may_see(client: Client, loop: LoopClosure, outsider: User) -> None:
    client.force_login(outsider)
    assert client.get(reverse("retention:loop_figures")).context["figures"].whole.received == 0


@pytest.mark.parametrize("query", ["?since=2026-05-11&until=2026-05-01", "?since=0001-01-01", "?since=x"])
def test_odd_periods_are_refused_in_words(client: Client, admin: User, query: str) -> None:
    client.force_login(admin)
    assert client.get(reverse("retention:loop_figures") + query).status_code == 422


@pytest.mark.parametrize(
    ("hours", "median", "p90"),
    [([], None, None), ([4.0], 4.0, 4.0), ([float(n) for n in range(1, 11)], 5.5, 9.0)],
)
def test_median_and_ninth_tenth(hours: list[float], median: float | None, p90: float | None) -> None:
    assert (figures.middle(hours), figures.ninth_tenth(hours)) == (median, p90)
