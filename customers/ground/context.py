"""Who is asking: the request's id and address, carried to audit and logs, and on to work done later."""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_REQUEST_ID = re.compile(r"^[A-Za-z0-9-]{8,64}$")


@dataclass(frozen=True)
class Origin:
    """Where an act comes from: ``request_id``, ``address`` (IP or ``""``), ``channel``.

    ``caused_by`` is the id of the request that asked for this work, when a worker does it later.
    """

    request_id: str
    address: str = ""
    channel: str = "system"
    caused_by: str = ""

    @property
    def root(self) -> str:
        """The id with which it all began: what work that is put off carries on."""
        return self.caused_by or self.request_id


def is_id(text: str) -> bool:
    """Say whether ``text`` has the form of a request's id; anything else is not carried on."""
    return bool(_REQUEST_ID.match(text))


_origin: ContextVar[Origin | None] = ContextVar("liuke_origin", default=None)


def current() -> Origin:
    """Return the origin of the running request, task or command."""
    return _origin.get() or Origin(request_id="")


@contextmanager
def acting(
    *, channel: str, request_id: str = "", address: str = "", caused_by: str | None = None
) -> Iterator[Origin]:
    """Mark everything inside as coming from ``channel`` (page, api, task, command).

    Without an id of its own it keeps that of the same channel around it (a task inside its worker),
    else it gets a new one. Without ``caused_by`` it keeps the cause around it.
    """
    around = current()
    kept = around.request_id if around.channel == channel else ""
    cause = around.caused_by if caused_by is None else caused_by
    origin = Origin(request_id or kept or uuid.uuid4().hex, address, channel, cause)
    token = _origin.set(origin)
    try:
        yield origin
    finally:
        _origin.reset(token)


def address_of(request: HttpRequest) -> str:
    """Return the address of who asks: as our own proxies saw it, never as the asker claims it.

    Each proxy of ours adds one entry at the end of ``X-Forwarded-For``; what stands before those
    was written by somebody else.
    """
    ours = settings.TRUSTED_PROXY_COUNT
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    seen = hops[-ours] if ours and len(hops) >= ours else request.META.get("REMOTE_ADDR", "")
    return _address(seen)


def _address(text: str) -> str:
    """Return ``text`` as an IP address without port or brackets; ``""`` when it is none."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


class RequestContextMiddleware:
    """Give each request an id, echoed in ``X-Request-ID``, and remember its address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        channel = "api" if request.path.startswith("/api/") else "page"
        with acting(
            channel=channel,
            request_id=given if is_id(given) else "",
            address=address_of(request),
        ) as origin:
            request.request_id = origin.request_id  # type: ignore[attr-defined]
            response = self.get_response(request)
        response["X-Request-ID"] = origin.request_id
        return response
