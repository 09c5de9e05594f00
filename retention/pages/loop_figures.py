"""Figures of the way back to customers: times, shares inside the deadline, what customers said."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy
from django.views.decorators.http import require_safe

from customers import company, exports
from customers.access import ANYBODY_SIGNED_IN, allow
from customers.ground import audit, clock
from customers.ground.localtime import day_of, start_of_day
from customers.models import User
from retention.loop import figures as counting
from retention.loop.figures import DEFAULT_DAYS, MOST_DAYS, Figure, Figures
from retention.models import LoopClosure

YEARS = range(2000, 2101)


class PeriodForm(forms.Form):
    """Of what time, and by what."""

    since = forms.DateField(
        label=pgettext_lazy("a span of time", "From"),
        required=False,
        widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"),
    )
    until = forms.DateField(
        label=gettext_lazy("Up to"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )
    by = forms.ChoiceField(
        label=pgettext_lazy("how rows are grouped", "By"),
        required=False,
        choices=[
            ("owner", gettext_lazy("owner")),
            ("team", gettext_lazy("team")),
            ("source", gettext_lazy("source")),
            ("kind", gettext_lazy("kind")),
            ("severity", gettext_lazy("severity")),
        ],
    )

    def clean(self) -> dict[str, Any]:
        """Refuse times that are backward or longer than is counted."""
        values = super().clean() or {}
        since, until = values.get("since"), values.get("until")
        if any(one and one.year not in YEARS for one in (since, until)):
            raise forms.ValidationError(_("Enter a year between 2000 and 2100."))
        if since and until and not since <= until <= since + timedelta(days=MOST_DAYS):
            raise forms.ValidationError(
                _("The time ends after it begins, and is at most %(days)s days long.") % {"days": MOST_DAYS}
            )
        return values


@require_safe
@allow(*ANYBODY_SIGNED_IN)
def loop_figures(request: HttpRequest) -> HttpResponseBase:
    """Show the figures of the feedback that one may see; ``format=csv`` hands them out."""
    today = day_of(company.today(clock.now()).number)
    form = PeriodForm(request.GET)
    values = form.cleaned_data if form.is_valid() else {}
    until = values.get("until") or today
    since = values.get("since") or until - timedelta(days=DEFAULT_DAYS - 1)
    since = max(since, until - timedelta(days=MOST_DAYS))
    by = values.get("by") or "owner"
    found = figures_for(request.user, since=since, until=until, by=by)
    if request.GET.get("format") == "csv":
        return _file(request, found, since=since, until=until, by=by)
    context = {
        "form": PeriodForm(initial={"since": since, "until": until, "by": by}) if not form.errors else form,
        "figures": found,
        "columns": _columns(),
        "rows": [(one.label, _cells(one)) for one in found.groups],
        "whole": _cells(found.whole),
        "csv": f"?since={since:%Y-%m-%d}&until={until:%Y-%m-%d}&by={by}&format=csv",
    }
    return render(request, "retention/loops/figures.html", context, status=422 if form.errors else 200)


def figures_for(user: User, *, since: date, until: date, by: str) -> Figures:
    """Return the figures of whole local days, both included, of what ``user`` may see."""
    zone = company.current().time_zone
    visible = LoopClosure.objects.visible_to(user)  # type: ignore[attr-defined]
    return counting.figures(
        visible,
        since=start_of_day(since.toordinal(), zone),
        until=start_of_day(until.toordinal() + 1, zone),
        by=by,
    )


def my_times(user: User) -> Figure:
    """Return the times of a person's own feedback of the last thirty days, for her first page."""
    today = day_of(company.today(clock.now()).number)
    zone = company.current().time_zone
    since = start_of_day((today - timedelta(days=DEFAULT_DAYS - 1)).toordinal(), zone)
    mine = LoopClosure.objects.filter(owner=user)
    return counting.figures(mine, since=since, until=clock.now() + timedelta(seconds=1), by="source").whole


def _columns() -> list[str]:
    return [
        pgettext("number of feedback", "Received"),
        _("Open"),
        _("First contact, median (h)"),
        _("First contact, 9 in 10 (h)"),
        _("First contact in time"),
        _("Resolution, median (h)"),
        _("Resolution, 9 in 10 (h)"),
        _("Resolved in time"),
        _("Confirmed"),
        _("Confirmed, as told to us"),
        _("Unconfirmed"),
        _("Reopened"),
        _("Answered in public"),
        _("Taken back"),
    ]


def _cells(figure: Figure) -> list[str]:
    shown = []
    for name, value in zip(counting.COLUMNS, figure.cells, strict=True):
        if value is None:
            shown.append("–")
        elif name.endswith("_share"):
            shown.append(f"{value:.0%}")
        else:
            shown.append(f"{value:g}" if isinstance(value, float) else str(value))
    return shown


def _file(request: HttpRequest, found: Figures, *, since: date, until: date, by: str) -> HttpResponseBase:
    codes = {"list": "loop-figures", "rows": len(found.groups) + 1, "by": by}
    audit.record("export.run", obj=None, by=request.user, at=clock.now(), codes=codes)
    rows = [[one.label, *one.cells] for one in found.groups]
    rows.append([_("All"), *found.whole.cells])
    name = f"loop-figures-{since:%Y-%m-%d}-{until:%Y-%m-%d}"
    return exports.download(rows, header=[_("Group"), *_columns()], form="csv", name=name)
