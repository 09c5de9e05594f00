"""Indicators of the company's own, and their values."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import indicators
from customers.api.catalogues import Catalogue
from customers.api.facts import FACT, READ, RECORD, FactFilter, Facts, NewFact, not_there
from customers.api.reading import of_visible
from customers.ground.api import filters
from customers.ground.api.serializers import Gives, NumberField, Takes
from customers.models import Indicator, IndicatorValue, Worse


class IndicatorShape(Gives):
    class Meta:
        model = Indicator
        fields = ["id", "code", "name_en", "name_zh", "unit", "worse", "is_retired"]


class NewIndicator(Takes):
    code = serializers.SlugField(max_length=32)
    name_en = serializers.CharField(max_length=100)
    name_zh = serializers.CharField(max_length=100)
    unit = serializers.CharField(max_length=20, required=False)
    worse = serializers.ChoiceField(Worse.choices, help_text="Which way it gets worse; it never changes.")


class IndicatorChange(Takes):
    """What shall be different; what is not sent stays as it is."""

    name_en = serializers.CharField(max_length=100, required=False)
    name_zh = serializers.CharField(max_length=100, required=False)
    unit = serializers.CharField(max_length=20, required=False, allow_blank=True)
    is_retired = serializers.BooleanField(required=False)


class Indicators(Catalogue):
    tag = "indicators"
    model = Indicator
    detail_route = "api:indicator-detail"
    serializer_class = IndicatorShape
    add = indicators.define_indicator
    change = indicators.change_indicator
    changes = ("name_en", "name_zh", "unit", "is_retired")
    takes = {"create": NewIndicator, "partial_update": IndicatorChange}
    refuses = {"create": ["indicator_exists"], "partial_update": ["still_read"]}
    examples = {
        "create": {
            "code": "health-score",
            "name_en": "Health score",
            "name_zh": "健康度",
            "worse": "lower",
        },
        "partial_update": {"unit": "points"},
    }


class IndicatorValueShape(Gives):
    indicator: Any = serializers.SlugRelatedField("code", read_only=True, help_text="The indicator's code.")
    value = NumberField()

    class Meta:
        model = IndicatorValue
        fields = [*FACT, "indicator", "value"]


class NewIndicatorValue(NewFact):
    indicator = serializers.CharField(max_length=32, help_text="Code of an indicator that exists.")
    value = NumberField(max_digits=15, decimal_places=3)


class IndicatorValueFilter(FactFilter):
    indicator = filters.TextFilter(field_name="indicator__code", label="The indicator's code.")


class IndicatorValues(Facts):
    tag = "indicators"
    model = IndicatorValue
    detail_route = "api:indicator-value-detail"
    serializer_class = IndicatorValueShape
    filterset_class = IndicatorValueFilter
    access = {**READ, "create": RECORD, "remove": RECORD}
    takes = {"create": NewIndicatorValue}
    refuses = {
        "create": ["indicator_value", "indicator_retired", "in_the_future"],
        "remove": ["older_than_known"],
    }
    examples = {"create": {"customer": 12, "indicator": "health-score", "value": "72.5"}}

    def rows(self) -> QuerySet[Any]:
        """Return the values of the customers that the caller may see."""
        return of_visible(IndicatorValue, self.request.user).select_related("indicator")

    def create(self, request: Request) -> Response:
        """Record what an indicator stands at."""
        values = self.taken()
        customer = self.customer_of(values)
        code = values["indicator"]
        values["indicator"] = Indicator.objects.filter(code=code).first()
        if values["indicator"] is None:
            raise not_there("indicator", code)
        return self.made(indicators.record_value(customer, **values, **self.acting()))

    @action(detail=True, methods=["post"])
    def remove(self, request: Request, pk: str) -> Response:
        """Remove a value that was entered wrongly: it counts no more from now on."""
        return self.shown(indicators.remove_value(self.one(), **self.acting()))
