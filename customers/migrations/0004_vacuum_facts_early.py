"""Let autovacuum visit the tables of facts after half a percent of change.

A pass reads indexes only, as long as PostgreSQL knows that the pages behind them are visible to all. At
the default, a fifth of the table, that knowledge wears off for weeks.
"""

from django.db import migrations

from customers.ground.migrating import OnPostgres

FACTS = ["order", "orderline", "interaction", "complaintevent", "contract", "ownership", "attributevalue"]
SETTINGS = {
    "autovacuum_vacuum_scale_factor": "0.005",
    "autovacuum_vacuum_insert_scale_factor": "0.005",
    "autovacuum_analyze_scale_factor": "0.02",
    "autovacuum_vacuum_cost_limit": "2000",
}
SET = ", ".join(f"{name} = {value}" for name, value in SETTINGS.items())


class Migration(migrations.Migration):
    dependencies = [("customers", "0003_drop_replaced_indexes")]
    operations = [
        OnPostgres(
            f"ALTER TABLE customers_{fact} SET ({SET})",
            f"ALTER TABLE customers_{fact} RESET ({', '.join(SETTINGS)})",
        )
        for fact in FACTS
    ]
