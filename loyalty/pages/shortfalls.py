"""Returns whose points were spent by then: what could not be taken back, until somebody settles it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F, Max, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.numbers import whole
from customers.models import Order
from loyalty.earning import shortfalls
from loyalty.ledger import statement
from loyalty.models import OrderEarning, PointsAccount, Programme
from loyalty.pages.fields import MOST, text_field
from loyalty.pages.frame import act_on, running, show, told
from loyalty.pages.roles import DECIDES, SEES_LOYALTY

PAGE = 50
MOST_OF_CUSTOMER = 10


class SettleForm(forms.Form):
    """What is decided, and in words; ``short`` is how much came short of the order as it was shown."""

    short = forms.IntegerField(required=False, min_value=1, max_value=MOST, widget=forms.HiddenInput)
    is_taken = forms.TypedChoiceField(
        label=pgettext_lazy("points that could not be taken back", "What becomes of them"),
        choices=[
            ("", pgettext_lazy("points that could not be taken back", "Choose …")),
            ("yes", pgettext_lazy("points that could not be taken back", "Take them now")),
            ("no", pgettext_lazy("points that could not be taken back", "Leave them to the customer")),
        ],
        coerce=lambda value: value == "yes",
        error_messages={"required": gettext_lazy("Say what becomes of the points: taken now, or left.")},
    )
    note = text_field(
        gettext_lazy("What was decided"),
        500,
        rows=3,
        error_messages={"required": shortfalls.SettleNote.message},
    )
    REFUSALS = {"shortfall_note": "note", "shortfall_not_held": "is_taken"}

    def __init__(self, *args: Any, row: OrderEarning, **kwargs: Any) -> None:
        self.sheet = f"settle-{row.pk}"
        super().__init__(*args, auto_id=f"{self.sheet}-%s", initial={"short": row.short}, **kwargs)

    @property
    def errors_said(self) -> str:
        """Return all that is wrong in one line."""
        return told(self)


@dataclass(frozen=True)
class Shown:
    """An order whose points came short: how many are open, and whose account holds how many to use."""

    row: OrderEarning
    points: int
    account: PointsAccount | None
    holds: int
    came_back_at: datetime | None
    form: SettleForm | None


def visible(programme: Programme, user: Any) -> Any:
    """Return what came short and is not settled, of customers that ``user`` may see."""
    return _seen(shortfalls.open_shortfalls(programme), user)


def of_customer(programme: Programme, customer_id: int) -> list[OrderEarning]:
    """Return the newest orders of a customer of which points came short, open or settled."""
    rows = OrderEarning.objects.filter(programme=programme, customer=customer_id)
    rows = rows.filter(Q(short__gt=F("settled")) | Q(settled_at__isnull=False)).annotate(
        open=F("short") - F("settled")
    )
    rows = rows.select_related("order", "settled_by").order_by("-open", "-occurred_at", "-pk")
    return list(rows[:MOST_OF_CUSTOMER])


def _seen(rows: Any, user: Any) -> Any:
    seen: Any = OrderEarning.objects.visible_to(user)  # type: ignore[attr-defined]
    return rows.filter(pk__in=seen.order_by().values("pk"))


@require_safe
@allow(*SEES_LOYALTY)
def shortfall_list(request: HttpRequest) -> HttpResponse:
    """List the orders that came back after their points were spent; by ``?state=settled`` those decided."""
    return _list(request)


@require_POST
@allow(*DECIDES)
def shortfall_settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Take what came short of one now, or leave it; it is open no more, unless more came short meanwhile."""
    seen: Any = OrderEarning.objects.visible_to(request.user)  # type: ignore[attr-defined]
    row: OrderEarning = get_object_or_404(seen.select_related("account"), pk=pk)
    form = SettleForm(request.POST, row=row)
    said: dict[str, Any] = {"by": request.user, "at": clock.now()}
    if act_on(request, form, lambda data: shortfalls.settle(row, **data, **said), done=_done_of(form)):
        return redirect(_address(request.GET.get("page")))
    return _list(request, (row.pk, form))


def _done_of(form: SettleForm) -> str:
    if form.is_valid() and form.cleaned_data["is_taken"]:
        return _("The points are taken, by an entry in the statement.")
    return _("Settled. No points were moved.")


def _address(page: int | str | None, *, is_settled: bool = False) -> str:
    """Return the address of a page of the list, also from that of an act."""
    number = whole(str(page or 1)) or 1
    asked = {"state": "settled"} if is_settled else {}
    query = urlencode(asked | ({"page": number} if number > 1 else {}))
    return reverse("loyalty:shortfall_list") + (f"?{query}" if query else "")


def _list(request: HttpRequest, refused: tuple[int, SettleForm] | None = None) -> HttpResponse:
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    is_settled = refused is None and request.GET.get("state") == "settled"
    listed = shortfalls.settled_shortfalls if is_settled else shortfalls.open_shortfalls
    rows = _seen(listed(programme), request.user).select_related("customer", "order", "settled_by")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    found = _shown(list(page), programme, refused, is_settled=is_settled)
    sheet = f"settle-{refused[0]}" if refused is not None else ""
    if refused is not None and all(one.row.pk != refused[0] for one in found):  # it is not open any more
        messages.error(request, refused[1].errors_said)
    context: dict[str, Any] = {
        "page": page,
        "rows": found,
        "is_settled": is_settled,
        "views": [
            {
                "url": _address(1, is_settled=settled),
                "label": label,
                "count": None,
                "current": settled == is_settled,
            }
            for settled, label in (
                (False, pgettext("points that could not be taken back", "Open")),
                (True, pgettext("points that could not be taken back", "Settled")),
            )
        ],
        "open_sheet": sheet,
        "query": f"?page={page.number}" if page.number > 1 else "",
        "newer": _address(page.previous_page_number(), is_settled=is_settled) if page.has_previous() else "",
        "older": _address(page.next_page_number(), is_settled=is_settled) if page.has_next() else "",
    }
    status = 422 if refused is not None else 200
    return show(request, "shortfalls.html", "overview", context, programme=programme, status=status)


def _shown(
    found: list[OrderEarning],
    programme: Programme,
    refused: tuple[int, SettleForm] | None,
    *,
    is_settled: bool,
) -> list[Shown]:
    """Return rows with what stands beside them; three queries, however many rows."""
    theirs = PointsAccount.objects.filter(
        programme=programme, customer__in=[row.customer_id for row in found]
    )  # a merge may have closed the one that earned
    accounts = {account.customer_id: account for account in theirs.select_related("programme")}
    holds = statement.usable_of(accounts.values(), at=clock.now())
    backs = Order.objects.filter(returns_of__in=[row.order_id for row in found], void=False)
    came = dict(backs.order_by().values_list("returns_of").annotate(last=Max("occurred_at")))
    shown = []
    for row in found:
        account = accounts.get(row.customer_id)
        form = None if is_settled else SettleForm(row=row)
        if form is not None and refused is not None and refused[0] == row.pk:
            form = refused[1]
            form.data = {**form.data.dict(), "short": row.short}  # type: ignore[attr-defined]
        points = row.settled if is_settled else row.short - row.settled
        held = holds[account.pk] if account is not None else 0
        shown.append(Shown(row, points, account, held, came.get(row.order_id), form))
    return shown
