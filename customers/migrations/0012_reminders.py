"""What people want to be reminded of."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("customers", "0011_customer_gone"),
    ]

    operations = [
        migrations.CreateModel(
            name='Reminder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.CharField(blank=True, max_length=500, verbose_name='what to think of')),
                ('due_at', models.DateTimeField(verbose_name='when')),
                ('made_at', models.DateTimeField()),
                ('done_at', models.DateTimeField(null=True)),
                ('customer', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reminders', to='customers.customer')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reminders', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('done_at__isnull', True)), fields=['user', 'due_at', 'id'], name='reminder_waiting'), models.Index(fields=['user', '-done_at', '-id'], name='reminder_done'), models.Index(fields=['customer', 'user'], name='reminder_customer')],
            },
        ),
    ]
