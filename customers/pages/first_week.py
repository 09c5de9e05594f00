"""The page of the first week: what is done, what is next."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from customers import first_week
from customers.access import allow


@require_safe
@allow("admin")
def first_week_page(request: HttpRequest) -> HttpResponse:
    """Show the steps from an empty database to the first warnings."""
    return render(request, "customers/setup/first_week.html", {"stages": first_week.stages()})


def onward(route: str) -> HttpResponse:
    """Go on after a step was saved: to the next steps while some are open, else back to ``route``."""
    return redirect("customers:first_week" if first_week.open_stages() else route)
