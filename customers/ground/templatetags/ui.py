"""The small pieces of a page that are made by code: icons, money, moments, severities, sparklines.

``{% load ui %}``; every tag gives finished, escaped HTML (or plain text where it says so) without
inline style. docs/design-system.md shows each one in use.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import lucide
from django import template
from django.template.context import Context
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext

from customers.ground import clock

register = template.Library()

SEVERITIES = (1, 2, 3)
_SPARK_WIDTH = 120
_SPARK_HEIGHT = 28
_SPARK_GAP = 3
_SOON = timedelta(hours=4)


# --- Icons and numbers ------------------------------------------------------------------------
@cache
def _icon_svg(name: str, css: str) -> SafeString:
    svg = lucide._render_icon(name, None, aria_hidden="true", focusable="false", **{"class": css})
    return mark_safe(re.sub(r">\s+<", "><", svg))


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """Draw the lucide icon ``name`` inline, hidden from screen readers; the words stand beside it.

    Raises :class:`lucide.IconDoesNotExist` for an unknown name.
    """
    return _icon_svg(str(name), f"icon {css}".strip())


@register.simple_tag
def money(minor: int | None, currency: str) -> str:
    """Write ``minor`` units of ``currency`` in the reader's language; a dash when unknown."""
    from customers.ground.money import format_money

    return "–" if minor is None else format_money(minor, currency, get_language() or "en")


@register.filter
def capped(count: int) -> str:
    """Write a count, stopping at ``1,000+``: a list is never counted to its end for a number."""
    return f"{1000:,}+" if count > 1000 else f"{count:,}"


@register.filter
def initials(name: str) -> str:
    """Shorten a person's name for the avatar: ``Wen Jing`` → ``WJ``, ``文静`` → ``静``."""
    words = str(name).split()
    if not words:
        return "?"
    if any("\u4e00" <= letter <= "\u9fff" for letter in words[0]):
        return words[0][-1]
    return "".join(word[0] for word in words[:2]).upper()


# --- Severity ---------------------------------------------------------------------------------
def severity_name(n: int) -> str:
    """Name a severity: 1 low, 2 medium, 3 high."""
    return [gettext("Low"), gettext("Medium"), gettext("High")][min(max(int(n), 1), 3) - 1]


@register.simple_tag
def severity(n: int, word: bool = True) -> SafeString:
    """Show a severity (1 low, 2 medium, 3 high) as one, two or three raised bars and a word.

    With ``word=False`` the word is left to screen readers.
    """
    level = min(max(int(n), 1), 3)
    bars = format_html_join(
        "",
        '<rect{} x="{}" y="{}" width="3.4" height="{}" rx="1"/>',
        (
            (mark_safe(' class="on"') if i <= level else "", i * 4.8 - 4.6, 14 - i * 4, i * 4)
            for i in SEVERITIES
        ),
    )
    return format_html(
        '<span class="sev sev-{}"><svg viewBox="0 0 14 14" aria-hidden="true" focusable="false">{}</svg>'
        '<span{}>{}<span class="visually-hidden"> {}</span></span></span>',
        level,
        bars,
        "" if word else mark_safe(' class="visually-hidden"'),
        severity_name(level),
        gettext("severity"),
    )


# --- Moments ----------------------------------------------------------------------------------
def _now(context: Context) -> datetime:
    """Return the page's ``now`` when the view gave one, so that a whole page shows one moment."""
    given = context.get("now")
    return given if isinstance(given, datetime) else clock.now()


def _hour(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%H:%M")


def _exact(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return gettext("%(day)s, %(time)s (%(zone)s)") % {
        "day": formats.date_format(local, "DATE_FORMAT"),
        "time": f"{local:%H:%M}",
        "zone": local.tzname(),
    }


def _calendar(day: date, today: date) -> str:
    """Write a day as briefly as it stays clear: ``2 Nov``, with the year when it is another one."""
    chinese = (get_language() or "").startswith("zh")
    if day.year == today.year:
        return formats.date_format(day, "n月j日" if chinese else "j M")
    return formats.date_format(day, "Y年n月j日" if chinese else "j M Y")


def _day_name(day: date, today: date) -> str:
    """Name a day near today: yesterday, today, tomorrow, a weekday, else the date."""
    away = (day - today).days
    near = {-1: gettext("yesterday"), 0: gettext("today"), 1: gettext("tomorrow")}
    if away in near:
        return near[away]
    if 1 < away < 7:
        return formats.date_format(day, "D")
    return _calendar(day, today)


def span(length: timedelta) -> str:
    """Write a length of time in its one or two largest units: ``35 min``, ``2 h 10 min``, ``3 d 4 h``."""
    minutes = max(int(length.total_seconds() // 60), 0)
    if minutes < 60:
        return gettext("%(n)d min") % {"n": minutes}
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        text = gettext("%(hours)d h") % {"hours": hours}
        return f"{text} {gettext('%(n)d min') % {'n': minutes}}" if minutes else text
    days, hours = divmod(hours, 24)
    text = gettext("%(days)d d") % {"days": days}
    return f"{text} {gettext('%(hours)d h') % {'hours': hours}}" if hours and days < 7 else text


def relative(moment: datetime, *, at: datetime) -> str:
    """Write ``moment`` as seen from ``at``: just now, 12 min ago, yesterday 16:20, 2 Nov."""
    ago = at - moment
    if timedelta(0) <= ago < timedelta(minutes=1):
        return gettext("just now")
    local, today = timezone.localtime(moment), timezone.localtime(at).date()
    if timedelta(0) <= ago < timedelta(hours=12) and local.date() == today:
        return gettext("%(span)s ago") % {
            "span": span(ago if ago < timedelta(hours=1) else _whole_hours(ago))
        }
    if abs((local.date() - today).days) <= 1:
        return f"{_day_name(local.date(), today)} {local:%H:%M}"
    return _calendar(local.date(), today)


def _whole_hours(length: timedelta) -> timedelta:
    return timedelta(hours=int(length.total_seconds() // 3600))


@register.simple_tag(takes_context=True)
def when(context: Context, moment: datetime | None) -> SafeString | str:
    """Show a moment relative to now, with the exact one on hover; a dash when there is none."""
    if moment is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{}" data-when>{}</time>',
        timezone.localtime(moment).isoformat(timespec="seconds"),
        _exact(moment),
        relative(moment, at=_now(context)),
    )


def moment_name(moment: datetime, *, at: datetime) -> str:
    """Return a moment to come as people say it: ``today 17:00``, ``tomorrow 09:40``, ``Wed 10:00``."""
    return f"{_day_name(timezone.localtime(moment).date(), timezone.localtime(at).date())} {_hour(moment)}"


@register.simple_tag(takes_context=True)
def due(context: Context, moment: datetime | None, at: datetime | None = None) -> SafeString | str:
    """Show a deadline as a tag: late (red, with a mark), within four hours (amber), else calm.

    ``at`` is the moment it is judged at; without it, now (then the page keeps it up to date).
    """
    if moment is None:
        return "–"
    judged = at if isinstance(at, datetime) else _now(context)
    css, shape, text = _due_parts(moment, judged)
    return format_html(
        '<time class="tag{}" datetime="{}" title="{}"{}>{}<span>{}</span></time>',
        css,
        timezone.localtime(moment).isoformat(timespec="seconds"),
        _exact(moment),
        "" if at else mark_safe(" data-due"),
        icon(shape) if shape else "",
        text,
    )


def _due_parts(moment: datetime, at: datetime) -> tuple[str, str, str]:
    left = moment - at
    if left < timedelta(0):
        return " tag-bad", "circle-alert", gettext("%(span)s late") % {"span": span(-left)}
    if left <= _SOON:
        return " tag-warn", "clock", gettext("in %(span)s") % {"span": span(left)}
    return "", "", moment_name(moment, at=at)


@register.simple_tag(takes_context=True)
def daydate(context: Context, number: int | None) -> SafeString | str:
    """Show a local day number (``date.toordinal``) as a date; a dash when there is none."""
    if number is None:
        return "–"
    day = date.fromordinal(int(number))
    today = timezone.localtime(_now(context)).date()
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        day.isoformat(),
        formats.date_format(day, "DATE_FORMAT"),
        _calendar(day, today),
    )


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


# --- Sparkline --------------------------------------------------------------------------------
@register.simple_tag
def sparkline(values: Sequence[int | float | None], label: str, tone: str = "", last: int = 0) -> SafeString:
    """Draw ``values`` (oldest first) as tiny bars; ``label`` says what they are.

    The last ``last`` bars take ``tone`` (``bad`` or ``warn``). Nothing and zero are drawn as a
    grey foot. The picture's text alternative is the label and the numbers.
    """
    numbers = [0 if value is None else max(value, 0) for value in values]
    top = max(numbers, default=0)
    step = _SPARK_WIDTH / max(len(numbers), 1)
    width = round(max(step - _SPARK_GAP, 1), 1)
    toned = len(numbers) - last if tone in ("bad", "warn") else len(numbers)
    bars = SafeString("")
    for i, n in enumerate(numbers):
        height = max(round(n / top * _SPARK_HEIGHT, 1), 3) if n else 2
        bars += format_html(
            '<rect{} x="{}" y="{}" width="{}" height="{}" rx="1"/>',
            format_html(' class="bar-{}"', tone if n else "zero") if i >= toned or not n else "",
            *(round(i * step, 1), round(_SPARK_HEIGHT - height, 1), width, height),
        )
    text = spoken(numbers)
    return format_html(
        '<svg class="spark" role="img" viewBox="0 0 {} {}" width="{}" height="{}" preserveAspectRatio="none" '
        'aria-label="{}"><title>{}</title><desc>{}</desc>{}</svg>',
        *(_SPARK_WIDTH, _SPARK_HEIGHT) * 2,
        gettext("%(label)s: %(text)s") % {"label": label, "text": text},
        label,
        text,
        bars,
    )


def spoken(numbers: Sequence[int | float]) -> str:
    """Say a series in words: its direction, then its numbers, oldest first."""
    if not any(numbers):
        return gettext("nothing in this time")
    series = ", ".join(f"{round(n, 2):,}" for n in numbers)
    return gettext("%(trend)s; oldest first: %(series)s") % {"trend": _trend(numbers), "series": series}


def _trend(numbers: Sequence[int | float]) -> str:
    """Compare the last third with what was before it; within a quarter is steady."""
    third = max(len(numbers) // 3, 1)
    before, after = sum(numbers[:-third]) / max(len(numbers) - third, 1), sum(numbers[-third:]) / third
    if 0.75 * before <= after <= 1.33 * before:
        return gettext("steady")
    return gettext("falling") if after < before else gettext("rising")


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


@register.simple_tag
def tel(number: str) -> str:
    """Return a ``tel:`` address for a phone number as it was written."""
    return "tel:" + re.sub(r"(?!^\+)[^\d]", "", str(number).strip())
