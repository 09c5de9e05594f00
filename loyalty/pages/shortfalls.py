"""Returns whose points were spent by then: what could not be taken back, until somebody settles it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from loyalty.earning import shortfalls
from loyalty.models import OrderEarning, PointsAccount, Programme
from loyalty.pages.fields import MOST
from loyalty.pages.frame import running, show, told
from loyalty.pages.roles import DECIDES, SEES_LOYALTY

PAGE = 50


class SettleForm(forms.Form):
    """What was decided, and in words; ``short`` is how much came short of the order as it was shown."""

    short = forms.IntegerField(required=False, min_value=1, max_value=MOST)
    is_taken = forms.TypedChoiceField(
        label=pgettext_lazy("points that could not be taken back", "What became of them"),
        choices=[
            ("yes", pgettext_lazy("points that could not be taken back", "Taken by an adjustment")),
            ("no", pgettext_lazy("points that could not be taken back", "Left to the customer")),
        ],
        coerce=lambda value: value == "yes",
        error_messages={
            "required": gettext_lazy("Say what became of the points: taken by an adjustment, or left.")
        },
    )
    note = forms.CharField(label=gettext_lazy("What was decided"), max_length=500, required=False)


@dataclass(frozen=True)
class RefusedSettle:
    """A settling that was refused: its form holds what was typed."""

    pk: int
    form: SettleForm
    errors: list[str]


def visible(programme: Programme, user: Any) -> Any:
    """Return what came short and is not settled, of customers that ``user`` may see."""
    seen: Any = OrderEarning.objects.visible_to(user)  # type: ignore[attr-defined]
    return shortfalls.open_shortfalls(programme).filter(pk__in=seen.order_by().values("pk"))


@require_safe
@allow(*SEES_LOYALTY)
def shortfall_list(request: HttpRequest) -> HttpResponse:
    """List the orders that came back after their points were spent, the newest first."""
    return _list(request)


@require_POST
@allow(*DECIDES)
def shortfall_settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Note what was decided about one; it is listed no more, unless more came short meanwhile."""
    seen: Any = OrderEarning.objects.visible_to(request.user)  # type: ignore[attr-defined]
    row: OrderEarning = get_object_or_404(seen.select_related("account"), pk=pk)
    form = SettleForm(request.POST)
    errors = []
    if form.is_valid():
        said: dict[str, Any] = {**form.cleaned_data, "by": request.user, "at": clock.now()}
        try:
            shortfalls.settle(row, **said)
        except Refused as refusal:
            errors.append(str(refusal))
    else:
        errors.append(told(form))
    if errors:
        return _list(request, RefusedSettle(pk, form, errors))
    messages.success(request, _("Settled. No points were moved."))
    return redirect(_address(request.GET.get("page")))


def _address(page: int | str | None) -> str:
    """Return the address of a page of the list, also from that of an act."""
    number = whole(str(page or 1)) or 1
    return reverse("loyalty:shortfall_list") + (f"?page={number}" if number > 1 else "")


def _list(request: HttpRequest, refused: RefusedSettle | None = None) -> HttpResponse:
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    rows = visible(programme, request.user).select_related("customer", "order")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    found = list(page)
    theirs = PointsAccount.objects.filter(
        programme=programme, customer__in=[row.customer_id for row in found]
    )
    accounts = dict(theirs.values_list("customer", "pk"))  # a merge may have closed the one that earned
    if refused is not None and all(row.pk != refused.pk for row in found):  # it is not open any more
        messages.error(request, " ".join(refused.errors))
    context: dict[str, Any] = {
        "page": page,
        "outcomes": SettleForm.base_fields["is_taken"].choices,  # type: ignore[attr-defined]
        "rows": [(row, row.short - row.settled, accounts.get(row.customer_id)) for row in found],
        "refused": refused,
        "query": f"?page={page.number}" if page.number > 1 else "",
        "newer": _address(page.previous_page_number()) if page.has_previous() else "",
        "older": _address(page.next_page_number()) if page.has_next() else "",
    }
    status = 422 if refused is not None else 200
    return show(request, "shortfalls.html", "overview", context, programme=programme, status=status)
