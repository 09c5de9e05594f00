"""Feedback of every kind as it comes over HTTP, and what must stand of each piece afterwards."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from customers.channels import signing
from tests.chaos.ears import PLATFORM, email_of, handle_of
from tests.chaos.kit import MORNING
from tests.chaos.web import Answer, Person

OF_ONE_CUSTOMER = 5  # pieces in a row, so that several of one customer are on their way at once
AGAIN_EVERY = 7
REFUSED = 422  # what a batch says of one record
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Piece:
    """One piece of feedback: its place in the row, in whose words, of which customer, by which way."""

    number: int
    text: str
    customer: int
    way: Way


@dataclass(frozen=True)
class Way:
    """One way of telling us something, and what has to follow.

    ``kept``: the tables in which it stands. ``loop``: of which source its loop is; empty for none.
    ``is_known``: whether it is a customer's. ``has_case``: whether it belongs to a recovery case.
    ``again``: what sending the same once more may be answered with; empty where nothing names it.
    ``send``: sends it and returns the status.
    """

    name: str
    kept: tuple[str, ...]
    loop: str
    is_known: bool
    has_case: bool
    again: tuple[int, ...]
    send: Callable[[Crowd, Piece], int]


class Crowd:
    """Everybody who tells us something: a colleague at her pages, programs, people at their own addresses."""

    def __init__(self, person: Person, told: dict[str, Any]) -> None:
        self.person, self.port = person, person.port
        self.token, self.hook, self.secret = told["token"], told["hook"], told["secret"]
        self.asked: dict[str, str] = told["asked"]
        self.seconds: list[float] = []  # that each request took

    def tell(self, pieces: Sequence[Piece], *, every: float, threads: int = 4) -> list[Answer]:
        """Send pieces at a pace, a few at once, some of them twice; return how each was answered."""

        def send(piece: Piece) -> Answer:
            time.sleep(max(0.0, began + piece.number * every - time.monotonic()))
            start, sent = time.monotonic(), time.time()
            try:
                status = piece.way.send(self, piece)
                if piece.way.again and piece.number % AGAIN_EVERY == 0:
                    second = piece.way.send(self, piece)
                    status = status if second in piece.way.again else -second
            except (OSError, http.client.HTTPException):
                status = 0
            return Answer(status, time.monotonic() - start, sent, piece.text)

        began = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(send, pieces))

    def call(self, path: str, body: Any, piece: Piece) -> tuple[int, str]:
        """Call the API with the piece's own key."""
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": piece.text.replace(" ", "-")}
        return self.post(path, json.dumps(body), {**headers, "Content-Type": "application/json"}, piece)

    def fill_in(self, path: str, fields: dict[str, str], piece: Piece) -> int:
        """Send a form for which nobody signs in."""
        return self.post(path, urlencode(fields), {"Content-Type": _FORM}, piece)[0]

    def post(self, path: str, body: str, headers: dict[str, str], piece: Piece) -> tuple[int, str]:
        """Send something from the piece's own address."""
        return self._ask("POST", path, body, headers, piece)

    def ticket(self, piece: Piece) -> str:
        """Open the form for everybody and return its ticket."""
        page = self._ask("GET", "/c/", "", {}, piece)[1]
        found = re.search(r'name="ticket" value="([^"]+)"', page)
        return found.group(1) if found else ""

    def _ask(self, how: str, path: str, body: str, headers: dict[str, str], piece: Piece) -> tuple[int, str]:
        source = f"127.1.{piece.number // 250}.{piece.number % 250 + 1}"
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=60, source_address=(source, 0)
        )
        began = time.monotonic()
        try:
            connection.request(how, path, body.encode(), headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()
            self.seconds.append(time.monotonic() - began)


# --- How each is sent ---------------------------------------------------------------------------
def _by_staff(crowd: Crowd, piece: Piece) -> int:
    answer = crowd.person.complain(piece.customer, piece.text)
    crowd.seconds.append(answer.seconds)
    return answer.status


def _by_api(kind: str) -> Callable[[Crowd, Piece], int]:
    def send(crowd: Crowd, piece: Piece) -> int:
        body = {"customer": piece.customer, "kind": kind, "text": piece.text, "channel": "phone"}
        return crowd.call("/api/v1/complaints/", body, piece)[0]

    return send


def _by_survey(score: int) -> Callable[[Crowd, Piece], int]:
    def send(crowd: Crowd, piece: Piece) -> int:
        fields = {"page": "0", "asked": "nps", "q.nps": str(score), "q.nps.why": piece.text}
        return crowd.fill_in(f"/s/{crowd.asked[str(piece.customer)]}/", fields, piece)

    return send


def _by_form(*, is_known: bool) -> Callable[[Crowd, Piece], int]:
    """Fill in the form for everybody; pressed twice, it goes out twice with one ticket."""

    def send(crowd: Crowd, piece: Piece) -> int:
        reach = email_of(piece.customer) if is_known else f"nobody-{piece.number}@example.net"
        fields = {"kind": "complaint", "text": piece.text, "reach": reach, "ticket": crowd.ticket(piece)}
        first = crowd.fill_in("/c/", fields, piece)
        pressed_twice = piece.number % AGAIN_EVERY == 0
        return crowd.fill_in("/c/", fields, piece) if pressed_twice and first == 200 else first

    return send


def _by_program(crowd: Crowd, piece: Piece) -> int:
    """Hand in what a desk of somebody else's collected; a second time with another key and the same name."""
    body = {"external_id": piece.text, "kind": "complaint", "text": piece.text, "name": "Nobody"}
    headers = {"Authorization": f"Bearer {crowd.token}", "Content-Type": "application/json"}
    key = {"Idempotency-Key": f"{time.monotonic_ns()}-{piece.number}"}
    return crowd.post("/api/v1/feedback/", json.dumps(body), {**headers, **key}, piece)[0]


def _by_batch(stars: str) -> Callable[[Crowd, Piece], int]:
    def send(crowd: Crowd, piece: Piece) -> int:
        record = {
            "external_id": piece.text, "platform": PLATFORM, "handle": handle_of(piece.customer),
            "text": piece.text, "rating": stars, "occurred_at": MORNING.isoformat(),
        }  # fmt: skip
        body = {"source": "chaos", "records": [record]}
        status, answer = crowd.call("/api/v1/batch/mentions/", body, piece)
        return status if status != 200 or not json.loads(answer)["refused"] else REFUSED

    return send


def _by_hook(*, is_known: bool) -> Callable[[Crowd, Piece], int]:
    def send(crowd: Crowd, piece: Piece) -> int:
        author = handle_of(piece.customer) if is_known else f"nobody_{piece.number}"
        post = {"platform": PLATFORM, "id": piece.text, "author": author, "text": piece.text, "rating": 1}
        body = json.dumps({"mentions": [post]})
        signed = signing.standard(
            crowd.secret, message_id=piece.text, body=body.encode(), at=datetime.now(UTC)
        )
        return crowd.post(f"/hooks/mentions/{crowd.hook}/", body, signed, piece)[0]

    return send


# The two answers of one survey stand further apart than the pieces of one customer: she has one link.
WAYS = (
    Way("staff form", ("complaint",), "complaint", True, True, (), _by_staff),
    Way("API", ("complaint",), "complaint", True, True, (201,), _by_api("complaint")),
    Way("survey", ("response",), "response", True, True, (404,), _by_survey(3)),
    Way("public form", ("complaint", "unknown"), "complaint", True, True, (), _by_form(is_known=True)),
    Way("public form, nobody", ("unknown",), "unknown", False, False, (), _by_form(is_known=False)),
    Way("API, nobody", ("unknown",), "unknown", False, False, (201,), _by_program),
    Way("mention by batch", ("mention",), "mention", True, True, (200,), _by_batch("1")),
    Way("mention by call", ("mention",), "mention", True, True, (409,), _by_hook(is_known=True)),
    Way("good answer", ("response",), "", True, False, (404,), _by_survey(10)),
    Way("praise", ("complaint",), "complaint", True, False, (201,), _by_api("praise")),
    Way("mention of nobody", ("mention",), "mention", False, False, (409,), _by_hook(is_known=False)),
    Way("good review", ("mention",), "", True, False, (200,), _by_batch("5")),
)  # fmt: skip


def pieces(customers: Sequence[int], count: int, *, said: str) -> list[Piece]:
    """Return so many pieces, by every way in turn, some in a row of the same customer."""
    return [
        Piece(number, f"{said} {number}", customers[number // OF_ONE_CUSTOMER], WAYS[number % len(WAYS)])
        for number in range(count)
    ]
