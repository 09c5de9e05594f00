"""The customer file: what 0.3.0 keeps of a customer beside the sales.

Made of one piece, so that a new database is there sooner.
"""

import customers.ground.bytewise
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models

from customers.ground.migrating import OnPostgres


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0010_name_pairs'),
    ]

    operations = [
        migrations.CreateModel(
            name='Address',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurred_at', models.DateTimeField()),
                ('occurred_day', models.IntegerField()),
                ('recorded_at', models.DateTimeField()),
                ('recorded_assumed', models.BooleanField(default=False)),
                ('ingested_at', models.DateTimeField(auto_now_add=True)),
                ('void', models.BooleanField(default=False)),
                ('country', models.CharField(blank=True, max_length=2)),
                ('region', models.CharField(blank=True, max_length=8)),
                ('place', models.CharField(blank=True, max_length=12)),
            ],
        ),
        migrations.CreateModel(
            name='AddressVersion',
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
                ('country', models.CharField(blank=True, max_length=2)),
                ('region', models.CharField(blank=True, max_length=8)),
                ('place', models.CharField(blank=True, max_length=12)),
            ],
            options={
                'db_table': 'customers_address_version',
            },
        ),
        migrations.CreateModel(
            name='Attachment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('type', models.CharField(max_length=8)),
                ('size', models.BigIntegerField()),
                ('stored_as', models.CharField(max_length=32, unique=True)),
                ('added_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='CalendarLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret_hash', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('service', 'service'), ('survey', 'surveys'), ('offer', 'offers and marketing'), ('care', 'care'), ('profiling', 'profiling')], max_length=12, verbose_name='purpose')),
                ('channel', models.CharField(blank=True, choices=[('phone', 'phone'), ('email', 'e-mail'), ('sms', 'text message'), ('messenger', 'messenger'), ('post', 'post')], max_length=12, verbose_name='channel')),
                ('is_given', models.BooleanField(verbose_name='given')),
                ('source', models.CharField(choices=[('form', 'form'), ('call', 'call'), ('import', 'import'), ('link', 'link'), ('merge', 'merge of two records')], max_length=8, verbose_name='source')),
                ('occurred_at', models.DateTimeField()),
                ('recorded_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='ConsentText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=64, verbose_name='code')),
                ('version', models.PositiveIntegerField(verbose_name='version')),
                ('text_en', models.TextField(blank=True, verbose_name='text in English')),
                ('text_zh', models.TextField(blank=True, verbose_name='text in Chinese')),
                ('valid_from', models.DateField(verbose_name='valid from')),
            ],
            options={
                'ordering': ['code', '-version'],
            },
        ),
        migrations.CreateModel(
            name='CustomerList',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=64, unique=True)),
                ('made_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='CustomerListMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurred_at', models.DateTimeField()),
                ('occurred_day', models.IntegerField()),
                ('recorded_at', models.DateTimeField()),
                ('recorded_assumed', models.BooleanField(default=False)),
                ('ingested_at', models.DateTimeField(auto_now_add=True)),
                ('void', models.BooleanField(default=False)),
                ('is_member', models.BooleanField(default=True)),
            ],
        ),
        migrations.CreateModel(
            name='CustomerListMemberVersion',
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
                ('list_id', models.BigIntegerField()),
                ('is_member', models.BooleanField(default=True)),
            ],
            options={
                'db_table': 'customers_customerlistmember_version',
            },
        ),
        migrations.CreateModel(
            name='DuplicateKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sign', models.SmallIntegerField(choices=[(1, 'same name and place'), (2, 'same e-mail address'), (4, 'same phone number'), (8, 'same registration number')])),
                ('key', models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='DuplicateProposal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('signs', models.SmallIntegerField()),
                ('state', models.CharField(choices=[('open', 'open'), ('merged', 'merged'), ('not_a_duplicate', 'not a duplicate')], default='open', max_length=16)),
                ('found_at', models.DateTimeField()),
                ('decided_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='DuplicateSearch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.IntegerField(unique=True)),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('found', models.IntegerField(default=0)),
                ('left_out', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='ErasedName',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=64)),
                ('kind', models.CharField(max_length=32)),
                ('digest', models.CharField(max_length=64)),
                ('erased_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='ErasureBook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.UUIDField(default=uuid.uuid4)),
            ],
        ),
        migrations.CreateModel(
            name='ErasureReceipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(max_length=32, unique=True)),
                ('person', models.CharField(choices=[('contact', 'contact'), ('customer', 'customer')], max_length=8)),
                ('object_id', models.BigIntegerField()),
                ('reason', models.CharField(choices=[('request', 'the person asked for it'), ('withdrawn', 'consent was withdrawn'), ('period', 'the retention period is over'), ('unlawful', 'the data should not have been collected'), ('other', 'another reason')], max_length=12)),
                ('counts', models.JSONField(default=dict)),
                ('names', models.PositiveIntegerField(default=0)),
                ('at', models.DateTimeField()),
                ('is_replay', models.BooleanField(default=False)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='HistoryTakenBack',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('noted_at', models.DateTimeField(auto_now_add=True)),
                ('facts', models.BigIntegerField()),
                ('recorded_from', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='ImportChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('model', models.CharField(max_length=64)),
                ('object_id', models.BigIntegerField()),
                ('is_new', models.BooleanField()),
                ('before', models.JSONField(default=dict)),
                ('sealed_id', models.BigIntegerField(null=True)),
                ('at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='ImportProfile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('kind', models.CharField(max_length=32)),
                ('mapping', models.JSONField(default=dict)),
                ('prefix', models.CharField(max_length=16)),
                ('secret_hash', models.CharField(max_length=64, unique=True)),
                ('made_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
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
        migrations.CreateModel(
            name='KeepPeriod',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=32, unique=True)),
                ('months', models.PositiveSmallIntegerField(null=True, verbose_name='months')),
            ],
        ),
        migrations.CreateModel(
            name='MainContactChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurred_at', models.DateTimeField()),
                ('occurred_day', models.IntegerField()),
                ('recorded_at', models.DateTimeField()),
                ('recorded_assumed', models.BooleanField(default=False)),
                ('ingested_at', models.DateTimeField(auto_now_add=True)),
                ('void', models.BooleanField(default=False)),
                ('kind', models.CharField(choices=[('left', 'the main contact left'), ('followed', 'another main contact followed')], max_length=8)),
            ],
        ),
        migrations.CreateModel(
            name='MainContactChangeVersion',
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
                ('kind', models.CharField(max_length=8)),
                ('contact_id', models.BigIntegerField()),
            ],
            options={
                'db_table': 'customers_maincontactchange_version',
            },
        ),
        migrations.CreateModel(
            name='Merge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.TextField(blank=True, verbose_name='reason')),
                ('moved', models.JSONField(default=dict)),
                ('made', models.JSONField(default=dict)),
                ('at', models.DateTimeField()),
                ('undone_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='MergedRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('model', models.CharField(max_length=64)),
                ('column', models.CharField(blank=True, max_length=64)),
                ('object_id', models.BigIntegerField()),
                ('before', models.JSONField(null=True)),
                ('after', models.JSONField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Need',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurred_at', models.DateTimeField()),
                ('occurred_day', models.IntegerField()),
                ('recorded_at', models.DateTimeField()),
                ('recorded_assumed', models.BooleanField(default=False)),
                ('ingested_at', models.DateTimeField(auto_now_add=True)),
                ('void', models.BooleanField(default=False)),
                ('kind', models.CharField(choices=[('need', 'need'), ('preference', 'preference'), ('dislike', 'dislikes'), ('plan', 'plan')], max_length=12, verbose_name='kind')),
                ('topic', models.CharField(choices=[('product', 'product and quality'), ('price', 'price and terms'), ('delivery', 'delivery'), ('service', 'service and support'), ('contact', 'how and when to reach them'), ('personal', 'personal'), ('other', 'other')], max_length=12, verbose_name='about')),
                ('source', models.CharField(choices=[('call', 'said in a call'), ('visit', 'said at a visit or meeting'), ('message', 'written by the customer'), ('survey', 'survey'), ('complaint', 'complaint'), ('observed', 'seen by us'), ('other', 'other')], max_length=12, verbose_name='known from')),
                ('text', models.CharField(blank=True, max_length=500, verbose_name='what exactly')),
            ],
        ),
        migrations.CreateModel(
            name='NeedVersion',
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
                ('contact_id', models.BigIntegerField(null=True)),
                ('kind', models.CharField(max_length=12, verbose_name='kind')),
                ('topic', models.CharField(max_length=12, verbose_name='about')),
                ('source', models.CharField(max_length=12, verbose_name='known from')),
            ],
            options={
                'db_table': 'customers_need_version',
            },
        ),
        migrations.CreateModel(
            name='Objection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(choices=[('form', 'form'), ('call', 'call'), ('import', 'import'), ('link', 'link'), ('merge', 'merge of two records')], max_length=8, verbose_name='source')),
                ('occurred_at', models.DateTimeField()),
                ('recorded_at', models.DateTimeField()),
                ('lifted_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='OneTimeLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('first_admin', 'First Admin'), ('password', 'Password')], max_length=16)),
                ('secret_hash', models.CharField(max_length=64, unique=True)),
                ('made_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
                ('voided_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Reminder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.CharField(blank=True, max_length=500, verbose_name='what to think of')),
                ('due_at', models.DateTimeField(verbose_name='when')),
                ('made_at', models.DateTimeField()),
                ('done_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='SearchToken',
            fields=[
                ('pk', models.CompositePrimaryKey('customer_id', 'contact_id', 'kind', 'token', blank=True, editable=False, primary_key=True, serialize=False)),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.customer')),
                ('contact_id', models.BigIntegerField(default=0)),
                ('kind', models.SmallIntegerField(choices=[(1, 'Name'), (2, 'Name Alt'), (3, 'Contact'), (4, 'Pinyin'), (5, 'Initials'), (6, 'Phone'), (7, 'Email'), (8, 'Former')])),
                ('place', models.SmallIntegerField(choices=[(0, 'Start'), (1, 'Word'), (2, 'Inside'), (3, 'Tail')])),
                ('token', customers.ground.bytewise.BytewiseField(max_length=48)),
            ],
        ),
        migrations.CreateModel(
            name='SocialHandle',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('platform', models.CharField(choices=[('wechat', 'WeChat'), ('wecom', 'WeCom'), ('qq', 'QQ'), ('weibo', 'Weibo'), ('douyin', 'Douyin'), ('xiaohongshu', 'Xiaohongshu'), ('dingtalk', 'DingTalk'), ('whatsapp', 'WhatsApp'), ('linkedin', 'LinkedIn'), ('facebook', 'Facebook'), ('instagram', 'Instagram'), ('x', 'X'), ('telegram', 'Telegram'), ('line', 'LINE'), ('other', 'other')], max_length=12, verbose_name='platform')),
                ('handle', models.CharField(max_length=100, verbose_name='name there')),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['platform', 'id'],
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
            ],
        ),
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
            },
        ),
        migrations.AddField(
            model_name='attribute',
            name='choice_labels',
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name='attribute',
            name='retired_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='contact',
            name='erased_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='contact',
            name='function',
            field=models.CharField(blank=True, choices=[('management', 'management'), ('purchasing', 'purchasing'), ('finance', 'finance'), ('technical', 'technology'), ('operations', 'uses what we sell'), ('assistant', 'assistant or reception'), ('family', 'family'), ('other', 'something else')], db_default='', default='', max_length=12, verbose_name='function'),
        ),
        migrations.AddField(
            model_name='contact',
            name='is_decision_maker',
            field=models.BooleanField(db_default=False, default=False, verbose_name='decides'),
        ),
        migrations.AddField(
            model_name='contact',
            name='successor',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='customers.contact', verbose_name='successor'),
        ),
        migrations.AddField(
            model_name='contract',
            name='owner',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='contracts', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='contract',
            name='renewal',
            field=models.CharField(blank=True, choices=[('same', 'renewed'), ('renegotiated', 'renegotiated'), ('longer', 'longer term'), ('itself', 'renewed by itself')], db_default='', max_length=12),
        ),
        migrations.AddField(
            model_name='contract',
            name='renews',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='renewals', to='customers.contract'),
        ),
        migrations.AddField(
            model_name='contractversion',
            name='owner_id',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='contractversion',
            name='renewal',
            field=models.CharField(blank=True, db_default='', max_length=12),
        ),
        migrations.AddField(
            model_name='contractversion',
            name='renews_id',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='customer',
            name='country',
            field=models.CharField(blank=True, db_default='', default='', max_length=2, verbose_name='country'),
        ),
        migrations.AddField(
            model_name='customer',
            name='erased_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='customer',
            name='gone_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='customer',
            name='merged_into',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='stubs', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='customer',
            name='parent',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='customers.customer', verbose_name='parent company'),
        ),
        migrations.AddField(
            model_name='customer',
            name='postal_code',
            field=models.CharField(blank=True, db_default='', default='', max_length=20, verbose_name='postal code'),
        ),
        migrations.AddField(
            model_name='customer',
            name='region',
            field=models.CharField(blank=True, db_default='', default='', max_length=8, verbose_name='region'),
        ),
        migrations.AddField(
            model_name='customer',
            name='registration_number',
            field=models.CharField(blank=True, db_default='', default='', max_length=40, verbose_name='registration number'),
        ),
        migrations.AddField(
            model_name='customer',
            name='sort_key',
            field=customers.ground.bytewise.BytewiseField(blank=True, db_default='', default='', editable=False, max_length=100),
        ),
        migrations.AddField(
            model_name='customer',
            name='source',
            field=models.CharField(blank=True, choices=[('referral', 'recommended by a customer'), ('partner', 'by a partner'), ('sales', 'we approached them'), ('inquiry', 'they asked us'), ('website', 'website or search'), ('advertising', 'advertising'), ('social', 'social media'), ('exhibition', 'fair or event'), ('shop', 'came to the shop'), ('other', 'otherwise')], db_default='', default='', max_length=12, verbose_name='how they came to us'),
        ),
        migrations.AddField(
            model_name='customer',
            name='source_note',
            field=models.CharField(blank=True, db_default='', default='', max_length=200, verbose_name='more on that'),
        ),
        migrations.AddField(
            model_name='customer',
            name='street',
            field=models.CharField(blank=True, db_default='', default='', max_length=300, verbose_name='street and number'),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='undo_asked_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='undo_reason',
            field=models.CharField(blank=True, db_default='', max_length=500),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='undone_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='undone_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='interaction',
            name='next_step',
            field=models.CharField(blank=True, db_default='', max_length=500, verbose_name='next step'),
        ),
        migrations.AddField(
            model_name='order',
            name='delivered_day',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='promised_day',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='orderversion',
            name='delivered_day',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='orderversion',
            name='promised_day',
            field=models.IntegerField(null=True),
        ),
        migrations.AlterField(
            model_name='importbatch',
            name='status',
            field=models.CharField(choices=[('uploaded', 'uploaded'), ('waiting', 'waiting'), ('running', 'running'), ('done', 'done'), ('refused', 'could not be read'), ('undoing', 'being taken back'), ('undone', 'taken back')], default='uploaded', max_length=10),
        ),
        migrations.AddField(
            model_name='address',
            name='batch',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.importbatch'),
        ),
        migrations.AddField(
            model_name='address',
            name='customer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='customers.customer'),
        ),
        migrations.AddIndex(
            model_name='addressversion',
            index=models.Index(fields=['customer_id', 'recorded_at'], name='address_v_customer'),
        ),
        migrations.AddIndex(
            model_name='addressversion',
            index=models.Index(fields=['fact_id'], name='address_v_fact'),
        ),
        migrations.AddField(
            model_name='attachment',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='attachment',
            name='customer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='attachments', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='calendarlink',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='consent',
            name='batch',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.importbatch'),
        ),
        migrations.AddField(
            model_name='consent',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='consent',
            name='contact',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='consents', to='customers.contact'),
        ),
        migrations.AddConstraint(
            model_name='consenttext',
            constraint=models.UniqueConstraint(fields=('code', 'version'), name='consent_text_once'),
        ),
        migrations.AddField(
            model_name='consent',
            name='text',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.consenttext'),
        ),
        migrations.AddField(
            model_name='customerlistmember',
            name='batch',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.importbatch'),
        ),
        migrations.AddField(
            model_name='customerlistmember',
            name='customer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='customerlistmember',
            name='list',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='members', to='customers.customerlist'),
        ),
        migrations.AddIndex(
            model_name='customerlistmemberversion',
            index=models.Index(fields=['customer_id', 'recorded_at'], name='customerlistmemb_v_customer'),
        ),
        migrations.AddIndex(
            model_name='customerlistmemberversion',
            index=models.Index(fields=['fact_id'], name='customerlistmemb_v_fact'),
        ),
        migrations.AddField(
            model_name='duplicatekey',
            name='customer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='duplicateproposal',
            name='decided_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='duplicateproposal',
            name='high',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='duplicateproposal',
            name='low',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.customer'),
        ),
        migrations.AddConstraint(
            model_name='erasedname',
            constraint=models.UniqueConstraint(fields=('source', 'kind', 'digest'), name='erased_name_once'),
        ),
        migrations.AddConstraint(
            model_name='erasurebook',
            constraint=models.CheckConstraint(condition=models.Q(('id', 1)), name='erasure_book_one_row'),
        ),
        migrations.AddField(
            model_name='erasurereceipt',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historytakenback',
            name='batch',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='taken_back', to='customers.importbatch'),
        ),
        migrations.AddField(
            model_name='importchange',
            name='batch',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='customers.importbatch'),
        ),
        migrations.AddField(
            model_name='importprofile',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='profile',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='customers.importprofile'),
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
        migrations.AddConstraint(
            model_name='keepperiod',
            constraint=models.CheckConstraint(condition=models.Q(('months__isnull', True), models.Q(('months__gte', 1), ('months__lte', 600)), _connector='OR'), name='keep_months_sane'),
        ),
        migrations.AddField(
            model_name='maincontactchange',
            name='batch',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.importbatch'),
        ),
        migrations.AddField(
            model_name='maincontactchange',
            name='contact',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.contact'),
        ),
        migrations.AddField(
            model_name='maincontactchange',
            name='customer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='customers.customer'),
        ),
        migrations.AddIndex(
            model_name='maincontactchangeversion',
            index=models.Index(fields=['customer_id', 'recorded_at'], name='maincontactchang_v_customer'),
        ),
        migrations.AddIndex(
            model_name='maincontactchangeversion',
            index=models.Index(fields=['fact_id'], name='maincontactchang_v_fact'),
        ),
        migrations.AddField(
            model_name='merge',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='merge',
            name='merged',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='merge',
            name='survivor',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='merges', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='merge',
            name='undone_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='mergedrow',
            name='merge',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='customers.merge'),
        ),
        migrations.AddField(
            model_name='need',
            name='batch',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.importbatch'),
        ),
        migrations.AddField(
            model_name='need',
            name='contact',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='needs', to='customers.contact'),
        ),
        migrations.AddField(
            model_name='need',
            name='customer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='customers.customer'),
        ),
        migrations.AddIndex(
            model_name='needversion',
            index=models.Index(fields=['customer_id', 'recorded_at'], name='need_v_customer'),
        ),
        migrations.AddIndex(
            model_name='needversion',
            index=models.Index(fields=['fact_id'], name='need_v_fact'),
        ),
        migrations.AddField(
            model_name='objection',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='objection',
            name='contact',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='objections', to='customers.contact'),
        ),
        migrations.AddField(
            model_name='objection',
            name='customer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='objections', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='objection',
            name='lifted_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='onetimelink',
            name='made_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='onetimelink',
            name='user',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='links', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='reminder',
            name='customer',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reminders', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='reminder',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reminders', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='socialhandle',
            name='contact',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='social_handles', to='customers.contact'),
        ),
        migrations.AddField(
            model_name='socialhandle',
            name='customer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='social_handles', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='usage',
            name='batch',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.importbatch'),
        ),
        migrations.AddField(
            model_name='usage',
            name='customer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='usage',
            name='product',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.product'),
        ),
        migrations.AddField(
            model_name='usage',
            name='metric',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.usagemetric'),
        ),
        migrations.AddIndex(
            model_name='usageversion',
            index=models.Index(fields=['customer_id', 'recorded_at'], name='usage_v_customer'),
        ),
        migrations.AddIndex(
            model_name='usageversion',
            index=models.Index(fields=['fact_id'], name='usage_v_fact'),
        ),
        migrations.AddIndex(
            model_name='address',
            index=models.Index(fields=['customer', 'occurred_at', 'id', 'recorded_at', 'place', 'occurred_day', 'void'], name='address_pass'),
        ),
        migrations.AddIndex(
            model_name='attachment',
            index=models.Index(fields=['customer', '-id'], name='attachment_customer'),
        ),
        migrations.AddConstraint(
            model_name='calendarlink',
            constraint=models.UniqueConstraint(condition=models.Q(('revoked_at__isnull', True)), fields=('user',), name='calendar_link_one'),
        ),
        migrations.AddIndex(
            model_name='consent',
            index=models.Index(fields=['contact', 'purpose', 'channel', 'is_given', '-occurred_at'], name='consent_state'),
        ),
        migrations.AddConstraint(
            model_name='consent',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('channel', ''), ('purpose', 'profiling')), models.Q(models.Q(('purpose', 'profiling'), _negated=True), models.Q(('channel', ''), _negated=True)), _connector='OR'), name='consent_channel_unless_profiling'),
        ),
        migrations.AddIndex(
            model_name='customerlistmember',
            index=models.Index(fields=['list', 'customer', 'occurred_at', 'id'], name='list_member_list'),
        ),
        migrations.AddIndex(
            model_name='customerlistmember',
            index=models.Index(fields=['customer', 'list'], name='list_member_customer'),
        ),
        migrations.AddIndex(
            model_name='duplicatekey',
            index=models.Index(fields=['sign', 'key', 'customer'], name='duplicate_key_shared'),
        ),
        migrations.AddConstraint(
            model_name='duplicatekey',
            constraint=models.UniqueConstraint(fields=('customer', 'sign', 'key'), name='duplicate_key_once'),
        ),
        migrations.AddIndex(
            model_name='duplicateproposal',
            index=models.Index(fields=['state', '-signs', '-id'], name='duplicate_list'),
        ),
        migrations.AddConstraint(
            model_name='duplicateproposal',
            constraint=models.UniqueConstraint(fields=('low', 'high'), name='duplicate_pair_once'),
        ),
        migrations.AddConstraint(
            model_name='duplicateproposal',
            constraint=models.CheckConstraint(condition=models.Q(('low__lt', models.F('high'))), name='duplicate_pair_in_order'),
        ),
        migrations.AddIndex(
            model_name='erasurereceipt',
            index=models.Index(fields=['person', 'object_id'], name='erasure_receipt_person'),
        ),
        migrations.AddIndex(
            model_name='historytakenback',
            index=models.Index(fields=['noted_at'], name='history_taken_back'),
        ),
        migrations.AddIndex(
            model_name='importchange',
            index=models.Index(fields=['batch', 'model', 'id'], name='import_change_batch'),
        ),
        migrations.AddIndex(
            model_name='importchange',
            index=models.Index(fields=['model', 'object_id'], name='import_change_object'),
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
        migrations.AddIndex(
            model_name='maincontactchange',
            index=models.Index(fields=['customer', 'occurred_at', 'id', 'recorded_at', 'kind', 'occurred_day', 'void'], name='main_contact_pass'),
        ),
        migrations.AddIndex(
            model_name='maincontactchange',
            index=models.Index(fields=['contact'], name='main_contact_contact'),
        ),
        migrations.AddIndex(
            model_name='merge',
            index=models.Index(fields=['survivor', '-at'], name='merge_survivor'),
        ),
        migrations.AddConstraint(
            model_name='merge',
            constraint=models.UniqueConstraint(condition=models.Q(('undone_at__isnull', True)), fields=('merged',), name='merge_once_standing'),
        ),
        migrations.AddConstraint(
            model_name='merge',
            constraint=models.CheckConstraint(condition=models.Q(('survivor', models.F('merged')), _negated=True), name='merge_of_two'),
        ),
        migrations.AddConstraint(
            model_name='mergedrow',
            constraint=models.UniqueConstraint(fields=('merge', 'model', 'column', 'object_id'), name='merged_row_once'),
        ),
        migrations.AddIndex(
            model_name='need',
            index=models.Index(fields=['customer', 'occurred_at', 'id'], name='need_customer'),
        ),
        migrations.AddIndex(
            model_name='need',
            index=models.Index(fields=['contact'], name='need_contact'),
        ),
        migrations.AddIndex(
            model_name='objection',
            index=models.Index(condition=models.Q(('lifted_at__isnull', True)), fields=['customer'], name='objection_standing'),
        ),
        migrations.AddIndex(
            model_name='objection',
            index=models.Index(fields=['customer', '-occurred_at'], name='objection_customer'),
        ),
        migrations.AddConstraint(
            model_name='onetimelink',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('purpose', 'first_admin'), ('user__isnull', True)), models.Q(('purpose', 'password'), ('user__isnull', False)), _connector='OR'), name='link_user_by_purpose'),
        ),
        migrations.AddConstraint(
            model_name='onetimelink',
            constraint=models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('made_at'))), name='link_expires'),
        ),
        migrations.AddConstraint(
            model_name='onetimelink',
            constraint=models.UniqueConstraint(condition=models.Q(('used_at__isnull', True), ('user__isnull', True), ('voided_at__isnull', True)), fields=('purpose',), name='link_one_for_first_admin'),
        ),
        migrations.AddConstraint(
            model_name='onetimelink',
            constraint=models.UniqueConstraint(condition=models.Q(('used_at__isnull', True), ('voided_at__isnull', True)), fields=('user',), name='link_one_for_user'),
        ),
        migrations.AddIndex(
            model_name='reminder',
            index=models.Index(condition=models.Q(('done_at__isnull', True)), fields=['user', 'due_at', 'id'], name='reminder_waiting'),
        ),
        migrations.AddIndex(
            model_name='reminder',
            index=models.Index(fields=['user', '-done_at', '-id'], name='reminder_done'),
        ),
        migrations.AddIndex(
            model_name='reminder',
            index=models.Index(fields=['customer', 'user'], name='reminder_customer'),
        ),
        migrations.AddIndex(
            model_name='searchtoken',
            index=models.Index(fields=['place', 'token', 'customer'], name='search_token_typed'),
        ),
        migrations.AddIndex(
            model_name='socialhandle',
            index=models.Index(fields=['customer', 'platform', 'id'], name='handle_customer'),
        ),
        migrations.AddIndex(
            model_name='socialhandle',
            index=models.Index(fields=['contact'], name='handle_contact'),
        ),
        migrations.AddIndex(
            model_name='socialhandle',
            index=models.Index(fields=['platform', 'handle'], name='handle_name'),
        ),
        migrations.AddIndex(
            model_name='usage',
            index=models.Index(condition=models.Q(('kind', 'use')), fields=['customer', 'occurred_day', 'occurred_at', 'recorded_at', 'milli', 'void', 'kind'], name='usage_pass'),
        ),
        migrations.AddIndex(
            model_name='usage',
            index=models.Index(condition=models.Q(('kind', 'balance')), fields=['customer', 'metric', 'product', '-occurred_at', '-id', 'occurred_day', 'recorded_at', 'milli', 'void', 'kind'], name='balance_pass'),
        ),
        migrations.AddIndex(
            model_name='usage',
            index=models.Index(fields=['occurred_day', 'customer'], name='usage_crossing'),
        ),
        OnPostgres(  # as for the other facts, see 0004
            "ALTER TABLE customers_usage SET (autovacuum_vacuum_scale_factor = 0.005,"
            " autovacuum_vacuum_insert_scale_factor = 0.005, autovacuum_analyze_scale_factor = 0.02,"
            " autovacuum_vacuum_cost_limit = 2000)",
            "ALTER TABLE customers_usage RESET (autovacuum_vacuum_scale_factor,"
            " autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor,"
            " autovacuum_vacuum_cost_limit)",
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
