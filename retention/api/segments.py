"""Segments: read and written, their members and their count on any day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.views import Details, Lists, Resource
from customers.ground.numbers import whole
from customers.models import Customer
from retention import segments
from retention.api.paging import OwnPages, unknown_cursor
from retention.api.roles import SEES_SEGMENTS, WRITES_SEGMENTS
from retention.api.segment_shapes import (
    ChangedShape,
    CountShape,
    MakeSegment,
    MemberShape,
    NumberShape,
    PutMembers,
    RenameSegment,
    ReviseSegment,
    SegmentDetailShape,
    SegmentShape,
)
from retention.api.takes import customers
from retention.models import Segment, SegmentCount
from retention.rules.conditions import ConditionRefused

REFUSALS = ["condition_refused", "segment_contains_itself", "segments_too_large"]


@contextmanager
def _condition_at_fault() -> Iterator[None]:
    """Let a refused condition stand at its field, as what is wrong with a body does."""
    try:
        yield
    except ConditionRefused as refusal:
        said = serializers.ErrorDetail(str(refusal), code=refusal.code)
        raise serializers.ValidationError({"condition": [said]}) from refusal


# --- Resources -----------------------------------------------------------------------------------------
class SegmentFilter(filters.FilterSet):
    """Which segments."""

    code = filters.TextFilter(max_length=64)
    kind = filters.ChoiceFilter(choices=Segment.Kind.choices)
    is_retired = filters.FlagFilter(field_name="retired_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Segment
        fields: list[str] = []


class Segments(Lists, Details, Resource):
    tag = "segments"
    model = Segment
    detail_route = "api:segment-detail"
    serializer_class = SegmentDetailShape
    filterset_class = SegmentFilter
    orders = {"id": ("id",), "code": ("code",)}
    access = {
        "list": may(*SEES_SEGMENTS, scope="segments:read"),
        "retrieve": may(*SEES_SEGMENTS, scope="segments:read"),
        "count_on": may(*SEES_SEGMENTS, scope="segments:read"),
        **{
            name: may(*WRITES_SEGMENTS, scope="segments:write")
            for name in ("create", "revise", "rename", "retire", "bring_back", "remove", "put", "take")
        },
    }
    takes = {
        "create": MakeSegment,
        "revise": ReviseSegment,
        "rename": RenameSegment,
        "put": PutMembers,
        "take": PutMembers,
    }
    gives = {
        "list": SegmentShape,
        "count_on": NumberShape,
        "put": ChangedShape,
        "take": ChangedShape,
        "remove": ChangedShape,
    }
    refuses = {
        "create": ["segment_code_taken", "segments_too_large"],
        "revise": ["segment_not_a_condition"],
        "retire": ["segment_in_use"],
        "remove": ["segment_in_use", "segment_list_kept"],
        "put": ["segment_not_a_list"],
        "take": ["segment_not_a_list"],
        "count_on": ["day_to_come", "nothing_known", *REFUSALS],
    }
    needs_match = ("revise",)
    examples = {
        "create": {
            "code": "large-and-silent",
            "name_en": "Large and silent",
            "name_zh": "沉默的大客户",
            "condition": {
                "all": [
                    {"measure": "days_since_last_order", "op": ">=", "value": 30},
                    {"attribute": "industry", "op": "one_of", "value": ["restaurant", "clinic"]},
                ]
            },
        },
        "revise": {"condition": {"measure": "days_since_last_order", "op": ">=", "value": 45}},
        "rename": {"name_en": "Silent for long", "name_zh": "长期沉默"},
        "put": {"customers": [12, 31]},
        "take": {"customers": [12]},
    }

    def rows(self) -> QuerySet[Segment]:
        """Return all segments: they belong to the company. Members are only those that one may see."""
        return Segment.objects.select_related("list")

    def create(self, request: Request) -> Response:
        """Make a segment: by a condition, or a list when no condition is given."""
        values, at = self.taken(), clock.now()
        if "condition" not in values:
            return self.made(segments.make_list(**values, by=request.user, at=at))
        with _condition_at_fault():
            return self.made(segments.save(**values, by=request.user, at=at))

    @action(detail=True, methods=["post"])
    def revise(self, request: Request, pk: str) -> Response:
        """Give a segment another condition, as its next version."""
        segment = self.one(to_change=True)
        with _condition_at_fault():
            segments.revise(segment, **self.taken(), by=request.user, at=clock.now())
        return self.shown(segment)

    @action(detail=True, methods=["post"])
    def rename(self, request: Request, pk: str) -> Response:
        """Give a segment other names; its code stays."""
        segment = self.one()
        segments.rename(segment, **self.taken(), by=request.user, at=clock.now())
        return self.shown(segment)

    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Offer a segment no more; refused while others use it."""
        segment = self.one()
        segments.retire(segment, by=request.user, at=clock.now())
        return self.shown(segment)

    @action(detail=True, methods=["post"], url_path="bring-back")
    def bring_back(self, request: Request, pk: str) -> Response:
        """Offer a retired segment again."""
        segment = self.one()
        segments.bring_back(segment, by=request.user, at=clock.now())
        return self.shown(segment)

    @action(detail=True, methods=["post"])
    def remove(self, request: Request, pk: str) -> Response:
        """Remove a segment with its versions and counts; refused while others use it."""
        segments.remove(self.one(), by=request.user, at=clock.now())
        return Response(ChangedShape({"changed": 1}).data)

    @action(detail=True, methods=["post"])
    def put(self, request: Request, pk: str) -> Response:
        """Put customers on the list of a segment; who is on it already stays."""
        return self._put(is_member=True)

    @action(detail=True, methods=["post"])
    def take(self, request: Request, pk: str) -> Response:
        """Take customers off the list of a segment."""
        return self._put(is_member=False)

    def _put(self, *, is_member: bool) -> Response:
        segment, chosen = self.one(), self.taken()["customers"]
        changed = segments.put(segment, chosen, is_member=is_member, by=self.request.user, at=clock.now())
        return Response(ChangedShape({"changed": changed}).data)

    @action(detail=True, url_path="on/(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})", url_name="on")
    def count_on(self, request: Request, pk: str, day: str) -> Response:
        """Count, of the customers that the caller may see, those who belonged to it at the end of a day.

        Today is counted as it stands. A condition is asked in its present form, of what was known then.
        """
        segment = self.one()
        try:
            on = date.fromisoformat(day)
        except ValueError as error:
            raise Http404 from error
        with segments.members(segment, at=clock.now(), on=on) as found:
            number = found.filter(pk__in=customers(request.user).values("pk")).count()
        return Response(NumberShape({"day": on, "customers": number}).data)


class SegmentCounts(Lists, Resource):
    tag = "segments"
    model = SegmentCount
    serializer_class = CountShape
    orders = {"day": ("day", "id"), "-day": ("-day", "-id")}
    access = {"list": may(*SEES_SEGMENTS, scope="segments:read")}

    def rows(self) -> QuerySet[SegmentCount]:
        """Return the counts of the one segment."""
        return SegmentCount.objects.filter(segment=self.kwargs["segment"])

    def list(self, request: Request, **address: str) -> Response:
        """List how many customers of the company belonged to a segment each day, as counted then."""
        if not Segment.objects.filter(pk=self.kwargs["segment"]).exists():
            raise Http404
        return super().list(request)


class MemberFilter(filters.FilterSet):
    """Members on which day."""

    on = filters.DayFilter(method="keep", label="The day at whose end they belonged; now when left out.")

    class Meta:
        model = Customer
        fields: list[str] = []

    def keep(self, found: QuerySet[Any], name: str, value: date) -> QuerySet[Any]:
        """Keep all: the day is asked when the members are read."""
        self.request.on = value
        return found


class SegmentMembers(Lists, Resource):
    tag = "segments"
    model = Customer
    serializer_class = MemberShape
    filterset_class = MemberFilter
    pagination_class = OwnPages
    access = {"list": may(*SEES_SEGMENTS, scope="segments:read")}
    refuses = {"list": ["day_to_come", "nothing_known", *REFUSALS]}

    def rows(self) -> QuerySet[Customer]:
        """Return the customers that the caller may see."""
        found: QuerySet[Customer] = customers(self.request.user)
        return found

    def page(self, found: QuerySet[Customer], cursor: str, size: int) -> tuple[list[Customer], str]:
        """Return a page of the members, in order of number."""
        segment = Segment.objects.select_related("list").filter(pk=self.kwargs["segment"]).first()
        after = whole(cursor) if cursor else 0
        if segment is None:
            raise Http404
        if after is None:
            raise unknown_cursor()
        on = getattr(self.request, "on", None)
        with segments.members(segment, at=clock.now(), on=on) as members:
            ahead = members.filter(pk__in=found.values("pk"), pk__gt=after)
            rows = list(ahead.order_by("pk")[: size + 1])
        return rows[:size], str(rows[size - 1].pk) if len(rows) > size else ""

    def list(self, request: Request, **address: str) -> Response:
        """List, of the customers that the caller may see, those who belong to a segment."""
        return super().list(request)
