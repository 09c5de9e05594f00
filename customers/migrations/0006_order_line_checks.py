"""Check a line's customer and batch on its order alone: it is never without it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0005_api_token")]
    operations = [
        migrations.AlterField(
            model_name="orderline",
            name="batch",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="customers.importbatch",
            ),
        ),
        migrations.AlterField(
            model_name="orderline",
            name="customer",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orderlines",
                to="customers.customer",
            ),
        ),
    ]
