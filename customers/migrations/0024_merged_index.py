"""Stubs of merged customers: few among all, asked for by what they were merged into."""

from django.db import migrations, models
from django.db.models import Q

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0023_merges")]
    operations = [
        AddIndexBesideWriters(
            model_name="customer",
            index=models.Index(
                fields=["merged_into"], condition=Q(merged_into__isnull=False), name="customer_merged"
            ),
        )
    ]
