"""The parts of a letter: its text, and the files that came along, whether beside the text or within it.

Every step takes time in proportion to the length of the letter, whatever it holds.
"""

from __future__ import annotations

import codecs
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage

from customers.letters.words import MOST_HTML, from_html

MOST_PARTS = 100
_CODECS = frozenset(
    {"utf-8", "ascii", "gb2312", "gbk", "gb18030", "hz", "big5", "big5hkscs", "utf-16", "utf-32"}
    | {"shift_jis", "cp932", "euc_jp", "iso2022_jp", "euc_kr", "cp949", "koi8-r", "koi8-u"}
    | {f"iso8859-{number}" for number in range(1, 17)}
    | {f"cp{number}" for number in range(1250, 1259)}
)
"""Those that letters come in and that take time in proportion to the text; a few others do not."""
_TEXTS = ("text", "multipart")
_WIDE = {"gb2312": "gb18030", "gbk": "gb18030"}


@dataclass(frozen=True)
class Enclosed:
    """A file that came along."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Leaf:
    """A part that holds no others; ``around``: the choices that it stands in, by number."""

    part: EmailMessage
    around: tuple[int, ...]

    @property
    def is_text(self) -> bool:
        """Say whether it is a text that is not called a file; it may have a name."""
        is_called = self.part.get_content_disposition() == "attachment"
        return not is_called and self.part.get_content_maintype() in _TEXTS

    @property
    def is_named(self) -> bool:
        """Say whether it has a name, as files have."""
        return bool(self.part.get_filename())

    @property
    def is_page(self) -> bool:
        """Say whether its text is a page."""
        return self.part.get_content_type() == "text/html"

    @property
    def rank(self) -> int:
        """Return how readily it is read of several that say the same: a text, a page, something else."""
        if self.part.get_content_type() == "text/plain" or self.part.get_content_maintype() == "multipart":
            return 0
        return 1 if self.is_page else 2


def leaves(mail: EmailMessage) -> list[Leaf]:
    """Return the parts of a letter that hold no others, in their order."""
    return list(_leaves(mail))


def body(found: list[Leaf]) -> str:
    """Return the text of a letter; of a text and a page that say the same, the text."""
    texts = _texts(found)
    best: dict[int, int] = {}
    for leaf in texts:
        best |= {number: min(leaf.rank, best.get(number, leaf.rank)) for number in leaf.around}
    kept = [
        from_html(text_of(leaf.part)) if leaf.is_page else text_of(leaf.part).strip("\r\n")
        for leaf in texts
        if all(best[number] == leaf.rank for number in leaf.around)
    ]
    return "\n\n".join(kept)[:MOST_HTML]


def files(found: list[Leaf]) -> list[Enclosed]:
    """Return the files of a letter, those beside the text before those within it."""
    read = _texts(found)
    kept = [leaf.part for leaf in found if leaf not in read and (leaf.is_named or not leaf.is_text)]
    kept.sort(key=lambda part: part.get_content_disposition() != "attachment")
    contents = ((part, part.get_payload(decode=True)) for part in kept)
    return [Enclosed(_name(part), content) for part, content in contents if isinstance(content, bytes)]


def text_of(part: EmailMessage) -> str:
    """Return the text of a part in the code that it names, else in the likeliest."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    cut = content[: 4 * MOST_HTML]  # letters have four bytes at most
    for charset in (part.get_content_charset() or "utf-8", "utf-8", "gb18030"):
        try:
            codec = codecs.lookup(charset).name
            if codec in _CODECS:
                decoder = codecs.getincrementaldecoder(_WIDE.get(codec, codec))()
                return plain(decoder.decode(cut, final=len(cut) == len(content))[:MOST_HTML])
        except (LookupError, ValueError):
            continue
    return plain(cut.decode("utf-8", "replace")[:MOST_HTML])


def plain(text: str) -> str:
    """Return a text without what no database keeps: halves of letters, and the character 0."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")


def _texts(found: list[Leaf]) -> list[Leaf]:
    """Return the parts that say something; a named one, and what says the same, only where no other does."""
    said = [leaf for leaf in found if leaf.is_text and text_of(leaf.part).strip()]
    bare = [leaf for leaf in said if not leaf.is_named]
    return bare or [leaf for leaf in said if leaf is said[0] or leaf.around == said[0].around != ()]


def _leaves(mail: EmailMessage) -> Iterator[Leaf]:
    waiting: list[tuple[EmailMessage, tuple[int, ...]]] = [(mail, ())]
    for number in range(MOST_PARTS):
        if not waiting:
            return
        part, around = waiting.pop()
        if not part.is_multipart():
            yield Leaf(part, around)
            continue
        if part.get_content_type() == "multipart/alternative":
            around = (*around, number)
        inner: list[EmailMessage] = part.get_payload()  # type: ignore[assignment]
        waiting += [(one, around) for one in reversed(inner)]


def _name(part: EmailMessage) -> str:
    """Return the name of a file without folders; one of its kind where it has none."""
    name = re.split(r"[/\\]", plain(part.get_filename() or ""))[-1].strip()
    ending = mimetypes.guess_extension(part.get_content_type()) or ""
    return name if "." in name.strip(".") else (name.strip(".") or "file") + ending
