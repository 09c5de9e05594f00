"""A rule's backtests: what to count, what was counted, and how far the one that runs has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from customers import company
from customers.access import allow
from customers.ground import clock, localtime
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from retention import backtest, rules
from retention.backtest import span as spans
from retention.models import BacktestRun, WarningRule
from retention.pages import backtest_shown
from retention.pages.rules import SEES_RULES

STARTS = ("admin", "analyst")
KEPT = 10
OPEN = (BacktestRun.Status.WAITING, BacktestRun.Status.RUNNING)


class _Day(forms.DateField):
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    input_formats = ["%Y-%m-%d"]


class BacktestForm(forms.Form):
    """Which past, in which steps, and when a loss proves an alarm right."""

    first = _Day(label=gettext_lazy("First day"))
    last = _Day(label=gettext_lazy("Last day"))
    step = forms.IntegerField(
        label=gettext_lazy("Days from step to step"), min_value=1, max_value=spans.LONGEST_STEP
    )
    minutes = forms.IntegerField(label=gettext_lazy("Minutes a call"), min_value=1, max_value=600)
    gap = forms.IntegerField(
        label=gettext_lazy("Days to act"),
        min_value=0,
        max_value=spans.LONGEST_GAP,
        help_text=gettext_lazy("A loss so soon after its alarm was not foreseen."),
    )
    horizon = forms.IntegerField(
        label=gettext_lazy("Days for a loss"),
        min_value=1,
        max_value=spans.LONGEST_HORIZON,
        help_text=gettext_lazy("Counted after the days to act."),
    )
    comparison = forms.TypedChoiceField(
        label=gettext_lazy("Threshold to move"), coerce=int, empty_value=None, required=False
    )

    def __init__(self, *args: Any, comparisons: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if comparisons:
            self.fields["comparison"].choices = comparisons  # type: ignore[attr-defined]
        else:
            del self.fields["comparison"]

    def span(self, *, at: datetime) -> backtest.Span:
        """Return the span that was asked for; raises ``SpanRefused``."""
        data = self.cleaned_data
        first, last = (data[name].toordinal() for name in ("first", "last"))
        return backtest.asked(
            at=at, first=first, last=last, step=data["step"], horizon=data["horizon"], gap=data["gap"]
        )

    def wish(self) -> backtest.Wish:
        """Return what else was asked for."""
        return backtest.Wish(self.cleaned_data.get("comparison"), self.cleaned_data["minutes"])


@require_safe
@allow(*SEES_RULES)
def rule_backtest(request: HttpRequest, code: str) -> HttpResponse:
    """Show the last backtest of a rule, or the one asked for, with the form for the next one."""
    rule = get_object_or_404(WarningRule, code=code)
    runs = rule.backtests.select_related("by").order_by("-pk")
    wanted = whole(request.GET.get("run"))
    run = runs.first() if wanted is None else runs.filter(pk=wanted).first()
    if run is None and wanted is not None:
        raise Http404
    if request.GET.get("part") == "state" and run is not None:
        if run.status not in OPEN:
            return HttpResponse(headers={"HX-Refresh": "true"})
        return render(request, "retention/backtest_progress.html", _progress(run))
    return _page(request, rule, run, None)


@require_POST
@allow(*STARTS)
def rule_backtest_start(request: HttpRequest, code: str) -> HttpResponse:
    """Lay a backtest of the rule down as work."""
    rule = get_object_or_404(WarningRule, code=code)
    form, at = _form(rule, request.POST), clock.now()
    if form is not None and form.is_valid():
        try:
            span, wish = form.span(at=at), form.wish()
            run = backtest.start(rule, span=span, wish=wish, by=request.user, at=at)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect(f"{reverse('retention:rule_backtest', args=[code])}?run={run.pk}")
    return _page(request, rule, rule.backtests.select_related("by").first(), form, status=422)


@require_POST
@allow(*STARTS)
def backtest_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel a backtest that waits or runs."""
    run = get_object_or_404(BacktestRun.objects.select_related("rule").exclude(rule=None), pk=pk)
    if backtest.cancel(run, by=request.user, at=clock.now()):
        messages.success(request, _("The backtest was cancelled."))
    else:
        messages.info(request, _("It had ended already."))
    return redirect(f"{reverse('retention:rule_backtest', args=[run.rule.code])}?run={run.pk}")


def _page(
    request: HttpRequest,
    rule: WarningRule,
    run: BacktestRun | None,
    form: BacktestForm | None,
    status: int = 200,
) -> HttpResponse:
    firm, at = company.current(), clock.now()
    may_start = request.user.role in STARTS
    if form is None and may_start:
        form = _form(rule, None, like=run)
    context = {
        "rule": rule,
        "sentence": _sentence(rule, firm.base_currency),
        "run": run,
        "runs": list(rule.backtests.select_related("by").order_by("-pk")[:KEPT]),
        "form": form,
        "may_start": may_start,
        "crumbs": [
            (_("Warning rules"), reverse("retention:rule_list")),
            (str(rule), reverse("retention:rule", args=[rule.code])),
        ],
        "now": at,
    }
    if run is not None and run.status in OPEN:
        context |= _progress(run)
    elif run is not None and run.status == BacktestRun.Status.DONE:
        context["shown"] = backtest_shown.result_of(run, currency=firm.base_currency)
        context["taken_back"] = backtest.taken_back_since(run, zone=firm.time_zone)
        context["is_old"] = run.version != rule.version
    elif run is not None and run.status == BacktestRun.Status.FAILED:
        context["problem"] = _problem(run)
    return render(request, "retention/backtest.html", context, status=status)


def _progress(run: BacktestRun) -> dict[str, Any]:
    waits = run.status == BacktestRun.Status.WAITING
    address = reverse("retention:rule_backtest", args=[run.rule.code])
    return {
        "run": run,
        "phase": _("Waiting for its turn") if waits else _("Counting, step by step"),
        "poll_url": f"{address}?run={run.pk}&part=state",
    }


def _form(rule: WarningRule, data: Any, *, like: BacktestRun | None = None) -> BacktestForm | None:
    """Return the form, filled as the last one was; nothing for a rule that no longer compiles."""
    try:
        condition = rules.read(rule.condition)
    except Refused:
        return None
    choices = backtest_shown.comparisons(condition, currency=company.current().base_currency)
    span = backtest.span_of(like) if like is not None else _newest()
    initial = {
        "first": localtime.day_of(span.first),
        "last": localtime.day_of(span.last),
        "step": span.step,
        "gap": span.gap,
        "horizon": span.horizon,
        "minutes": like.minutes_per_call if like is not None else backtest.MINUTES_PER_CALL,
        "comparison": like.comparison if like is not None else None,
    }
    return BacktestForm(data, initial=initial, comparisons=choices)


def _newest() -> backtest.Span:
    return backtest.asked(at=clock.now())


def _sentence(rule: WarningRule, currency: str) -> str:
    try:
        return rules.rule_sentence(rules.read(rule.condition), currency=currency)
    except Refused as refusal:
        return str(refusal)


def _problem(run: BacktestRun) -> str:
    known = {
        "stopped": _("It stopped several times, and was given up. Ask for help."),
        "condition_refused": _("The condition of the rule does not stand any more."),
    }
    return known.get(run.error) or _("It failed (%(error)s). Nothing was counted.") % {"error": run.error}
