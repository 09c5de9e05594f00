"""Loops by the API: the verbs of the pages, what each refuses, and the figures."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from customers.ground import clock
from customers.models import Customer, User
from retention.models import LoopClosure
from tests.retention.loop.world import SOON, asked, drained, filed, unknown

pytestmark = pytest.mark.django_db


@pytest.fixture
def loop(customer: Customer) -> LoopClosure:
    clock.fix(SOON)
    return filed(customer)


def call(client: Client, user: User, path: str, **body: Any) -> Any:
    client.force_login(user)
    return client.post(
        f"/api/v1/loops/{path}",
        json.dumps(body),
        content_type="application/json",
        headers={"Idempotency-Key": uuid.uuid4().hex},
    )


def test_whole_way_to_not_solved_and_solved(
    client: Client, loop: LoopClosure, manager: User, lead: User
) -> None:
    refused = call(client, manager, f"{loop.pk}/ask/", message="Done.", by_hand=True)
    assert (refused.status_code, refused.json()["code"]) == (409, "loop_unfinished")
    assert call(client, manager, f"{loop.pk}/log-contact/", text="Talked.").status_code == 200
    assert call(client, manager, f"{loop.pk}/diagnose/", cause="price").json()["missing"] == [
        "action",
        "message",
    ]
    wrong = call(client, manager, f"{loop.pk}/act/", action="thanked", text="x")
    assert wrong.json()["code"] == "loop_action_not_for_kind"
    assert call(client, manager, f"{loop.pk}/act/", action="corrected", text="Mended.").status_code == 200
    told = call(client, manager, f"{loop.pk}/ask/", message="Done.", by_hand=True)
    assert told.json()["state"] == "asked" and "/c/" in told.json()["status_address"]
    again = call(client, manager, f"{loop.pk}/not-solved/", words="No.")
    assert (again.json()["owner"], again.json()["level"]) == (lead.pk, 2)
    early = call(client, lead, f"{loop.pk}/confirm/", words="On the phone.")
    assert early.json()["code"] == "loop_move_not_allowed"


def test_who_confirms_for_the_customer_says_how_and_managers_take_nothing_back(
    client: Client, loop: LoopClosure, manager: User
) -> None:
    asked(loop, by=manager)
    refused = call(client, manager, f"{loop.pk}/withdraw/", reason="Filed twice.")
    assert (refused.status_code, refused.json()["code"]) == (409, "loop_withdrawn_by_lead")
    assert call(client, manager, f"{loop.pk}/confirm/").status_code == 400
    told = call(client, manager, f"{loop.pk}/confirm/", words="On the phone, today.").json()
    assert (told["state"], told["confirmed_by_us"]) == ("confirmed", True)
    assert client.get("/api/v1/loops/figures/").json()["whole"]["confirmed_by_us"] == 1


def test_unknown_with_an_address_is_answered_there(client: Client, company: Any, lead: User) -> None:
    clock.fix(SOON)
    unknown(stated_reach="me@example.org")
    drained()
    loop = LoopClosure.objects.get()
    refused = call(client, lead, f"{loop.pk}/answer/", words="On our page.")
    assert refused.json()["code"] == "loop_can_be_told"
    told = call(client, lead, f"{loop.pk}/answer/", words="By mail.", directly=True)
    assert told.json()["state"] == "answered"


def test_strangers_find_nothing_and_managers_do_not_assign(
    client: Client, loop: LoopClosure, manager: User, outsider: User, lead: User, teammate: User
) -> None:
    assert call(client, outsider, f"{loop.pk}/withdraw/", reason="x").status_code == 404
    assert call(client, manager, f"{loop.pk}/assign/", to=teammate.pk).status_code == 403
    assert call(client, lead, f"{loop.pk}/assign/", to=teammate.pk).json()["owner"] == teammate.pk
    client.force_login(outsider)
    assert client.get("/api/v1/loops/").json()["results"] == []
    assert client.get("/api/v1/loops/figures/").json()["whole"]["received"] == 0


def test_list_filters_and_figures(client: Client, loop: LoopClosure, manager: User) -> None:
    client.force_login(manager)
    rows = client.get("/api/v1/loops/?source=complaint&is_open=true").json()["results"]
    assert [row["id"] for row in rows] == [loop.pk] and "salt" not in rows[0]
    assert client.get("/api/v1/loops/?source=mention").json()["results"] == []
    told = client.get("/api/v1/loops/figures/").json()
    assert told["whole"]["received"] == 1 and told["by_source"][0]["key"] == "complaint"
    assert client.get(f"/api/v1/loops/{loop.pk}/").json()["missing"][0] == "contact"


def test_address_of_the_status_page_is_for_who_may_work_on_it(
    caller: Any, client: Client, loop: LoopClosure, manager: User, analyst: User
) -> None:
    shown = {
        who.pk: client.get(f"/api/v1/loops/{loop.pk}/").json()["status_address"]
        for who in (manager, analyst)
        if client.force_login(who) is None
    }
    assert "/c/" in shown[manager.pk] and shown[analyst.pk] == ""
    for scopes, is_told in ((["loops:read"], False), (["loops:read", "loops:write"], True)):
        program = caller(manager, scopes)
        assert ("/c/" in program.get(f"loops/{loop.pk}/").json()["status_address"]) is is_told


def test_figures_are_of_thirty_days_or_of_those_that_are_named(
    client: Client, loop: LoopClosure, manager: User
) -> None:
    client.force_login(manager)

    def received(query: str = "") -> Any:
        told = client.get(f"/api/v1/loops/figures/{query}").json()
        return told["since"], told["until"], told["whole"]["received"]

    assert received() == ("2026-04-12", "2026-05-11", 1)
    LoopClosure.objects.update(received_at=SOON - timedelta(days=30))
    assert received() == ("2026-04-12", "2026-05-11", 0)
    assert received("?since=2026-04-11") == ("2026-04-11", "2026-05-11", 1)
    assert received("?until=2026-04-11") == ("2026-03-13", "2026-04-11", 1)
    assert received("?until=2026-04-10")[2] == 0


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("since=2025-01-01&until=2026-05-11", "since"),
        ("since=2026-05-11&until=2026-05-10", "since"),
        ("since=x", "since"),
        ("until=0001-01-01", "until"),
        ("year=2026", "year"),
    ],
)
def test_figures_of_odd_times_are_refused_with_the_parameter(
    client: Client, loop: LoopClosure, manager: User, query: str, named: str
) -> None:
    client.force_login(manager)
    refused = client.get(f"/api/v1/loops/figures/?{query}")
    assert refused.status_code == 400
    assert [one["parameter"] for one in refused.json()["errors"]] == [named]
