"""Columns that the order of the queue is stored in, and the customer's team."""

import datetime
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0005_api_token'),
        ('retention', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='retentioncase',
            name='team',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.team'),
        ),
        migrations.AddField(
            model_name='retentioncase',
            name='due',
            field=models.GeneratedField(db_persist=True, expression=django.db.models.functions.comparison.Coalesce('due_at', models.Value(datetime.datetime(9999, 12, 31, 0, 0, tzinfo=datetime.timezone.utc), output_field=models.DateTimeField())), output_field=models.DateTimeField()),
        ),
        migrations.AddField(
            model_name='retentioncase',
            name='rank',
            field=models.GeneratedField(db_persist=True, expression=models.Case(models.When(margin_365d__gt=3000000000000000000, then=django.db.models.expressions.CombinedExpression(models.F('severity'), '*', models.Value(-3000000000000000000))), models.When(margin_365d__gt=0, then=django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('severity'), '*', models.F('margin_365d')), '*', models.Value(-1))), default=models.Value(0)), output_field=models.BigIntegerField()),
        ),
    ]
