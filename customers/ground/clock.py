"""The one clock of the product (decision 4): real time plus an offset fixed once per database.

``now`` dates facts, deadlines and the schedule's local day. ``real_now`` is for leases, sessions,
tokens and throttles. Only views, tasks and commands read either.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused

log = logging.getLogger(__name__)
_LOOK_AGAIN_SECONDS = 5.0
_cached: timedelta | None = None
_looked_at = 0.0
_lock = threading.Lock()


class ClockRefused(Refused):
    code = "clock"
    message = _("LIUKE_NOW must be a moment with a time zone, for example 2011-12-10T00:00:00Z.")


def real_now() -> datetime:
    """Return the real time, aware, in UTC."""
    return datetime.now(UTC)


def now() -> datetime:
    """Return the product's time, aware, in UTC: real time plus the fixed offset."""
    return real_now() + offset()


def offset() -> timedelta:
    """Return the fixed offset of this database; zero when none was ever fixed."""
    global _cached, _looked_at
    with _lock:
        if _cached is not None:
            return _cached
        if _looked_at and time.monotonic() - _looked_at < _LOOK_AGAIN_SECONDS:
            return timedelta(0)
    from customers.ground.models import ClockOffset

    row = ClockOffset.objects.first()
    with _lock:
        _looked_at = time.monotonic()
        if row is not None:
            _cached = timedelta(microseconds=row.offset_us)
            return _cached
    return timedelta(0)


def is_fixed() -> bool:
    """Say whether this database runs on another day than the real one (shown as a banner)."""
    return offset() != timedelta(0)


def fix(moment: datetime) -> timedelta:
    """Fix the clock so that it reads ``moment`` now and runs on from there.

    Acts once per database: a later call changes nothing and returns the stored offset.
    """
    from customers.ground.models import ClockOffset

    if moment.tzinfo is None:
        raise ClockRefused()
    delta = moment - real_now()
    with transaction.atomic():
        row, _created = ClockOffset.objects.get_or_create(
            pk=1, defaults={"offset_us": delta // timedelta(microseconds=1)}
        )
    forget()
    return timedelta(microseconds=row.offset_us)


def forget() -> None:
    """Drop the cached offset (after fixing it, and between tests)."""
    global _cached, _looked_at
    with _lock:
        _cached, _looked_at = None, 0.0


def parse(text: str) -> datetime:
    """Parse an ISO moment with a zone; raise :class:`ClockRefused` otherwise."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ClockRefused() from error
    if moment.tzinfo is None:
        raise ClockRefused()
    return moment


def fix_after_migrate(**_kwargs: Any) -> None:
    """Fix the clock from ``LIUKE_NOW`` when the tables have just been made.

    A database that is in use already is left alone: its clock would go back (decision 4).
    """
    from customers.ground.models import ClockOffset, Company, Event

    forget()
    wanted = getattr(settings, "LIUKE_NOW", "")
    if not wanted or ClockOffset.objects.exists():
        return
    if Company.objects.exists() or Event.objects.exists():
        log.warning("LIUKE_NOW is ignored: this database is in use, and its clock never goes back")
        return
    fix(parse(wanted))
