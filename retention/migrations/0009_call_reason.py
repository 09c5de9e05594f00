"""What a planned call is to talk about."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("retention", "0008_vacuum_measures_early"),
    ]

    operations = [
        migrations.AddField(
            model_name='followupcall',
            name='reason',
            field=models.CharField(blank=True, db_default='', max_length=500, verbose_name='what to talk about'),
        ),
    ]
