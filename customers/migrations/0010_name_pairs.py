"""PostgreSQL finds a part of a Chinese name by its pairs of letters.

Groups of three (0008_name_search) say nothing about two letters, and nothing about Chinese at all in a
database with the locale C. Pairs of Latin letters are left out: there the groups of three are enough.
SQLite reads all names.
"""

from django.db import migrations

from customers.migrations import _tokens


def make(apps, schema_editor):
    _tokens.make_pairs(schema_editor, beside_writers=True)


def drop(apps, schema_editor):
    _tokens.drop(schema_editor, *_tokens.PAIRS)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION IF EXISTS liuke_pairs(text)")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0009_city_index")]
    operations = [migrations.RunPython(make, drop)]
