"""The working calendar: the week, whose public holidays count, days that differ."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import calendar
from customers.api.company import KNOWN
from customers.api.reading import EVERYBODY
from customers.company import current
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import DateField, Gives, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.ground.errors import Refused
from customers.ground.models import CalendarException, Company
from customers.ground.working_time import Window
from customers.models.people import Role

CHANGES = may(Role.ADMIN, scope="company:write")


@extend_schema_field({"type": "string", "example": "09:00-12:00, 13:30-18:00"})
class HoursField(serializers.Field[Any, Any, Any, Any]):
    """The working hours of a day, as people write them; empty: closed."""

    def to_internal_value(self, data: Any) -> tuple[Window, ...]:
        """Return the windows."""
        if not isinstance(data, str) or len(data) > 200:
            raise serializers.ValidationError("09:00-12:00, 13:30-18:00", code="invalid")
        try:
            return calendar.windows_of(data)
        except Refused as refusal:
            raise serializers.ValidationError(str(refusal), code=refusal.code) from refusal

    def to_representation(self, value: Any) -> str:
        """Write stored windows."""
        return calendar.text_of(value).replace("–", "-")


class CalendarShape(serializers.Serializer[Any]):
    """The week from Monday; the days that differ are listed as calendar exceptions."""

    time_zone = serializers.CharField()
    country = serializers.CharField(source="calendar_country")
    week = serializers.ListField(child=HoursField())


class CalendarTakes(Takes):
    """Seven days from Monday, and the country whose public holidays count; empty: none."""

    country = serializers.CharField(max_length=2, allow_blank=True)
    week = serializers.ListField(child=HoursField(), min_length=7, max_length=7)


class TheCalendar(Resource):
    tag = "company"
    model = Company
    serializer_class = CalendarShape
    access = {"show": may(*EVERYBODY, scope="company:read"), "set_week": CHANGES}
    takes = {"set_week": CalendarTakes}
    refuses = {"set_week": ["no_company", "no_working_time", "unknown_country"]}
    examples = {"set_week": {"country": "CN", "week": [*["09:00-12:00, 13:30-18:00"] * 5, "", ""]}}

    def show(self, request: Request) -> Response:
        """Show the working hours of the week."""
        return Response(CalendarShape(current()).data)

    def set_week(self, request: Request) -> Response:
        """Set the working hours and the country; deadlines that stand are not counted anew."""
        return Response(
            CalendarShape(calendar.set_week(**self.taken(), by=request.user, at=clock.now())).data
        )


class ExceptionShape(Gives):
    hours = HoursField(source="windows", help_text="Empty: closed.")

    class Meta:
        model = CalendarException
        fields = ["id", "day", "hours", "label", "is_own"]


class NewException(Takes):
    """How the company works on one day, whatever its week or country says."""

    day = DateField()
    hours = HoursField(source="windows")
    label = serializers.CharField(max_length=100, required=False, allow_blank=True)  # type: ignore[assignment]


class ExceptionFilter(filters.FilterSet):
    since = filters.DayFilter(field_name="day", lookup_expr="gte")
    until = filters.DayFilter(field_name="day", lookup_expr="lte")
    is_own = filters.FlagFilter()


class Exceptions(Lists, Details, Resource):
    tag = "company"
    model = CalendarException
    serializer_class = ExceptionShape
    filterset_class = ExceptionFilter
    detail_route = "api:calendar-exception-detail"
    orders = {"day": ("day", "id"), "id": ("id",)}
    access = {**KNOWN, "create": CHANGES, "remove": CHANGES}
    takes = {"create": NewException}
    gives = {"remove": CalendarShape}
    refuses = {"create": ["no_company"], "remove": ["calendar_delivered", "no_company"]}
    examples = {"create": {"day": "2026-05-11", "hours": "", "label": "Stocktaking"}}

    def rows(self) -> QuerySet[CalendarException]:
        """Return the days that differ from the week: delivered holidays and make-up days, and own days."""
        return CalendarException.objects.all()

    def create(self, request: Request) -> Response:
        """Enter a day that differs, or enter it anew."""
        return self.made(calendar.add_exception(**self.taken(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def remove(self, request: Request, pk: str) -> Response:
        """Let a day of your own be as the week and the country say again."""
        calendar.remove_exception(self.one(), by=request.user, at=clock.now())
        return Response(CalendarShape(current()).data)
