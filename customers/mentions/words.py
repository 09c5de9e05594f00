"""The words of a piece of HTML; what is not closed is text."""

from __future__ import annotations

import html
import re

from customers import markup

_HUGE = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")  # no letter has such a number
_BREAKS = ("br", "p", "/p", "div", "/div", "li", "/li", "tr", "/tr", "h1", "h2", "h3")


def words_of(text: str, *, most: int) -> str:
    """Return the text of ``text`` without tags, comments, scripts and styles; at most ``most`` letters."""
    parts: list[str] = []
    for piece, tag in markup.pieces(_HUGE.sub("", text)):
        parts += [html.unescape(piece), "\n" if tag in _BREAKS else ""]
    lines = (" ".join(line.split()) for line in "".join(parts).splitlines())
    return "\n".join(line for line in lines if line)[:most].replace("\0", "")
