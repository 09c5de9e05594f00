"""The runs of the sweep: the list, and one run with its phases, rules and shards."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.models import AuditEvent
from customers.ground.numbers import whole
from retention.models import SweepRun, SweepShard, WarningRule

PAGE = 50
SHARDS = 100
BARS = 30
PHASES = ("measures", "rules", "cases")
VIEWS = {
    "": [SweepRun.Scope.FULL, SweepRun.Scope.CHANGED],
    "touched": [SweepRun.Scope.TOUCHED],
    "all": SweepRun.Scope.values,
}


@require_safe
@allow("admin", "analyst")
def sweep_list(request: HttpRequest) -> HttpResponse:
    """List the runs, newest first, with the seconds of the last thirty in bars."""
    view = request.GET.get("view", "")
    view = view if view in VIEWS else ""
    before = whole(request.GET.get("before"))
    found = SweepRun.objects.filter(scope__in=VIEWS[view]).order_by("-pk")
    listed = found.filter(pk__lt=before) if before is not None else found
    runs = list(listed[: PAGE + 1])
    query = f"view={view}&" if view else ""
    ended = found.filter(status=SweepRun.Status.DONE).values_list("seconds", flat=True)
    last = [round(sum(seconds.values()), 2) for seconds in ended[:BARS]]
    context = {
        "rows": [_row(run) for run in runs[:PAGE]],
        "views": _views(view),
        "older": f"?{query}before={runs[PAGE - 1].pk}" if len(runs) > PAGE else None,
        "newer": f"?{query}".rstrip("&") if before is not None else None,
        "bars": last[::-1],
        "now": clock.now(),
    }
    return render(request, "retention/sweep_list.html", context)


@require_safe
@allow("admin", "analyst")
def sweep_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one run: rows and seconds a phase, what each rule did, its shards, who started it."""
    run = get_object_or_404(SweepRun, pk=pk)
    progress = _progress(run)
    if request.GET.get("part") == "progress":
        return render(request, "retention/sweep_progress.html", {"run": run, **progress})
    after = whole(request.GET.get("after")) or 0
    shards = list(run.parts.filter(number__gt=after).order_by("number")[: SHARDS + 1])
    context = {
        "run": run,
        "raised": sum(run.warnings.values()),
        "phases": _phases(run),
        "rules": _rules(run),
        "scan": (run.details or {}).get("scan", {}),
        "shards": [_shard(shard) for shard in shards[:SHARDS]],
        **progress,
        "older": f"?after={shards[SHARDS - 1].number}" if len(shards) > SHARDS else None,
        "newer": request.path if after else None,
        "started_by": _started_by(run),
        "crumbs": [(_("Sweeps"), reverse("retention:sweep_list"))],
        "now": clock.now(),
    }
    return render(request, "retention/sweep.html", context)


def _progress(run: SweepRun) -> dict[str, Any]:
    """Return how many parts are done, and where the page asks again while it runs."""
    done = run.parts.aggregate(all=Count("pk"), done=Count("pk", filter=Q(done_at__isnull=False)))
    address = reverse("retention:sweep", args=[run.pk])
    return {
        "shards_all": done["all"] or run.shards,
        "shards_done": done["done"] if done["all"] else run.shards_done,
        "poll_url": f"{address}?part=progress",
        "page_url": address,
    }


def _views(here: str) -> list[dict[str, Any]]:
    labels = {"": _("Over everybody"), "touched": _("After a change"), "all": _("All")}
    address = reverse("retention:sweep_list")
    return [
        {
            "url": f"{address}?view={code}" if code else address,
            "label": label,
            "count": None,
            "current": code == here,
        }
        for code, label in labels.items()
    ]


def _row(run: SweepRun) -> dict[str, Any]:
    return {
        "run": run,
        "raised": sum(run.warnings.values()),
        "seconds": round(sum(run.seconds.values()), 2),
        "failed": len(run.failed_rules),
    }


def _phases(run: SweepRun) -> list[dict[str, Any]]:
    """Return seconds, share and rows of each phase, the known ones first."""
    labels = {"measures": _("Measures"), "rules": _("Rules"), "cases": _("Cases")}
    rows = (run.details or {}).get("rows", {})
    total = sum(run.seconds.values()) or 1
    order = [*PHASES, *sorted(set(run.seconds) - set(PHASES))]
    return [
        {
            "label": labels.get(phase, phase),
            "seconds": round(run.seconds[phase], 3),
            "share": round(100 * run.seconds[phase] / total),
            "rows": rows.get(phase),
        }
        for phase in order
        if phase in run.seconds
    ]


def _rules(run: SweepRun) -> list[dict[str, Any]]:
    """Return what each rule of the run did, those that were set aside first."""
    told = (run.details or {}).get("rules", {})
    codes = sorted({*run.warnings, *run.failed_rules, *told, *(run.codes or [])})
    names = {rule.code: rule for rule in WarningRule.objects.filter(code__in=codes)}
    rows = [
        {
            "code": code,
            "name": str(names.get(code, code)),
            "matches": told.get(code, {}).get("matches"),
            "raised": told.get(code, {}).get("raised", run.warnings.get(code, 0)),
            "seconds": told.get(code, {}).get("seconds"),
            "why": run.failed_rules.get(code, ""),
        }
        for code in codes
    ]
    return sorted(rows, key=lambda row: (not row["why"], row["name"]))


def _shard(shard: SweepShard) -> dict[str, Any]:
    seconds = shard.found.get("seconds") or {}
    real = clock.real_now()
    return {
        "number": shard.number,
        "low": shard.low,
        "high": shard.high,
        "attempts": shard.attempts,
        "error": shard.error,
        "is_done": shard.done_at is not None,
        "is_leased": shard.done_at is None and shard.lease_until is not None and shard.lease_until > real,
        "customers": shard.found.get("customers"),
        "seconds": round(sum(seconds.values()), 2) if seconds else None,
    }


def _started_by(run: SweepRun) -> str:
    """Say what started the run, as far as the record tells."""
    if run.scope == SweepRun.Scope.TOUCHED:
        return _("a change of facts")
    if run.scope == SweepRun.Scope.BASELINE:
        return _("a rule that was switched on")
    if run.slot:
        return _("the schedule, for %(day)s") % {"day": run.slot}
    event = AuditEvent.objects.filter(
        object_type=SweepRun._meta.label_lower, object_id=run.pk, act="sweep.run"
    ).first()
    if event is None:
        return ""
    by_channel = {"task": _("the schedule"), "command": _("a command"), "api": _("the API")}
    return by_channel.get(event.channel, "")
