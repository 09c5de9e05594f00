from django.db import migrations, models

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('customers', '0031_birthdays'),
    ]

    operations = [
        AddIndexBesideWriters(
            model_name='contact',
            index=models.Index(condition=models.Q(('birth_month__isnull', False)), fields=['birth_month', 'birth_day'], name='contact_birthday'),
        ),
    ]
