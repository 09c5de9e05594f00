"""The tags of a page: ``{% load ui %}``; docs/design-system.md shows each one in use.

What they draw is made in ``customers.ground.marks``; here it learns the page's own moment and address.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.template import engines
from django.template.context import Context
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from customers.ground import clock, marks

register = template.Library()

register.simple_tag(marks.icon)
register.simple_tag(marks.money)
register.simple_tag(marks.severity)
register.simple_tag(marks.sparkline)
register.simple_tag(marks.tel)
register.filter(marks.capped)
register.filter(marks.initials)


# --- Moments ----------------------------------------------------------------------------------
def _now(context: Context) -> datetime:
    """Return the page's ``now`` when the view gave one, so that a whole page shows one moment."""
    given = context.get("now")
    return given if isinstance(given, datetime) else clock.now()


@register.simple_tag(takes_context=True)
def when(context: Context, moment: datetime | None) -> SafeString | str:
    """Show a moment relative to now, with the exact one on hover; a dash when there is none."""
    return marks.when(moment, _now(context))


@register.simple_tag(takes_context=True)
def due(context: Context, moment: datetime | None, at: datetime | None = None) -> SafeString | str:
    """Show a deadline as a tag: late (red, with a mark), within four hours (amber), else calm.

    ``at`` is the moment it is judged at; without it, now (then the page keeps it up to date).
    """
    return marks.due(moment, at if isinstance(at, datetime) else _now(context), live=not at)


@register.simple_tag(takes_context=True)
def daydate(context: Context, number: int | None) -> SafeString | str:
    """Show a local day number (``date.toordinal``) as a date; a dash when there is none."""
    return marks.daydate(number, _now(context))


# --- Long lists -------------------------------------------------------------------------------
@register.simple_tag(takes_context=True)
def fragment(context: Context, name: str, **values: Any) -> SafeString:
    """Draw a part of the page with Jinja2, several times as fast: what repeats line by line.

    It is given ``values`` and the page's ``now``, nothing else of the page.
    """
    drawn: str = engines["jinja2"].get_template(name).render({"now": _now(context), **values})
    return mark_safe(drawn)


# --- The page's script ------------------------------------------------------------------------
@register.simple_tag
def app_now() -> str:
    """Return the product's time for the page's script, so that it counts from the same clock."""
    return clock.now().isoformat(timespec="seconds")


@register.simple_tag
def script_words() -> SafeString:
    """Return the words that the page's script shows, as data attributes."""
    words = {
        "now": gettext("just now"),
        "minutes": gettext("%(n)d min"),
        "hours": gettext("%(hours)d h"),
        "days": gettext("%(days)d d"),
        "ago": gettext("%(span)s ago"),
        "late": gettext("%(span)s late"),
        "in": gettext("in %(span)s"),
        "close": gettext("Dismiss"),
        "failed": gettext("That did not work. Nothing was changed; please try again."),
        "offline": gettext("The server cannot be reached. Please check the connection and try again."),
        "selected": gettext("%(n)d selected"),
    }
    return format_html_join("", ' data-{}="{}"', words.items())


# --- Links that keep their filters ------------------------------------------------------------
@register.simple_tag(takes_context=True)
def keep_query(context: Context, *drop: str, **change: Any) -> str:
    """Return ``?…`` with the page's query: without ``drop``, with ``change`` (``None`` drops too).

    Paging keys (``after``, ``before``) always go: a changed filter starts at the first page.
    """
    query = context["request"].GET.copy()
    for key in ("after", "before", *drop, *change):
        query.pop(key, None)
    for key, value in change.items():
        if value not in (None, ""):
            query[key] = str(value)
    return "?" + query.urlencode()


@register.simple_tag(takes_context=True)
def hidden_query(context: Context, *keys: str) -> SafeString:
    """Return hidden inputs for ``keys`` of the page's query, for a GET form that must keep them."""
    pairs = ((key, value) for key in keys for value in context["request"].GET.getlist(key))
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', pairs)
