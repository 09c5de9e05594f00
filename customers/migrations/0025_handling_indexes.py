from django.db import migrations, models

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('customers', '0025_feedback_handling'),
    ]

    operations = [
        AddIndexBesideWriters(
            model_name='attachment',
            index=models.Index(condition=models.Q(('complaint__isnull', False)), fields=['complaint', '-id'], name='attachment_complaint'),
        ),
        AddIndexBesideWriters(
            model_name='complaint',
            index=models.Index(condition=models.Q(('praised__isnull', False), ('void', False)), fields=['praised', '-id'], name='complaint_praised'),
        ),
    ]
