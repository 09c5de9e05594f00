"""Surveys by the API: written, published, closed and copied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.facts import not_there
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.views import Details, Lists, Resource
from customers.models import Contact, Customer
from customers.models.people import Role
from surveys import building, invitations, sending, surveyjs
from surveys.api.answers import FiguresOfSurvey
from surveys.api.shapes import (
    CopySurvey,
    DispatchShape,
    GivenSurveyShape,
    InvitationShape,
    InviteContact,
    MakeSurvey,
    SaveSurvey,
    SendSurvey,
    SurveyDetailShape,
    SurveyResponseShape,
    SurveyShape,
    SurveyVersionShape,
    TakenSurveyShape,
    TakeSurvey,
)
from surveys.definition import DefinitionRefused
from surveys.models import Survey, SurveyDispatch, SurveyResponse, SurveyVersion

SEES = tuple(Role.values)
WRITES = (Role.ADMIN, Role.ANALYST, Role.INTEGRATION)
INVITES = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION)


@contextmanager
def document_at_fault(field: str = "document") -> Iterator[None]:
    """Let a refused document stand at its field, as what is wrong with a body does."""
    try:
        yield
    except DefinitionRefused as refusal:
        said = serializers.ErrorDetail(str(refusal), code=refusal.code)
        raise serializers.ValidationError({field: [said]}) from refusal


class SurveyFilter(filters.FilterSet):
    """Which surveys."""

    code = filters.TextFilter(max_length=64)
    status = filters.ChoiceFilter(choices=Survey.Status.choices)
    occasion = filters.ChoiceFilter(choices=Survey.Occasion.choices)

    class Meta:
        model = Survey
        fields: list[str] = []


class Surveys(FiguresOfSurvey, Lists, Details, Resource):
    tag = "surveys"
    model = Survey
    detail_route = "api:survey-detail"
    serializer_class = SurveyDetailShape
    filterset_class = SurveyFilter
    orders = {"id": ("id",), "code": ("code",)}
    access = {
        "list": may(*SEES, scope="surveys:read"),
        "retrieve": may(*SEES, scope="surveys:read"),
        **{
            name: may(*WRITES, scope="surveys:write")
            for name in ("create", "save", "discard", "publish", "close", "copy")
        },
        "take": may(*WRITES, scope="surveys:write"),
        "export": may(*SEES, scope="surveys:read"),
        "invite": may(*INVITES, scope="surveys:invite"),
        "send": may(*INVITES, scope="surveys:invite"),
        **FiguresOfSurvey.FIGURES_ACCESS,
    }
    takes = {
        "create": MakeSurvey,
        "save": SaveSurvey,
        "copy": CopySurvey,
        "invite": InviteContact,
        "send": SendSurvey,
        "take": TakeSurvey,
    }
    gives = {
        "list": SurveyShape,
        "invite": InvitationShape,
        "send": DispatchShape,
        "take": TakenSurveyShape,
        "export": GivenSurveyShape,
        **FiguresOfSurvey.FIGURES_GIVES,
    }
    answers = {"create": 201, "copy": 201, "invite": 201, "send": 201, "take": 201}
    refuses = {
        "create": ["survey_code_taken"],
        "save": ["survey_changed", "survey_closed"],
        "discard": ["survey_not_live", "survey_unchanged"],
        "publish": ["survey_closed", "survey_changed", "survey_incomplete", "survey_unchanged"],
        "close": ["survey_closed", "survey_not_live"],
        "copy": ["survey_code_taken"],
        "take": ["survey_code_taken", "survey_not_surveyjs"],
        "invite": ["survey_not_live", "erased"],
        "send": ["survey_not_live"],
    }
    needs_match = ("save",)
    examples = {
        "create": {
            "code": "after-delivery",
            "name_en": "After a delivery",
            "name_zh": "交货之后",
            "occasion": "other",
            "document": {
                "format": 1,
                "languages": ["en", "zh-hans"],
                "title": {"en": "One question", "zh-hans": "一个问题"},
                "pages": [
                    {
                        "questions": [
                            {
                                "code": "csat",
                                "kind": "csat",
                                "required": True,
                                "text": {"en": "Was the delivery good?", "zh-hans": "送货满意吗？"},
                            }
                        ]
                    }
                ],
                "thanks": {"any": {"en": "Thank you.", "zh-hans": "谢谢您。"}},
            },
        },
        "save": {
            "document": {"format": 1, "languages": ["en"], "title": {"en": "One question"}, "pages": []}
        },
        "invite": {"contact": 12},
        "send": {"contact": 12, "channel": "email", "key": "delivery:1001"},
        "take": {
            "code": "from-surveyjs",
            "name_en": "From SurveyJS",
            "name_zh": "来自 SurveyJS",
            "occasion": "other",
            "surveyjs": {
                "title": "One question",
                "elements": [{"type": "rating", "name": "nps", "rateMin": 0, "rateMax": 10}],
            },
        },
        "copy": {"code": "after-delivery-2", "name_en": "After a delivery", "name_zh": "交货之后"},
    }

    def rows(self) -> QuerySet[Survey]:
        """Return all surveys: they belong to the company."""
        found: QuerySet[Survey] = Survey.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return found

    def create(self, request: Request) -> Response:
        """Make a survey as a draft; its document may be incomplete yet."""
        with document_at_fault():
            return self.made(building.create_survey(**self.taken(), by=request.user, at=clock.now()))

    @action(detail=True, methods=["post"])
    def save(self, request: Request, pk: str) -> Response:
        """Save what is being written; of a live survey nothing changes for customers yet."""
        survey = self.one(to_change=True)
        with document_at_fault():
            building.save_draft(survey, **self.taken(), by=request.user, at=clock.now())
        return self.shown(survey)

    @action(detail=True, methods=["post"])
    def discard(self, request: Request, pk: str) -> Response:
        """Throw away what was written since the survey was published."""
        survey = self.one()
        building.discard_draft(survey, by=request.user, at=clock.now())
        return self.shown(survey)

    @action(detail=True, methods=["post"])
    def publish(self, request: Request, pk: str) -> Response:
        """Let customers answer the draft, as the next version; refused while anything is missing."""
        survey = self.one()
        building.publish(survey, by=request.user, at=clock.now())
        return self.shown(survey)

    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Let nobody answer any more; what was answered stays."""
        survey = self.one()
        building.close_survey(survey, by=request.user, at=clock.now())
        return self.shown(survey)

    @action(detail=True, methods=["post"])
    def copy(self, request: Request, pk: str) -> Response:
        """Make a draft that asks the same."""
        made = building.copy_survey(self.one(), **self.taken(), by=request.user, at=clock.now())
        return self.made(made)

    @action(detail=False, methods=["post"], url_path="import")
    def take(self, request: Request) -> Response:
        """Make a draft of a SurveyJS document; what is not as it stands there is reported with its path."""
        values = self.taken()
        with document_at_fault("surveyjs"):
            taken = surveyjs.take(values.pop("surveyjs"))
        survey = building.create_survey(**values, document=taken.document, by=request.user, at=clock.now())
        return Response(TakenSurveyShape({"survey": survey.pk, "reports": taken.reports}).data, status=201)

    @action(detail=True)
    def export(self, request: Request, pk: str) -> Response:
        """Give a survey as a SurveyJS document, with what that has no word for."""
        given = surveyjs.give(building.definition_of(self.one()))
        return Response(GivenSurveyShape({"surveyjs": given.document, "reports": given.reports}).data)

    @action(detail=True, methods=["post"])
    def invite(self, request: Request, pk: str) -> Response:
        """Make a link by which one contact answers once; its address is given now and never again."""
        survey, values = self.one(), self.taken()
        contact = self._contact(values["contact"])
        invitation, token = invitations.invite(
            survey,
            contact,
            language=values.get("language", ""),
            by=request.user,
            now=clock.real_now(),
            at=clock.now(),
        )
        invitation.address = settings.PUBLIC_BASE_URL + reverse(  # type: ignore[attr-defined]
            "surveys:answer", args=[token]
        )
        return Response(InvitationShape(invitation).data, status=201)

    @action(detail=True, methods=["post"])
    def send(self, request: Request, pk: str) -> Response:
        """Ask one contact by a message, as soon as the contact limits let us; the same key is asked once."""
        survey, values = self.one(), self.taken()
        contact = self._contact(values["contact"])
        dispatch = sending.send_invitation(
            contact,
            survey,
            channel=values["channel"],
            key=f"{survey.pk}:api:{contact.pk}:{values['key']}",
            latest_at=values.get("latest_at"),
            remind_after=values.get("remind_after", sending.REMIND_AFTER),
            by=request.user,
            now=clock.real_now(),
            at=clock.now(),
        )
        return Response(DispatchShape(dispatch).data, status=201)

    def _contact(self, pk: int) -> Contact:
        """Return a contact of a customer that the caller sees."""
        visible = Customer.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        contacts = Contact.objects.select_related("customer").filter(customer__in=visible.values("pk"))
        contact = contacts.filter(pk=pk).first()
        if contact is None:
            raise not_there("contact", pk)
        return contact


class SurveyVersions(Lists, Resource):
    tag = "surveys"
    model = SurveyVersion
    serializer_class = SurveyVersionShape
    orders = {"number": ("number", "id"), "-number": ("-number", "-id")}
    access = {"list": may(*SEES, scope="surveys:read")}

    def rows(self) -> QuerySet[SurveyVersion]:
        """Return the versions of the one survey."""
        return SurveyVersion.objects.filter(survey=self.kwargs["survey"])

    def list(self, request: Request, **address: str) -> Response:
        """List what a survey asked, version by version."""
        if not Survey.objects.filter(pk=self.kwargs["survey"]).exists():
            raise Http404
        return super().list(request)


class ResponseFilter(filters.FilterSet):
    """Which responses."""

    survey = filters.IdFilter(field_name="survey_id")
    customer = filters.IdFilter(field_name="customer_id")
    is_low = filters.FlagFilter(field_name="is_low")

    class Meta:
        model = SurveyResponse
        fields: list[str] = []


class SurveyResponses(Lists, Details, Resource):
    tag = "surveys"
    model = SurveyResponse
    serializer_class = SurveyResponseShape
    filterset_class = ResponseFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {
        "list": may(*SEES, scope="surveys:answers"),
        "retrieve": may(*SEES, scope="surveys:answers"),
    }

    def rows(self) -> QuerySet[SurveyResponse]:
        """Return what customers answered whom the caller may see; anonymous ones for who sees everybody."""
        found = SurveyResponse.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        rows: QuerySet[SurveyResponse] = found.filter(void=False)
        return rows.select_related("version").prefetch_related("answers")


class DispatchFilter(filters.FilterSet):
    """Which invitations by message."""

    survey = filters.IdFilter(field_name="survey_id")
    customer = filters.IdFilter(field_name="customer_id")
    contact = filters.IdFilter(field_name="contact_id")
    state = filters.ChoiceFilter(choices=SurveyDispatch.State.choices)
    reason = filters.ChoiceFilter(choices=SurveyDispatch.Reason.choices)

    class Meta:
        model = SurveyDispatch
        fields: list[str] = []


class SurveyDispatches(Lists, Details, Resource):
    tag = "surveys"
    model = SurveyDispatch
    serializer_class = DispatchShape
    filterset_class = DispatchFilter
    orders = {"id": ("id",), "-id": ("-id",)}
    access = {
        "list": may(*SEES, scope="surveys:answers"),
        "retrieve": may(*SEES, scope="surveys:answers"),
        "take_back": may(*INVITES, scope="surveys:invite"),
    }
    refuses = {"take_back": ["reservation_ended"]}

    def rows(self) -> QuerySet[SurveyDispatch]:
        """Return what was to be sent to the customers that the caller sees."""
        found = SurveyDispatch.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        rows: QuerySet[SurveyDispatch] = found.select_related("reservation__message", "survey")
        return rows.defer("survey__draft")

    @action(detail=True, methods=["post"], url_path="take-back")
    def take_back(self, request: Request, pk: str) -> Response:
        """Do not send an invitation that still waits."""
        dispatch = self.one()
        return self.shown(sending.take_back(dispatch, by=request.user, at=clock.now()))
