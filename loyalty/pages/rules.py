"""Earning rules: their list, one with its versions, and the form that writes one without code."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import F, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from loyalty import explaining
from loyalty.earning import documents, rules
from loyalty.models import EarningRule, EarningRuleVersion, Programme
from loyalty.naming import called
from loyalty.pages.fields import free_code
from loyalty.pages.frame import act_on, press, running, show, told
from loyalty.pages.roles import SEES_LOYALTY, SETS_UP
from loyalty.pages.rule_forms import HELP, RuleForm, StepForm, differences
from loyalty.pages.sent import hold

VERSIONS = 20


class RuleStands(Refused):
    code = "earning_rule_stands"
    message = gettext_lazy(
        "The rule “%(rule)s” says the same already. Change that one, or let this one say something else."
    )


@require_safe
@allow(*SEES_LOYALTY)
def rule_list(request: HttpRequest) -> HttpResponse:
    """List the rules in their order, each with what it says."""
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    found = list(EarningRule.objects.filter(programme=programme))
    said = _sentences(programme, found)
    context = {
        "rules": [(rule, *said[rule.pk]) for rule in found],
        "kinds": [(kind, capfirst(str(label)), HELP[kind]) for kind, label in documents.KINDS.items()],
        "is_full": len(found) >= rules.MOST_RULES,
    }
    return show(request, "rules.html", "rule_list", context, programme=programme)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*SETS_UP)
def rule_new(request: HttpRequest) -> HttpResponse:
    """Write a new rule of the kind that was chosen."""
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    kind = request.GET.get("kind", "")
    if kind not in documents.KINDS:
        return redirect("loyalty:rule_list")
    form = RuleForm(request.POST or None, kind=kind, programme=programme, is_new=True)
    made: list[EarningRule] = []

    def make(data: dict[str, Any]) -> None:
        with transaction.atomic():
            hold(programme.pk)
            _refuse_twin(programme, data["name"], form.document)
            code = free_code(
                data["name"], programme.rules.values_list("code", flat=True), stem=kind.replace("_", "-")
            )
            rule = rules.create_rule(
                programme,
                code,
                name=data["name"],
                name_alt=data["name_alt"],
                document=form.document,
                is_on=data["is_on"],
                by=request.user,  # type: ignore[arg-type]
                at=clock.now(),
            )
        made.append(rule)

    if request.method == "POST" and act_on(request, form, make, done=_("The rule is made.")):
        return redirect("loyalty:rule", made[0].code)
    return _form(request, programme, None, form, kind=kind)


@require_safe
@allow(*SEES_LOYALTY)
def rule_page(request: HttpRequest, code: str) -> HttpResponse:
    """Show what a rule says, and its versions with what changed in each."""
    programme, rule = _rule(code)
    rows = list(rule.versions.select_related("by").order_by("-number")[: VERSIONS + 1])
    said = [{**row.document, "is_on": row.is_on} for row in rows]
    changed = [differences(before, after, programme) for after, before in pairwise([*said, None])]
    tiers = _tiers(programme)
    lines = [
        (row, one, explaining.sentence(row.document, currency=programme.currency, tiers=tiers))
        for row, one in zip(rows, changed, strict=True)
    ]
    context = {
        "rule": rule,
        "kind": capfirst(str(documents.KINDS[rows[0].document["kind"]])),
        "sentence": lines[0][2],
        "versions": lines[:VERSIONS],
    }
    return show(request, "rule.html", "rule_list", context, programme=programme)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*SETS_UP)
def rule_edit(request: HttpRequest, code: str) -> HttpResponse:
    """Change a rule as its next version."""
    programme, rule = _rule(code)
    document = rules.newest(rule).document
    initial = {
        **RuleForm.initial_of(document),
        "name": rule.name,
        "name_alt": rule.name_alt,
        "version": rule.version,
    }
    form = RuleForm(request.POST or None, kind=document["kind"], programme=programme, initial=initial)

    def change(data: dict[str, Any]) -> EarningRule:
        return rules.change_rule(
            rule,
            document=form.document,
            name=data["name"],
            name_alt=data["name_alt"],
            reason=data["reason"],
            version=data["version"],
            by=request.user,  # type: ignore[arg-type]
            at=clock.now(),
        )

    if request.method == "POST" and act_on(request, form, change, done=_("The rule is saved.")):
        return redirect("loyalty:rule", rule.code)
    return _form(request, programme, rule, form, kind=document["kind"])


@require_POST
@allow(*SETS_UP)
def rule_act(request: HttpRequest, code: str, act: str) -> HttpResponse:
    """Switch a rule on or off, let it say again what a version said, or move it up or down."""
    programme, rule = _rule(code)
    form = StepForm(request.POST)
    if not form.is_valid():
        messages.error(request, told(form))
        return _back(request, rule)
    reason = form.cleaned_data["reason"]
    who: dict[str, Any] = {"by": request.user, "at": clock.now()}
    if act in {"on", "off"}:
        is_on = act == "on"
        done = _("It counts from now on.") if is_on else _("It does not count any more.")
        press(request, lambda: rules.turn_rule(rule, is_on=is_on, reason=reason, **who), done=done)
    elif act == "revert":
        number = whole(request.POST.get("number")) or 0
        done = _("It says again what version %(n)s said.") % {"n": number}
        press(request, lambda: rules.revert_rule(rule, number=number, reason=reason, **who), done=done)
    elif act in {"up", "down"}:
        ids = list(EarningRule.objects.filter(programme=programme).values_list("pk", flat=True))
        place = ids.index(rule.pk)
        to = min(max(place + (1 if act == "down" else -1), 0), len(ids) - 1)
        ids.insert(to, ids.pop(place))
        press(request, lambda: rules.order_rules(programme, ids, **who), done=_("The order is changed."))
        return redirect("loyalty:rule_list")
    else:
        raise Http404
    return _back(request, rule)


def _back(request: HttpRequest, rule: EarningRule) -> HttpResponse:
    """Return to where an act on a rule was pressed."""
    if request.POST.get("next") == "list":
        return redirect("loyalty:rule_list")
    return redirect("loyalty:rule", rule.code)


def _refuse_twin(programme: Programme, name: str, document: documents.Json) -> None:
    """Refuse a rule that says what one says which is on, or which has the same name: it was sent twice."""
    mine = EarningRuleVersion.objects.filter(rule__programme=programme, number=F("rule__version"))
    for row in mine.filter(Q(is_on=True) | Q(rule__name=name)).select_related("rule"):
        if row.document == document:
            raise RuleStands(rule=called(row.rule))


def _rule(code: str) -> tuple[Programme, EarningRule]:
    programme = running()
    if programme is None:
        raise Http404
    return programme, get_object_or_404(EarningRule, programme=programme, code=code)


def _form(
    request: HttpRequest, programme: Programme, rule: EarningRule | None, form: forms.Form, *, kind: str
) -> HttpResponse:
    context = {
        "form": form,
        "rule": rule,
        "kind": capfirst(str(documents.KINDS[kind])),
        "help": HELP[kind],
        "back": reverse("loyalty:rule", args=[rule.code]) if rule else reverse("loyalty:rule_list"),
    }
    status = 422 if form.errors else 200
    return show(request, "rule_form.html", "rule_list", context, programme=programme, status=status)


def _tiers(programme: Programme) -> dict[str, str]:
    return {tier.code: called(tier) for tier in programme.tiers.all()}


def _sentences(programme: Programme, found: list[EarningRule]) -> dict[int, tuple[str, str]]:
    """Return of each rule its kind and what its newest version says; two queries."""
    rows = EarningRuleVersion.objects.filter(rule__in=found, number=F("rule__version"))
    tiers = _tiers(programme)
    return {
        row.rule_id: (
            str(capfirst(str(documents.KINDS[row.document["kind"]]))),
            explaining.sentence(row.document, currency=programme.currency, tiers=tiers),
        )
        for row in rows
    }
