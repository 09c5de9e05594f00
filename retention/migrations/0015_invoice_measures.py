"""Columns for the measures of invoices and deliveries."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("retention", "0014_usage_measures"),
    ]

    operations = [
        migrations.AddField(
            model_name='customermeasures',
            name='amount_overdue',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='deliveries_late_90d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='deliveries_overdue',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='invoice_due_day',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='invoices_open',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='invoices_overdue',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='payments_failed_30d',
            field=models.BigIntegerField(null=True),
        ),
    ]
