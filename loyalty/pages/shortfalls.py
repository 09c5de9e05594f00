"""Returns whose points were spent by then: what could not be taken back, until somebody settles it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from loyalty.earning import shortfalls
from loyalty.models import OrderEarning, PointsAccount, Programme
from loyalty.pages.frame import press, running, show
from loyalty.pages.roles import DECIDES, SEES_LOYALTY

PAGE = 50


class SettleForm(forms.Form):
    """What was decided: whether the points were taken, and in words."""

    is_taken = forms.TypedChoiceField(
        label=pgettext_lazy("points that could not be taken back", "What became of them"),
        choices=[
            ("yes", pgettext_lazy("points that could not be taken back", "Taken by an adjustment")),
            ("no", pgettext_lazy("points that could not be taken back", "Left to the customer")),
        ],
        coerce=lambda value: value == "yes",
    )
    note = forms.CharField(label=gettext_lazy("What was decided"), max_length=500, required=False)


def visible(programme: Programme, user: Any) -> Any:
    """Return what came short and is not settled, of customers that ``user`` may see."""
    seen: Any = OrderEarning.objects.visible_to(user)  # type: ignore[attr-defined]
    return shortfalls.open_shortfalls(programme).filter(pk__in=seen.order_by().values("pk"))


@require_safe
@allow(*SEES_LOYALTY)
def shortfall_list(request: HttpRequest) -> HttpResponse:
    """List the orders that came back after their points were spent, the newest first."""
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
    context: dict[str, Any] = {
        "page": page,
        "outcomes": SettleForm.base_fields["is_taken"].choices,  # type: ignore[attr-defined]
        "rows": [(row, row.short - row.settled, accounts.get(row.customer_id)) for row in found],
    }
    return show(request, "shortfalls.html", "overview", context, programme=programme)


@require_POST
@allow(*DECIDES)
def shortfall_settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Note what was decided about one; it is listed no more."""
    seen: Any = OrderEarning.objects.visible_to(request.user)  # type: ignore[attr-defined]
    row: OrderEarning = get_object_or_404(seen.select_related("account"), pk=pk)
    form = SettleForm(request.POST)
    if form.is_valid():
        press(
            request,
            lambda: shortfalls.settle(row, **form.cleaned_data, by=request.user, at=clock.now()),  # type: ignore[arg-type]
            done=_("Settled. No points were moved."),
        )
    else:
        messages.error(request, "; ".join(str(error) for error in next(iter(form.errors.values()))))
    return redirect("loyalty:shortfall_list")
