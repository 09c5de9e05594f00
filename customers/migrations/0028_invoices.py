"""Invoices with their dated steps."""

import django.db.models.deletion
from django.db import migrations, models

from customers.ground.migrating import OnPostgres


class Migration(migrations.Migration):

    dependencies = [
        ("customers", "0027_usage"),
    ]

    operations = [
        migrations.CreateModel(
            name='Invoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurred_at', models.DateTimeField()),
                ('occurred_day', models.IntegerField()),
                ('recorded_at', models.DateTimeField()),
                ('recorded_assumed', models.BooleanField(default=False)),
                ('ingested_at', models.DateTimeField(auto_now_add=True)),
                ('void', models.BooleanField(default=False)),
                ('number', models.CharField(blank=True, max_length=64)),
                ('currency', models.CharField(max_length=3)),
                ('amount', models.BigIntegerField()),
                ('amount_base', models.BigIntegerField()),
                ('due_day', models.IntegerField()),
                ('settled', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='InvoiceEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurred_at', models.DateTimeField()),
                ('occurred_day', models.IntegerField()),
                ('recorded_at', models.DateTimeField()),
                ('recorded_assumed', models.BooleanField(default=False)),
                ('ingested_at', models.DateTimeField(auto_now_add=True)),
                ('void', models.BooleanField(default=False)),
                ('kind', models.CharField(choices=[('issued', 'issued'), ('paid', 'paid'), ('failed', 'payment failed'), ('written_off', 'written off')], max_length=12)),
                ('amount', models.BigIntegerField()),
                ('amount_base', models.BigIntegerField()),
                ('due_day', models.IntegerField(null=True)),
                ('method', models.CharField(blank=True, choices=[('transfer', 'bank transfer'), ('card', 'card'), ('debit', 'direct debit'), ('alipay', 'Alipay'), ('wechat', 'WeChat Pay'), ('cash', 'cash'), ('other', 'other')], max_length=8)),
            ],
        ),
        migrations.CreateModel(
            name='InvoiceEventVersion',
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
                ('invoice_id', models.BigIntegerField()),
                ('kind', models.CharField(max_length=12)),
                ('amount', models.BigIntegerField()),
                ('amount_base', models.BigIntegerField()),
                ('due_day', models.IntegerField(null=True)),
                ('method', models.CharField(blank=True, max_length=8)),
            ],
            options={
                'db_table': 'customers_invoiceevent_version',
            },
        ),
        migrations.CreateModel(
            name='InvoiceVersion',
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
                ('currency', models.CharField(max_length=3)),
                ('amount', models.BigIntegerField()),
                ('amount_base', models.BigIntegerField()),
                ('due_day', models.IntegerField()),
            ],
            options={
                'db_table': 'customers_invoice_version',
            },
        ),
        migrations.AddField(
            model_name='invoice',
            name='batch',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.importbatch'),
        ),
        migrations.AddField(
            model_name='invoice',
            name='customer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='invoiceevent',
            name='batch',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.importbatch'),
        ),
        migrations.AddField(
            model_name='invoiceevent',
            name='customer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='invoiceevent',
            name='invoice',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='customers.invoice'),
        ),
        migrations.AddIndex(
            model_name='invoiceeventversion',
            index=models.Index(fields=['customer_id', 'recorded_at'], name='invoiceevent_v_customer'),
        ),
        migrations.AddIndex(
            model_name='invoiceeventversion',
            index=models.Index(fields=['fact_id'], name='invoiceevent_v_fact'),
        ),
        migrations.AddIndex(
            model_name='invoiceversion',
            index=models.Index(fields=['customer_id', 'recorded_at'], name='invoice_v_customer'),
        ),
        migrations.AddIndex(
            model_name='invoiceversion',
            index=models.Index(fields=['fact_id'], name='invoice_v_fact'),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(fields=['customer', '-occurred_at', '-id'], name='invoice_newest'),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='invoice_amount_above_zero'),
        ),
        migrations.AddIndex(
            model_name='invoiceevent',
            index=models.Index(fields=['customer', 'invoice', 'occurred_at', 'recorded_at', 'occurred_day', 'kind', 'amount', 'amount_base', 'due_day', 'void'], name='invoice_event_pass'),
        ),
        migrations.AddIndex(
            model_name='invoiceevent',
            index=models.Index(fields=['occurred_day', 'customer'], name='invoice_event_crossing'),
        ),
        migrations.AddIndex(
            model_name='invoiceevent',
            index=models.Index(condition=models.Q(('due_day__isnull', False)), fields=['due_day', 'customer'], name='invoice_event_due'),
        ),
        migrations.AddConstraint(
            model_name='invoiceevent',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='invoice_event_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='invoiceevent',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'issued')), fields=('invoice',), name='invoice_issued_once'),
        ),
        OnPostgres(  # as for the other facts, see 0004
            "ALTER TABLE customers_invoiceevent SET (autovacuum_vacuum_scale_factor = 0.005,"
            " autovacuum_vacuum_insert_scale_factor = 0.005, autovacuum_analyze_scale_factor = 0.02,"
            " autovacuum_vacuum_cost_limit = 2000)",
            "ALTER TABLE customers_invoiceevent RESET (autovacuum_vacuum_scale_factor,"
            " autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor,"
            " autovacuum_vacuum_cost_limit)",
        ),
    ]
