"""Undecided contracts by their end; a contract is renewed once."""

from django.db import migrations, models
from django.db.models import Q

from customers.ground.migrating import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0032_contract_renewals")]
    operations = [
        AddIndexBesideWriters(
            model_name="contract",
            index=models.Index(
                fields=["ends_day", "customer"],
                condition=Q(void=False, renewed_day__isnull=True, terminated_day__isnull=True),
                name="contract_undecided",
            ),
        ),
        migrations.AddConstraint(
            model_name="contract",
            constraint=models.UniqueConstraint(
                fields=["renews"], condition=Q(renews__isnull=False, void=False), name="contract_renewed_once"
            ),
        ),
    ]
