"""How often one may call: a number of calls a minute for each token or user, and for each address.

A process takes calls out of the minute's store by the handful, so that most of them write nothing;
it may leave some of a handful unused, but all processes together never let more than the limit pass.
"""

from __future__ import annotations

import ipaddress
import threading
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from customers.ground import context
from customers.ground.api.problems import Problem
from customers.ground.models import RateCounter

MINUTE = 60
HANDFULS = 20  # in one minute's store
_FORGET_BEYOND = 10_000

_UPSERT = """
INSERT INTO ground_ratecounter (holder, minute, taken) VALUES (%s, %s, %s)
ON CONFLICT (holder) DO UPDATE SET
  taken = CASE WHEN ground_ratecounter.minute = excluded.minute
               THEN ground_ratecounter.taken + excluded.taken ELSE excluded.taken END,
  minute = excluded.minute
RETURNING taken
"""


class Throttled(Problem):
    status_code = 429
    default_code = "throttled"
    default_detail = _("Too many requests. Wait %(seconds)s seconds.")


@dataclass
class Handful:
    """Calls of one minute that this process may still let pass."""

    minute: int
    left: int = 0
    taken: int = 0  # by everybody, when this handful was taken


_handfuls: dict[str, Handful] = {}
_lock = threading.Lock()


def count(holder: str, *, limit: int, at: datetime) -> dict[str, str]:
    """Count one call of ``holder`` and return the headers that tell where it stands.

    Raises :class:`Throttled` when the minute's ``limit`` is used up. Side effect: now and then one
    ``RateCounter`` row, outside of any transaction of the call.
    """
    minute, second = divmod(int(at.timestamp()), MINUTE)
    size = max(1, limit // HANDFULS)
    hand = _hand_of(holder, minute)
    if not hand.left and hand.taken < limit:
        taken = _take(holder, minute, size)  # outside of the lock: the database may let us wait
        with _lock:
            hand.taken = max(hand.taken, taken)
            hand.left += max(0, min(size, limit - (taken - size)))
    with _lock:
        passes = hand.left > 0
        hand.left -= passes
        remaining = hand.left + max(0, limit - hand.taken)
    headers = {
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(remaining),
        "RateLimit-Reset": str(MINUTE - second),
    }
    if not passes:
        raise Throttled(headers={**headers, "Retry-After": str(MINUTE - second)}, seconds=MINUTE - second)
    return headers


def _hand_of(holder: str, minute: int) -> Handful:
    """Return this minute's handful, empty when it is new."""
    with _lock:
        if len(_handfuls) > _FORGET_BEYOND:
            _handfuls.clear()
        hand = _handfuls.get(holder)
        if hand is None or hand.minute != minute:
            hand = _handfuls[holder] = Handful(minute)
        return hand


def address_of(request: Request) -> str:
    """Return whose calls are counted together: an address, or the network of an IPv6 one."""
    text = context.current().address or "unknown"
    if ":" in text:
        return str(ipaddress.ip_network(f"{text}/64", strict=False))
    return text


def limits() -> dict[str, int]:
    """Return the calls allowed in a minute, by what is counted."""
    found: dict[str, int] = settings.API_CALLS_A_MINUTE
    return found


def forget() -> None:
    """Forget what this process holds (tests)."""
    with _lock:
        _handfuls.clear()


def purge(*, at: datetime) -> int:
    """Drop the counters of addresses that have not called for an hour; a token's tells its last use."""
    old = int(at.timestamp()) // MINUTE - 60
    return RateCounter.objects.filter(holder__startswith="address:", minute__lt=old).delete()[0]


def _take(holder: str, minute: int, size: int) -> int:
    """Take a handful out of the store; return how much all have taken. A database that is busy lets pass."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_UPSERT, [holder, minute, size])
            return int(cursor.fetchone()[0])
    except DatabaseError:
        return size
