"""The health of rules: what each raised in 30 or 90 days, what came of it, and what is proposed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_POST, require_safe

from customers import company
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from retention import backtest, rules
from retention.backtest import Advice, Because
from retention.models import Dismissal, WarningRule
from retention.pages.backtest import STARTS
from retention.pages.backtest_shown import percent
from retention.pages.rules import SEES_RULES
from retention.rules import health
from retention.rules.health import FLAP_DAYS, HORIZON, SPANS
from retention.rules.vitals import ENOUGH, Health, Share

PAGE = 20
ADOPTS = ("admin",)
UNKNOWN = "—"


@dataclass(frozen=True)
class Cell:
    """One figure: what it is, of what it is a share or why it is unknown."""

    label: str
    value: str
    note: str = ""


@require_safe
@allow(*SEES_RULES)
def rule_health_list(request: HttpRequest) -> HttpResponse:
    """Show the health of all rules, a page at a time."""
    days, at = _days(request), clock.now()
    page = Paginator(WarningRule.objects.order_by("position", "pk"), PAGE).get_page(request.GET.get("page"))
    rows = [(one, cells(one)) for one in health.of_rules(page, days=days, at=at)]
    context = {
        "page": page,
        "rows": rows,
        "labels": [cell.label for cell in rows[0][1]] if rows else [],
        "days": days,
        "views": _views(request, days),
        "crumbs": [(_("Warning rules"), reverse("retention:rule_list"))],
        "horizon": HORIZON,
        "enough": ENOUGH,
        "now": at,
    }
    return render(request, "retention/rule_health_list.html", context)


@require_safe
@allow(*SEES_RULES)
def rule_health(request: HttpRequest, code: str) -> HttpResponse:
    """Show the health of one rule, and what is proposed for it."""
    rule = get_object_or_404(WarningRule, code=code)
    days, at = _days(request), clock.now()
    found = health.of_rules([rule], days=days, at=at)[0]
    told, advice = cells(found), backtest.advise(rule)
    currency = company.current().base_currency
    labels = dict(Dismissal.Reason.choices)
    context = {
        "rule": rule,
        "health": found,
        "cells": [told[:4], told[4:]],
        "reasons": [
            (labels[reason], number, percent(number / found.dismissed.part))
            for reason, number in sorted(found.reasons.items(), key=lambda one: (-one[1], one[0]))
        ],
        "pairs": [(pair, percent(pair.shared / pair.either)) for pair in found.together],
        "days": days,
        "views": _views(request, days),
        "advice": advice,
        "proposed": advice.proposal.said(currency=currency) if advice.proposal else "",
        "moves": _moved(advice, currency=currency),
        "draft": backtest.draft_of(rule, advice.proposal) if advice.proposal else None,
        "why_none": why_none(advice),
        "may_adopt": request.user.role in ADOPTS,  # type: ignore[union-attr]
        "may_ask": request.user.role in STARTS and bool(advice.untried),  # type: ignore[union-attr]
        "crumbs": [
            (_("Warning rules"), reverse("retention:rule_list")),
            (str(rule), reverse("retention:rule", args=[rule.code])),
        ],
        "horizon": HORIZON,
        "enough": ENOUGH,
        "now": at,
    }
    return render(request, "retention/rule_health.html", context)


@require_POST
@allow(*STARTS)
def rule_health_ask(request: HttpRequest, code: str) -> HttpResponse:
    """Ask for the backtests that a proposal would rest on."""
    rule = get_object_or_404(WarningRule, code=code)
    try:
        runs = backtest.ask(rule, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        text = ngettext(
            "%(n)s backtest is counted in the background. Come back to see what it proposes.",
            "%(n)s backtests are counted in the background. Come back to see what they propose.",
            len(runs),
        )
        messages.success(request, text % {"n": len(runs)})
    return redirect("retention:rule_health", rule.code)


@require_POST
@allow(*ADOPTS)
def rule_health_adopt(request: HttpRequest, code: str) -> HttpResponse:
    """Take what is proposed over as a draft beside the rule, and go there."""
    rule = get_object_or_404(WarningRule, code=code)
    try:
        draft, is_new = backtest.adopt(
            rule,
            run=whole(request.POST.get("run", "")) or 0,
            value=_value(request.POST.get("value", "")),
            by=request.user,
            at=clock.now(),
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("retention:rule_health", rule.code)
    if is_new:
        text = _("This draft stands beside “%(rule)s”, which goes on as it is.")
    else:
        text = _("This draft was there already. “%(rule)s” goes on as it is.")
    messages.success(request, text % {"rule": rule})
    return redirect("retention:rule", draft.code)


def cells(one: Health) -> list[Cell]:
    """Return the figures of a rule in the order of their columns, each with its denominator."""
    beside = [
        (_("%(n)s in shadow"), one.shadow),
        (_("%(n)s beyond its cases a day"), one.waiting),
    ]
    told = [text % {"n": f"{number:,}"} for text, number in beside if number]
    opened = _("%(opened)s opened, %(joined)s joined") % {
        "opened": f"{one.opened:,}",
        "joined": f"{one.joined:,}",
    }
    no_case, none_closed = _("no case"), _("no case was closed")
    of_closed = _("%(part)s of %(of)s closed cases")
    return [
        Cell(pgettext("of a rule", "Fired"), f"{one.fired:,}", " · ".join(told)),
        Cell(pgettext("of a rule", "Cases"), f"{one.cases:,}", opened if one.cases else ""),
        _share(_("Acted on"), one.acted_on, _("%(part)s of %(of)s cases"), no_case),
        _share(_("Noise"), one.dismissed, _("%(part)s of %(of)s told warnings"), _("no warning was told")),
        _share(pgettext("of cases", "Kept"), one.kept, of_closed, none_closed),
        _share(pgettext("of cases", "Lost"), one.lost, of_closed, none_closed),
        _untouched(one),
        _share(
            _("Flapping"),
            one.flapping,
            _("%(part)s of %(of)s customers"),
            _("no customer in %(days)s days") % {"days": FLAP_DAYS},
        ),
    ]


def why_none(advice: Advice) -> str:
    """Return in words why nothing is proposed."""
    words = {
        Because.OFF: _("Only rules that open cases, live or limited, are advised."),
        Because.BROKEN: _("Its condition does not stand any more; mend it first."),
        Because.NO_THRESHOLD: _("Its condition has no number that could be moved."),
        Because.NOT_TRIED: _("This version was not tried on the past yet."),
        Because.WAITING: _("A backtest is being counted."),
        Because.FEW: _("In its backtest fewer than 30 alarms could be judged: too few to advise."),
        Because.NOTHING_CAUGHT: _("In its backtest it foresaw no loss, so that nothing can be weighed."),
        Because.NONE_BETTER: _(
            "No other threshold spares cases without losing more than 5% of what it catches."
        ),
    }
    return words[advice.because] if advice.because else ""


def _moved(advice: Advice, *, currency: str) -> str:
    """Return the comparison that a proposal moves, as it stands, in words."""
    return rules.rule_sentence(advice.proposal.threshold.whole, currency=currency) if advice.proposal else ""


def _share(label: str, share: Share, words: str, why: str) -> Cell:
    if share.share is None:
        return Cell(label, UNKNOWN, why)
    return Cell(label, percent(share.share), words % {"part": f"{share.part:,}", "of": f"{share.of:,}"})


def _untouched(one: Health) -> Cell:
    label, found = _("Right, nobody called"), one.untouched
    if found.interval is None:
        return Cell(label, UNKNOWN, _("fewer than %(n)s customers") % {"n": ENOUGH})
    low, high = found.interval
    note = _("%(lost)s of %(n)s customers; %(low)s to %(high)s") % {
        "lost": f"{found.lost:,}",
        "n": f"{found.customers:,}",
        "low": percent(low),
        "high": percent(high),
    }
    return Cell(label, percent(found.precision), note)


def _days(request: HttpRequest) -> int:
    asked = whole(request.GET.get("days", ""))
    return asked if asked in SPANS else SPANS[0]


def _views(request: HttpRequest, days: int) -> list[dict[str, Any]]:
    return [
        {
            "url": f"{request.path}?days={span}",
            "label": ngettext("%(days)s day", "%(days)s days", span) % {"days": span},
            "current": span == days,
        }
        for span in SPANS
    ]


def _value(text: str) -> Decimal:
    """Return the threshold that a form names; one that is no number is not proposed."""
    try:
        value = Decimal(text[:40])
    except InvalidOperation as error:
        raise backtest.ProposalGone() from error
    if not value.is_finite():
        raise backtest.ProposalGone()
    return value
