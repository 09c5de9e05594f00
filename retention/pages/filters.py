"""Filters of lists, from closed lists of choices, kept in the address."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.widgets import LongSelect
from customers.models import Customer, Team, User
from customers.search.finding import matching
from retention import segments
from retention.cases.due import due_in
from retention.models import RetentionCase, Segment
from retention.models.rules import CaseKind, Severity
from retention.models.standing import Stage, Tier
from retention.pages.search import in_city

NOBODY = "nobody"
DUE = [
    ("overdue", _("overdue")),
    ("today", _("today")),
    ("week", _("in 7 days")),
    ("none", _("no call planned")),
]


def colleagues(request: Any) -> QuerySet[User]:
    """Return those whom the person asking may see among the people who can hold work."""
    if request is None:
        return User.objects.none()
    found: QuerySet[User] = User.objects.working().visible_to(request.user).order_by("username")
    return found


def people_of(request: Any) -> list[User]:
    """Return the same people as a list with their names, read once a request."""
    if not hasattr(request, "colleagues"):
        request.colleagues = list(colleagues(request).only("username", "first_name", "last_name"))
    found: list[User] = request.colleagues
    return found


class ListFilter(django_filters.FilterSet):
    """A filter whose field ``person`` offers the colleagues."""

    person = ""

    @property
    def form(self) -> Any:
        """Return the form; the people are put into it once, by name."""
        if not hasattr(self, "_form"):
            field = super().form.fields.get(self.person)
            if field is not None:
                first = [("", field.empty_label), (NOBODY, field.null_label)]
                field.widget.choices = first + [(user.pk, str(user)) for user in people_of(self.request)]
        return super().form


class QueueFilter(ListFilter):
    """What of the queue to show; ``at`` is the moment that due dates are judged at."""

    person = "assignee"

    q = django_filters.CharFilter(label=_("Customer"), method="by_name")
    kind = django_filters.ChoiceFilter(label=_("Kind"), choices=CaseKind.choices, empty_label=_("all"))
    severity = django_filters.ChoiceFilter(
        label=_("Severity"), choices=Severity.choices, empty_label=_("all")
    )
    due = django_filters.ChoiceFilter(label=_("Due"), choices=DUE, method="by_due", empty_label=_("any time"))
    status = django_filters.ChoiceFilter(
        label=_("Status"),
        choices=[c for c in RetentionCase.Status.choices if c[0] != RetentionCase.Status.CLOSED],
        empty_label=_("all"),
    )
    assignee = django_filters.ModelChoiceFilter(
        label=_("Held by"),
        queryset=colleagues,
        empty_label=_("anybody"),
        null_label=_("nobody"),
        null_value=NOBODY,
        widget=LongSelect,
    )
    team = django_filters.ModelChoiceFilter(
        label=_("Team"),
        field_name="team",
        queryset=lambda request: Team.objects.order_by("name"),
        empty_label=_("all"),
        widget=LongSelect,
    )

    class Meta:
        model = RetentionCase
        fields: list[str] = []

    def __init__(self, *args: Any, at: datetime, **kwargs: Any) -> None:
        self.at = at
        super().__init__(*args, **kwargs)
        if self.request.user.role not in {"team_lead", "admin", "analyst"}:
            del self.filters["assignee"], self.filters["team"]

    def by_name(self, cases: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep cases of the customers that :func:`finding.matching` finds."""
        return cases.filter(matching(value, customer="customer_id"))

    def by_due(self, cases: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep cases whose next call is overdue, due today, due in seven days, or not planned."""
        return due_in(cases, value, at=self.at)


class CustomerFilter(ListFilter):
    """What of the customers to show."""

    person = "owner"

    q = django_filters.CharFilter(label=_("Name"), method="by_name")
    kind = django_filters.ChoiceFilter(label=_("Kind"), choices=Customer.Kind.choices, empty_label=_("all"))
    city = django_filters.CharFilter(label=_("City"), method="by_city")
    segment = django_filters.CharFilter(label=_("Segment"), lookup_expr="iexact")
    in_segment = django_filters.ModelChoiceFilter(
        label=_("Saved segment"),
        queryset=lambda request: Segment.objects.filter(retired_at=None).order_by("code"),
        to_field_name="code",
        method="by_segment",
        empty_label=_("all"),
        widget=LongSelect,
    )
    owner = django_filters.ModelChoiceFilter(
        label=_("Owner"),
        queryset=colleagues,
        empty_label=_("anybody"),
        null_label=_("nobody"),
        null_value=NOBODY,
        widget=LongSelect,
    )
    case = django_filters.ChoiceFilter(
        label=_("Case"),
        choices=[("open", _("with an open case")), ("none", _("without an open case"))],
        method="by_case",
        empty_label=_("all"),
    )

    value_tier = django_filters.ChoiceFilter(
        label=_("Value tier"), choices=Tier.choices, field_name="measures__value_tier", empty_label=_("all")
    )
    lifecycle_stage = django_filters.ChoiceFilter(
        label=_("Stage of life"),
        choices=Stage.choices,
        field_name="measures__lifecycle_stage",
        empty_label=_("all"),
    )

    class Meta:
        model = Customer
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.request.user.role not in {"team_lead", "admin", "analyst"}:
            del self.filters["owner"]

    def by_name(self, customers: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep the customers that :func:`finding.matching` finds."""
        return customers.filter(matching(value))

    def by_city(self, customers: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep the customers of the cities that :func:`search.in_city` finds."""
        return customers.filter(in_city(value))

    def by_segment(self, customers: QuerySet[Any], name: str, value: Segment) -> QuerySet[Any]:
        """Keep the customers who belong to a segment now; nobody when its condition no longer stands."""
        try:
            condition = segments.condition_of(value)
        except Refused:
            return customers.none()
        return customers.filter(pk__in=segments.matching(condition, at=clock.now()).values("pk"))

    def by_case(self, customers: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep customers with, or without, an open case."""
        case = Exists(RetentionCase.objects.open().filter(customer=OuterRef("pk")))  # type: ignore[attr-defined]
        return customers.filter(case if value == "open" else ~case)
