"""Indexes and rules of 0011 for tables that have rows already."""

from django.db import migrations, models

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0011_customer_file")]
    operations = [
        AddIndexBesideWriters(
            model_name='contract',
            index=models.Index(condition=models.Q(('renewed_day__isnull', True), ('terminated_day__isnull', True), ('void', False)), fields=['ends_day', 'customer'], name='contract_undecided'),
        ),
        AddIndexBesideWriters(
            model_name='customer',
            index=models.Index(fields=['sort_key', 'id'], name='customer_sorted'),
        ),
        AddIndexBesideWriters(
            model_name='customer',
            index=models.Index(fields=['registration_number'], name='customer_registration'),
        ),
        AddIndexBesideWriters(
            model_name='customer',
            index=models.Index(fields=['parent', 'id'], name='customer_parent'),
        ),
        AddIndexBesideWriters(
            model_name='customer',
            index=models.Index(condition=models.Q(('merged_into__isnull', False)), fields=['merged_into'], name='customer_merged'),
        ),
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
        AddIndexBesideWriters(
            model_name='order',
            index=models.Index(condition=models.Q(('number__gt', '')), fields=['number'], name='order_number'),
        ),
        migrations.AddConstraint(
            model_name='contract',
            constraint=models.UniqueConstraint(condition=models.Q(('renews__isnull', False), ('void', False)), fields=('renews',), name='contract_renewed_once'),
        ),
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.CheckConstraint(condition=models.Q(('parent', models.F('id')), _negated=True), name='customer_not_its_own_parent'),
        ),
    ]
