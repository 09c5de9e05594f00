"""Indicators of the company's own, and their values."""

import django.db.models.deletion
from django.db import migrations, models

from customers.ground.migrating import OnPostgres


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0015_communities'),
    ]

    operations = [
        migrations.CreateModel(
            name='Indicator',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=32, unique=True, verbose_name='code')),
                ('name_en', models.CharField(max_length=100, verbose_name='English name')),
                ('name_zh', models.CharField(max_length=100, verbose_name='Chinese name')),
                ('unit', models.CharField(blank=True, max_length=20, verbose_name='unit')),
                ('worse', models.CharField(choices=[('lower', 'lower is worse'), ('higher', 'higher is worse')], max_length=6, verbose_name='direction')),
                ('is_retired', models.BooleanField(default=False)),
            ],
            options={
                'ordering': ['code'],
            },
        ),
        migrations.CreateModel(
            name='IndicatorValueVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fact_id', models.BigIntegerField()),
                ('superseded_at', models.DateTimeField()),
                ('customer_id', models.BigIntegerField()),
                ('occurred_at', models.DateTimeField()),
                ('occurred_day', models.IntegerField()),
                ('recorded_at', models.DateTimeField()),
                ('recorded_assumed', models.BooleanField(default=False)),
                ('ingested_at', models.DateTimeField()),
                ('void', models.BooleanField(default=False)),
                ('batch_id', models.BigIntegerField(null=True)),
                ('indicator_id', models.BigIntegerField()),
                ('worse', models.CharField(max_length=6)),
                ('milli', models.BigIntegerField()),
            ],
            options={
                'db_table': 'customers_indicatorvalue_version',
                'indexes': [models.Index(fields=['customer_id', 'recorded_at'], name='indicatorvalue_v_customer'), models.Index(fields=['fact_id'], name='indicatorvalue_v_fact')],
            },
        ),
        migrations.CreateModel(
            name='IndicatorValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurred_at', models.DateTimeField()),
                ('occurred_day', models.IntegerField()),
                ('recorded_at', models.DateTimeField()),
                ('recorded_assumed', models.BooleanField(default=False)),
                ('ingested_at', models.DateTimeField(auto_now_add=True)),
                ('void', models.BooleanField(default=False)),
                ('worse', models.CharField(choices=[('lower', 'lower is worse'), ('higher', 'higher is worse')], max_length=6)),
                ('milli', models.BigIntegerField()),
                ('batch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.importbatch')),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='customers.customer')),
                ('indicator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.indicator')),
            ],
            options={
                'indexes': [models.Index(fields=['customer', 'indicator', '-occurred_at', '-id', 'occurred_day', 'recorded_at', 'milli', 'worse', 'void'], name='indicator_pass'), models.Index(fields=['occurred_day', 'customer'], name='indicator_crossing')],
            },
        ),
        OnPostgres(  # as for the other facts, see 0004
            "ALTER TABLE customers_indicatorvalue SET (autovacuum_vacuum_scale_factor = 0.005,"
            " autovacuum_vacuum_insert_scale_factor = 0.005, autovacuum_analyze_scale_factor = 0.02,"
            " autovacuum_vacuum_cost_limit = 2000)",
            "ALTER TABLE customers_indicatorvalue RESET (autovacuum_vacuum_scale_factor,"
            " autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor,"
            " autovacuum_vacuum_cost_limit)",
        ),
    ]
