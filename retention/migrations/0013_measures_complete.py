"""Columns of the vector measures and of R11; learnt parameters; of whom each measure is known."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0012_indicator_measures'),
    ]

    operations = [
        migrations.CreateModel(
            name='MeasureCoverage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=64, unique=True)),
                ('day', models.IntegerField()),
                ('as_of', models.DateTimeField()),
                ('known', models.PositiveIntegerField()),
                ('customers', models.PositiveIntegerField()),
                ('newest_day', models.IntegerField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='complaints_60d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='count_decline_parts',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='deliveries_late_60d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='expected_lost_margin',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='last_return_day',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='margin_455d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='order_days_90d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='order_days_before_90d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='overdue_score_parts',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='payments_failed_60d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='returned_90d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.CreateModel(
            name='FittedParameters',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=32)),
                ('fitted_as_of', models.DateTimeField()),
                ('values', models.JSONField()),
                ('customers', models.PositiveIntegerField()),
                ('made_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('kind', 'fitted_as_of'), name='fitted_once_a_moment')],
            },
        ),
    ]
