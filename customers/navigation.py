"""The main navigation: each app enters its own pages, the base template shows what one may open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from customers import company
from customers.ground import clock, localtime
from customers.models import User


@dataclass(frozen=True)
class Entry:
    """One entry; ``position`` orders them, ``section`` groups them, ``count`` is shown beside it."""

    route: str
    label: str | Promise
    icon: str
    roles: frozenset[str]
    position: int
    section: str = "work"  # work, settings
    count: Callable[[User], int] | None = None


_entries: dict[str, Entry] = {}
_search_route = ""


def register(entry: Entry) -> None:
    """Enter a page into the navigation (in ``AppConfig.ready()``)."""
    _entries[entry.route] = entry


def entries_for(user: User) -> list[Entry]:
    """Return the entries that ``user`` may open, in order."""
    role = getattr(user, "role", "")
    mine = [entry for entry in _entries.values() if role in entry.roles]
    return sorted(mine, key=lambda entry: (entry.section != "work", entry.position))


def register_search(route: str) -> None:
    """Say which list page the search box of every page asks (``?q=``)."""
    global _search_route
    _search_route = route


def context(request: HttpRequest) -> dict[str, Any]:
    """Give every page its navigation, its search box and the banners of demo and fixed clock."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    match = getattr(request, "resolver_match", None)
    here = match.view_name if match else ""
    items: list[dict[str, Any]] = []
    mine = entries_for(user)
    for entry in mine:
        stem = entry.route.removesuffix("_list")
        items.append(
            {
                "url": reverse(entry.route),
                "label": entry.label,
                "icon": entry.icon,
                "gap": bool(items) and entry.section != items[-1]["section"],
                "section": entry.section,
                "current": here == entry.route or here.startswith(f"{stem}_"),
                "count": entry.count(user) if entry.count else None,
            }
        )
    may_search = _search_route in {entry.route for entry in mine}
    return {"nav": items, "search_url": reverse(_search_route) if may_search else "", "banners": _banners()}


def _banners() -> list[dict[str, Any]]:
    firm = company.find()
    banners = []
    if firm is not None and firm.is_demo:
        banners.append({"icon": "flask-conical", "text": _("A made-up company, to try things out.")})
    if firm is not None and clock.is_fixed():
        local = localtime.to_local(clock.now(), firm.time_zone)
        day = date_format(local, "DATE_FORMAT")
        banners.append(
            {
                "icon": "clock",
                "tone": "warn",
                "text": _("The clock of this database is set: today is %(day)s.") % {"day": day},
            }
        )
    return banners
