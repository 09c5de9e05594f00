"""Whole numbers that people or programs wrote into an address or a form."""

from __future__ import annotations

MOST_DIGITS = 18
"""What every database holds in eight bytes."""


def whole(text: str | None) -> int | None:
    """Return the number that plain digits spell, or nothing when ``text`` is anything else.

    ``str.isdigit`` alone also takes "²", which is no number to ``int``, and keys of any length, which
    no database can look up.
    """
    if not text or len(text) > MOST_DIGITS or not (text.isascii() and text.isdigit()):
        return None
    return int(text)
