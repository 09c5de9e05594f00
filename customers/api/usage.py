"""Usage, and the catalogue of what is counted."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import usage
from customers.api.catalogues import Catalogue
from customers.api.facts import FACT, READ, RECORD, FactFilter, Facts, NewFact, not_there
from customers.api.reading import of_visible
from customers.ground.api import filters
from customers.ground.api.serializers import Gives, NumberField, Takes
from customers.models import Product, Usage, UsageKind, UsageMetric


class MetricShape(Gives):
    class Meta:
        model = UsageMetric
        fields = ["id", "code", "kind", "name_en", "name_zh", "position", "is_retired"]


class NewMetric(Takes):
    code = serializers.SlugField(max_length=32)
    kind = serializers.ChoiceField(
        UsageKind.choices, help_text="use: quantities add up; balance: each stands until the next one."
    )
    name_en = serializers.CharField(max_length=100)
    name_zh = serializers.CharField(max_length=100)


class MetricChange(Takes):
    """What shall be different; what is not sent stays as it is."""

    name_en = serializers.CharField(max_length=100, required=False)
    name_zh = serializers.CharField(max_length=100, required=False)
    is_retired = serializers.BooleanField(required=False)


class Metrics(Catalogue):
    tag = "usage"
    model = UsageMetric
    detail_route = "api:usage-metric-detail"
    serializer_class = MetricShape
    add = usage.add_metric
    change = usage.change_metric
    changes = ("name_en", "name_zh", "is_retired")
    takes = {"create": NewMetric, "partial_update": MetricChange}
    refuses = {"create": ["metric_exists"]}
    examples = {
        "create": {"code": "seats", "kind": "balance", "name_en": "Seats in use", "name_zh": "使用席位"},
        "partial_update": {"is_retired": True},
    }


class UsageShape(Gives):
    metric: Any = serializers.SlugRelatedField("code", read_only=True, help_text="The metric's code.")
    product: Any = serializers.SlugRelatedField(
        "code", read_only=True, allow_null=True, help_text="The product's code."
    )
    quantity = NumberField()

    class Meta:
        model = Usage
        fields = [*FACT, "metric", "product", "quantity"]


class NewUsage(NewFact):
    metric = serializers.CharField(max_length=32, help_text="Code of a metric that exists.")
    quantity = NumberField(max_digits=15, decimal_places=3)
    product = serializers.CharField(max_length=64, required=False, help_text="Code of a product that exists.")


class UsageFilter(FactFilter):
    metric = filters.TextFilter(field_name="metric__code", label="The metric's code.")


class Usages(Facts):
    tag = "usage"
    model = Usage
    detail_route = "api:usage-detail"
    serializer_class = UsageShape
    filterset_class = UsageFilter
    access = {**READ, "create": RECORD, "remove": RECORD}
    takes = {"create": NewUsage}
    refuses = {
        "create": ["usage_quantity", "metric_retired", "in_the_future"],
        "remove": ["older_than_known"],
    }
    examples = {"create": {"customer": 12, "metric": "logins", "quantity": "3"}}

    def rows(self) -> QuerySet[Any]:
        """Return the usage of the customers that the caller may see."""
        return of_visible(Usage, self.request.user).select_related("metric", "product")

    def create(self, request: Request) -> Response:
        """Record usage of a metric."""
        values = self.taken()
        customer = self.customer_of(values)
        for name, model in (("metric", UsageMetric), ("product", Product)):
            code = values.get(name)
            if code is not None:
                values[name] = model._default_manager.filter(code=code).first()
                if values[name] is None:
                    raise not_there(name, code)
        return self.made(usage.record_usage(customer, **values, **self.acting()))

    @action(detail=True, methods=["post"])
    def remove(self, request: Request, pk: str) -> Response:
        """Remove usage that was entered wrongly: it counts no more from now on."""
        return self.shown(usage.remove_usage(self.one(), **self.acting()))
