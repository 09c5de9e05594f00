"""Backtests, kept with the version of their rule."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0013_measures_complete'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BacktestRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(null=True)),
                ('condition', models.JSONField()),
                ('re_fire_days', models.PositiveIntegerField()),
                ('first_day', models.IntegerField()),
                ('last_day', models.IntegerField()),
                ('step_days', models.PositiveIntegerField()),
                ('horizon_days', models.PositiveIntegerField()),
                ('gap_days', models.PositiveIntegerField()),
                ('comparison', models.PositiveIntegerField(null=True)),
                ('minutes_per_call', models.PositiveIntegerField()),
                ('status', models.CharField(choices=[('waiting', 'waiting'), ('running', 'running'), ('done', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='waiting', max_length=9)),
                ('progress', models.JSONField(default=dict)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('lease_until', models.DateTimeField(null=True)),
                ('lease_token', models.CharField(blank=True, max_length=32)),
                ('error', models.CharField(blank=True, max_length=100)),
                ('made_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('fingerprint', models.CharField(max_length=64)),
                ('counted_at', models.DateTimeField(null=True)),
                ('ingested_until', models.DateTimeField(null=True)),
                ('assumed_share', models.FloatField(null=True)),
                ('result', models.JSONField(null=True)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('rule', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='backtests', to='retention.warningrule')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['rule', '-id'], name='backtest_of_rule'), models.Index(condition=models.Q(('status__in', ['waiting', 'running'])), fields=['id'], name='backtest_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('first_day__lte', models.F('last_day')), ('horizon_days__gt', 0), ('step_days__gt', 0)), name='backtest_span_in_order'), models.CheckConstraint(condition=models.Q(models.Q(('result__isnull', False), ('status', 'done')), models.Q(('status', 'done'), _negated=True), _connector='OR'), name='backtest_done_has_result')],
            },
        ),
    ]
