"""Mentions: recorded once, judged by stars, text or a colleague, and whose they are."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from customers import erasure, handles, mentions, merges, writing
from customers.ground import drain
from customers.ground.models import AuditEvent, Event, HolderKey, SealedValue
from customers.mentions import MentionRecord
from customers.models import (
    Customer,
    ErasedName,
    Mention,
    MentionVersion,
    SocialHandle,
    TextReading,
    TouchedCustomer,
    User,
)
from tests.factories import NOW, ContactFactory, CustomerFactory, MentionFactory, ago

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
BAD = "The tea was terrible and I want a refund."


def record(**said: Any) -> Mention:
    given = {"platform": "weibo", "external_id": "w-1", "text": BAD, "by": None, "at": NOW}
    return mentions.record_mention(**{**given, **said})


def known_as(customer: Customer, handle: str, platform: str = "weibo", **said: Any) -> SocialHandle:
    return handles.add_handle(customer, platform=platform, handle=handle, by=None, at=ago(5), **said)


def news(kind: str) -> list[tuple[int | None, dict[str, Any]]]:
    return list(Event.objects.filter(kind=kind).order_by("pk").values_list("customer_id", "data"))


# --- Recording ---------------------------------------------------------------------------------
def test_record_mention_of_nobody_known_stays_open_and_is_told(customer: Customer, manager: User) -> None:
    made = record(handle="@tea", url="https://weibo.com/1", occurred_at=ago(1), by=manager)
    assert (made.customer, made.handle, made.source, made.occurred_at) == (None, "tea", "form", ago(1))
    assert news("mention.recorded") == [(None, {"negative": True, "history": False})]
    assert AuditEvent.objects.get(act="mention.record").actor_id == manager.pk
    assert not TouchedCustomer.objects.exists()


def test_record_mention_twice_is_one_and_an_edit_makes_a_version(customer: Customer) -> None:
    known_as(customer, "tea")
    first = record(handle="tea")
    assert record(handle="tea", at=LATER) == first
    assert not MentionVersion.objects.exists()
    edited = record(handle="tea", text="They sent a new box. I love it, thank you!", at=LATER)
    assert (edited.pk, edited.sentiment, edited.recorded_at) == (first.pk, "positive", LATER)
    assert edited.occurred_at == first.occurred_at
    assert MentionVersion.objects.get().sentiment == "negative"
    assert [data["negative"] for _customer, data in news("mention.judged")] == [False]
    assert len(news("mention.recorded")) == Mention.objects.count() == 1
    assert SealedValue.objects.get(subject_type="customers.mention").holder == f"customer:{customer.pk}"


def test_what_is_not_given_of_a_known_one_stays(company) -> None:
    record(handle="tea", url="https://weibo.com/1", rating=Decimal(2))
    again = record(text="They answered nothing.", at=LATER)
    assert (again.text, again.handle, again.url, again.rating) == (
        *("They answered nothing.", "tea", "https://weibo.com/1"),
        2,
    )
    assert record(rating=Decimal(0), at=LATER).rating == 0


def test_a_removed_one_that_is_entered_again_counts_again_and_is_told_of(customer: Customer) -> None:
    made = record(customer=customer)
    mentions.remove_mention(made, by=None, at=NOW)
    again = record(at=LATER)
    assert (again.pk, again.void, again.recorded_at) == (made.pk, False, LATER)
    told = (customer.pk, {"negative": True, "history": False})
    assert news("mention.recorded") == [told, told]
    assert record(at=LATER) == again and len(news("mention.recorded")) == 2


def test_same_id_on_another_platform_is_another_post(company) -> None:
    assert record() != record(platform="dianping")


def test_without_id_the_address_names_it_and_without_both_each_is_new(company) -> None:
    url = "https://example.com/review/1"
    assert record(external_id="", url=url) == record(external_id="", url=url)
    assert record(external_id="") != record(external_id="")


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"text": " "}, mentions.NothingSaid),
        ({"rating": Decimal("5.1")}, mentions.StarsRefused),
        ({"rating": Decimal("-1")}, mentions.StarsRefused),
        ({"url": "javascript:alert(1)"}, mentions.AddressRefused),
        ({"url": "https://example.com/" + "a" * 1000}, mentions.AddressRefused),
        ({"occurred_at": LATER}, writing.InTheFuture),
    ],
)
def test_record_mention_refuses_what_is_none(company, said, refusal) -> None:
    with pytest.raises(refusal):
        record(**said)
    assert not Mention.objects.exists() and not Event.objects.filter(kind="mention.recorded").exists()


# --- Judging -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("rating", "said", "sentiment", "judged"),
    [
        ("2", "I love it, thank you!", "negative", "rating"),
        ("2.5", BAD, "neutral", "rating"),
        ("4", BAD, "positive", "rating"),
        (None, BAD, "negative", "text"),
        (None, "茶叶太差了，很失望，要求退款", "negative", "text"),
        (None, "I love it, thank you!", "positive", "text"),
        (None, "qwzx", "unsure", "text"),
    ],
)
def test_stars_tell_the_sentiment_and_the_text_where_there_are_none(
    company, rating, said, sentiment, judged
) -> None:
    made = record(rating=rating and Decimal(rating), text=said)
    assert (made.sentiment, made.judged) == (sentiment, judged)


def test_what_a_colleague_said_stands_above_stars_and_edits(customer: Customer, admin: User) -> None:
    known_as(customer, "tea")
    made = record(handle="tea", rating=Decimal(1))
    drain.until_empty(at=NOW)
    TouchedCustomer.objects.all().delete()
    made = mentions.correct_sentiment(made, sentiment="positive", by=admin, at=LATER)
    assert (made.sentiment, made.judged) == ("positive", "person")
    assert TouchedCustomer.objects.get().customer_id == customer.pk
    assert [data["negative"] for _customer, data in news("mention.judged")] == [False]
    reading = TextReading.objects.get(subject_kind="mention", aspect="sentiment")
    assert (reading.corrected, reading.customer_id) == ("positive", customer.pk)
    again = record(handle="tea", rating=Decimal(1), text="terrible, refund now", at=LATER)
    assert (again.pk, again.sentiment, again.judged) == (made.pk, "positive", "person")
    mentions.correct_sentiment(again, sentiment="positive", by=admin, at=LATER)
    assert AuditEvent.objects.filter(act="mention.correct").count() == 1


# --- Whose it is -------------------------------------------------------------------------------
def test_the_name_on_the_platform_tells_whose_it_is_in_any_case(customer: Customer) -> None:
    contact = ContactFactory(customer=customer, is_main=False)
    known_as(customer, "TeaLover", contact=contact)
    made = record(handle="@tealover")
    assert (made.customer, made.contact) == (customer, contact)
    assert news("mention.recorded")[0][0] == customer.pk == TouchedCustomer.objects.get().customer_id


def test_near_misses_of_a_name_match_nobody(customer: Customer) -> None:
    known_as(customer, "tealover")
    known_as(customer, "anon", platform="other")
    gone = CustomerFactory(gone_at=NOW)
    SocialHandle.objects.create(customer=gone, platform="weibo", handle="gone", created_at=NOW)
    for number, (platform, handle) in enumerate(
        [("douyin", "tealover"), ("weibo", "tealover2"), ("other", "anon"), ("weibo", "gone"), ("weibo", "")]
    ):
        assert record(platform=platform, handle=handle, external_id=f"n{number}").customer is None


def test_a_name_that_two_customers_have_is_nobodys(customer: Customer) -> None:
    other = CustomerFactory()
    known_as(customer, "tea")
    known_as(other, "Tea")
    assert record(handle="tea").customer is None


def test_match_mention_counts_from_then_on_and_learns_the_name(customer: Customer, manager: User) -> None:
    made = record(handle="tea")
    for _again in range(2):
        made = mentions.match_mention(made, customer=customer, remember=True, by=manager, at=LATER)
    assert (made.customer, made.recorded_at) == (customer, LATER)
    assert MentionVersion.objects.get().customer_id is None
    assert news("mention.matched") == [(customer.pk, {"negative": True, "left": None})]
    assert SocialHandle.objects.get().handle == "tea"
    assert record(handle="tea", external_id="w-2", at=LATER).customer == customer
    assert AuditEvent.objects.filter(act="mention.match").count() == 1


def test_unmatch_mention_opens_it_again_and_marks_whom_it_leaves(customer: Customer) -> None:
    made = MentionFactory(customer=customer)
    made = mentions.unmatch_mention(made, by=None, at=NOW)
    assert (made.customer, made.contact) == (None, None)
    assert TouchedCustomer.objects.get().customer_id == customer.pk
    assert news("mention.matched") == [(None, {"negative": True, "left": customer.pk})]
    mentions.unmatch_mention(made, by=None, at=LATER)
    assert MentionVersion.objects.count() == 1


def test_match_mention_refuses_removed_ones_and_contacts_of_others(customer: Customer) -> None:
    made = record()
    with pytest.raises(mentions.MentionRefused):
        mentions.match_mention(made, customer=customer, contact=ContactFactory(), by=None, at=NOW)
    removed = mentions.remove_mention(made, by=None, at=NOW)
    with pytest.raises(mentions.MentionRefused):
        mentions.match_mention(removed, customer=customer, by=None, at=NOW)
    assert not Mention.objects.filter(customer=customer).exists()


# --- What becomes of them ----------------------------------------------------------------------
def test_mentions_go_with_their_customer_when_two_become_one(customer: Customer, admin: User) -> None:
    other = CustomerFactory(owner=customer.owner)
    made = MentionFactory(customer=other)
    known_as(other, "tea")
    merge = merges.merge_customers(customer, other, values={}, reason="same phone", by=admin, at=NOW)
    made.refresh_from_db()
    assert made.customer == customer == record(handle="tea").customer
    merges.undo_merge(merge, by=admin, at=LATER)
    made.refresh_from_db()
    assert made.customer == other


def test_erasing_empties_what_was_posted_and_lets_nobody_bring_it_back(
    customer: Customer, admin: User
) -> None:
    made = record(text=BAD, handle="tea")
    record(text="They never answered, awful.", handle="tea", at=LATER)  # sealed while it was nobody's
    assert SealedValue.objects.filter(holder=f"mention:{made.pk}").exists()
    stranger = record(external_id="w-9")
    mentions.match_mention(made, customer=customer, by=None, at=LATER)
    drain.until_empty(at=LATER)
    erasure.erase_customer(customer, reason="request", by=admin, at=LATER)
    made.refresh_from_db()
    assert (made.text, made.handle, made.url, made.external_id) == ("", "", "", "")
    assert (made.customer, made.sentiment) == (customer, "negative")
    assert not SealedValue.objects.filter(subject_type="customers.mention").exists()
    assert not HolderKey.objects.filter(holder=f"mention:{made.pk}").exists()
    assert not TextReading.objects.filter(subject_kind="mention", subject_id=made.pk).exists()
    assert ErasedName.objects.filter(kind="mention").count() == 1
    with pytest.raises(mentions.MentionErased):
        record(at=LATER)
    stranger.refresh_from_db()
    assert stranger.text == BAD


def test_many_land_in_few_queries_and_repeat_without_effect(
    customer: Customer, django_assert_max_num_queries
):
    known_as(customer, "tea3")

    def land(many: int) -> Any:
        return mentions.upsert_mentions(
            [
                MentionRecord(
                    external_id=f"m{n}",
                    platform="weibo",
                    occurred_at=ago(n + 1),
                    recorded_at=NOW,
                    values={"handle": f"tea{n}", "text": BAD},
                    history=n == 4,
                )
                for n in range(many)
            ],
            source="import",
            at=NOW,
        )

    with django_assert_max_num_queries(20):
        assert land(5).created == 5
    with django_assert_max_num_queries(12):
        assert land(5).unchanged == 5
    assert list(Mention.objects.filter(customer=customer).values_list("external_id", flat=True)) == ["m3"]
    assert [data["history"] for _customer, data in news("mention.recorded")] == [False] * 4 + [True]
