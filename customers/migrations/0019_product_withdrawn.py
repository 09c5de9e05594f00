"""From which day on a product is withdrawn, and since when we know."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0018_search_statistics'),
    ]

    operations = [
        migrations.AddField(
            model_name='product',
            name='withdrawn_day',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='product',
            name='withdrawn_known_at',
            field=models.DateTimeField(null=True),
        ),
    ]
