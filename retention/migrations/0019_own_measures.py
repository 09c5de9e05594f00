"""Columns of the measures of withdrawn products."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0017_warning_waits'),
    ]

    operations = [
        migrations.AddField(
            model_name='customermeasures',
            name='product_withdrawn_day',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='withdrawn_products_365d',
            field=models.BigIntegerField(null=True),
        ),
    ]
