"""The page of settings: a card for each page that sets something up."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from customers import first_week
from customers.access import ANYBODY_SIGNED_IN, allow
from customers.models.people import Role
from customers.navigation import setup_for


@require_safe
@allow(*ANYBODY_SIGNED_IN)
def settings_page(request: HttpRequest) -> HttpResponse:
    """Show the pages of settings that this user may open."""
    stages = first_week.open_stages() if request.user.role == Role.ADMIN else []
    context = {"entries": setup_for(request.user), "stages": stages}
    return render(request, "customers/settings.html", context)
