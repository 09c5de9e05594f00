"""One line in the log and one count for each request: its route, never its address or its tokens."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.functional import LazyObject, empty

from customers.ground import tally

log = logging.getLogger(__name__)

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
QUIET = {"healthz", "readyz", "metrics"}  # asked every few seconds by machines


class RequestLineMiddleware:
    """Stands inside the one that gives the request its id, and outside of all that may answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - began
        route, status = route_of(request), response.status_code
        method = request.method if request.method in METHODS else "OTHER"
        tally.count("liuke_http_requests_total", method=str(method), route=route, status=str(status))
        tally.observe("liuke_http_request_seconds", seconds, route=route)
        quiet = route in QUIET and status < 400
        said: dict[str, Any] = {"method": method, "route": route, "status": status}
        said["ms"] = round(seconds * 1000, 1)
        log.log(
            logging.DEBUG if quiet else logging.INFO,
            "request",
            extra={**said, **numbers_of(request), "user_id": user_id_of(request)},
        )
        return response


def route_of(request: HttpRequest) -> str:
    """Return the name of the route (a closed list), or ``unknown`` when no route was found."""
    match = getattr(request, "resolver_match", None)
    return (match.view_name or match.route) if match else "unknown"


def numbers_of(request: HttpRequest) -> dict[str, int]:
    """Return what the route found in the address that is a number: ids of ours, nothing else."""
    match = getattr(request, "resolver_match", None)
    found = match.kwargs if match else {}
    return {f"url_{name}": value for name, value in found.items() if isinstance(value, int)}


def user_id_of(request: HttpRequest) -> int | None:
    """Return who asked, when somebody has looked already: no query is made for the log."""
    user: Any = request.__dict__.get("user")
    if isinstance(user, LazyObject) and user.__dict__.get("_wrapped") is empty:
        return None
    return getattr(user, "pk", None)
