"""The pages of duplicates and merging: who may, what they show, how a merge goes and comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers import duplicates
from customers.ground import clock
from customers.models import Customer, DuplicateProposal, Interaction, Merge, User
from tests.factories import NOW, CustomerFactory, OrderFactory
from tests.retention.makers import make_case

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today(db: None) -> None:
    clock.fix(NOW)


@pytest.fixture
def pair(manager: User) -> tuple[Customer, Customer]:
    """Two customers of one phone number that the lead sees, proposed."""
    one = CustomerFactory(name="Blue Lake", name_alt="蓝湖", owner=manager, contact__phone="13912345678")
    two = CustomerFactory(
        name="Blue Lake Ltd", owner=manager, city="杭州", notes="tea", contact__phone="139 1234 5678"
    )
    OrderFactory(customer=two)
    duplicates.find_all(at=NOW)
    return one, two


def compare(one: Customer, two: Customer) -> str:
    return reverse("retention:customer_merge", args=[one.pk, two.pk])


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_pages_open_in_both_languages(
    client: Client, pair: tuple[Customer, Customer], lead: User, language: str
) -> None:
    User.objects.filter(pk=lead.pk).update(language=language)
    for customer in pair:
        make_case(customer)
    client.force_login(lead)
    shown = [client.get(reverse("retention:duplicate_list")), client.get(compare(*pair))]
    client.post(compare(*pair), {"reason": "same", "of_name": "mine", "of_city": "theirs"})
    merge = Merge.objects.get()
    shown += [
        client.get(reverse("retention:duplicate_list") + "?state=merged"),
        client.get(reverse("retention:duplicate_list") + "?state=not_a_duplicate"),
        client.get(reverse("retention:merge", args=[merge.pk])),
    ]
    assert [response.status_code for response in shown] == [200] * 5
    word = "重复" if language.startswith("zh") else "Duplicates"
    assert word in shown[0].content.decode()


@pytest.mark.parametrize("who", ["manager", "analyst"])
def test_pages_are_for_leads_and_admins(
    client: Client, pair: tuple[Customer, Customer], request: pytest.FixtureRequest, who: str
) -> None:
    client.force_login(request.getfixturevalue(who))
    for address in (reverse("retention:duplicate_list"), compare(*pair)):
        assert client.get(address).status_code == 403


def test_customer_of_another_team_cannot_be_merged(
    client: Client, pair: tuple[Customer, Customer], outsider: User, lead: User
) -> None:
    foreign = CustomerFactory(name="Foreign", owner=outsider, contact__phone="13912345678")
    duplicates.find_for([foreign.pk], at=NOW)
    client.force_login(lead)
    for one, two in ((pair[0], foreign), (foreign, pair[0])):
        assert client.get(compare(one, two)).status_code == 404
        assert client.post(compare(one, two), {"reason": "same"}).status_code == 404
    hidden = DuplicateProposal.objects.get(low=pair[0], high=foreign)
    assert client.post(reverse("retention:duplicate_decide", args=[hidden.pk])).status_code == 404
    assert "Foreign" not in client.get(reverse("retention:duplicate_list")).content.decode()
    assert not Merge.objects.exists()


def test_list_shows_the_pair_and_dismissing_it_puts_it_aside(
    client: Client, pair: tuple[Customer, Customer], lead: User
) -> None:
    client.force_login(lead)
    page = client.get(reverse("retention:duplicate_list"))
    assert "Blue Lake Ltd" in page.content.decode() and "same phone number" in page.content.decode()
    proposal = DuplicateProposal.objects.get()
    client.post(reverse("retention:duplicate_decide", args=[proposal.pk]))
    assert "Blue Lake Ltd" not in client.get(reverse("retention:duplicate_list")).content.decode()
    aside = reverse("retention:duplicate_list") + "?state=not_a_duplicate"
    assert "Blue Lake Ltd" in client.get(aside).content.decode()
    client.post(reverse("retention:duplicate_decide", args=[proposal.pk]), {"again": "1"})
    proposal.refresh_from_db()
    assert proposal.state == "open"


def test_merge_by_the_page_takes_what_was_chosen_and_its_page_takes_it_back(
    client: Client, pair: tuple[Customer, Customer], lead: User
) -> None:
    one, two = pair
    client.force_login(lead)
    page = client.get(compare(one, two)).content.decode()
    for text in ("Blue Lake Ltd", "杭州", "tea", "139 1234 5678"):
        assert text in page
    chosen = {"of_name": "theirs", "of_name_alt": "mine", "of_city": "theirs", "of_notes": "mine"}
    assert client.post(compare(one, two), chosen).status_code == 422  # no reason
    answer = client.post(compare(one, two), {**chosen, "reason": "Same phone."})
    merge = Merge.objects.get()
    assert answer["Location"] == reverse("retention:merge", args=[merge.pk])
    one.refresh_from_db()
    assert (one.name, one.name_alt, one.city, one.notes) == ("Blue Lake Ltd", "蓝湖", "杭州", "")
    assert one.orders.count() == 1  # type: ignore[attr-defined]
    timeline = client.get(reverse("retention:customer", args=[one.pk])).content.decode()
    assert "Merged with" in timeline
    client.post(reverse("retention:merge_undo", args=[merge.pk]))
    one.refresh_from_db()
    assert (one.name, one.city) == ("Blue Lake", "")
    assert two.orders.count() == 1  # type: ignore[attr-defined]
    assert client.get(reverse("retention:merge", args=[merge.pk])).status_code == 200


def test_undo_that_is_refused_says_why(client: Client, pair: tuple[Customer, Customer], lead: User) -> None:
    client.force_login(lead)
    client.post(compare(*pair), {"reason": "Same."})
    Merge.objects.update(at=NOW - timedelta(days=31))
    merge = Merge.objects.get()
    answer = client.post(reverse("retention:merge_undo", args=[merge.pk]))
    assert answer.status_code == 422
    assert "30 days" in answer.content.decode()


def test_customer_page_says_whom_it_looks_like(
    client: Client, pair: tuple[Customer, Customer], lead: User, manager: User, outsider: User
) -> None:
    address = reverse("retention:customer", args=[pair[0].pk])
    for user in (lead, manager):
        client.force_login(user)
        assert "Looks like Blue Lake Ltd: same phone number" in client.get(address).content.decode()
    foreign = CustomerFactory(name="Foreign", owner=outsider, contact__phone="13912345678")
    duplicates.find_for([foreign.pk], at=NOW)
    assert "Foreign" not in client.get(address).content.decode()


def test_old_address_leads_to_the_survivor_with_what_was_sent(
    client: Client, pair: tuple[Customer, Customer], lead: User, outsider: User
) -> None:
    one, two = pair
    client.force_login(lead)
    client.post(compare(one, two), {"reason": "Same."})
    old = reverse("retention:customer", args=[two.pk])
    answer = client.get(old + "?part=timeline")
    assert (answer.status_code, answer["Location"]) == (
        307,
        reverse("retention:customer", args=[one.pk]) + "?part=timeline",
    )
    log = reverse("retention:customer_interaction", args=[two.pk])
    said = {"kind": "visit", "direction": "out", "reached": "on", "text": "typed before the merge"}
    client.post(log, said, follow=True)
    assert Interaction.objects.filter(customer=one, text="typed before the merge").exists()
    api = client.get(f"/api/v1/customers/{two.pk}/")
    assert (api.status_code, api["Location"]) == (307, f"/api/v1/customers/{one.pk}/")
    client.force_login(outsider)
    assert client.get(old).status_code == 404
    assert client.get("/customers/999999/").status_code == 404


def test_list_costs_as_many_queries_for_three_pairs_as_for_one(
    client: Client, pair: tuple[Customer, Customer], lead: User, manager: User
) -> None:
    client.force_login(lead)
    client.get(reverse("retention:duplicate_list"))
    counts = []
    for n in range(2):
        with CaptureQueriesContext(connection) as asked:
            client.get(reverse("retention:duplicate_list"))
        counts.append(len(asked))
        for m in range(2):
            CustomerFactory(name=f"x{n}{m}", owner=manager, contact__phone=f"1380000{n}000")
        duplicates.find_all(at=NOW + timedelta(days=n + 1))
    assert counts[0] == counts[1]


def test_list_is_paged(
    client: Client, lead: User, manager: User, monkeypatch: pytest.MonkeyPatch, company: Any
) -> None:
    monkeypatch.setattr("retention.pages.duplicates.PAGE", 2)
    for n in range(3):
        for m in range(2):
            CustomerFactory(name=f"P{n}{m}", owner=manager, contact__phone=f"1380000{n}000")
    duplicates.find_all(at=NOW)
    client.force_login(lead)
    first = client.get(reverse("retention:duplicate_list"))
    second = client.get(reverse("retention:duplicate_list") + first.context["older"])
    shown = [row.pk for page in (first, second) for row in page.context["rows"]]
    assert len(shown) == 3 == len(set(shown))
    assert second.context["older"] is None
