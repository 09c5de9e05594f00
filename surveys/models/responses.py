"""What was answered: a response to an invitation, and its answers, as dated facts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare
from customers.models import Customer, User
from surveys.definition import Kind
from surveys.models.asked import SurveyAsked
from surveys.models.invitations import Invitation
from surveys.models.surveys import Survey, SurveyVersion


class SurveyResponseQuerySet(models.QuerySet["SurveyResponse"]):
    def visible_to(self, user: User) -> SurveyResponseQuerySet:
        """Return the responses of customers that ``user`` may see; anonymous ones for who sees everybody."""
        if user.sees_all:
            return self
        visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        return self.filter(Exists(visible.filter(pk=OuterRef("customer_id"))))


class SurveyResponse(Fact):
    """That somebody answered a survey, once, in one version; anonymous ones have no customer.

    ``invitation``: the link by which she answered; empty of history that came with a file.
    """

    customer = models.ForeignKey(  # type: ignore[assignment]
        "customers.Customer",
        null=True,
        on_delete=models.PROTECT,
        related_name="surveyresponses",
        db_index=False,
    )
    invitation = models.OneToOneField(
        Invitation, null=True, on_delete=models.PROTECT, related_name="response"
    )
    asked = models.OneToOneField(SurveyAsked, null=True, on_delete=models.PROTECT, related_name="response")
    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, related_name="responses")
    version = models.ForeignKey(SurveyVersion, on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey("customers.Contact", null=True, on_delete=models.PROTECT, related_name="+")
    language = models.CharField(max_length=10)
    metric = models.CharField(max_length=8, blank=True)  # nps, csat or ces: that of its first score
    points = models.PositiveSmallIntegerField(default=0)  # of that scale
    score = models.SmallIntegerField(null=True)
    is_low = models.BooleanField(default=False)  # a score that is answered with a call
    wants_call = models.BooleanField(default=False)
    promised_at = models.DateTimeField(null=True)  # by when she will be called
    comment = models.TextField(_("in the customer's words"), blank=True)  # the first of her texts
    # what she wrote of herself where an open link asks; who it was is known only where there is a customer
    stated_name = models.CharField(max_length=200, blank=True, default="", db_default="")
    stated_reach = models.CharField(max_length=254, blank=True, default="", db_default="")

    objects: ClassVar[models.Manager[SurveyResponse]] = SurveyResponseQuerySet.as_manager()  # type: ignore[assignment]

    privacy = {
        **FACT_PRIVACY,
        **declare(
            none_keep="invitation asked survey version language metric points",
            conduct_keep="contact score is_low wants_call promised_at",
            text_blank="comment",
            identity_blank="stated_name",
            reach_blank="stated_reach",
        ),
    }

    class Meta:
        indexes = [
            models.Index(fields=["customer", "-occurred_at", "-id"], name="response_customer"),
            models.Index(fields=["survey", "-occurred_at", "-id"], name="response_survey"),
            models.Index(fields=["contact"], name="response_contact"),
        ]


SurveyResponseVersion = twin_of(SurveyResponse)


class SurveyAnswer(Fact):
    """The answer to one question: a score, choices, a day, or words; words also say why a score."""

    customer = models.ForeignKey(  # type: ignore[assignment]
        "customers.Customer",
        null=True,
        on_delete=models.PROTECT,
        related_name="surveyanswers",
        db_index=False,
    )
    response = models.ForeignKey(SurveyResponse, on_delete=models.PROTECT, related_name="answers")
    contact = models.ForeignKey("customers.Contact", null=True, on_delete=models.PROTECT, related_name="+")
    question = models.CharField(max_length=40)
    kind = models.CharField(max_length=8, choices=[(str(kind), str(kind)) for kind in Kind])
    points = models.PositiveSmallIntegerField(default=0)
    number = models.SmallIntegerField(null=True)
    chosen = models.JSONField(default=list)  # codes of choices, yes or no, the day of a date
    text = models.TextField(_("in the customer's words"), blank=True)

    privacy = {
        **FACT_PRIVACY,
        **declare(
            none_keep="response question kind points",
            conduct_keep="contact number chosen",
            text_blank="text",
        ),
    }

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["response", "question"], name="answer_once_a_question")
        ]
        indexes = [
            models.Index(
                fields=[
                    *("customer", "kind", "-occurred_at", "-id", "occurred_day", "recorded_at", "number"),
                    *("points", "void"),
                ],
                name="answer_newest",
            ),
            models.Index(fields=["occurred_day", "customer"], name="answer_crossing"),
            models.Index(fields=["contact"], name="answer_contact"),
        ]


SurveyAnswerVersion = twin_of(SurveyAnswer)
