"""All tables of this app as 0006_task_run left them, made at once in a new database.

A database that one of the migrations below made goes their way, one by one; this one then counts as done.
"""

import django.db.models.deletion
from django.db import migrations, models

from customers.ground.migrating import TablesAtOnce


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('ground', '0001_initial'),
        ('ground', '0002_work_watched'),
        ('ground', '0003_api_answer'),
        ('ground', '0004_rate_counter'),
        ('ground', '0005_outbox_watched'),
        ('ground', '0006_task_run'),
    ]

    dependencies = [
    ]

    operations = [
        TablesAtOnce([
            migrations.CreateModel(
                name='CalendarException',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('day', models.DateField(unique=True)),
                    ('windows', models.JSONField(default=list)),
                    ('label', models.CharField(blank=True, max_length=100)),
                    ('is_own', models.BooleanField(default=False)),
                ],
            ),
            migrations.CreateModel(
                name='HolderKey',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('holder', models.CharField(max_length=64, unique=True)),
                    ('wrapped', models.BinaryField()),
                ],
            ),
            migrations.CreateModel(
                name='RateCounter',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('holder', models.CharField(max_length=64, unique=True)),
                    ('minute', models.BigIntegerField()),
                    ('taken', models.IntegerField()),
                ],
            ),
            migrations.CreateModel(
                name='TaskRun',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('task', models.CharField(max_length=100, unique=True)),
                    ('finished_at', models.DateTimeField()),
                    ('seconds', models.FloatField()),
                    ('is_done', models.BooleanField()),
                ],
            ),
            migrations.CreateModel(
                name='ApiAnswer',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('holder', models.CharField(max_length=64)),
                    ('key_hash', models.CharField(max_length=64)),
                    ('fingerprint', models.CharField(max_length=64)),
                    ('status', models.PositiveSmallIntegerField(default=0)),
                    ('answer', models.BinaryField()),
                    ('made_at', models.DateTimeField(db_index=True)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('holder', 'key_hash'), name='api_answer_once')],
                },
            ),
            migrations.CreateModel(
                name='AuditEvent',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField(db_index=True)),
                    ('actor_id', models.BigIntegerField(null=True)),
                    ('act', models.CharField(max_length=64)),
                    ('object_type', models.CharField(blank=True, max_length=64)),
                    ('object_id', models.BigIntegerField(null=True)),
                    ('customer_id', models.BigIntegerField(db_index=True, null=True)),
                    ('channel', models.CharField(max_length=16)),
                    ('address', models.GenericIPAddressField(null=True)),
                    ('request_id', models.CharField(blank=True, max_length=64)),
                    ('caused_by', models.CharField(blank=True, db_default='', default='', max_length=64)),
                    ('codes', models.JSONField(default=dict)),
                ],
                options={
                    'indexes': [models.Index(fields=['object_type', 'object_id'], name='audit_object')],
                },
            ),
            migrations.CreateModel(
                name='BackgroundRun',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=64)),
                    ('slot', models.CharField(max_length=64)),
                    ('status', models.CharField(choices=[('running', 'running'), ('done', 'done'), ('failed', 'failed')], default='running', max_length=8)),
                    ('started_at', models.DateTimeField()),
                    ('finished_at', models.DateTimeField(null=True)),
                    ('lease_until', models.DateTimeField()),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('name', 'slot'), name='run_once_a_slot')],
                },
            ),
            migrations.CreateModel(
                name='ClockOffset',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('offset_us', models.BigIntegerField()),
                ],
                options={
                    'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='clock_one_row')],
                },
            ),
            migrations.CreateModel(
                name='Company',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(blank=True, max_length=200)),
                    ('language', models.CharField(default='en', max_length=10)),
                    ('base_currency', models.CharField(max_length=3)),
                    ('time_zone', models.CharField(max_length=64)),
                    ('default_margin_bp', models.PositiveIntegerField(default=3000)),
                    ('calendar_country', models.CharField(blank=True, max_length=2)),
                    ('week', models.JSONField(default=list)),
                    ('is_demo', models.BooleanField(default=False)),
                ],
                options={
                    'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='company_one_row'), models.CheckConstraint(condition=models.Q(('default_margin_bp__lte', 10000)), name='company_margin_share')],
                },
            ),
            migrations.CreateModel(
                name='Event',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(max_length=64)),
                    ('customer_id', models.BigIntegerField(db_index=True, null=True)),
                    ('subject_type', models.CharField(blank=True, max_length=64)),
                    ('subject_id', models.BigIntegerField(null=True)),
                    ('occurred_at', models.DateTimeField()),
                    ('data', models.JSONField(default=dict)),
                ],
                options={
                    'indexes': [models.Index(fields=['subject_type', 'subject_id'], name='event_subject')],
                },
            ),
            migrations.CreateModel(
                name='ExchangeRate',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('currency', models.CharField(max_length=3)),
                    ('day', models.DateField()),
                    ('rate', models.DecimalField(decimal_places=8, max_digits=18)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('currency', 'day'), name='rate_once_a_day'), models.CheckConstraint(condition=models.Q(('rate__gt', 0)), name='rate_positive')],
                },
            ),
            migrations.CreateModel(
                name='Heartbeat',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('process', models.CharField(max_length=12)),
                    ('kind', models.CharField(choices=[('web', 'web'), ('worker', 'worker'), ('beat', 'scheduler')], max_length=8)),
                    ('host', models.CharField(max_length=255)),
                    ('pid', models.PositiveIntegerField()),
                    ('started_at', models.DateTimeField()),
                    ('seen_at', models.DateTimeField()),
                    ('doing', models.CharField(blank=True, max_length=100)),
                    ('since', models.DateTimeField(null=True)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('process', 'kind'), name='heartbeat_once')],
                },
            ),
            migrations.CreateModel(
                name='SealedValue',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('holder', models.CharField(db_index=True, max_length=64)),
                    ('subject_type', models.CharField(max_length=64)),
                    ('subject_id', models.BigIntegerField()),
                    ('sealed', models.BinaryField()),
                ],
                options={
                    'indexes': [models.Index(fields=['subject_type', 'subject_id'], name='sealed_subject')],
                },
            ),
            migrations.CreateModel(
                name='Tally',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('metric', models.CharField(max_length=64)),
                    ('labels', models.CharField(blank=True, max_length=255)),
                    ('value', models.FloatField(default=0)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('metric', 'labels'), name='tally_once')],
                },
            ),
            migrations.CreateModel(
                name='OutboxRow',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('handler', models.CharField(max_length=100)),
                    ('payload', models.JSONField(default=dict)),
                    ('order_key', models.CharField(blank=True, max_length=100)),
                    ('dedupe_key', models.CharField(max_length=200, unique=True)),
                    ('due_at', models.DateTimeField()),
                    ('lease_until', models.DateTimeField(null=True)),
                    ('lease_token', models.CharField(blank=True, max_length=32)),
                    ('attempts', models.PositiveSmallIntegerField(default=0)),
                    ('error', models.CharField(blank=True, max_length=100)),
                    ('done_at', models.DateTimeField(null=True)),
                    ('dead_at', models.DateTimeField(null=True)),
                    ('request_id', models.CharField(blank=True, db_default='', default='', max_length=64)),
                    ('event', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ground.event')),
                ],
                options={
                    'indexes': [models.Index(condition=models.Q(('dead_at__isnull', True), ('done_at__isnull', True)), fields=['due_at', 'id'], name='outbox_due'), models.Index(condition=models.Q(('dead_at__isnull', True), ('done_at__isnull', True), models.Q(('order_key', ''), _negated=True)), fields=['order_key', 'id'], name='outbox_order'), models.Index(condition=models.Q(('dead_at__isnull', True), ('done_at__isnull', True), models.Q(('error', ''), _negated=True)), fields=['due_at', 'id'], name='outbox_failed'), models.Index(condition=models.Q(('dead_at__isnull', False)), fields=['id'], name='outbox_dead')],
                },
            ),
        ]),
    ]
