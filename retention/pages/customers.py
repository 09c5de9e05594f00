"""The list of customers."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from customers import company
from customers.access import allow
from customers.ground import clock
from customers.ground.counting import COUNT_UP_TO
from customers.ground.numbers import whole
from customers.models import Customer
from retention.models import CustomerMeasures, RetentionCase
from retention.pages.filters import CustomerFilter
from retention.pages.forms import WORKERS

PAGE = 50
SEES_CUSTOMERS = ("account_manager", "team_lead", "admin", "analyst")


@require_safe
@allow(*SEES_CUSTOMERS)
def customer_list(request: HttpRequest) -> HttpResponse:
    """List customers by name, Chinese ones by pinyin, filtered and paged by what stands in the address."""
    found = CustomerFilter(
        request.GET,
        queryset=Customer.objects.visible_to(request.user),  # type: ignore[attr-defined]
        request=request,
    )
    ids = list(found.qs.order_by().values_list("pk", flat=True)[:COUNT_UP_TO])
    # few are put in order by themselves; many are soon met in the order of all names
    listed = Customer.objects.filter(pk__in=ids) if len(ids) < COUNT_UP_TO else found.qs
    rows = list(_after(with_figures(listed), request.GET.get("after", ""))[: PAGE + 1])
    more, rows = len(rows) > PAGE, rows[:PAGE]
    query = request.GET.copy()
    query.pop("after", None)
    first = "?" + query.urlencode()
    if more:
        query["after"] = f"{rows[-1].pk}~{rows[-1].sort_key}"
    return render(
        request,
        "retention/customer_list.html",
        {
            "rows": rows,
            "filter": found,
            "now": clock.now(),
            "currency": company.current().base_currency,
            "newer": first if request.GET.get("after") else None,
            "older": "?" + query.urlencode() if more else None,
            "total": len(ids),
            "may_work": request.user.role in WORKERS,
            "may_merge": request.user.role in {"team_lead", "admin"},
        },
    )


def with_figures(customers: QuerySet[Customer]) -> QuerySet[Any]:
    """Add last order, spend of 12 months, open case and next due moment, in the same query."""
    measures = CustomerMeasures.objects.filter(customer=OuterRef("pk"))
    case = RetentionCase.objects.open().filter(customer=OuterRef("pk"))  # type: ignore[attr-defined]
    return (
        customers.select_related("owner")
        .annotate(
            last_order_day=Subquery(measures.values("last_order_day")[:1]),
            spend=Subquery(measures.values("spend_365d")[:1]),
            case_id=Subquery(case.values("pk")[:1]),
            due_at=Subquery(case.values("due_at")[:1]),
            has_case=Exists(case),
        )
        .order_by("sort_key", "pk")
    )


def _after(customers: QuerySet[Any], key: str) -> QuerySet[Any]:
    pk, tilde, name = key.partition("~")
    number = whole(pk)
    if not tilde or number is None:
        return customers
    name = name.replace("\0", "")  # no key holds one, and PostgreSQL refuses it
    return customers.filter(Q(sort_key__gt=name) | Q(sort_key=name, pk__gt=number))
