"""Sweeps: over everybody, shard by shard, or over given customers; live or dry.

Each shard is one transaction that does all four steps, so that a sweep may be killed anywhere and go
on: what was committed stands, what was not is done again, and the database's constraints see to it
that nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from django.db import DatabaseError, transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import localtime
from customers.ground.errors import Refused
from retention.measures import compute, fingerprint
from retention.measures.compute import Customers
from retention.models import MeasureState, SweepRun, WarningRule
from retention.rules import life
from retention.sweep import ending, everybody, marks, report, shards, trying
from retention.sweep.judging import Found, judge

Scope = SweepRun.Scope
Status = SweepRun.Status
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
    slot: str = "",
) -> SweepRun:
    """Sweep and return the run with what it found.

    Args:
        as_of: the moment; facts count that occurred and were recorded before it. When everybody was
            last refreshed at or after it on the same local day, just after that.
        scope: ``full`` computes everybody's measures; ``changed`` only of whom time or facts may have
            moved, then judges everybody; ``touched`` is about ``customer_ids`` alone, in one transaction.
        rules: codes; all that are switched on when not given. A dry run may name rules that are off.
        shards: least number of ranges, a transaction each; other workers help with them.
        dry_run: write nothing; ``warnings`` then counts who matches, as of any moment of the past.
        out: file that gets a line for every match: customer, rule, evidence, sorted.
        marks_read: ids of touched marks, deleted in the transaction of the sweep.
        slot: of the nightly run that this is.

    Raises :class:`SweepTooEarly`, :class:`RuleIsOff`, ``UnknownRule``, ``NoCompany``, ``SweepFailed``.
    Side effects of a live sweep: the wide table, warnings, cases, calls, events; an audit event
    ``sweep.run``. A dry run returns a run that is not stored.
    """
    if not dry_run:
        as_of = _after_last_pass(as_of, scope)
    made = SweepRun(
        scope=scope,
        as_of=as_of,
        day=company.today(as_of).number,
        fingerprint=fingerprint(),
        started_at=as_of,
        shards=shards,
        slot=slot,
    )
    if not dry_run:
        _refuse_a_day_that_is_over(made, Status.DONE)
    made.codes = [rule.code for rule in _chosen(rules, dry_run=dry_run)]
    ids = None if customer_ids is None else compute.only(list(customer_ids))
    if dry_run:
        return trying.try_out(made, ids, out=out)
    if ids is None:
        _everybody(made)
    else:
        _given(made, ids, marks_read)
    if out is not None:
        report.write(out, trying.matches_now(made, ids))
    return made


# --- Before -----------------------------------------------------------------------------------


def _after_last_pass(as_of: datetime, scope: str) -> datetime:
    """Return ``as_of``, or just after the last pass over everybody when that was later on the same day.

    A wide row is written only by a newer pass (decision 11): a second sweep of the same moment, after
    more facts came in, must be newer. So it must be after one that is under way, or that failed, since
    some of its rows may stand.
    """
    if scope == Scope.TOUCHED:
        return as_of
    day = company.today(as_of).number
    passes = [
        MeasureState.objects.filter(id=1, day=day),
        SweepRun.objects.filter(scope__in=shards.EVERYBODY, day=day),
    ]
    last = [rows.aggregate(last=Max("as_of"))["last"] for rows in passes]
    return max([as_of, *(moment + _TICK for moment in last if moment is not None)])


def _refuse_a_day_that_is_over(run: SweepRun, *statuses: str) -> None:
    others = SweepRun.objects.filter(scope__in=shards.EVERYBODY, status__in=statuses)
    last = others.order_by("-day").values_list("day", flat=True).first()
    if last is not None and run.day < last:
        raise SweepTooEarly(
            day=localtime.day_of(run.day).isoformat(), last=localtime.day_of(last).isoformat()
        )


def _chosen(codes: Sequence[str] | None, *, dry_run: bool) -> list[WarningRule]:
    if codes is None:
        return list(WarningRule.objects.filter(is_enabled=True))
    found = life.get(codes)
    for rule in found:
        if not rule.is_enabled and not dry_run:
            raise RuleIsOff(rule=rule.code)
    return found


# --- Live -------------------------------------------------------------------------------------


def _everybody(run: SweepRun) -> None:
    """Lay the run down as shards and work on them until it has ended.

    The day is looked at again when the run can be seen: of two that begin at midnight the earlier one
    sees the later one, or the later one sees the earlier one and gives it up.
    """
    shards.lay_down(run, compute.shards(run.shards, writing=True))
    try:
        _refuse_a_day_that_is_over(run, Status.DONE, Status.RUNNING)
    except SweepTooEarly:
        ending.fail(run)
        raise
    ending.give_up_earlier(run)
    try:
        everybody.work_until_ended(run)
    except everybody.SweepFailed:
        _refuse_a_day_that_is_over(run, Status.DONE, Status.RUNNING)  # that is why, then
        raise


def _given(run: SweepRun, customers: Customers, marks_read: Sequence[int]) -> None:
    """Sweep given customers in one transaction, the marks that brought them included."""
    run.save()

    def measuring() -> int:
        written = compute.refresh(as_of=run.as_of, customers=customers)
        marks.delete(marks_read)
        return written

    try:
        with transaction.atomic():
            found: Found = judge(run, customers, measuring=measuring)
            ending.release_into(found, run)
            found.write_to(run)
            run.shards = run.shards_done = 1
            ending.write_down(run)
    except BaseException:
        with suppress(DatabaseError):  # when the database itself is gone, the first error counts
            ending.fail(run)
        raise
