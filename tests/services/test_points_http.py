"""P1: many redeem at the same moment over HTTP, by the product's own server and API."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.db.models import Sum
from waitress.server import create_server

from config.stack import WEB_THREADS
from customers import tokens
from customers.ground import clock
from loyalty.ledger import accounts
from loyalty.models import LotAllocation, PointsAccount, PointsEntry, PointsLot, Redemption, Reward
from loyalty.rewards import catalogue
from tests.factories import NOW, CompanyFactory, UserFactory
from tests.loyalty.factories import ProgrammeFactory, earn, make_account

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


@dataclass(frozen=True)
class Call:
    """One POST: where, what, and the key of the act."""

    path: str
    body: dict[str, Any]
    key: str


@dataclass(frozen=True)
class Server:
    """A server that answers on a port, and the token of a program that calls it."""

    port: int
    secret: str

    def all_at_once(self, calls: list[Call]) -> list[tuple[int, dict[str, Any]]]:
        """Send every call on a connection of its own, none before all are connected."""
        start = threading.Barrier(len(calls))

        def send(call: Call) -> tuple[int, dict[str, Any]]:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)) as connection:
                connection.connect()
                start.wait(timeout=60)
                headers = {
                    "Authorization": f"Bearer {self.secret}",
                    "Content-Type": "application/json",
                    "Idempotency-Key": call.key,
                }
                connection.request("POST", f"/api/v1/{call.path}", json.dumps(call.body), headers)
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(send, calls))


@pytest.fixture
def server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Run the web server as the product does, on the tests' database."""
    settings.API_CALLS_A_MINUTE = {"token": 10**9, "address": 10**9}
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    clock.fix(NOW)
    CompanyFactory()
    ProgrammeFactory()
    user: Any = UserFactory(role="integration")
    real = clock.real_now()
    scopes = ["loyalty:read", "loyalty:redeem"]
    until = real + timedelta(days=1)
    _row, secret = tokens.create_token(user, name="till", scopes=scopes, expires_at=until, by=user, at=real)
    web = create_server(
        get_wsgi_application(), host="127.0.0.1", port=0, threads=WEB_THREADS, connection_limit=500
    )
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            web.asyncore.loop(timeout=0.1, map=web._map, count=1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield Server(web.effective_port, secret)
    finally:
        ended.set()
        thread.join(10)
        for channel in list(web.active_channels.values()):
            channel.handle_close()
        web.task_dispatcher.shutdown()
        web.close()


def sums_agree(account: PointsAccount) -> bool:
    """Say whether the balance is what the entries, and the lots, come to."""
    entries = PointsEntry.objects.filter(account=account).aggregate(sum=Sum("points"))["sum"]
    left = PointsLot.objects.filter(account=account).aggregate(sum=Sum("left"))["sum"]
    return entries == left == PointsAccount.objects.get(pk=account.pk).balance


def test_of_200_redemptions_100_succeed_and_100_are_refused(server: Server) -> None:
    account = make_account()
    for _n in range(4):
        earn(account, 250)
    path = f"points-accounts/{account.pk}/redeem/"
    said = server.all_at_once([Call(path, {"points": 10}, f"till-{n}") for n in range(200)])
    answers = Counter((status, body.get("code", "")) for status, body in said)
    assert answers == {(201, ""): 100, (409, "not_enough_points"): 100}
    assert PointsAccount.objects.get(pk=account.pk).balance == 0
    redeemed = PointsEntry.objects.filter(account=account, kind="redeem")
    assert (redeemed.count(), redeemed.aggregate(sum=Sum("points"))["sum"]) == (100, -1000)
    taken = LotAllocation.objects.filter(entry__in=redeemed).aggregate(sum=Sum("points"))["sum"]
    assert taken == -1000
    assert sums_agree(account)
    assert {body["id"] for status, body in said if status == 201} == set(
        redeemed.values_list("pk", flat=True)
    )


def test_one_key_sent_many_times_at_once_redeems_once(server: Server) -> None:
    account = make_account()
    earn(account, 1000)
    call = Call(f"points-accounts/{account.pk}/redeem/", {"points": 10}, "the-same")
    said = server.all_at_once([call] * 20)
    done = [body for status, body in said if status == 201]
    assert {status for status, _body in said} <= {201, 409}  # still in progress: told so, and asked again
    assert len({body["id"] for body in done}) == 1
    assert PointsEntry.objects.filter(kind="redeem").count() == 1
    assert PointsAccount.objects.get(pk=account.pk).balance == 990


def test_last_item_in_stock_goes_to_one_of_50(server: Server) -> None:
    reward = catalogue.create_reward(
        accounts.running(), code="last", name="Last", points=100, stock=1, is_on=True, by=None, at=NOW
    )
    mine = [make_account() for _n in range(50)]
    for account in mine:
        earn(account, 100)
    said = server.all_at_once(
        [Call("redemptions/", {"account": one.pk, "reward": reward.pk}, f"wish-{one.pk}") for one in mine]
    )
    answers = Counter((status, body.get("code", "")) for status, body in said)
    assert answers == {(201, ""): 1, (409, "reward_gone"): 49}
    assert Reward.objects.get().stock == 0
    winner = Redemption.objects.get()
    assert {one.pk: PointsAccount.objects.get(pk=one.pk).balance for one in mine} == {
        one.pk: 0 if one.pk == winner.account_id else 100 for one in mine
    }
    assert all(sums_agree(one) for one in mine)
