"""Columns for the measures of usage and balances."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("retention", "0013_file_measures"),
    ]

    operations = [
        migrations.AddField(
            model_name='customermeasures',
            name='balance_30d_ago',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='balance_held',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='last_usage_day',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='usage_30d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='usage_prev_30d',
            field=models.BigIntegerField(null=True),
        ),
    ]
