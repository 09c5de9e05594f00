"""Counts for people: several in one statement, and none further than is worth knowing."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import QuerySet

Sums = dict[str, tuple[QuerySet[Any], str]]
COUNT_UP_TO = 1001
"""A page says "1,000+" from here on: a list is never counted to its end for a number."""


def counted(most: int = COUNT_UP_TO, *, sums: Sums | None = None, **lists: QuerySet[Any]) -> dict[str, int]:
    """Return how many rows each list has, by its name, never more than ``most``; one query in all.

    A list that was cut shorter already stays as short. ``sums`` adds, by name, the sum of a column of
    whole numbers over a list to its end.
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
    for rows, column in (sums or {}).values():
        try:
            sql, values = rows.order_by().values(column).query.sql_with_params()
        except EmptyResultSet:
            sql, values = f"SELECT 0 AS {column}", ()
        parts.append(f"(SELECT COALESCE(SUM(part.{column}), 0) FROM ({sql}) AS part)")  # noqa: S608 — as above
        params += values
    if not parts:
        return {}
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", params)
        return dict(zip([*lists, *(sums or {})], map(int, cursor.fetchone()), strict=True))
