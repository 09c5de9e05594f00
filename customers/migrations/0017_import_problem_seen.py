"""When somebody opened a run of a recurring import that had gone badly."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0016_indicators'),
    ]

    operations = [
        migrations.AddField(
            model_name='importbatch',
            name='problem_seen_at',
            field=models.DateTimeField(null=True),
        ),
    ]
