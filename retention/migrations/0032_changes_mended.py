from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0031_loop_mended'),
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
