"""Customers that were lost."""

from __future__ import annotations

from django.db.models import QuerySet

from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.views import Details, Lists, Resource
from retention.api.roles import SEES_CASES
from retention.api.shapes import LossShape
from retention.models import Loss, LossKind, RetentionCase


class LossFilter(filters.FilterSet):
    """Which losses."""

    customer = filters.IdFilter(field_name="customer_id")
    churn_type = filters.ChoiceFilter(choices=RetentionCase.ChurnType.choices)
    occurred_since = filters.MomentFilter(field_name="occurred_at", lookup_expr="gte")
    occurred_before = filters.MomentFilter(field_name="occurred_at", lookup_expr="lt")
    definition = filters.ChoiceFilter(choices=LossKind.choices, method="by_definition")
    is_valuable = filters.FlagFilter(field_name="is_valuable")
    standing = filters.FlagFilter(field_name="ended_at", lookup_expr="isnull")

    class Meta:
        model = Loss
        fields: list[str] = []

    def by_definition(self, rows: QuerySet[Loss], name: str, value: str) -> QuerySet[Loss]:
        """Keep what a definition found, of old rows by what they say."""
        return rows.found_by(LossKind(value))  # type: ignore[attr-defined,no-any-return]


class Losses(Lists, Details, Resource):
    tag = "losses"
    model = Loss
    serializer_class = LossShape
    filterset_class = LossFilter
    orders = {"newest": ("-occurred_at", "-id"), "oldest": ("occurred_at", "id")}
    access = {
        "list": may(*SEES_CASES, scope="cases:read"),
        "retrieve": may(*SEES_CASES, scope="cases:read"),
    }

    def rows(self) -> QuerySet[Loss]:
        """Return the losses of the customers that the caller may see."""
        found: QuerySet[Loss] = Loss.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return found.prefetch_related("stated")
