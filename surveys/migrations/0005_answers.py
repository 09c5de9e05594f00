"""That customers were asked, as facts; answers that came with files; the index that measures read answers by."""

import django.db.models.deletion
from django.db import migrations, models

from customers.ground.migrating import OnPostgres


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0023_reservation_follows'),
        ('surveys', '0004_distributions'),
    ]

    operations = [
        migrations.CreateModel(
            name='SurveyAsked',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurred_at', models.DateTimeField()),
                ('occurred_day', models.IntegerField()),
                ('recorded_at', models.DateTimeField()),
                ('recorded_assumed', models.BooleanField(default=False)),
                ('ingested_at', models.DateTimeField(auto_now_add=True)),
                ('void', models.BooleanField(default=False)),
                ('answered_day', models.IntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='SurveyAskedVersion',
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
                ('survey_id', models.BigIntegerField()),
                ('invitation_id', models.BigIntegerField(null=True)),
                ('contact_id', models.BigIntegerField(null=True)),
                ('answered_day', models.IntegerField(null=True)),
            ],
            options={
                'db_table': 'surveys_surveyasked_version',
            },
        ),
        migrations.RemoveIndex(
            model_name='surveyanswer',
            name='answer_pass',
        ),
        migrations.AddField(
            model_name='surveyresponseversion',
            name='asked_id',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name='surveyresponse',
            name='invitation',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='response', to='surveys.invitation'),
        ),
        migrations.AlterField(
            model_name='surveyresponseversion',
            name='invitation_id',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddIndex(
            model_name='surveyanswer',
            index=models.Index(fields=['customer', 'kind', '-occurred_at', '-id', 'occurred_day', 'recorded_at', 'number', 'points', 'void'], name='answer_newest'),
        ),
        migrations.AddField(
            model_name='surveyasked',
            name='batch',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.importbatch'),
        ),
        migrations.AddField(
            model_name='surveyasked',
            name='contact',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.contact'),
        ),
        migrations.AddField(
            model_name='surveyasked',
            name='customer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='customers.customer'),
        ),
        migrations.AddField(
            model_name='surveyasked',
            name='invitation',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='asked', to='surveys.invitation'),
        ),
        migrations.AddField(
            model_name='surveyasked',
            name='survey',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='asked', to='surveys.survey'),
        ),
        migrations.AddField(
            model_name='surveyresponse',
            name='asked',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='response', to='surveys.surveyasked'),
        ),
        migrations.AddIndex(
            model_name='surveyaskedversion',
            index=models.Index(fields=['customer_id', 'recorded_at'], name='surveyasked_v_customer'),
        ),
        migrations.AddIndex(
            model_name='surveyaskedversion',
            index=models.Index(fields=['fact_id'], name='surveyasked_v_fact'),
        ),
        migrations.AddIndex(
            model_name='surveyasked',
            index=models.Index(fields=['customer', '-occurred_at', '-id', 'occurred_day', 'recorded_at', 'answered_day', 'void'], name='asked_pass'),
        ),
        migrations.AddIndex(
            model_name='surveyasked',
            index=models.Index(fields=['occurred_day', 'customer'], name='asked_crossing'),
        ),
        migrations.AddIndex(
            model_name='surveyasked',
            index=models.Index(fields=['survey', 'occurred_day'], name='asked_survey'),
        ),
        OnPostgres(  # as for the other facts, see customers 0004
            "ALTER TABLE surveys_surveyasked SET (autovacuum_vacuum_scale_factor = 0.005,"
            " autovacuum_vacuum_insert_scale_factor = 0.005, autovacuum_analyze_scale_factor = 0.02,"
            " autovacuum_vacuum_cost_limit = 2000)",
            "ALTER TABLE surveys_surveyasked RESET (autovacuum_vacuum_scale_factor,"
            " autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor,"
            " autovacuum_vacuum_cost_limit)",
        ),
        OnPostgres(  # as for the other facts, see customers 0004
            "ALTER TABLE surveys_surveyanswer SET (autovacuum_vacuum_scale_factor = 0.005,"
            " autovacuum_vacuum_insert_scale_factor = 0.005, autovacuum_analyze_scale_factor = 0.02,"
            " autovacuum_vacuum_cost_limit = 2000)",
            "ALTER TABLE surveys_surveyanswer RESET (autovacuum_vacuum_scale_factor,"
            " autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor,"
            " autovacuum_vacuum_cost_limit)",
        ),
    ]
