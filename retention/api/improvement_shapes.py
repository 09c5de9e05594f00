"""What the API gives of improvements and the watch, and what it takes."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from customers.ground.api.serializers import AmountField, DateField, Gives, NumberField, Takes
from customers.models import Cause, Complaint, Product, User
from retention.api.known import KnownCode, KnownId
from retention.api.takes import colleagues, customers
from retention.improving.effect import Effect, Side
from retention.improving.planning import MOST_OF_TOLD
from retention.models import (
    ImprovementAction,
    ImprovementFeedback,
    ImprovementNotice,
    LoopClosure,
    RiseAlarm,
)
from surveys.models import Survey


# --- Given ------------------------------------------------------------------------------------
class ImprovementShape(Gives):
    """An improvement; `feedback` counts what it answers, of the whole company."""

    causes = serializers.SerializerMethodField()
    product = serializers.CharField(source="product.code", default=None, allow_null=True)
    survey = serializers.CharField(source="survey.code", default=None, allow_null=True)
    cost = AmountField(allow_null=True)
    feedback = serializers.SerializerMethodField()

    class Meta:
        model = ImprovementAction
        fields = [
            *("id", "title", "state", "owner", "causes", "product", "lot", "cost", "begins_on", "due_on"),
            *("moves", "survey", "measure", "reason", "told_en", "told_zh", "feedback"),
            *("made_at", "begun_at", "ended_at", "ended_on", "telling_at"),
        ]

    def get_causes(self, action: ImprovementAction) -> list[str]:
        """Return the codes of the causes."""
        return [cause.code for cause in action.causes.all()]

    def get_feedback(self, action: ImprovementAction) -> int:
        """Return how many pieces of feedback hang on it."""
        counted: int | None = getattr(action, "pieces", None)
        return action.feedback.count() if counted is None else counted


class SideShape(serializers.Serializer[Side]):
    """One window: `n` observations, the figure, its 95 % interval."""

    n = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    interval = serializers.ListField(child=serializers.FloatField(), allow_null=True)


class EffectShape(serializers.Serializer[Effect]):
    """A figure before and after. There is no control group: other things changed, too.

    Shares are 0 to 1, NPS −100 to 100, complaints those of 30 days. Figures are null while there are fewer
    than 30 observations.
    """

    kind = serializers.CharField()
    days = serializers.IntegerField()
    is_enough = serializers.BooleanField()
    before = SideShape()
    after = SideShape()
    difference = serializers.FloatField(allow_null=True)
    interval = serializers.ListField(child=serializers.FloatField(), allow_null=True)

    def to_representation(self, effect: Effect) -> dict[str, Any]:
        """Leave out figures of too few."""
        said = super().to_representation(effect)
        if not effect.is_enough:
            for side in ("before", "after"):
                said[side] |= {"value": None, "interval": None}
        return said


class OutcomeShape(serializers.Serializer[Any]):
    """What an improvement moved; `effect` is null until the second day after it was done."""

    effect = EffectShape(allow_null=True)


class ImprovementFeedbackShape(Gives):
    """One piece of feedback that an improvement answers."""

    class Meta:
        model = ImprovementFeedback
        fields = ["id", "complaint", "loop", "attached_at"]


class ImprovementNoticeShape(Gives):
    """What became of telling one person."""

    class Meta:
        model = ImprovementNotice
        fields = ["id", "customer", "contact", "channel", "state", "reason", "asked_at", "ended_at"]


class RiseShape(Gives):
    """A product or lot whose complaints or returns rose; `p` is one-sided and exact, `q` corrected."""

    product = serializers.CharField(source="product.code")

    class Meta:
        model = RiseAlarm
        fields = [
            *("id", "kind", "product", "lot", "on", "recent", "before", "recent_of", "before_of", "basis"),
            *("p", "q", "state", "reason", "raised_at", "decided_at", "action"),
        ]


class AttachedShape(serializers.Serializer[Any]):
    """How many pieces of feedback are new."""

    changed = serializers.IntegerField()


# --- Taken ------------------------------------------------------------------------------------
def _causes(user: User) -> Any:
    return Cause.objects.select_related("parent")


def _products(user: User) -> Any:
    return Product.objects.all()


def _surveys(user: User) -> Any:
    return Survey.objects.visible_to(user)  # type: ignore[attr-defined]


def _complaints(user: User) -> Any:
    return Complaint.objects.filter(void=False, customer__in=customers(user))


def _loops(user: User) -> Any:
    return LoopClosure.objects.select_related("complaint").visible_to(user)  # type: ignore[attr-defined]


class PlanBody(Takes):
    """What is to be done, by whom, until when, and what it should move; causes and products by code."""

    title = serializers.CharField(max_length=200)
    owner = KnownId(colleagues)
    due_on = DateField()
    begins_on = DateField(required=False, allow_null=True)
    cost = NumberField(
        max_digits=18, min_value=0, required=False, allow_null=True, help_text="In major units."
    )
    causes = serializers.ListField(child=KnownCode(_causes), required=False, max_length=50)
    product = KnownCode(_products, required=False, allow_null=True)
    lot = serializers.CharField(max_length=64, required=False, allow_blank=True)
    moves = serializers.ChoiceField(choices=ImprovementAction.Moves.choices)
    survey = KnownCode(_surveys, required=False, allow_null=True)
    measure = serializers.CharField(max_length=64, required=False, allow_blank=True)


class ToldBody(Takes):
    """What customers are told of it."""

    told_en = serializers.CharField(max_length=MOST_OF_TOLD, required=False, allow_blank=True, default="")
    told_zh = serializers.CharField(max_length=MOST_OF_TOLD, required=False, allow_blank=True, default="")


class ReasonBody(Takes):
    """Why."""

    reason = serializers.CharField(max_length=500)


class AttachBody(Takes):
    """A complaint, or what a loop is about: one of the two."""

    complaint = KnownId(_complaints, required=False)
    loop = KnownId(_loops, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse both and none."""
        if len(attrs) != 1:
            raise serializers.ValidationError(
                _("Name either a complaint or a loop, not both and not none."), code="one_of_two"
            )
        return attrs


class MatchBody(Takes):
    """Since which day it was said."""

    since = DateField()


class DetachBody(Takes):
    """The piece that is taken off, by the `id` of the list of feedback."""

    piece = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
