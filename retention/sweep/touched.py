"""Sweeping the customers whose facts have just changed: seconds after the change."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Max

from customers.ground import drain
from customers.models import Customer, TouchedCustomer
from retention.measures import compute
from retention.models import CustomerMeasures, MeasureState, SweepRun
from retention.sweep import marks, report, trying
from retention.sweep.shards import EVERYBODY
from retention.sweep.sweeping import run

log = logging.getLogger(__name__)

MOST_ALONE = 20
_TICK = timedelta(microseconds=1)


@drain.poller("touched")
def touched(at: datetime) -> int:
    """Sweep a thousand marks at most that are free; return how many were answered (the drain's poller).

    When the sweep fails, its halves are swept apart, and so on: one customer who cannot be swept holds
    nobody else up. The marks of such a customer wait for five minutes of real time.
    """
    claimed = marks.claim()
    return 0 if claimed is None else _in_parts(claimed, at=at, alone=[])


def sweep_touched(*, at: datetime, dry_run: bool = False, out: Path | None = None) -> SweepRun:
    """Sweep all marks that are free now and return the run, or the sum of the runs when they are many.

    Goes by parts, a transaction each, so that nobody waits long for a writer; marks that come in
    meanwhile are left to the drain. A dry run leaves the marks and looks at their customers as of ``at``.
    """
    if dry_run:
        marked = TouchedCustomer.objects.values_list("customer_id", flat=True)
        scope = SweepRun.Scope.TOUCHED
        return run(as_of=at, scope=scope, customer_ids=set(marked), dry_run=True, out=out)
    last = marks.newest()
    runs, matches = list[SweepRun](), list[trying.Match]()
    while claimed := marks.claim(up_to=last):
        try:
            runs.append(_sweep(claimed, at=at))
        except BaseException:
            marks.release(claimed)
            raise
        if out is not None:
            matches += trying.matches_now(runs[-1], compute.only(claimed.customers))
    if out is not None:
        report.write(out, matches)
    return _together(runs or [_sweep(marks.Claim(""), at=at)])


def _together(runs: list[SweepRun]) -> SweepRun:
    """Return the last run with the counts of all; what is stored stays as it is."""
    total = runs.pop()
    for one in runs:
        for name in ("customers", "warnings_closed", "cases_opened", "calls_created"):
            setattr(total, name, getattr(total, name) + getattr(one, name))
        total.failed_rules |= one.failed_rules
        total.warnings = {code: n + one.warnings.get(code, 0) for code, n in total.warnings.items()}
        total.seconds = {phase: round(n + one.seconds[phase], 3) for phase, n in total.seconds.items()}
    return total


def _in_parts(claimed: marks.Claim, *, at: datetime, alone: list[int]) -> int:
    """Sweep a claim, in halves when it fails; return how many marks were answered.

    ``alone`` gathers the customers who failed alone. After ``MOST_ALONE`` of them nothing is parted any
    more, since it is no customer's fault then: the rest waits for its lease to end.
    """
    try:
        _sweep(claimed, at=at)
        return len(claimed.ids)
    except Exception as error:
        if _is_passing(error):
            marks.release(claimed)
            raise
        if len(claimed.customers) == 1:
            log.exception("touched customer failed", extra={"customer_id": claimed.customers[0]})
            marks.hold(claimed, span=marks.LEASE_OF_FAILED)
            alone.append(claimed.customers[0])
            return 0
    except BaseException:
        marks.release(claimed)
        raise
    answered = 0
    for half in claimed.halves():
        if len(alone) < MOST_ALONE:
            marks.hold(half)
            answered += _in_parts(half, at=at, alone=alone)
    return answered


def _is_passing(error: Exception) -> bool:
    """Return whether the database was at fault and no customer: a deadlock, a lost connection, a lock."""
    if isinstance(error, OperationalError):
        return connection.vendor == "postgresql" or "locked" in str(error)
    return isinstance(error, InterfaceError)


def _sweep(claimed: marks.Claim, *, at: datetime) -> SweepRun:
    """Sweep the customers of claimed marks.

    The moment is the latest of ``at``, just after the newest ``recorded_at`` among the marks, just after
    the newest row that these customers have, and just after the passes over everybody, the last one and
    those under way. Marks are deleted by the ids that were read, in the transaction of the sweep.
    """
    with transaction.atomic():
        return run(
            as_of=_moment(claimed, at=at),
            scope=SweepRun.Scope.TOUCHED,
            customer_ids=claimed.customers,
            marks_read=claimed.ids,
        )


def _moment(claimed: marks.Claim, *, at: datetime) -> datetime:
    """Lock the customers in order and return a moment that is newer than what was seen of them.

    With the lock, two sweeps of one customer follow each other, and the later one is the newer.
    """
    customers = Customer.objects.select_for_update(no_key=True).filter(pk__in=claimed.customers)
    list(customers.order_by("pk").values_list("pk", flat=True))
    rows = CustomerMeasures.objects.filter(customer__in=claimed.customers)
    newest = rows.aggregate(newest=Max("as_of"))["newest"]
    whole = MeasureState.objects.filter(id=1).values_list("as_of", flat=True).first()
    under_way = SweepRun.objects.filter(scope__in=EVERYBODY, status=SweepRun.Status.RUNNING)
    running = under_way.aggregate(newest=Max("as_of"))["newest"]
    return max([at, *(seen + _TICK for seen in (claimed.newest, newest, whole, running) if seen is not None)])
