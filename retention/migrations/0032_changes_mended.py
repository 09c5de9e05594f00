from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0030_change_enrolment'),
    ]

    operations = [
        migrations.AddField(
            model_name='changedproduct',
            name='own_day',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='changedproduct',
            name='own_known_at',
            field=models.DateTimeField(null=True),
        ),
    ]
