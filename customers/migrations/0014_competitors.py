"""Who else courts our customers, and what they were seen to offer."""

import django.db.models.deletion
from django.db import migrations, models

from customers.ground.migrating import OnPostgres


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0013_fill_search'),
    ]

    operations = [
        migrations.CreateModel(
            name='Competitor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('products', models.TextField(blank=True, max_length=2000, verbose_name='products')),
                ('talking_points', models.TextField(blank=True, max_length=5000, verbose_name='talking points')),
                ('is_checked', models.BooleanField(default=False)),
                ('merged_into', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='merged', to='customers.competitor')),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='CompetitorName',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('key', models.CharField(max_length=200, unique=True)),
                ('competitor', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='names', to='customers.competitor')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='CompetitorSighting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurred_at', models.DateTimeField()),
                ('occurred_day', models.IntegerField()),
                ('recorded_at', models.DateTimeField()),
                ('recorded_assumed', models.BooleanField(default=False)),
                ('ingested_at', models.DateTimeField(auto_now_add=True)),
                ('void', models.BooleanField(default=False)),
                ('offered', models.TextField(blank=True, max_length=2000, verbose_name='what it offered')),
                ('learnt_from', models.CharField(choices=[('customer', 'the customer said so'), ('visit', 'seen on a visit'), ('survey', 'answer to a survey'), ('public', 'public source'), ('other', 'other')], default='customer', max_length=8)),
                ('currency', models.CharField(blank=True, max_length=3)),
                ('price_seen', models.BigIntegerField(null=True)),
                ('price_ours', models.BigIntegerField(null=True)),
                ('price_seen_base', models.BigIntegerField(null=True)),
                ('price_ours_base', models.BigIntegerField(null=True)),
                ('batch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.importbatch')),
                ('competitor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.competitor')),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='customers.customer')),
                ('product', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.product')),
            ],
        ),
        migrations.CreateModel(
            name='CompetitorSightingVersion',
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
                ('competitor_id', models.BigIntegerField()),
                ('product_id', models.BigIntegerField(null=True)),
                ('learnt_from', models.CharField(default='customer', max_length=8)),
                ('currency', models.CharField(blank=True, max_length=3)),
                ('price_seen', models.BigIntegerField(null=True)),
                ('price_ours', models.BigIntegerField(null=True)),
                ('price_seen_base', models.BigIntegerField(null=True)),
                ('price_ours_base', models.BigIntegerField(null=True)),
            ],
            options={
                'db_table': 'customers_competitorsighting_version',
                'indexes': [models.Index(fields=['customer_id', 'recorded_at'], name='competitorsighti_v_customer'), models.Index(fields=['fact_id'], name='competitorsighti_v_fact')],
            },
        ),
        migrations.AddIndex(
            model_name='competitor',
            index=models.Index(fields=['name', 'id'], name='competitor_by_name'),
        ),
        migrations.AddIndex(
            model_name='competitorsighting',
            index=models.Index(fields=['customer', '-occurred_at', '-id', 'occurred_day', 'recorded_at', 'price_seen_base', 'price_ours_base', 'void'], name='sighting_pass'),
        ),
        migrations.AddIndex(
            model_name='competitorsighting',
            index=models.Index(fields=['occurred_day', 'customer'], name='sighting_crossing'),
        ),
        migrations.AddConstraint(
            model_name='competitorsighting',
            constraint=models.CheckConstraint(condition=models.Q(('price_seen__isnull', True), ('price_seen__gt', 0), _connector='OR'), name='sighting_price_above_zero'),
        ),
        migrations.AddConstraint(
            model_name='competitorsighting',
            constraint=models.CheckConstraint(condition=models.Q(('price_ours__isnull', True), ('price_ours__gt', 0), _connector='OR'), name='sighting_ours_above_zero'),
        ),
        OnPostgres(  # as for the other facts, see 0004
            "ALTER TABLE customers_competitorsighting SET (autovacuum_vacuum_scale_factor = 0.005,"
            " autovacuum_vacuum_insert_scale_factor = 0.005, autovacuum_analyze_scale_factor = 0.02,"
            " autovacuum_vacuum_cost_limit = 2000)",
            "ALTER TABLE customers_competitorsighting RESET (autovacuum_vacuum_scale_factor,"
            " autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor,"
            " autovacuum_vacuum_cost_limit)",
        ),
    ]
