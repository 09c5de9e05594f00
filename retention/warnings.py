"""Warnings: raised and closed in sets, each telling its event (decisions 3, 5 and 9)."""

# ruff: noqa: S608 — SQL is put together from declarations alone; every value is bound
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import Count, Exists, Max, OuterRef, QuerySet

from customers.ground import events
from customers.ground.models import Company, Event
from customers.models import Customer, Objection
from retention.measures import dialect, fingerprint
from retention.models import (
    CustomerMeasures,
    EarlyWarning,
    Loss,
    RetentionCase,
    Silence,
    SweepRun,
    WarningRule,
)
from retention.rules import holding, holdout
from retention.rules.compile import Compiled
from retention.rules.scan import Matches, Scan, objects, pass_on_unless_a_rule_can_be_blamed

RAISED, CLOSED = "warning.raised", "warning.closed"
_WARNING = EarlyWarning._meta.db_table
_CASE = RetentionCase._meta.db_table
_RULE = WarningRule._meta.db_table
_LOSS = Loss._meta.db_table
_WIDE = CustomerMeasures._meta.db_table
_COMPANY = Company._meta.db_table
_SILENCE = Silence._meta.db_table
_STANDING = "('open', 'withheld')"
_LIVE = "live (rule_id, version, cool, hold, no_case, draws)"
_TOLD = ("", EarlyWarning.NoCase.WARNS_ONLY)
Closed = tuple[int, int | None, str]  # a warning, its case, why it opened none


def raise_matches(
    found: Matches, *, run: SweepRun, at: datetime, is_baseline: bool = False
) -> dict[str, int]:
    """Raise a warning for every match that needs one; return how many by rule.

    None is raised where one stands (the constraint sees to that), while the rule cools down or is silenced,
    before it has held for its days, or when it was switched off or revised meanwhile. What opens no case,
    because the rule is in shadow or limited or the customer is held out of it, is raised as withheld. The
    cool-down counts from the close of the customer's last warning of the rule, or of that warning's case if
    that came later. A warning that
    was a baseline, or fell with its rule, leaves no cool-down behind; a baseline waits for none. A
    customer that is lost (``Loss``) gets none before the first order after the day of the loss (one that is
    lost in part only gets them), one that
    objects to profiling none at all, also when she objected while this was running. The evidence is that
    of the scan. Side effects: draws of hold-outs; a ``warning.raised`` event each, unless it is withheld or
    ``is_baseline``.
    """
    mine = _of(run, found.scan)
    last = mine.aggregate(last=Max("id"))["last"] or 0
    raised = dict.fromkeys((rule.code for rule in found.rules), 0)
    if not _raise(found, run=run, at=at, is_baseline=is_baseline):
        return raised
    new = mine.filter(id__gt=last)
    _spare_objectors(new)
    if not is_baseline:
        _tell(RAISED, new.filter(no_case_because__in=_TOLD), at=at)
    return raised | dict(new.order_by().values_list("rule__code").annotate(Count("id")))


def _of(run: SweepRun, scan: Scan) -> QuerySet[EarlyWarning]:
    """Return the warnings that a run raised among the customers in scope: others may work on the rest."""
    raised = EarlyWarning.objects.filter(sweep_run=run)
    if scan.customers.low is None:
        return raised
    return raised.filter(customer__gte=scan.customers.low, customer__lte=scan.customers.high)


def count_told(run: SweepRun, raised: dict[str, int]) -> dict[str, int]:
    """Return how many of what a run ``raised`` were told, by rule: not withheld."""
    if not any(raised.values()):
        return raised
    told = EarlyWarning.objects.filter(sweep_run=run, no_case_because__in=_TOLD)
    return dict.fromkeys(raised, 0) | dict(told.order_by().values_list("rule__code").annotate(Count("id")))


def close_gone(found: Matches, *, scan: Scan, at: datetime) -> tuple[int, int, list[int]]:
    """Close the standing warnings in scope whose rule was scanned and no longer matches.

    A rule with a clear condition closes them only once that holds, too.
    Returns how many, how many of these were told, and the ids of the cases that they belonged to. A rule
    that failed closes nothing.
    Whoever got a newer row since the scan is left to the pass that wrote it: with the row, the answer may
    have changed. Side effects: ``warning.closed`` events.
    """
    closed: list[Closed] = []
    plain = [rule for rule in found.rules if rule.clear is None]
    if plain:
        closed += _close_gone(found, plain, scan=scan, at=at)
    for rule in found.rules:
        if rule.clear is not None:
            closed += _close_cleared(found, rule, scan=scan, at=at)
    _tell_of(CLOSED, [warning for warning, _case, _why in closed], at=at)
    told = sum(why in _TOLD for _warning, _case, why in closed)
    return len(closed), told, sorted({case for _warning, case, _why in closed if case is not None})


def _close_cleared(found: Matches, rule: Compiled, *, scan: Scan, at: datetime) -> list[Closed]:
    """Close the warnings of a rule with a condition of its own for that; name it as failed if it raises."""
    try:
        with transaction.atomic():
            return _close_gone(found, [rule], scan=scan, at=at)
    except DatabaseError as error:
        pass_on_unless_a_rule_can_be_blamed(error)
        found.failed[rule.code] = type(error).__name__
        return []


def _close_gone(found: Matches, rules: Sequence[Compiled], *, scan: Scan, at: datetime) -> list[Closed]:
    """Close what no longer matches, and is cleared where the (one) rule says when; return what it closed."""
    params = scan.params()
    clear = rules[0].clear
    cleared = f" AND {clear.sql(params)}" if clear is not None else ""
    params.values |= {
        "rules": dialect.bind_ids([rule.rule_id for rule in rules]),
        "at": _moment(at),
        "seen": found.seen,
    }
    with transaction.atomic(), connection.cursor() as cursor, dialect.in_order(cursor):
        cursor.execute(
            f"UPDATE {_WARNING} SET state = 'closed', closed_because = 'sign_gone', closed_at = %(at)s "
            f"WHERE {dialect.among('rule_id', 'rules')} AND state IN {_STANDING} AND raised_at <= %(at)s "
            f"AND {scan.customers.condition('customer_id')} "
            f'AND EXISTS (SELECT 1 FROM "{scan.table}" m WHERE m.customer_id = {_WARNING}.customer_id '
            f"AND m.as_of <= %(seen)s AND {scan.where()}{cleared}) "
            f'AND NOT EXISTS (SELECT 1 FROM "{found.table}" t '
            f"WHERE t.customer_id = {_WARNING}.customer_id AND t.rule_id = {_WARNING}.rule_id) "
            "RETURNING id, case_id, no_case_because",
            params.values,
        )
        return list(cursor.fetchall())


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


def release(waiting: QuerySet[EarlyWarning], *, run: SweepRun, at: datetime) -> int:
    """Let warnings that waited for their limited rule ask for a case, in the caller's transaction.

    Returns how many; those whose warning or customer somebody else is just writing go on waiting, and those
    of who objects to profiling. Side effects: a ``warning.raised`` event each; they count as raised by
    ``run``.
    """
    waiting = waiting.filter(state=EarlyWarning.State.WITHHELD, no_case_because=EarlyWarning.NoCase.CAP)
    ordered = waiting.select_related("customer").order_by("customer_id", "id")
    if connection.features.has_select_for_update_skip_locked:
        ordered = ordered.select_for_update(skip_locked=True, of=("self", "customer"), no_key=True)
    ids, released = [warning.pk for warning in ordered.only("customer__id")], 0
    for start in range(0, len(ids), 1000):
        some = EarlyWarning.objects.filter(id__in=ids[start : start + 1000])
        released += some.exclude(Exists(_objecting())).update(
            state=EarlyWarning.State.OPEN, no_case_because="", released_day=run.day, sweep_run=run
        )
        _tell(RAISED, some.filter(state=EarlyWarning.State.OPEN, sweep_run=run), at=at)
    return released


def close_of_case(case: RetentionCase, *, because: str, at: datetime) -> int:
    """Close the standing warnings of a case that was closed; return how many. Their cool-down begins."""
    return close(EarlyWarning.objects.filter(case=case), because=because, at=at)


def _raise(found: Matches, *, run: SweepRun, at: datetime, is_baseline: bool) -> int:
    """Insert the warnings that are needed, in order of customer; return how many."""
    if not found.rules:
        return 0
    live, bound = _live_rules(found, at=at)
    bound |= {"at": _moment(at), "today": found.scan.today}
    with transaction.atomic(), connection.cursor() as cursor:
        new = _without_standing(found, cursor)
        cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{new}")')
        raised = 0
        if cursor.fetchone()[0]:
            with dialect.by_index(cursor):
                cursor.execute(_drop_those_who_wait(new, live, is_baseline=is_baseline), bound)
                if not is_baseline:
                    holdout.draw(new, found.rules, at=at)
                bound |= {"fingerprint": fingerprint(), "run": run.pk, "baseline": is_baseline}
                statement = _insert(found, new, live, is_baseline=is_baseline)
                cursor.execute(statement, bound | found.frozen)
                raised = max(cursor.rowcount, 0)
        cursor.execute(f'DROP TABLE "{new}"')
    return raised


def _without_standing(found: Matches, cursor: Any) -> str:
    """Make a temporary table of the matches for which no warning stands, and return its name.

    On most nights these are few of many, so they are found first and in one go.
    """
    new, customers = f"{found.table}_new", found.scan.customers
    with dialect.in_order(cursor):
        cursor.execute(
            f'CREATE TEMPORARY TABLE "{new}" AS SELECT t.* FROM "{found.table}" t WHERE NOT EXISTS '
            f"(SELECT 1 FROM {_WARNING} s WHERE s.customer_id = t.customer_id AND s.rule_id = t.rule_id "
            f"AND s.state IN {_STANDING} AND {customers.condition('s.customer_id')})",
            customers.parameters(),
        )
    return new


def _drop_those_who_wait(new: str, live: str, *, is_baseline: bool) -> str:
    """Return the statement that takes out whose rule waits or is silenced, who is lost and who objects.

    A baseline waits for nothing. What was raised in shadow cools down in shadow only.
    """
    cooling = (
        f"SELECT 1 FROM live JOIN {_WARNING} w ON w.rule_id = live.rule_id "
        f"LEFT JOIN {_CASE} c ON c.id = w.case_id "
        "WHERE live.rule_id = t.rule_id AND w.rule_id = t.rule_id AND w.customer_id = t.customer_id "
        "AND w.state = 'closed' AND NOT w.is_baseline "
        "AND (w.no_case_because <> 'shadow' OR live.no_case = 'shadow') "
        "AND ((w.closed_because NOT IN ('rule_off', 'rule_moved') AND w.closed_at > live.cool) "
        "OR c.closed_at > live.cool)"
    )
    too_new = f"SELECT 1 FROM live WHERE live.rule_id = t.rule_id AND {holding.too_new('t', 'live.hold')}"
    silenced = (
        f"SELECT 1 FROM {_SILENCE} si WHERE si.rule_id = t.rule_id "
        "AND (si.customer_id IS NULL OR si.customer_id = t.customer_id) "
        "AND si.ended_at IS NULL AND si.starts_at <= %(at)s AND si.until_day >= %(today)s"
    )
    reasons = [cooling, too_new, silenced]
    waits = "" if is_baseline else "".join(f" OR EXISTS ({reason})" for reason in reasons)
    return (
        f'WITH {_LIVE} AS ({live}) DELETE FROM "{new}" AS t '
        f"WHERE EXISTS ({lost()} AND l.customer_id = t.customer_id) OR {objects('t.customer_id')}{waits}"
    )


def lost() -> str:
    """Return the query of customers who are lost, not in part only, and have not ordered since that day."""
    return (
        f"SELECT l.customer_id FROM {_LOSS} l CROSS JOIN {_COMPANY} co "
        f"LEFT JOIN {_WIDE} x ON x.customer_id = l.customer_id "
        "WHERE l.ended_at IS NULL AND l.definition <> 'partial' "
        f"AND coalesce(x.last_order_day, 0) <= {dialect.day_number('l.occurred_at', 'co.time_zone')}"
    )


def _insert(found: Matches, new: str, live: str, *, is_baseline: bool) -> str:
    """Return the statement that raises a warning for each new match whose rule is as it was scanned."""
    columns = (
        "customer_id, rule_id, rule_version, severity, state, no_case_because, raised_at, as_of_day, "
        "closed_because, evidence, fingerprint, sweep_run_id, is_baseline"
    )
    held = f"live.draws = 1 AND {holdout.held_out('t')}"
    because = f"CASE WHEN live.no_case <> 'shadow' AND {held} THEN 'held_out' ELSE live.no_case END"
    state = f"CASE WHEN live.no_case IN ('shadow', 'cap') OR ({held}) THEN 'withheld' ELSE 'open' END"
    if is_baseline:
        state, because = "'open'", "''"
    return (
        f"INSERT INTO {_WARNING} ({columns}) WITH {_LIVE} AS ({live}) "
        f"SELECT customer_id, r.id, r.version, r.severity, {state}, {because}, {dialect.moment('%(at)s')}, "
        f"%(today)s, '', {found.evidence()}, %(fingerprint)s, %(run)s, %(baseline)s "
        f"FROM {found.with_rows(table=new)} JOIN live ON live.rule_id = t.rule_id "
        f"JOIN {_RULE} r ON r.id = live.rule_id AND r.version = live.version AND r.is_enabled "
        "ORDER BY customer_id, r.id ON CONFLICT DO NOTHING"
    )


def _spare_objectors(new: QuerySet[EarlyWarning]) -> None:
    """Take back the warnings of customers who objected to profiling since the scan began.

    Whoever is objecting at this moment holds the customer (``customers.objections.hold``): we wait for
    it, and see its objection then; whoever comes after us waits, and closes what we raised.
    """
    if connection.vendor == "postgresql":
        chosen, params = new.order_by().values("customer_id").query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT 1 FROM {Customer._meta.db_table} WHERE id IN ({chosen}) ORDER BY id FOR KEY SHARE",
                params,
            )
    new.filter(Exists(_objecting())).delete()


def _objecting() -> QuerySet[Objection]:
    return Objection.objects.filter(customer=OuterRef("customer"), lifted_at__isnull=True)


def _live_rules(found: Matches, *, at: datetime) -> tuple[str, dict[str, Any]]:
    """Return the rules that were scanned as rows of ``_LIVE``.

    ``cool`` is the moment since which one cools down, ``hold`` the days that it must have held, ``no_case``
    why it opens none, ``draws`` whether it has a hold-out.
    """
    lines, bound = [], dict[str, Any]()
    for n, rule in enumerate(found.rules):
        bound |= {f"rule{n}": rule.rule_id, f"version{n}": rule.version}
        bound[f"cool{n}"] = _moment(at - timedelta(days=rule.cool_down_days))
        bound |= {
            f"hold{n}": rule.hold_days,
            f"no_case{n}": rule.no_case,
            f"draws{n}": int(rule.is_held_out_of),
        }
        cool = dialect.moment(f"%(cool{n})s")
        lines.append(f"(%(rule{n})s, %(version{n})s, {cool}, %(hold{n})s, %(no_case{n})s, %(draws{n})s)")
    return f"VALUES {', '.join(lines)}", bound


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
    """Tell of those of the warnings that were not withheld."""
    for start in range(0, len(ids), 1000):
        some = EarlyWarning.objects.filter(id__in=ids[start : start + 1000])
        _tell(kind, some.filter(no_case_because__in=_TOLD), at=at)


def _moment(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
