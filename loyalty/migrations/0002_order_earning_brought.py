"""What an order brings before returns, for caps; what of a shortfall was taken, and what was gone already.

No constraint by account says any more which order is the first of a customer.
"""

from django.db import migrations, models


def _points(name: str) -> migrations.AddField:
    field = models.PositiveBigIntegerField(default=0, db_default=0)
    return migrations.AddField(model_name="orderearning", name=name, field=field)


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(model_name="orderearning", name="order_earning_first_once"),
        _points("brought"),
        _points("adjusted"),
        _points("gone"),
    ]
