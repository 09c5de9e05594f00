"""Liveness and readiness: what a load balancer asks."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from customers.access import PUBLIC, allow

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


def database_state() -> str:
    """Return ``ok``, ``unreachable`` or ``migrations missing``."""
    try:
        executor = MigrationExecutor(connection)
        plan: list[Any] = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "unreachable"
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
