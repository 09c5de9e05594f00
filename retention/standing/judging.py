"""Where each customer stands: written as a dated fact whenever it changes, set by set.

Tier and stage depend on what they were before, so that they cannot be computed from one moment alone:
what they were is kept, and a moment of the past reads it.
"""

# ruff: noqa: S608 — names of our own tables; every value is bound
from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from customers import company, touched
from customers.ground import clock, localtime, runs
from customers.ground.models import BackgroundRun
from retention.measures import compute, dialect
from retention.measures.catalogue.orders import LEAST_PURCHASE_DAYS
from retention.measures.passes import Customers
from retention.models import CustomerMeasures, CutPoints, Loss, Standing
from retention.standing.cutting import fit, policy

NAME = "standing"  # of the nightly run in ``BackgroundRun``
FIT_EVERY = timedelta(days=7)

NEW_DAYS = 90
RETURNED_DAYS = 180
DORMANT_DAYS = 180
DORMANT_TIMES = 2  # the own interval, after 30 days at least
DORMANT_LEAST = 30
TWO_YEARS = 730
FELL, ROSE = 75, 125  # percent of the year before, from the third year on
FELL_SHORT, ROSE_SHORT = 60, 150  # percent of the 90 days before, until then

_STANDING, _LOSS = Standing._meta.db_table, Loss._meta.db_table
CODES = ("value_tier", "lifecycle_stage", "recency_score", "frequency_score", "monetary_score")


def nightly(*, at: datetime) -> int | None:
    """Judge everybody once each local day; return how many changed, nothing when it was done.

    Limits that are a week old, or older than the shares that an admin set, are fitted anew before.
    """
    firm = company.find()
    if firm is None:
        return None
    slot = localtime.day_of(company.today(at, firm).number).isoformat()
    if not runs.take(NAME, slot, at=at):
        return None
    try:
        newest = _newest(at)
        if newest is None or newest.fitted_as_of <= at - FIT_EVERY or _is_outdated(newest, at):
            fit(as_of=at)
        done = appraise(as_of=at)
    except BaseException:
        runs.give_up(NAME, slot)
        raise
    runs.end(NAME, slot, at=at)
    return done


def appraise(*, as_of: datetime, table: str | None = None) -> int:
    """Write a ``Standing`` for each customer that stands otherwise than it did; return how many.

    By the newest limits fitted at ``as_of`` or before; without any, tier and scores are unknown. Reads the
    measures of ``table`` (from ``compute.at``), else the wide table. Who never ordered nor signed anything
    has no standing. Side effects: their customers are marked, so that rules see it. Repeating it
    changes nothing; goes by ranges of customers, a transaction each.
    """
    limits = _newest(as_of)
    statement = _statement(table or CustomerMeasures._meta.db_table, limits)
    day = company.today(as_of).number
    done = 0
    for customers in compute.shards(1, writing=True):
        bound = {
            **customers.parameters(),
            "as_of": dialect.bind_moment(as_of),
            "real": dialect.bind_moment(clock.real_now()),
            "day": day,
            "back": dialect.bind_moment(as_of - timedelta(days=RETURNED_DAYS)),
        }
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement.replace("{within}", _within(customers)), bound)
            changed = [row[0] for row in cursor.fetchall()]
            if table is None:
                touched.mark(changed, at=as_of)
        done += len(changed)
    return done


def write_history(*, since: datetime, at: datetime) -> int:
    """Judge everybody as of the first of each month from ``since`` on, before the first night that did.

    From what was known then. Limits are fitted to each of these moments. Months that have limits are left
    out, so that it may be repeated and stopped between two months.
    """
    firm = company.current()
    first = localtime.day_of(localtime.day_number(since, firm.time_zone)).replace(day=1)
    nights = BackgroundRun.objects.filter(name=NAME).order_by("started_at")
    until = min([at, *nights.values_list("started_at", flat=True)[:1]])
    known = set(CutPoints.objects.values_list("fitted_as_of", flat=True))
    done = 0
    for moment in _months(first, until=until, zone=firm.time_zone):
        if moment in known:
            continue
        with dialect.reading(), compute.at(as_of=moment) as table, transaction.atomic():
            fit(as_of=moment, table=table)
            done += appraise(as_of=moment, table=table)
    return done


def _months(first: date, *, until: datetime, zone: str) -> list[datetime]:
    months, day = [], first
    while (moment := localtime.start_of_day(day.toordinal(), zone)) < until:
        months.append(moment)
        day = (day.replace(day=28) + timedelta(days=5)).replace(day=1)
    return months


def _newest(at: datetime) -> CutPoints | None:
    return CutPoints.objects.filter(fitted_as_of__lte=at).order_by("-fitted_as_of").first()


def _is_outdated(limits: CutPoints, at: datetime) -> bool:
    now = policy(at)
    return now.pk is not None and now.made_at > limits.fitted_as_of


def _within(customers: Customers) -> str:
    return customers.condition("m.customer_id")


def _statement(table: str, limits: CutPoints | None) -> str:
    """Return the one statement that judges a range of customers and writes who changed."""
    columns = ", ".join(CODES)
    differ = dialect.differ([f"n.{code}" for code in CODES], [f"n.was_{code}" for code in CODES])
    was = ", ".join(f"s.{code} AS was_{code}" for code in CODES)
    moment, real = dialect.moment("%(as_of)s"), dialect.moment("%(real)s")
    judged = ", ".join(
        [
            f"{_tier(limits)} AS value_tier",
            f"{_stage()} AS lifecycle_stage",
            f"{_score('%(day)s - m.last_order_day', '<', limits.recency if limits else [])} AS recency_score",
            f"{_score('m.orders_365d', '>', limits.frequency if limits else [])} AS frequency_score",
            f"{_score('m.margin_365d', '>', limits.monetary if limits else [])} AS monetary_score",
        ]
    )
    return (
        f"INSERT INTO {_STANDING} (customer_id, occurred_at, occurred_day, recorded_at, recorded_assumed,"
        f" ingested_at, void, {columns})"
        f" SELECT n.customer_id, {moment}, %(day)s, {moment}, false, {real}, false, {columns}"
        f" FROM (SELECT m.customer_id, s.id AS was, {was}, {judged}"
        f' FROM "{table}" m LEFT JOIN ({_latest()}) s ON s.customer_id = m.customer_id'
        f" LEFT JOIN ({_spells()}) l ON l.customer_id = m.customer_id"
        " WHERE {within} AND (m.first_order_day IS NOT NULL OR m.first_contract_day IS NOT NULL)) n"
        f" WHERE n.was IS NULL OR {differ} ORDER BY n.customer_id RETURNING customer_id"
    )


def _latest() -> str:
    return (
        "SELECT * FROM (SELECT m.*, row_number() OVER (PARTITION BY customer_id"
        f" ORDER BY occurred_at DESC, id DESC) AS back FROM {_STANDING} m"
        f" WHERE NOT void AND recorded_at <= {dialect.moment('%(as_of)s')}"
        " AND {within}) r WHERE back = 1"
    )


def _spells() -> str:
    """Return, by customer, whether it is lost and whether it has returned lately, as known at the moment."""
    as_of = dialect.moment("%(as_of)s")
    over = f"m.ended_at <= {as_of} AND coalesce(m.end_recorded_at, m.ended_at) <= {as_of}"
    return (
        f"SELECT m.customer_id, max(CASE WHEN m.ended_at IS NULL OR NOT ({over}) THEN 1 ELSE 0 END) AS lost,"
        f" max(CASE WHEN {over} AND m.ended_at > {dialect.moment('%(back)s')} AND m.ended_at > m.occurred_at"
        f" THEN 1 ELSE 0 END) AS returned FROM {_LOSS} m WHERE m.definition <> 'partial'"
        f" AND m.occurred_at <= {as_of} AND m.recorded_at <= {as_of} AND {{within}} GROUP BY m.customer_id"
    )


def _tier(limits: CutPoints | None) -> str:
    """Return the tier: a customer moves when its margin passes a limit by the band, else it stays."""
    if limits is None or not limits.tiers:
        return "CAST(NULL AS varchar(1))"
    plain, above, below = (_rank(limits.tiers, 100 + n) for n in (0, limits.band, -limits.band))
    was = "CASE s.value_tier WHEN 'A' THEN 0 WHEN 'B' THEN 1 WHEN 'C' THEN 2 WHEN 'D' THEN 3 END"
    rank = (
        f"CASE WHEN s.value_tier IS NULL THEN {plain} WHEN {above} < {was} THEN {above}"
        f" WHEN {below} > {was} THEN {below} ELSE {was} END"
    )
    return f"substr('ABCD', 1 + {rank}, 1)"


def _rank(tiers: Sequence[int], percent: int) -> str:
    margin = "coalesce(m.margin_365d, 0) * 100"
    whens = " ".join(f"WHEN {margin} >= {int(t) * percent} THEN {n}" for n, t in enumerate(tiers))
    return f"(CASE {whens} ELSE 3 END)"


def _score(value: str, better: str, limits: Sequence[int]) -> str:
    if not limits:
        return "CAST(NULL AS smallint)"
    steps = " + ".join(f"CASE WHEN {value} {better} {int(limit)} THEN 1 ELSE 0 END" for limit in limits)
    return f"CASE WHEN m.last_order_day IS NOT NULL THEN 1 + {steps} END"


def _stage() -> str:
    """Return the stage: the first of these that fits."""
    begun = (
        "CASE WHEN m.first_contract_day IS NULL OR m.first_order_day < m.first_contract_day"
        " THEN m.first_order_day ELSE m.first_contract_day END"
    )
    silent = "(%(day)s - m.last_order_day)"
    dormant = (
        f"coalesce(m.contracts_running, 0) = 0 AND (m.last_order_day IS NULL OR {silent} >= {DORMANT_DAYS}"
        f" OR (m.order_days >= {LEAST_PURCHASE_DAYS} AND {silent} >= {DORMANT_LEAST}"
        f" AND {silent} * (m.order_days - 1) >= {DORMANT_TIMES} * m.order_span_days))"
    )
    is_old = f"%(day)s - ({begun}) >= {TWO_YEARS} AND m.spend_prev_365d > 0"
    is_young = f"%(day)s - ({begun}) < {TWO_YEARS} AND m.spend_prev_90d > 0"
    year, quarter = ("m.spend_365d", "m.spend_prev_365d"), ("m.spend_90d", "m.spend_prev_90d")
    return (
        f"CASE WHEN l.lost = 1 THEN 'lost' WHEN l.returned = 1 THEN 'returned'"
        f" WHEN %(day)s - ({begun}) < {NEW_DAYS} THEN 'new' WHEN {dormant} THEN 'dormant'"
        f" WHEN {is_old} AND {_against(year, '<=', FELL)} THEN 'declining'"
        f" WHEN {is_old} AND {_against(year, '>=', ROSE)} THEN 'growing'"
        f" WHEN {is_young} AND {_against(quarter, '<=', FELL_SHORT)} THEN 'declining'"
        f" WHEN {is_young} AND {_against(quarter, '>=', ROSE_SHORT)} THEN 'growing' ELSE 'mature' END"
    )


def _against(spend: tuple[str, str], sign: str, percent: int) -> str:
    return f"{spend[0]} * 100 {sign} {spend[1]} * {percent}"


def known_limits(at: datetime) -> dict[str, Any] | None:
    """Return the limits that count at a moment, for a page to show."""
    found = _newest(at)
    return None if found is None else {"fitted_as_of": found.fitted_as_of, "tiers": found.tiers}
