"""Sweeping the customers whose facts have just changed: seconds after the change."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import Max

from customers.ground import drain
from customers.models import Customer, TouchedCustomer
from retention.models import CustomerMeasures, MeasureState, SweepRun
from retention.sweep import marks
from retention.sweep.sweeping import run

_TICK = timedelta(microseconds=1)


@drain.poller("touched")
def touched(at: datetime) -> int:
    """Sweep a thousand marks at most that are free; return how many marks (the drain's poller)."""
    claimed = marks.claim()
    if claimed is None:
        return 0
    _sweep(claimed, at=at, out=None)
    return len(claimed.ids)


def sweep_touched(*, at: datetime, dry_run: bool = False, out: Path | None = None) -> SweepRun:
    """Sweep all marks that are free in one transaction and return the run.

    A dry run leaves the marks and looks at their customers as of ``at``.
    """
    if dry_run:
        marked = TouchedCustomer.objects.values_list("customer_id", flat=True)
        scope = SweepRun.Scope.TOUCHED
        return run(as_of=at, scope=scope, customer_ids=set(marked), dry_run=True, out=out)
    claimed = marks.claim(limit=None) or marks.Claim("", (), (), at)
    return _sweep(claimed, at=at, out=out)


def _sweep(claimed: marks.Claim, *, at: datetime, out: Path | None) -> SweepRun:
    """Sweep the customers of claimed marks.

    The moment is the latest of ``at``, just after the newest ``recorded_at`` among the marks, just after
    the newest row that these customers have, and just after the last pass over everybody. Marks are
    deleted by the ids that were read, in the transaction of the sweep; when it fails they are given back.
    """
    try:
        with transaction.atomic():
            return run(
                as_of=_moment(claimed, at=at),
                scope=SweepRun.Scope.TOUCHED,
                customer_ids=claimed.customers,
                marks_read=claimed.ids,
                out=out,
            )
    except BaseException:
        marks.release(claimed)
        raise


def _moment(claimed: marks.Claim, *, at: datetime) -> datetime:
    """Lock the customers in order and return a moment that is newer than what was seen of them.

    With the lock, two sweeps of one customer follow each other, and the later one is the newer.
    """
    customers = Customer.objects.select_for_update(no_key=True).filter(pk__in=claimed.customers)
    list(customers.order_by("pk").values_list("pk", flat=True))
    rows = CustomerMeasures.objects.filter(customer__in=claimed.customers)
    newest = rows.aggregate(newest=Max("as_of"))["newest"]
    whole = MeasureState.objects.filter(id=1).values_list("as_of", flat=True).first()
    return max(at, *(seen + _TICK for seen in (claimed.newest, newest, whole) if seen is not None))
