"""Where tiers and scores end: limits fitted to all customers, kept by moment."""

# ruff: noqa: S608 — names of our own tables; every value is bound
from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import User
from retention.models import CustomerMeasures, CutPoints, ValuePolicy

SCORES = 5


class BadShares(Refused):
    code = "value_shares"
    message = _(
        "The shares must rise from A to C and lie between 1 and 99; the band may be 50 percent at most."
    )


def policy(moment: datetime) -> ValuePolicy:
    """Return the shares of the tiers that counted at a moment."""
    found = ValuePolicy.objects.filter(made_at__lte=moment).order_by("-made_at", "-pk").first()
    return found or ValuePolicy(made_at=moment)


def set_policy(
    *, share_a: int, share_b: int, share_c: int, band: int, by: User | None, at: datetime
) -> ValuePolicy:
    """Let other shares of the margin make the tiers, from the next night on.

    Raises :class:`BadShares`. Side effects, unless nothing changes: a ``ValuePolicy``, audit
    ``value.set_shares``.
    """
    if not (1 <= share_a < share_b < share_c <= 99 and 0 <= band <= 50):
        raise BadShares()
    shares = {"share_a": share_a, "share_b": share_b, "share_c": share_c, "band": band}
    now = policy(at)
    if now.pk and all(getattr(now, name) == value for name, value in shares.items()):
        return now
    with transaction.atomic():
        row = ValuePolicy.objects.create(**shares, made_at=at, by=by)
        audit.record("value.set_shares", obj=row, by=by, at=at, codes=shares)
    return row


def fit(*, as_of: datetime, table: str | None = None) -> CutPoints:
    """Fit the limits to the measures as of ``as_of``; those fitted for that moment before stand.

    ``table``: one that ``compute.at`` gave; the wide table when not given. A tier's limit is the
    smallest margin among the customers that, greatest first, begin below its share of all positive
    margin; customers of the same margin are of the same tier. The four limits of a score are the values at
    a fifth, two, three and four fifths of the customers with an order, worst first; a score is 1 + the
    number of limits that a value is better than, so that equal values share the lowest of their scores.
    """
    source = table or CustomerMeasures._meta.db_table
    now = policy(as_of)
    made: dict[str, Any] = {
        "tiers": _tiers(source, now),
        "recency": _limits(source, "%(today)s - last_order_day", "DESC", as_of),
        "frequency": _limits(source, "orders_365d", "ASC", as_of),
        "monetary": _limits(source, "margin_365d", "ASC", as_of),
        "band": now.band,
        "customers": _count(source),
    }
    return CutPoints.objects.get_or_create(fitted_as_of=as_of, defaults=made)[0]


def _tiers(table: str, now: ValuePolicy) -> list[int]:
    """Return the least margins of A, B and C; none when nobody brings any."""
    shares = (now.share_a, now.share_b, now.share_c)
    least = ", ".join(
        f"min(CASE WHEN before * 100 < whole * {int(share)} THEN margin_365d END)" for share in shares
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {least} FROM (SELECT margin_365d, sum(margin_365d) OVER () AS whole,"
            " sum(margin_365d) OVER (ORDER BY margin_365d DESC, customer_id"
            " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - margin_365d AS before"
            f' FROM "{table}" WHERE margin_365d > 0) m'
        )
        row = cursor.fetchone()
    return [] if row[0] is None else [int(value) for value in row]


def _limits(table: str, value: str, order: str, as_of: datetime) -> list[int]:
    """Return the four limits of a score, worst first; none without a customer that ordered."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT value FROM (SELECT value, count(*) OVER () AS n,"
            f" row_number() OVER (ORDER BY value {order}) AS place"
            f' FROM (SELECT {value} AS value FROM "{table}" WHERE last_order_day IS NOT NULL) v) p'
            " WHERE place IN ((n + 4) / 5, (2 * n + 4) / 5, (3 * n + 4) / 5, (4 * n + 4) / 5)"
            " ORDER BY place",
            {"today": company.today(as_of).number},
        )
        found = [int(row[0]) for row in cursor.fetchall()]
    # with fewer than five customers limits fall together
    return found if len(found) in (0, SCORES - 1) else _spread(found, _count_ordered(table))


def _spread(found: list[int], n: int) -> list[int]:
    places = sorted({-(-n * k // SCORES) for k in range(1, SCORES)})
    return [found[places.index(-(-n * k // SCORES))] for k in range(1, SCORES)]


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM "{table}"')
        return int(cursor.fetchone()[0])


def _count_ordered(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM "{table}" WHERE last_order_day IS NOT NULL')
        return int(cursor.fetchone()[0])
