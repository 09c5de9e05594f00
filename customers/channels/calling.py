"""One HTTP call to a provider: no redirects, bounded in time and size, and honest about what is unknown."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from customers.channels import destinations

STEP_SECONDS = 10.0
MOST_SECONDS = 15.0
MOST_BYTES = 64 * 1024


class NoAnswer(Exception):
    """The call was handed over, or may have been, and no whole answer came back."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider said; ``retry_after`` in seconds."""

    status: int
    text: str
    retry_after: float | None = None


def post(url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send ``body`` to ``url`` and return the answer, at most its first 64 KB.

    Raises ``NotReached`` when nothing was handed over, :class:`NoAnswer` when that is not known.
    """
    parts = urlsplit(url)
    host, is_safe = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if is_safe else 80)
    held = [destinations.connect(host, port, seconds=STEP_SECONDS, in_the_clear=not is_safe)]
    with destinations.at_most(MOST_SECONDS, lambda: held[0]) as was_cut:
        if is_safe:
            _encrypt(held, host)
        answer = _talk(held[0], parts.netloc, parts.path or "/", parts.query, headers=headers, body=body)
        if was_cut.is_set():  # what came looks whole, but is not
            raise NoAnswer("cut")
        return answer


def _encrypt(held: list[socket.socket], host: str) -> None:
    """Put an encrypted socket in the place of the plain one."""
    try:
        context = ssl.create_default_context()
        held[0] = safe = context.wrap_socket(held[0], server_hostname=host, do_handshake_on_connect=False)
        safe.do_handshake()
    except OSError as error:
        held[0].close()
        raise destinations.NotReached("tls") from error


def _talk(
    sock: socket.socket, host: str, path: str, query: str, *, headers: Mapping[str, str], body: bytes
) -> Answer:
    connection = http.client.HTTPConnection(host)
    connection.sock = sock
    try:
        try:
            connection.putrequest("POST", f"{path}?{query}" if query else path, skip_host=True)
            for name, value in {"Host": host, **headers, "Content-Length": str(len(body))}.items():
                connection.putheader(name, value.encode("utf-8"))
        except (ValueError, http.client.HTTPException) as error:  # nothing has left yet
            raise destinations.NotReached(type(error).__name__) from error
        connection.endheaders(body)
        response = connection.getresponse()
        text = response.read(MOST_BYTES).decode("utf-8", "replace")
        return Answer(response.status, text, _seconds(response.headers.get("Retry-After", "")))
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(type(error).__name__) from error
    finally:
        connection.close()


def _seconds(text: str) -> float | None:
    """Return the seconds of ``Retry-After``; a date is left to our own back-off."""
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None
