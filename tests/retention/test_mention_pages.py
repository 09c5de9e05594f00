"""Pages of mentions: list and filters, one of them, the form, the presses, the export, the timeline."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from customers.ground import clock
from customers.ground.models import AuditEvent
from customers.models import Customer, Mention, SocialHandle
from retention.pages import mentions as pages
from retention.timeline import timeline
from tests.factories import NOW, CustomerFactory, MentionFactory, ago

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today(company):
    clock.fix(NOW)


def listed(client: Any, **asked: str) -> set[int]:
    answer = client.get(reverse("retention:mention_list"), asked)
    assert answer.status_code == 200
    return {row.pk for row, _tone in answer.context["rows"]}


def press(client: Any, row: Mention, act: str, **said: str) -> Any:
    return client.post(reverse(f"retention:mention_{act}", args=[row.pk]), said)


def test_list_shows_what_one_may_see_with_the_filter(client, customer, manager, outsider) -> None:
    mine = MentionFactory(customer=customer, platform="weibo", sentiment="positive")
    open_ = MentionFactory(customer=None)
    theirs = MentionFactory(customer=CustomerFactory(owner=outsider))
    MentionFactory(customer=customer, void=True)
    client.force_login(manager)
    assert listed(client) == {mine.pk, open_.pk}
    assert listed(client, platform="weibo") == listed(client, sentiment="positive") == {mine.pk}
    assert listed(client, whose="open") == listed(client, sentiment="negative") == {open_.pk}
    assert listed(client, whose="known") == {mine.pk}
    assert listed(client, platform="mars", sentiment="x", whose="y", after="z") == {mine.pk, open_.pk}
    assert client.get(reverse("retention:mention", args=[theirs.pk])).status_code == 404
    client.force_login(outsider)
    assert listed(client) == {theirs.pk, open_.pk}


def test_list_is_paged_by_the_moment_of_posting(client, admin, monkeypatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    rows = [MentionFactory(customer=None, occurred_at=ago(day)) for day in (3, 1, 2, 2)]
    client.force_login(admin)
    first = client.get(reverse("retention:mention_list"), {"platform": "dianping"})
    assert [row.pk for row, _tone in first.context["rows"]] == [rows[1].pk, rows[3].pk]
    second = client.get(reverse("retention:mention_list") + first.context["older"])
    assert [row.pk for row, _tone in second.context["rows"]] == [rows[2].pk, rows[0].pk]
    assert second.context["older"] is None and second.context["newer"] == "?platform=dianping"


def test_list_needs_as_many_queries_for_three_as_for_one(
    client, admin, django_assert_max_num_queries
) -> None:
    client.force_login(admin)
    listed(client)
    counts = []
    for _number in range(3):
        MentionFactory()
        with django_assert_max_num_queries(15) as asked:
            listed(client)
        counts.append(len(asked))
    assert counts[0] == counts[2]


def test_form_enters_a_mention_and_shows_it(client, customer, manager) -> None:
    client.force_login(manager)
    said = {
        "platform": "xiaohongshu",
        "handle": "@tea",
        "url": "https://www.xiaohongshu.com/explore/1",
        "rating": "1.5",
        "customer": f"{customer.name} (#{customer.pk})",
        "occurred_at": "2026-05-10T09:00",
    }
    answer = client.post(reverse("retention:mention_new"), said)
    made = Mention.objects.get()
    assert answer.url == reverse("retention:mention", args=[made.pk])
    assert (made.customer, made.handle, made.rating, made.sentiment, made.external_id) == (
        *(customer, "tea", Decimal("1.5"), "negative"),
        said["url"],
    )
    page = client.get(answer.url).content.decode()
    assert said["url"] in page and 'rel="noopener noreferrer nofollow"' in page


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "text"),
        ({"text": "x", "rating": "6"}, "rating"),
        ({"text": "x", "url": "javascript:alert(1)"}, "url"),
        ({"text": "x", "platform": "mars"}, "platform"),
        ({"text": "x", "customer": "nobody at all"}, "customer"),
        ({"text": "x", "occurred_at": "2027-01-01T09:00"}, "occurred_at"),
    ],
)
def test_form_says_what_is_wrong_and_where(client, manager, said, field) -> None:
    client.force_login(manager)
    answer = client.post(reverse("retention:mention_new"), {"platform": "weibo", **said})
    assert answer.status_code == 422 and list(answer.context["form"].errors) == [field]
    assert not Mention.objects.exists()


def test_presses_match_correct_open_and_remove(client, customer, manager) -> None:
    client.force_login(manager)
    row = MentionFactory(customer=None, platform="weibo", handle="tea")
    whose = {"customer": f"#{customer.pk}", "remember": "on"}
    assert press(client, row, "match", **whose).status_code == 302
    row.refresh_from_db()
    assert (row.customer, SocialHandle.objects.get().handle) == (customer, "tea")
    press(client, row, "correct", sentiment="neutral")
    row.refresh_from_db()
    assert (row.sentiment, row.judged) == ("neutral", "person")
    press(client, row, "correct", sentiment="angry")
    row.refresh_from_db()
    assert row.sentiment == "neutral"
    press(client, row, "unmatch")
    row.refresh_from_db()
    assert row.customer is None
    assert press(client, row, "remove").url == reverse("retention:mention_list")
    assert client.get(reverse("retention:mention", args=[row.pk])).status_code == 404


def test_matching_needs_a_customer_that_one_sees(client, manager, outsider) -> None:
    client.force_login(manager)
    row, hidden = MentionFactory(customer=None), CustomerFactory(owner=outsider, name="Hidden")
    for name in ("", "Hidden", f"#{hidden.pk}"):
        assert press(client, row, "match", customer=name).status_code == 422
    row.refresh_from_db()
    assert row.customer is None


def test_others_and_readers_press_nothing(client, customer, outsider, analyst) -> None:
    row = MentionFactory(customer=customer)
    for user, status in ((outsider, 404), (analyst, 403)):
        client.force_login(user)
        for act in ("match", "correct", "unmatch", "remove"):
            assert press(client, row, act, sentiment="neutral").status_code == status
    client.force_login(analyst)
    page = client.get(reverse("retention:mention", args=[row.pk]))
    assert page.status_code == 200 and b"/correct/" not in page.content and b"/match/" not in page.content
    row.refresh_from_db()
    assert (row.customer, row.sentiment, row.void) == (customer, "negative", False)


def test_what_somebody_posted_is_shown_as_text_and_leaves_as_text(client, customer, admin) -> None:
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
    row = MentionFactory(customer=customer, text=evil, handle="=HYPERLINK(1)", platform="weibo")
    MentionFactory(customer=customer)
    client.force_login(admin)
    for address in (reverse("retention:mention_list"), reverse("retention:mention", args=[row.pk])):
        page = client.get(address).content.decode()
        assert "<script>alert" not in page and "<img src=x" not in page
    answer = client.get(reverse("retention:export_mentions"), {"platform": "weibo"})
    table = b"".join(answer.streaming_content).decode()
    assert "'=HYPERLINK(1)" in table and len(table.strip().splitlines()) == 2
    assert AuditEvent.objects.get(act="export.run").codes["rows"] == 1


def test_timeline_tells_what_a_customer_wrote(customer: Customer, admin) -> None:
    MentionFactory(customer=customer, platform="weibo", text="Two boxes were wet.")
    MentionFactory(customer=customer, platform="google", rating=Decimal("5"), sentiment="positive", text="")
    MentionFactory(customer=None)
    told = [entry for entry in timeline(customer, user=admin).entries if entry.kind == "mention"]
    assert {(entry.title, entry.text) for entry in told} == {
        ("Wrote in public (Weibo): negative", "Two boxes were wet."),
        ("Wrote in public (Google reviews): positive, 5 of 5 stars", ""),
    }
