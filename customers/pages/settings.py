"""The page of settings: a card for each page that sets something up."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from customers.access import ANYBODY_SIGNED_IN, allow
from customers.navigation import setup_for


@require_safe
@allow(*ANYBODY_SIGNED_IN)
def settings_page(request: HttpRequest) -> HttpResponse:
    """Show the pages of settings that this user may open."""
    return render(request, "customers/settings.html", {"entries": setup_for(request.user)})
