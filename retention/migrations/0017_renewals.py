"""Cases before notice dates, once a term; losses of contracts that lapsed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0033_contract_renewal_indexes'),
        ("retention", "0016_stated_causes"),
    ]

    operations = [
        migrations.AddField(
            model_name='loss',
            name='contract',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='loss', to='customers.contract'),
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
    ]
