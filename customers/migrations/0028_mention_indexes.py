import django.db.models.functions.text
from django.db import migrations, models

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('customers', '0027_mentions'),
    ]

    operations = [
        AddIndexBesideWriters(
            model_name='socialhandle',
            index=models.Index(models.F('platform'), django.db.models.functions.text.Lower('handle'), name='handle_any_case'),
        ),
    ]
