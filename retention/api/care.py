"""Care: the plans, and who was greeted; what is withheld is not told."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import DayField, Gives
from customers.ground.api.views import Details, Lists, Resource
from retention.api.roles import SEES_CASES
from retention.models import CarePlan, CareTouch

READ = "care:read"
_TOLD = [one for one in CareTouch.State.choices if one[0] != CareTouch.State.WITHHELD]


class CarePlanShape(Gives):
    """A plan: its occasion, whom it greets, what is said and given."""

    segment: Any = serializers.SlugRelatedField("code", read_only=True, allow_null=True)
    holdout_share = serializers.IntegerField(help_text="Left out on purpose, in hundredths of a percent.")
    live_from = DayField(source="live_from_day", allow_null=True)

    class Meta:
        model = CarePlan
        fields = [
            "id",
            "code",
            "name",
            "name_alt",
            "state",
            "version",
            "occasion",
            "festival",
            "calendar",
            "month",
            "day",
            "orders",
            "days_before",
            "segment",
            "language",
            "channel",
            "subject_en",
            "subject_zh",
            "text_en",
            "text_zh",
            "points",
            "gift_en",
            "gift_zh",
            "holdout_share",
            "live_from",
            "made_at",
            "changed_at",
        ]


class CareTouchShape(Gives):
    """A greeting of one contact on one occasion, and what became of it.

    Plan, contact and occasion name it. Its number is not told: a gap would say that somebody is withheld.
    """

    occasion_on = DayField(source="occasion_day")
    due_on = DayField(source="due_day")
    state = serializers.ChoiceField(_TOLD, read_only=True)
    reason = serializers.CharField(help_text="Why it waits or was not sent, as in contact reservations.")

    class Meta:
        model = CareTouch
        fields = [
            "plan",
            "customer",
            "contact",
            "occasion",
            "occasion_on",
            "due_on",
            "state",
            "reason",
            "channel",
            "points",
            "reservation",
            "message",
            "made_at",
            "ended_at",
        ]


class CarePlanFilter(filters.FilterSet):
    """Which plans."""

    code = filters.TextFilter(field_name="code")
    state = filters.ChoiceFilter(choices=CarePlan.State.choices)
    occasion = filters.ChoiceFilter(choices=CarePlan.Occasion.choices)

    class Meta:
        model = CarePlan
        fields: list[str] = []


class CarePlans(Lists, Details, Resource):
    tag = "care"
    model = CarePlan
    detail_route = "api:care-plan-detail"
    serializer_class = CarePlanShape
    filterset_class = CarePlanFilter
    orders = {"newest": ("-id",), "id": ("id",)}
    access = {
        "list": may(*SEES_CASES, scope=READ),
        "retrieve": may(*SEES_CASES, scope=READ),
    }

    def rows(self) -> QuerySet[CarePlan]:
        """Return all plans: they belong to the company. Customers are only those that one may see."""
        return CarePlan.objects.select_related("segment")


class CareTouchFilter(filters.FilterSet):
    """Which greetings."""

    plan = filters.IdFilter(field_name="plan_id")
    customer = filters.IdFilter(field_name="customer_id")
    contact = filters.IdFilter(field_name="contact_id")
    state = filters.ChoiceFilter(choices=_TOLD)

    class Meta:
        model = CareTouch
        fields: list[str] = []


class CareTouches(Lists, Resource):
    tag = "care"
    model = CareTouch
    serializer_class = CareTouchShape
    filterset_class = CareTouchFilter
    orders = {"newest": ("-id",), "oldest": ("id",)}
    access = {"list": may(*SEES_CASES, scope=READ)}

    def rows(self) -> QuerySet[CareTouch]:
        """Return the greetings of the customers that the caller may see."""
        found: QuerySet[CareTouch] = CareTouch.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return found
