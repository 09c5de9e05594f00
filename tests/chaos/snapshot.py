"""What stands in a database in the end, by natural keys: two runs are compared row by row."""

from __future__ import annotations

from tests.chaos.kit import Broken, Kit

Rows = list[tuple[object, ...]]

# Moments of the clock, ids and the worker's own numbers differ between two runs; everything else may not.
# Which of a customer's complaints a case names is the first that a worker took up; the loops say it of all.
QUESTIONS: dict[str, str] = {
    "warnings": """
        SELECT w.customer_id, r.code, w.rule_version, w.severity, w.state, w.is_baseline, w.as_of_day,
               w.closed_because, w.evidence, w.fingerprint, c.customer_id
        FROM retention_earlywarning w JOIN retention_warningrule r ON r.id = w.rule_id
        LEFT JOIN retention_retentioncase c ON c.id = w.case_id ORDER BY 1, 2, 5""",
    "cases": """
        SELECT c.customer_id, c.kind, c.status, c.severity, u.username, c.assign_reason,
               c.outcome, c.complaint_id IS NULL, c.due_at IS NULL
        FROM retention_retentioncase c LEFT JOIN customers_user u ON u.id = c.assignee_id
        ORDER BY 1, 2, 3""",
    "loops": """
        SELECT l.source, l.customer_id, l.complaint_id, l.state, l.severity, u.username, c.customer_id,
               count(s.id)
        FROM retention_loopclosure l LEFT JOIN customers_user u ON u.id = l.owner_id
        LEFT JOIN retention_retentioncase c ON c.id = l.case_id
        LEFT JOIN retention_loopstep s ON s.loop_id = l.id
        GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3""",
    "calls": """
        SELECT f.customer_id, f.attempt, f.status, u.username, f.outcome
        FROM retention_followupcall f LEFT JOIN customers_user u ON u.id = f.assignee_id ORDER BY 1, 2, 3""",
    "news": """
        SELECT kind, customer_id, CASE WHEN kind LIKE 'warning%' THEN data::text END, count(*)
        FROM ground_event WHERE kind IN ('warning.raised', 'warning.closed', 'case.opened', 'case.assigned')
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
    "outbox": """
        SELECT o.handler, o.order_key, e.subject_id, o.done_at IS NOT NULL, o.dead_at IS NOT NULL
        FROM ground_outboxrow o LEFT JOIN ground_event e ON e.id = o.event_id ORDER BY 1, 2, 3""",
    "marks left": "SELECT customer_id FROM customers_touchedcustomer ORDER BY 1",
    "scheduled runs": "SELECT name, slot, status FROM ground_backgroundrun ORDER BY 1, 2",
    "access": """
        SELECT customer_id, user_id, reason, ends_at IS NULL FROM customers_access ORDER BY 1, 2, 3""",
}


def of(kit: Kit, database: str) -> dict[str, Rows]:
    """Return every row of every question, and of the wide table all columns but its moment."""
    found = {name: kit.sql(question, database=database) for name, question in QUESTIONS.items()}
    columns = kit.sql(
        "SELECT string_agg(quote_ident(column_name), ', ' ORDER BY column_name) FROM "
        "information_schema.columns WHERE table_name = 'retention_customermeasures' "
        "AND column_name NOT IN ('customer_id', 'as_of')",
        database=database,
    )[0][0]
    found["wide rows"] = kit.sql(
        f"SELECT customer_id, {columns} FROM retention_customermeasures ORDER BY 1", database=database
    )
    return found


def must_equal(found: dict[str, Rows], wanted: dict[str, Rows]) -> None:
    """Compare row by row; :class:`Broken` names the first rows that differ of each question."""
    told = []
    for name, rows in wanted.items():
        more, less = _minus(found[name], rows), _minus(rows, found[name])
        if more or less:
            told.append(f"{name}: {len(more)} too many {more[:3]}, {len(less)} missing {less[:3]}")
    if told:
        raise Broken("not what an undisturbed run leaves:\n" + "\n".join(told))


def _minus(rows: Rows, others: Rows) -> Rows:
    """Return the rows that are not among the others, counting how often each stands there."""
    left: dict[tuple[object, ...], int] = {}
    for row in others:
        left[row] = left.get(row, 0) + 1
    missing = []
    for row in rows:
        if left.get(row, 0):
            left[row] -= 1
        else:
            missing.append(row)
    return missing
