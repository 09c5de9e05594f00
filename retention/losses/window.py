"""Which window fits the company: for candidate lengths, how many of the lost would have come back."""

# ruff: noqa: S608 — names of our own tables; every value is bound
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from customers import company
from customers.models import Customer, Order
from retention.measures import dialect

CANDIDATES = (30, 45, 60, 90, 120, 180, 270, 365)
ACCEPTED = 20  # percent of the lost that may come back
LEAST = 20  # silences below which a rate says nothing
SAMPLE = 20_000  # customers looked at

_ORDER = Order._meta.db_table
SILENCES = f"""
    SELECT customer_id, occurred_day, first_at,
    lead(occurred_day) OVER (PARTITION BY customer_id ORDER BY occurred_day) AS back,
    lead(first_at) OVER (PARTITION BY customer_id ORDER BY occurred_day) AS back_at
    FROM (SELECT customer_id, occurred_day, min(occurred_at) AS first_at FROM {_ORDER}
    WHERE NOT void AND is_purchase AND status <> 'cancelled' AND occurred_day <= %(today)s
    AND recorded_at < %(at)s AND occurred_at < %(at)s AND {{where}}
    GROUP BY customer_id, occurred_day) d
"""
"""From each day with an order to the next one and its first order, ``NULL`` where none has come yet."""


@dataclass(frozen=True)
class Candidate:
    """A window: how many silences reached it, and how many of these ended with an order after all."""

    days: int
    lost: int
    returned: int

    @property
    def false_churn(self) -> int | None:
        """Return the share of the "lost" who came back, in whole percent; ``None`` when nobody was lost."""
        return None if not self.lost else round(100 * self.returned / self.lost)


def candidates(*, at: datetime, windows: Sequence[int] = CANDIDATES) -> list[Candidate]:
    """Return for each window the silences that lasted so long, and those of them that ended.

    Counted over all silences between days with an order up to ``at``, of every customer or of an even
    sample of about 20,000. Silences that are under way count as lost, so that the rate of a window that
    has hardly passed is on the low side. One statement.
    """
    count = Customer.objects.count()
    each = max(1, count // SAMPLE)
    bound = {"today": company.today(at).number, "at": dialect.bind_moment(at), "each": each}
    silences = SILENCES.format(where="customer_id %% %(each)s = 0")
    sums = ", ".join(
        f"sum(CASE WHEN coalesce(back - 1, %(today)s) - occurred_day >= {int(w)} THEN 1 ELSE 0 END), "
        f"sum(CASE WHEN back - 1 - occurred_day >= {int(w)} THEN 1 ELSE 0 END)"
        for w in windows
    )
    with dialect.reading(), connection.cursor() as cursor, dialect.in_order(cursor):
        cursor.execute(f"SELECT {sums} FROM ({silences}) s", bound)
        row = [int(value or 0) for value in cursor.fetchone()]
    return [Candidate(w, row[2 * n], row[2 * n + 1]) for n, w in enumerate(windows)]


def proposed(found: Sequence[Candidate]) -> Candidate | None:
    """Return the shortest window of which at most 20 % came back, of those that say anything."""
    sound = [one for one in found if one.lost >= LEAST]
    return next((one for one in sound if one.returned * 100 <= one.lost * ACCEPTED), None)
