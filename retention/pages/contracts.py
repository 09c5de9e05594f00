"""Contracts: the renewal calendar and list, one contract, and what becomes of it in one press."""

from __future__ import annotations

from calendar import Calendar
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import django_filters
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from customers import company
from customers import renewals as terms
from customers.access import allow
from customers.ground import clock, localtime
from customers.ground.counting import COUNT_UP_TO, Sums, counted
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.ground.widgets import LongSelect
from customers.models import Contract, Customer, Team
from retention import renewals
from retention.models import Loss
from retention.pages.contract_forms import act_forms
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.filters import NOBODY, ListFilter, colleagues
from retention.pages.forms import WORKERS

PAGE = 50
SPANS = (30, 60, 90)  # days within which what renews is summed up
OF_A_DAY = 20  # contracts that one day of the calendar shows


@dataclass
class Day:
    """One day of the calendar and what is due on it."""

    day: date
    is_month: bool
    is_today: bool
    rows: list[Contract] = field(default_factory=list)
    more: int = 0


class ContractFilter(ListFilter):
    """Which contracts of the calendar."""

    person = "owner"

    owner = django_filters.ModelChoiceFilter(
        label=gettext_lazy("Owner"),
        queryset=colleagues,
        empty_label=gettext_lazy("anybody"),
        null_label=gettext_lazy("nobody"),
        null_value=NOBODY,
        widget=LongSelect,
        method="by_owner",
    )
    team = django_filters.ModelChoiceFilter(
        label=gettext_lazy("Team"),
        field_name="customer__team",
        queryset=lambda request: Team.objects.order_by("name"),
        empty_label=gettext_lazy("all"),
        widget=LongSelect,
    )

    class Meta:
        model = Contract
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.request.user.role not in {"team_lead", "admin", "analyst"}:
            del self.filters["owner"], self.filters["team"]

    def by_owner(self, rows: QuerySet[Contract], name: str, value: Any) -> QuerySet[Contract]:
        """Keep what a colleague answers for; without an owner it is whoever looks after the customer."""
        person = None if value == NOBODY else value
        if person is None:
            return rows.filter(owner__isnull=True, customer__owner__isnull=True)
        return rows.filter(Q(owner=person) | Q(owner__isnull=True, customer__owner=person))


def contracts_of(user: Any) -> QuerySet[Contract]:
    """Return the contracts of the customers that ``user`` may see."""
    return Contract.objects.filter(customer__in=Customer.objects.visible_to(user), void=False)  # type: ignore[attr-defined]


@require_safe
@allow(*SEES_CUSTOMERS)
def contract_list(request: HttpRequest) -> HttpResponse:
    """Show what renews: by month, or as a list from the next date on."""
    firm, at = company.current(), clock.now()
    today = company.today(at, firm).number
    found = ContractFilter(request.GET, queryset=contracts_of(request.user), request=request)
    as_list = request.GET.get("view") == "list"
    context: dict[str, Any] = {
        "filter": found,
        "now": at,
        "today": today,
        "currency": firm.base_currency,
        "figures": figures(found.qs, day=today),
        "views": _views(request, as_list=as_list),
        "as_list": as_list,
        "may_write": request.user.role in WORKERS,
    }
    context |= _listed(request, found.qs, today) if as_list else _month(request, found.qs, today)
    return render(request, "retention/contract_list.html", context)


@require_safe
@allow(*SEES_CUSTOMERS)
def contract_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one contract, what came before and after, and what can become of it."""
    return _page(request, contract_of(request, pk))


@require_POST
@allow(*WORKERS)
def contract_act(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Renew, renegotiate, prolong or end a contract in one press, from any page that shows it."""
    contract = contract_of(request, pk)
    form = act_forms(contract, act=act, data=request.POST)[act]
    if not form.is_valid():
        return _page(request, contract, forms={act: form}, status=422)
    try:
        form.act(contract, by=request.user, at=clock.now())
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _page(request, contract, forms={act: form}, status=422)
    messages.success(request, form.done)
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return redirect(wanted)
    return redirect("retention:contract", pk=contract.pk)


# --- What the pages show ------------------------------------------------------------------------
def figures(among: QuerySet[Contract], *, day: int) -> list[dict[str, Any]]:
    """Return number and value, in the base currency, of what ends undecided within 30, 60 and 90 days."""
    lists, sums = renewing(among, day=day)
    return figures_of(counted(sums=sums, **lists))


def renewing(among: QuerySet[Contract], *, day: int) -> tuple[dict[str, QuerySet[Contract]], Sums]:
    """Return what :func:`figures_of` needs to have counted."""
    lists = {f"renewing_{span}": renewals.waiting(among, day=day, within=span) for span in SPANS}
    return lists, {f"value_of_{name}": (rows, "value_base") for name, rows in lists.items()}


def figures_of(counts: dict[str, int]) -> list[dict[str, Any]]:
    """Return the figures of each span from what was counted."""
    return [
        {
            "days": span,
            "count": counts[f"renewing_{span}"],
            "value": counts[f"value_of_renewing_{span}"],
        }
        for span in SPANS
    ]


def contract_of(request: HttpRequest, pk: int) -> Contract:
    rows = contracts_of(request.user).select_related("customer__owner", "owner", "renews")
    return get_object_or_404(rows, pk=pk)


def _page(
    request: HttpRequest, contract: Contract, *, forms: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    at, firm = clock.now(), company.current()
    after = Contract.objects.filter(renews=contract, void=False).first()
    return render(
        request,
        "retention/contract.html",
        {
            "contract": contract,
            "customer": contract.customer,
            "state": state_of(contract, day=company.today(at, firm).number),
            "after": after,
            "loss": Loss.objects.filter(contract=contract).first(),
            "next_term": terms.next_term(contract),
            "acts": {**act_forms(contract), **(forms or {})} if is_undecided(contract) else {},
            "open_act": next(iter(forms or {}), ""),
            "currency": firm.base_currency,
            "may_write": request.user.role in WORKERS,
            "now": at,
        },
        status=status,
    )


def contracts_of_customer(customer: Customer, *, day: int) -> list[tuple[Contract, str, str]]:
    """Return a customer's newest contracts and how each stands: what ``dealings/contracts.html`` shows."""
    rows = Contract.objects.filter(customer=customer, void=False).order_by("-ends_day", "-pk")[:PAGE]
    return [(row, *state_of(row, day=day)) for row in rows]


def is_undecided(contract: Contract) -> bool:
    """Return whether nobody said yet what becomes of a contract."""
    return not contract.void and contract.renewed_day is None and contract.terminated_day is None


def state_of(contract: Contract, *, day: int) -> tuple[str, str]:
    """Return how a contract stands on a day, in words and with the tone of its tag."""
    if contract.renewed_day is not None:
        return _("renewed"), "good"
    if contract.terminated_day is not None:
        return _("lapsed"), "bad"
    if contract.ends_day < day:
        return _("ended without a renewal"), "bad"
    if contract.notice_day is not None and contract.notice_day < day and not contract.auto_renew:
        return _("notice date missed"), "bad"
    if contract.auto_renew:
        return _("renews itself"), "info"
    return (_("not begun"), "line") if contract.starts_day > day else (_("running"), "line")


def _views(request: HttpRequest, *, as_list: bool) -> list[dict[str, Any]]:
    kept = request.GET.copy()
    for key in ("view", "after", "month"):
        kept.pop(key, None)
    month, listed = "?" + kept.urlencode(), "?" + "&".join(filter(None, ["view=list", kept.urlencode()]))
    return [
        {"url": month, "label": _("Month"), "current": not as_list},
        {"url": listed, "label": _("List"), "current": as_list},
    ]


def _shown(rows: QuerySet[Contract]) -> QuerySet[Contract]:
    return rows.annotate(due_day=Coalesce("notice_day", "ends_day")).select_related(
        "customer__owner", "owner"
    )


def shown_to(request: HttpRequest, among: QuerySet[Contract], *, day: int) -> QuerySet[Contract]:
    """Return all that the page of this address shows: its list to the end, or the weeks of its month."""
    if request.GET.get("view") == "list":
        return undecided(among, day=day)
    return _due_in(_weeks(request, day)[1], among)


def undecided(among: QuerySet[Contract], *, day: int) -> QuerySet[Contract]:
    """Return the contracts of which nobody said what becomes of them, the next date first."""
    rows = _shown(among).filter(renewed_day__isnull=True, terminated_day__isnull=True)
    return rows.filter(ends_day__gte=day - renewals.LATE).order_by("due_day", "pk")


def _due_in(weeks: list[list[date]], among: QuerySet[Contract]) -> QuerySet[Contract]:
    begin, end = weeks[0][0].toordinal(), weeks[-1][-1].toordinal()
    due = _shown(among).filter(due_day__gte=begin, due_day__lte=end)
    return due.order_by("due_day", "-value_base", "pk")


def _weeks(request: HttpRequest, today: int) -> tuple[date, list[list[date]]]:
    """Return the first day of the month in the address, and its weeks."""
    first = _first_of(request.GET.get("month", ""), localtime.day_of(today))
    return first, Calendar().monthdatescalendar(first.year, first.month)


def _listed(request: HttpRequest, among: QuerySet[Contract], today: int) -> dict[str, Any]:
    """Return the undecided contracts from the next date on, and those that are over without a word first."""
    rows = undecided(among, day=today)
    place, tilde, pk = request.GET.get("after", "").partition("~")
    day, number = whole(place), whole(pk)
    if tilde and day is not None and number is not None:
        rows = rows.filter(Q(due_day__gt=day) | Q(due_day=day, pk__gt=number))
    found = list(rows[: PAGE + 1])
    query = request.GET.copy()
    query.pop("after", None)
    first = "?" + query.urlencode()
    if len(found) > PAGE:
        query["after"] = f"{found[PAGE - 1].due_day}~{found[PAGE - 1].pk}"  # type: ignore[attr-defined]
    return {
        "rows": [(row, *state_of(row, day=today)) for row in found[:PAGE]],
        "newer": first if request.GET.get("after") else None,
        "older": "?" + query.urlencode() if len(found) > PAGE else None,
    }


def _month(request: HttpRequest, among: QuerySet[Contract], today: int) -> dict[str, Any]:
    """Return the weeks of a month with what is due on each day."""
    first, weeks = _weeks(request, today)
    days = {
        day: Day(day, day.month == first.month, day.toordinal() == today) for week in weeks for day in week
    }
    rows = list(_due_in(weeks, among)[:COUNT_UP_TO])
    for row in rows:
        there = days[localtime.day_of(row.due_day)]  # type: ignore[attr-defined]
        if len(there.rows) < OF_A_DAY:
            row.state = state_of(row, day=today)  # type: ignore[attr-defined]
            there.rows.append(row)
        else:
            there.more += 1
    return {
        "weeks": [[days[day] for day in week] for week in weeks],
        "first": first,
        "has_rows": bool(rows),
        "before": _address(request, first - timedelta(days=1)),
        "next": _address(request, first + timedelta(days=31)),
    }


def _first_of(text: str, today: date) -> date:
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)
    return first if 2000 <= first.year <= 2100 else today.replace(day=1)


def _address(request: HttpRequest, day: date) -> str:
    query = request.GET.copy()
    query["month"] = f"{day:%Y-%m}"
    return "?" + query.urlencode()
