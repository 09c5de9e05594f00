"""What the API gives of surveys, and what it takes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from customers.ground.api.serializers import Gives, IdField, MomentField, Takes
from customers.models.channels import SENDABLE
from surveys import building, sending
from surveys.definition import problems
from surveys.models import Invitation, Survey, SurveyAnswer, SurveyDispatch, SurveyResponse, SurveyVersion


# --- Shapes -----------------------------------------------------------------------------------
class SurveyShape(Gives):
    """A survey as lists show it."""

    class Meta:
        model = Survey
        fields = [
            *("id", "code", "name_en", "name_zh", "occasion", "status", "revision", "version"),
            *("made_at", "closed_at"),
        ]


class LackShape(serializers.Serializer[Any]):
    """One thing to mend before the survey can be published."""

    code = serializers.CharField()
    question = serializers.CharField(help_text="The code of the question; empty: the survey.")
    language = serializers.CharField(help_text="The language that misses a text; empty: none.")
    text = serializers.CharField()


class SurveyDetailShape(SurveyShape):
    """A survey with what is being written, or customers answer, and what it lacks."""

    document = serializers.SerializerMethodField()
    is_draft = serializers.SerializerMethodField(
        help_text="Whether the document is a draft that customers are not asked yet."
    )
    problems = serializers.SerializerMethodField()

    class Meta(SurveyShape.Meta):
        fields = [*SurveyShape.Meta.fields, "document", "is_draft", "problems"]

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_document(self, survey: Survey) -> Any:
        """Return the draft, or the newest version when there is none."""
        return building.document_of(survey)

    @extend_schema_field({"type": "boolean"})
    def get_is_draft(self, survey: Survey) -> bool:
        """Say whether the document is a draft."""
        return survey.draft is not None

    @extend_schema_field(LackShape(many=True))
    def get_problems(self, survey: Survey) -> list[dict[str, str]]:
        """Return all that must be mended before it can be published."""
        found = problems(building.definition_of(survey))
        return [
            {"code": one.code, "question": one.question, "language": one.language, "text": one.text}
            for one in found
        ]


class SurveyVersionShape(Gives):
    """What a survey asked from one publication to the next."""

    document = serializers.JSONField()

    class Meta:
        model = SurveyVersion
        fields = ["number", "document", "made_at", "by"]


class AnswerShape(Gives):
    """The answer to one question."""

    chosen = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = SurveyAnswer
        fields = ["question", "kind", "points", "number", "chosen", "text"]


class SurveyResponseShape(Gives):
    """What was answered to one invitation; an anonymous one has neither customer nor contact."""

    answers = AnswerShape(many=True)
    version = serializers.IntegerField(source="version.number")

    class Meta:
        model = SurveyResponse
        fields = [
            *("id", "survey", "version", "customer", "contact", "language", "metric", "points", "score"),
            *("is_low", "wants_call", "promised_at", "occurred_at", "recorded_at", "answers"),
        ]


class InvitationShape(Gives):
    """A link for one person; its address is given once and stored nowhere."""

    address = serializers.CharField()

    class Meta:
        model = Invitation
        fields = ["id", "survey", "customer", "contact", "language", "expires_at", "address"]


class DispatchShape(Gives):
    """An invitation by message, and what became of it."""

    due_at = serializers.DateTimeField(
        source="reservation.due_at", allow_null=True, help_text="While it waits: when it is decided anew."
    )
    waits_for = serializers.CharField(
        source="reservation.reason", help_text="While it waits: why; else empty, or why it was not granted."
    )
    message = serializers.SerializerMethodField(
        help_text="Our number of the message; null before it is sent."
    )

    class Meta:
        model = SurveyDispatch
        fields = [
            *("id", "survey", "customer", "contact", "channel", "key", "state", "reason", "waits_for"),
            *("due_at", "invitation", "message", "remind_after", "asked_at", "ended_at"),
        ]

    @extend_schema_field({"type": "integer", "nullable": True})
    def get_message(self, dispatch: SurveyDispatch) -> int | None:
        """Return the number of its message."""
        message = getattr(dispatch.reservation, "message", None)
        return message.pk if message is not None else None


class DifferenceShape(serializers.Serializer[Any]):
    """One thing that is not as it stood there."""

    path = serializers.CharField()
    what = serializers.CharField()


class TakenSurveyShape(serializers.Serializer[Any]):
    """The draft that was made of a file, and all that differs."""

    survey = serializers.IntegerField()
    reports = DifferenceShape(many=True)


class GivenSurveyShape(serializers.Serializer[Any]):
    """A survey as a SurveyJS document, and what that does not say."""

    surveyjs = serializers.DictField()
    reports = DifferenceShape(many=True)


# --- Bodies -----------------------------------------------------------------------------------
class DocumentField(serializers.DictField):
    """What a survey asks, as docs/surveys.md describes it."""


class CopySurvey(Takes):
    """What the copy is called."""

    code = serializers.RegexField(r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)
    name_en = serializers.CharField(max_length=120)
    name_zh = serializers.CharField(max_length=120)


class MakeSurvey(CopySurvey):
    """A new survey, as a draft."""

    occasion = serializers.ChoiceField(choices=Survey.Occasion.choices)
    document = DocumentField()


class TakeSurvey(CopySurvey):
    """A SurveyJS document, and what the survey is called here."""

    occasion = serializers.ChoiceField(choices=Survey.Occasion.choices)
    surveyjs = DocumentField()


class SaveSurvey(Takes):
    """The next state of the draft; names that are left out stay."""

    document = DocumentField()
    name_en = serializers.CharField(max_length=120, required=False)
    name_zh = serializers.CharField(max_length=120, required=False)


class InviteContact(Takes):
    """Who is asked, in her own language unless one is given."""

    contact = IdField()
    language = serializers.CharField(max_length=10, required=False)


class SendSurvey(Takes):
    """Who is asked by a message, about what, and until when it is of use."""

    contact = IdField()
    channel = serializers.ChoiceField(choices=[(str(one), one.label) for one in SENDABLE])
    key = serializers.CharField(
        max_length=40, help_text="What it asks about, for example delivery:1001: asked once for a contact."
    )
    latest_at = MomentField(required=False, help_text="After that it is not sent any more.")
    remind_after = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=sending.MOST_DAYS,
        help_text="Days after which who has not answered is reminded once; null: not. 4 unless said.",
    )
