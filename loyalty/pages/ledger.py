"""The ledger's own page: what its checks found, and up to where its entries are sealed."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from customers.access import allow
from customers.ground.counting import counted
from loyalty.models import LedgerCheck, LedgerSeal, PointsEntry
from loyalty.pages.frame import running, show
from loyalty.pages.roles import SEES_FIGURES

PAGE = 20
MOST_FINDINGS = 100
NEWEST = 1000
_PARTS = ("code", "table", "id", "expected", "found")


@require_safe
@allow(*SEES_FIGURES)
def ledger_page(request: HttpRequest) -> HttpResponse:
    """Show the newest checks, what the last one found, and how far the seals reach."""
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    page = Paginator(LedgerCheck.objects.all(), PAGE).get_page(request.GET.get("page"))
    last = next(iter(page), None) if page.number == 1 else LedgerCheck.objects.first()
    context = {"page": page, "last": last, "findings": _findings(last), "seal": _seal()}
    return show(request, "ledger.html", "ledger", context, programme=programme)


def _findings(check: LedgerCheck | None) -> list[dict[str, Any]]:
    """Return what a check found, with every part that the page shows."""
    rows = check.findings[:MOST_FINDINGS] if check is not None else []
    said = _said()
    return [
        {part: row.get(part, "") for part in _PARTS}
        | {"said": said.get(row.get("code"), row.get("code", ""))}
        for row in rows
    ]


def _said() -> dict[str, str]:
    """Return what the codes of findings mean."""
    return {
        "account_entries": _("A balance differs from the sum of its entries"),
        "account_lots": _("A balance differs from what its lots hold"),
        "entry_lots": _("An entry differs from what it took from lots"),
        "lot_left": _("A lot differs from what was taken from it"),
        "changed": _("A row was changed after it was sealed"),
        "missing": _("A row that was sealed is gone"),
        "added": _("A row was slipped in before a seal"),
        "seal_changed": _("A seal was changed"),
        "seal_missing": _("A seal is gone"),
    }


def _seal() -> dict[str, Any] | None:
    """Return the newest seal and how many entries were written behind all seals; nothing without one."""
    newest = LedgerSeal.objects.order_by("-pk").first()
    if newest is None:
        return None
    some = LedgerSeal.objects.order_by("-pk")[:NEWEST]
    upto = LedgerSeal.objects.filter(pk__in=some.values("pk")).aggregate(last=Max("last_entry"))["last"]
    written = counted(since=PointsEntry.objects.filter(pk__gt=upto))["since"]
    return {"newest": newest, "since": written}
