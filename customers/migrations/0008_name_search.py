"""PostgreSQL finds a part of a name by its groups of three letters instead of reading every customer.

The extension pg_trgm is one that the owner of a database may create. Where it is not to be had, the
search works all the same and reads all names; SQLite always does.
"""

from django.db import migrations

from customers.migrations import _tokens


def make(apps, schema_editor):
    _tokens.make_parts(schema_editor, beside_writers=True)


def drop(apps, schema_editor):
    _tokens.drop(schema_editor, *_tokens.PARTS)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0007_list_indexes")]
    operations = [migrations.RunPython(make, drop)]
