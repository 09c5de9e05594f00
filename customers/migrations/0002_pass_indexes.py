"""Indexes that hold all that a pass over a table of facts reads, in its order, on both databases."""

from django.db import migrations, models

from customers.ground.migrating import AddIndexBesideWriters

PASSES = {
    "complaintevent": (
        ["customer", "complaint", "-occurred_at", "-id", "recorded_at", "occurred_day", "due_day", "void", "kind"],
        "complaint_event_pass",
    ),
    "contract": (
        [
            "customer",
            "occurred_day",
            "occurred_at",
            "recorded_at",
            "value_base",
            "starts_day",
            "ends_day",
            "renewed_day",
            "terminated_day",
            "void",
            "auto_renew",
        ],
        "contract_pass",
    ),
    "interaction": (
        ["customer", "occurred_day", "occurred_at", "recorded_at", "void", "reached", "direction"],
        "interaction_pass",
    ),
    "order": (
        [
            "customer",
            "occurred_day",
            "occurred_at",
            "recorded_at",
            "sold_base",
            "returned_base",
            "margin_base",
            "void",
            "is_purchase",
            "status",
        ],
        "order_pass",
    ),
    "ownership": (
        ["customer", "occurred_at", "id", "recorded_at", "user", "occurred_day", "void"],
        "ownership_pass",
    ),
}
CROSSINGS = {
    "complaintevent": "complaint_event_crossing",
    "interaction": "interaction_crossing",
    "order": "order_crossing",
}


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0001_initial")]
    operations = [
        *(
            AddIndexBesideWriters(model_name=model, index=models.Index(fields=fields, name=name))
            for model, (fields, name) in PASSES.items()
        ),
        *(
            AddIndexBesideWriters(
                model_name=model, index=models.Index(fields=["occurred_day", "customer"], name=name)
            )
            for model, name in CROSSINGS.items()
        ),
    ]
