"""Indexes for the page of background work: what failed and is tried again, and what is dead."""

from django.db import migrations, models
from django.db.models import Q

from customers.ground.migrating import AddIndexBesideWriters

UNDONE = Q(("dead_at__isnull", True), ("done_at__isnull", True))


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("ground", "0004_rate_counter")]
    operations = [
        AddIndexBesideWriters(
            model_name="outboxrow",
            index=models.Index(
                condition=UNDONE & ~Q(error=""), fields=["due_at", "id"], name="outbox_failed"
            ),
        ),
        AddIndexBesideWriters(
            model_name="outboxrow",
            index=models.Index(condition=Q(dead_at__isnull=False), fields=["id"], name="outbox_dead"),
        ),
    ]
