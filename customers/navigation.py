"""The main navigation: each app enters its own pages, the base template shows what one may open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground import clock, localtime
from customers.models import User
from customers.models.people import Role


@dataclass(frozen=True)
class Entry:
    """One entry; ``position`` orders them, ``section`` groups them, ``count`` is shown beside it.

    Entries of section ``setup`` do not stand in the navigation: the page of settings shows them as cards,
    each with its ``help``. ``also``: how the names of further pages begin that belong to it.
    """

    route: str
    label: str | Promise
    icon: str
    roles: frozenset[str]
    position: int
    section: str = "work"  # work, settings, setup
    count: Callable[[User], int] | None = None
    help: str | Promise = ""
    also: tuple[str, ...] = ()


SETTINGS = Entry(
    "customers:settings", _("Settings"), "settings", frozenset(Role.values), 200, section="settings"
)
"""Leads to the page of settings; stands in the navigation of whoever may open one of them."""
_entries: dict[str, Entry] = {}
_search_route = ""
_find_route = ""


def register(entry: Entry) -> None:
    """Enter a page into the navigation (in ``AppConfig.ready()``)."""
    _entries[entry.route] = entry


def entries_for(user: User) -> list[Entry]:
    """Return the entries that ``user`` may open, in order."""
    mine = [entry for entry in _mine(user) if entry.section != "setup"]
    if setup_for(user):
        mine.append(SETTINGS)
    return sorted(mine, key=lambda entry: (entry.section != "work", entry.position))


def setup_for(user: User) -> list[Entry]:
    """Return the pages of settings that ``user`` may open, in order."""
    return sorted(
        (entry for entry in _mine(user) if entry.section == "setup"), key=lambda entry: entry.position
    )


def _mine(user: User) -> list[Entry]:
    role = getattr(user, "role", "")
    return [entry for entry in _entries.values() if role in entry.roles]


def _is_at(here: str, entry: Entry) -> bool:
    """Say whether the page called ``here`` belongs to the entry."""
    names = (entry.route.removesuffix("_list"), *entry.also)
    return here == entry.route or f"{here}_".startswith(tuple(f"{name}_" for name in names))


def register_search(route: str, *, find: str = "") -> None:
    """Say which list page the search box of every page asks (``?q=``), and which part suggests."""
    global _search_route, _find_route
    _search_route, _find_route = route, find


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
        is_here = _is_at(here, entry)
        if entry is SETTINGS:
            is_here = is_here or any(_is_at(here, one) for one in setup_for(user))
        items.append(
            {
                "url": reverse(entry.route),
                "label": entry.label,
                "icon": entry.icon,
                "gap": bool(items) and entry.section != items[-1]["section"],
                "section": entry.section,
                "current": is_here,
                "count": entry.count(user) if entry.count else None,
            }
        )
    may_search = _search_route in {entry.route for entry in mine}
    return {
        "nav": items,
        "search_url": reverse(_search_route) if may_search else "",
        "find_url": reverse(_find_route) if may_search and _find_route else "",
        "banners": _banners(),
    }


def _banners() -> list[dict[str, Any]]:
    firm = company.find()
    banners = []
    if firm is not None and firm.is_demo:
        banners.append({"icon": "flask-conical", "text": gettext("A made-up company, to try things out.")})
    if firm is not None and clock.is_fixed():
        local = localtime.to_local(clock.now(), firm.time_zone)
        day = date_format(local, "DATE_FORMAT")
        banners.append(
            {
                "icon": "clock",
                "tone": "warn",
                "text": gettext("The clock of this database is set: today is %(day)s.") % {"day": day},
            }
        )
    return banners
