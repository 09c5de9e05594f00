"""Usage, and the catalogue of what is counted."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import usage
from customers.api.company import KNOWN
from customers.api.facts import FACT, READ, RECORD, FactFilter, Facts, NewFact, not_there
from customers.api.reading import ADMINS, of_visible
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives, NumberField, Takes
from customers.ground.api.views import Details, Lists, Resource
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


class Metrics(Lists, Details, Resource):
    tag = "usage"
    model = UsageMetric
    detail_route = "api:usage-metric-detail"
    serializer_class = MetricShape
    access = {**KNOWN, "create": may(*ADMINS, scope="company:write")}
    takes = {"create": NewMetric}
    refuses = {"create": ["metric_exists"]}
    examples = {
        "create": {"code": "seats", "kind": "balance", "name_en": "Seats in use", "name_zh": "使用席位"}
    }

    def rows(self) -> QuerySet[UsageMetric]:
        """Return the catalogue of what is counted."""
        return UsageMetric.objects.all()

    def create(self, request: Request) -> Response:
        """Add a metric; its kind never changes."""
        return self.made(usage.add_metric(**self.taken(), by=request.user, at=clock.now()))


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
