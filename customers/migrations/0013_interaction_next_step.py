"""What was agreed in a contact, or is to be done next."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0012_reminders")]

    operations = [
        migrations.AddField(
            model_name='interaction',
            name='next_step',
            field=models.CharField(blank=True, db_default='', max_length=500, verbose_name='next step'),
        ),
    ]
