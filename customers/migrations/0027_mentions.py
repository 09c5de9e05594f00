"""How a mention was judged, and feeds and hooks that bring mentions."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0026_public_intake'),
        ('ground', '0006_task_run'),
    ]

    operations = [
        migrations.CreateModel(
            name='MentionCall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('call_id', models.CharField(max_length=200)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='MentionFeed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('url', models.URLField(max_length=1000, unique=True, verbose_name='address')),
                ('platform', models.CharField(choices=[('weibo', 'Weibo'), ('xiaohongshu', 'Xiaohongshu'), ('douyin', 'Douyin'), ('dianping', 'Dianping'), ('google', 'Google reviews'), ('app_store', 'app store'), ('x', 'X'), ('facebook', 'Facebook'), ('instagram', 'Instagram'), ('linkedin', 'LinkedIn'), ('web', 'website or feed'), ('other', 'other')], default='web', max_length=12, verbose_name='platform')),
                ('is_active', models.BooleanField(default=True, verbose_name='in use')),
                ('made_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('looked_at', models.DateTimeField(null=True)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('problem', models.CharField(blank=True, choices=[('not_reached', 'not reached, or an address that is not called'), ('no_answer', 'no whole answer in time'), ('moved', 'it has moved: enter the new address'), ('refused', 'the site refused it'), ('too_large', 'larger than 2 MB'), ('not_a_feed', 'not a feed that can be read')], max_length=12)),
                ('etag', models.CharField(blank=True, max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name='MentionHook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('hook', models.CharField(max_length=43, unique=True)),
                ('is_active', models.BooleanField(default=True, verbose_name='in use')),
                ('made_at', models.DateTimeField()),
                ('called_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='mention',
            name='judged',
            field=models.CharField(choices=[('rating', 'the stars'), ('text', 'the text'), ('person', 'a colleague')], db_default='text', default='text', max_length=6, verbose_name='told by'),
        ),
        migrations.AddField(
            model_name='mentionversion',
            name='judged',
            field=models.CharField(db_default='text', default='text', max_length=6, verbose_name='told by'),
        ),
        migrations.AlterField(
            model_name='socialhandle',
            name='platform',
            field=models.CharField(choices=[('wechat', 'WeChat'), ('wecom', 'WeCom'), ('qq', 'QQ'), ('weibo', 'Weibo'), ('douyin', 'Douyin'), ('xiaohongshu', 'Xiaohongshu'), ('dingtalk', 'DingTalk'), ('whatsapp', 'WhatsApp'), ('linkedin', 'LinkedIn'), ('facebook', 'Facebook'), ('instagram', 'Instagram'), ('x', 'X'), ('telegram', 'Telegram'), ('line', 'LINE'), ('dianping', 'Dianping'), ('google', 'Google reviews'), ('app_store', 'app store'), ('other', 'other')], max_length=12, verbose_name='platform'),
        ),
        migrations.AddIndex(
            model_name='mention',
            index=models.Index(condition=models.Q(('customer__isnull', True), ('void', False)), fields=['-occurred_at', '-id'], name='mention_open'),
        ),
        migrations.AddIndex(
            model_name='mentionfeed',
            index=models.Index(condition=models.Q(('is_active', True)), fields=['due_at', 'id'], name='mention_feed_due'),
        ),
        migrations.AddField(
            model_name='mentionhook',
            name='sealed',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ground.sealedvalue'),
        ),
        migrations.AddField(
            model_name='mentioncall',
            name='hook',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='calls', to='customers.mentionhook'),
        ),
        migrations.AddIndex(
            model_name='mentioncall',
            index=models.Index(fields=['at'], name='mention_call_old'),
        ),
        migrations.AddConstraint(
            model_name='mentioncall',
            constraint=models.UniqueConstraint(fields=('hook', 'call_id'), name='mention_call_once'),
        ),
    ]
