"""What the API gives and takes of loops; what each verb allows is the verb's own to say."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from customers.ground.api.serializers import Gives, Takes
from customers.models import Interaction
from retention import loop as looping
from retention.api.known import KnownCode, KnownId
from retention.api.roles import WORKS_CASES
from retention.api.takes import colleagues, known_causes
from retention.models import LoopClosure

LONGEST = 5000


class LoopShape(Gives):
    """One piece of feedback on its way back to the customer."""

    missing = serializers.SerializerMethodField()
    status_address = serializers.SerializerMethodField()

    class Meta:
        model = LoopClosure
        fields = [
            "id", "source", "kind", "customer", "contact", "complaint", "response", "mention", "unknown",
            "case", "severity", "state", "level", "owner", "team", "received_at", "respond_by", "due_at",
            "first_due_at", "confirmed_by_us",
            "contacted_at", "cause", "action", "action_text", "message_text", "asked_at", "ended_at",
            "reopened", "missing", "status_address",
        ]  # fmt: skip

    def get_missing(self, loop: LoopClosure) -> list[str]:
        """Return what is missing before the customer can be asked; nothing of what has ended."""
        return [need.value for need in looping.missing(loop)] if loop.is_open else []

    def get_status_address(self, loop: LoopClosure) -> str:
        """Return where the customer sees how far it is and says her word: for who may work on it."""
        request = self.context["request"]
        if request.user.role not in WORKS_CASES or not looping.may_work(request.user, loop):
            return ""
        is_read_only = request.auth is not None and "loops:write" not in request.auth.scopes
        return "" if is_read_only else looping.status_address(loop)


class LoopRowShape(LoopShape):
    """A loop as lists show it."""

    class Meta(LoopShape.Meta):
        fields = [name for name in LoopShape.Meta.fields if name not in ("missing", "status_address")]

    missing = None  # type: ignore[assignment]
    status_address = None  # type: ignore[assignment]


class AssignLoop(Takes):
    """Who gets it."""

    to = KnownId(colleagues)


class LogContact(Takes):
    """A contact, or an attempt."""

    kind = serializers.ChoiceField(Interaction.Kind.choices, default=Interaction.Kind.CALL)
    text = serializers.CharField(max_length=LONGEST)
    reached = serializers.BooleanField(default=True)


class DiagnoseLoop(Takes):
    """The cause, by its code."""

    cause = KnownCode(known_causes)


class ActOnLoop(Takes):
    """What was done."""

    action = serializers.ChoiceField(LoopClosure.Action.choices)
    text = serializers.CharField(max_length=LONGEST, default="", allow_blank=True)


class AskCustomer(Takes):
    """What the customer is told; `by_hand`: nothing is sent, the caller passes the link on."""

    message = serializers.CharField(max_length=LONGEST)
    by_hand = serializers.BooleanField(default=False)


class AnswerPublicly(Takes):
    """What was answered, and where; `directly`: to somebody unknown, at the address that she left."""

    words = serializers.CharField(max_length=LONGEST)
    directly = serializers.BooleanField(default=False)


class ConfirmLoop(Takes):
    """How and when the customer said so."""

    words = serializers.CharField(max_length=LONGEST)


class NotSolved(Takes):
    """What is still wrong."""

    words = serializers.CharField(max_length=2000, default="", allow_blank=True)


class Withdraw(Takes):
    """Why nobody needs to answer."""

    reason = serializers.CharField(max_length=LONGEST)


class FigureShape(serializers.Serializer[Any]):
    """The figures of one group; times in hours of working time, shares of all feedback."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    received = serializers.IntegerField()
    open = serializers.IntegerField()
    contact_median = serializers.FloatField(allow_null=True)
    contact_p90 = serializers.FloatField(allow_null=True)
    contact_share = serializers.FloatField(allow_null=True)
    resolution_median = serializers.FloatField(allow_null=True)
    resolution_p90 = serializers.FloatField(allow_null=True)
    solved_share = serializers.FloatField(allow_null=True)
    confirmed = serializers.IntegerField()
    confirmed_by_us = serializers.IntegerField()
    unconfirmed = serializers.IntegerField()
    reopened = serializers.IntegerField()
    answered = serializers.IntegerField()
    withdrawn = serializers.IntegerField()


class FiguresShape(serializers.Serializer[Any]):
    """The figures of all, and by group; `is_cut`: there is more than the 50,000 that are counted."""

    since = serializers.DateField()
    until = serializers.DateField()
    whole = FigureShape()
    by_owner = FigureShape(many=True)
    by_team = FigureShape(many=True)
    by_source = FigureShape(many=True)
    by_kind = FigureShape(many=True)
    by_severity = FigureShape(many=True)
    is_cut = serializers.BooleanField()
