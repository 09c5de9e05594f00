"""The small pieces of a page that are made by code: icons, money, moments, severities, sparklines.

Each gives finished, escaped HTML (or plain text where it says so) without inline style. The tags of
``{% load ui %}`` and the templates of Jinja2 call these, so that a piece looks the same in both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache, lru_cache

import lucide
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext

from customers.ground.money import format_money

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


def icon(name: str, css: str = "") -> SafeString:
    """Draw the lucide icon ``name`` inline, hidden from screen readers; the words stand beside it.

    Raises :class:`lucide.IconDoesNotExist` for an unknown name.
    """
    return _icon_svg(str(name), f"icon {css}".strip())


def money(minor: int | None, currency: str) -> str:
    """Write ``minor`` units of ``currency`` in the reader's language; a dash when unknown."""
    return "–" if minor is None else format_money(minor, currency, get_language() or "en")


def capped(count: int, most: int = 1000) -> str:
    """Write a count, stopping at ``1,000+``: a list is never counted to its end for a number."""
    return f"{most:,}+" if count > most else f"{count:,}"


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


def severity(n: int, word: bool = True) -> SafeString:
    """Show a severity (1 low, 2 medium, 3 high) as one, two or three raised bars and a word.

    With ``word=False`` the word is left to screen readers.
    """
    return _severity(min(max(int(n), 1), 3), bool(word), get_language() or "en")


@cache
def _severity(level: int, word: bool, _language: str) -> SafeString:
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
def _hour(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%H:%M")


def _exact(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return gettext("%(day)s, %(time)s (%(zone)s)") % {
        "day": _date(local.date(), "DATE_FORMAT", get_language() or "en"),
        "time": f"{local:%H:%M}",
        "zone": local.tzname(),
    }


@lru_cache(maxsize=4096)
def _date(day: date, form: str, _language: str) -> str:
    """Write a day; a page shows few days many times, and writing one takes longer than anything here."""
    return formats.date_format(day, form)


def _calendar(day: date, today: date) -> str:
    """Write a day as briefly as it stays clear: ``2 Nov``, with the year when it is another one."""
    language = get_language() or "en"
    chinese = language.startswith("zh")
    if day.year == today.year:
        return _date(day, "n月j日" if chinese else "j M", language)
    return _date(day, "Y年n月j日" if chinese else "j M Y", language)


def _day_name(day: date, today: date) -> str:
    """Name a day near today: yesterday, today, tomorrow, a weekday, else the date."""
    away = (day - today).days
    near = {-1: gettext("yesterday"), 0: gettext("today"), 1: gettext("tomorrow")}
    if away in near:
        return near[away]
    if 1 < away < 7:
        return _date(day, "D", get_language() or "en")
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


def when(moment: datetime | None, at: datetime) -> SafeString | str:
    """Show a moment as seen from ``at``, with the exact one on hover; a dash when there is none."""
    if moment is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{}" data-when>{}</time>',
        timezone.localtime(moment).isoformat(timespec="seconds"),
        _exact(moment),
        relative(moment, at=at),
    )


def moment_name(moment: datetime, *, at: datetime) -> str:
    """Return a moment to come as people say it: ``today 17:00``, ``tomorrow 09:40``, ``Wed 10:00``."""
    return f"{_day_name(timezone.localtime(moment).date(), timezone.localtime(at).date())} {_hour(moment)}"


def due(moment: datetime | None, at: datetime, live: bool = True) -> SafeString | str:
    """Show a deadline, judged at ``at``, as a tag: late (red, with a mark), within four hours (amber), calm.

    ``live``: the page keeps it up to date.
    """
    if moment is None:
        return "–"
    css, shape, text = _due_parts(moment, at)
    return format_html(
        '<time class="tag{}" datetime="{}" title="{}"{}>{}<span>{}</span></time>',
        css,
        timezone.localtime(moment).isoformat(timespec="seconds"),
        _exact(moment),
        mark_safe(" data-due") if live else "",
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


def daydate(number: int | None, at: datetime) -> SafeString | str:
    """Show a local day number (``date.toordinal``) as a date; a dash when there is none."""
    if number is None:
        return "–"
    day = date.fromordinal(int(number))
    today = timezone.localtime(at).date()
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        day.isoformat(),
        _date(day, "DATE_FORMAT", get_language() or "en"),
        _calendar(day, today),
    )


# --- Sparkline --------------------------------------------------------------------------------
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
    css = {True: f' class="bar-{tone}"', False: ' class="bar-zero"'}
    bars = ""
    for i, n in enumerate(numbers):
        height = max(round(n / top * _SPARK_HEIGHT, 1), 3) if n else 2
        bars += (
            f'<rect{css[bool(n)] if i >= toned or not n else ""} x="{round(i * step, 1)}" '
            f'y="{round(_SPARK_HEIGHT - height, 1)}" width="{width}" height="{height}" rx="1"/>'
        )
    text = spoken(numbers)
    return format_html(
        '<svg class="spark" role="img" viewBox="0 0 {} {}" width="{}" height="{}" preserveAspectRatio="none" '
        'aria-label="{}"><title>{}</title><desc>{}</desc>{}</svg>',
        *(_SPARK_WIDTH, _SPARK_HEIGHT) * 2,
        gettext("%(label)s: %(text)s") % {"label": label, "text": text},
        label,
        text,
        mark_safe(bars),
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


def tel(number: str) -> str:
    """Return a ``tel:`` address for a phone number as it was written."""
    return "tel:" + re.sub(r"(?!^\+)[^\d]", "", str(number).strip())
