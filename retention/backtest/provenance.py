"""What a result rests on: how many moments were assumed, and up to which writing facts were seen."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from django.apps import apps
from django.db import connection

from customers import undo
from customers.ground import localtime
from retention.measures import Source, dialect, get, sources
from retention.measures.passes import EVERYONE, visible_facts
from retention.models import BacktestRun


@dataclass(frozen=True)
class Provenance:
    """Facts of the sources that were read, those whose ``recorded_at`` was assumed, the last writing."""

    facts: int
    assumed: int
    ingested_until: datetime | None

    @property
    def share(self) -> float | None:
        """Return the share of assumed moments (decision 1)."""
        return self.assumed / self.facts if self.facts else None


def of_columns(columns: Collection[str], *, as_of: datetime) -> Provenance:
    """Return the provenance of the measures in ``columns`` as of a moment: every fact known by then."""
    read = {get(code).source for code in columns}
    facts = {source.fact: source.is_ledger for code, source in sources().items() if code in read}
    found = [_of_fact(fact, as_of, is_ledger=facts[fact]) for fact in sorted(facts)]
    newest = [moment for _facts, _assumed, moment in found if moment is not None]
    return Provenance(
        sum(number for number, _assumed, _moment in found),
        sum(assumed for _facts, assumed, _moment in found),
        max(newest, default=None),
    )


def taken_back_since(run: BacktestRun, *, zone: str) -> datetime | None:
    """Return when an import was taken back that the result had counted; ``None`` while it holds.

    Losses count up to the end of the last window, so that facts of that time do as well.
    """
    if run.counted_at is None:
        return None
    end = run.last_day + run.gap_days + run.horizon_days + 1
    return undo.history_taken_back(since=run.counted_at, before=localtime.start_of_day(end, zone))


def _of_fact(fact: str, as_of: datetime, *, is_ledger: bool) -> tuple[int, int, datetime | None]:
    has = {field.name for field in apps.get_model(fact)._meta.concrete_fields}
    columns = (  # what Liuke concludes itself is written when it is recorded
        "recorded_assumed" if "recorded_assumed" in has else "false AS recorded_assumed",
        "ingested_at" if "ingested_at" in has else "recorded_at AS ingested_at",
    )
    source = Source("facts", "", fact, columns, is_ledger=is_ledger)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(CASE WHEN recorded_assumed THEN 1 ELSE 0 END), 0), "
            f"max(ingested_at) FROM ({visible_facts(source, EVERYONE, mode='past')}) f",
            {"as_of": dialect.bind_moment(as_of)},
        )
        facts, assumed, newest = cursor.fetchone()
    if isinstance(newest, str):  # SQLite keeps moments as text, in UTC
        newest = datetime.fromisoformat(newest).replace(tzinfo=UTC)
    return int(facts), int(assumed), newest
