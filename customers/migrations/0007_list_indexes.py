"""What lists and the search ask for: open complaints, accesses in force, names of other systems, phones."""

from django.db import migrations, models
from django.db.models import Q

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0006_order_line_checks")]
    operations = [
        AddIndexBesideWriters(
            model_name="complaint",
            index=models.Index(fields=["id"], condition=Q(state="open", void=False), name="complaint_open"),
        ),
        AddIndexBesideWriters(
            model_name="complaint",
            index=models.Index(
                fields=["customer", "id"],
                condition=Q(state="open", void=False),
                name="complaint_open_customer",
            ),
        ),
        AddIndexBesideWriters(
            model_name="access",
            index=models.Index(
                fields=["user", "customer"], condition=Q(ends_at__isnull=True), name="access_open"
            ),
        ),
        AddIndexBesideWriters(
            model_name="externalref",
            index=models.Index(fields=["kind", "external_id"], name="external_ref_search"),
        ),
        AddIndexBesideWriters(
            model_name="contact", index=models.Index(fields=["phone"], name="contact_phone")
        ),
    ]
