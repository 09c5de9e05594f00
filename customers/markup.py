"""HTML in pieces, in one walk from left to right: words and tags; what is no tag is words.

Every step takes time in proportion to the length of the page, whatever it holds; a parser of the standard
library does not, before its latest versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

SILENT = frozenset({"head", "script", "style", "template", "title"})
"""Elements whose words nobody sees."""
_NAME = re.compile(r"</?([a-zA-Z][^\s/>]{0,30})")
_TAG = re.compile(r"""<(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+>""")
_COMMENT_ENDS = re.compile(r"--!?>")
_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in SILENT}
_ENDS["head"] = re.compile(r"</head(?=[\s/>])|<body(?=[\s/>])", re.IGNORECASE)


def pieces(source: str) -> Iterator[tuple[str, str]]:
    """Yield words and tags as ``(words, tag)``, of which one is empty; a tag is ``p`` or ``/p``.

    Comments, declarations and :data:`SILENT` elements are left out. An element that never ends hides nothing.
    """
    walk = _Walk(source)
    place = 0
    while (start := source.find("<", place)) >= 0:
        end, tag = walk.tag_at(start)
        if end < 0:
            end = start + 1  # a sign, such as in 1 < 2
            yield source[place:end], ""
        else:
            yield source[place:start], ""
            if tag:
                yield "", tag
            if tag in SILENT and source[end - 2] != "/":
                end = max(end, walk.find(_ENDS[tag], end))
        place = end
    yield source[place:], ""


class _Walk:
    """A page, and what was looked for and stands nowhere behind: it is not looked for again."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.last = source.rfind(">")
        self.missing: set[re.Pattern[str]] = set()

    def tag_at(self, start: int) -> tuple[int, str]:
        """Return where a tag that begins at ``start`` ends, and its name; -1 when none begins there."""
        if start >= self.last:
            return -1, ""
        if named := _NAME.match(self.source, start):
            return self._end(start), ("/" if self.source[start + 1] == "/" else "") + named[1].lower()
        if self.source.startswith("<!--", start):
            end = self.find(_COMMENT_ENDS, start + 2)
            return (self.source.index(">", end) if end >= 0 else self.source.index(">", start)) + 1, ""
        if self.source.startswith(("<!", "<?", "</>"), start):
            return self.source.index(">", start) + 1, ""
        return -1, ""

    def find(self, what: re.Pattern[str], place: int) -> int:
        """Return where ``what`` stands next, -1 when nowhere."""
        found = what.search(self.source, place) if what not in self.missing else None
        if found is None:
            self.missing.add(what)
        return found.start() if found else -1

    def _end(self, start: int) -> int:
        """Return where a tag ends, > in its quotes left aside as long as they are in order."""
        found = _TAG.match(self.source, start) if _TAG not in self.missing else None
        if found is None:
            self.missing.add(_TAG)
            return self.source.index(">", start) + 1
        return found.end()
