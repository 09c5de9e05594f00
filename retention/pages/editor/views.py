"""The one view behind every editor: it draws the editor, or its outcome, anew from what was sent."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from customers.access import allow
from customers.ground import clock
from retention.pages.editor.form import Editor

EDITS = ("team_lead", "admin")


@require_POST
@allow(*EDITS)
def condition_editor(request: HttpRequest) -> HttpResponse:
    """Draw an editor anew after a press of one of its buttons; writes nothing.

    ``of`` names it in the address: a form may hold several.
    """
    name = request.GET.get("of") or request.POST.get("editor", "")
    if not Editor.is_name(name):
        raise Http404
    editor = Editor.of_request(request, name, at=clock.now())
    part = "outcome_part" if request.GET.get("part") == "outcome" else "editor"
    return render(request, f"retention/editor/{part}.html", {"editor": editor})
