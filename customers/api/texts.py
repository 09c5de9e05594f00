"""What texts say, and the act that corrects it; and what the trainings were worth."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.company import KNOWN
from customers.api.facts import READ, RECORD
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.serializers import Gives, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Aspect, TextModel, TextReading
from customers.text import correct_reading


class ReadingShape(Gives):
    stands = serializers.CharField(
        read_only=True,
        help_text="What counts: what a person said, else the answer if it is sure, else empty.",
    )
    model: Any = serializers.PrimaryKeyRelatedField(
        read_only=True, allow_null=True, help_text="The training that read it; null: keywords."
    )

    class Meta:
        model = TextReading
        fields = [
            *("id", "subject_kind", "subject_id", "customer", "aspect", "language", "stands", "code"),
            *("percent", "is_sure", "model", "read_at", "corrected", "corrected_by", "corrected_at"),
        ]


class Correction(Takes):
    """A sentiment, an urgency or the code of a cause; empty takes back what was said."""

    code = serializers.CharField(max_length=64, allow_blank=True)


class ReadingFilter(filters.FilterSet):
    customer = filters.IdFilter(field_name="customer_id")
    subject_kind = filters.TextFilter(field_name="subject_kind", label="complaint or interaction.")
    subject_id = filters.IdFilter(field_name="subject_id", label="Our number of the complaint, for example.")
    aspect = filters.ChoiceFilter(choices=Aspect.choices)
    is_sure = filters.FlagFilter()
    read_since = filters.MomentFilter(field_name="read_at", lookup_expr="gte")


class Readings(Lists, Details, Resource):
    tag = "texts"
    model = TextReading
    detail_route = "api:text-reading-detail"
    serializer_class = ReadingShape
    filterset_class = ReadingFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {**READ, "correct": RECORD}
    takes = {"correct": Correction}
    refuses = {"correct": ["text_answer", "text_gone"]}
    examples = {"correct": {"code": "late_delivery"}}

    def rows(self) -> QuerySet[TextReading]:
        """Return the readings of texts of the customers that the caller may see."""
        return TextReading.objects.visible_to(self.request.user)  # type: ignore[attr-defined,no-any-return]

    @action(detail=True, methods=["post"])
    def correct(self, request: Request, pk: str) -> Response:
        """Say what a text says in this aspect; it stands, and counts at the next training."""
        return self.shown(correct_reading(self.one(), **self.taken(), by=request.user, at=clock.now()))


class ModelShape(Gives):
    class Meta:
        model = TextModel
        fields = [
            *("id", "aspect", "trained_at", "outcome", "is_active", "labels", "corrections", "held_out"),
            *("macro_f1", "majority_f1", "keyword_f1", "right", "kept", "right_kept", "calibration_error"),
            "threshold",
        ]


class ModelFilter(filters.FilterSet):
    aspect = filters.ChoiceFilter(choices=Aspect.choices)
    is_active = filters.FlagFilter()


class Models(Lists, Details, Resource):
    tag = "texts"
    model = TextModel
    detail_route = "api:text-model-detail"
    serializer_class = ModelShape
    filterset_class = ModelFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = KNOWN

    def rows(self) -> QuerySet[TextModel]:
        """Return the trainings, with what they were worth on texts that they had not seen."""
        return TextModel.objects.defer("weights")
