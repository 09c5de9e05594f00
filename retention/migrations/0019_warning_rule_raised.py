"""What a rule raised in a span of time, made beside writers."""

from django.db import migrations, models

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("retention", "0018_rule_health")]
    operations = [
        AddIndexBesideWriters(
            model_name="earlywarning",
            index=models.Index(fields=["rule", "raised_at"], name="warning_rule_raised"),
        ),
    ]
