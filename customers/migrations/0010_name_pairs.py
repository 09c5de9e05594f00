"""PostgreSQL finds a part of a Chinese name by its pairs of letters.

Groups of three (0008_name_search) say nothing about two letters, and nothing about Chinese at all in a
database with the locale C. Pairs of Latin letters are left out: there the groups of three are enough.
SQLite reads all names.
"""

from django.db import migrations

INDEXES = {"customer_name_pairs": "name", "customer_name_alt_pairs": "name_alt"}
PAIRS = """
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


def make(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(PAIRS)
        for name, column in INDEXES.items():
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")  # left behind half-made
            cursor.execute(
                f"CREATE INDEX CONCURRENTLY {name} ON customers_customer "
                f"USING gin (liuke_pairs(upper({column}::text)))"
            )


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        with schema_editor.connection.cursor() as cursor:
            for name in INDEXES:
                cursor.execute(f"DROP INDEX IF EXISTS {name}")
            cursor.execute("DROP FUNCTION IF EXISTS liuke_pairs(text)")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0009_city_index")]
    operations = [migrations.RunPython(make, drop)]
