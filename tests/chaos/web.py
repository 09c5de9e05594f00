"""A person at the web process: signed in by a session, filing what customers say, over plain HTTP."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.chaos.kit import Kit, Process, services, wait_for

CSRF = "c" * 32


@dataclass(frozen=True)
class Answer:
    """What one request came to: status (0: no answer), seconds, when it was sent, the words it carried."""

    status: int
    seconds: float
    sent: float
    text: str

    @property
    def stored(self) -> bool:
        """Say whether the web process acknowledged it (it leads back to the page)."""
        return self.status in (302, 303)


class Person:
    """Posts forms; keeps a connection a thread, as a browser does."""

    def __init__(self, port: int, session: str) -> None:
        self.port = port
        self.headers = {
            "Cookie": f"sessionid={session}; csrftoken={CSRF}",
            "X-CSRFToken": CSRF,
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"http://127.0.0.1:{port}",
        }
        self._here = threading.local()
        self._open: list[http.client.HTTPConnection] = []

    def complain(self, customer: int, text: str, *, timeout: float = 60) -> Answer:
        """File a complaint of a customer."""
        fields = {"text": text, "channel": "phone", "severity": "2"}
        return self._post(f"/customers/{customer}/complaint/", fields, text, timeout)

    def talk(self, customer: int, text: str, *, timeout: float = 60) -> Answer:
        """Log a talk with a customer."""
        fields = {"kind": "call", "direction": "out", "text": text}
        return self._post(f"/customers/{customer}/interaction/", fields, text, timeout)

    def _post(self, path: str, fields: dict[str, str], text: str, timeout: float) -> Answer:
        began, sent = time.monotonic(), time.time()
        connection: http.client.HTTPConnection | None = getattr(self._here, "connection", None)
        try:
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
                self._here.connection = connection
                self._open.append(connection)
            connection.request("POST", path, urlencode(fields), self.headers)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            status = 0
            if connection is not None:
                connection.close()
            self._here.connection = None
        return Answer(status, time.monotonic() - began, sent, text)

    def close(self) -> None:
        """Close every connection."""
        for connection in self._open:
            connection.close()

    def many(
        self, customers: Sequence[int], count: int, *, said: str, every: float = 0.0, threads: int = 4
    ) -> list[Answer]:
        """Send so many complaints and talks by turns, a few at once, and return the answers."""

        def send(number: int) -> Answer:
            time.sleep(max(0.0, began + number * every - time.monotonic()))
            act = self.complain if number % 2 == 0 else self.talk
            return act(customers[number % len(customers)], f"{said} {number}")

        began = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(send, range(count)))


@contextmanager
def serving(kit: Kit, database: str, session: str, **environment: str) -> Iterator[Person]:
    """Run the web process on a database until the block ends."""
    port = services.free_port()
    process: Process = kit.start("web", str(port), database=database, name="web", **environment)
    try:

        def up() -> bool:
            process.must_live()
            return healthy(port)

        wait_for(up, within=60, what="the web process answers")
        with contextlib.closing(Person(port, session)) as person:
            yield person
    finally:
        process.kill()


def healthy(port: int) -> bool:
    """Say whether a web process answers that it lives."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False
