"""What counts as lost, what a loss tells, how customers stand, and their columns in the wide table."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0016_indicators'),
        ('retention', '0015_rule_life'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CutPoints',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fitted_as_of', models.DateTimeField(unique=True)),
                ('tiers', models.JSONField()),
                ('recency', models.JSONField()),
                ('frequency', models.JSONField()),
                ('monetary', models.JSONField()),
                ('band', models.PositiveSmallIntegerField()),
                ('customers', models.PositiveIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='frequency_score',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='lifecycle_stage',
            field=models.CharField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='monetary_score',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='recency_score',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='value_tier',
            field=models.CharField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='followupcall',
            name='purpose',
            field=models.CharField(blank=True, choices=[('revisit', 'revisit of a lost customer')], db_default='', default='', max_length=8),
        ),
        migrations.AddField(
            model_name='loss',
            name='days_ahead',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='loss',
            name='definition',
            field=models.CharField(blank=True, choices=[('hand', 'a case closed as lost'), ('contract', 'contract ended or lapsed'), ('window', 'no order for a fixed time'), ('personal', 'no order for many times the own rhythm'), ('partial', 'spend far below the own past')], db_default='', default='', max_length=8, verbose_name='found by'),
        ),
        migrations.AddField(
            model_name='loss',
            name='detected_by',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='retention.earlywarning'),
        ),
        migrations.AddField(
            model_name='loss',
            name='end_recorded_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='loss',
            name='ended_because',
            field=models.CharField(blank=True, choices=[('hand', 'regained'), ('order', 'ordered again'), ('contract', 'a contract goes on'), ('recovered', 'spends as before'), ('total', 'left altogether')], db_default='', default='', max_length=9),
        ),
        migrations.AddField(
            model_name='loss',
            name='is_valuable',
            field=models.BooleanField(null=True),
        ),
        migrations.AddField(
            model_name='loss',
            name='last_order_day',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='loss',
            name='revisit_day',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='loss',
            name='revisits',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='loss',
            name='spend_before',
            field=models.BigIntegerField(null=True),
        ),
        migrations.CreateModel(
            name='RevisitPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('days', models.CharField(blank=True, max_length=60)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='revisit_policy_one_row')],
            },
        ),
        migrations.CreateModel(
            name='StandingVersion',
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
                ('value_tier', models.CharField(max_length=1, null=True)),
                ('lifecycle_stage', models.CharField(max_length=9, null=True)),
                ('recency_score', models.PositiveSmallIntegerField(null=True)),
                ('frequency_score', models.PositiveSmallIntegerField(null=True)),
                ('monetary_score', models.PositiveSmallIntegerField(null=True)),
            ],
            options={
                'db_table': 'retention_standing_version',
                'indexes': [models.Index(fields=['customer_id', 'recorded_at'], name='standing_v_customer'), models.Index(fields=['fact_id'], name='standing_v_fact')],
            },
        ),
        migrations.CreateModel(
            name='LossDefinition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('hand', 'a case closed as lost'), ('contract', 'contract ended or lapsed'), ('window', 'no order for a fixed time'), ('personal', 'no order for many times the own rhythm'), ('partial', 'spend far below the own past')], max_length=8)),
                ('is_on', models.BooleanField()),
                ('days', models.PositiveSmallIntegerField(null=True)),
                ('percent', models.PositiveSmallIntegerField(null=True)),
                ('made_at', models.DateTimeField()),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['kind', '-made_at'], name='loss_definition_newest')],
            },
        ),
        migrations.CreateModel(
            name='Standing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurred_at', models.DateTimeField()),
                ('occurred_day', models.IntegerField()),
                ('recorded_at', models.DateTimeField()),
                ('recorded_assumed', models.BooleanField(default=False)),
                ('ingested_at', models.DateTimeField(auto_now_add=True)),
                ('void', models.BooleanField(default=False)),
                ('value_tier', models.CharField(choices=[('A', 'A'), ('B', 'B'), ('C', 'C'), ('D', 'D')], max_length=1, null=True)),
                ('lifecycle_stage', models.CharField(choices=[('new', 'new'), ('growing', 'growing'), ('mature', 'mature'), ('declining', 'declining'), ('dormant', 'dormant'), ('lost', 'lost'), ('returned', 'returned')], max_length=9, null=True)),
                ('recency_score', models.PositiveSmallIntegerField(null=True)),
                ('frequency_score', models.PositiveSmallIntegerField(null=True)),
                ('monetary_score', models.PositiveSmallIntegerField(null=True)),
                ('batch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.importbatch')),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='customers.customer')),
            ],
            options={
                'indexes': [models.Index(fields=['customer', 'occurred_at', 'id', 'recorded_at', 'value_tier', 'lifecycle_stage', 'recency_score', 'frequency_score', 'monetary_score', 'void'], name='standing_pass'), models.Index(fields=['occurred_day', 'customer'], name='standing_day')],
            },
        ),
        migrations.CreateModel(
            name='ValuePolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('share_a', models.PositiveSmallIntegerField(default=50)),
                ('share_b', models.PositiveSmallIntegerField(default=80)),
                ('share_c', models.PositiveSmallIntegerField(default=95)),
                ('band', models.PositiveSmallIntegerField(default=10)),
                ('made_at', models.DateTimeField()),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('band__lte', 50), ('share_a__gte', 1), ('share_b__gt', models.F('share_a')), ('share_c__gt', models.F('share_b')), ('share_c__lte', 99)), name='value_policy_shares')],
            },
        ),
    ]
