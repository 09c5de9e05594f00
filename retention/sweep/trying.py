"""Who matches: without writing anything, as of any moment; or again after a sweep, for its report."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

from customers import company
from customers.ground import localtime
from retention.measures import compute
from retention.measures.compute import Customers
from retention.models import SweepRun, WarningRule
from retention.rules import holding, terms
from retention.rules.compile import Compiled, compile_rule
from retention.rules.conditions import ConditionRefused
from retention.rules.scan import Scan, matching
from retention.sweep import report
from retention.sweep.judging import WIDE, Found

Match = tuple[int, str, str]  # customer, rule, evidence


def try_out(run: SweepRun, ids: Customers | None, *, out: Path | None) -> SweepRun:
    """Find who matches, over measures computed into a temporary table as of the run's moment."""
    found, rows = Found(), list[Match]()
    found.warnings = dict.fromkeys(run.codes or [], 0)
    rules = _compiled(run, found)
    for customers in [ids] if ids is not None else compute.shards(run.shards):
        began = perf_counter()
        with compute.at(as_of=run.as_of, customers=customers) as table:
            found.seconds["measures"] += perf_counter() - began
            scan = Scan(table, customers, run.day, as_of=run.as_of, mode="past")
            with found.timing("rules"), matching(rules, scan=scan) as matches:
                holding.keep_those_that_held(matches, as_of=run.as_of)
                found.add(Found(warnings=matches.counts(), failed_rules=matches.failed))
                rows += matches.rows() if out is not None else []
            found.customers += scan.count()
    found.matches = dict(found.warnings)
    found.write_to(run)
    if out is not None:
        report.write(out, rows)
    return run


def matches_now(run: SweepRun, ids: Customers | None) -> list[Match]:
    """Return who matches the rules of a live run that has just ended: its workers kept no list."""
    day = company.today(run.as_of)
    before = localtime.start_of_day(run.day + 1, day.zone)
    rules, rows = _compiled(run, Found()), list[Match]()
    for customers in [ids] if ids is not None else compute.shards(run.shards):
        scan = Scan(WIDE, customers, run.day, before=before, as_of=run.as_of)
        with matching(rules, scan=scan) as matches:
            holding.drop_those_too_new(matches)
            rows += matches.rows()
    return rows


def _compiled(run: SweepRun, found: Found) -> list[Compiled]:
    rules, known = [], terms.known()
    for rule in WarningRule.objects.filter(code__in=run.codes or []):
        try:
            rules.append(compile_rule(rule, known=known))
        except ConditionRefused as error:
            found.failed_rules[rule.code] = error.code
    return rules
