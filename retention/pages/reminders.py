"""My reminders: those that wait, those that are done."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from customers import reminders
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Reminder
from retention.pages.forms import WORKERS, ReminderForm

PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WORKERS)
def reminder_list(request: HttpRequest) -> HttpResponse:
    """List one's reminders; a POST sets a new one about nobody in particular."""
    form = ReminderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            reminders.set_reminder(request.user, **form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("You will be reminded."))
            return redirect("retention:reminder_list")
    return _list(request, form)


@require_POST
@allow(*WORKERS)
def reminder_done(request: HttpRequest, pk: int) -> HttpResponse:
    """Note that a reminder is done."""
    reminder = _mine(request, pk)
    return _act(request, lambda: reminders.finish_reminder(reminder, by=request.user, at=clock.now()))


@require_POST
@allow(*WORKERS)
def reminder_move(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a reminder to another moment."""
    reminder, form = _mine(request, pk), ReminderForm({**request.POST.dict(), "text": "-"})
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return _back(request)
    due_at = form.cleaned_data["due_at"]
    return _act(
        request, lambda: reminders.move_reminder(reminder, due_at=due_at, by=request.user, at=clock.now())
    )


def _act(request: HttpRequest, verb: Any) -> HttpResponse:
    try:
        verb()
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The reminder is changed."))
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """Return to the page of ours that the button stood on."""
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return redirect(wanted if is_ours else "retention:reminder_list")


def _list(request: HttpRequest, form: ReminderForm) -> HttpResponse:
    mine, is_done = Reminder.objects.visible_to(request.user), request.GET.get("state") == "done"  # type: ignore[attr-defined]
    found = mine.filter(done_at__isnull=False).order_by("-done_at", "-id") if is_done else mine.waiting()
    context = {
        "page": Paginator(found.select_related("customer"), PAGE).get_page(request.GET.get("page")),
        "form": form,
        "is_done": is_done,
        "now": clock.now(),
        "views": [
            {"url": "?", "label": _("Waiting"), "current": not is_done},
            {"url": "?state=done", "label": _("Done"), "current": is_done},
        ],
    }
    return render(request, "retention/reminder_list.html", context, status=422 if form.errors else 200)


def _mine(request: HttpRequest, pk: int) -> Reminder:
    visible = Reminder.objects.visible_to(request.user)  # type: ignore[attr-defined]
    found: Reminder = get_object_or_404(visible, pk=pk)
    return found
