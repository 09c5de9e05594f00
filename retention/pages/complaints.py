"""The list of complaints and other feedback, and what one does with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST, require_safe

from customers import complaints
from customers.access import allow
from customers.feedback import words
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Complaint, Customer, FeedbackKind, User
from retention.loop import LoopUnfinished
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.forms import WORKERS

PAGE = 50
_SHOWN = ("pk", "customer_id", "customer__name", "text", "severity", "state", "occurred_at", "due_at", "kind")

COMPLAINT_ACTS: dict[str, Callable[..., Any]] = {
    "acknowledge": complaints.acknowledge,
    "resolve": complaints.resolve,
    "reopen": complaints.reopen,
}


@require_POST
@allow(*WORKERS)
def complaint_act(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Acknowledge, resolve or reopen a complaint."""
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    complaint = get_object_or_404(Complaint.objects.filter(customer__in=visible, void=False), pk=pk)
    try:
        COMPLAINT_ACTS[act](complaint, by=request.user, at=clock.now())
    except LoopUnfinished as refusal:
        messages.error(request, str(refusal))
        return redirect("retention:loop", pk=complaint.loop.pk)
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The complaint is changed.") if is_complaint(complaint) else _("Saved."))
    if request.POST.get("back") == "complaint":
        return redirect("retention:complaint", pk=complaint.pk)
    return redirect("retention:customer", pk=complaint.customer_id)


@require_safe
@allow(*SEES_CUSTOMERS)
def complaint_list(request: HttpRequest) -> HttpResponse:
    """List open complaints in the order of their filing, or all of them, newest first; ``?kind=`` others."""
    wanted = "all" if request.GET.get("state") == "all" else "open"
    kind = kind_of(request)
    found = of_kind(open_complaints(request.user) if wanted == "open" else complaints_of(request.user), kind)
    before = whole(request.GET.get("after"))
    if before is not None:
        found = found.filter(pk__lt=before) if wanted == "all" else found.filter(pk__gt=before)
    found = found.select_related("customer").only(*_SHOWN).order_by("-pk" if wanted == "all" else "pk")
    rows: list[Any] = list(found[: PAGE + 1])
    more = len(rows) > PAGE
    for row in rows:
        row.said_state = words.of_state(row)
    query = request.GET.copy()
    query["after"] = str(rows[PAGE - 1].pk) if more else ""
    context = {
        "rows": rows[:PAGE],
        "wanted": wanted,
        "kind": kind,
        "now": clock.now(),
        "may_work": request.user.role in WORKERS,
        "older": "?" + query.urlencode() if more else None,
        "newer": f"?state={wanted}&kind={kind}" if before is not None else None,
        "views": [
            {"url": f"?state=open&kind={kind}", "label": _("Open"), "current": wanted != "all"},
            {"url": f"?state=all&kind={kind}", "label": _("All"), "current": wanted == "all"},
        ],
        "kinds": [
            {"url": f"?state={wanted}&kind={code}", "label": label, "current": kind == code}
            for code, label in (*_plurals(), ("any", _("All kinds")))
        ],
    }
    return render(request, "retention/complaint_list.html", context)


def _plurals() -> list[tuple[str, str]]:
    return [
        (FeedbackKind.COMPLAINT.value, _("Complaints")),
        (FeedbackKind.SUGGESTION.value, _("Suggestions")),
        (FeedbackKind.QUESTION.value, pgettext("kind of feedback", "Questions")),
        (FeedbackKind.PRAISE.value, pgettext("kind of feedback", "Praise")),
    ]


def kind_of(request: HttpRequest) -> str:
    """Return which kind is asked for: complaints unless said, ``any`` for all."""
    kind = request.GET.get("kind", "")
    return kind if kind in {*FeedbackKind.values, "any"} else FeedbackKind.COMPLAINT.value


def of_kind(found: QuerySet[Complaint], kind: str) -> QuerySet[Complaint]:
    """Return those of a kind."""
    return found if kind == "any" else found.filter(kind=kind)


def is_complaint(row: Complaint) -> bool:
    """Say whether it is a complaint, not a suggestion, question or praise."""
    return row.kind == FeedbackKind.COMPLAINT


def complaints_of(user: User) -> QuerySet[Complaint]:
    """Return the complaints of the customers that ``user`` may see."""
    found = Complaint.objects.filter(void=False)
    if user.is_active and user.role in {"admin", "analyst"}:
        return found
    return found.filter(customer__in=Customer.objects.visible_to(user))  # type: ignore[attr-defined]


def open_complaints(user: User) -> QuerySet[Complaint]:
    """Return those that are not resolved."""
    return complaints_of(user).filter(state=Complaint.State.OPEN)
