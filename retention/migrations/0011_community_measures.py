"""Columns for the measures of communities."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0010_competitor_measures'),
    ]

    operations = [
        migrations.AddField(
            model_name='customermeasures',
            name='communities_joined',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='left_community_day',
            field=models.BigIntegerField(null=True),
        ),
    ]
