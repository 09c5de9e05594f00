"""RSS 2.0, RSS 1.0 and Atom become posts: no entities are declared, nothing is fetched, all is bounded."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin
from xml.parsers import expat

from customers.mentions.recording import MOST_OF_TEXT, is_address
from customers.mentions.words import words_of

MOST_POSTS = 300
MOST_DEPTH = 60
_MOST_FIELD = 200_000
_ENCODINGS = frozenset(
    {"utf-8", "gbk", "gb2312", "gb18030", "big5", "iso8859-1", "cp1252", "utf-16", "shift_jis", "euc_kr"}
)
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding=["']([A-Za-z0-9._-]{1,40})["']""")
_FIELDS = {
    "title": "title",
    "description": "text",
    "summary": "text",
    "content": "text",
    "encoded": "text",
    "link": "link",
    "guid": "id",
    "id": "id",
    "pubdate": "at",
    "published": "at",
    "updated": "changed",
    "date": "at",
    "author": "author",
    "creator": "author",
    "name": "author",
}
_ROOTS = {"rss", "rdf", "feed"}


class NotAFeed(Exception):
    """What came is no feed, or one that we do not read."""


@dataclass(frozen=True, slots=True)
class Post:
    """One entry of a feed; ``posted_at`` is empty where it does not say it. ``external_id`` may be long."""

    external_id: str
    url: str
    handle: str
    text: str
    posted_at: datetime | None


@dataclass
class _Walk:
    """Where the parser stands, and what it has gathered."""

    base: str
    path: list[str] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    entry: dict[str, list[str]] | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    bounds: int = 0  # the depth of the entry

    def start(self, name: str, attributes: dict[str, str]) -> None:
        short = _short(name)
        if not self.path and short not in _ROOTS:
            raise NotAFeed("root")
        self.path.append(short)
        if len(self.path) > MOST_DEPTH:
            raise NotAFeed("depth")
        if short in ("item", "entry") and self.entry is None:
            self.entry, self.sizes, self.bounds = {}, {}, len(self.path)
        elif self.entry is not None and short == "link" and (href := attributes.get("href")):
            if attributes.get("rel", "alternate") == "alternate":
                self.entry.setdefault("link", []).append(href[:2000])
        elif self.entry is not None and len(self.path) == self.bounds + 1 and short in _FIELDS:
            self.entry.setdefault(f"<{short}", [])

    def text(self, data: str) -> None:
        if self.entry is None or len(self.path) <= self.bounds:
            return
        name = self.path[self.bounds]
        if len(self.path) > self.bounds + 1 and (name, self.path[-1]) != ("author", "name"):
            if name not in ("content", "summary", "description"):  # XHTML inside is text
                return
        size = self.sizes.get(name, 0)
        if name in _FIELDS and size < _MOST_FIELD:
            self.entry.setdefault(f"<{name}", []).append(data[: _MOST_FIELD - size])
            self.sizes[name] = size + len(data)

    def end(self, _name: str) -> None:
        if self.entry is not None and len(self.path) == self.bounds:
            if len(self.posts) < MOST_POSTS and (post := _post(self.entry, base=self.base)) is not None:
                self.posts.append(post)
            self.entry = None
        self.path.pop()


def read(data: bytes, *, base: str) -> list[Post]:
    """Return the posts of a feed, the first 300; what has neither id nor words is left out.

    Args:
        base: the feed's address, against which links are read.

    Raises :class:`NotAFeed`: no XML, another root, a declared entity, an encoding that we do not know.
    """
    parser = expat.ParserCreate("utf-8")
    walk = _Walk(base)

    def refuse(*_args: object) -> None:
        raise NotAFeed("entity")

    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    parser.CharacterDataHandler = walk.text
    parser.buffer_text = True
    try:
        parser.Parse(_decoded(data).encode(), True)
    except (expat.ExpatError, UnicodeError) as error:
        raise NotAFeed("xml") from error
    return walk.posts


def _decoded(data: bytes) -> str:
    """Return the text of a feed by its byte order mark or declaration, UTF-8 without either."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        name = "utf-16"
    else:
        data = data.removeprefix(codecs.BOM_UTF8)
        declared = _DECLARED.match(data.lstrip()[:400])
        name = declared[1].decode() if declared else "utf-8"
    try:
        codec = codecs.lookup(name).name
    except LookupError as error:
        raise NotAFeed("encoding") from error
    if codec not in _ENCODINGS:
        raise NotAFeed("encoding")
    wide = {"gb2312": "gb18030", "gbk": "gb18030"}.get(codec, codec)
    return data.decode(wide).lstrip()


def _short(name: str) -> str:
    return name.rpartition(":")[2].lower()


def _post(entry: dict[str, list[str]], *, base: str) -> Post | None:
    said: dict[str, str] = {}
    for name, pieces in entry.items():
        key = _FIELDS.get(name.removeprefix("<"), name)
        text = "".join(pieces).strip()
        if len(text) > len(said.get(key, "")):  # of summary and content the longer one
            said[key] = text
    link = _link(said.get("link", ""), base=base)
    title = words_of(said.get("title", ""), most=500)
    body = words_of(said.get("text", ""), most=MOST_OF_TEXT - 501)
    text = body if body.startswith(title) else f"{title}\n{body}".strip()
    name = said.get("id", "") or link
    if not name or not text:
        return None
    moment = _moment(said.get("at", "")) or _moment(said.get("changed", ""))
    handle = words_of(said.get("author", ""), most=100)
    return Post(name.replace("\0", ""), link, handle, text, moment)


def _link(said: str, *, base: str) -> str:
    try:
        url = urljoin(base, said[:2000].strip()) if said else ""
    except ValueError:
        return ""
    return url if url and is_address(url) else ""


def _moment(said: str) -> datetime | None:
    """Return a moment written as in mails (RSS) or as in ISO 8601 (Atom)."""
    if not said or len(said) > 60:
        return None
    for read_one in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read_one(said)
        except (ValueError, TypeError, OverflowError):
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment if 2000 <= moment.year <= 2100 else None
    return None
