"""The ledger's own page: what its checks found, and up to where its entries are sealed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, F, Max, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe

from customers.access import allow
from loyalty.models import LedgerCheck, LedgerSeal, PointsAccount, PointsEntry
from loyalty.pages.frame import running, show
from loyalty.pages.roles import SEES_FIGURES

PAGE = 20
MOST_FINDINGS = 100


@require_safe
@allow(*SEES_FIGURES)
def ledger_page(request: HttpRequest) -> HttpResponse:
    """Show the newest checks, what the last one found, and how far the seals reach."""
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    page = Paginator(LedgerCheck.objects.all(), PAGE).get_page(request.GET.get("page"))
    last = next(iter(page), None) if page.number == 1 else LedgerCheck.objects.first()
    return show(
        request,
        "ledger.html",
        "ledger",
        {"page": page, "last": last, "findings": _findings(last), "seals": _seals()},
        programme=programme,
    )
