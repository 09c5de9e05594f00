"""The warnings of a run by customer: workers on several shards of one run ask each for its own."""

from django.db import migrations, models

from customers.ground.migrating import AddIndexBesideWriters, DropIndexOnce


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("retention", "0006_warning_news")]
    operations = [
        AddIndexBesideWriters(
            model_name="earlywarning",
            index=models.Index(fields=["sweep_run", "customer"], name="warning_run_customer"),
        ),
        DropIndexOnce(model_name="earlywarning", name="warning_run"),
    ]
