"""PostgreSQL finds a part of a name by its groups of three letters instead of reading every customer.

The extension pg_trgm is one that the owner of a database may create. Where it is not to be had, the
search works all the same and reads all names; SQLite always does.
"""

import logging

from django.db import DatabaseError, migrations

log = logging.getLogger(__name__)
INDEXES = {"customer_name_parts": "name", "customer_name_alt_parts": "name_alt"}


def make(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError:
        log.warning("pg_trgm cannot be created: the search for a part of a name reads every customer")
        return
    with connection.cursor() as cursor:
        for name, column in INDEXES.items():
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")  # left behind half-made
            cursor.execute(
                f"CREATE INDEX CONCURRENTLY {name} ON customers_customer "
                f"USING gin (upper({column}::text) gin_trgm_ops)"
            )


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        with schema_editor.connection.cursor() as cursor:
            for name in INDEXES:
                cursor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0007_list_indexes")]
    operations = [migrations.RunPython(make, drop)]
