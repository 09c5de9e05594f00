"""Copy the team of their customer to the cases that are there; from now on a trigger does."""

from django.db import migrations
from django.db.models import OuterRef, Subquery


def fill(apps, schema_editor):
    cases = apps.get_model("retention", "RetentionCase").objects.using(schema_editor.connection.alias)
    customers = apps.get_model("customers", "Customer").objects
    cases.update(team=Subquery(customers.filter(pk=OuterRef("customer_id")).values("team_id")[:1]))


class Migration(migrations.Migration):

    dependencies = [("retention", "0002_case_queue_columns")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
