"""What the API gives of changes of the business, and what it takes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from customers import company
from customers.ground import money
from customers.ground.api.serializers import AmountField, DateField, DayField, Gives, NumberField, Takes
from customers.models import Product, User
from retention.api.known import GREATEST_ID, KnownCode, KnownIds
from retention.api.takes import customers
from retention.changes import Plan
from retention.changes.following import State
from retention.changes.planning import MOST_BOUGHT_DAYS, MOST_WORD, MOST_WORDS
from retention.models import BusinessChange, ConcernedCustomer, Segment

MOST_LISTED, MOST_PRODUCTS = 500, 200
_TEXT: dict[str, Any] = {"max_length": 10_000, "required": False, "allow_blank": True}


# --- Shapes -----------------------------------------------------------------------------------
class ChangeShape(Gives):
    """A change of the business as lists show it."""

    notice_on = DayField(source="notice_day")
    effect_on = DayField(source="effect_day")
    segment: Any = serializers.SlugRelatedField("code", read_only=True, allow_null=True)

    class Meta:
        model = BusinessChange
        fields = [
            "id",
            "kind",
            "title_en",
            "title_zh",
            "state",
            "is_crisis",
            "scope",
            "bought_days",
            "segment",
            "notice_on",
            "effect_on",
            "made_at",
            "announced_at",
            "followed_at",
            "closed_at",
        ]


class ChangeDetailShape(ChangeShape):
    """A change with its words, and whom it calls."""

    products = serializers.SerializerMethodField()
    substitute: Any = serializers.SlugRelatedField("code", read_only=True, allow_null=True)
    words = serializers.ListField(child=serializers.CharField())
    calls_margin = AmountField(allow_null=True, help_text="A year, in the company's currency.")

    class Meta(ChangeShape.Meta):
        fields = [
            *ChangeShape.Meta.fields,
            "products",
            "substitute",
            "explanation_en",
            "explanation_zh",
            "questions_en",
            "questions_zh",
            "offer_en",
            "offer_zh",
            "words",
            "calls_top_tier",
            "calls_margin",
            "made_by",
            "announced_by",
            "closed_by",
            "closed_reason",
        ]

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_products(self, change: BusinessChange) -> list[str]:
        """Return the codes of the products that it is about."""
        return [one.product.code for one in change.about.select_related("product").order_by("pk")]


class TierShape(serializers.Serializer[Any]):
    """Customers of one value tier; empty: unknown."""

    tier = serializers.CharField(allow_blank=True)
    customers = serializers.IntegerField()
    margin = AmountField(help_text="Of 12 months, in the company's currency.")
    called = serializers.IntegerField()


class ImpactShape(serializers.Serializer[Any]):
    """Whom a change would concern, of the customers that the caller may see, and what is at stake."""

    customers = serializers.IntegerField()
    margin = AmountField()
    called = serializers.IntegerField()
    contracts = serializers.IntegerField()
    contract_value = AmountField(help_text="Over the terms of the running contracts.")
    open_cases = serializers.IntegerField()
    tiers = TierShape(source="lines", many=True)


class LossShareShape(serializers.Serializer[Any]):
    """How many of some customers were lost, as a share with its 95 % interval."""

    customers = serializers.IntegerField()
    lost = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    interval = serializers.ListField(child=serializers.FloatField(), allow_null=True)


class LossDifferenceShape(serializers.Serializer[Any]):
    """The difference of two shares, with its 95 % interval."""

    more = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class ChangeEffectShape(serializers.Serializer[Any]):
    """Losses since the announcement, beside what is comparable; no proof, see docs/changes.md."""

    days = serializers.IntegerField(allow_null=True)
    concerned = LossShareShape(allow_null=True)
    before = LossShareShape(allow_null=True)
    others = LossShareShape(allow_null=True)
    expected = serializers.FloatField(allow_null=True)
    against_before = LossDifferenceShape(allow_null=True)
    against_others = LossDifferenceShape(allow_null=True)


class ConcernedShape(Gives):
    """A customer whom a change concerns, and how far she was followed."""

    margin_365d = AmountField(help_text="When she was added.")

    class Meta:
        model = ConcernedCustomer
        fields = [
            "id",
            "change",
            "customer",
            "state",
            "tier",
            "margin_365d",
            "is_late",
            "added_at",
            "changed_at",
            "handled_at",
            "message",
            "unsent",
            "case",
        ]


# --- Bodies -----------------------------------------------------------------------------------
def known_products(user: User) -> Any:
    """Return all products: they belong to nobody."""
    return Product.objects.all()


def known_segments(user: User) -> Any:
    """Return the segments that are offered."""
    return Segment.objects.filter(retired_at=None)


@extend_schema_field(
    {
        "type": "array",
        "items": {"type": "integer", "format": "int64", "minimum": 1, "maximum": GREATEST_ID},
        "minItems": 1,
        "maxItems": MOST_LISTED,
    }
)
class ListedIds(KnownIds):
    """Customers by their ids."""


class PlanChange(Takes):
    """All that is said of a change. Whom it concerns follows from ``scope``."""

    kind = serializers.ChoiceField(BusinessChange.Kind.choices)
    title_en = serializers.CharField(max_length=150, required=False, allow_blank=True)
    title_zh = serializers.CharField(max_length=150, required=False, allow_blank=True)
    is_crisis = serializers.BooleanField(required=False)
    notice_on = DateField()
    effect_on = DateField()
    scope = serializers.ChoiceField(BusinessChange.Scope.choices)
    products = serializers.ListField(
        child=KnownCode(known_products), max_length=MOST_PRODUCTS, required=False
    )
    bought_days = serializers.IntegerField(min_value=1, max_value=MOST_BOUGHT_DAYS, required=False)
    segment = KnownCode(known_segments, required=False, allow_null=True)
    customers = ListedIds(customers, most=MOST_LISTED, required=False)
    explanation_en = serializers.CharField(**_TEXT)
    explanation_zh = serializers.CharField(**_TEXT)
    questions_en = serializers.CharField(**_TEXT)
    questions_zh = serializers.CharField(**_TEXT)
    offer_en = serializers.CharField(**_TEXT)
    offer_zh = serializers.CharField(**_TEXT)
    substitute = KnownCode(known_products, required=False, allow_null=True)
    words = serializers.ListField(
        child=serializers.CharField(max_length=MOST_WORD), max_length=MOST_WORDS, required=False
    )
    calls_top_tier = serializers.BooleanField(required=False)
    calls_margin = NumberField(
        max_digits=16,
        decimal_places=2,
        min_value=0,
        required=False,
        allow_null=True,
        help_text="In major units of the company's currency.",
    )


def plan_in(taken: dict[str, Any]) -> Plan:
    """Return the plan that a body holds."""
    margin = taken.pop("calls_margin", None)
    base = company.current().base_currency
    return Plan(**taken, calls_margin=None if margin is None else money.to_minor(margin, base))


class CloseChange(Takes):
    """Why it ends; needed while customers wait."""

    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True)


class FollowCustomer(Takes):
    """How far a customer came."""

    state = serializers.ChoiceField(State.choices)
    note = serializers.CharField(max_length=2000, required=False, allow_blank=True)
