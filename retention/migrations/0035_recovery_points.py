from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("retention", "0032_changes_mended"),
    ]

    operations = [
    ]
