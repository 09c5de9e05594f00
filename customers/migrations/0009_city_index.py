"""The cities of the customers, each found in one step, and who lives there."""

from django.db import migrations, models

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0008_name_search")]
    operations = [
        AddIndexBesideWriters(
            model_name="customer", index=models.Index(fields=["city"], name="customer_city")
        ),
    ]
