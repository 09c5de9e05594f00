"""Interviews and their guides by the API. No route gives a quote without consent."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.facts import not_there
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.serializers import DateField, Gives, IdField, MomentField, Takes
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Contact, Customer, Interaction
from customers.models.people import Role
from surveys.api.shapes import DocumentField
from surveys.guides import writing
from surveys.guides.document import GuideRefused
from surveys.interviews import holding
from surveys.interviews.said import Held, Said
from surveys.models import Guide, Interview, Purpose

SEES = tuple(Role.values)
HOLDS = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION)
WRITES = (Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION)


# --- Shapes -----------------------------------------------------------------------------------
class GuideShape(Gives):
    """A guide, without its questions."""

    class Meta:
        model = Guide
        fields = ["id", "code", "name_en", "name_zh", "purpose", "version", "is_retired", "made_at"]


class GuideDetailShape(GuideShape):
    """A guide with what interviews that begin now ask."""

    document = serializers.SerializerMethodField()

    class Meta(GuideShape.Meta):
        fields = [*GuideShape.Meta.fields, "revision", "document"]

    def get_document(self, guide: Guide) -> dict[str, Any]:
        """Return the document of the newest version."""
        return writing.newest(guide).document


class InterviewAnswerShape(serializers.Serializer[Any]):
    """What was said to one question; ``quote`` only when the customer agreed to be quoted."""

    question = serializers.CharField()
    chosen = serializers.ListField(child=serializers.CharField())
    note = serializers.CharField()
    quote = serializers.CharField()


class InterviewShape(Gives):
    """One interview; its answers stand in it once it is finished."""

    version = serializers.IntegerField(source="version.number")
    answers = serializers.SerializerMethodField()

    class Meta:
        model = Interview
        fields = [
            *("id", "guide", "version", "customer", "contact", "purpose", "kind", "status", "revision"),
            *("begun_at", "held_at", "ended_at", "may_quote", "agreed_how", "agreed_on"),
            *("interaction", "sighting", "answers"),
        ]

    @extend_schema_field(InterviewAnswerShape(many=True))
    def get_answers(self, interview: Interview) -> list[dict[str, Any]]:
        """Return the answers that stand, in the order of the guide."""
        if interview.status != Interview.Status.DONE:
            return []
        places = {one.code: n for n, one in enumerate(interview.version.definition.questions)}
        standing = [one for one in interview.answers.all() if not one.void]
        standing.sort(key=lambda one: places.get(one.question, 0))
        return [
            {
                "question": one.question,
                "chosen": one.chosen,
                "note": one.note,
                "quote": one.quote if interview.may_quote else "",
            }
            for one in standing
        ]


# --- Bodies -----------------------------------------------------------------------------------
class SaveGuide(Takes):
    """What is changed of a guide; what is left out stays."""

    name_en = serializers.CharField(max_length=120, required=False, allow_blank=True)
    name_zh = serializers.CharField(max_length=120, required=False, allow_blank=True)
    purpose = serializers.ChoiceField(choices=Purpose.choices, required=False)
    document = DocumentField(required=False)


class MakeGuide(Takes):
    """A new guide, used from now on."""

    code = serializers.RegexField(r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)
    name_en = serializers.CharField(max_length=120)
    name_zh = serializers.CharField(max_length=120)
    purpose = serializers.ChoiceField(choices=Purpose.choices)
    document = DocumentField()


class BeginInterview(Takes):
    """With whom, and by which guide."""

    guide = IdField()
    customer = IdField()
    contact = IdField(required=False)
    kind = serializers.ChoiceField(choices=Interaction.Kind.choices, required=False)


class AnswerBody(Takes):
    """What was said to one question."""

    question = serializers.CharField(max_length=40)
    chosen = serializers.ListField(child=serializers.CharField(max_length=64), required=False, max_length=300)
    note = serializers.CharField(required=False, allow_blank=True)
    quote = serializers.CharField(required=False, allow_blank=True)


class HeldBody(Takes):
    """All that was written down; what is left out is empty."""

    answers = AnswerBody(many=True, required=False)
    summary = serializers.CharField(required=False, allow_blank=True)
    competitor = serializers.CharField(required=False, allow_blank=True, max_length=200)
    offered = serializers.CharField(required=False, allow_blank=True)
    may_quote = serializers.BooleanField(required=False, allow_null=True, default=None)
    agreed_how = serializers.ChoiceField(choices=Interview.Agreed.choices, required=False, allow_blank=True)
    agreed_on = DateField(required=False, allow_null=True)
    held_at = MomentField(required=False, allow_null=True)

    def validate_answers(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuse a question that is answered twice."""
        if len({one["question"] for one in value}) != len(value):
            raise serializers.ValidationError("each question once", code="unique")
        return value


def held_of(values: dict[str, Any]) -> Held:
    """Return a body as the verbs take it."""
    said = {
        one["question"]: Said(tuple(one.get("chosen", ())), one.get("note", ""), one.get("quote", ""))
        for one in values.pop("answers", [])
    }
    return Held(answers=said, **values)


# --- Resources --------------------------------------------------------------------------------
class GuideFilter(filters.FilterSet):
    """Which guides."""

    code = filters.TextFilter(max_length=64)
    purpose = filters.ChoiceFilter(choices=Purpose.choices)
    is_retired = filters.FlagFilter(field_name="is_retired")

    class Meta:
        model = Guide
        fields: list[str] = []


class Guides(Lists, Details, Resource):
    tag = "interviews"
    model = Guide
    detail_route = "api:interview-guide-detail"
    serializer_class = GuideDetailShape
    filterset_class = GuideFilter
    orders = {"id": ("id",), "code": ("code",)}
    access = {
        "list": may(*SEES, scope="interviews:read"),
        "retrieve": may(*SEES, scope="interviews:read"),
        **{
            name: may(*WRITES, scope="interviews:guides")
            for name in ("create", "save", "retire", "bring_back")
        },
    }
    takes = {"create": MakeGuide, "save": SaveGuide}
    gives = {"list": GuideShape}
    answers = {"create": 201}
    refuses = {"create": ["guide_code_taken"], "save": ["guide_changed"]}
    needs_match = ("save",)
    examples = {
        "create": {
            "code": "exit",
            "name_en": "Exit interview",
            "name_zh": "离开访谈",
            "purpose": "exit",
            "document": {
                "format": 1,
                "questions": [
                    {"code": "why", "text": {"en": "Why?", "zh-hans": "为什么？"}, "codes": "causes"},
                    {
                        "code": "back",
                        "text": {"en": "Would you come back?", "zh-hans": "您愿意回来吗？"},
                        "prompts": [{"en": "What would have to change?", "zh-hans": "要改变什么？"}],
                        "codes": [{"code": "yes", "text": {"en": "yes", "zh-hans": "愿意"}}],
                    },
                ],
            },
        },
        "save": {"name_en": "Exit interview, short"},
    }

    def rows(self) -> QuerySet[Guide]:
        """Return all guides: they belong to the company."""
        found: QuerySet[Guide] = Guide.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return found

    def create(self, request: Request) -> Response:
        """Make a guide; interviews can begin with it at once."""
        return self.made(self._checked(writing.create_guide, **self.taken()))

    @action(detail=True, methods=["post"])
    def save(self, request: Request, pk: str) -> Response:
        """Change a guide; other questions make its next version."""
        guide = self.one(to_change=True)
        self._checked(writing.save_guide, guide, **self.taken())
        return self.shown(guide)

    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Let no interview begin with it any more."""
        return self.shown(writing.retire_guide(self.one(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"], url_path="bring-back")
    def bring_back(self, request: Request, pk: str) -> Response:
        """Let interviews begin with it again."""
        return self.shown(writing.bring_back(self.one(), by=request.user, at=clock.now()))

    def _checked(self, verb: Any, *args: Any, **values: Any) -> Guide:
        """Call a verb; a refused document stands at its field."""
        try:
            guide: Guide = verb(*args, **values, by=self.request.user, at=clock.now())
        except GuideRefused as refusal:
            said = serializers.ErrorDetail(str(refusal), code=refusal.code)
            raise serializers.ValidationError({"document": [said]}) from refusal
        return guide


class InterviewFilter(filters.FilterSet):
    """Which interviews."""

    customer = filters.IdFilter(field_name="customer_id")
    guide = filters.IdFilter(field_name="guide_id")
    status = filters.ChoiceFilter(choices=Interview.Status.choices)
    purpose = filters.ChoiceFilter(choices=Purpose.choices)

    class Meta:
        model = Interview
        fields: list[str] = []


class Interviews(Lists, Details, Resource):
    tag = "interviews"
    model = Interview
    detail_route = "api:interview-detail"
    serializer_class = InterviewShape
    filterset_class = InterviewFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {
        "list": may(*SEES, scope="interviews:read"),
        "retrieve": may(*SEES, scope="interviews:read"),
        **{name: may(*HOLDS, scope="interviews:write") for name in ("create", "finish", "correct", "drop")},
    }
    takes = {"create": BeginInterview, "finish": HeldBody, "correct": HeldBody}
    answers = {"create": 201}
    refuses = {
        "create": ["guide_retired", "erased", "contact_of_another"],
        "finish": ["interview_ended", "interview_changed", "interview_empty", "interview_unknown_question"],
        "correct": ["interview_not_finished", "interview_changed", "interview_empty"],
        "drop": ["interview_ended"],
    }
    needs_match = ("correct",)
    examples = {
        "create": {"guide": 3, "customer": 7},
        "finish": {
            "answers": [{"question": "why", "chosen": ["price_raised"], "quote": "Too dear in the end."}],
            "summary": "Left over the price.",
            "may_quote": True,
            "agreed_how": "spoken",
            "agreed_on": "2026-05-11",
        },
        "correct": {"answers": [{"question": "why", "chosen": ["late_delivery"]}]},
    }

    def rows(self) -> QuerySet[Interview]:
        """Return the interviews with customers that the caller may see."""
        found = Interview.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        rows: QuerySet[Interview] = found.select_related("version", "customer").prefetch_related("answers")
        return rows.defer("draft")

    def create(self, request: Request) -> Response:
        """Begin an interview, or give the one that is being held with this customer by this guide."""
        values = self.taken()
        visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
        customer = visible.filter(pk=values["customer"]).first()
        if customer is None:
            raise not_there("customer", values["customer"])
        guide = Guide.objects.filter(pk=values["guide"]).first()
        if guide is None:
            raise not_there("guide", values["guide"])
        contact = None
        if "contact" in values:
            contact = Contact.objects.filter(customer__in=visible.values("pk"), pk=values["contact"]).first()
            if contact is None:
                raise not_there("contact", values["contact"])
        kind = values.get("kind", Interaction.Kind.CALL)
        by, at = request.user, clock.now()
        return self.made(holding.begin(customer, guide, contact=contact, kind=kind, by=by, at=at))

    @action(detail=True, methods=["post"])
    def finish(self, request: Request, pk: str) -> Response:
        """End it with what was said, once; what a colleague typed into the form is replaced."""
        found, held = self.one(), held_of(self.taken())
        holding.finish(found, held, revision=found.revision, by=request.user, at=clock.now())
        return self.shown(found)

    @action(detail=True, methods=["post"])
    def correct(self, request: Request, pk: str) -> Response:
        """Write what was said anew; what stood before stays known for the time before."""
        found, held = self.one(to_change=True), held_of(self.taken())
        holding.correct(found, held, revision=found.revision, by=request.user, at=clock.now())
        return self.shown(found)

    @action(detail=True, methods=["post"])
    def drop(self, request: Request, pk: str) -> Response:
        """Note that it was not held."""
        return self.shown(holding.drop(self.one(), by=request.user, at=clock.now()))
