"""What finds a customer by its registration number, and the children of a company."""

from django.db import migrations, models

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0019_customer_file")]
    operations = [
        AddIndexBesideWriters(
            model_name="customer",
            index=models.Index(fields=["registration_number"], name="customer_registration"),
        ),
        AddIndexBesideWriters(
            model_name="customer", index=models.Index(fields=["parent", "id"], name="customer_parent")
        ),
    ]
