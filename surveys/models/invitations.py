"""Who may answer a survey: by a link of her own, or by one that hangs on a wall."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from surveys.models.surveys import Survey, SurveyVersion


class OpenLink(models.Model):
    """A link for anybody, to be printed or shared. Its moments are real time.

    Its answers are anonymous, unless it asks who one is and that is written. The token follows from ``salt``
    and the server's secret, so that it can be shown again.
    """

    class Asks(models.TextChoices):
        NOBODY = "nobody", _("nobody is asked who they are")
        OPTIONAL = "optional", _("whoever wants to says who they are")
        REQUIRED = "required", _("everybody says who they are")

    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, related_name="links")
    label = models.CharField(max_length=100)
    asks = models.CharField(
        _("who answers"), max_length=8, choices=Asks.choices, default=Asks.NOBODY, db_default=Asks.NOBODY
    )
    salt = models.CharField(max_length=32)
    token_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    privacy = declare(
        none_keep="id survey label asks made_at revoked_at", key_keep="salt token_hash", staff_keep="by"
    )

    class Meta:
        ordering = ["-id"]


class Invitation(models.Model):
    """That somebody may answer a survey once, in the version of then.

    Its moments are real time, as those of all links; when it was answered in the product's time stands in
    the response. ``answers`` holds what was filled in and not sent yet.
    """

    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, related_name="invitations")
    version = models.ForeignKey(SurveyVersion, on_delete=models.PROTECT, related_name="+")
    customer = models.ForeignKey(
        "customers.Customer", null=True, on_delete=models.PROTECT, related_name="invitations"
    )
    contact = models.ForeignKey("customers.Contact", null=True, on_delete=models.PROTECT, related_name="+")
    link = models.ForeignKey(OpenLink, null=True, on_delete=models.PROTECT, related_name="invitations")
    occasion_type = models.CharField(max_length=64, blank=True)  # what it asks about, by label and number
    occasion_id = models.BigIntegerField(null=True)
    language = models.CharField(max_length=10)
    token_hash = models.CharField(max_length=64, unique=True)
    salt = models.CharField(max_length=40, default="", db_default="")  # of a link that a message carries
    made_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    page = models.PositiveSmallIntegerField(default=0)
    answers = models.JSONField(null=True)
    saved_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    privacy = declare(
        none_keep="id survey version link occasion_type occasion_id language made_at expires_at revoked_at "
        "page saved_at answered_at",
        conduct_keep="customer contact",
        text_blank="answers",
        key_keep="token_hash salt",
        staff_keep="by",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(contact__isnull=False, customer__isnull=False, link__isnull=True)
                | Q(contact__isnull=True, customer__isnull=True, link__isnull=False),
                name="invitation_of_somebody_or_open",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("made_at")), name="invitation_expires"),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True) | Q(answers__isnull=True),
                name="invitation_answered_keeps_no_draft",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-id"], name="invitation_customer"),
            models.Index(fields=["survey", "answered_at"], name="invitation_survey"),
        ]
