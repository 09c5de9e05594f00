"""Drop the indexes that those of 0002 replace, and the plain ones on the customer beside them."""

import django.db.models.deletion
from django.db import migrations, models

REPLACED = [
    ("complaintevent", "complaint_event_measures"),
    ("complaintevent", "complaint_event_day"),
    ("contract", "contract_measures"),
    ("interaction", "interaction_measures"),
    ("interaction", "interaction_day"),
    ("order", "order_measures"),
    ("order", "order_day"),
    ("ownership", "ownership_measures"),
]
FACTS = ["attributevalue", "complaint", "complaintevent", "contract", "interaction", "order", "ownership"]


class Migration(migrations.Migration):
    dependencies = [("customers", "0002_pass_indexes")]
    operations = [
        *(migrations.RemoveIndex(model_name=model, name=name) for model, name in REPLACED),
        *(
            migrations.AlterField(
                model_name=model,
                name="customer",
                field=models.ForeignKey(
                    db_index=False,
                    on_delete=django.db.models.deletion.PROTECT,
                    related_name="%(class)ss",
                    to="customers.customer",
                ),
            )
            for model in FACTS
        ),
        migrations.AlterField(
            model_name="orderline",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="orderlines", to="customers.customer"
            ),
        ),
    ]
