"""The list of accounts: filtered by tier, searched by customer, in the order that was asked for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import F, Min, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.counting import counted
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Customer
from customers.search.finding import matching
from loyalty.ledger import accounts
from loyalty.models import PointsAccount, PointsLot, Programme, Tier
from loyalty.naming import called
from loyalty.pages.frame import running, show
from loyalty.pages.roles import EXPORTS, SEES_LOYALTY, WORKS_ACCOUNTS

PAGE = 50
NEWEST = "newest"
SORTS: dict[str, tuple[str, bool]] = {  # the column, and whether the greatest comes first
    NEWEST: ("pk", True),
    "points": ("balance", True),
    "pending": ("pending", True),
    "debt": ("debt", True),
    "basis": ("tier_basis", True),
    "idle": ("moved_day", False),
}
_LABELS = [
    (NEWEST, _("newest first")),
    ("points", _("most points first")),
    ("pending", _("most pending first")),
    ("debt", _("most debt first")),
    ("basis", _("most towards the next tier first")),
    ("idle", _("longest without a movement first")),
]
NO_TIER = "none"


class ListForm(forms.Form):
    """Which accounts are listed, and in which order."""

    q = forms.CharField(label=_("Customer"), required=False, max_length=200)
    tier = forms.ChoiceField(label=pgettext_lazy("of loyalty", "Tier"), required=False)
    sort = forms.ChoiceField(label=_("Order of the list"), choices=_LABELS, required=False)

    def __init__(self, data: Any, *, tiers: list[Tier]) -> None:
        super().__init__(data)
        self.fields["tier"].choices = [  # type: ignore[attr-defined]
            ("", _("all")),
            *((str(tier.pk), called(tier)) for tier in tiers),
            (NO_TIER, _("in no tier")),
        ]

    def has_changed(self) -> bool:
        """Say whether anything narrows the list."""
        return any(self.data.get(name) for name in self.fields)


@require_safe
@allow(*SEES_LOYALTY)
def account_list(request: HttpRequest) -> HttpResponse:
    """List the accounts of the customers that one may see."""
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    tiers = list(programme.tiers.filter(is_retired=False))
    form = ListForm(request.GET, tiers=tiers)
    found, sort = narrowed(form, programme, request.user)
    rows = _page(found, sort, request.GET.get("after", ""))
    shown = rows[:PAGE]
    query = request.GET.copy()
    query.pop("after", None)
    first = "?" + query.urlencode()
    if len(rows) > PAGE:
        query["after"] = f"{getattr(shown[-1], SORTS[sort][0])}~{shown[-1].pk}"
    due = next_expiries(shown)
    context = {
        "rows": [(row, due.get(row.pk)) for row in shown],
        "form": form,
        "filtered": form.has_changed(),
        "total": counted(accounts=found)["accounts"],
        "newer": first if request.GET.get("after") else None,
        "older": "?" + query.urlencode() if len(rows) > PAGE else None,
        "may_export": request.user.role in EXPORTS,  # type: ignore[union-attr]
    }
    return show(request, "accounts.html", "account_list", context, programme=programme)


@require_POST
@allow(*WORKS_ACCOUNTS)
def account_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Open the account of a customer that has none, or go to the one that it has."""
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    customer = get_object_or_404(visible, pk=pk)
    try:
        account = accounts.open_for(customer, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("loyalty:overview")
    return redirect("loyalty:account", pk=account.pk)


def narrowed(form: ListForm, programme: Programme, user: Any) -> tuple[QuerySet[PointsAccount], str]:
    """Return the accounts that the form shows to ``user``, and the name of their order.

    None is of a customer that is gone: what one who was merged away had stands with the survivor.
    """
    visible: Any = PointsAccount.objects.visible_to(user)  # type: ignore[attr-defined]
    found: QuerySet[Any] = visible.present().filter(programme=programme)
    form.is_valid()
    asked = form.cleaned_data
    if text := asked.get("q"):
        found = found.filter(matching(text, customer="customer_id"))
    if tier := asked.get("tier"):
        found = found.filter(tier=None) if tier == NO_TIER else found.filter(tier=whole(tier))
    sort = asked.get("sort") or NEWEST
    return found, sort


def next_expiries(rows: list[PointsAccount]) -> dict[int, int]:
    """Return the next local day on which points of each account expire; one query."""
    lots = PointsLot.objects.filter(
        account__in=[row.pk for row in rows], left__gt=0, is_pending=False, expires_day__isnull=False
    )
    return dict(lots.order_by().values_list("account").annotate(Min("expires_day")))


def _page(found: QuerySet[PointsAccount], sort: str, after: str) -> list[PointsAccount]:
    column, downwards = SORTS[sort]
    place, tilde, pk = after.partition("~")
    value, number = whole(place.removeprefix("-")), whole(pk)
    if tilde and value is not None and number is not None:
        value = -value if place.startswith("-") else value  # goods that came back can outweigh a window
        beyond = "lt" if downwards else "gt"
        ahead = Q(**{f"{column}__{beyond}": value})
        found = found.filter(ahead | Q(**{column: value, "pk__lt": number}))
    order = F(column).desc() if downwards else F(column).asc()
    return list(found.select_related("customer", "tier").order_by(order, "-pk")[: PAGE + 1])
