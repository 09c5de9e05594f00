"""Warnings that somebody said are no sign, and drafts proposed in the place of a rule."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0017_import_problem_seen'),
        ('retention', '0017_warning_waits'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Dismissal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(choices=[('usual', 'usual for this customer or this season'), ('one_off', 'it has a reason that passes'), ('known', 'known already and taken care of'), ('wrong_data', 'the data is wrong or late'), ('too_early', 'too early to mean anything')], max_length=10, verbose_name='reason')),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name='warningrule',
            name='replaces',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, db_index=False, related_name='replacements', to='retention.warningrule'),
        ),
        migrations.AlterField(
            model_name='casemove',
            name='kind',
            field=models.CharField(choices=[('opened', 'opened the case'), ('joined', 'added a new reason to the case'), ('assigned', 'gave the case to somebody'), ('reassigned', 'gave the case to somebody else'), ('unassigned', 'took the case back'), ('working', 'began to work on the case'), ('planned', 'planned a call'), ('called', 'logged a call'), ('needs_data', 'found that the phone number is wrong'), ('do_not_call', 'noted that the customer wants no calls'), ('escalated', 'escalated an overdue call'), ('diagnosed', 'entered the diagnosis'), ('closed', 'closed the case'), ('recovered', 'closed the case: the signs are gone'), ('objected', 'closed the case: profiling was objected to'), ('merged', 'made one case of two'), ('parted', 'made two cases of one again'), ('dismissed', 'said that a warning is no sign')], max_length=16),
        ),
        migrations.AlterField(
            model_name='earlywarning',
            name='closed_because',
            field=models.CharField(blank=True, choices=[('sign_gone', 'the sign is gone'), ('case_closed', 'its case was closed'), ('rule_off', 'the rule was switched off'), ('objected', 'profiling was objected to'), ('merged', 'the customer was merged with another that had the same warning'), ('rule_moved', 'the rule moved to another state'), ('dismissed', 'somebody said that it is no sign')], max_length=12),
        ),
        migrations.AddField(
            model_name='dismissal',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='dismissal',
            name='warning',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='dismissal', to='retention.earlywarning'),
        ),
    ]
