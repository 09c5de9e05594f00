"""The customer's status page: the way of her feedback, and her word by a press."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers import erasure, tracking
from customers.feedback.unknown import link_feedback
from customers.ground import clock
from customers.ground.models import Event
from customers.models import Contact, Customer, User
from retention import loop as looping
from retention.models import LoopClosure, LoopStep
from retention.pages import loop_status
from tests.factories import ContactFactory
from tests.retention.loop.world import SOON, WORDS, asked, drained, filed, unknown, worked

pytestmark = pytest.mark.django_db


@pytest.fixture
def loop(customer: Customer) -> LoopClosure:
    return filed(customer)


def address(salt: str) -> str:
    return reverse("retention:loop_status", args=[tracking.token_of(salt)])


def here(response: Any) -> list[str]:
    return [step.label for step in response.context["steps"] if step.state == "here"]


def test_way_from_received_to_done(client: Client, loop: LoopClosure, manager: User) -> None:
    url = address(loop.salt)
    response = client.get(url)
    assert here(response) == ["Assigned"] and str(manager) in response.text
    worked(loop, by=manager)
    assert here(client.get(url)) == ["In progress"]
    looping.ask_customer(loop, message=WORDS, by_hand=True, by=manager, at=SOON)
    response = client.get(url)
    assert here(response) == ["Please confirm"] and WORDS in response.text
    response = client.post(url, {"word": "solved"})
    assert here(response) == [] and "Thank you" in response.text
    assert LoopClosure.objects.get().state == "confirmed"


def test_page_shows_no_more_than_it_must(client: Client, loop: LoopClosure) -> None:
    response = client.get(address(loop.salt))
    assert "It arrived broken." not in response.text and str(loop.customer) not in response.text
    assert response.cookies == {}
    assert (response["Cache-Control"], response["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert "<script" not in response.text and "style=" not in response.text


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_writes_nothing(client: Client, loop: LoopClosure, manager: User, method: str) -> None:
    asked(loop, by=manager)
    before = (Event.objects.count(), LoopStep.objects.count())
    for query in ("", "?word=solved", "?word=not_solved&words=x"):
        assert getattr(client, method)(address(loop.salt) + query).status_code == 200
    assert (Event.objects.count(), LoopStep.objects.count()) == before
    assert LoopClosure.objects.get().state == "asked"


def test_not_solved_takes_her_words_along(
    client: Client, loop: LoopClosure, manager: User, lead: User
) -> None:
    asked(loop, by=manager)
    words = "<script>alert(1)</script>\0" + "y" * 5000
    response = client.post(address(loop.salt), {"word": "not_solved", "words": words})
    assert response.status_code == 200 and str(lead) in response.text
    said = LoopStep.objects.get(kind="not_solved").text
    assert len(said) <= loop_status.MOST_WORDS and "\0" not in said
    assert LoopClosure.objects.get().level == 2


@pytest.mark.parametrize(("days", "is_late"), [(11, False), (16, True)])
def test_not_solved_counts_by_the_new_deadline_though_the_first_word_was_due(
    client: Client,
    customer: Customer,
    manager: User,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    is_late: bool,
) -> None:
    loop = filed(customer, kind="question")
    looping.act(loop, action="explained", text="Told how.", by=manager, at=SOON)
    looping.ask_customer(loop, message=WORDS, by_hand=True, by=manager, at=SOON)
    monkeypatch.setattr(clock, "now", lambda: SOON + timedelta(days=10))
    client.post(address(loop.salt), {"word": "not_solved"})
    loop.refresh_from_db()
    monkeypatch.setattr(clock, "now", lambda: SOON + timedelta(days=days))
    assert loop.contacted_at is None and loop.respond_by < clock.now()
    assert (loop.due_at < clock.now()) == is_late
    text = client.get(address(loop.salt)).text
    assert ("We are late" in text, "We expect to have it solved by" in text) == (is_late, not is_late)


def test_word_at_the_wrong_time_changes_nothing_and_says_so(
    client: Client, loop: LoopClosure, manager: User
) -> None:
    response = client.post(address(loop.salt), {"word": "solved"})
    assert response.status_code == 409 and "moved on" in response.text
    asked(loop, by=manager)
    client.post(address(loop.salt), {"word": "perhaps"})
    assert LoopClosure.objects.get().state == "asked"
    client.post(address(loop.salt), {"word": "solved"})
    assert client.post(address(loop.salt), {"word": "solved"}).status_code == 200
    assert client.post(address(loop.salt), {"word": "not_solved"}).status_code == 409
    assert LoopClosure.objects.get().state == "confirmed"


def test_unknown_foreign_and_broken_tokens_look_the_same(client: Client, loop: LoopClosure) -> None:
    texts = {
        client.get(reverse("retention:loop_status", args=[token])).text
        for token in ("x", loop.salt, loop.token_hash, tracking.token_of("other"))
    }
    assert len(texts) == 1
    assert client.get(reverse("retention:loop_status", args=["x"])).status_code == 404


def test_feedback_without_a_loop_yet_is_received_and_goes_on_by_the_same_link(
    client: Client, company: Any, lead: User
) -> None:
    clock.fix(SOON)
    row = unknown(language="zh-hans")
    response = client.get(address(row.salt))
    assert response.context["words"] == "zh-hans" and response.context["shown"].state == "received"
    assert client.post(address(row.salt), {"word": "solved"}).status_code == 200
    drained()
    assert str(lead) in client.get(address(row.salt)).text
    looping.answer_publicly(LoopClosure.objects.get(), words="Said in general.", by=lead, at=SOON)
    assert "Said in general." in client.get(address(row.salt)).text


@pytest.mark.parametrize(("days", "status"), [(179.9, 200), (180.1, 404)])
def test_link_ends_half_a_year_after_the_end(
    client: Client, loop: LoopClosure, manager: User, days: float, status: int
) -> None:
    looping.confirm(asked(loop, by=manager), by=None, at=SOON)
    clock.fix(SOON + timedelta(days=days))
    assert client.get(address(loop.salt)).status_code == status
    assert client.post(address(loop.salt), {"word": "solved"}).status_code == status


def test_link_of_an_open_loop_does_not_end_and_one_of_handled_feedback_does(
    client: Client, loop: LoopClosure
) -> None:
    row = unknown(state="handled", answered="none", ended_at=SOON)
    clock.fix(SOON + timedelta(days=181))
    assert client.get(address(loop.salt)).status_code == 200
    assert client.get(address(row.salt)).status_code == 404


@pytest.mark.parametrize("field", ["gone_at", "erased_at"])
def test_link_of_a_customer_who_is_gone_opens_nothing(
    client: Client, loop: LoopClosure, manager: User, field: str
) -> None:
    asked(loop, by=manager)
    Customer.objects.update(**{field: SOON})
    assert client.get(address(loop.salt)).status_code == 404
    assert client.post(address(loop.salt), {"word": "solved"}).status_code == 404
    assert LoopClosure.objects.get().state == "asked"


def test_link_of_a_contact_who_was_erased_opens_nothing(client: Client, loop: LoopClosure) -> None:
    Contact.objects.update(erased_at=SOON)
    assert client.get(address(loop.salt)).status_code == 404


def test_erasing_gives_her_loops_links_that_nobody_was_told(
    client: Client, customer: Customer, lead: User, settings: Any, tmp_path: Any
) -> None:
    settings.ERASURE_LOG, settings.MEDIA_ROOT = tmp_path / "erasures.log", tmp_path / "media"
    row = unknown()
    drained()
    contact = ContactFactory(customer=customer, is_main=False)
    link_feedback(row, customer=customer, contact=contact, by=lead, at=SOON)
    drained()
    other = filed(customer)
    assert client.get(address(row.salt)).status_code == 200
    erasure.erase_person(contact, reason="request", by=lead, at=SOON)
    loop = LoopClosure.objects.get(contact=contact)
    assert loop.salt != row.salt and loop.token_hash == tracking.hash_of(tracking.token_of(loop.salt))
    Contact.objects.update(erased_at=None)  # the page itself knows nothing of it any more
    assert client.get(address(row.salt)).status_code == 404
    row.refresh_from_db()
    assert (row.salt, row.token_hash) == ("", None)
    assert client.get(address(other.salt)).status_code == 200


def test_language_is_hers_and_can_be_changed(client: Client, loop: LoopClosure) -> None:
    Contact.objects.update(language="zh-hans")
    assert client.get(address(loop.salt)).context["words"] == "zh-hans"
    assert client.get(address(loop.salt) + "?lang=en").context["words"] == "en"
    assert client.get(address(loop.salt) + "?lang=xx").context["words"] == "zh-hans"


def test_many_visits_from_one_address_are_slowed(
    client: Client, loop: LoopClosure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_status, "VISITS_A_MINUTE", 2)
    assert [client.get(address(loop.salt), REMOTE_ADDR="203.0.113.9").status_code for _n in range(4)] == [
        200,
        200,
        429,
        429,
    ]


def test_page_needs_as_many_queries_whatever_happened(
    client: Client, loop: LoopClosure, manager: User, django_assert_max_num_queries: Any
) -> None:
    asked(loop, by=manager)
    with django_assert_max_num_queries(8):
        client.get(address(loop.salt))
