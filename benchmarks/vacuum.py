"""Vacuum as it would happen: what the shipped thresholds call for, and nothing else."""

from __future__ import annotations

import time

from django.db import connection

# What autovacuum itself asks of each table, with the settings of the table before those of the server.
_DUE = """
WITH own AS (
  SELECT c.oid, c.relname, greatest(c.reltuples, 0) AS rows,
    (SELECT jsonb_object_agg(option_name, option_value) FROM pg_options_to_table(c.reloptions)) AS options,
    s.n_dead_tup, s.n_ins_since_vacuum, s.n_mod_since_analyze
  FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid),
worked AS (
  SELECT relname,
    n_dead_tup > {threshold_vacuum} + {scale_vacuum} * rows
      OR n_ins_since_vacuum > {threshold_insert} + {scale_insert} * rows AS to_vacuum,
    n_mod_since_analyze > {threshold_analyze} + {scale_analyze} * rows AS to_analyze
  FROM own)
SELECT relname, to_vacuum, to_analyze FROM worked WHERE to_vacuum OR to_analyze ORDER BY relname
"""


def _setting(name: str) -> str:
    return f"coalesce((options ->> '{name}')::float, current_setting('{name}')::float)"


_QUERY = _DUE.format(
    threshold_vacuum=_setting("autovacuum_vacuum_threshold"),
    scale_vacuum=_setting("autovacuum_vacuum_scale_factor"),
    threshold_insert=_setting("autovacuum_vacuum_insert_threshold"),
    scale_insert=_setting("autovacuum_vacuum_insert_scale_factor"),
    threshold_analyze=_setting("autovacuum_analyze_threshold"),
    scale_analyze=_setting("autovacuum_analyze_scale_factor"),
)


def everything() -> None:
    """VACUUM (ANALYZE) the whole database."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("CHECKPOINT")
        else:
            cursor.execute("VACUUM")
            cursor.execute("ANALYZE")


def due() -> list[tuple[str, bool, bool]]:
    """Return the tables that autovacuum would now vacuum, analyze or both."""
    if connection.vendor != "postgresql":
        return []
    flush_counts()
    with connection.cursor() as cursor:
        cursor.execute(_QUERY)
        return list(cursor.fetchall())


def settle() -> list[str]:
    """Do at once what autovacuum would do within the day that lies between two nights.

    The tables are those that the shipped thresholds call for; others stay as they are.
    """
    found = due()
    with connection.cursor() as cursor:
        for table, vacuum, analyze in found:
            work = "VACUUM (ANALYZE)" if vacuum and analyze else "VACUUM" if vacuum else "ANALYZE"
            cursor.execute(f'{work} "{table}"')
        if found:
            cursor.execute("CHECKPOINT")
    return [table for table, _vacuum, _analyze in found]


def wait_for_autovacuum(seconds: float) -> list[str]:
    """Wait until autovacuum has nothing left to do; return the tables that were still due then."""
    until = time.monotonic() + seconds
    while (found := due()) and time.monotonic() < until:
        time.sleep(2)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")
    return [table for table, _vacuum, _analyze in found]


def flush_counts() -> None:
    """Let the server count what this connection has done."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")


def counters() -> dict[str, int]:
    """Return what the database has done so far on all connections: shared buffers touched, rows.

    Buffers were hit or read; rows read include those that only an index gave; empty on SQLite.
    """
    if connection.vendor != "postgresql":
        return {}
    before, names = -1, ("buffers", "rows read", "rows written")
    for _attempt in range(10):  # other processes tell what they did when they end or idle
        flush_counts()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT blks_hit + blks_read, tup_returned, tup_inserted + tup_updated + tup_deleted "
                "FROM pg_stat_database WHERE datname = current_database()"
            )
            found = dict(zip(names, map(int, cursor.fetchone()), strict=True))
        if found["buffers"] - before < 2000:
            break
        before = found["buffers"]
        time.sleep(0.1)
    return found
