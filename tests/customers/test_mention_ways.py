"""Mentions that come by themselves: signed calls, taken once, and feeds, read with care."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers import keeping, mentions
from customers.channels import signing
from customers.ground import clock
from customers.ground.models import AuditEvent, Event
from customers.mentions import feeds, hooks, reading, words
from customers.mentions.landing import upsert_mentions
from customers.mentions.reading import NotAFeed
from customers.models import Mention, MentionCall, MentionFeed, MentionVersion
from tests.customers import providers
from tests.factories import NOW, UserFactory

pytestmark = pytest.mark.django_db
REAL = datetime(2026, 5, 11, 3, tzinfo=UTC)
POST: dict[str, Any] = {
    "platform": "weibo",
    "id": "w-1",
    "author": "@tea",
    "text": "The tea was terrible, refund!",
    "url": "https://weibo.com/1",
    "posted_at": "2026-05-10T09:00:00+08:00",
}


@pytest.fixture(autouse=True)
def _today(company, settings):
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]
    clock.fix(NOW)


@pytest.fixture
def hook():
    return hooks.add_hook(name="Monitor", by=None, at=NOW)


def call(hook: Any, data: Any, *, call_id: str = "c1", at: Any = None, key: str = "", path: str = "") -> Any:
    row, secret = hook
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    signed = signing.standard(key or secret, message_id=call_id, body=body, at=at or clock.real_now())
    return Client(enforce_csrf_checks=True).post(
        reverse("customers:mention_hook", args=[path or row.hook]),
        body,
        content_type="application/json",
        headers=signed,
    )


# --- Calls -------------------------------------------------------------------------------------
def test_signed_call_lands_its_mentions_and_the_next_one_changes_them(hook) -> None:
    answer = call(hook, {"mentions": [POST, {"platform": "google", "id": "g-1", "rating": 5}]})
    assert (answer.status_code, answer.json()) == (
        200,
        {"created": 2, "updated": 0, "unchanged": 0, "refused": 0},
    )
    first, second = Mention.objects.order_by("pk")
    assert (first.handle, first.sentiment, first.source) == ("tea", "negative", "webhook")
    assert (second.rating, second.sentiment, second.occurred_at) == (5, "positive", second.recorded_at)
    answer = call(hook, {"mentions": [{**POST, "text": "I love it, thank you!"}]}, call_id="c2")
    assert answer.json()["updated"] == MentionVersion.objects.count() == 1
    assert "csrftoken" not in answer.cookies and "sessionid" not in answer.cookies


def test_the_same_call_is_not_taken_twice(hook) -> None:
    assert call(hook, {"mentions": [POST]}).status_code == 200
    again = call(hook, {"mentions": [{**POST, "id": "w-2"}]})
    assert (again.status_code, again.json()["code"]) == (409, "webhook_replayed")
    assert Mention.objects.count() == MentionCall.objects.count() == 1


def test_a_call_that_could_not_be_read_may_come_again(hook) -> None:
    assert call(hook, {"mentions": [{**POST, "rating": 6}]}).status_code == 400
    assert call(hook, {"mentions": [POST]}).status_code == 200


@pytest.mark.parametrize("minutes", [-5.1, 5.1, None])
def test_wrong_or_old_signatures_and_unknown_or_unused_hooks_are_refused_alike(hook, minutes) -> None:
    if minutes is not None:
        answers = [call(hook, {"mentions": [POST]}, at=clock.real_now() + timedelta(minutes=minutes))]
    else:
        answers = [
            call(hook, {"mentions": [POST]}, key="whsec_b3RoZXI="),
            call(hook, {"mentions": [POST]}, path="nobody"),
        ]
        hooks.use_hook(hook[0], is_active=False, by=None, at=NOW)
        answers.append(call(hook, {"mentions": [POST]}))
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (401, "webhook_not_signed")
    }
    assert not Mention.objects.exists()


def test_a_body_changed_on_the_way_is_refused(hook) -> None:
    row, secret = hook
    signed = signing.standard(secret, message_id="c1", body=b"{}", at=clock.real_now())
    address = reverse("customers:mention_hook", args=[row.hook])
    answer = Client().post(
        address, json.dumps({"mentions": [POST]}), content_type="application/json", headers=signed
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"<x>", "#"),
        (b"[" * 100_000, "#"),
        ([POST], "#/mentions"),
        ({"mentions": []}, "#/mentions"),
        ({"mentions": [POST] * 501}, "#/mentions"),
        ({"mentions": [POST, 1]}, "#/mentions/1"),
        ({"mentions": [{**POST, "platform": "mars"}]}, "#/mentions/0/platform"),
        ({"mentions": [{**POST, "platform": ["weibo"]}]}, "#/mentions/0/platform"),
        ({"mentions": [{**POST, "id": "", "url": ""}]}, "#/mentions/0/id"),
        ({"mentions": [{**POST, "id": 7}]}, "#/mentions/0/id"),
        ({"mentions": [{**POST, "url": "javascript:alert(1)"}]}, "#/mentions/0/url"),
        ({"mentions": [{**POST, "rating": True}]}, "#/mentions/0/rating"),
        ({"mentions": [{**POST, "rating": "NaN"}]}, "#/mentions/0/rating"),
        ({"mentions": [{**POST, "rating": 5.5}]}, "#/mentions/0/rating"),
        ({"mentions": [{**POST, "text": ""}]}, "#/mentions/0/text"),
        ({"mentions": [{**POST, "text": "a\0b"}]}, "#/mentions/0/text"),
        ({"mentions": [{**POST, "author": "a" * 101}]}, "#/mentions/0/author"),
        ({"mentions": [{**POST, "posted_at": "2026-05-10T09:00:00"}]}, "#/mentions/0/posted_at"),
        ({"mentions": [{**POST, "posted_at": "yesterday"}]}, "#/mentions/0/posted_at"),
    ],
)
def test_a_call_that_is_not_as_described_says_where_and_lands_nothing(hook, data, where) -> None:
    answer = call(hook, data)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(f"{where} is not")
    assert not Mention.objects.exists() and not MentionCall.objects.exists()


def test_their_clock_may_be_ahead_of_ours(hook) -> None:
    call(hook, {"mentions": [{**POST, "posted_at": "2026-12-31T00:00:00Z"}]})
    made = Mention.objects.get()
    assert made.occurred_at == made.recorded_at


def test_half_a_letter_is_none_and_no_failure(hook) -> None:
    half = (
        json.dumps({"mentions": [POST]}).replace("terrible", "ter\\ud83drible").replace("@tea", "\\udc00tea")
    )
    assert call(hook, half.encode()).status_code == 200
    made = Mention.objects.get()
    assert (made.text, made.handle) == ("The tea was ter\ufffdrible, refund!", "\ufffdtea")


def test_a_call_that_names_less_leaves_the_rest_as_it_is(hook) -> None:
    call(hook, {"mentions": [{**POST, "rating": 2}]})
    call(hook, {"mentions": [{"platform": "weibo", "id": "w-1", "text": "Edited."}]}, call_id="c2")
    made = Mention.objects.get()
    assert (made.text, made.handle, made.url, made.rating) == ("Edited.", "tea", POST["url"], 2)
    call(hook, {"mentions": [{**POST, "author": "", "rating": None}]}, call_id="c3")
    made.refresh_from_db()
    assert (made.text, made.handle, made.rating) == (POST["text"], "", None)


def test_a_removed_post_does_not_come_back_by_a_call(hook) -> None:
    call(hook, {"mentions": [POST]})
    made = Mention.objects.get()
    mentions.remove_mention(made, by=None, at=made.recorded_at)
    call(hook, {"mentions": [{**POST, "text": "Edited."}]}, call_id="c2")
    assert Mention.objects.get().void


def test_a_large_body_is_refused_before_it_is_read(hook) -> None:
    answer = call(hook, b" " * (hooks.MOST_BYTES + 1))
    assert answer.status_code == 413


# --- Feeds -------------------------------------------------------------------------------------
RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Forum</title>
<item><title>Bad tea</title><guid>p-1</guid><link>/p/1</link><dc:creator>tea_lover</dc:creator>
<description>&lt;p&gt;The tea was &lt;b&gt;terrible&lt;/b&gt;, refund!&lt;/p&gt;</description>
<pubDate>Mon, 11 May 2026 08:00:00 +0800</pubDate></item>
<item><title>Old</title><guid>p-0</guid><description>awful, never again</description>
<pubDate>Mon, 04 May 2026 08:00:00 +0800</pubDate></item>
<item><guid>p-2</guid></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Reviews</title>
<entry><id>tag:1</id><title>Good</title><link rel="edit" href="/edit/1"/><link
href="https://example.com/1"/><author><name>Leaf</name><email>leaf@example.com</email></author><updated>2026-05-10T10:00:00Z</updated>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">I <b>love</b> it</div></content></entry>
</feed>"""


def feed_at(told: Any, **said: Any) -> MentionFeed:
    given = {"name": "Forum", "url": f"http://127.0.0.1:{told.port}/feed", "by": None, "now": REAL, "at": NOW}
    return feeds.add_feed(**{**given, **said})


def test_rss_becomes_mentions_and_what_was_posted_before_calls_nobody_to_act() -> None:
    with providers.http() as told:
        told.answers = [(200, {"ETag": '"1"'}, RSS), (304, {}, "")]
        feed = feed_at(told, at=NOW - timedelta(days=1))
        assert feeds.look_at_due(now=REAL, at=NOW) == 1
        assert feeds.look_at_due(now=REAL, at=NOW) == 0
        assert feeds.look_at_due(now=REAL + feeds.EVERY, at=NOW) == 1
        assert told.got[1]["headers"]["if-none-match"] == '"1"'
    first, second = Mention.objects.order_by("pk")
    assert (first.external_id, first.handle, first.text) == (
        *("127.0.0.1:p-1", "tea_lover"),
        "Bad tea\nThe tea was terrible, refund!",
    )
    assert (first.url, first.source) == (f"http://127.0.0.1:{told.port}/p/1", "feed")
    assert [data["history"] for data in Event.objects.order_by("pk").values_list("data", flat=True)] == [
        False,
        True,
    ]
    assert second.occurred_at < feed.made_at
    feed.refresh_from_db()
    assert (feed.problem, feed.failures, feed.looked_at) == ("", 0, REAL + feeds.EVERY)


def test_a_post_dated_ahead_of_us_counts_from_the_first_look_and_gets_no_versions() -> None:
    ahead = re.sub("<pubDate>.*?</pubDate>", "<pubDate>Thu, 31 Dec 2026 00:00:00 GMT</pubDate>", RSS)
    with providers.http() as told:
        told.answers = [(200, {}, ahead), (200, {}, ahead)]
        feed_at(told)
        feeds.look_at_due(now=REAL, at=NOW)
        feeds.look_at_due(now=REAL + feeds.EVERY, at=NOW + feeds.EVERY)
    assert set(Mention.objects.values_list("occurred_at", flat=True)) == {NOW}
    assert not MentionVersion.objects.exists()


def test_what_is_kept_no_longer_does_not_come_back_from_a_feed_that_still_holds_it() -> None:
    later = NOW + timedelta(days=750)
    with providers.http() as told:
        told.answers = [(200, {}, RSS), (200, {}, RSS)]
        feed_at(told)
        feeds.look_at_due(now=REAL, at=NOW)
        assert keeping.clear_old(at=later)["mentions"] == 2
        feeds.look_at_due(now=REAL + feeds.EVERY, at=later)
    assert set(Mention.objects.values_list("text", "handle", "url")) == {("", "", "")}


def test_atom_is_read_with_its_author_and_the_words_inside_its_markup() -> None:
    (post,) = reading.read(ATOM.encode(), base="https://example.com/feed")
    assert (post.external_id, post.url, post.handle, post.text) == (
        *("tag:1", "https://example.com/1", "Leaf"),
        "Good\nI love it",
    )
    assert post.posted_at == datetime(2026, 5, 10, 10, tzinfo=UTC)


def landed(feed: MentionFeed, *items: str, at: datetime = NOW) -> None:
    """Land posts of a feed without a look, each named and worded as told."""
    held = "".join(f"<item>{item}</item>" for item in items)
    records = feeds.records(
        reading.read(f"<rss><channel>{held}</channel></rss>".encode(), base=feed.url), feed, at=at
    )
    upsert_mentions(records, source="feed", at=at)


def two_feeds() -> list[MentionFeed]:
    said: dict[str, Any] = {"by": None, "now": REAL, "at": NOW}
    return [feeds.add_feed(name=name, url=f"https://{name}.example.com/f", **said) for name in "ab"]


@pytest.mark.parametrize("name", ["17", "p-17", "mailto", "x" * 199])
def test_posts_of_two_feeds_that_count_alike_are_two(name) -> None:
    one, other = two_feeds()
    for hour in range(3):
        later = NOW + timedelta(hours=hour)
        landed(one, f"<guid>{name}</guid><title>The tea was terrible</title>", at=later)
        landed(other, f"<guid>{name}</guid><title>I love it, thank you!</title>", at=later)
    assert list(Mention.objects.order_by("pk").values_list("text", flat=True)) == [
        *("The tea was terrible", "I love it, thank you!")
    ]
    assert not MentionVersion.objects.exists()


@pytest.mark.parametrize("name", ["https://example.com/p/17", "tag:example.com,2026:17", "urn:uuid:17-a"])
def test_a_post_whose_name_is_one_in_the_world_is_one_in_two_feeds(name) -> None:
    for feed in two_feeds():
        landed(feed, f"<guid>{name}</guid><title>The tea was terrible</title>")
    assert Mention.objects.get().external_id == name


@pytest.mark.parametrize("link", ["", "<link>https://forum.example.com/p/17</link>"])
def test_a_post_is_one_in_a_feed_that_is_added_again_and_in_another_of_its_site(link) -> None:
    said: dict[str, Any] = {"by": None, "now": REAL, "at": NOW}
    for path in ("all", "all", "tea"):
        feed = feeds.add_feed(name=path, url=f"https://forum.example.com/{path}", **said)
        landed(feed, f"<guid>17</guid>{link}<title>The tea was terrible</title>")
        feed.delete()
    assert Mention.objects.get().external_id == "forum.example.com:17"


def test_posts_of_two_sites_that_one_gatherer_brings_are_two() -> None:
    said: dict[str, Any] = {"by": None, "now": REAL, "at": NOW}
    for site in "ab":
        feed = feeds.add_feed(name=site, url=f"https://gatherer.example.com/{site}", **said)
        link = f"<link>https://{site}.example.com/p/17</link>"
        landed(feed, f"<guid>17</guid>{link}<title>The tea was terrible</title>")
    assert Mention.objects.count() == 2


def test_posts_at_long_addresses_are_told_apart_by_whatever_way_they_come(hook) -> None:
    base = "https://shop.example.com/reviews?" + "x" * 200 + "&id="
    posts = [{"platform": "web", "url": base + number, "text": f"text {number}"} for number in "12"]
    assert call(hook, {"mentions": posts}).json()["created"] == 2
    said: dict[str, Any] = {"platform": "web", "by": None, "at": clock.now()}
    mentions.record_mention(url=f"{base}1", text="text 1", **said)
    mentions.record_mention(url=f"{base}3", text="text 3", **said)
    feed = two_feeds()[0]
    for number in "234":
        link = f"{base}{number}".replace("&", "&amp;")
        landed(feed, f"<link>{link}</link><title>text {number}</title>")
    assert sorted(Mention.objects.values_list("text", flat=True)) == ["text 1", "text 2", "text 3", "text 4"]
    assert set(Mention.objects.values_list("url", flat=True)) == {base + number for number in "1234"}


def history() -> list[bool]:
    told = Event.objects.filter(kind="mention.recorded").order_by("pk").values_list("data", flat=True)
    return [data["history"] for data in told]


def test_what_a_feed_without_dates_held_at_first_calls_nobody_to_act() -> None:
    undated = re.sub("<pubDate>.*?</pubDate>", "", RSS)
    more = undated.replace("p-1", "p-3")
    with providers.http() as told:
        told.answers = [(503, {}, ""), (200, {}, undated), (200, {}, more)]
        feed = feed_at(told)
        later = REAL
        for _look in range(3):
            assert feeds.look_at_due(now=later, at=NOW) == 1
            later += timedelta(days=1)
    assert history() == [True, True, False]
    feed.refresh_from_db()
    assert feed.read_at == NOW


@pytest.mark.parametrize("is_used", [True, False])
def test_a_feed_in_use_before_its_looks_were_written_down_calls_to_act(is_used) -> None:
    undated = re.sub("<pubDate>.*?</pubDate>", "", RSS)
    with providers.http() as told:
        first = (200, {}, undated) if is_used else (503, {}, "")
        told.answers = [first, (200, {}, undated.replace("p-", "q-"))]
        feed_at(told)
        feeds.look_at_due(now=REAL, at=NOW)
        MentionFeed.objects.update(read_at=None)
        feeds.look_at_due(now=REAL + timedelta(days=1), at=NOW)
    assert history()[-2:] == [not is_used] * 2


@pytest.mark.parametrize("changed", [{"url": "/other"}, {"name": "Renamed"}])
def test_a_feed_that_was_never_read_is_not_when_it_is_changed(changed) -> None:
    undated = re.sub("<pubDate>.*?</pubDate>", "", RSS)
    with providers.http() as told:
        told.answers = [(503, {}, ""), (200, {}, undated)]
        feed = feed_at(told)
        feeds.look_at_due(now=REAL, at=NOW)
        said: dict[str, Any] = {"platform": "web", "is_active": True, "by": None, "now": REAL, "at": NOW}
        said |= {"name": changed.get("name", feed.name), "url": feed.url + changed.get("url", "")}
        feeds.change_feed(feed, **said)
        feeds.look_at_due(now=REAL, at=NOW)
    assert history() == [True, True]


@pytest.mark.parametrize("is_moved", [True, False])
def test_a_feed_at_another_address_is_another_feed(is_moved) -> None:
    undated = re.sub("<pubDate>.*?</pubDate>", "", RSS)
    with providers.http() as told:
        told.answers = [(200, {}, undated), (200, {}, undated.replace("p-", "q-"))]
        feed = feed_at(told)
        feeds.look_at_due(now=REAL, at=NOW)
        url = feed.url + ("/other" if is_moved else "")
        said: dict[str, Any] = {"platform": "web", "is_active": True, "by": None, "now": REAL, "at": NOW}
        feeds.change_feed(feed, name="Renamed", url=url, **said)
        feeds.look_at_due(now=REAL, at=NOW)
    assert history() == [True, True, is_moved, is_moved]


def test_a_post_without_a_moment_keeps_that_of_the_first_look() -> None:
    undated = RSS.replace("pubDate", "other")
    with providers.http() as told:
        told.answers = [(200, {}, undated), (200, {}, undated)]
        feed_at(told)
        feeds.look_at_due(now=REAL, at=NOW)
        feeds.look_at_due(now=REAL + feeds.EVERY, at=NOW + feeds.EVERY)
    assert set(Mention.objects.values_list("occurred_at", flat=True)) == {NOW}
    assert not MentionVersion.objects.exists()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((302, {"Location": "http://127.0.0.1:1/"}, ""), "moved"),
        ((403, {}, ""), "refused"),
        ((200, {}, "<html></html>"), "not_a_feed"),
        ((200, {}, RSS[:200]), "not_a_feed"),
        ((200, {}, RSS + " " * feeds.MOST_BYTES), "too_large"),
        ("hang up", "no_answer"),
    ],
)
def test_a_feed_that_fails_says_why_and_is_looked_at_more_seldom(answer, problem) -> None:
    with providers.http() as told:
        told.answers = [answer]
        feed = feed_at(told)
        feeds.look_at_due(now=REAL, at=NOW)
        assert len(told.got) == 1
    feed.refresh_from_db()
    assert (feed.problem, feed.failures, feed.due_at) == (problem, 1, REAL + 2 * feeds.EVERY)
    assert not Mention.objects.exists()
    MentionFeed.objects.update(failures=500, due_at=REAL, url="http://127.0.0.1:1/")
    feeds.look_at_due(now=REAL, at=NOW)
    feed.refresh_from_db()
    assert (feed.problem, feed.due_at) == ("not_reached", REAL + feeds.SELDOM)


def test_private_networks_are_not_called(settings) -> None:
    with providers.http() as told:
        settings.CHANNEL_NETWORKS = []
        feed = feed_at(told)
        feeds.look_at_due(now=REAL, at=NOW)
        assert told.got == []
    feed.refresh_from_db()
    assert feed.problem == "not_reached"


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "https://u:p@example.com/", "javascript:x", "https://例.com/", "https://", "x"],
)
def test_an_address_that_is_none_is_refused(url) -> None:
    with pytest.raises(feeds.FeedRefused):
        feeds.add_feed(name="x", url=url, by=None, now=REAL, at=NOW)


def test_one_address_is_looked_at_once() -> None:
    said: dict[str, Any] = {"name": "x", "by": None, "now": REAL, "at": NOW}
    feeds.add_feed(url="https://example.com/feed", **said)
    with pytest.raises(feeds.FeedTwice):
        feeds.add_feed(url="https://example.com/feed#top", **said)


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rss><channel/></rss>',
        b'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss>&x;</rss>',
        b'<!DOCTYPE rss [<!ENTITY % x SYSTEM "http://127.0.0.1/">%x;]><rss/>',
        b'<?xml version="1.0" encoding="rot13"?><rss/>',
        b'<?xml version="1.0" encoding="zlib"?><rss/>',
        b"<rss>" + b"<a>" * 100 + b"</a>" * 100 + b"</rss>",
        b"",
        b"\xff\xfe",
    ],
)
def test_traps_are_no_feeds(data) -> None:
    with pytest.raises(NotAFeed):
        reading.read(data, base="https://example.com/")


def test_chinese_encodings_are_read() -> None:
    said = RSS.replace("UTF-8", "GB2312").replace("Bad tea", "太差了")
    posts = reading.read(said.encode("gb18030"), base="https://example.com/")
    assert posts[0].text.startswith("太差了\n")


@pytest.mark.parametrize(
    "data",
    [
        b"<" + b"a" * 200_000,
        b"<rss>" + b"<a" * 100_000,
        b"<rss><channel>" + b"<item>" * 40_000,
        b"<rss><channel><item><title>" + b"&lt;a" * 40_000 + b"</title></item></channel></rss>",
        b"<rss><channel><item><title>" + b"<![CDATA[<!--" * 20_000,
        b"<?xml " + b"encoding=" * 30_000,
    ],
)
def test_reading_a_feed_takes_time_in_proportion(data) -> None:
    began = time.monotonic()
    try:
        reading.read(data, base="https://example.com/")
    except NotAFeed:
        pass
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "text",
    [
        *("<" * 200_000, "<a" * 100_000, "<" + "a" * 200_000, "<!--" * 50_000, "<script>" * 25_000),
        *("<a>" * 70_000, "&#" + "9" * 200_000, "&" * 200_000, "<p" + " " * 200_000, "<style" * 33_000),
    ],
)
def test_taking_words_out_of_markup_takes_time_in_proportion(text) -> None:
    began = time.monotonic()
    words.words_of(text, most=1000)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<p>One</p><p>two<br>three</p>", "One\ntwo\nthree"),
        ("a<script>alert(1)</SCRIPT >b<style>p{}</style>c", "abc"),
        ("5 &lt; 6 &amp; 1 < 2", "5 < 6 & 1 < 2"),
        (
            "<p>I paid <5 euro</p><a title='>'>and</a> got <!-- > -->nothing",
            "I paid <5 euro\nand got nothing",
        ),
        ("<script/>my <style>words", "my words"),
        ("<!-- no <b> -->yes", "yes"),
        ("&lt;img src=x onerror=alert(1)&gt;", "<img src=x onerror=alert(1)>"),
        ("a\0b", "ab"),
    ],
)
def test_words_of_markup(text, said) -> None:
    assert words.words_of(text, most=100) == said


# --- Settings ----------------------------------------------------------------------------------
def test_admin_sets_up_feeds_and_addresses_and_sees_a_secret_once(client) -> None:
    client.force_login(UserFactory(role="admin"))
    page = reverse("customers:mention_ways")
    answer = client.post(page, {"name": "Forum", "url": "https://example.com/f", "platform": "web"})
    assert answer.status_code == 302
    feed = MentionFeed.objects.get()
    said = {"name": "Forum", "url": "ftp://x", "platform": "web"}
    assert client.post(reverse("customers:mention_feed", args=[feed.pk]), said).status_code == 422
    said["url"] = "https://example.com/g"
    assert client.post(reverse("customers:mention_feed", args=[feed.pk]), said).status_code == 302
    feed.refresh_from_db()
    assert (feed.url, feed.is_active) == ("https://example.com/g", False)
    shown = client.post(reverse("customers:mention_hook_new"), {"name": "Monitor"}).content.decode()
    assert "whsec_" in shown
    assert "whsec_" not in client.get(page).content.decode()
    assert set(AuditEvent.objects.filter(act__startswith="mention_").values_list("act", flat=True)) == {
        *("mention_feed.add", "mention_feed.change", "mention_hook.add")
    }


@pytest.mark.parametrize("role", ["team_lead", "account_manager", "analyst"])
def test_nobody_else_sets_them_up(client, role) -> None:
    client.force_login(UserFactory(role=role))
    assert client.get(reverse("customers:mention_ways")).status_code == 403
    assert client.post(reverse("customers:mention_hook_new"), {"name": "x"}).status_code == 403
    assert client.post(reverse("customers:mention_hook_use", args=[1]), {}).status_code == 403


def test_page_of_ways_needs_as_many_queries_for_three_as_for_one(
    client, django_assert_max_num_queries
) -> None:
    client.force_login(UserFactory(role="admin"))
    page = reverse("customers:mention_ways")
    counts = []
    client.get(page)
    for number in range(3):
        feeds.add_feed(name="x", url=f"https://example.com/{number}", by=None, now=REAL, at=NOW)
        hooks.add_hook(name="x", by=None, at=NOW)
        with django_assert_max_num_queries(20) as asked:
            assert client.get(page).status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[2]
