"""Surveys and the versions of what they ask."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import translation
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground import guards
from customers.ground.privacy import declare
from customers.models import User
from customers.models.people import Role
from surveys.definition import Definition, read


class SurveyQuerySet(models.QuerySet["Survey"]):
    def visible_to(self, user: User) -> SurveyQuerySet:
        """Return the surveys that ``user`` may see: they belong to the company, so all or none."""
        return self if user.is_active and user.role in Role.values else self.none()


class Survey(models.Model):
    """A survey: a draft that people work on, and the version that customers answer."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        LIVE = "live", pgettext_lazy("of a survey", "live")
        CLOSED = "closed", pgettext_lazy("of a survey", "closed")

    class Occasion(models.TextChoices):
        RELATIONSHIP = "relationship", _("relationship")
        COMPLAINT = "complaint", _("after a complaint")
        CALL = "call", _("after a call")
        EXIT = "exit", _("when a customer leaves")
        ONBOARDING = "onboarding", _("after the start")
        OTHER = "other", pgettext_lazy("occasion of a survey", "something else")

    code = models.SlugField(_("code"), max_length=64, unique=True)
    name_en = models.CharField(_("English name"), max_length=120)
    name_zh = models.CharField(_("Chinese name"), max_length=120)
    occasion = models.CharField(
        _("occasion"), max_length=12, choices=Occasion.choices, default=Occasion.OTHER
    )
    status = models.CharField(_("status"), max_length=6, choices=Status.choices, default=Status.DRAFT)
    draft = models.JSONField(null=True)  # what is being written; nothing while nobody changes it
    revision = models.PositiveIntegerField(default=1)  # counts what was saved: of two who save, one is told
    version = models.PositiveIntegerField(default=0)  # the newest that was published
    made_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Survey]] = SurveyQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id code name_en name_zh occasion status draft revision version made_at closed_at"
    )

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="draft", version=0, draft__isnull=False) | ~Q(status="draft"),
                name="survey_draft_is_unpublished",
            ),
            models.CheckConstraint(
                condition=Q(status="draft") | Q(version__gt=0), name="survey_live_has_version"
            ),
            models.CheckConstraint(
                condition=Q(status="closed", closed_at__isnull=False, draft__isnull=True)
                | Q(~Q(status="closed"), closed_at__isnull=True),
                name="survey_closed_at",
            ),
        ]

    def __str__(self) -> str:
        return self.name_zh if (translation.get_language() or "").startswith("zh") else self.name_en


class SurveyVersion(models.Model):
    """What a survey asked from one publication to the next; answers keep theirs for good."""

    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    made_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    privacy = declare(none_keep="id survey number document made_at", staff_keep="by")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["survey", "number"], name="survey_version_once")]

    @cached_property
    def definition(self) -> Definition:
        """Return what it asks."""
        return read(self.document)


guards.append_only(SurveyVersion)
