"""What a letter says: who wrote, her own words, whether a machine wrote. No database here.

Every step takes time in proportion to the length of the letter, whatever it holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.policy import EmailPolicy, compat32
from email.utils import parseaddr, parsedate_to_datetime, unquote
from typing import Any

from customers.letters import parts
from customers.letters.parts import Enclosed
from customers.letters.words import from_html, own_words

__all__ = ["Enclosed", "Letter", "TooOdd", "from_html", "glance", "own_words", "read"]

MOST_LETTERS = 10_000
MOST_BYTES = 15 * 1024**2  # of a letter; of a longer one its beginning is read
MOST_NESTS = 50  # parts that hold others
MOST_HEAD = 256 * 1024
MOST_HEADER = 2_000  # letters of one; the parser of the library takes very long over longer ones
MOST_NAMED = 50  # earlier letters that one refers to
_NESTS = re.compile(rb"content-type:\s*(?:multipart|message)/", re.IGNORECASE)
_NAME = re.compile(r"<([^<>\s]{1,200})>")
_MACHINES = frozenset(
    {"mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply", "bounce", "bounces"}
)
_BRACKETED = re.compile(r"<([^<>@\s]{1,64}@[^<>@\s]{1,255})>")
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_ALONE = re.compile(rf"\s*({_ADDRESS.pattern})\s*[,;]")
_ENDING = re.compile(_BRACKETED.pattern + r"\s*(?=[,;]|$)")
_ASIDE = re.compile(r'"(?:[^"\\]|\\.){0,300}"|\((?:[^()\\]|\\.){0,300}\)', re.DOTALL)
_MOST_ASIDES = 8  # within each other
_ROBOTS = ("X-Autoreply", "X-Autorespond", "X-Failed-Recipients")
_BULK = frozenset({"bulk", "junk", "auto_reply", "auto-reply"})
"""Not "list", nor the headers of lists: a group before the mailbox adds them to what people write."""
_AWAY = re.compile(
    r"(?:automatic reply|auto ?reply|out of office(?: autoreply| reply)?|undeliverable|returned mail"
    r"|delivery status notification|自动回复|自动答复|系统退信|退信)(\s*(?:[:：]|[(（][^()（）]*[)）]$|$))?",
    re.IGNORECASE,
)
"""How machines begin a subject; the group is there when it is written as they write it."""


@dataclass(frozen=True)
class Letter:
    """One letter. ``key``: its Message-ID; ``named``: those it refers to, the nearest first."""

    key: str
    sender: str
    name: str = ""
    subject: str = ""
    text: str = ""
    sent_at: datetime | None = None
    named: tuple[str, ...] = ()
    is_automatic: bool = False
    is_cut: bool = False
    is_readable: bool = True
    files: tuple[Enclosed, ...] = field(default=())

    @property
    def words(self) -> str:
        """Return what it is about and what it says."""
        subject = re.sub(r"^(?:\s*(?:re|aw|fw|fwd|回复|答复|转发)\s*[:：])+\s*", "", self.subject, flags=re.I)
        return "\n\n".join(filter(None, (subject.strip(), self.text)))[:MOST_LETTERS]


class _Short(EmailPolicy):
    """Reads of a header no more than can be read quickly: the beginning, of a list of letters the end."""

    def header_fetch_parse(self, name: str, value: Any) -> Any:
        """Return the header, parsed."""
        if isinstance(value, str):
            value = value[-MOST_HEADER:] if name.lower() == "references" else value[:MOST_HEADER]
        return super().header_fetch_parse(name, value)


_POLICY: Any = _Short()


class TooOdd(Exception):
    """A letter is built so that taking it apart would take very long."""


def read(raw: bytes) -> Letter:
    """Return what a letter says; raise whatever the parser of the library raises over an odd one."""
    if len(_head(raw)) > MOST_HEAD or len(_NESTS.findall(raw)) > MOST_NESTS:
        raise TooOdd
    mail: EmailMessage = message_from_bytes(raw, policy=_POLICY)
    name, sender = _writer(mail)
    named = tuple(_names(_header(mail, "In-Reply-To")) + _names(_header(mail, "References"))[::-1])
    subject = " ".join(_header(mail, "Subject").split())[:300]
    found = parts.leaves(mail)
    text = parts.body(found)
    return Letter(
        key=_key(mail),
        sender=sender,
        name=" ".join(name.split()),
        subject=subject,
        text=own_words(text) if named else text.strip(),
        sent_at=_moment(_header(mail, "Date")),
        named=named[:MOST_NAMED],
        is_automatic=_is_automatic(mail, sender, subject),
        is_cut=len(raw) >= MOST_BYTES,
        files=tuple(parts.files(found)),
    )


def glance(raw: bytes) -> Letter:
    """Return what the head of a letter says that cannot be read: who wrote, and what it is called."""
    mail = message_from_bytes(_head(raw)[:MOST_HEAD], policy=compat32)
    written = _header(mail, "From")
    found = _first(written)
    sender = found[1] if found is not None else _address(written)
    subject = " ".join(_decoded(_header(mail, "Subject")).split())[:300]
    return Letter(
        key=_key(mail),
        sender=sender,
        subject=subject,
        is_automatic=_is_automatic(mail, sender or "?", subject),
        is_readable=False,
    )


def _head(raw: bytes) -> bytes:
    """Return the headers of a letter."""
    ends = [place for mark in (b"\r\n\r\n", b"\n\n") if (place := raw.find(mark)) >= 0]
    return raw[: min(ends, default=len(raw))]


def _writer(mail: EmailMessage) -> tuple[str, str]:
    """Return the name and address of who wrote, of two the first; its signs may stand without quotes."""
    name, sender = parseaddr(parts.plain(str(mail.get("From", ""))))
    sender = sender.strip()
    written = next((str(value) for header, value in mail.raw_items() if header.lower() == "from"), "")
    written = parts.plain(written[:MOST_HEADER])
    found = _first(written)
    if found is not None and found[1] != sender:
        return unquote(_decoded(written[: found.start()].strip())), found[1]
    if found is not None or _BRACKETED.fullmatch(f"<{sender}>"):
        return name, sender
    return name, _address(written) or sender


def _first(written: str) -> re.Match[str] | None:
    """Return where the first writer's address stands, alone or in brackets; not in quotes or comments."""
    bare = _bare(written)
    return _ALONE.match(bare) or _ENDING.search(bare)


def _address(written: str) -> str:
    """Return the first thing like an address, within quotes and comments only where there is no other."""
    found = _ADDRESS.search(_bare(written)) or _ADDRESS.search(written)
    return found[0] if found is not None else ""


def _bare(written: str) -> str:
    """Return a header with blanks in the place of quoted words and of comments, whatever those hold."""
    for _depth in range(_MOST_ASIDES):
        before, written = written, _ASIDE.sub(lambda aside: " " * len(aside[0]), written)
        if written == before:
            break
    return written


def _is_automatic(mail: Message, sender: str, subject: str) -> bool:
    """Say whether a machine wrote it (RFC 3834, RFC 2919, and what machines write that keep to neither)."""
    said = _header(mail, "Auto-Submitted").split(";")[0].strip().lower()
    if said not in ("", "no"):
        return True
    if any(mail.get(one) for one in _ROBOTS) or _header(mail, "Precedence").strip().lower() in _BULK:
        return True
    if mail.get("Return-Path") is not None and _header(mail, "Return-Path").strip() in ("<>", ""):
        return True
    if _header(mail, "X-Spam-Flag").strip().lower() == "yes" or mail.get_content_type() == "multipart/report":
        return True
    user = sender.partition("@")[0].strip().lower()
    away = _AWAY.match(subject)
    is_away = away is not None and (away[1] is not None or bool(mail.get("X-Auto-Response-Suppress")))
    return not user or user in _MACHINES or is_away


def _header(mail: Message, name: str) -> str:
    try:
        return parts.plain(str(mail.get(name, "")))[:MOST_HEADER]
    except Exception:  # the parser of the library is not perfect
        return ""


def _decoded(header: str) -> str:
    try:
        return parts.plain(str(make_header(decode_header(header))))
    except Exception:
        return header


def _key(mail: Message) -> str:
    return (_names(_header(mail, "Message-ID")) or [""])[0]


def _names(header: str) -> list[str]:
    return _NAME.findall(header[:20_000])[-MOST_NAMED:]


def _moment(header: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
