"""Mentions by the API: recorded, listed, matched, corrected, removed, and many at once."""

import pytest

from customers import handles
from customers.models import Mention
from tests.factories import NOW, CustomerFactory, MentionFactory

pytestmark = pytest.mark.django_db
SAID = {"platform": "weibo", "external_id": "w-1", "handle": "tea", "text": "terrible, refund!"}


def test_mention_is_recorded_listed_matched_corrected_opened_and_removed(program, customer):
    made = program("post", "mentions/", {**SAID, "rating": "4.5"})
    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["customer"], body["sentiment"], body["judged"], body["source"]) == (
        *(None, "positive", "rating"),
        "api",
    )
    MentionFactory(customer=customer)
    for asked in ({"open": "true"}, {"platform": "weibo"}, {"sentiment": "positive"}):
        assert [row["id"] for row in program.get("mentions/", **asked).json()["results"]] == [body["id"]]

    def act(name, said=None):
        answer = program("post", f"mentions/{body['id']}/{name}/", said or {})
        assert answer.status_code == 200, answer.content
        return answer.json()

    assert act("match", {"customer": customer.pk, "remember": True})["customer"] == customer.pk
    assert customer.social_handles.get().handle == "tea"
    assert act("correct", {"sentiment": "negative"})["judged"] == "person"
    assert act("unmatch")["customer"] is None
    assert act("remove")["void"] is True


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ({"text": ""}, 409, "mention_empty"),
        ({"rating": "5.5"}, 400, "validation_failed"),
        ({"url": "javascript:x"}, 409, "mention_url"),
        ({"platform": "mars"}, 400, "validation_failed"),
        ({"customer": 10**9}, 400, "validation_failed"),
        ({"contact": 10**9}, 400, "validation_failed"),
        ({"occurred_at": "2199-01-01T00:00:00Z"}, 409, "in_the_future"),
    ],
)
def test_mention_refuses_what_cannot_be(program, values, status, code):
    answer = program("post", "mentions/", {**SAID, **values})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Mention.objects.exists()


def test_mentions_of_others_are_not_there_and_those_of_nobody_are(caller, outsider, customer):
    theirs, open_ = MentionFactory(customer=customer, **SAID), MentionFactory(customer=None)
    asking = caller(outsider)
    assert [row["id"] for row in asking.get("mentions/").json()["results"]] == [open_.pk]
    for act, said in (
        ("match", {"customer": customer.pk}),
        ("correct", {"sentiment": "neutral"}),
        ("remove", {}),
    ):
        assert asking("post", f"mentions/{theirs.pk}/{act}/", said).status_code == 404
    assert asking("post", f"mentions/{open_.pk}/match/", {"customer": customer.pk}).status_code == 400
    again = asking("post", "mentions/", {**SAID, "text": "changed"})
    assert (again.status_code, again.json()["code"]) == (409, "mention_refused")
    theirs.refresh_from_db()
    assert theirs.text == SAID["text"]


def test_contact_must_be_of_the_customer(program, customer):
    other = CustomerFactory()
    said = {**SAID, "customer": customer.pk, "contact": other.contacts.get().pk}
    assert program("post", "mentions/", said).json()["code"] == "mention_refused"


def test_batch_of_mentions_says_what_became_of_each_record(program, customer):
    handles.add_handle(customer, platform="weibo", handle="Tea", by=None, at=NOW)

    def send(*ids, **values):
        records = [
            {
                "external_id": f"w-{n}",
                "occurred_at": "2026-05-01T09:00:00+08:00",
                "handle": "tea",
                "text": "awful",
            }
            | values
            for n in ids
        ]
        answer = program("post", "batch/mentions/", {"source": "weibo", "records": records})
        assert answer.status_code == 200, answer.content
        return [(result["status"], result["id"]) for result in answer.json()["results"]]

    MentionFactory(customer=None, platform="douyin", external_id="w-1")
    first, second = send(1, 2)
    mine = list(Mention.objects.filter(customer=customer).order_by("pk").values_list("pk", flat=True))
    assert [first, second] == [("created", pk) for pk in mine]
    assert send(1, 3)[0] == ("unchanged", mine[0])
    assert [status for status, _pk in send(1, 2, text="good")] == ["updated", "updated"]
    assert [status for status, _pk in send(4, rating="7")] == ["refused"]
    assert set(Mention.objects.filter(customer=customer).values_list("platform", flat=True)) == {"weibo"}
