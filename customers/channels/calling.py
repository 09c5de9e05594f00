"""One HTTP call: no redirects, bounded in time and size, and honest about what is unknown."""

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


@dataclass(frozen=True, slots=True)
class Got:
    """What an address holds. ``is_whole``: there was not more than was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool


def post(url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send ``body`` to ``url`` and return the answer, at most its first 64 KB.

    Raises ``NotReached`` when nothing was handed over, :class:`NoAnswer` when that is not known.
    """
    got = _call("POST", url, headers=headers, body=body, most=MOST_BYTES)
    text = got.body.decode("utf-8", "replace")
    return Answer(got.status, text, _seconds(got.headers.get("retry-after", "")))


def get(url: str, *, headers: Mapping[str, str], most: int) -> Got:
    """Return what stands at ``url``, at most its first ``most`` bytes; no redirect is followed.

    Raises ``NotReached`` and :class:`NoAnswer` as :func:`post` does.
    """
    return _call("GET", url, headers=headers, body=None, most=most)


def _call(method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, most: int) -> Got:
    parts = urlsplit(url)
    host, is_safe = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if is_safe else 80)
    held = [destinations.connect(host, port, seconds=STEP_SECONDS, in_the_clear=not is_safe)]
    with destinations.at_most(MOST_SECONDS, lambda: held[0]) as was_cut:
        if is_safe:
            _encrypt(held, host)
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        got = _talk(held[0], method, parts.netloc, path, headers=headers, body=body, most=most)
        if was_cut.is_set():  # what came looks whole, but is not
            raise NoAnswer("cut")
        return got


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
    sock: socket.socket,
    method: str,
    host: str,
    path: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None,
    most: int,
) -> Got:
    connection = http.client.HTTPConnection(host)
    connection.sock = sock
    try:
        try:
            connection.putrequest(method, path, skip_host=True)
            length = {} if body is None else {"Content-Length": str(len(body))}
            for name, value in {"Host": host, **headers, **length}.items():
                connection.putheader(name, value.encode("utf-8"))
        except (ValueError, http.client.HTTPException) as error:  # nothing has left yet
            raise destinations.NotReached(type(error).__name__) from error
        connection.endheaders(body)
        response = connection.getresponse()
        said = {name.lower(): value for name, value in response.headers.items()}
        data = response.read(most + 1)
        return Got(response.status, said, data[:most], len(data) <= most)
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(type(error).__name__) from error
    finally:
        connection.close()


def _seconds(text: str) -> float | None:
    """Return the seconds of ``Retry-After``; a date is left to our own back-off."""
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None
