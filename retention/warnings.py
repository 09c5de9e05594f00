"""Warnings: raised and closed in sets, each telling its event (decisions 3, 5 and 9)."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Max, QuerySet

from customers.ground import events
from customers.ground.models import Company, Event
from retention.measures import dialect, fingerprint
from retention.models import CustomerMeasures, EarlyWarning, Loss, RetentionCase, SweepRun, WarningRule
from retention.rules.compile import Compiled
from retention.rules.scan import Matches, Scan

RAISED, CLOSED = "warning.raised", "warning.closed"
_WARNING = EarlyWarning._meta.db_table
_CASE = RetentionCase._meta.db_table
_RULE = WarningRule._meta.db_table
_LOSS = Loss._meta.db_table
_WIDE = CustomerMeasures._meta.db_table
_COMPANY = Company._meta.db_table
_STANDING = "('open', 'withheld')"


def raise_matches(
    found: Matches, *, run: SweepRun, at: datetime, is_baseline: bool = False
) -> dict[str, int]:
    """Raise a warning for every match that needs one; return how many by rule.

    None is raised where one stands (the constraint sees to that), while the rule cools down, or when
    the rule was switched off or revised meanwhile. The cool-down counts from the close of the
    customer's last warning of the rule, or of that warning's case if that came later. A warning that
    was a baseline, or fell with its rule, leaves no cool-down behind; a baseline waits for none. A
    customer that is lost (``Loss``) gets none before the first order after the day of the loss. The
    evidence is that of the scan.
    Side effects: a ``warning.raised`` event each, unless ``is_baseline``.
    """
    last = run_floor(run)
    raised = {
        rule.code: _raise(rule, hit, evidence, found=found, run=run, at=at, is_baseline=is_baseline)
        for rule, hit, evidence in found.hits()
    }
    if not is_baseline and any(raised.values()):
        new = EarlyWarning.objects.filter(sweep_run=run, id__gt=last)
        _tell(RAISED, new, at=at)
    return raised


def run_floor(run: SweepRun) -> int:
    """Return the greatest id among the warnings that ``run`` has raised so far, 0 for none."""
    return EarlyWarning.objects.filter(sweep_run=run).aggregate(last=Max("id"))["last"] or 0


def close_gone(found: Matches, *, scan: Scan, at: datetime) -> tuple[int, list[int]]:
    """Close the standing warnings in scope whose rule was scanned and no longer matches.

    Returns how many, and the ids of the cases that they belonged to. A rule that failed closes nothing.
    Side effects: ``warning.closed`` events.
    """
    cases: set[int] = set()
    closed: list[int] = []
    with connection.cursor() as cursor:
        for rule, hit, _evidence in found.hits():
            cursor.execute(
                f"UPDATE {_WARNING} SET state = 'closed', closed_because = 'sign_gone', closed_at = %(at)s "
                f"WHERE rule_id = %(rule)s AND state IN {_STANDING} AND raised_at <= %(at)s "
                f'AND EXISTS (SELECT 1 FROM "{scan.table}" m WHERE m.customer_id = {_WARNING}.customer_id '
                f"AND {scan.where()}) "
                f'AND NOT EXISTS (SELECT 1 FROM "{found.table}" t '
                f"WHERE t.customer_id = {_WARNING}.customer_id AND t.{hit} = 1) RETURNING id, case_id",
                {**scan.parameters(), "rule": rule.rule_id, "at": _moment(at)},
            )
            for warning, case in cursor.fetchall():
                closed.append(warning)
                cases |= {case} - {None}
    _tell_of(CLOSED, closed, at=at)
    return len(closed), sorted(cases)


def close(warnings: QuerySet[EarlyWarning], *, because: str, at: datetime) -> int:
    """Close those of ``warnings`` that stand; return how many. Side effects: ``warning.closed`` events."""
    standing = warnings.exclude(state=EarlyWarning.State.CLOSED)
    ids = list(standing.order_by("customer_id", "id").values_list("id", flat=True))
    closed = 0
    for start in range(0, len(ids), 1000):
        some = EarlyWarning.objects.filter(id__in=ids[start : start + 1000])
        closed += some.exclude(state=EarlyWarning.State.CLOSED).update(
            state=EarlyWarning.State.CLOSED, closed_at=at, closed_because=because
        )
    _tell_of(CLOSED, ids, at=at)
    return closed


def close_of_case(case: RetentionCase, *, because: str, at: datetime) -> int:
    """Close the standing warnings of a case that was closed; return how many. Their cool-down begins."""
    return close(EarlyWarning.objects.filter(case=case), because=because, at=at)


def _raise(
    rule: Compiled,
    hit: str,
    evidence: str,
    *,
    found: Matches,
    run: SweepRun,
    at: datetime,
    is_baseline: bool,
) -> int:
    cooling = (
        f"SELECT 1 FROM {_WARNING} w LEFT JOIN {_CASE} c ON c.id = w.case_id "
        "WHERE w.rule_id = %(rule)s AND w.customer_id = t.customer_id AND w.state = 'closed' "
        "AND NOT w.is_baseline "
        "AND ((w.closed_because <> 'rule_off' AND w.closed_at > %(cool)s) OR c.closed_at > %(cool)s)"
    )
    waits = "" if is_baseline else f"AND NOT EXISTS ({cooling}) "
    lost = (
        f"SELECT 1 FROM {_LOSS} l CROSS JOIN {_COMPANY} co "
        f"LEFT JOIN {_WIDE} m ON m.customer_id = l.customer_id "
        "WHERE l.customer_id = t.customer_id AND l.ended_at IS NULL "
        f"AND coalesce(m.last_order_day, 0) <= {dialect.day_number('l.occurred_at', 'co.time_zone')}"
    )
    columns = (
        "customer_id, rule_id, rule_version, severity, state, raised_at, as_of_day, closed_because, "
        "evidence, fingerprint, sweep_run_id, is_baseline"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_WARNING} ({columns}) "
            "SELECT t.customer_id, r.id, r.version, r.severity, 'open', %(at)s, %(day)s, '', "
            f"t.{evidence}, %(fingerprint)s, %(run)s, %(baseline)s "
            f'FROM "{found.table}" t JOIN {_RULE} r ON r.id = %(rule)s '
            "AND r.is_enabled AND r.version = %(version)s "
            f"WHERE t.{hit} = 1 {waits}AND NOT EXISTS ({lost}) "
            "ORDER BY t.customer_id ON CONFLICT DO NOTHING",
            {
                "rule": rule.rule_id,
                "version": rule.version,
                "at": _moment(at),
                "cool": _moment(at - timedelta(days=rule.cool_down_days)),
                "day": found.today,
                "fingerprint": fingerprint(),
                "run": run.pk,
                "baseline": is_baseline,
            },
        )
        return max(cursor.rowcount, 0)


def _tell(kind: str, warnings: QuerySet[EarlyWarning], *, at: datetime) -> None:
    """Write one event a warning in one statement, and the outbox rows of whoever subscribed."""
    chosen, chosen_params = warnings.order_by().values("id").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Event._meta.db_table} "
            "(kind, customer_id, subject_type, subject_id, occurred_at, data) "
            f"SELECT %s, w.customer_id, %s, w.id, %s, {_data_sql()} FROM {_WARNING} w "
            f"WHERE w.id IN ({chosen}) ORDER BY w.customer_id, w.id",
            [kind, EarlyWarning._meta.label_lower, _moment(at), *chosen_params],
        )
    if events.subscribers(kind):
        told = Event.objects.filter(
            kind=kind,
            subject_type=EarlyWarning._meta.label_lower,
            subject_id__in=warnings.order_by().values("id"),
        )
        events.deliver(told.filter(occurred_at=at).iterator())


def _data_sql() -> str:
    """Return SQL that makes an event's data: the rule and the severity, numbers both."""
    text = """'{"rule":' || w.rule_id || ',"severity":' || w.severity || '}'"""
    return f"CAST({text} AS jsonb)" if connection.vendor == "postgresql" else f"({text})"


def _tell_of(kind: str, ids: Sequence[int], *, at: datetime) -> None:
    for start in range(0, len(ids), 1000):
        _tell(kind, EarlyWarning.objects.filter(id__in=ids[start : start + 1000]), at=at)


def _moment(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
