"""The company and its catalogues: rates, causes, attributes; and the names that others give to records."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.reading import EVERYBODY, SEES_ALL
from customers.company import current
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives, NumberField
from customers.ground.api.views import Details, Lists, Resource
from customers.ground.models import Company, ExchangeRate
from customers.models import Cause, ExternalRef

KNOWN = {"list": may(*EVERYBODY, scope="company:read"), "retrieve": may(*EVERYBODY, scope="company:read")}


class CompanyShape(Gives):
    class Meta:
        model = Company
        fields = ["name", "language", "base_currency", "time_zone", "is_demo"]


class TheCompany(Resource):
    tag = "company"
    model = Company
    serializer_class = CompanyShape
    access = {"show": may(*EVERYBODY, scope="company:read")}

    def show(self, request: Request) -> Response:
        """Show the company: its currency and its time zone."""
        return Response(CompanyShape(current()).data)


class RateShape(Gives):
    rate = NumberField(
        max_digits=18, decimal_places=8, help_text="What one unit is worth in the base currency."
    )

    class Meta:
        model = ExchangeRate
        fields = ["id", "currency", "day", "rate"]


class RateFilter(filters.FilterSet):
    currency = filters.TextFilter(max_length=3)
    since = filters.DayFilter(field_name="day", lookup_expr="gte")
    until = filters.DayFilter(field_name="day", lookup_expr="lte")


class Rates(Lists, Details, Resource):
    tag = "company"
    model = ExchangeRate
    serializer_class = RateShape
    filterset_class = RateFilter
    orders = {"id": ("id",), "-id": ("-id",), "day": ("day", "id")}
    access = KNOWN

    def rows(self) -> QuerySet[ExchangeRate]:
        """Return all exchange rates; new ones come by the import kind ``rates``."""
        return ExchangeRate.objects.all()


class CauseShape(Gives):
    parent: Any = serializers.SlugRelatedField(
        "code", read_only=True, allow_null=True, help_text="The code of the level above."
    )

    class Meta:
        model = Cause
        fields = ["id", "code", "parent", "name_en", "name_zh", "position", "is_retired"]


class Causes(Lists, Details, Resource):
    tag = "company"
    model = Cause
    serializer_class = CauseShape
    access = KNOWN

    def rows(self) -> QuerySet[Cause]:
        """Return the catalogue of why customers leave."""
        return Cause.objects.select_related("parent")


class ReferenceShape(Gives):
    class Meta:
        model = ExternalRef
        fields = ["id", "source", "kind", "external_id", "object_id"]


class ReferenceFilter(filters.FilterSet):
    source = filters.TextFilter(max_length=64)
    kind = filters.TextFilter(max_length=32)
    external_id = filters.TextFilter()
    object_id = filters.IdFilter()


class References(Lists, Details, Resource):
    tag = "references"
    model = ExternalRef
    serializer_class = ReferenceShape
    filterset_class = ReferenceFilter
    access = {
        "list": may(*SEES_ALL, scope="customers:read"),
        "retrieve": may(*SEES_ALL, scope="customers:read"),
    }

    def rows(self) -> QuerySet[ExternalRef]:
        """Return the names that other systems give to our records; only for those who see every customer."""
        return ExternalRef.objects.all()
