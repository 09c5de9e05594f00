"""By when orders were promised and when they came."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("customers", "0028_invoices"),
    ]

    operations = [
        migrations.AddField(
            model_name='order',
            name='delivered_day',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='promised_day',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='orderversion',
            name='delivered_day',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='orderversion',
            name='promised_day',
            field=models.IntegerField(null=True),
        ),
    ]
