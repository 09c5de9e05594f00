"""The newest warnings that ask for somebody, for the first page."""

from django.db import migrations, models
from django.db.models import Q

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("retention", "0005_sweep_shards")]
    operations = [
        AddIndexBesideWriters(
            model_name="earlywarning",
            index=models.Index(
                fields=["-raised_at", "-id"], condition=Q(state="open", is_baseline=False), name="warning_news"
            ),
        ),
    ]
