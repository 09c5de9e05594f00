"""Answers by the API: what they come to, and one by one."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import get_language
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import company
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives
from customers.ground.api.views import Lists, Resource
from customers.models import Customer
from customers.models.people import Role
from surveys import results
from surveys.definition import SCALES
from surveys.figures import FEWEST, Tally
from surveys.models import SurveyAnswer

SEES = tuple(Role.values)
MONTHS = 12


class FigureShape(serializers.Serializer[Any]):
    """What answers to one scale come to; below thirty answers all but their number is null.

    `value`: NPS from -100 to 100, the share of satisfied from 0 to 1, or the mean. `low`, `high`: its 95 %
    interval. `shares`: low, middle and high answers (NPS: detractors, passives, promoters).
    """

    answers = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    mean = serializers.FloatField(allow_null=True)
    shares = serializers.ListField(child=serializers.FloatField(), allow_null=True)


class MonthFigureShape(FigureShape):
    """A month's figure."""

    month = serializers.DateField(help_text="Its first day.")


class GroupFigureShape(FigureShape):
    """A group's figure."""

    name = serializers.CharField()


class QuestionFiguresShape(FigureShape):
    """The figures of one question."""

    question = serializers.CharField()
    kind = serializers.ChoiceField([str(kind) for kind in sorted(SCALES)])
    points = serializers.IntegerField()
    months = MonthFigureShape(many=True)


class SurveyFiguresShape(serializers.Serializer[Any]):
    """The figures of a survey over twelve months, of customers whom the caller may see and of open links.

    `asked`, `answered`: invitations; `begun`, `completed`: those of whom something came. The groups are of
    the first question that has figures.
    """

    fewest = serializers.IntegerField(help_text="Figures of fewer answers are null.")
    asked = serializers.IntegerField()
    answered = serializers.IntegerField()
    begun = serializers.IntegerField()
    completed = serializers.IntegerField()
    questions = QuestionFiguresShape(many=True)
    segments = GroupFigureShape(many=True)
    owners = GroupFigureShape(many=True)
    products = GroupFigureShape(many=True)
    versions = GroupFigureShape(many=True)


class FiguresOfSurvey:
    """What a survey's own address gives of its answers; mixed into the resource of surveys."""

    FIGURES_ACCESS = {"figures": may(*SEES, scope="surveys:answers")}
    FIGURES_GIVES = {"figures": SurveyFiguresShape}

    @action(detail=True)
    def figures(self: Any, request: Request, pk: str) -> Response:
        """Give what the answers of twelve months come to, with intervals, by month and group."""
        survey, at = self.one(), clock.now()
        until = company.today(at).number
        asked: dict[str, Any] = {
            "user": request.user,
            "since": results.since_day(at, MONTHS),
            "at": at,
        }
        told: dict[str, Any] = {"fewest": FEWEST, **vars(results.rates(survey, **asked))}
        scales = results.scales_of(survey, language=get_language() or "en")
        told["questions"] = [
            _question(scale, results.counted(survey, scale, **asked), since=asked["since"], until=until)
            for scale in scales
        ]
        groups = {"segments": results.by_segment, "owners": results.by_owner}
        groups |= {"products": results.by_product, "versions": results.by_version}
        for name, by in groups.items():
            found = by(results.counted(survey, scales[0], **asked), scales[0]) if scales else []
            told[name] = [{"name": one.name, **_figure(one.tally)} for one in found]
        return Response(SurveyFiguresShape(told).data)


def _question(
    scale: results.Scale, rows: QuerySet[SurveyAnswer], *, since: int, until: int
) -> dict[str, Any]:
    months = results.by_month(rows, scale, since=since, until=until)
    return {
        "question": scale.code,
        "kind": scale.kind,
        "points": scale.points,
        **_figure(results.overall(rows, scale)),
        "months": [{"month": first, **_figure(tally)} for first, tally in months],
    }


def _figure(tally: Tally) -> dict[str, Any]:
    hidden = dict.fromkeys(("value", "low", "high", "mean", "shares"))
    if not tally.is_enough or tally.interval is None:
        return {"answers": tally.answers, **hidden}
    low, high = tally.interval
    return {
        "answers": tally.answers,
        "value": tally.value,
        "low": low,
        "high": high,
        "mean": tally.mean,
        "shares": tally.shares,
    }


class SurveyAnswerShape(Gives):
    """The answer to one question; an anonymous one has no customer."""

    chosen = serializers.ListField(child=serializers.CharField())
    survey = serializers.IntegerField(source="response.survey_id")

    class Meta:
        model = SurveyAnswer
        fields = [
            *("id", "survey", "response", "customer", "question", "kind", "points", "number", "chosen"),
            *("text", "occurred_at", "recorded_at"),
        ]


class AnswerFilter(filters.FilterSet):
    """Which answers."""

    survey = filters.IdFilter(field_name="response__survey_id")
    customer = filters.IdFilter(field_name="customer_id")
    band = filters.ChoiceFilter(
        choices=[(one, one) for one in ("low", "middle", "high")],
        method="in_band",
        label="Of responses whose score was so.",
    )
    has_text = filters.FlagFilter(method="with_text")
    q = filters.TextFilter(field_name="text", lookup_expr="icontains", max_length=100)

    class Meta:
        model = SurveyAnswer
        fields: list[str] = []

    def in_band(self, found: QuerySet[SurveyAnswer], name: str, value: str) -> QuerySet[SurveyAnswer]:
        """Keep those of responses whose score lies in a band."""
        return found.filter(results.in_band(value))

    def with_text(self, found: QuerySet[SurveyAnswer], name: str, value: bool) -> QuerySet[SurveyAnswer]:
        """Keep those with words, or those without."""
        return found.exclude(text="") if value else found.filter(text="")


class SurveyAnswers(Lists, Resource):
    tag = "surveys"
    model = SurveyAnswer
    serializer_class = SurveyAnswerShape
    filterset_class = AnswerFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {"list": may(*SEES, scope="surveys:answers")}

    def rows(self) -> QuerySet[SurveyAnswer]:
        """Return what customers answered whom the caller may see; anonymous ones for who sees everybody."""
        rows = SurveyAnswer.objects.filter(Q(void=False)).select_related("response")
        if self.request.user.sees_all:
            return rows
        visible = Customer.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return rows.filter(Exists(visible.filter(pk=OuterRef("customer_id"))))
