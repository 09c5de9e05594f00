"""Lists of customers in the order of their sort key; orders by number."""

from django.db import migrations, models
from django.db.models import Q

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0015_search_tokens")]
    operations = [
        AddIndexBesideWriters(
            model_name="customer",
            index=models.Index(fields=["sort_key", "id"], name="customer_sorted"),
        ),
        AddIndexBesideWriters(
            model_name="order",
            index=models.Index(fields=["number"], condition=Q(number__gt=""), name="order_number"),
        ),
    ]
