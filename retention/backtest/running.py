"""Backtests as work to do: started, worked off by the drain range by range, cancelled, ended.

The row is the work (decision 6). A worker leases it and keeps what it has counted in memory; when it dies
the lease ends, and another one counts anew: nothing had been written.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from customers.ground import audit, clock, drain
from customers.ground.audit import Actor
from customers.ground.errors import Refused
from retention.backtest import thresholds
from retention.backtest.counting import Counted, Counting, OnRows, Progress, counting, tested
from retention.backtest.span import Span
from retention.measures import fingerprint
from retention.models import BacktestRun, RuleVersion, WarningRule
from retention.rules import terms
from retention.rules.conditions import Json
from retention.rules.versions import Content, content_of, content_of_version

log = logging.getLogger(__name__)

MINUTES_PER_CALL = 8
MOST_WAITING = 20
STEP_SECONDS = 2.0
LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 5
Status = BacktestRun.Status
_OPEN = (Status.WAITING, Status.RUNNING)
_counting: dict[int, tuple[str, Counting]] = {}  # of this process: run → lease token and what it counts
_one_at_a_time = threading.Lock()


class TooManyWaiting(Refused):
    code = "backtests_waiting"
    message = _("%(number)s backtests wait already. Cancel one, or come back when some are done.")


class UnknownVersion(Refused):
    code = "unknown_version"
    message = _("The rule “%(rule)s” has no version %(version)s.")


class Cancelled(Refused):
    code = "backtest_cancelled"
    message = _("The backtest was cancelled, or another worker went on with it.")


class Unsaved(Refused):
    code = "backtest_of_nothing"
    message = _("Name a rule, or give a condition.")


@dataclass(frozen=True)
class Wish:
    """What to count beside the span: which leaf's threshold to move (from 0), and what a call takes."""

    comparison: int | None = None
    minutes_per_call: int = MINUTES_PER_CALL


NO_WISH = Wish()


def start(
    rule: WarningRule | None,
    *,
    span: Span,
    condition: Json | None = None,
    version: int | None = None,
    wish: Wish = NO_WISH,
    by: Actor | None,
    at: datetime,
) -> BacktestRun:
    """Lay a backtest down as work to do, and return it.

    Args:
        rule: the rule; nothing for a ``condition`` that belongs to none.
        condition: one that is not stored, in place of the rule's.
        version: an earlier version of the rule; the present one when left out.

    Raises ``ConditionRefused``, ``SpanRefused``, ``NoThreshold``, :class:`UnknownVersion`,
    :class:`Unsaved`, :class:`TooManyWaiting`. Side effects: one row, audit ``backtest.start``.
    """
    if BacktestRun.objects.filter(status__in=_OPEN).count() >= MOST_WAITING:
        raise TooManyWaiting(number=MOST_WAITING)
    run = _made(rule, span, condition, version, wish, by, at)
    run.save()
    _note("start", run, by=by, at=at)
    return run


def run_now(
    rule: WarningRule,
    *,
    span: Span,
    wish: Wish = NO_WISH,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_rows: OnRows | None = None,
    by: Actor | None,
    at: datetime,
) -> BacktestRun:
    """Count a backtest at once and return it, kept as others are.

    When this process dies, workers go on with it. Raises what :func:`start` does, and ``RuleFailed``,
    :class:`Cancelled`. Side effects: one row, audits ``backtest.start`` and ``backtest.end``.
    """
    run = _made(rule, span, None, None, wish, by, at)
    run.status, run.attempts, run.lease_token = Status.RUNNING, 1, uuid.uuid4().hex
    run.lease_until = clock.real_now() + LEASE
    run.save()
    _note("start", run, by=by, at=at)
    run.counted_at = clock.real_now()
    steps = counting(run, on_rows=on_rows)
    try:
        while True:
            progress = next(steps)
            if not _keep(run, progress):
                raise Cancelled()
            on_progress(progress)
    except StopIteration as done:
        counted: Counted = done.value
    except Cancelled:
        raise
    except BaseException as error:
        _fail(run, _code_of(error), at=at)
        raise
    if not _end(run, counted, at=at):
        raise Cancelled()
    run.refresh_from_db()
    return run


def cancel(run: BacktestRun, *, by: Actor | None, at: datetime) -> bool:
    """Cancel a backtest that waits or runs; return whether it did. Side effect: audit ``backtest.cancel``."""
    cancelled = BacktestRun.objects.filter(pk=run.pk, status__in=_OPEN).update(
        status=Status.CANCELLED, finished_at=at, lease_until=None
    )
    if cancelled:
        _note("cancel", run, by=by, at=at)
    run.refresh_from_db()
    return bool(cancelled)


@drain.poller("retention.backtest")
def work(at: datetime) -> int:
    """Go on with one backtest for a short while; return 1 if there was one."""
    if not _one_at_a_time.acquire(blocking=False):
        return 0  # another thread of this process is at it
    try:
        run = _lease()
        if run is None:
            return 0
        _step(run, at=at)
        return 1
    finally:
        _one_at_a_time.release()


# --- Leases ----------------------------------------------------------------------------------------
def _lease() -> BacktestRun | None:
    """Return a backtest to work on: the one of this process, else a free one, leased."""
    real = clock.real_now()
    for pk, (token, _steps) in list(_counting.items()):
        mine = BacktestRun.objects.filter(pk=pk, lease_token=token, status=Status.RUNNING)
        if mine.update(lease_until=real + LEASE):
            return mine.select_related("rule").get()
        _forget(pk)
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=real)
    # one that waits counts with our own measures; a worker of another version would count others
    waiting = BacktestRun.objects.filter(free, status__in=_OPEN, fingerprint=fingerprint()).order_by("id")
    first = waiting.values_list("pk", flat=True).first()
    if first is None:
        return None
    taken = BacktestRun.objects.filter(free, pk=first, status__in=_OPEN).update(
        status=Status.RUNNING,
        lease_until=real + LEASE,
        lease_token=uuid.uuid4().hex,
        attempts=F("attempts") + 1,
        counted_at=real,
        progress={},
    )
    return BacktestRun.objects.select_related("rule").get(pk=first) if taken else None


def _step(run: BacktestRun, *, at: datetime) -> None:
    if run.attempts > MOST_ATTEMPTS:
        _fail(run, "stopped", at=at)
        return
    try:
        if run.pk not in _counting:
            _counting[run.pk] = (run.lease_token, counting(run))
        progress = _advance(_counting[run.pk][1])
    except Refused as refusal:
        _fail(run, refusal.code, at=at)
    except Exception as error:
        _forget(run.pk)
        log.exception("backtest failed", extra={"backtest_id": run.pk})
        back = timedelta(seconds=0 if isinstance(error, DatabaseError) else 2**run.attempts)
        _mine(run).update(lease_until=clock.real_now() + back, lease_token="", error=type(error).__name__)
    else:
        if isinstance(progress, Counted):
            _forget(run.pk)
            _end(run, progress, at=at)
        else:
            _keep(run, progress)


def _advance(steps: Counting) -> Progress | Counted:
    """Count for a short while; return the result when it is there."""
    until = time.monotonic() + STEP_SECONDS
    while True:
        try:
            progress = next(steps)
        except StopIteration as done:
            counted: Counted = done.value
            return counted
        if time.monotonic() >= until:
            return progress


def _mine(run: BacktestRun) -> Any:
    return BacktestRun.objects.filter(pk=run.pk, lease_token=run.lease_token, status=Status.RUNNING)


def _keep(run: BacktestRun, progress: Progress) -> bool:
    """Show how far it has come and keep the lease; return whether it is still ours."""
    shown = {"done": progress.done, "total": progress.total}
    return bool(_mine(run).update(progress=shown, lease_until=clock.real_now() + LEASE))


def _forget(pk: int) -> None:
    _token, steps = _counting.pop(pk, ("", None))
    if steps is not None:
        steps.close()


# --- Beginning and end -----------------------------------------------------------------------------
def _made(
    rule: WarningRule | None,
    span: Span,
    condition: Json | None,
    version: int | None,
    wish: Wish,
    by: Actor | None,
    at: datetime,
) -> BacktestRun:
    """Return a backtest, not yet stored, of a condition that compiles and has the comparison asked for."""
    if rule is None and condition is None:
        raise Unsaved()
    cool_down = (rule or WarningRule()).cool_down_days
    if condition is not None:
        condition, version = terms.read(condition).as_json(), None
    elif rule is not None:
        version = version or rule.version
        content = _content_of(rule, version)
        condition, cool_down = content["condition"], content.get("cool_down_days", cool_down)
    run = BacktestRun(
        rule=rule,
        version=version,
        condition=condition,
        re_fire_days=cool_down,
        first_day=span.first,
        last_day=span.last,
        step_days=span.step,
        horizon_days=span.horizon,
        gap_days=span.gap,
        comparison=wish.comparison,
        minutes_per_call=wish.minutes_per_call,
        by_id=by.pk if by is not None else None,
        made_at=at,
        fingerprint=fingerprint(),
    )
    thresholds.chosen(tested(run).condition, wish.comparison)
    return run


def _content_of(rule: WarningRule, version: int) -> Content:
    if version == rule.version:
        return content_of(rule)
    found = RuleVersion.objects.filter(rule=rule, version=version).first()
    if found is None:
        raise UnknownVersion(rule=rule.code, version=version)
    return content_of_version(found)


def _end(run: BacktestRun, counted: Counted, *, at: datetime) -> bool:
    """Keep the result, if the run is still ours."""
    kept = _mine(run).update(
        status=Status.DONE,
        finished_at=at,
        lease_until=None,
        error="",
        result=counted.result,
        counted_at=run.counted_at,
        ingested_until=counted.provenance.ingested_until,
        assumed_share=counted.provenance.share,
    )
    if kept:
        _note("end", run, by=None, at=at)
    return bool(kept)


def _fail(run: BacktestRun, code: str, *, at: datetime) -> None:
    _forget(run.pk)
    if _mine(run).update(status=Status.FAILED, finished_at=at, lease_until=None, error=code[:100]):
        _note("fail", run, by=None, at=at)


def _code_of(error: BaseException) -> str:
    return error.code if isinstance(error, Refused) else type(error).__name__


def _note(act: str, run: BacktestRun, *, by: Actor | None, at: datetime) -> None:
    codes = {"rule": run.rule.code if run.rule else None, "version": run.version}
    audit.record(f"backtest.{act}", obj=run, by=by, at=at, codes=codes)
