"""The tabs of a customer's page: each page about one customer enters its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise

from customers.models import Customer


@dataclass(frozen=True)
class Tab:
    """One tab; ``route`` takes the customer's ``pk``, ``position`` orders them."""

    route: str
    label: str | Promise
    position: int
    roles: frozenset[str] | None = None  # None: whoever may see the customer


_tabs: dict[str, Tab] = {}


def register(tab: Tab) -> None:
    """Enter a tab (in ``AppConfig.ready()``)."""
    _tabs[tab.route] = tab


def tabs_for(request: HttpRequest, customer: Customer) -> list[dict[str, Any]]:
    """Return the tabs that the reader may open, in order, as the views of ``ui/views.html``."""
    match = request.resolver_match
    here = match.view_name if match else ""
    role = getattr(request.user, "role", "")
    mine = sorted(
        (tab for tab in _tabs.values() if tab.roles is None or role in tab.roles),
        key=lambda tab: tab.position,
    )
    # an act that was refused shows the page that it belongs to: the longest route that begins its name
    current = max(
        (t.route for t in mine if here == t.route or here.startswith(f"{t.route}_")), key=len, default=""
    )
    return [
        {"url": reverse(tab.route, args=[customer.pk]), "label": tab.label, "current": tab.route == current}
        for tab in mine
    ]
