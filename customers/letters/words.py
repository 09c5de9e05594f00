"""The words of a letter: without what it answers, and of a page without its tags.

Every step takes time in proportion to the length of the letter, whatever it holds.
"""

from __future__ import annotations

import html
import re

from customers import markup

MOST_HTML = 500_000
_RULE = re.compile(r"[-_=*]{5,}")
_ORIGINAL = ("original message", "forwarded message", "原始邮件", "原始消息", "转发邮件")
_HEADERS = ("from:", "发件人:", "发件人：", "寄件者:", "寄件者：")
_BLOCKS = frozenset(
    {"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "hr"}
    | {"blockquote"}
)
_HUGE = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")  # no letter has such a number
_NEAR = 4  # lines in which what was written begins, behind the line that says who wrote it


def own_words(text: str) -> str:
    """Return a reply without what it answers, above or below it; all of it where nothing else is in it."""
    kept: list[str] = []
    lines = text.splitlines()
    place = 0
    while place < len(lines):
        following = lines[place + 1] if place + 1 < len(lines) else ""
        if _begins_quote(lines[place], following):
            place = _marked_from(lines, place + 1)
        elif not _is_marked(lines[place]):
            kept.append(lines[place])
        place += 1
    return "\n".join(kept).strip() or text.strip()


def _marked_from(lines: list[str], place: int) -> int:
    """Return where the marked lines of a quote begin; the end where none are: all the rest is quoted."""
    near = range(place, min(place + _NEAR, len(lines)))
    return next((number for number in near if _is_marked(lines[number])), len(lines))


def _is_marked(line: str) -> bool:
    return line.lstrip().startswith((">", "＞"))


def from_html(source: str) -> str:
    """Return the text of a page, a line for each block; what is quoted is marked as a reply would."""
    parts: list[str] = []
    depth = 0
    for text, tag in markup.pieces(_HUGE.sub("", source[:MOST_HTML])):
        name = tag.removeprefix("/")
        if name == "blockquote":
            depth = max(0, depth - 1) if tag != name else depth + 1
        if name in _BLOCKS:
            parts.append("\n" + "> " * min(depth, 1))
        parts.append(html.unescape(text).replace("\n", " "))
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
