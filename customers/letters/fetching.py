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
from datetime import datetime, timedelta
from typing import Any

from customers.channels import destinations
from customers.channels.mailing import NONE, STARTTLS, TLS
from customers.letters.reading import MOST_BYTES, MOST_HEAD
from customers.models import Mailbox

STEP_SECONDS = 10.0
MOST_SECONDS = 60.0
MOST_AT_ONCE = 20
ENOUGH_SECONDS = 25.0  # of reading letters: those read so far are taken, the others at the next look
TRIES = 3  # of a letter that is not got; then only its head is asked for, as often, then nothing of it
MOST_NAMED = 200  # numbers in one question
Trouble = Mailbox.Trouble


class NotFetched(Exception):
    """The folder was not read; ``trouble`` says why, ``number`` at which letter it came to an end."""

    def __init__(self, trouble: str, number: int | None = None) -> None:
        self.trouble, self.number = trouble, number
        super().__init__(trouble)


@dataclass(frozen=True)
class Stuck:
    """The number of a letter at which looks failed, and how many in a row."""

    number: int
    looks: int

    @property
    def is_given_up(self) -> bool:
        """Say whether it is no longer asked for, but for its head."""
        return self.looks >= TRIES


@dataclass(frozen=True)
class Found:
    """What a look found: the server's number for the folder, its next number, and letters by number.

    Of one that was given up there is the head, or nothing.
    """

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
    since: datetime | None = None,
    stuck: Stuck | None = None,
    most: int = MOST_AT_ONCE,
) -> Found:
    """Return the letters behind number ``after``, the oldest first, at most so many.

    Args:
        config: ``host port security username folder``.
        validity: of the numbers that we know. Without it, and where the server has begun to count anew,
            ``after`` says nothing, and letters that came since ``since`` are read; without it none.
        stuck: at which letter looks failed before.

    Raises :class:`NotFetched`.
    """
    with _signed_in(config, password=password) as server:
        _ask(server.select(_folder(config["folder"]), readonly=True), Trouble.NO_FOLDER)
        now = _number(server, "UIDVALIDITY")
        following = _number(server, "UIDNEXT") or _last(server) + 1
        if validity == now:
            numbers = [one for one in _search(server, f"UID {after + 1}:*") if one > after]
        elif since is not None and most:
            numbers = _since(server, since)
        else:
            return Found(now, following)
        done, letters = _letters(server, numbers[:most], stuck)
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


def _since(server: imaplib.IMAP4, since: datetime) -> list[int]:
    """Return the numbers of letters that came since a moment, or of which the server does not say when."""
    day = since - timedelta(days=1)  # days begin when they do where the server stands
    numbers = _search(server, f"SINCE {day:%d}-{_MONTHS[day.month - 1]}-{day:%Y}")
    came: dict[int, datetime] = {}
    for place in range(0, len(numbers), MOST_NAMED):
        some = ",".join(str(one) for one in numbers[place : place + MOST_NAMED])
        answer = _ask(server.uid("FETCH", some, "(INTERNALDATE)"), Trouble.ODD_ANSWER)
        came |= dict(filter(None, (_came(line) for line in answer)))
    from_on = since.replace(microsecond=0)
    return [one for one in numbers if came.get(one, from_on) >= from_on]


def _came(line: Any) -> tuple[int, datetime] | None:
    """Return the number of a letter and when it came."""
    said = line.decode("ascii", "replace") if isinstance(line, bytes) else ""
    number, moment = re.search(r"\bUID (\d+)", said), re.search(r'INTERNALDATE "([^"]+)"', said)
    if number is None or moment is None:
        return None
    day, month, rest = moment[1].strip().split("-", 2)
    return int(number[1]), datetime.strptime(
        f"{day}-{_MONTHS.index(month.title()) + 1}-{rest}", "%d-%m-%Y %H:%M:%S %z"
    )


def _letters(
    server: imaplib.IMAP4, numbers: list[int], stuck: Stuck | None
) -> tuple[int, tuple[tuple[int, bytes], ...]]:
    """Return letters, and how many were asked for: what came before time or memory ran out is not lost."""
    letters: list[tuple[int, bytes]] = []
    until = time.monotonic() + ENOUGH_SECONDS
    for done, number in enumerate(numbers):
        if letters and (sum(len(raw) for _n, raw in letters) > MOST_BYTES or time.monotonic() > until):
            return done, tuple(letters)
        try:
            raw = _letter(server, number, stuck)
        except (imaplib.IMAP4.error, OSError, NotFetched) as error:
            if letters:
                return done, tuple(letters)
            is_gone = isinstance(error, (imaplib.IMAP4.abort, OSError))
            raise NotFetched(Trouble.NOT_REACHED if is_gone else Trouble.ODD_ANSWER, number) from error
        if raw is not None:
            letters.append((number, raw))
    return len(numbers), tuple(letters)


def _letter(server: imaplib.IMAP4, number: int, stuck: Stuck | None) -> bytes | None:
    """Return the beginning of a letter, of one that was given up the head; nothing when it went."""
    wanted = f"BODY.PEEK[]<0.{MOST_BYTES}>"
    if stuck is not None and stuck.number == number and stuck.is_given_up:
        if stuck.looks >= 2 * TRIES:
            return b""
        wanted = f"BODY.PEEK[HEADER]<0.{MOST_HEAD}>"
    answer = _ask(server.uid("FETCH", str(number), f"({wanted})"), Trouble.ODD_ANSWER)
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
