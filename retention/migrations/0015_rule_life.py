"""What the life of a rule needs: states, silences, hold-outs, days that it must hold, who gets its work."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0016_indicators'),
        ('retention', '0014_backtests'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Holdout',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('bucket', models.PositiveSmallIntegerField()),
                ('share', models.PositiveSmallIntegerField()),
                ('is_held_out', models.BooleanField()),
                ('drawn_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='HoldoutProgramme',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('share', models.PositiveSmallIntegerField(default=0)),
                ('salt', models.CharField(max_length=64)),
                ('started_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='PendingMatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since_day', models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='RuleMove',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('before', models.CharField(choices=[('draft', 'draft'), ('shadow', 'shadow'), ('limited', 'limited'), ('live', 'live'), ('retired', 'retired')], max_length=8)),
                ('after', models.CharField(choices=[('draft', 'draft'), ('shadow', 'shadow'), ('limited', 'limited'), ('live', 'live'), ('retired', 'retired')], max_length=8)),
                ('version', models.PositiveIntegerField()),
                ('at', models.DateTimeField()),
                ('reason', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'ordering': ['at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Silence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_at', models.DateTimeField()),
                ('until_day', models.IntegerField()),
                ('reason', models.CharField(max_length=300)),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-starts_at', '-id'],
            },
        ),
        migrations.AddField(
            model_name='earlywarning',
            name='no_case_because',
            field=models.CharField(blank=True, choices=[('shadow', 'the rule was in shadow'), ('cap', 'the rule had opened its cases of the day'), ('held_out', 'the customer is held out'), ('warns', 'the rule warns only')], db_default='', default='', max_length=8),
        ),
        migrations.AddField(
            model_name='earlywarning',
            name='released_day',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='ruleversion',
            name='content',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='ruleversion',
            name='reason',
            field=models.CharField(blank=True, db_default='', default='', max_length=300),
        ),
        migrations.AddField(
            model_name='warningrule',
            name='cases_a_day',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='warningrule',
            name='clear_condition',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='warningrule',
            name='hold_days',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='warningrule',
            name='holdout_from',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='warningrule',
            name='holdout_salt',
            field=models.CharField(blank=True, db_default='', default='', max_length=64),
        ),
        migrations.AddField(
            model_name='warningrule',
            name='holdout_share',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='warningrule',
            name='opens_work',
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name='warningrule',
            name='retired_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='warningrule',
            name='stage',
            field=models.CharField(blank=True, choices=[('shadow', 'shadow'), ('limited', 'limited')], db_default='', default='', max_length=8),
        ),
        migrations.AddField(
            model_name='warningrule',
            name='work_person',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='warningrule',
            name='work_team',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.team'),
        ),
        migrations.AddField(
            model_name='warningrule',
            name='work_to',
            field=models.CharField(choices=[('owner', "the customer's account manager, else the team"), ('team', 'a team'), ('person', "a person, else the customer's account manager")], db_default='owner', default='owner', max_length=6),
        ),
        migrations.AlterField(
            model_name='earlywarning',
            name='closed_because',
            field=models.CharField(blank=True, choices=[('sign_gone', 'the sign is gone'), ('case_closed', 'its case was closed'), ('rule_off', 'the rule was switched off'), ('objected', 'profiling was objected to'), ('merged', 'the customer was merged with another that had the same warning'), ('rule_moved', 'the rule moved to another state')], max_length=12),
        ),
        migrations.AddField(
            model_name='holdout',
            name='customer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='holdout',
            name='rule',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='holdouts', to='retention.warningrule'),
        ),
        migrations.AddConstraint(
            model_name='holdoutprogramme',
            constraint=models.CheckConstraint(condition=models.Q(('id', 1)), name='one_holdout_programme'),
        ),
        migrations.AddField(
            model_name='pendingmatch',
            name='customer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='pendingmatch',
            name='rule',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='retention.warningrule'),
        ),
        migrations.AddField(
            model_name='rulemove',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='rulemove',
            name='rule',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='retention.warningrule'),
        ),
        migrations.AddField(
            model_name='silence',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='silence',
            name='customer',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='silences', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='silence',
            name='ended_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='silence',
            name='rule',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='silences', to='retention.warningrule'),
        ),
        migrations.AddConstraint(
            model_name='holdout',
            constraint=models.UniqueConstraint(condition=models.Q(('rule__isnull', True)), fields=('customer',), name='holdout_programme_once'),
        ),
        migrations.AddConstraint(
            model_name='holdout',
            constraint=models.UniqueConstraint(condition=models.Q(('rule__isnull', False)), fields=('customer', 'rule'), name='holdout_rule_once'),
        ),
        migrations.AddConstraint(
            model_name='pendingmatch',
            constraint=models.UniqueConstraint(fields=('rule', 'customer'), name='pending_match_once'),
        ),
        migrations.AddIndex(
            model_name='silence',
            index=models.Index(fields=['rule', 'customer', 'until_day'], name='silence_of_rule'),
        ),
    ]
