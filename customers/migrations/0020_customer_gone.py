"""Those who are gone are looked up when everybody is counted: an index of these few."""

from django.db import migrations, models
from django.db.models import Q

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0019_product_withdrawn")]
    operations = [
        AddIndexBesideWriters(
            model_name="customer",
            index=models.Index(fields=["id"], condition=Q(gone_at__isnull=False), name="customer_gone"),
        ),
    ]
