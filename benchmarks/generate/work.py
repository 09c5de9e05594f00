"""The work of the company: rules switched on, warnings that are true, cases, calls and moves."""

from __future__ import annotations

from django.db import connection

from benchmarks.generate.rows import below, execute, insert, loading, moment
from benchmarks.generate.times import NOW, TODAY
from customers.models import Access
from retention.models import (
    CaseMove,
    CustomerMeasures,
    EarlyWarning,
    FollowUpCall,
    RetentionCase,
    SweepRun,
    WarningRule,
)
from retention.rules.compile import Compiled, compile_rule, evidence_sql
from retention.rules.conditions import Params
from retention.rules.ready import READY

OPEN_SHARE, CLOSED_SHARE = 5, 10
"""One customer in five has an open case, one in ten a closed one."""

WIDE = CustomerMeasures._meta.db_table
_CHOSEN, _MATCHES = "bench_chosen", "bench_matches"


def load(customers: int) -> None:
    """Open a case for one in five customers, all of whom match a ready rule; close one in ten others."""
    rules = list(WarningRule.objects.filter(code__in=[rule.code for rule in READY]))
    WarningRule.objects.filter(pk__in=[rule.pk for rule in rules]).update(is_enabled=True, enabled_at=NOW)
    run = SweepRun.objects.create(
        scope=SweepRun.Scope.FULL,
        status=SweepRun.Status.DONE,
        as_of=NOW,
        day=TODAY,
        fingerprint="generated",
        started_at=NOW,
        finished_at=NOW,
        customers=customers,
    )
    _match([compile_rule(rule) for rule in rules])
    _choose(customers)
    with loading(RetentionCase, EarlyWarning, FollowUpCall, CaseMove, Access):
        _cases()
        _warnings(run)
        _calls()
        _moves()
    execute(f"DROP TABLE {_CHOSEN}")
    execute(f"DROP TABLE {_MATCHES}")


def _match(rules: list[Compiled]) -> None:
    """Write down who matches which rule, with the evidence, one scan a rule."""
    execute(
        f"CREATE TABLE {_MATCHES} (customer_id bigint, rule_id bigint, version integer, severity integer, "
        "evidence text)"
    )
    for rule in rules:
        params = Params(TODAY, {"today": TODAY})
        condition = rule.condition.sql(params)
        proof = evidence_sql(rule.evidence, prefix="m.", today="%(today)s")
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {_MATCHES} SELECT m.customer_id, {rule.rule_id}, {rule.version}, "
                f"{rule.severity}, {proof} FROM {WIDE} m WHERE {condition}",
                params.values,
            )


def _choose(customers: int) -> None:
    """Choose who has a case, open or closed: matching customers in pseudo-random order."""
    order = f"ORDER BY {below(1_000_003, 't.customer_id', 40)}, t.customer_id"
    number = f"row_number() OVER ({order})"
    opened = customers // OPEN_SHARE
    execute(
        f"CREATE TABLE {_CHOSEN} AS SELECT number AS id, customer_id, owner_id, team_id, margin, "
        f"number > {opened} AS closed, opened, recovery FROM (SELECT {number} AS number, t.customer_id, "
        "c.owner_id, c.team_id, coalesce(m.margin_365d, 0) AS margin, "
        f"{int(NOW.timestamp())} - 3600 - {below(20 * 86400, 't.customer_id', 41)} AS opened, "
        f"coalesce(m.complaints_open, 0) > 0 AS recovery "
        f"FROM (SELECT DISTINCT customer_id FROM {_MATCHES}) t "
        "JOIN customers_customer c ON c.id = t.customer_id "
        f"JOIN {WIDE} m ON m.customer_id = t.customer_id) x "
        f"WHERE number <= {opened + customers // CLOSED_SHARE}"
    )
    if connection.vendor == "postgresql":
        execute(f"ANALYZE {_CHOSEN}")


def _due() -> str:
    """Return SQL of a deadline between four days ago and six days ahead."""
    return moment(f"({int(NOW.timestamp())} - 4 * 86400 + {below(10 * 86400, 'customer_id', 42)})")


def _cases() -> None:
    opened = moment("opened")
    insert(
        RetentionCase,
        {
            "id": "id",
            "customer_id": "customer_id",
            "kind": "CASE WHEN recovery THEN 'recovery' ELSE 'save' END",
            "status": f"CASE WHEN closed THEN 'closed' WHEN {below(5, 'customer_id', 43)} = 0 THEN 'working' "
            "ELSE 'assigned' END",
            "severity": f"1 + {below(3, 'customer_id', 44)}",
            "margin_365d": "margin",
            "team_id": "team_id",
            "opened_at": opened,
            "assignee_id": "owner_id",
            "assigned_at": opened,
            "assign_reason": "'owner'",
            "due_at": f"CASE WHEN closed THEN NULL ELSE {_due()} END",
            "outcome": "CASE WHEN closed THEN 'saved' ELSE '' END",
            "closed_at": f"CASE WHEN closed THEN {moment('opened + 1800')} END",
            "closed_by_id": "CASE WHEN closed THEN owner_id END",
        },
        _CHOSEN,
    )
    insert(
        Access,
        {
            "customer_id": "customer_id",
            "user_id": "owner_id",
            "reason": "'case'",
            "starts_at": opened,
            "ends_at": f"CASE WHEN closed THEN {moment('opened + 1800')} END",
        },
        _CHOSEN,
    )


def _warnings(run: SweepRun) -> None:
    """Let a warning stand for every match of whoever has an open case."""
    insert(
        EarlyWarning,
        {
            "customer_id": "t.customer_id",
            "rule_id": "t.rule_id",
            "rule_version": "t.version",
            "severity": "t.severity",
            "raised_at": moment("opened"),
            "as_of_day": str(TODAY),
            "evidence": "t.evidence",
            "fingerprint": f"'{run.fingerprint}'",
            "sweep_run_id": str(run.pk),
            "case_id": "b.id",
        },
        f"{_MATCHES} t JOIN {_CHOSEN} b ON b.customer_id = t.customer_id WHERE NOT b.closed",
    )


def _calls() -> None:
    insert(
        FollowUpCall,
        {
            "case_id": "id",
            "customer_id": "customer_id",
            "assignee_id": "owner_id",
            "status": "CASE WHEN closed THEN 'done' ELSE 'planned' END",
            "due_at": _due(),
            "planned_at": moment("opened"),
            "done_at": f"CASE WHEN closed THEN {moment('opened + 1700')} END",
            "outcome": "CASE WHEN closed THEN 'reached' ELSE '' END",
            "by_id": "CASE WHEN closed THEN owner_id END",
        },
        _CHOSEN,
    )


def _moves() -> None:
    for kind, before, after, where in (
        ("opened", "", "unassigned", ""),
        ("assigned", "unassigned", "assigned", ""),
        ("closed", "assigned", "closed", "WHERE closed"),
    ):
        second = "opened + 1800" if kind == "closed" else "opened"
        insert(
            CaseMove,
            {
                "case_id": "id",
                "kind": f"'{kind}'",
                "from_status": f"'{before}'",
                "to_status": f"'{after}'",
                "at": moment(second),
            },
            f"{_CHOSEN} {where}",
        )
