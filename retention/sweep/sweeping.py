"""One sweep over everybody, shard by shard, or over given customers; live or dry.

Each shard is one transaction that does all four steps, so that a sweep may be killed anywhere and run
again: what was committed stands, what was not is done again, and the database's constraints see to it
that nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

from django.db import DatabaseError, transaction
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import audit, localtime
from customers.ground.errors import Refused
from retention import cases, warnings
from retention.measures import compute, fingerprint
from retention.measures.compute import Customers
from retention.models import CustomerMeasures, MeasureState, SweepRun, WarningRule
from retention.rules import switch
from retention.rules.compile import Compiled, compile_rule
from retention.rules.conditions import ConditionRefused
from retention.rules.scan import Matches, Scan, hold, matching
from retention.sweep import marks, report

Scope = SweepRun.Scope
PHASES = ("measures", "rules", "cases")
WIDE = CustomerMeasures._meta.db_table
_TICK = timedelta(microseconds=1)


class SweepTooEarly(Refused):
    code = "sweep_too_early"
    message = _(
        "%(day)s lies before %(last)s, the day of the last finished sweep. Warnings cannot be raised for "
        "a day that is over: use --dry-run to see who matched then."
    )


class RuleIsOff(Refused):
    code = "rule_is_off"
    message = _(
        "The rule “%(rule)s” is switched off. Switch it on first: python manage.py rules enable %(rule)s "
        "— or use --dry-run to see who would match."
    )


@dataclass
class Sweep:
    """What one sweep works with: its run, its rules, and what it has found so far."""

    run: SweepRun
    day: company.Today
    rules: list[Compiled]
    dry_run: bool
    matches: list[tuple[int, str, str]] | None = None  # customer, rule, evidence; kept for the report
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))

    @contextmanager
    def timing(self, phase: str) -> Iterator[None]:
        """Add the seconds of the block to a phase."""
        began = perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] += perf_counter() - began


def run(
    *,
    as_of: datetime,
    scope: str = Scope.FULL,
    rules: Sequence[str] | None = None,
    shards: int = 1,
    dry_run: bool = False,
    out: Path | None = None,
    customer_ids: Iterable[int] | None = None,
    marks_read: Sequence[int] = (),
) -> SweepRun:
    """Sweep and return the run with what it found.

    Args:
        as_of: the moment; facts count that occurred and were recorded before it. When everybody was
            last refreshed at or after it on the same local day, just after that.
        scope: ``full`` computes everybody's measures; ``changed`` only of whom time or facts may have
            moved, then judges everybody; ``touched`` is about ``customer_ids`` alone.
        rules: codes; all that are switched on when not given. A dry run may name rules that are off.
        shards: least number of ranges, a transaction each.
        dry_run: write nothing; ``warnings`` then counts who matches, as of any moment of the past.
        out: file that gets a line for every match: customer, rule, evidence, sorted.
        marks_read: ids of touched marks, deleted in the transaction of the (one) shard.

    Raises :class:`SweepTooEarly`, :class:`RuleIsOff`, ``UnknownRule``, ``NoCompany``. Side effects of a
    live sweep: the wide table, warnings, cases, calls, events; an audit event ``sweep.run``. A dry
    run returns a run that is not stored.
    """
    if not dry_run:
        as_of = _after_last_pass(as_of, scope)
    day = company.today(as_of)
    if not dry_run:
        _refuse_a_day_that_is_over(day)
    chosen = _chosen(rules, dry_run=dry_run)
    sweep = Sweep(
        run=SweepRun(
            scope=scope,
            as_of=as_of,
            day=day.number,
            fingerprint=fingerprint(),
            started_at=as_of,
            shards=shards,
        ),
        day=day,
        rules=[],
        dry_run=dry_run,
        matches=[] if out is not None else None,
    )
    _compile(sweep, chosen)
    ids = None if customer_ids is None else compute.only(list(customer_ids))
    if dry_run:
        _try_out(sweep, ids)
    else:
        _live(sweep, ids, marks_read)
    if out is not None:
        report.write(out, sweep.matches or [])
    return sweep.run


# --- Before -----------------------------------------------------------------------------------


def _after_last_pass(as_of: datetime, scope: str) -> datetime:
    """Return ``as_of``, or just after the last pass over everybody when that was later on the same day.

    A wide row is written only by a newer pass (decision 11): a second sweep of the same moment, after
    more facts came in, must be newer.
    """
    state = MeasureState.objects.filter(id=1).first()
    if scope == Scope.TOUCHED or state is None or state.as_of < as_of:
        return as_of
    return state.as_of + _TICK if company.today(as_of).number == state.day else as_of


def _refuse_a_day_that_is_over(day: company.Today) -> None:
    whole = SweepRun.objects.filter(scope__in=[Scope.FULL, Scope.CHANGED], status=SweepRun.Status.DONE)
    last = whole.order_by("-day").values_list("day", flat=True).first()
    if last is not None and day.number < last:
        raise SweepTooEarly(
            day=localtime.day_of(day.number).isoformat(), last=localtime.day_of(last).isoformat()
        )


def _chosen(codes: Sequence[str] | None, *, dry_run: bool) -> list[WarningRule]:
    if codes is None:
        return list(WarningRule.objects.filter(is_enabled=True))
    found = switch.get(codes)
    for rule in found:
        if not rule.is_enabled and not dry_run:
            raise RuleIsOff(rule=rule.code)
    return found


def _compile(sweep: Sweep, rules: Iterable[WarningRule]) -> None:
    """Compile the rules; one that no longer compiles is set aside and matches nobody."""
    for rule in rules:
        try:
            sweep.rules.append(compile_rule(rule))
        except ConditionRefused as error:
            sweep.run.failed_rules[rule.code] = error.code
        sweep.run.warnings[rule.code] = 0


# --- Dry --------------------------------------------------------------------------------------


def _try_out(sweep: Sweep, ids: Customers | None) -> None:
    """Find who matches, over measures computed into a temporary table as of the moment."""
    shards = [ids] if ids is not None else compute.shards(sweep.run.shards)
    for customers in shards:
        began = perf_counter()
        with compute.at(as_of=sweep.run.as_of, customers=customers) as table:
            sweep.seconds["measures"] += perf_counter() - began
            scan = Scan(table, customers, sweep.day.number)
            with sweep.timing("rules"), matching(sweep.rules, scan=scan) as found:
                _take(sweep, found, found.counts())
            sweep.run.customers += scan.count()
    _finish(sweep)


# --- Live -------------------------------------------------------------------------------------


def _live(sweep: Sweep, ids: Customers | None, marks_read: Sequence[int]) -> None:
    sweep.run.save()
    try:
        _all_shards(sweep, ids, marks_read)
        _write_down(sweep)
    except BaseException:
        with suppress(DatabaseError):  # when the database itself is gone, the first error counts
            SweepRun.objects.filter(pk=sweep.run.pk).update(status=SweepRun.Status.FAILED)
        raise


def _all_shards(sweep: Sweep, ids: Customers | None, marks_read: Sequence[int]) -> None:
    run = sweep.run
    if run.scope == Scope.CHANGED:
        with sweep.timing("measures"):
            compute.refresh_changed(as_of=run.as_of)
    shards = [ids] if ids is not None else compute.shards(run.shards, writing=True)
    run.shards = len(shards)
    for customers in shards:
        with transaction.atomic():
            _shard(sweep, customers, marks_read)
            run.shards_done += 1
    if run.scope == Scope.FULL:
        compute.note_full_pass(as_of=run.as_of)


def _write_down(sweep: Sweep) -> None:
    """Store what the run found, note broken rules, and audit all but touched runs that found nothing."""
    run = sweep.run
    _finish(sweep)
    with transaction.atomic():
        _mark_broken_rules(sweep)
        run.status, run.finished_at = SweepRun.Status.DONE, run.as_of
        run.save()
        if run.scope != Scope.TOUCHED or any(run.warnings.values()):
            audit.record("sweep.run", obj=run, by=None, at=run.as_of, codes=_codes(run))


def _shard(sweep: Sweep, customers: Customers, marks_read: Sequence[int]) -> None:
    """Do the four steps for some customers. Whoever has a row of a later day is left to that pass."""
    run = sweep.run
    hold(sweep.rules)
    with sweep.timing("measures"):
        if run.scope == Scope.FULL:
            with marks.of_full_pass(customers, as_of=run.as_of):
                compute.refresh(as_of=run.as_of, customers=customers)
        elif run.scope == Scope.TOUCHED:
            compute.refresh(as_of=run.as_of, customers=customers)
            marks.delete(marks_read)
    scan = Scan(WIDE, customers, sweep.day.number, before=localtime.start_of_day(run.day + 1, sweep.day.zone))
    with sweep.timing("rules"), matching(sweep.rules, scan=scan) as found:
        raised = warnings.raise_matches(found, run=run, at=run.as_of)
        closed, cases_concerned = warnings.close_gone(found, scan=scan, at=run.as_of)
        _take(sweep, found, raised)
    run.warnings_closed += closed
    run.customers += scan.count()
    with sweep.timing("cases"):
        if any(raised.values()):
            opened, calls = cases.open_for_warnings(run, at=run.as_of)
            run.cases_opened += opened
            run.calls_created += calls
        if cases_concerned:
            cases.recovered_by_itself(cases_concerned, at=run.as_of)


def _take(sweep: Sweep, found: Matches, counts: dict[str, int]) -> None:
    """Add what a shard found to the run."""
    for code, number in counts.items():
        sweep.run.warnings[code] = sweep.run.warnings.get(code, 0) + number
    sweep.run.failed_rules |= found.failed
    if sweep.matches is not None:
        sweep.matches += found.rows()


def _finish(sweep: Sweep) -> None:
    sweep.run.seconds = {phase: round(seconds, 3) for phase, seconds in sweep.seconds.items()}


def _mark_broken_rules(sweep: Sweep) -> None:
    """Note which rules had to be set aside, and which work again; each change is audited once."""
    failed = sorted(sweep.run.failed_rules)
    fine = [rule.code for rule in sweep.rules if rule.code not in failed]
    WarningRule.objects.filter(code__in=fine, broken_since__isnull=False).update(broken_since=None)
    for rule in WarningRule.objects.filter(code__in=failed, broken_since__isnull=True):
        WarningRule.objects.filter(pk=rule.pk).update(broken_since=sweep.run.as_of)
        audit.record(
            "rule.set_aside",
            obj=rule,
            by=None,
            at=sweep.run.as_of,
            codes={"rule": rule.code, "why": sweep.run.failed_rules[rule.code]},
        )


def _codes(run: SweepRun) -> dict[str, object]:
    return {
        "scope": str(run.scope),
        "customers": run.customers,
        "warnings": sum(run.warnings.values()),
        "warnings_closed": run.warnings_closed,
        "cases_opened": run.cases_opened,
        "failed_rules": sorted(run.failed_rules),
    }
