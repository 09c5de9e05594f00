"""Distributions by the API: made, changed, started, paused and ended by the same verbs as in pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.facts import not_there
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import Gives, IdField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Customer
from customers.models.channels import SENDABLE
from customers.models.people import Role
from surveys.distributions import figures, making, planning
from surveys.distributions.preview import preview
from surveys.models import Distribution, PlannedAsk, Survey
from surveys.models.distributions import LIMITS

SEES = (Role.TEAM_LEAD, Role.ADMIN, Role.ANALYST, Role.INTEGRATION)
RUNS = (Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION)
READ = may(*SEES, scope="surveys:distributions")
RUN = may(*RUNS, scope="surveys:distribute")
MOST_AT_ONCE = 1_000


@contextmanager
def setting_at_fault() -> Iterator[None]:
    """Let a refused setting stand at its field, as what is wrong with a body does."""
    try:
        yield
    except making.SettingRefused as refusal:
        name = refusal.field.removesuffix("_id") if refusal.field == "team_id" else refusal.field
        said = serializers.ErrorDetail(str(refusal), code=refusal.code)
        raise serializers.ValidationError({name: [said]}) from refusal


# --- Shapes -----------------------------------------------------------------------------------
class DistributionShape(Gives):
    """To whom a survey is sent, when, by which way, and how many a day."""

    class Meta:
        model = Distribution
        fields = [
            *("id", "survey", "name", "kind", "team", "audience", "audience_id", "trigger", "delay_days"),
            *("period_days", "whom", "channel", "fallback", "share", "per_day", "remind_after"),
            *("useful_days", "not_asked_days", "status", "fault", "made_at", "by", "started_at", "paused_at"),
            *("ended_at", "is_planned"),
        ]


class CountsShape(serializers.Serializer[Any]):
    """How many asks there are of each kind."""

    all = serializers.IntegerField()
    planned = serializers.IntegerField()
    waiting = serializers.IntegerField()
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    answered = serializers.IntegerField()
    not_asked = serializers.IntegerField()


class PreviewShape(serializers.Serializer[Any]):
    """What would happen if it were started now."""

    people = serializers.IntegerField(help_text="Contacts it is for; of events: how many in 30 days.")
    now = serializers.IntegerField(help_text="Asked on the first day.")
    a_day = serializers.FloatField(help_text="Asked on each further day, on average.")
    days = serializers.IntegerField(allow_null=True, help_text="Until all are asked; null: it goes on.")
    warnings = serializers.ListField(child=serializers.CharField())


class AddedShape(serializers.Serializer[Any]):
    """How many people were not chosen before."""

    added = serializers.IntegerField()


class PlannedAskShape(Gives):
    """One ask, and the dispatch that it became."""

    class Meta:
        model = PlannedAsk
        fields = [
            *("id", "customer", "contact", "state", "reason", "occasion_type", "occasion_id"),
            *("planned_at", "due_at", "latest_at", "ended_at", "dispatch"),
        ]


# --- Bodies -----------------------------------------------------------------------------------
def _number(name: str, **kwargs: Any) -> serializers.IntegerField:
    least, most = LIMITS[name]
    return serializers.IntegerField(min_value=least, max_value=most, required=False, **kwargs)


class ReviseDistribution(Takes):
    """The settings to change; those that are left out stay."""

    name = serializers.CharField(max_length=120, required=False)
    team = IdField(required=False, allow_null=True)
    audience = serializers.CharField(
        max_length=20, required=False, allow_blank=True, help_text="segment; empty: everybody."
    )
    audience_id = IdField(required=False, allow_null=True, help_text="Our number of the segment.")
    trigger = serializers.CharField(max_length=30, required=False, allow_blank=True)
    delay_days = _number("delay_days")
    period_days = _number("period_days", allow_null=True)
    whom = serializers.ChoiceField(Distribution.Whom.choices, required=False)
    channel = serializers.ChoiceField([str(way) for way in SENDABLE], required=False)
    fallback = serializers.ChoiceField([str(way) for way in SENDABLE], required=False, allow_blank=True)
    share = _number("share", help_text="Per cent.")
    per_day = _number("per_day", allow_null=True)
    remind_after = _number("remind_after", allow_null=True)
    useful_days = _number("useful_days")
    not_asked_days = _number("not_asked_days")


class MakeDistribution(ReviseDistribution):
    """A new distribution, as a draft."""

    survey = IdField()
    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(Distribution.Kind.choices)
    channel = serializers.ChoiceField([str(way) for way in SENDABLE])


class AddPeople(Takes):
    """Contacts to add, at most 1,000 at once."""

    contacts = serializers.ListField(child=IdField(), max_length=MOST_AT_ONCE, min_length=1)


class DistributionFilter(filters.FilterSet):
    """Which distributions."""

    survey = filters.IdFilter(field_name="survey_id")
    status = filters.ChoiceFilter(choices=Distribution.Status.choices)
    kind = filters.ChoiceFilter(choices=Distribution.Kind.choices)

    class Meta:
        model = Distribution
        fields: list[str] = []


class Distributions(Lists, Details, Resource):
    tag = "surveys"
    model = Distribution
    detail_route = "api:survey-distribution-detail"
    serializer_class = DistributionShape
    filterset_class = DistributionFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {
        **dict.fromkeys(("list", "retrieve", "preview", "counts"), READ),
        **dict.fromkeys(("create", "revise", "add", "start", "pause", "resume", "end"), RUN),
    }
    takes = {"create": MakeDistribution, "revise": ReviseDistribution, "add": AddPeople}
    gives = {"preview": PreviewShape, "counts": CountsShape, "add": AddedShape}
    refuses = {
        "create": ["survey_closed"],
        "revise": ["distribution_state"],
        "add": ["distribution_not_a_list", "distribution_state"],
        "start": ["audience_gone", "distribution_nobody", "distribution_state", "survey_not_live"],
        "pause": ["distribution_state"],
        "resume": ["distribution_state", "survey_not_live"],
        "end": ["distribution_state"],
    }
    needs_match = ("revise",)
    examples = {
        "create": {
            "survey": 3,
            "name": "Every quarter",
            "kind": "periodic",
            "period_days": 90,
            "channel": "email",
            "fallback": "sms",
            "per_day": 40,
            "remind_after": 4,
        },
        "revise": {"per_day": 60},
        "add": {"contacts": [12]},
    }

    def rows(self) -> QuerySet[Distribution]:
        """Return the distributions that the caller may see."""
        found = Distribution.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        rows: QuerySet[Distribution] = found
        return rows

    def create(self, request: Request) -> Response:
        """Make a distribution as a draft; nobody is asked before it is started."""
        values = self.taken()
        number = values.pop("survey")
        survey = Survey.objects.visible_to(request.user).filter(pk=number).first()  # type: ignore[attr-defined]
        if survey is None:
            raise not_there("survey", number)
        with setting_at_fault():
            made = making.create(survey, _settings(values), by=request.user, at=clock.now())
        return self.made(made)

    @action(detail=True, methods=["post"])
    def revise(self, request: Request, pk: str) -> Response:
        """Give it other settings; whom it asks stays once it was started."""
        one = self.one(to_change=True)
        known = making.Settings.__dataclass_fields__
        standing = making.Settings(**{name: getattr(one, name) for name in known})
        with setting_at_fault():
            settings = _settings({**_written(standing), **self.taken()})
            making.revise(one, settings, by=request.user, at=clock.now())
        return self.shown(one)

    @action(detail=True, methods=["post"])
    def add(self, request: Request, pk: str) -> Response:
        """Add contacts to one for chosen people; who is on it already stays so."""
        one, at = self.one(), clock.now()
        wanted = self.taken()["contacts"]
        visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
        among = planning.present_contacts(at).filter(customer__in=visible.order_by().values("pk"))
        found = among.in_bulk(wanted)
        if missing := next((number for number in wanted if number not in found), None):
            raise not_there("contacts", missing)
        added = making.add_people(one, found.values(), by=request.user, at=at)
        return Response(AddedShape({"added": added}).data)

    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Begin to ask; what happened before is not asked about."""
        return self.shown(making.start(self.one(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Ask nobody any more for now."""
        return self.shown(making.pause(self.one(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Go on asking."""
        return self.shown(making.resume(self.one(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """Ask nobody any more for good; links that are out work on."""
        return self.shown(making.end(self.one(), by=request.user, at=clock.now()))

    @action(detail=True)
    def preview(self, request: Request, pk: str) -> Response:
        """Tell what would happen if it were started now."""
        return Response(PreviewShape(preview(self.one(), user=request.user, at=clock.now())).data)

    @action(detail=True)
    def counts(self, request: Request, pk: str) -> Response:
        """Tell what became of its asks."""
        return Response(CountsShape(figures.figures_of(self.one())).data)


class AskFilter(filters.FilterSet):
    """Which asks."""

    state = filters.ChoiceFilter(choices=PlannedAsk.State.choices)
    customer = filters.IdFilter(field_name="customer_id")

    class Meta:
        model = PlannedAsk
        fields: list[str] = []


class PlannedAsks(Lists, Resource):
    tag = "surveys"
    model = PlannedAsk
    serializer_class = PlannedAskShape
    filterset_class = AskFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {"list": READ}

    def rows(self) -> QuerySet[PlannedAsk]:
        """Return the asks of customers that the caller may see."""
        found = PlannedAsk.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        rows: QuerySet[PlannedAsk] = found.filter(distribution=self.kwargs["distribution"])
        return rows

    def list(self, request: Request, **address: str) -> Response:
        """List whom a distribution asks, and why others are not asked."""
        seen = Distribution.objects.visible_to(request.user)  # type: ignore[attr-defined]
        if not seen.filter(pk=self.kwargs["distribution"]).exists():
            raise Http404
        return super().list(request)


def _settings(values: dict[str, Any]) -> making.Settings:
    said = dict(values)
    if "team" in said:
        said["team_id"] = said.pop("team")
    return making.Settings(**said)


def _written(settings: making.Settings) -> dict[str, Any]:
    said = asdict(settings)
    said["team"] = said.pop("team_id")
    return said
