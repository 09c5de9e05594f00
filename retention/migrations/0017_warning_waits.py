"""The warnings that wait for the days on which their rule may open cases, made beside writers."""

from django.db import migrations, models
from django.db.models import Q

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("retention", "0016_losses_and_standing")]
    operations = [
        AddIndexBesideWriters(
            model_name="earlywarning",
            index=models.Index(
                fields=["rule", "released_day"],
                condition=Q(no_case_because="cap") | Q(released_day__isnull=False),
                name="warning_waits",
            ),
        ),
    ]
