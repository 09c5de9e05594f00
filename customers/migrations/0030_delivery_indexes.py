"""What the measures of deliveries read, and whose promise or delivery was on a day."""

from django.db import migrations, models

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("customers", "0029_order_deliveries"),
    ]

    operations = [
        AddIndexBesideWriters(
            model_name='order',
            index=models.Index(condition=models.Q(('promised_day__isnull', False)), fields=['customer', 'promised_day', 'delivered_day', 'occurred_at', 'recorded_at', 'status', 'void'], name='order_delivery_pass'),
        ),
        AddIndexBesideWriters(
            model_name='order',
            index=models.Index(condition=models.Q(('promised_day__isnull', False)), fields=['promised_day', 'customer'], name='order_promised'),
        ),
        AddIndexBesideWriters(
            model_name='order',
            index=models.Index(condition=models.Q(('delivered_day__isnull', False)), fields=['delivered_day', 'customer'], name='order_delivered'),
        ),
    ]
