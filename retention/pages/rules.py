"""Warning rules as sentences, with the state of each."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from customers import company
from customers.access import allow
from customers.ground import clock
from customers.ground.counting import counted
from customers.ground.errors import Refused
from retention import rules
from retention.models import EarlyWarning, SweepRun, WarningRule
from retention.rules import ready

SEES_RULES = ("team_lead", "admin", "analyst")
PAGE = 50


@dataclass(frozen=True)
class Shown:
    """One rule, ready to show."""

    rule: WarningRule
    sentence: str
    problem: str
    hours: str
    is_unproven: bool = False


@require_safe
@allow(*SEES_RULES)
def rule_list(request: HttpRequest) -> HttpResponse:
    """List the rules, each said in a sentence."""
    page = Paginator(WarningRule.objects.order_by("position", "pk"), PAGE).get_page(request.GET.get("page"))
    told = EarlyWarning.objects.told().filter(state=EarlyWarning.State.OPEN)  # type: ignore[attr-defined]
    open_now = counted(**{rule.code: told.filter(rule=rule) for rule in page})
    for rule in page:
        rule.open_now = open_now[rule.code]  # type: ignore[attr-defined]
    currency = company.current().base_currency
    context = {
        "page": page,
        "rules": [_shown(rule, currency=currency) for rule in page],
        "last": SweepRun.objects.filter(status=SweepRun.Status.DONE).exclude(scope="baseline").first(),
        "may_switch": request.user.role == "admin",
        "now": clock.now(),
    }
    return render(request, "retention/rule_list.html", context)


@require_POST
@allow("admin")
def rule_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch a rule off; how it is switched on is chosen on its own page."""
    rule = get_object_or_404(WarningRule, pk=pk)
    if request.POST.get("switch") != "off":
        messages.error(request, _("How a rule is launched is chosen on its page."))
    elif rules.disable(rule, by=request.user, at=clock.now()):
        messages.success(request, _("“%(rule)s” is off.") % {"rule": rule})
    return redirect("retention:rule_list")


def _shown(rule: WarningRule, *, currency: str) -> Shown:
    hours = f"{round(rule.call_within_minutes / 60, 2):g}"
    try:
        sentence = rules.rule_sentence(rules.read(rule.condition), currency=currency)
    except Refused as refusal:
        return Shown(rule, "", str(refusal), hours)
    problem = _("Set aside: the last sweep could not run it.") if rule.broken_since else ""
    return Shown(rule, sentence, problem, hours, ready.is_proven(rule) is False)
