"""Columns for the measures of indicators."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0011_community_measures'),
    ]

    operations = [
        migrations.AddField(
            model_name='customermeasures',
            name='indicators_worse',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='indicators_worse_30d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='last_indicator_day',
            field=models.BigIntegerField(null=True),
        ),
    ]
