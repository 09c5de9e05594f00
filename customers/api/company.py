"""The company and its catalogues: rates, attributes; and the names that others give to records."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings as django_settings
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers import rates
from customers.api.reading import EVERYBODY
from customers.company import current, set_up
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import DateField, Gives, NumberField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.ground.models import Company, ExchangeRate
from customers.models import ExternalRef
from customers.models.people import SEES_ALL, Role

KNOWN = {"list": may(*EVERYBODY, scope="company:read"), "retrieve": may(*EVERYBODY, scope="company:read")}


class CompanyShape(Gives):
    class Meta:
        model = Company
        fields = ["name", "language", "base_currency", "time_zone", "margin", "is_demo"]

    margin = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "format": "decimal", "example": "0.3"})
    def get_margin(self, firm: Company) -> str:
        """Return the share of sales that is left after costs, where nothing else says it."""
        return f"{(Decimal(firm.default_margin_bp) / 10_000).normalize():f}"


class CompanyTakes(Takes):
    """The company. Base currency and time zone stay once a fact is recorded."""

    name = serializers.CharField(max_length=200)
    language = serializers.ChoiceField(django_settings.LANGUAGES)
    base_currency = serializers.CharField(min_length=3, max_length=3)
    time_zone = serializers.CharField(max_length=64)
    margin = serializers.DecimalField(max_digits=5, decimal_places=4, min_value=0, max_value=1)


class TheCompany(Resource):
    tag = "company"
    model = Company
    serializer_class = CompanyShape
    access = {
        "show": may(*EVERYBODY, scope="company:read"),
        "set_up": may(Role.ADMIN, scope="company:write"),
    }
    takes = {"set_up": CompanyTakes}
    refuses = {"set_up": ["company_fixed", "unknown_currency", "unknown_zone"]}
    examples = {
        "set_up": {
            "name": "Blue Lake Trading",
            "language": "zh-hans",
            "base_currency": "CNY",
            "time_zone": "Asia/Shanghai",
            "margin": "0.3",
        }
    }

    def show(self, request: Request) -> Response:
        """Show the company: its currency and its time zone."""
        return Response(CompanyShape(current()).data)

    def set_up(self, request: Request) -> Response:
        """Set the company up, or change it."""
        values = self.taken()
        firm = set_up(
            name=values["name"],
            language=values["language"],
            currency=values["base_currency"],
            time_zone=values["time_zone"],
            margin=values["margin"],
            by=request.user,
            at=clock.now(),
        )
        return Response(CompanyShape(firm).data)


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


class NewRate(Takes):
    """What one unit is worth in the base currency from a day on."""

    currency = serializers.CharField(min_length=3, max_length=3)
    day = DateField()
    rate = serializers.DecimalField(max_digits=18, decimal_places=8)


class Rates(Lists, Details, Resource):
    tag = "company"
    model = ExchangeRate
    serializer_class = RateShape
    filterset_class = RateFilter
    detail_route = "api:exchange-rate-detail"
    takes = {"create": NewRate}
    refuses = {"create": ["unknown_currency", "rate_of_base", "rate_out_of_range"]}
    examples = {"create": {"currency": "EUR", "day": "2026-05-11", "rate": "7.8412"}}
    orders = {"id": ("id",), "-id": ("-id",), "day": ("day", "id")}
    access = {**KNOWN, "create": may(Role.ADMIN, scope="company:write")}

    def rows(self) -> QuerySet[ExchangeRate]:
        """Return all exchange rates."""
        return ExchangeRate.objects.all()

    def create(self, request: Request) -> Response:
        """Enter a rate, or mend that of the day; facts that stand keep theirs."""
        row, _is_new = rates.set_rate(**self.taken(), by=request.user, at=clock.now())
        return self.made(row)


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
