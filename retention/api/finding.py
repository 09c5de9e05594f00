"""Filters of cases, the same for the list of all cases and for the queue."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from customers.ground import clock
from customers.ground.api import filters
from customers.search.finding import matching
from retention.cases.due import SPANS, due_in
from retention.models import RetentionCase
from retention.models.rules import CaseKind, Severity

OPEN = [c for c in RetentionCase.Status.choices if c[0] != RetentionCase.Status.CLOSED]


class _CaseFilter(filters.FilterSet):
    search = filters.TextFilter(method="by_name", label="As for customers.")
    q = filters.TextFilter(method="by_name", label="The same as `search`.")
    kind = filters.ChoiceFilter(choices=CaseKind.choices)
    severity = filters.ChoiceFilter(choices=Severity.choices)
    due = filters.ChoiceFilter(choices=[(span, span) for span in SPANS], method="by_due")
    assignee = filters.IdFilter(field_name="assignee_id")
    unassigned = filters.FlagFilter(field_name="assignee_id", lookup_expr="isnull")
    team = filters.IdFilter(field_name="customer__team_id", label="The team of the customer.")
    customer = filters.IdFilter(field_name="customer_id")

    class Meta:
        model = RetentionCase
        fields: list[str] = []

    @property
    def at(self) -> datetime:
        """Return the moment that due dates are judged at: that of the list's first page."""
        judged: datetime | None = getattr(self.request.parser_context["view"], "at", None)
        return judged or clock.now()

    def by_name(self, cases: QuerySet[RetentionCase], name: str, value: str) -> QuerySet[RetentionCase]:
        """Keep the cases of customers that are called, phoned or numbered like ``value``."""
        return cases.filter(matching(value, customer="customer_id"))

    def by_due(self, cases: QuerySet[RetentionCase], name: str, value: str) -> QuerySet[RetentionCase]:
        """Keep cases whose next call is overdue, due today, due in seven days, or not planned."""
        return due_in(cases, value, at=self.at)


class CaseFilter(_CaseFilter):
    """Which of all cases."""

    status = filters.ChoiceFilter(choices=RetentionCase.Status.choices)
    is_open = filters.FlagFilter(field_name="closed_at", lookup_expr="isnull")
    outcome = filters.ChoiceFilter(choices=RetentionCase.Outcome.choices)
    churn_type = filters.ChoiceFilter(choices=RetentionCase.ChurnType.choices)
    opened_since = filters.MomentFilter(field_name="opened_at", lookup_expr="gte")
    closed_since = filters.MomentFilter(field_name="closed_at", lookup_expr="gte")


class QueueFilter(_CaseFilter):
    """Which of the open cases."""

    status = filters.ChoiceFilter(choices=OPEN)
