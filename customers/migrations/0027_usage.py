"""What customers use and hold, and the catalogue of what is counted."""

import django.db.models.deletion
from django.db import migrations, models

from customers.ground.migrating import OnPostgres


class Migration(migrations.Migration):

    dependencies = [
        ("customers", "0026_import_undo"),
    ]

    operations = [
        migrations.CreateModel(
            name='UsageMetric',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=32, unique=True, verbose_name='code')),
                ('kind', models.CharField(choices=[('use', 'adds up (logins, visits)'), ('balance', 'stands until the next one (a balance held)')], max_length=8, verbose_name='kind')),
                ('name_en', models.CharField(max_length=100, verbose_name='English name')),
                ('name_zh', models.CharField(max_length=100, verbose_name='Chinese name')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('is_retired', models.BooleanField(default=False)),
            ],
            options={
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='UsageVersion',
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
                ('metric_id', models.BigIntegerField()),
                ('product_id', models.BigIntegerField(null=True)),
                ('kind', models.CharField(max_length=8)),
                ('milli', models.BigIntegerField()),
            ],
            options={
                'db_table': 'customers_usage_version',
                'indexes': [models.Index(fields=['customer_id', 'recorded_at'], name='usage_v_customer'), models.Index(fields=['fact_id'], name='usage_v_fact')],
            },
        ),
        migrations.CreateModel(
            name='Usage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurred_at', models.DateTimeField()),
                ('occurred_day', models.IntegerField()),
                ('recorded_at', models.DateTimeField()),
                ('recorded_assumed', models.BooleanField(default=False)),
                ('ingested_at', models.DateTimeField(auto_now_add=True)),
                ('void', models.BooleanField(default=False)),
                ('kind', models.CharField(choices=[('use', 'adds up (logins, visits)'), ('balance', 'stands until the next one (a balance held)')], max_length=8)),
                ('milli', models.BigIntegerField()),
                ('batch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.importbatch')),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='customers.customer')),
                ('product', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.product')),
                ('metric', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.usagemetric')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('kind', 'use')), fields=['customer', 'occurred_day', 'occurred_at', 'recorded_at', 'milli', 'void', 'kind'], name='usage_pass'), models.Index(condition=models.Q(('kind', 'balance')), fields=['customer', 'metric', 'product', '-occurred_at', '-id', 'occurred_day', 'recorded_at', 'milli', 'void', 'kind'], name='balance_pass'), models.Index(fields=['occurred_day', 'customer'], name='usage_crossing')],
            },
        ),
        OnPostgres(  # as for the other facts, see 0004
            "ALTER TABLE customers_usage SET (autovacuum_vacuum_scale_factor = 0.005,"
            " autovacuum_vacuum_insert_scale_factor = 0.005, autovacuum_analyze_scale_factor = 0.02,"
            " autovacuum_vacuum_cost_limit = 2000)",
            "ALTER TABLE customers_usage RESET (autovacuum_vacuum_scale_factor,"
            " autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor,"
            " autovacuum_vacuum_cost_limit)",
        ),
    ]
