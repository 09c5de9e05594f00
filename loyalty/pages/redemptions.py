"""Redemptions: what was asked for and how far it is; each is moved on, or cancelled."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.counting import counted
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.search.finding import matching
from loyalty.models import PointsAccount, Redemption
from loyalty.pages import account as account_page
from loyalty.pages.frame import running, show
from loyalty.pages.redemption_rows import MoveForm, RefusedAct, rows_of
from loyalty.pages.roles import SEES_LOYALTY, WORKS_ACCOUNTS
from loyalty.rewards import redeeming

PAGE = 50
State = Redemption.State
OPEN = tuple(state for state, ahead in redeeming.MOVES.items() if ahead)


class ListForm(forms.Form):
    """Whose redemptions are listed."""

    q = forms.CharField(label=gettext_lazy("Customer"), required=False, max_length=200)

    def has_changed(self) -> bool:
        """Say whether anything narrows the list."""
        return bool(self.data.get("q"))


@require_safe
@allow(*SEES_LOYALTY)
def redemption_list(request: HttpRequest) -> HttpResponse:
    """List the redemptions of a state; those that wait oldest first, those that ended newest first.

    ``?account=`` lists all of one account, of whatever state, newest first; ``?q=`` those of a customer.
    """
    return _list(request)


@require_POST
@allow(*WORKS_ACCOUNTS)
def redemption_act(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Move a redemption to the state that ``act`` names, or cancel it; come back to where it was done."""
    visible: Any = Redemption.objects.visible_to(request.user)  # type: ignore[attr-defined]
    row: Redemption = get_object_or_404(visible.select_related("account"), pk=pk)
    if act not in {"cancel", *redeeming.MOVED}:
        raise Http404
    form, errors = MoveForm(request.POST), []
    if form.is_valid():
        try:
            _act(row, act, form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            errors.append(str(refusal))
    else:
        errors += [str(error) for found in form.errors.values() for error in found]
    on_account = request.POST.get("next") == "account"
    if errors:
        refused = RefusedAct(pk, act, form, errors)
        if on_account:
            return account_page.shown(request, row.account_id, refused=refused)
        return _list(request, refused)
    said = _("Cancelled: the points are back in the lots that they came from.")
    messages.success(request, said if act == "cancel" else _("Noted."))
    if on_account:
        return redirect("loyalty:account", pk=row.account_id)
    return redirect(_address(request.GET))


class NotSure(Refused):
    code = "redemption_not_sure"
    message = gettext_lazy(
        "Press once more to say that it was handed over. Afterwards only a team lead or admin can "
        "take it back."
    )


def _act(row: Redemption, act: str, said: dict[str, Any], *, by: Any, at: datetime) -> None:
    if act == "cancel":
        redeeming.cancel(row, reason=said["reason"], was=said["state"], by=by, at=at)
        return
    if act == State.DONE and not said["sure"]:
        raise NotSure()
    tracking = said["tracking"] or None
    redeeming.set_state(row, act, was=said["state"], tracking=tracking, by=by, at=at)


def _list(request: HttpRequest, refused: RefusedAct | None = None) -> HttpResponse:
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    visible: Any = Redemption.objects.visible_to(request.user)  # type: ignore[attr-defined]
    account = _account(request)
    form = ListForm(request.GET)
    if account is not None:
        of_customer = {"customer": account.customer_id, "account__programme": account.programme_id}
        visible = visible.filter(**of_customer)  # also what a merge brought
    elif form.is_valid() and (text := form.cleaned_data["q"]):
        visible = visible.filter(matching(text, customer="customer_id"))
    state = request.GET.get("state", "")
    state = state if state in State.values else "" if account is not None else State.ASKED.value
    rows = visible.filter(state=state) if state else visible
    rows = rows.select_related("customer", "contact", "reward", "by", "changed_by")
    page = Paginator(rows.order_by("pk" if state in OPEN else "-pk"), PAGE).get_page(request.GET.get("page"))
    shown = rows_of(list(page), user=request.user, refused=refused)
    if refused is not None and not any(one.refused for one in shown):  # it moved to another list meanwhile
        messages.error(request, " ".join(refused.errors))
    context: dict[str, Any] = {
        "page": page,
        "rows": shown,
        "state": state,
        "is_open": state in OPEN,
        "account": account,
        "form": form,
        "query": "?" + request.GET.urlencode(),
        "newer": _address(request.GET, page=page.previous_page_number()) if page.has_previous() else "",
        "older": _address(request.GET, page=page.next_page_number()) if page.has_next() else "",
        "views": _views(request, state, visible) if account is None else [],
    }
    status = 422 if refused is not None else 200
    return show(request, "redemptions.html", "redemption_list", context, programme=programme, status=status)


def _account(request: HttpRequest) -> PointsAccount | None:
    """Return the account in the address, or nothing where none is there."""
    if not (asked := request.GET.get("account")):
        return None
    visible: Any = PointsAccount.objects.visible_to(request.user)  # type: ignore[attr-defined]
    return get_object_or_404(visible.select_related("customer"), pk=whole(asked) or 0)


def _address(query: QueryDict, **change: Any) -> str:
    """Return the list's address with what stands in ``query``, also from the address of an act."""
    kept = query.copy()
    kept.pop("page", None)
    for key, value in change.items():
        kept[key] = str(value)
    return reverse("loyalty:redemption_list") + (f"?{kept.urlencode()}" if kept else "")


def _views(request: HttpRequest, current: str, visible: Any) -> list[dict[str, Any]]:
    labels = {
        State.ASKED.value: pgettext("redemptions", "Asked for"),
        State.READY.value: pgettext("redemptions", "Ready"),
        State.SENT.value: pgettext("redemptions", "Sent"),
        State.DONE.value: pgettext("redemptions", "Handed over"),
        State.CANCELLED.value: pgettext("redemptions", "Cancelled"),
    }
    counts = counted(**{one: visible.filter(state=one) for one in OPEN})
    return [
        {
            "url": _address(request.GET, state=one),
            "label": label,
            "count": counts.get(one),
            "current": one == current,
        }
        for one, label in labels.items()
    ]
