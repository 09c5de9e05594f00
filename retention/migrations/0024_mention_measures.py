"""Columns for the measures of mentions."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0023_loops'),
    ]

    operations = [
        migrations.AddField(
            model_name='customermeasures',
            name='mentions_30d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='negative_mentions_30d',
            field=models.BigIntegerField(null=True),
        ),
    ]
