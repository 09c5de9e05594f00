"""Columns of the vector measures and what they read; parameters learnt from the customers."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0012_indicator_measures'),
    ]

    operations = [
        migrations.AddField(
            model_name='customermeasures',
            name='count_decline_parts',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='expected_lost_margin',
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
