"""Columns for the measures of survey answers and invitations."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0021_interviews'),
    ]

    operations = [
        migrations.AddField(
            model_name='customermeasures',
            name='csat_before',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='last_answer_day',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='last_ces',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='last_csat',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='last_csat_day',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='last_nps',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='last_nps_day',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='non_response',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='non_response_365d',
            field=models.BigIntegerField(null=True),
        ),
    ]
