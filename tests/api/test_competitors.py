"""Competitors and what they were seen to offer by the API: catalogue, sightings, batches."""

import pytest

from customers import competitors
from customers.models import Competitor, CompetitorSighting
from tests.factories import NOW, CompetitorFactory, ProductFactory, SightingFactory

pytestmark = pytest.mark.django_db


def test_sighting_is_recorded_listed_and_removed(program, customer):
    ProductFactory(code="P-1")
    made = program(
        "post",
        "competitor-sightings/",
        {
            "customer": customer.pk,
            "competitor": "Acme Ltd",
            "offered": "10 % off",
            "price_seen": "90.00",
            "price_ours": "99.5",
            "product": "P-1",
            "learnt_from": "visit",
        },
    )
    assert made.status_code == 201, made.content
    body = made.json()
    said = {
        name: body[name] for name in ("competitor_name", "price_seen", "price_ours", "currency", "product")
    }
    assert said == {
        "competitor_name": "Acme Ltd",
        "price_seen": "90.00",
        "price_ours": "99.50",
        "currency": "CNY",
        "product": "P-1",
    }
    SightingFactory(customer=customer)
    listed = program.get("competitor-sightings/", competitor=body["competitor"]).json()["results"]
    assert [row["id"] for row in listed] == [body["id"]]
    assert program("post", f"competitor-sightings/{body['id']}/remove/").json()["void"] is True
    assert Competitor.objects.get(name="Acme Ltd").is_checked is False


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ({"competitor": "。"}, 409, "competitor_name"),
        ({"price_seen": "0"}, 409, "sighting_price"),
        ({"price_seen": "-1"}, 409, "sighting_price"),
        ({"price_ours": "5"}, 409, "ours_without_theirs"),
        ({"price_seen": "5", "currency": "EUR"}, 409, "missing_rate"),
        ({"product": "P-9"}, 400, "validation"),
        ({"learnt_from": "rumour"}, 400, "validation"),
        ({"occurred_at": "2199-01-01T00:00:00Z"}, 409, "in_the_future"),
    ],
)
def test_sighting_refuses_what_cannot_be(program, customer, values, status, code):
    said = {"customer": customer.pk, "competitor": "Acme", **values}
    answer = program("post", "competitor-sightings/", said)
    assert answer.status_code == status, answer.content
    assert status == 400 or answer.json()["code"] == code
    assert not CompetitorSighting.objects.exists()


def test_sightings_of_others_are_not_there(caller, outsider, customer):
    mine = SightingFactory(customer=customer)
    assert caller(outsider).get("competitor-sightings/").json()["results"] == []
    assert caller(outsider).get(f"competitor-sightings/{mine.pk}/").status_code == 404
    assert caller(outsider)("post", f"competitor-sightings/{mine.pk}/remove/").status_code == 404
    said = {"customer": customer.pk, "competitor": "Zenith"}
    assert caller(outsider)("post", "competitor-sightings/", said).status_code == 400
    assert not Competitor.objects.filter(name="Zenith").exists()


def test_catalogue_is_kept_and_merged(program, caller, lead, manager, customer):
    said = {"name": "Acme Ltd", "aliases": ["Acme China"], "products": "Tea"}
    made = program("post", "competitors/", said)
    assert made.status_code == 201, made.content
    assert made.json()["aliases"] == ["Acme China"] and made.json()["is_checked"] is True
    assert program("post", "competitors/", {"name": "ACME"}).json()["code"] == "competitor_name_taken"
    path = f"competitors/{made.json()['id']}/"
    changed = program("patch", path, {"talking_points": "Next day."}, if_match=made["ETag"])
    assert changed.status_code == 200, changed.content
    assert (changed.json()["aliases"], changed.json()["talking_points"]) == (["Acme China"], "Next day.")

    wrong = competitors.named("Acmee", by=None, at=NOW)
    seen = SightingFactory(customer=customer, competitor=wrong)
    unchecked = program.get("competitors/", is_checked="false").json()["results"]
    assert [row["name"] for row in unchecked] == ["Acmee"]
    assert [row["name"] for row in program.get("competitors/", name="china").json()["results"]] == [
        "Acme Ltd"
    ]
    into = {"into": made.json()["id"]}
    assert caller(lead)("post", f"competitors/{wrong.pk}/merge/", into).status_code == 403
    assert program("post", f"competitors/{wrong.pk}/merge/", {"into": wrong.pk}).json()["code"] == (
        "same_competitor"
    )
    assert program("post", f"competitors/{wrong.pk}/merge/", {"into": 10**9}).status_code == 400
    assert program("post", f"competitors/{wrong.pk}/merge/", into).json()["id"] == made.json()["id"]
    assert program.get(f"competitors/{wrong.pk}/").status_code == 404
    shown = program.get(f"competitor-sightings/{seen.pk}/").json()
    assert (shown["competitor"], shown["competitor_name"]) == (made.json()["id"], "Acme Ltd")
    assert len(program.get("competitor-sightings/", competitor=into["into"]).json()["results"]) == 1

    assert program("post", f"{path}remove/").json()["code"] == "competitor_in_use"
    unused = CompetitorFactory(name="Zenith")
    assert program("post", f"competitors/{unused.pk}/remove/").json()["name"] == "Zenith"
    assert not Competitor.objects.filter(pk=unused.pk).exists()
    assert caller(lead)("post", "competitors/", {"name": "Orient"}).status_code == 201
    assert caller(manager)("post", "competitors/", {"name": "West"}).status_code == 403
    assert caller(manager).get("competitors/").status_code == 200


def test_batch_of_sightings_says_what_became_of_each_record(program):
    def send(*ids, **values):
        records = [
            {
                "external_id": f"S-{n}",
                "customer": "C-1",
                "occurred_at": "2026-05-01T09:00:00+08:00",
                "competitor": "Acme Ltd",
                "price_seen": "90",
                **values,
            }
            for n in ids
        ]
        body = {"source": "s", "on_missing_customer": "create", "records": records}
        answer = program("post", "batch/sightings/", body)
        assert answer.status_code == 200, answer.content
        return [result["status"] for result in answer.json()["results"]]

    assert send(1, 2) == ["created", "created"]
    assert send(1, 3) == ["unchanged", "created"]
    assert send(1, 2, price_seen="80") == ["updated", "updated"]
    assert send(1, price_seen=None) == ["updated"]
    assert send(1, 4, competitor="--") == ["refused", "refused"]
    prices = CompetitorSighting.objects.order_by("pk").values_list("price_seen", flat=True)
    assert list(prices) == [None, 8000, 9000]
    assert Competitor.objects.count() == 1
