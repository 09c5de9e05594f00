"""The end of a run: what its shards found is summed up, noted and audited, exactly once."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from customers.ground import audit
from customers.ground.models import BackgroundRun
from retention.measures import compute
from retention.models import SweepRun, WarningRule
from retention.sweep import releasing, shards
from retention.sweep.judging import Found

Status = SweepRun.Status
NIGHTLY = "sweep"  # the name of the nightly run in ``BackgroundRun``


def finish(run: SweepRun) -> bool:
    """End a run whose shards are all done; return whether it was ended here and now.

    Whoever did the last shard comes here, and whoever finds that he died before. One conditional
    update decides between them.
    """
    if shards.undone(run):
        return False
    with transaction.atomic():
        if not SweepRun.objects.filter(pk=run.pk, status=Status.RUNNING).update(status=Status.DONE):
            return False
        run.refresh_from_db()
        found = summed_up(run.parts.order_by("number").values_list("found", flat=True))
        release_into(found, run)
        found.write_to(run)
        compute.note_full_pass(as_of=run.as_of, measures=run.fingerprint)
        write_down(run)
        if run.slot:
            BackgroundRun.objects.filter(name=NIGHTLY, slot=run.slot).update(
                status=BackgroundRun.Status.DONE, finished_at=run.as_of
            )
    return True


def release_into(found: Found, run: SweepRun) -> None:
    """Let limited rules open their cases of the day, and count those to what was found."""
    with found.timing("cases"):
        opened, planned = releasing.release(run, at=run.as_of)
    found.cases_opened += opened
    found.calls_created += planned


def fail(run: SweepRun) -> None:
    """Give a run up that still runs; what its shards did stands, and the next run does the rest."""
    SweepRun.objects.filter(pk=run.pk, status=Status.RUNNING).update(status=Status.FAILED)


def give_up_earlier(run: SweepRun) -> None:
    """Give up what still runs for a day before that of ``run``, which does everybody now.

    Waits for a shard of it that is just being written; after us none is (``shards.done``).
    """
    earlier = SweepRun.objects.filter(scope__in=shards.EVERYBODY, day__lt=run.day)
    earlier.filter(status=Status.RUNNING).update(status=Status.FAILED)


def write_down(run: SweepRun) -> None:
    """Store what a run found, note broken rules, and audit all but touched runs that found nothing."""
    _mark_broken_rules(run)
    run.status, run.finished_at = Status.DONE, run.as_of
    run.save()
    if run.scope != SweepRun.Scope.TOUCHED or any(run.warnings.values()):
        audit.record("sweep.run", obj=run, by=None, at=run.as_of, codes=_codes(run))


def summed_up(found: Iterable[dict[str, object]]) -> Found:
    """Return the sum of what shards stored."""
    total = Found()
    for one in found:
        total.add(Found(**one))  # type: ignore[arg-type]
    return total


def _mark_broken_rules(run: SweepRun) -> None:
    """Note which rules had to be set aside, and which work again; each change is audited once."""
    failed = sorted(run.failed_rules)
    fine = [code for code in run.codes or [] if code not in failed]
    WarningRule.objects.filter(code__in=fine, broken_since__isnull=False).update(broken_since=None)
    for rule in WarningRule.objects.filter(code__in=failed, broken_since__isnull=True):
        WarningRule.objects.filter(pk=rule.pk).update(broken_since=run.as_of)
        audit.record(
            "rule.set_aside",
            obj=rule,
            by=None,
            at=run.as_of,
            codes={"rule": rule.code, "why": run.failed_rules[rule.code]},
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
