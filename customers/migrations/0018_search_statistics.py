"""PostgreSQL counts tokens exactly enough to know a common word from a rare one."""

from __future__ import annotations

from django.db import migrations

from customers.migrations._tokens import count_finely

def count_coarsely(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE customers_searchtoken ALTER COLUMN token SET STATISTICS -1")


class Migration(migrations.Migration):
    dependencies = [("customers", "0017_import_problem_seen")]

    operations = [migrations.RunPython(count_finely, count_coarsely)]
