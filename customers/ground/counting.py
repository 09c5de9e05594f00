"""Counts for people: several in one statement, and none further than is worth knowing."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import QuerySet

COUNT_UP_TO = 1001
"""A page says "1,000+" from here on: a list is never counted to its end for a number."""


def counted(most: int = COUNT_UP_TO, **lists: QuerySet[Any]) -> dict[str, int]:
    """Return how many rows each list has, by its name, never more than ``most``; one query in all.

    A list that was cut shorter already stays as short.
    """
    parts: list[str] = []
    params: list[Any] = []
    for rows in lists.values():
        try:
            bare = rows if rows.query.is_sliced else rows.order_by()
            sql, values = bare.values("pk")[:most].query.sql_with_params()
        except EmptyResultSet:
            sql, values = "SELECT 1 WHERE 1 = 0", ()
        parts.append(f"(SELECT COUNT(*) FROM ({sql}) AS part)")  # noqa: S608 — Django's own SQL, bound values
        params += values
    if not parts:
        return {}
    with connections[next(iter(lists.values())).db].cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", params)
        return dict(zip(lists, cursor.fetchone(), strict=True))
