"""Communities of customers, and who belongs to them."""

import django.db.models.deletion
from django.db import migrations, models

from customers.ground.migrating import OnPostgres


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0014_competitors'),
    ]

    operations = [
        migrations.CreateModel(
            name='Community',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=32, unique=True, verbose_name='code')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('platform', models.CharField(choices=[('wechat', 'WeChat group'), ('wecom', 'WeCom group'), ('qq', 'QQ group'), ('dingtalk', 'DingTalk group'), ('forum', 'forum'), ('other', 'another place')], max_length=8, verbose_name='platform')),
                ('is_retired', models.BooleanField(default=False)),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='CommunityMembershipVersion',
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
                ('community_id', models.BigIntegerField()),
                ('contact_id', models.BigIntegerField(null=True)),
                ('left_at', models.DateTimeField(null=True)),
                ('left_day', models.IntegerField(null=True)),
            ],
            options={
                'db_table': 'customers_communitymembership_version',
                'indexes': [models.Index(fields=['customer_id', 'recorded_at'], name='communitymembers_v_customer'), models.Index(fields=['fact_id'], name='communitymembers_v_fact')],
            },
        ),
        migrations.CreateModel(
            name='CommunityMembership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurred_at', models.DateTimeField()),
                ('occurred_day', models.IntegerField()),
                ('recorded_at', models.DateTimeField()),
                ('recorded_assumed', models.BooleanField(default=False)),
                ('ingested_at', models.DateTimeField(auto_now_add=True)),
                ('void', models.BooleanField(default=False)),
                ('left_at', models.DateTimeField(null=True)),
                ('left_day', models.IntegerField(null=True)),
                ('batch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.importbatch')),
                ('community', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.community')),
                ('contact', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.contact')),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='customers.customer')),
            ],
            options={
                'indexes': [models.Index(fields=['customer', 'occurred_day', 'occurred_at', 'recorded_at', 'left_day', 'void'], name='community_pass'), models.Index(fields=['occurred_day', 'customer'], name='community_crossing'), models.Index(fields=['left_day', 'customer'], name='community_left_crossing')],
            },
        ),
        OnPostgres(  # as for the other facts, see 0004
            "ALTER TABLE customers_communitymembership SET (autovacuum_vacuum_scale_factor = 0.005,"
            " autovacuum_vacuum_insert_scale_factor = 0.005, autovacuum_analyze_scale_factor = 0.02,"
            " autovacuum_vacuum_cost_limit = 2000)",
            "ALTER TABLE customers_communitymembership RESET (autovacuum_vacuum_scale_factor,"
            " autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor,"
            " autovacuum_vacuum_cost_limit)",
        ),
    ]
