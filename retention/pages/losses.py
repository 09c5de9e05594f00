"""Lost customers: the list with its filters, and planned revisits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import django_filters
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from customers import company
from customers.access import allow
from customers.ground import clock
from customers.ground.counting import COUNT_UP_TO
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.ground.widgets import LongSelect
from customers.models import Cause
from customers.search.finding import matching
from retention import revisits
from retention.models import CaseCause, Loss, LossCause, LossKind, RetentionCase
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.filters import ListFilter
from retention.pages.forms import WORKERS
from retention.pages.loss_forms import RevisitForm

PAGE = 50
REVISIT_IN = timedelta(days=30)
VALUES = [
    ("yes", gettext_lazy("valuable")),
    ("no", gettext_lazy("of little value")),
    ("unknown", gettext_lazy("unknown")),
]
STATES = [("standing", gettext_lazy("lost now")), ("returned", gettext_lazy("returned"))]
REVISITS = [
    ("due", gettext_lazy("due")),
    ("week", gettext_lazy("in 7 days")),
    ("month", gettext_lazy("in 30 days")),
    ("none", gettext_lazy("none planned")),
]


class LossFilter(ListFilter):
    """Which losses; ``at`` is the moment that revisits are judged at."""

    q = django_filters.CharFilter(label=gettext_lazy("Customer"), method="by_name")
    churn_type = django_filters.ChoiceFilter(
        label=gettext_lazy("Type"),
        choices=RetentionCase.ChurnType.choices,
        empty_label=gettext_lazy("all"),
    )
    cause = django_filters.ModelChoiceFilter(
        label=gettext_lazy("Cause"),
        queryset=lambda request: Cause.objects.order_by("position", "pk"),
        method="by_cause",
        empty_label=gettext_lazy("all"),
        widget=LongSelect,
    )
    value = django_filters.ChoiceFilter(
        label=gettext_lazy("Valuable"), choices=VALUES, method="by_value", empty_label=gettext_lazy("all")
    )
    definition = django_filters.ChoiceFilter(
        label=gettext_lazy("Found by"),
        choices=LossKind.choices,
        method="by_definition",
        empty_label=gettext_lazy("all"),
    )
    state = django_filters.ChoiceFilter(
        label=gettext_lazy("State"), choices=STATES, method="by_state", empty_label=gettext_lazy("all")
    )
    revisit = django_filters.ChoiceFilter(
        label=gettext_lazy("Next revisit"),
        choices=REVISITS,
        method="by_revisit",
        empty_label=gettext_lazy("any time"),
    )

    class Meta:
        model = Loss
        fields: list[str] = []

    def __init__(self, *args: Any, at: datetime, **kwargs: Any) -> None:
        self.at = at
        super().__init__(*args, **kwargs)

    def by_name(self, rows: QuerySet[Loss], name: str, value: str) -> QuerySet[Loss]:
        """Keep losses of the customers that :func:`finding.matching` finds."""
        return rows.filter(matching(value, customer="customer_id"))

    def by_cause(self, rows: QuerySet[Loss], name: str, value: Cause) -> QuerySet[Loss]:
        """Keep losses whose case, or whose customer in an interview, names the cause or one below it."""
        told = LossCause.objects.filter(Q(cause=value) | Q(cause__parent=value), withdrawn_at=None)
        named = CaseCause.objects.filter(Q(cause=value) | Q(cause__parent=value))
        return rows.filter(Q(case__in=named.values("case_id")) | Q(pk__in=told.values("loss_id")))

    def by_value(self, rows: QuerySet[Loss], name: str, value: str) -> QuerySet[Loss]:
        """Keep valuable losses, those of little value, or those of which it is not known."""
        return rows.filter(is_valuable={"yes": True, "no": False}.get(value))

    def by_definition(self, rows: QuerySet[Loss], name: str, value: str) -> QuerySet[Loss]:
        """Keep what a definition found, of old rows by what they say."""
        return rows.found_by(LossKind(value))  # type: ignore[attr-defined,no-any-return]

    def by_state(self, rows: QuerySet[Loss], name: str, value: str) -> QuerySet[Loss]:
        """Keep who is lost now, or who returned."""
        return rows.filter(ended_at__isnull=value == "standing")

    def by_revisit(self, rows: QuerySet[Loss], name: str, value: str) -> QuerySet[Loss]:
        """Keep losses by the day of their next revisit."""
        standing = rows.filter(ended_at__isnull=True)
        if value == "none":
            return standing.filter(revisit_day__isnull=True)
        today = company.today(self.at).number
        return standing.filter(revisit_day__lte=today + {"due": 0, "week": 7, "month": 30}[value])


def found_losses(request: HttpRequest, *, at: datetime) -> LossFilter:
    """Return the losses that this person may see and the address asks for."""
    visible = Loss.objects.visible_to(request.user)  # type: ignore[attr-defined]
    return LossFilter(request.GET, queryset=visible, request=request, at=at)


@require_safe
@allow(*SEES_CUSTOMERS)
def loss_list(request: HttpRequest) -> HttpResponse:
    """List losses, the newest first."""
    return _list(request, RevisitForm(initial={"due_at": clock.now() + REVISIT_IN}))


@require_POST
@allow(*WORKERS)
def loss_revisit(request: HttpRequest) -> HttpResponse:
    """Plan a revisit of one lost customer, or of all that the filter shows."""
    at, form = clock.now(), RevisitForm(request.POST)
    if not form.is_valid():
        return _list(request, form)
    due_at = form.cleaned_data["due_at"]
    try:
        if "loss" in request.POST:
            visible = Loss.objects.visible_to(request.user)  # type: ignore[attr-defined]
            loss = get_object_or_404(visible, pk=whole(request.POST["loss"]) or 0)
            revisits.plan(loss, due_at=due_at, by=request.user, at=at)
            planned, left = 1, 0
        else:
            among = (
                found_losses(request, at=at).qs.filter(ended_at__isnull=True).order_by("-occurred_at", "-pk")
            )
            planned, left = revisits.plan_many(among, due_at=due_at, by=request.user, at=at)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _list(request, form)
    told = ngettext("%(n)s revisit is planned.", "%(n)s revisits are planned.", planned) % {"n": planned}
    if left:
        told += " " + _("Left out because they have an open case or want no calls: %(n)s.") % {"n": left}
    messages.success(request, told)
    return redirect(f"{request.path.removesuffix('revisit/')}?{request.GET.urlencode()}")


def _list(request: HttpRequest, form: RevisitForm) -> HttpResponse:
    at = clock.now()
    found = found_losses(request, at=at)
    rows = list(_after(found.qs, request.GET.get("after", "")).select_related("customer")[: PAGE + 1])
    query = request.GET.copy()
    query.pop("after", None)
    first, kept = "?" + query.urlencode(), query.urlencode()
    if len(rows) > PAGE:
        query["after"] = f"{rows[PAGE - 1].occurred_at.isoformat()}~{rows[PAGE - 1].pk}"
    _name(rows[:PAGE])
    context = {
        "rows": rows[:PAGE],
        "filter": found,
        "form": form,
        "kept": kept,
        "at_once": revisits.AT_ONCE,
        "total": found.qs.order_by()[:COUNT_UP_TO].count(),
        "currency": company.current().base_currency,
        "newer": first if request.GET.get("after") else None,
        "older": "?" + query.urlencode() if len(rows) > PAGE else None,
        "may_work": request.user.role in WORKERS,
        "now": at,
    }
    return render(request, "retention/loss_list.html", context, status=422 if form.errors else 200)


def _after(rows: QuerySet[Loss], key: str) -> QuerySet[Loss]:
    rows = rows.order_by("-occurred_at", "-pk")
    text, tilde, pk = key.partition("~")
    number = whole(pk)
    try:
        moment = parse_datetime(text) if tilde else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or number is None:
        return rows
    return rows.filter(Q(occurred_at__lt=moment) | Q(occurred_at=moment, pk__lt=number))


def _name(rows: list[Loss]) -> None:
    """Give each row the causes of its case and those named in interviews, and how early it was told of."""
    named: dict[int, list[Cause]] = {}
    through = CaseCause.objects.filter(case__in=[row.case_id for row in rows if row.case_id])
    for link in through.select_related("cause").order_by("-is_main", "pk"):
        named.setdefault(link.case_id, []).append(link.cause)
    stated = stated_causes(rows)
    for row in rows:
        row.named = named.get(row.case_id or 0, [])  # type: ignore[attr-defined]
        row.said = stated.get(row.pk, [])  # type: ignore[attr-defined]
        days = row.days_ahead or 0
        row.told = ngettext("%(days)s day before", "%(days)s days before", days) % {"days": days}  # type: ignore[attr-defined]


def stated_causes(rows: Iterable[Loss]) -> dict[int, list[Cause]]:
    """Return the causes that the customers named in interviews, each once a loss, in one query."""
    said: dict[int, list[Cause]] = {}
    told = LossCause.objects.filter(loss__in=[row.pk for row in rows], withdrawn_at=None)
    for one in told.select_related("cause").order_by("pk"):
        causes = said.setdefault(one.loss_id, [])
        if one.cause not in causes:
            causes.append(one.cause)
    return said
