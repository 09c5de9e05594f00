"""Trying a transaction again when the database gave way to another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection, transaction

Result = TypeVar("Result")
TRIES = 4
_GAVE_WAY = {"40001", "40P01"}  # serialization, deadlock


def tried_again(act: Callable[[], Result]) -> Result:
    """Do ``act`` in a transaction, again when it was the one that the database chose to end a deadlock.

    Inside another transaction it is tried once: that one is lost with it.
    """
    left = 1 if connection.in_atomic_block else TRIES
    while True:
        left -= 1
        try:
            with transaction.atomic():
                return act()
        except OperationalError as error:
            if not left or getattr(error.__cause__, "sqlstate", None) not in _GAVE_WAY:
                raise
