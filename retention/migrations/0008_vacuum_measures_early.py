"""Room for new versions of wide rows on their own pages, and early visits of autovacuum.

Seven in a hundred rows change each night. With room on the page, the index need not be touched.
"""

from django.db import migrations

from customers.ground.migrating import OnPostgres


class Migration(migrations.Migration):
    dependencies = [("retention", "0007_warning_run_customer")]
    operations = [
        OnPostgres(
            "ALTER TABLE retention_customermeasures SET (fillfactor = 85,"
            " autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.1,"
            " autovacuum_vacuum_cost_limit = 2000)",
            "ALTER TABLE retention_customermeasures RESET (fillfactor, autovacuum_vacuum_scale_factor,"
            " autovacuum_analyze_scale_factor, autovacuum_vacuum_cost_limit)",
        )
    ]
