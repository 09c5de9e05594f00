"""The words of a piece of HTML, in one walk from left to right: what is not closed is text."""

from __future__ import annotations

import html
import re

_SILENT = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style")}
_HUGE = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")  # no letter has such a number
_BREAKS = ("br", "p", "/p", "div", "/div", "li", "/li", "tr", "/tr", "h1", "h2", "h3")


def words_of(text: str, *, most: int) -> str:
    """Return the text of ``text`` without tags, comments, scripts and styles; at most ``most`` letters."""
    parts: list[str] = []
    place = 0
    while (start := text.find("<", place)) >= 0:
        end = text.find("-->" if text.startswith("<!--", start) else ">", start)
        if end < 0:
            break  # no tag ends any more: the rest is text
        parts.append(text[place:start])
        tag = text[start + 1 : start + 12].lower()
        place = text.index(">", end) + 1
        for name, ending in _SILENT.items():
            if tag.startswith(name):
                closed = ending.search(text, place)
                place = closed.start() if closed else len(text)
        name = re.split(r"[\s>/]", tag.removeprefix("/"), maxsplit=1)[0]
        parts.append("\n" if name in _BREAKS else "")
    parts.append(text[place:])
    lines = (" ".join(line.split()) for line in html.unescape(_HUGE.sub("", "".join(parts))).splitlines())
    return "\n".join(line for line in lines if line)[:most].replace("\0", "")
