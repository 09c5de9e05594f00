"""What updates when, from the schedule that runs, and how much of each limit is used."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from customers.access import allow
from customers.ground import clock, limits, updates


@require_safe
@allow("admin", "analyst")
def schedule_page(request: HttpRequest) -> HttpResponse:
    """Show every entry of the schedule, when it last ran and runs next, and every standing limit."""
    real = clock.real_now()
    context = {"lines": updates.lines(real=real), "uses": limits.uses(), "now": real}
    return render(request, "customers/setup/schedule.html", context)
