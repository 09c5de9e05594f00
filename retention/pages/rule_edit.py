"""Writing rules in the browser, and taking them in and out as files."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from retention import rules
from retention.models import WarningRule
from retention.pages.editor import Editor, Scope
from retention.pages.rule_forms import RuleForm, TakeForm
from retention.pages.rules import SEES_RULES
from retention.rules import exchange, terms
from retention.rules.conditions import ConditionRefused, Json

FIRES, CLEARS = "condition", "clear"
WRITES_RULES = ("admin",)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WRITES_RULES)
def rule_new(request: HttpRequest) -> HttpResponse:
    """Write a rule, which stands as a draft."""
    return _write(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WRITES_RULES)
def rule_edit(request: HttpRequest, code: str) -> HttpResponse:
    """Change a rule as its next version."""
    return _write(request, get_object_or_404(WarningRule, code=code))


def _write(request: HttpRequest, rule: WarningRule | None) -> HttpResponse:
    if request.method != "POST":
        form = RuleForm(initial=RuleForm.initial_of(rule), rule=rule)
        trees = (rule.condition, rule.clear_condition) if rule is not None else (None, None)
        at, scope = clock.now(), Scope()
        editors = [
            Editor.of_tree(name, tree, user=request.user, at=at, scope=scope)  # type: ignore[arg-type]
            for name, tree in zip((FIRES, CLEARS), trees, strict=True)
        ]
        return _form(request, form, editors, rule)
    editors = _sent(request)
    if any(Editor.acted(request.POST, editor.name) for editor in editors):
        return _form(request, RuleForm(initial=request.POST.dict(), rule=rule), editors, rule)
    form = RuleForm(request.POST, rule=rule)
    fires, clears = editors
    fires.strict = True
    clears.strict = bool(clears.root.parts)
    if form.is_valid() and _stands(editors):
        try:
            saved = _save(request, form, fires.tree, clears.tree if clears.root.parts else None, rule)
        except ConditionRefused as refusal:
            fires.refuse(refusal)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The rule “%(rule)s” is saved.") % {"rule": saved})
            return redirect("retention:rule", saved.code)
    return _form(request, form, editors, rule, status=422)


def _sent(request: HttpRequest) -> list[Editor]:
    at, scope = clock.now(), Scope()
    return [Editor.of_request(request, name, at=at, scope=scope) for name in (FIRES, CLEARS)]


def _stands(editors: list[Editor]) -> bool:
    """Check each tree by itself, so that a refusal stands at its own editor."""
    good = True
    for editor in editors:
        if editor.name == CLEARS and not editor.root.parts:
            continue
        try:
            rules.refuse_contradictions(terms.read(editor.tree, terms=editor.terms))
        except ConditionRefused as refusal:
            editor.refuse(refusal)
            good = False
    return good


def _save(
    request: HttpRequest, form: RuleForm, condition: Json, clear: Json, rule: WarningRule | None
) -> WarningRule:
    values = form.values() | {"condition": condition, "clear_condition": clear}
    reason, at = form.cleaned_data["reason"], clock.now()
    if rule is None:
        made = WarningRule(code=form.chosen_code(), position=_last_position() + 1, **values)
        return rules.save(made, reason=reason, by=request.user, at=at)
    read = form.cleaned_data["version"]
    return rules.revise(rule, changes=values, read=read, reason=reason, by=request.user, at=at)


def _last_position() -> int:
    return WarningRule.objects.order_by("-position").values_list("position", flat=True).first() or 0


def _form(
    request: HttpRequest,
    form: RuleForm,
    editors: list[Editor],
    rule: WarningRule | None,
    status: int = 200,
) -> HttpResponse:
    fires, clears = editors
    context: dict[str, Any] = {"form": form, "fires": fires, "clears": clears, "rule": rule}
    return render(request, "retention/rule_form.html", context, status=status)


# --- Files -------------------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WRITES_RULES)
def rule_take(request: HttpRequest) -> HttpResponse:
    """Take rules over from a file: new ones as drafts, known ones as their next version."""
    form = TakeForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            taken = exchange.take(form.cleaned_data["file"], by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("file", str(refusal))
        else:
            changed = sum(one.became != "unchanged" for one in taken)
            said = ngettext("%(n)d rule was taken over.", "%(n)d rules were taken over.", changed)
            messages.success(request, said % {"n": changed})
            return redirect("retention:rule_list")
    status = 422 if request.method == "POST" else 200
    return render(request, "retention/rule_take.html", {"form": form}, status=status)


@require_safe
@allow(*SEES_RULES)
def rule_export(request: HttpRequest) -> HttpResponse:
    """Give one rule (``code``) or all of them as a file."""
    found = WarningRule.objects.order_by("position", "pk")
    code = request.GET.get("code", "")
    if code:
        found = found.filter(pk=get_object_or_404(WarningRule, code=code[:64]).pk)
    text = json.dumps(exchange.export(found), ensure_ascii=False, indent=2)
    answer = HttpResponse(text, content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="{code[:64] or "rules"}.json"'
    return answer
