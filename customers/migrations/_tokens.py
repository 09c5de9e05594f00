"""How PostgreSQL finds customers by a part of a name, and counts words: for 0008, 0010, 0018 and 0001_squashed.

``beside_writers`` builds indexes concurrently, which a migration may do that is not ``atomic``.
"""

import logging

from django.db import DatabaseError, transaction

log = logging.getLogger(__name__)
PARTS = {"customer_name_parts": "name", "customer_name_alt_parts": "name_alt"}
PAIRS = {"customer_name_pairs": "name", "customer_name_alt_pairs": "name_alt"}
PAIRS_OF_LETTERS = """
CREATE OR REPLACE FUNCTION liuke_pairs(words text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    found text[] := '{}';
    pair text;
BEGIN
    IF octet_length(words) = length(words) THEN
        RETURN found;
    END IF;
    FOR place IN 1 .. length(words) - 1 LOOP
        pair := substr(words, place, 2);
        IF octet_length(pair) > 2 THEN
            found := array_append(found, pair);
        END IF;
    END LOOP;
    RETURN found;
END $$
"""
STATISTICS = 2000  # of 38 million tokens, words of 50,000 customers seemed to be none with the usual 100


def make_parts(schema_editor, *, beside_writers=False):
    """Index the groups of three letters of names, where the extension pg_trgm may be had."""
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError:
        log.warning("pg_trgm cannot be created: the search for a part of a name reads every customer")
        return
    indexes = {name: f"upper({column}::text) gin_trgm_ops" for name, column in PARTS.items()}
    _index(connection, indexes, beside_writers=beside_writers)


def make_pairs(schema_editor, *, beside_writers=False):
    """Index the pairs of letters of Chinese names."""
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(PAIRS_OF_LETTERS)
    indexes = {name: f"liuke_pairs(upper({column}::text))" for name, column in PAIRS.items()}
    _index(connection, indexes, beside_writers=beside_writers)


def drop(schema_editor, *names):
    """Drop the indexes of these names."""
    if schema_editor.connection.vendor == "postgresql":
        with schema_editor.connection.cursor() as cursor:
            for name in names:
                cursor.execute(f"DROP INDEX IF EXISTS {name}")


def count_finely(apps, schema_editor):
    """Let PostgreSQL count tokens exactly enough to know a common word from a rare one."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"ALTER TABLE customers_searchtoken ALTER COLUMN token SET STATISTICS {STATISTICS}"
        )


def _index(connection, indexes, *, beside_writers):
    how = "CONCURRENTLY" if beside_writers else ""
    with connection.cursor() as cursor:
        for name, what in indexes.items():
            cursor.execute(f"DROP INDEX {how} IF EXISTS {name}")  # left behind half-made
            cursor.execute(f"CREATE INDEX {how} {name} ON customers_customer USING gin ({what})")
