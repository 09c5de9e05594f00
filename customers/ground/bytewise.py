"""Texts that both databases compare byte by byte, whatever language the database was made for."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class BytewiseField(models.CharField):  # type: ignore[type-arg]
    """A short text whose order is that of its bytes, as SQLite has it by itself.

    So a beginning is a range (:func:`begins`) that a plain index finds on either.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """Return the column's type, on PostgreSQL with the collation of the bytes."""
        parameters: Any = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters


def begins(field: str, text: str) -> dict[str, str]:
    """Return the condition that the text of ``field`` begins with ``text``."""
    return {f"{field}__gte": text, f"{field}__lt": text + "\U0010ffff"}
