"""The customer's status page: the way of her feedback, and her word by a press."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers import tracking
from customers.ground.models import Event
from customers.models import Contact, Customer, User
from retention import loop as looping
from retention.models import LoopClosure, LoopStep
from retention.pages import loop_status
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
    row = unknown(language="zh-hans")
    response = client.get(address(row.salt))
    assert response.context["words"] == "zh-hans" and response.context["shown"].state == "received"
    assert client.post(address(row.salt), {"word": "solved"}).status_code == 200
    drained()
    assert str(lead) in client.get(address(row.salt)).text
    looping.answer_publicly(LoopClosure.objects.get(), words="Said in general.", by=lead, at=SOON)
    assert "Said in general." in client.get(address(row.salt)).text


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
