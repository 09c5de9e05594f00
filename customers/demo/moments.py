"""The demo company's whole seconds as moments and local days."""

from __future__ import annotations

from datetime import UTC, datetime

from customers.demo.company import DAY, EPOCH, UTC_OFFSET


def aware(second: int) -> datetime:
    """Return a UTC second as an aware moment."""
    return datetime.fromtimestamp(second, UTC)


def local_day(second: int) -> int:
    """Return the local day number of a UTC second."""
    return (second + UTC_OFFSET) // DAY + EPOCH
