"""Background work: what runs, waits, is late, failed or is dead, and who works on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from customers.access import allow
from customers.ground import backlog, clock, outbox, pulse
from customers.ground.models import Heartbeat, OutboxRow
from customers.ground.numbers import whole
from customers.models import ImportBatch, User
from customers.pages import live
from retention.models import SweepRun

PAGE = 50
VIEWS = ("late", "failed", "dead", "waiting")
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Row:
    """One piece of work in the list; moments are those of the product's clock."""

    id: int
    handler: str
    due_at: datetime
    attempts: int
    error: str
    dead_at: datetime | None
    request_id: str


@dataclass(frozen=True)
class Running:
    """Something in hand just now."""

    what: str
    who: str
    since: datetime | None
    url: str = ""
    done: int | None = None
    total: int | None = None


@require_safe
@never_cache
@allow("admin", "analyst")
def work_page(request: HttpRequest) -> HttpResponse:
    """Show the work; with ``?part=work`` only what changes, answered with 304 while nothing does."""
    context = _context(request)
    if request.GET.get("part") != "work":
        return render(request, "retention/work.html", context)
    html = render_to_string("retention/work_part.html", context, request)
    return live.answer(request, live.tag_of(html), lambda: html)


@require_POST
@allow("admin")
def work_retry(request: HttpRequest) -> HttpResponse:
    """Try one dead row again, or all dead ones of one handler."""
    at = clock.now()
    handler = request.POST.get("handler", "").replace("\0", "")
    if handler:
        count = outbox.retry_dead(handler, by=request.user, at=at)
    else:
        row = OutboxRow.objects.filter(pk=whole(request.POST.get("row"))).first()
        count = int(row is not None and outbox.retry(row, by=request.user, at=at))
    if count:
        text = ngettext("%(count)s piece of work is tried again.", "%(count)s are tried again.", count)
        messages.success(request, text % {"count": count})
    else:
        messages.info(request, _("There was nothing dead to try again."))
    return redirect(reverse("retention:work") + "?view=dead")


# --- What is shown ----------------------------------------------------------------------------


def _context(request: HttpRequest) -> dict[str, Any]:
    at, real = clock.now(), clock.real_now()
    view = request.GET.get("view", "")
    view = view if view in VIEWS else "late"
    counted = backlog.count(at=at, real=real)
    heard_of = Heartbeat.objects.filter(seen_at__gte=real - pulse.FORGOTTEN_AFTER)
    processes = list(heard_of.order_by("kind", "host", "pid")[:100])
    rows, older = _rows(view, request.GET.get("after", ""), at=at)
    total = counted.total
    live = {process.kind for process in processes if _lives(process, real=real)}
    return {
        "now": at,
        "total": total,
        "capped": counted.is_capped,
        "lines": sorted(counted.lines.items()),
        "running": [
            *_outbox_running(counted.running_ids, processes, real=real),
            *_imports_running(request.user),
            *_sweeps_running(at=at),
        ],
        "processes": [_shown(process, real=real) for process in processes],
        "nobody_works": Heartbeat.Kind.WORKER not in live,
        "rows": rows,
        "view": view,
        "views": _views(view, total),
        "older": f"?view={view}&after={older}" if older else None,
        "newer": f"?view={view}" if request.GET.get("after") else None,
        "part_url": _part_url(request, view),
        "may_retry": request.user.role == "admin",
    }


def _views(here: str, total: backlog.Line) -> list[dict[str, Any]]:
    labels = {"late": _("Late"), "failed": _("Failed"), "dead": _("Dead"), "waiting": _("All that waits")}
    address = reverse("retention:work")
    return [
        {
            "url": f"{address}?view={code}",
            "label": label,
            "count": getattr(total, code),
            "current": code == here,
        }
        for code, label in labels.items()
    ]


def _part_url(request: HttpRequest, view: str) -> str:
    after = request.GET.get("after", "")
    place = f"&after={after}" if after and _place(after) else ""
    return f"{reverse('retention:work')}?part=work&view={view}{place}"


def _rows(view: str, after: str, *, at: datetime) -> tuple[list[Row], str]:
    """Return a page of a view and the place after which the next one begins."""
    found: QuerySet[OutboxRow]
    place = _place(after)
    if view == "dead":
        found = backlog.dead().order_by("-id")
        found = found.filter(id__lt=place[1]) if place else found
    else:
        lists = {"late": lambda: backlog.late(at=at), "failed": backlog.failed, "waiting": backlog.undone}
        found = lists[view]().order_by("due_at", "id")
        if place:
            found = found.filter(
                Q(due_at__gt=place[0]) | Q(due_at=place[0], id__gt=place[1]), due_at__gte=place[0]
            )
    chosen = list(found[: PAGE + 1])
    rows = [_row(row) for row in chosen[:PAGE]]
    last = rows[-1] if len(chosen) > PAGE else None
    # + is a blank in an address: the moment is written with Z
    return rows, f"{last.due_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}~{last.id}" if last else ""


def _place(after: str) -> tuple[datetime, int] | None:
    moment, _sign, pk = after.partition("~")
    number = whole(pk)
    try:
        parsed = datetime.fromisoformat(moment)
        if parsed.tzinfo is None or number is None:
            return None
        return parsed.astimezone(UTC), number
    except (ValueError, OverflowError):
        return None


def _row(row: OutboxRow) -> Row:
    return Row(
        row.pk,
        row.handler,
        row.due_at,
        row.attempts,
        row.error,
        _product(row.dead_at),
        row.request_id,
    )


def _product(real: datetime | None) -> datetime | None:
    """Return a moment of real time (leases, heartbeats) as one of the product's clock, for showing."""
    return None if real is None else real + clock.offset()


def _lives(process: Heartbeat, *, real: datetime) -> bool:
    return process.seen_at >= real - pulse.SILENT_AFTER


def _shown(process: Heartbeat, *, real: datetime) -> dict[str, Any]:
    return {
        "kind": process.get_kind_display(),
        "place": f"{process.host} · {process.pid}",
        "started_at": _product(process.started_at),
        "seen_at": _product(process.seen_at),
        "doing": process.doing,
        "since": _product(process.since),
        "lives": _lives(process, real=real),
    }


# --- What runs --------------------------------------------------------------------------------


def _outbox_running(ids: list[int], processes: list[Heartbeat], *, real: datetime) -> list[Running]:
    names = {process.process: f"{process.host} · {process.pid}" for process in processes}
    rows = OutboxRow.objects.filter(pk__in=ids[:PAGE], lease_until__gt=real).order_by("lease_until", "id")
    return [
        Running(
            f"{row.handler} #{row.pk}",
            names.get(row.lease_token[:12], ""),
            _product(row.lease_until - outbox.LEASE) if row.lease_until else None,
        )
        for row in rows
    ]


def _imports_running(user: User) -> list[Running]:
    found = ImportBatch.objects.visible_to(user).filter(status__in=["waiting", "running"])  # type: ignore[attr-defined]
    return [
        Running(
            _("Import %(file)s") % {"file": batch.file_name or batch.kind},
            str(batch.get_status_display()),
            batch.started_at or batch.made_at,
            reverse("customers:import_detail", args=[batch.pk]),
            batch.progress.get("done"),
            batch.progress.get("total"),
        )
        for batch in found.order_by("id")[:20]
    ]


def _sweeps_running(*, at: datetime) -> list[Running]:
    done = Count("parts", filter=Q(parts__done_at__isnull=False))
    found = SweepRun.objects.filter(
        scope__in=SweepRun.Scope.values, status=SweepRun.Status.RUNNING, as_of__gt=at - ONE_DAY
    )
    return [
        Running(
            _("Sweep over %(scope)s") % {"scope": run.get_scope_display()},
            "",
            run.started_at,
            reverse("retention:sweep", args=[run.pk]),
            run.parts_done,
            run.shards,
        )
        for run in found.annotate(parts_done=done).order_by("-pk")[:20]
    ]
