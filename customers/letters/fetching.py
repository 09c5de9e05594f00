"""One look into a folder of a mail server (IMAP4rev1, RFC 3501): it is read, and nothing there is changed."""

from __future__ import annotations

import base64
import imaplib
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from customers.channels import destinations
from customers.channels.mailing import NONE, STARTTLS, TLS
from customers.letters.reading import MOST_BYTES
from customers.models import Mailbox

STEP_SECONDS = 10.0
MOST_SECONDS = 60.0
MOST_AT_ONCE = 20
ENOUGH_SECONDS = 25.0  # of reading letters: those read so far are taken, the others at the next look
Trouble = Mailbox.Trouble


class NotFetched(Exception):
    """The folder was not read; ``trouble`` says why."""

    def __init__(self, trouble: str) -> None:
        self.trouble = trouble
        super().__init__(trouble)


@dataclass(frozen=True)
class Found:
    """What a look found: the server's number for the folder, its next number, and letters by number."""

    validity: int
    next_uid: int
    letters: tuple[tuple[int, bytes], ...] = ()
    is_all: bool = True


class _Bounded(imaplib.IMAP4):
    """Connects only where we may, and reads no answer that would fill the memory."""

    in_the_clear = False

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return destinations.connect(
            self.host, self.port, seconds=timeout or STEP_SECONDS, in_the_clear=self.in_the_clear
        )

    def read(self, size: int) -> bytes:
        """Read so many bytes; refuse more than a letter may have."""
        if size > MOST_BYTES + 1024**2:
            raise self.abort("too much")
        return super().read(size)


class _InTheClear(_Bounded):
    in_the_clear = True


class _BoundedTls(_Bounded):
    def _create_socket(self, timeout: float | None) -> socket.socket:
        sock = super()._create_socket(timeout)
        return ssl.create_default_context().wrap_socket(sock, server_hostname=self.host)


_KINDS: dict[str, type[_Bounded]] = {NONE: _InTheClear, STARTTLS: _Bounded, TLS: _BoundedTls}


def fetch(
    config: Mapping[str, Any],
    *,
    password: str,
    validity: int | None = None,
    after: int = 0,
    since: date | None = None,
    most: int = MOST_AT_ONCE,
) -> Found:
    """Return the letters behind number ``after``, the oldest first, at most so many.

    Args:
        config: ``host port security username folder``.
        validity: of the numbers that we know. Where the server has begun to count anew, ``after`` says
            nothing, and letters since the day ``since`` are read; without it none.

    The first look (no ``validity``) reads none. Raises :class:`NotFetched`.
    """
    with _signed_in(config, password=password) as server:
        _ask(server.select(_folder(config["folder"]), readonly=True), Trouble.NO_FOLDER)
        now = _number(server, "UIDVALIDITY")
        following = _number(server, "UIDNEXT") or _last(server) + 1
        if validity is None or most == 0:
            return Found(now, following)
        if validity == now:
            wanted = f"UID {after + 1}:*"
        elif since is not None:
            after, wanted = 0, f"SINCE {since:%d}-{_MONTHS[since.month - 1]}-{since:%Y}"
        else:
            return Found(now, following)
        numbers = [one for one in _search(server, wanted) if one > after]
        done, letters = _letters(server, numbers[:most])
        return Found(now, following, letters, is_all=done == len(numbers))


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@contextmanager
def _signed_in(config: Mapping[str, Any], *, password: str) -> Iterator[imaplib.IMAP4]:
    try:
        server = _KINDS[config["security"]](config["host"], config["port"], timeout=STEP_SECONDS)
    except (OSError, imaplib.IMAP4.error, destinations.NotReached) as error:
        raise NotFetched(Trouble.NOT_REACHED) from error
    try:
        with destinations.at_most(MOST_SECONDS, lambda: server.sock):
            if config["security"] == STARTTLS:
                server.starttls(ssl.create_default_context())
            try:
                server.login(config["username"], password)
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error as error:
                raise NotFetched(Trouble.SIGN_IN) from error
            yield server
    except imaplib.IMAP4.abort as error:
        raise NotFetched(Trouble.NOT_REACHED) from error
    except (imaplib.IMAP4.error, ValueError, IndexError, TypeError) as error:
        raise NotFetched(Trouble.ODD_ANSWER) from error
    except OSError as error:
        raise NotFetched(Trouble.NOT_REACHED) from error
    finally:
        with suppress(OSError, imaplib.IMAP4.error):
            server.logout()
        with suppress(OSError):
            server.shutdown()  # where it did not come to that


def _ask(answer: tuple[str, list[Any]], trouble: str) -> list[Any]:
    status, said = answer
    if status != "OK":
        raise NotFetched(trouble)
    return said


def _number(server: imaplib.IMAP4, name: str) -> int:
    _code, said = server.response(name)
    found = said[0] if said else None
    return int(found) if isinstance(found, bytes) and found.isdigit() else 0


def _search(server: imaplib.IMAP4, wanted: str) -> list[int]:
    answer = _ask(server.uid("SEARCH", wanted), Trouble.ODD_ANSWER)
    return sorted({int(one) for one in b" ".join(filter(None, answer)).split() if one.isdigit()})


def _last(server: imaplib.IMAP4) -> int:
    """Return the number of the newest letter, of a server that does not say what the next will have."""
    return max(_search(server, "UID *"), default=0)


def _letters(server: imaplib.IMAP4, numbers: list[int]) -> tuple[int, tuple[tuple[int, bytes], ...]]:
    """Return letters, and how many were asked for: what came before time or memory ran out is not lost."""
    letters: list[tuple[int, bytes]] = []
    until = time.monotonic() + ENOUGH_SECONDS
    for done, number in enumerate(numbers):
        if letters and (sum(len(raw) for _n, raw in letters) > MOST_BYTES or time.monotonic() > until):
            return done, tuple(letters)
        try:
            raw = _letter(server, number)
        except (imaplib.IMAP4.abort, OSError):
            if letters:
                return done, tuple(letters)
            raise
        if raw is not None:
            letters.append((number, raw))
    return len(numbers), tuple(letters)


def _letter(server: imaplib.IMAP4, number: int) -> bytes | None:
    """Return a letter, or its beginning; nothing when it went meanwhile."""
    answer = _ask(server.uid("FETCH", str(number), f"(BODY.PEEK[]<0.{MOST_BYTES}>)"), Trouble.ODD_ANSWER)
    pairs = [part for part in answer if isinstance(part, tuple) and len(part) == 2]
    return bytes(pairs[0][1]) if pairs else None


def _folder(name: str) -> str:
    """Return the name of a folder as the wire has it: quoted, in modified UTF-7 (RFC 3501, 5.1.3)."""

    def shifted(found: re.Match[str]) -> str:
        if found[0] == "&":
            return "&-"
        coded = base64.b64encode(found[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
        return f"&{coded}-"

    wire = re.sub(r"&|[^\x20-\x7e]+", shifted, name)
    return '"' + wire.replace("\\", "\\\\").replace('"', '\\"') + '"'
