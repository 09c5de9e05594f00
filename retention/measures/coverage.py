"""Of how many customers each measure is known, and how new the facts behind it are: a row a measure.

Counted in one statement over the wide table, and one for each table of facts, once each local day.
"""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from datetime import datetime

from django.apps import apps
from django.db import connection

from customers.company import today
from retention.measures import every, own, sources
from retention.measures.expressions import known_sql
from retention.models.measures import CustomerMeasures, MeasureCoverage


def note(*, at: datetime) -> int:
    """Count coverage and freshness of every measure unless it was done on this local day; return how many.

    Rows of measures that are gone are deleted.
    """
    day = today(at).number
    if MeasureCoverage.objects.filter(day=day).exists():
        return 0
    customers, known = _known(day)
    newest = {code: _newest_day(source.days_of, day) for code, source in sources().items()}
    made = own.known(also_retired=False).values()
    known |= own.counted(made, table=CustomerMeasures._meta.db_table, at=at)
    dated = own.newest_days(made, day=day)
    newest_of = {code: newest[measure.source] for code, measure in every().items()} | dated
    rows = [
        MeasureCoverage(
            code=code,
            day=day,
            as_of=at,
            known=known[code],
            customers=customers,
            newest_day=newest_of[code],
        )
        for code in known
    ]
    MeasureCoverage.objects.exclude(code__in=known).delete()
    MeasureCoverage.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["day", "as_of", "known", "customers", "newest_day"],
    )
    return len(rows)


def _known(day: int) -> tuple[int, dict[str, int]]:
    """Return the number of customers, and of whom each measure is known, from the wide table."""
    counts = [
        f"count(*) FILTER (WHERE {known_sql(measure.value, prefix='m.')})" for measure in every().values()
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), {', '.join(counts)} FROM {CustomerMeasures._meta.db_table} m", {"today": day}
        )
        customers, *known = cursor.fetchone()
    return customers, dict(zip(every(), known, strict=True))


def _newest_day(fact: str, day: int) -> int | None:
    """Return the local day of the newest fact of a table that had happened by ``day``."""
    table = apps.get_model(fact)._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT max(occurred_day) FROM {table} WHERE occurred_day <= %s", [day])
        found: int | None = cursor.fetchone()[0]
    return found
