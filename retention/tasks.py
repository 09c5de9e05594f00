"""What happens by the clock: each task reads it and calls the verb. All may run twice and die midway."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from customers.ground import clock, context
from customers.ground.models import Company
from retention import calls, care, changes, loop, renewals, sweep
from retention.improving import watching
from retention.models import SweepRun
from retention.sweep import forgetting


@shared_task(name="retention.tasks.flag_warning_signs")
def flag_warning_signs(scope: str = "", **_kwargs: Any) -> None:
    """Sweep ``full`` or ``changed`` at once, ``touched`` what is marked; else once each local day."""
    with context.acting(channel="task"):
        at = clock.now()
        if scope in (SweepRun.Scope.FULL, SweepRun.Scope.CHANGED):
            sweep.run(as_of=at, scope=scope)
        elif scope == SweepRun.Scope.TOUCHED:
            sweep.touched(at)
        elif Company.objects.exists():  # the schedule rings from the first minute on
            sweep.nightly(at=at)


@shared_task(name="retention.tasks.assign_follow_up_calls")
def assign_follow_up_calls(**_kwargs: Any) -> None:
    """Give cases that nobody has to somebody, plan their calls, and escalate what is overdue."""
    with context.acting(channel="task"):
        at = clock.now()
        calls.assign_due(at=at)
        calls.escalate_overdue(at=at)


@shared_task(name="retention.tasks.forget_old_sweeps")
def forget_old_sweeps(**_kwargs: Any) -> None:
    """Forget the runs of the sweep that ended more than 90 days ago."""
    with context.acting(channel="task"):
        forgetting.forget_old(at=clock.now())


@shared_task(name="retention.tasks.see_to_renewals")
def see_to_renewals(**_kwargs: Any) -> None:
    """Let contracts renew themselves, open cases before notice dates, count lapses: once each local day."""
    with context.acting(channel="task"):
        renewals.nightly(at=clock.now())


@shared_task(name="retention.tasks.see_to_changes")
def see_to_changes(**_kwargs: Any) -> None:
    """Add whom open changes concern by now, and note who was lost: once each local day."""
    with context.acting(channel="task"):
        changes.nightly(at=clock.now())


@shared_task(name="retention.tasks.see_to_care")
def see_to_care(**_kwargs: Any) -> None:
    """Find who is due by the care plans that run: once each local day and plan."""
    with context.acting(channel="task"):
        care.nightly(at=clock.now())


@shared_task(name="retention.tasks.see_to_loops")
def see_to_loops(**_kwargs: Any) -> None:
    """Open loops that are missing, end what was never answered, and give what nobody has to somebody."""
    with context.acting(channel="task"):
        at = clock.now()
        loop.open_missing(at=at)
        loop.expire(at=at)
        loop.give_unowned(at=at)


@shared_task(name="retention.tasks.watch_rises")
def watch_rises(**_kwargs: Any) -> None:
    """Compare products and lots with their own past: once each local week."""
    with context.acting(channel="task"):
        watching.weekly(at=clock.now())
