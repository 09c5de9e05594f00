"""What 0.3.0 says of the customer file: segments, measures, causes, contracts, merges."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0011_customer_file'),
        ('retention', '0008_vacuum_measures_early'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='customermeasures',
            name='amount_overdue',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='balance_30d_ago',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='balance_held',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='deliveries_late_90d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='deliveries_overdue',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='in_place_since_day',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='invoice_due_day',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='invoices_open',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='invoices_overdue',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='last_usage_day',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='main_contact_gone',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='main_contact_left_day',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='moved_day',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='payments_failed_30d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='usage_30d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customermeasures',
            name='usage_prev_30d',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='followupcall',
            name='reason',
            field=models.CharField(blank=True, db_default='', max_length=500, verbose_name='what to talk about'),
        ),
        migrations.AddField(
            model_name='loss',
            name='contract',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='loss', to='customers.contract'),
        ),
        migrations.AddField(
            model_name='retentioncase',
            name='joined_into',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='retention.retentioncase'),
        ),
        migrations.AlterField(
            model_name='casemove',
            name='kind',
            field=models.CharField(choices=[('opened', 'opened the case'), ('joined', 'added a new reason to the case'), ('assigned', 'gave the case to somebody'), ('reassigned', 'gave the case to somebody else'), ('unassigned', 'took the case back'), ('working', 'began to work on the case'), ('planned', 'planned a call'), ('called', 'logged a call'), ('needs_data', 'found that the phone number is wrong'), ('do_not_call', 'noted that the customer wants no calls'), ('escalated', 'escalated an overdue call'), ('diagnosed', 'entered the diagnosis'), ('closed', 'closed the case'), ('recovered', 'closed the case: the signs are gone'), ('objected', 'closed the case: profiling was objected to'), ('merged', 'made one case of two'), ('parted', 'made two cases of one again')], max_length=16),
        ),
        migrations.AlterField(
            model_name='earlywarning',
            name='closed_because',
            field=models.CharField(blank=True, choices=[('sign_gone', 'the sign is gone'), ('case_closed', 'its case was closed'), ('rule_off', 'the rule was switched off'), ('objected', 'profiling was objected to'), ('merged', 'the customer was merged with another that had the same warning')], max_length=12),
        ),
        migrations.AlterField(
            model_name='retentioncase',
            name='outcome',
            field=models.CharField(blank=True, choices=[('saved', 'saved'), ('regained', 'regained'), ('lost', 'lost'), ('unreachable', 'unreachable'), ('not_pursued', 'not pursued'), ('recovered', 'recovered by itself'), ('merged', 'joined with another case')], max_length=12, verbose_name='outcome'),
        ),
        migrations.CreateModel(
            name='RenewalCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('opened_at', models.DateTimeField()),
                ('missed_at', models.DateTimeField(null=True)),
                ('case', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='renewals', to='retention.retentioncase')),
                ('contract', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='renewal_case', to='customers.contract')),
            ],
        ),
        migrations.CreateModel(
            name='RenewalPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('days_before', models.PositiveSmallIntegerField(default=30)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='renewal_policy_one_row'), models.CheckConstraint(condition=models.Q(('days_before__gte', 1), ('days_before__lte', 365)), name='renewal_policy_days')],
            },
        ),
        migrations.CreateModel(
            name='Segment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=64, unique=True, verbose_name='code')),
                ('name_en', models.CharField(max_length=120, verbose_name='English name')),
                ('name_zh', models.CharField(max_length=120, verbose_name='Chinese name')),
                ('kind', models.CharField(choices=[('condition', 'by a condition'), ('list', 'a list')], max_length=9, verbose_name='kind')),
                ('condition', models.JSONField(null=True)),
                ('version', models.PositiveIntegerField(default=1)),
                ('made_at', models.DateTimeField()),
                ('retired_at', models.DateTimeField(null=True)),
                ('list', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='segment', to='customers.customerlist')),
            ],
            options={
                'ordering': ['code'],
            },
        ),
        migrations.CreateModel(
            name='SegmentCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.IntegerField()),
                ('customers', models.IntegerField()),
                ('segment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='counts', to='retention.segment')),
            ],
        ),
        migrations.CreateModel(
            name='SegmentUse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('segment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='uses', to='retention.segment')),
                ('used', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='used_by', to='retention.segment')),
            ],
        ),
        migrations.CreateModel(
            name='SegmentVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField()),
                ('condition', models.JSONField()),
                ('made_at', models.DateTimeField()),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('segment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='retention.segment')),
            ],
        ),
        migrations.CreateModel(
            name='StatedCause',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='stated', to='retention.retentioncase')),
                ('cause', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.cause')),
            ],
        ),
        migrations.AddConstraint(
            model_name='segment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('condition__isnull', False), ('kind', 'condition'), ('list__isnull', True)), models.Q(('condition__isnull', True), ('kind', 'list'), ('list__isnull', False)), _connector='OR'), name='segment_is_condition_or_list'),
        ),
        migrations.AddConstraint(
            model_name='segmentcount',
            constraint=models.UniqueConstraint(fields=('segment', 'day'), name='segment_count_once_a_day'),
        ),
        migrations.AddConstraint(
            model_name='segmentuse',
            constraint=models.UniqueConstraint(fields=('segment', 'used'), name='segment_use_once'),
        ),
        migrations.AddConstraint(
            model_name='segmentuse',
            constraint=models.CheckConstraint(condition=models.Q(('segment', models.F('used')), _negated=True), name='segment_uses_another'),
        ),
        migrations.AddConstraint(
            model_name='segmentversion',
            constraint=models.UniqueConstraint(fields=('segment', 'version'), name='segment_version_once'),
        ),
        migrations.AddConstraint(
            model_name='statedcause',
            constraint=models.UniqueConstraint(fields=('case', 'cause'), name='stated_cause_once'),
        ),
    ]
