"""One rule: what it says, where it stands, how it got there, and how it is tried on a customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST, require_safe

from customers import company
from customers.access import allow
from customers.ground import clock, localtime
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Customer
from retention import rules, segments
from retention.models import EarlyWarning, HoldoutProgramme, RuleState, RuleVersion, Silence, WarningRule
from retention.pages.rule_forms import MoveForm, SilenceForm, TryForm, launch_form
from retention.pages.rules import SEES_RULES
from retention.rules import ready, silences, versions
from retention.rules.holdout import may_hold_out
from retention.rules.life import ON, OPENING
from retention.rules.versions import Difference
from retention.rules.why import Answer, Verdict, why

MOST_VERSIONS = 20
WRITES_RULES = ("admin",)


@dataclass(frozen=True)
class Kept:
    """A version with what changed in it against the one before."""

    version: RuleVersion
    changed: list[Difference]


@dataclass(frozen=True)
class Offered:
    """A move that the rule's state allows, with its form."""

    to: RuleState
    act: str
    text: str
    form: MoveForm
    is_quiet: bool


# --- Reading -----------------------------------------------------------------------------------------
@require_safe
@allow(*SEES_RULES)
def rule_page(request: HttpRequest, code: str) -> HttpResponse:
    """Show a rule; with ``customer`` in the address, also why it speaks of that one, or why not."""
    rule = get_object_or_404(WarningRule, code=code)
    form = TryForm(request.GET if "customer" in request.GET else None, user=request.user)
    context = _context(request, rule)
    if form.is_bound and form.is_valid():
        context |= _tried(request, rule, form)
    return render(request, "retention/rule.html", context | {"try_form": form})


def _context(request: HttpRequest, rule: WarningRule) -> dict[str, Any]:
    at, currency = clock.now(), company.current().base_currency
    kept = _kept(rule, currency=currency)
    standing = silences.in_force(rule.silences.select_related("customer", "by"), at=at)
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    may_write = request.user.role in WRITES_RULES  # type: ignore[union-attr]
    shown = list(standing[:50])
    seen = set(visible.filter(pk__in=[one.customer_id for one in shown]).values_list("pk", flat=True))
    return {
        "rule": rule,
        "sentence": versions.said_of(rule.condition, currency=currency),
        "clears": versions.said_of(rule.clear_condition, currency=currency) if rule.clear_condition else "",
        "facts": _facts(rule),
        "state": rule.state,
        "open_now": EarlyWarning.objects.told().filter(rule=rule, state="open").count(),  # type: ignore[attr-defined]
        "kept": kept[:MOST_VERSIONS],
        "compared": _compared(request, rule, currency=currency),
        "moves": rule.moves.select_related("by").order_by("-at", "-pk")[:10],
        "silences": [one for one in shown if one.customer_id is None or one.customer_id in seen],
        "may_write": may_write,
        "place": _place(rule),
        "offered": _offered(rule) if may_write else [],
        "silence_form": SilenceForm(user=request.user) if may_write else None,
        "now": at,
    }


def _place(rule: WarningRule) -> str:
    """Return in words how the rule stands to the one in whose place it was proposed."""
    if rule.replaces is None:
        return ""
    if rule.replaces.state not in ON:
        text = _("It stands in the place of “%(rule)s”, which is off.")
    elif rule.state in OPENING:
        text = _("Proposed in the place of “%(rule)s”, which goes on beside it. Retire one of the two.")
    else:
        text = _("Proposed in the place of “%(rule)s”, which goes on as it is until you launch this one.")
    return text % {"rule": rule.replaces}


def _facts(rule: WarningRule) -> list[tuple[str, str]]:
    who = {"team": str(rule.work_team), "person": str(rule.work_person)}.get(rule.work_to)
    facts = [
        (_("Kind of case"), str(rule.get_case_kind_display())),
        (_("Opens work"), _("yes") if rule.opens_work else _("no, it warns only")),
        (_("First call within"), versions.hours(rule.call_within_minutes)),
        (_("Who gets it"), who or str(rule.get_work_to_display())),
        (_("Must have held"), versions.days(rule.hold_days)),
        (_("Quiet after the close"), versions.days(rule.cool_down_days)),
    ]
    proven = ready.is_proven(rule)
    if proven is not None:
        said = _("proven") if proven else _("not proven: try it on your own customers")
        facts.append((_("On twenty demo companies"), said))
    if rule.cases_a_day:
        facts.append((_("New cases a day, at most"), f"{rule.cases_a_day:,}"))
    if rule.holdout_from:
        facts.append((_("Held out of this rule"), f"{rule.holdout_share / 100:g} %"))
    return facts


def _kept(rule: WarningRule, *, currency: str) -> list[Kept]:
    rows = list(rule.versions.select_related("by").order_by("-version")[: MOST_VERSIONS + 1])
    kept = []
    for one, before in zip(rows, [*rows[1:], None], strict=True):
        changed = [] if before is None else _difference(before, one, currency=currency)
        kept.append(Kept(one, changed))
    return kept


def _difference(before: RuleVersion, after: RuleVersion, *, currency: str) -> list[Difference]:
    contents = [versions.content_of_version(one) for one in (before, after)]
    return versions.differences(*contents, currency=currency)


def _compared(request: HttpRequest, rule: WarningRule, *, currency: str) -> dict[str, Any] | None:
    """Return the two versions that the address asks to compare."""
    wanted = [whole(request.GET.get(name, "")) for name in ("from", "to")]
    found = [rule.versions.filter(version=number).first() if number else None for number in wanted]
    if found[0] is None or found[1] is None:
        return None
    return {
        "before": found[0].version,
        "after": found[1].version,
        "changed": _difference(found[0], found[1], currency=currency),
    }


def _tried(request: HttpRequest, rule: WarningRule, form: TryForm) -> dict[str, Any]:
    customer, on = form.cleaned_data["customer"], form.cleaned_data["on"]
    try:
        as_of = _moment(on)
        answer = why(
            rule,
            customer,
            as_of=as_of,
            user=request.user,  # type: ignore[arg-type]
            currency=company.current().base_currency,
        )
    except Refused as refusal:
        form.add_error("on" if on else "customer", str(refusal))
        return {}
    return {"tried": customer, "answer": answer, "verdict": verdict_of(answer), "on": on}


def _moment(on: date | None) -> datetime:
    """Return the last moment of a day, now for today; raise ``ToCome`` and ``NothingKnown``."""
    at = clock.now()
    return (segments.as_of_day(on, at=at) if on is not None else None) or at


def verdict_of(answer: Answer) -> str:
    """Return what came of it, in words; why a match opened no case is the same for all reasons."""
    states = {
        Verdict.NOT_WRITTEN: _("The rule was not written yet."),
        Verdict.OBJECTED: _("The customer objects to profiling: no rule looks at it."),
        Verdict.NOT_MET: _("The conditions are not met."),
        Verdict.WARNED: _("This rule warned of the customer."),
        Verdict.NO_CASE: _("This rule opened no case."),
    }
    if answer.verdict == Verdict.OFF and answer.state is not None:
        return _("The rule was off (%(state)s): it looked at nobody.") % {"state": answer.state.label}
    if answer.verdict == Verdict.TOO_NEW:
        return _("The conditions are met, but were not %(days)s before.") % {
            "days": versions.days(answer.hold_days)
        }
    return states[answer.verdict]


# --- Acting ------------------------------------------------------------------------------------------
@require_POST
@allow(*WRITES_RULES)
def rule_move(request: HttpRequest, code: str) -> HttpResponse:
    """Move a rule to another state of its life."""
    rule = get_object_or_404(WarningRule, code=code)
    form = MoveForm(request.POST)
    if not form.is_valid():
        _say_errors(request, form)
        return redirect("retention:rule", rule.code)
    data = form.cleaned_data
    try:
        moved = rules.move(
            rule,
            to=data["to"],
            open_existing=data["existing"] == "1",
            cases_a_day=data["cases_a_day"],
            shares=form.shares(),
            retire_replaced=data["replaced"] == "1",
            reason=data["reason"],
            by=request.user,
            at=clock.now(),
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        if moved:
            messages.success(
                request, _("“%(rule)s” is now: %(state)s.") % {"rule": rule, "state": rule.state.label}
            )
    return redirect("retention:rule", rule.code)


@require_POST
@allow(*WRITES_RULES)
def rule_revert(request: HttpRequest, code: str) -> HttpResponse:
    """Make an earlier version the next one."""
    rule = get_object_or_404(WarningRule, code=code)
    number = whole(request.POST.get("version", "")) or 0
    try:
        reason = _("Back to version %(version)s.") % {"version": number}
        rules.revert(rule, version=number, reason=reason, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request,
            _("“%(rule)s” is as it was in version %(old)s; that is now version %(new)s.")
            % {"rule": rule, "old": number, "new": rule.version},
        )
    return redirect("retention:rule", rule.code)


@require_POST
@allow(*WRITES_RULES)
def rule_silence(request: HttpRequest, code: str) -> HttpResponse:
    """Silence a rule for a time, or end a silence (``end``: its number)."""
    rule = get_object_or_404(WarningRule, code=code)
    at = clock.now()
    if "end" in request.POST:
        made = get_object_or_404(Silence, rule=rule, pk=whole(request.POST["end"]) or 0)
        if silences.end(made, by=request.user, at=at):
            messages.success(request, _("The silence has ended."))
        return redirect("retention:rule", rule.code)
    form = SilenceForm(request.POST, user=request.user)
    if form.is_valid():
        try:
            silences.silence(rule, **form.cleaned_data, by=request.user, at=at)
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            until = localtime.day_of(form.cleaned_data["until"].toordinal())
            messages.success(request, _("“%(rule)s” is silent up to %(day)s.") % {"rule": rule, "day": until})
    else:
        _say_errors(request, form)
    return redirect("retention:rule", rule.code)


def _offered(rule: WarningRule) -> list[Offered]:
    programme = HoldoutProgramme.objects.values_list("share", flat=True).first()
    held = may_hold_out(rule)
    offered = []
    for to in (*rules.MOVES[rule.state], *([RuleState.LIMITED] if rule.state == RuleState.LIMITED else [])):
        act, text = _acts()[to]
        form = launch_form(to, rule=rule, may_hold_out=held, programme=programme)
        offered.append(Offered(to, act, text, form, to in (RuleState.DRAFT, RuleState.RETIRED)))
    return offered


def _acts() -> dict[RuleState, tuple[str, str]]:
    return {
        RuleState.DRAFT: (
            pgettext("act on a rule", "Back to draft"),
            _("It looks at nobody. Its open warnings close; cases that somebody works stay open."),
        ),
        RuleState.SHADOW: (
            pgettext("act on a rule", "Run in shadow"),
            _("It looks at everybody and logs whom it would warn of; nobody is told, and no case opens."),
        ),
        RuleState.LIMITED: (
            pgettext("act on a rule", "Limit"),
            _("It opens so many new cases a day, the most valuable customers first; the others wait."),
        ),
        RuleState.LIVE: (
            pgettext("act on a rule", "Go live"),
            _("It opens a case for everybody who matches from now on."),
        ),
        RuleState.RETIRED: (
            pgettext("act on a rule", "Retire"),
            _("It looks at nobody any more. Its open warnings close; cases that somebody works stay open."),
        ),
    }


def _say_errors(request: HttpRequest, form: forms.Form) -> None:
    for errors in form.errors.values():
        for text in errors:
            messages.error(request, str(text))
