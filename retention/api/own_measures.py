"""Own measures: made of attributes and indicators without code, renamed and retired by admins."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives, MomentField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Attribute, Indicator
from retention.api.known import KnownCode
from retention.api.roles import SEES_RULES, WRITES_RULES
from retention.measures import making, own
from retention.models import OwnMeasure, Way


class OwnMeasureShape(Gives):
    measure = serializers.SerializerMethodField(help_text="What conditions write.")
    unit = serializers.SerializerMethodField(help_text="What its values count.")
    attribute: Any = serializers.SlugRelatedField("code", read_only=True, allow_null=True)
    indicator: Any = serializers.SlugRelatedField("code", read_only=True, allow_null=True)
    help = serializers.SerializerMethodField(help_text="What it counts, in the caller's language.")
    made_at = MomentField()
    retired_at = MomentField(allow_null=True)

    class Meta:
        model = OwnMeasure
        fields = [
            "id",
            "code",
            "measure",
            "label_en",
            "label_zh",
            "way",
            "unit",
            "attribute",
            "indicator",
            "days",
            "choice",
            "help",
            "made_at",
            "retired_at",
        ]

    def get_measure(self, row: OwnMeasure) -> str:
        """Return its name in conditions."""
        return own.PREFIX + row.code

    def get_unit(self, row: OwnMeasure) -> str:
        """Return its unit."""
        return own.WAYS[Way(row.way)].unit.value

    def get_help(self, row: OwnMeasure) -> str:
        """Say what it counts."""
        return own.term_of(row).help


class MakeOwnMeasure(Takes):
    """One attribute or one indicator, and a way that suits it."""

    code = serializers.SlugField(
        max_length=32, help_text="It never changes; conditions write “own.” before it."
    )
    label_en = serializers.CharField(max_length=100)
    label_zh = serializers.CharField(max_length=100)
    way = serializers.ChoiceField(
        Way.choices,
        help_text="Of a number: number; a date: day, days_since, days_until; a choice: choice, is_choice; an "
        "indicator: newest, change, worst, average, days_since_value.",
    )
    attribute = KnownCode(lambda user: Attribute.objects.all(), required=False, help_text="Its code.")
    indicator = KnownCode(lambda user: Indicator.objects.all(), required=False, help_text="Its code.")
    days = serializers.IntegerField(
        min_value=1, max_value=making.LONGEST, required=False, help_text="For change, worst and average."
    )
    choice = serializers.CharField(max_length=64, required=False, help_text="For is_choice: its code.")


class RenameOwnMeasure(Takes):
    label_en = serializers.CharField(max_length=100)
    label_zh = serializers.CharField(max_length=100)


class RetireOwnMeasure(Takes):
    retired = serializers.BooleanField()


class OwnMeasureFilter(filters.FilterSet):
    """Which own measures."""

    code = filters.TextFilter(max_length=32)
    is_retired = filters.FlagFilter(field_name="retired_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = OwnMeasure
        fields: list[str] = []


class OwnMeasures(Lists, Details, Resource):
    tag = "measures"
    model = OwnMeasure
    detail_route = "api:own-measure-detail"
    serializer_class = OwnMeasureShape
    filterset_class = OwnMeasureFilter
    orders = {"id": ("id",), "code": ("code",)}
    access = {
        "list": may(*SEES_RULES, scope="measures:read"),
        "retrieve": may(*SEES_RULES, scope="measures:read"),
        **dict.fromkeys(("create", "rename", "retire"), may(*WRITES_RULES, scope="rules:write")),
    }
    takes = {"create": MakeOwnMeasure, "rename": RenameOwnMeasure, "retire": RetireOwnMeasure}
    refuses = {
        "create": [
            "own_measure_taken",
            "own_measure_code",
            "own_measures_full",
            "own_measure_way",
            "own_measure_incomplete",
            "own_measure_source",
        ],
        "rename": ["own_measure_taken"],
        "retire": ["own_measures_full", "own_measure_source"],
    }
    examples = {
        "create": {
            "code": "health-fall",
            "label_en": "Change of the health score",
            "label_zh": "健康度变化",
            "way": "change",
            "indicator": "health-score",
            "days": 30,
        },
        "rename": {"label_en": "Fall of the health score", "label_zh": "健康度下降"},
        "retire": {"retired": True},
    }

    def rows(self) -> QuerySet[OwnMeasure]:
        """Return the own measures, retired ones too: they belong to nobody."""
        return OwnMeasure.objects.select_related("attribute", "indicator")

    def create(self, request: Request) -> Response:
        """Make a measure; conditions can ask for it at once."""
        return self.made(making.make(**self.taken(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def rename(self, request: Request, pk: str) -> Response:
        """Give a measure other names; what it counts never changes."""
        return self.shown(making.rename(self.one(), **self.taken(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Retire a measure, or take it up again.

        Rules and segments that ask for a retired one are set aside and reported; they match nobody.
        """
        retired = self.taken()["retired"]
        return self.shown(making.retire(self.one(), is_retired=retired, by=request.user, at=clock.now()))
