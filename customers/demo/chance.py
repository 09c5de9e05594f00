"""Chance that repeats: one generator per stream and per thing, whatever the order of the calls."""

from hashlib import sha256
from random import Random


def stream(seed: int, name: str, key: str = "") -> Random:
    """Return the generator of one stream for one thing; it shares no state with any other.

    A later stream (usage, payments, answers, points) takes a name of its own and so changes nothing
    of what the older ones draw. The seed goes through SHA-256, never through `hash()`.
    """
    digest = sha256(f"{seed}/{name}/{key}".encode()).digest()
    return Random(int.from_bytes(digest[:16], "big"))
