"""What texts say on pages: marks with their confidence, one press that corrects, how well texts are read."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers import text
from customers.ground import clock
from customers.models import Complaint, Customer, TextModel, TextReading, User
from customers.pages import texts as pages
from tests.factories import NOW, ComplaintFactory, CustomerFactory, InteractionFactory

pytestmark = pytest.mark.django_db
LATE = "快递太慢，非常失望"
PLAIN = "Two lids"  # no keyword names it
FIGURES = {
    "labels": 31,
    "corrections": 30,
    "held_out": 31,
    "threshold": 0.6,
    "macro_f1": 0.912,
    "majority_f1": 0.21,
    "keyword_f1": 0.44,
    "right": 0.9,
    "kept": 0.83,
    "right_kept": 0.96,
    "calibration_error": 0.021,
    "seconds": 1.0,
}


@pytest.fixture(autouse=True)
def _monday(company: Any) -> None:
    clock.fix(NOW)


@pytest.fixture
def complaint(customer: Customer) -> Complaint:
    made: Complaint = ComplaintFactory(customer=customer, text=LATE)
    text.read_unread(at=NOW)
    return made


def reading(complaint: Complaint, aspect: str = "sentiment") -> TextReading:
    return TextReading.objects.get(subject_kind="complaint", subject_id=complaint.pk, aspect=aspect)


def shown(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def press(client: Client, row: TextReading, code: str, **more: str) -> Any:
    return client.post(reverse("customers:text_correct", args=[row.pk]), {"code": code, **more})


def test_the_customers_page_shows_what_a_complaint_says_and_one_press_corrects_it(
    client: Client, manager: User, complaint: Complaint
) -> None:
    client.force_login(manager)
    page_of = reverse("retention:customer", args=[complaint.customer_id])
    page = shown(client, page_of)
    assert "negative · by keywords" in page
    assert "Late delivery · by keywords" in page
    assert "urgency: not sure · no idea" in page
    answer = press(client, reading(complaint), "positive", next=page_of)
    assert answer["Location"] == page_of
    row = reading(complaint)
    assert (row.stands, row.corrected_by) == ("positive", manager)
    again = shown(client, page_of)
    assert "positive · said by a person" in again
    assert "negative · by keywords" not in again


def test_not_sure_is_never_said_as_neutral(client: Client, manager: User, customer: Customer) -> None:
    InteractionFactory(customer=customer, text=PLAIN, direction="in")
    text.read_unread(at=NOW)
    client.force_login(manager)
    page = shown(client, reverse("retention:customer", args=[customer.pk]))
    assert "sentiment: not sure" in page
    assert "neutral" not in page.split('class="timeline"')[1].split("</ol>")[0]


def test_the_timeline_shows_what_a_talk_says_and_leads_to_the_text(
    client: Client, manager: User, customer: Customer
) -> None:
    talk = InteractionFactory(customer=customer, text="Rude staff. Urgent!", direction="in")
    text.read_unread(at=NOW)
    client.force_login(manager)
    page = shown(client, reverse("retention:customer", args=[customer.pk]))
    row = TextReading.objects.get(subject_id=talk.pk, subject_kind="interaction", aspect="sentiment")
    assert "Unfriendly staff · by keywords" in page and "urgent · by keywords" in page
    assert reverse("customers:text", args=[row.pk]) in page
    assert "Rude staff" in shown(client, reverse("customers:text", args=[row.pk]))


def test_a_percentage_is_shown_and_the_guess_of_who_is_not_sure(
    client: Client, manager: User, complaint: Complaint
) -> None:
    TextReading.objects.filter(pk=reading(complaint).pk).update(percent=91)
    TextReading.objects.filter(pk=reading(complaint, "cause").pk).update(percent=41, is_sure=False)
    client.force_login(manager)
    page = shown(client, reverse("retention:customer", args=[complaint.customer_id]))
    assert "negative · 91%" in page
    assert "cause: not sure · perhaps Late delivery, 41%" in page


def test_the_text_page_corrects_all_three_and_takes_back(
    client: Client, manager: User, complaint: Complaint
) -> None:
    client.force_login(manager)
    for aspect, code in (("sentiment", "neutral"), ("cause", "outage"), ("urgency", "high")):
        answer = press(client, reading(complaint, aspect), code)
        assert answer["Location"] == reverse("customers:text", args=[reading(complaint, aspect).pk])
        assert reading(complaint, aspect).stands == code
    page = shown(client, reverse("customers:text", args=[reading(complaint).pk]))
    assert page.count("said by a person") == 3
    assert page.count("Take it back") == 3
    press(client, reading(complaint), "")
    assert reading(complaint).stands == "negative"


def test_a_press_that_says_nothing_offered_changes_nothing(
    client: Client, manager: User, complaint: Complaint
) -> None:
    client.force_login(manager)
    press(client, reading(complaint), "furious")
    assert reading(complaint).corrected == ""
    assert "That is no answer here" in shown(client, reverse("customers:text", args=[reading(complaint).pk]))


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_a_press_leads_nowhere_else(client: Client, manager: User, complaint: Complaint, away: str) -> None:
    client.force_login(manager)
    answer = press(client, reading(complaint), "neutral", next=away)
    assert answer["Location"] == reverse("customers:text", args=[reading(complaint).pk])


def test_others_texts_are_not_there(client: Client, outsider: User, complaint: Complaint) -> None:
    client.force_login(outsider)
    assert client.get(reverse("customers:text", args=[reading(complaint).pk])).status_code == 404
    assert press(client, reading(complaint), "neutral").status_code == 404
    TextReading.objects.update(is_sure=False)
    assert LATE not in shown(client, reverse("customers:text_quality"))
    assert reading(complaint).corrected == ""


def test_an_analyst_reads_and_does_not_correct(client: Client, analyst: User, complaint: Complaint) -> None:
    client.force_login(analyst)
    page = shown(client, reverse("customers:text", args=[reading(complaint).pk]))
    assert LATE in page and '<form method="post" class="cluster"' not in page
    assert press(client, reading(complaint), "neutral").status_code == 403
    customer_page = shown(client, reverse("retention:customer", args=[complaint.customer_id]))
    assert "negative · by keywords" in customer_page and "What does it say?" not in customer_page


def test_a_text_that_is_gone_has_no_page(client: Client, manager: User, complaint: Complaint) -> None:
    Complaint.objects.filter(pk=complaint.pk).update(text="")
    client.force_login(manager)
    assert client.get(reverse("customers:text", args=[reading(complaint).pk])).status_code == 404


# --- How well texts are read --------------------------------------------------------------------
def test_the_page_says_that_keywords_alone_speak(client: Client, lead: User, complaint: Complaint) -> None:
    text.correct_reading(reading(complaint), code="negative", by=lead, at=NOW)
    client.force_login(lead)
    page = shown(client, reverse("customers:text_quality"))
    assert page.count("keywords alone speak") == 3
    assert "19 more labelled texts are needed" in page
    assert page.count("20 more labelled texts are needed") == 2
    assert "1 correction waits for the next training" in page


def test_the_page_shows_the_figures_beside_keywords_and_majority(
    client: Client, lead: User, complaint: Complaint
) -> None:
    said = {"aspect": "sentiment", "trained_at": NOW, "outcome": "activated", "fingerprint": "f"}
    TextModel.objects.create(**said, is_active=True, **FIGURES)
    TextModel.objects.create(**{**said, "outcome": "not_better", "fingerprint": "g"}, **FIGURES)
    client.force_login(lead)
    page = shown(client, reverse("customers:text_quality"))
    for figure in ("0.91", "0.44", "0.21", "83%", "96%", "2.1%"):
        assert f">{figure}</dd>" in page
    assert "Learnt from 31 labelled texts, 30 of them corrections" in page
    assert "Last training: not better" in page
    assert page.count("keywords alone speak") == 2


def test_unsure_texts_are_listed_aspect_by_aspect_until_somebody_says(
    client: Client, manager: User, customer: Customer
) -> None:
    unclear = ComplaintFactory(customer=customer, text=PLAIN)
    clear = ComplaintFactory(customer=customer, text=LATE)
    text.read_unread(at=NOW)
    client.force_login(manager)
    url = reverse("customers:text_quality")
    assert PLAIN in shown(client, url) and LATE not in shown(client, url)
    assert LATE in shown(client, f"{url}?aspect=urgency")
    assert PLAIN in shown(client, f"{url}?aspect=nothing")  # what is asked for wrongly is the first one
    back = f"{url}?aspect=sentiment"
    assert press(client, reading(unclear), "neutral", next=back)["Location"] == back
    assert PLAIN not in shown(client, url)
    assert reading(clear).corrected == ""


def test_unsure_texts_are_paged_the_newest_first(
    client: Client, manager: User, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    for number in range(3):
        ComplaintFactory(customer=customer, text=f"{PLAIN} n{number}n")
        text.read_unread(at=NOW)
    client.force_login(manager)
    url = reverse("customers:text_quality")
    first = shown(client, url)
    assert [f"n{n}n" in first for n in range(3)] == [False, True, True]
    after = TextReading.objects.filter(aspect="sentiment").order_by("-id")[1].pk
    assert f"after={after}" in first
    second = shown(client, f"{url}?aspect=sentiment&after={after}")
    assert [f"n{n}n" in second for n in range(3)] == [True, False, False]


@pytest.mark.parametrize("number", [1, 3])
def test_the_page_takes_the_same_queries_for_any_number(
    client: Client, manager: User, number: int, django_assert_max_num_queries: Any
) -> None:
    for _n in range(number):
        ComplaintFactory(customer=CustomerFactory(owner=manager), text=PLAIN)
    text.read_unread(at=NOW)
    client.force_login(manager)
    with django_assert_max_num_queries(12):
        shown(client, reverse("customers:text_quality"))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Text understanding", "Not sure", "by keywords"]),
        ("zh-hans", ["文本分析", "拿不准", "按关键词"]),
    ],
)
def test_the_page_speaks_both_languages(
    client: Client, admin: User, complaint: Complaint, language: str, words: list[str]
) -> None:
    User.objects.filter(pk=admin.pk).update(language=language)
    client.force_login(admin)
    page = shown(client, reverse("customers:text_quality"))
    assert all(word in page for word in words)
