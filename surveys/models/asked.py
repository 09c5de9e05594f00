"""That a customer was asked, as a dated fact: who does not answer says something, too."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Exists, OuterRef

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare
from customers.models import Customer, User
from surveys.models.invitations import Invitation
from surveys.models.surveys import Survey


class SurveyAskedQuerySet(models.QuerySet["SurveyAsked"]):
    def visible_to(self, user: User) -> SurveyAskedQuerySet:
        """Return what customers were asked whom ``user`` may see."""
        if user.sees_all:
            return self
        visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        return self.filter(Exists(visible.filter(pk=OuterRef("customer_id"))))


class SurveyAsked(Fact):
    """That a customer was asked to answer a survey; a version says on which day she did.

    ``invitation``: the link by which she was asked; empty of history that came with a file.
    """

    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, related_name="asked", db_index=False)
    invitation = models.OneToOneField(Invitation, null=True, on_delete=models.PROTECT, related_name="asked")
    contact = models.ForeignKey("customers.Contact", null=True, on_delete=models.PROTECT, related_name="+")
    answered_day = models.IntegerField(null=True)  # local day number in the company's zone

    objects: ClassVar[models.Manager[SurveyAsked]] = SurveyAskedQuerySet.as_manager()  # type: ignore[assignment]

    privacy = {
        **FACT_PRIVACY,
        **declare(none_keep="survey invitation", conduct_keep="contact answered_day"),
    }

    class Meta:
        indexes = [
            models.Index(
                fields=[
                    *("customer", "-occurred_at", "-id", "occurred_day", "recorded_at", "answered_day"),
                    "void",
                ],
                name="asked_pass",
            ),
            models.Index(fields=["occurred_day", "customer"], name="asked_crossing"),
            models.Index(fields=["survey", "occurred_day"], name="asked_survey"),
        ]


SurveyAskedVersion = twin_of(SurveyAsked)
