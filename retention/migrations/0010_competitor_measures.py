"""Columns for the measures of competitors seen."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0009_customer_file'),
    ]

    operations = [
        migrations.AddField(
            model_name='customermeasures',
            name='competitor_price_90d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='competitor_sightings_90d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='last_competitor_sighting_day',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='own_price_90d',
            field=models.BigIntegerField(null=True),
        ),
    ]
