"""What the API gives of segments, and what it takes."""

from __future__ import annotations

from typing import Any

from django.utils import translation
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from customers import company
from customers.ground.api.serializers import DayField, Gives, Takes
from customers.ground.errors import Refused
from customers.models import Customer
from retention import rules, segments
from retention.api.known import GREATEST_ID, KnownIds
from retention.api.shapes import LANGUAGES, SentenceShape
from retention.api.takes import customers
from retention.models import Segment, SegmentCount

MOST_AT_ONCE = 500


# --- Shapes --------------------------------------------------------------------------------------------
class SegmentShape(Gives):
    """A segment as lists show it."""

    class Meta:
        model = Segment
        fields = ["id", "code", "name_en", "name_zh", "kind", "version", "made_at", "retired_at"]


class SegmentDetailShape(SegmentShape):
    """A segment with its condition, as a tree and in words, and the codes of those that use it."""

    condition = serializers.SerializerMethodField()
    sentence = serializers.SerializerMethodField()
    used_by = serializers.SerializerMethodField()

    class Meta(SegmentShape.Meta):
        fields = [*SegmentShape.Meta.fields, "condition", "sentence", "used_by"]

    @extend_schema_field({"type": "object", "nullable": True, "additionalProperties": True})
    def get_condition(self, segment: Segment) -> Any:
        """Return the tree; nothing for a list."""
        return segment.condition

    @extend_schema_field(SentenceShape(allow_null=True))
    def get_sentence(self, segment: Segment) -> dict[str, str] | None:
        """Say in words who belongs to it; nothing for a list, or a condition that no longer stands."""
        if segment.condition is None:
            return None
        try:
            condition = segments.condition_of(segment)
        except Refused:
            return None
        currency, said = company.current().base_currency, {}
        for language in LANGUAGES:
            with translation.override(language):
                said[language[:2]] = rules.rule_sentence(condition, currency=currency)
        return said

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_used_by(self, segment: Segment) -> list[str]:
        """Return the codes of the segments whose conditions name it."""
        return [one.code for one in segments.users_of(segment)]


class CountShape(Gives):
    """How many customers of the company belonged to a segment on a day, as counted then."""

    day = DayField()

    class Meta:
        model = SegmentCount
        fields = ["day", "customers"]


class NumberShape(serializers.Serializer[Any]):
    """How many customers, of those that the caller may see, belonged to a segment at the end of a day."""

    day = serializers.DateField()
    customers = serializers.IntegerField()


class MemberShape(Gives):
    """A customer who belongs to a segment."""

    class Meta:
        model = Customer
        fields = ["id", "name"]


class ChangedShape(serializers.Serializer[Any]):
    """How many customers changed."""

    changed = serializers.IntegerField()


# --- Bodies --------------------------------------------------------------------------------------------
class TermsField(serializers.DictField):
    """A condition's tree over measures, attributes and segments, as docs/segments.md describes it."""


class MakeSegment(Takes):
    """A new segment: by its condition, or, without one, by a list with nobody on it."""

    code = serializers.RegexField(r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)
    name_en = serializers.CharField(max_length=120)
    name_zh = serializers.CharField(max_length=120)
    condition = TermsField(required=False)


class ReviseSegment(Takes):
    """The next version of a segment's condition."""

    condition = TermsField()


class RenameSegment(Takes):
    """Other names."""

    name_en = serializers.CharField(max_length=120)
    name_zh = serializers.CharField(max_length=120)


@extend_schema_field(
    {
        "type": "array",
        "items": {"type": "integer", "format": "int64", "minimum": 1, "maximum": GREATEST_ID},
        "minItems": 1,
        "maxItems": MOST_AT_ONCE,
    }
)
class CustomerIds(KnownIds):
    """Customers by their ids."""


class PutMembers(Takes):
    """Customers to put on a list, or to take off it."""

    customers = CustomerIds(customers, most=MOST_AT_ONCE)
