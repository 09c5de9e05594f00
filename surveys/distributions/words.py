"""What a distribution does, in words."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from surveys.distributions import audiences, triggers
from surveys.models import Distribution

Kind = Distribution.Kind
Fact = tuple[str, str | Promise]


def facts_of(one: Distribution) -> list[Fact]:
    """Return what a distribution does as pairs of label and value, in the language that is active."""
    return [
        (_("Whom"), whom(one, audiences.names_of([one]))),
        (_("When"), when(one)),
        (pgettext("how something is sent", "By"), ways(one)),
        (_("Share that is asked"), f"{one.share} %"),
        (_("At most a day"), f"{one.per_day:,}" if one.per_day else _("as many as there are")),
        (_("Reminder"), _days_later(one.remind_after) if one.remind_after else _("none")),
        (_("Sent at the latest after"), _days(one.useful_days)),
        (_("Same survey not again within"), _days(one.not_asked_days) if one.not_asked_days else "–"),
    ]


def whom(one: Distribution, groups: Mapping[int, str]) -> str:
    """Return whom it asks; ``groups``: the names of the groups of distributions (``audiences.names_of``)."""
    if one.kind == Kind.LIST:
        return _("people chosen by hand or by file")
    group = groups.get(one.pk, "")
    if one.audience:
        of = _("“%(group)s”") % {"group": group} if group else _("A group that is gone")
    else:
        of = _("All customers")
    if one.kind == Kind.EVENT:
        who = _("whom it concerns, else the main contact")
    else:
        who = str(one.get_whom_display())
    said = _("%(group)s: %(who)s") % {"who": who, "group": of}
    return _("%(said)s, team %(team)s only") % {"said": said, "team": one.team} if one.team else said


def when(one: Distribution) -> str:
    """Return when it asks."""
    if one.kind == Kind.PERIODIC:
        days = one.period_days or 0
        return ngettext("every day", "each once in %(n)s days, spread over all days", days) % {"n": days}
    if one.kind != Kind.EVENT:
        return _("once, from the start on")
    trigger = triggers.get(one.trigger)
    event = str(trigger.label) if trigger is not None else one.trigger
    if not one.delay_days:
        return _("at once when %(event)s") % {"event": event}
    return _("%(days)s after %(event)s") % {"days": _days(one.delay_days), "event": event}


def ways(one: Distribution) -> str:
    """Return by which ways it asks."""
    first = str(one.get_channel_display())
    if not one.fallback:
        return first
    return _("%(first)s, else %(second)s") % {"first": first, "second": one.get_fallback_display()}


def _days(number: int) -> str:
    return ngettext("%(n)s day", "%(n)s days", number) % {"n": number}


def _days_later(number: int) -> str:
    return _("after %(days)s") % {"days": _days(number)}
