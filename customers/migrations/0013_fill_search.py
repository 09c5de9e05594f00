"""Write what the customers that are there are found by: a thousand at a time, each committed.

Goes on where it was stopped. Those that the version before makes meanwhile are found by the hourly
step (customers/tasks.py).
"""

from django.db import migrations


def fill(apps, schema_editor):
    from customers.search import index

    index.fill()


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0012_customer_file_indexes")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
