"""Who is in a sample, and whose turn it is on which day: always the same answer for the same question."""

from __future__ import annotations

import hashlib

_WORD = 2**64
_GOLDEN = 0x9E3779B97F4A7C15  # 2⁶⁴ ÷ the golden ratio, odd
_OTHER = 0xD1B54A32D192ED03  # odd, so that distributions begin at different places


def is_in_sample(distribution_id: int, key: str, *, share: int) -> bool:
    """Say whether an ask is among the ``share`` per cent of its distribution that are made.

    A hash of the distribution and the ask, so that a second look, and a run that was killed, choose the
    same; whoever is asked again and again is drawn anew for each turn.
    """
    if share >= 100:
        return True
    digest = hashlib.blake2b(f"sample:{distribution_id}:{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) * 100 < share * _WORD


def turn_of(distribution_id: int, contact_id: int, *, period: int) -> int:
    """Return on which day of each ``period`` days it is a contact's turn, 0 to ``period`` − 1.

    Fibonacci hashing (Knuth, The Art of Computer Programming, vol. 3, 6.4): numbers that follow each other
    come to lie as far apart as can be, so that the days are filled more evenly than by drawing lots.
    """
    mixed = (contact_id * _GOLDEN + distribution_id * _OTHER) % _WORD
    return mixed * period >> 64


def last_turn(distribution_id: int, contact_id: int, *, period: int, after: int, through: int) -> int | None:
    """Return the last local day of ``after`` + 1 … ``through`` that is a contact's turn, or nothing."""
    turn = turn_of(distribution_id, contact_id, period=period)
    day = through - (through - turn) % period
    return day if day > after else None
