"""Liveness and readiness: what a load balancer and health checks ask."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from customers.access import PUBLIC, allow
from customers.ground import pulse
from customers.ground.models import Heartbeat

BROKER_SECONDS = 0.2


@allow(PUBLIC)
@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer that the process lives; touch nothing else."""
    return JsonResponse({"status": "ok"})


@allow(PUBLIC)
@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when database and migrations are ready; a silent broker is only ``degraded``."""
    checks = {"database": database_state(), "broker": broker_state()}
    ready = checks["database"] == "ok"
    status = "unready" if not ready else "ok" if checks["broker"] == "ok" else "degraded"
    return JsonResponse({"status": status, "checks": checks}, status=200 if ready else 503)


_migrated = False


def database_state() -> str:
    """Return ``ok``, ``unreachable`` or ``migrations missing``.

    Whether migrations are missing is asked until none is: code does not change under a running process,
    and what a newer version has migrated meanwhile is its own affair. Then one small query is enough.
    """
    global _migrated
    try:
        if _migrated:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            return "ok"
        executor = MigrationExecutor(connection)
        plan: list[Any] = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "unreachable"
    _migrated = not plan
    return "migrations missing" if plan else "ok"


def broker_state() -> str:
    """Return ``ok`` or ``unreachable``; the embedded broker is a folder and always there.

    A bare connection with a 0.2 s limit: no client that retries, so that a frozen broker delays
    nobody. Whoever answers TCP counts as reachable.
    """
    if not settings.REDIS_URL:
        return "ok"
    parts = urlsplit(settings.REDIS_URL)
    try:
        if parts.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(BROKER_SECONDS)
                client.connect(parts.path)
        else:
            socket.create_connection((parts.hostname, parts.port or 6379), timeout=BROKER_SECONDS).close()
    except OSError:
        return "unreachable"
    return "ok"


# --- Processes without a port -----------------------------------------------------------------


def process_state(kind: str, *, host: str, real: datetime, alive: Callable[[int], bool]) -> str:
    """Return ``ok`` when a process of ``kind`` on ``host`` lives and its loop turns, else why not.

    Args:
        real: real time; whoever was not heard of for a minute before it is silent.
        alive: says whether a process of this machine lives, by its number.
    """
    seen = Heartbeat.objects.filter(kind=kind, host=host[:255], seen_at__gte=real - pulse.SILENT_AFTER)
    try:
        pids = list(seen.values_list("pid", flat=True))
    except DatabaseError:
        return "database unreachable"
    if not pids:
        return "silent"
    return "ok" if any(alive(pid) for pid in pids) else "dead"
