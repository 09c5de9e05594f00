"""What a letter says: who wrote, her own words, whether a machine wrote. No database here.

Every step takes time in proportion to the length of the letter, whatever it holds.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses, parseaddr, parsedate_to_datetime

MOST_LETTERS = 10_000
MOST_HTML = 500_000
MOST_PARTS = 100
MOST_NAMED = 50  # earlier letters that one refers to
_NAME = re.compile(r"<([^<>\s]{1,200})>")
_MACHINES = frozenset(
    {"mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply", "bounce", "bounces"}
)
_LISTS = ("List-Id", "List-Post", "List-Unsubscribe", "X-Autoreply", "X-Autorespond", "X-Failed-Recipients")
_BULK = frozenset({"bulk", "list", "junk", "auto_reply", "auto-reply"})
_AWAY = (
    "automatic reply",
    "auto reply",
    "autoreply",
    "out of office",
    "undeliverable",
    "delivery status notification",
    "returned mail",
    "自动回复",
    "自动答复",
    "系统退信",
    "退信",
)
_RULE = re.compile(r"[-_=*]{5,}")
_ORIGINAL = ("original message", "forwarded message", "原始邮件", "原始消息", "转发邮件")
_HEADERS = ("from:", "发件人:", "发件人：", "寄件者:", "寄件者：")
_BLOCKS = frozenset(
    {"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "hr"}
)
_HIDDEN = frozenset({"style", "script", "head", "title", "template"})


@dataclass(frozen=True)
class Enclosed:
    """A file that came along."""

    name: str
    content: bytes


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
    files: tuple[Enclosed, ...] = field(default=())

    @property
    def words(self) -> str:
        """Return what it is about and what it says."""
        subject = re.sub(r"^(?:\s*(?:re|aw|fw|fwd|回复|答复|转发)\s*[:：])+\s*", "", self.subject, flags=re.I)
        return "\n\n".join(filter(None, (subject.strip(), self.text)))[:MOST_LETTERS]


def read(raw: bytes) -> Letter:
    """Return what a letter says; what of it cannot be read is left out."""
    mail: EmailMessage = message_from_bytes(raw, policy=policy.default)  # type: ignore[assignment]
    name, sender = parseaddr(_header(mail, "From"))
    named = tuple(_names(_header(mail, "In-Reply-To")) + _names(_header(mail, "References"))[::-1])
    subject = " ".join(_header(mail, "Subject").split())[:300]
    text = _body(mail)
    return Letter(
        key=(_names(_header(mail, "Message-ID")) or [""])[0],
        sender=sender.strip(),
        name=" ".join(name.split()),
        subject=subject,
        text=own_words(text) if named else text.strip(),
        sent_at=_moment(_header(mail, "Date")),
        named=named[:MOST_NAMED],
        is_automatic=_is_automatic(mail, sender, subject),
        files=tuple(_files(mail)),
    )


def own_words(text: str) -> str:
    """Return a reply without what it answers; all of it where nothing else is in it."""
    kept: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if _begins_quote(line, following):
            break
        if not line.lstrip().startswith((">", "＞")):
            kept.append(line)
    return "\n".join(kept).strip()


def from_html(source: str) -> str:
    """Return the text of a page, a line for each block; what is quoted is marked as a reply would."""
    parts: list[str] = []
    hidden, depth = "", 0
    first, *pieces = source[:MOST_HTML].split("<")
    parts.append(html.unescape(first))
    for piece in pieces:
        tag, closing, text = piece.partition(">")
        if not closing:
            continue
        name = re.match(r"/?[a-z0-9]{0,12}", tag.lower())
        word = name[0] if name else ""
        if hidden:
            if word == f"/{hidden}":
                hidden = ""
            else:
                continue
        elif word in _HIDDEN:
            hidden = word
            continue
        if word == "blockquote":
            depth += 1
        elif word == "/blockquote":
            depth = max(0, depth - 1)
        if word.removeprefix("/") in _BLOCKS or word.removeprefix("/") == "blockquote":
            parts.append("\n" + "> " * min(depth, 1))
        parts.append(" ".join(html.unescape(text).split(" ")).replace("\n", " "))
    lines = (" ".join(line.split()) for line in "".join(parts).splitlines())
    return re.sub(r"\n{2,}", "\n", "\n".join(lines)).strip()


def _begins_quote(line: str, following: str) -> bool:
    plain = line.strip()
    low = plain.casefold()
    if len(low) > 300:
        return False
    if _RULE.match(plain) and (not _RULE.sub("", plain).strip() or any(word in low for word in _ORIGINAL)):
        return not _RULE.fullmatch(plain) or following.strip().casefold().startswith(_HEADERS)
    if low.startswith("on ") and (low.endswith("wrote:") or following.strip().casefold().endswith("wrote:")):
        return True
    if low.endswith(("写道：", "写道:", "寫道：", "寫道:")):
        return True
    return low.startswith(_HEADERS) and following.strip().casefold().startswith(
        ("sent:", "date:", "to:", "发送时间", "时间", "日期", "收件人", "傳送時間")
    )


def _is_automatic(mail: EmailMessage, sender: str, subject: str) -> bool:
    """Say whether a machine wrote it (RFC 3834, RFC 2919, and what machines write that keep to neither)."""
    said = _header(mail, "Auto-Submitted").split(";")[0].strip().lower()
    if said not in ("", "no"):
        return True
    if any(mail.get(one) for one in _LISTS) or _header(mail, "Precedence").strip().lower() in _BULK:
        return True
    if mail.get("Return-Path") is not None and _header(mail, "Return-Path").strip() in ("<>", ""):
        return True
    if _header(mail, "X-Spam-Flag").strip().lower() == "yes" or mail.get_content_type() == "multipart/report":
        return True
    user = sender.partition("@")[0].strip().lower()
    return not user or user in _MACHINES or subject.casefold().startswith(_AWAY)


def _header(mail: EmailMessage, name: str) -> str:
    try:
        return str(mail.get(name, "")).replace("\0", "")
    except (ValueError, IndexError, AttributeError, TypeError):  # the parser of the library is not perfect
        return ""


def _names(header: str) -> list[str]:
    return _NAME.findall(header[:20_000])[-MOST_NAMED:]


def _moment(header: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _body(mail: EmailMessage) -> str:
    plain = page = ""
    for part in _parts(mail):
        if part.is_multipart() or part.get_content_disposition() == "attachment":
            continue
        kind = part.get_content_type()
        if kind == "text/plain" and not plain:
            plain = _text(part)
        elif kind == "text/html" and not page:
            page = _text(part)
    return plain if plain.strip() else from_html(page)


def _text(part: EmailMessage) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    for charset in (part.get_content_charset() or "utf-8", "utf-8", "gb18030"):
        try:
            return content.decode(charset).replace("\0", "")[:MOST_HTML]
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    return content.decode("utf-8", "replace").replace("\0", "")[:MOST_HTML]


def _files(mail: EmailMessage) -> list[Enclosed]:
    found = []
    for part in _parts(mail):
        if part.is_multipart() or part.get_content_disposition() != "attachment":
            continue
        content = part.get_payload(decode=True)
        try:
            name = part.get_filename() or ""
        except (ValueError, TypeError, IndexError):
            name = ""
        if isinstance(content, bytes):
            found.append(Enclosed(name, content))
    return found


def _parts(mail: EmailMessage) -> list[EmailMessage]:
    found: list[EmailMessage] = []
    for part in mail.walk():
        if len(found) == MOST_PARTS:
            break
        found.append(part)  # type: ignore[arg-type]
    return found


def address_in(text: str) -> str:
    """Return the first address in a header's text."""
    return next((address for _name, address in getaddresses([text]) if address), "")
