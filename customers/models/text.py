"""What texts say: codes and numbers about what somebody wrote, and the models that read them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground.privacy import declare
from customers.models.customers import Customer
from customers.models.people import User


class Aspect(models.TextChoices):
    """What is asked of a text."""

    SENTIMENT = "sentiment", _("sentiment")
    CAUSE = "cause", _("cause")
    URGENCY = "urgency", _("urgency")


class Sentiment(models.TextChoices):
    """Whether somebody is content. Not sure is none of them."""

    NEGATIVE = "negative", _("negative")
    NEUTRAL = "neutral", _("neutral")
    POSITIVE = "positive", _("positive")


class Urgency(models.TextChoices):
    """How soon somebody waits for an answer."""

    HIGH = "high", pgettext_lazy("urgency", "urgent")
    MEDIUM = "medium", pgettext_lazy("urgency", "soon")
    LOW = "low", pgettext_lazy("urgency", "no hurry")


class TextModel(models.Model):
    """One training of one aspect: its weights over hashed pieces, and what it was worth on held-out texts.

    Figures are shares from 0 to 1. Weights of old trainings are emptied; the figures stay.
    """

    class Outcome(models.TextChoices):
        ACTIVATED = "activated", _("reads since then")
        NOT_BETTER = "not_better", _("not better than what reads already")

    aspect = models.CharField(max_length=9, choices=Aspect.choices)
    trained_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    is_active = models.BooleanField(default=False)
    labels = models.PositiveIntegerField()
    corrections = models.PositiveIntegerField()
    fingerprint = models.CharField(max_length=64)  # of the labels: the same ones are not learnt again
    classes = models.JSONField(default=list)  # codes
    threshold = models.FloatField()
    held_out = models.PositiveIntegerField()
    macro_f1 = models.FloatField()
    majority_f1 = models.FloatField()
    keyword_f1 = models.FloatField()
    right = models.FloatField()
    kept = models.FloatField()
    right_kept = models.FloatField()
    calibration_error = models.FloatField()
    seconds = models.FloatField()
    weights = models.BinaryField(default=bytes)

    privacy = declare(
        none_keep="id aspect trained_at outcome is_active labels corrections fingerprint classes threshold "
        "held_out macro_f1 majority_f1 keyword_f1 right kept right_kept calibration_error seconds weights"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["aspect"], condition=Q(is_active=True), name="text_model_one_active"
            ),
            models.CheckConstraint(
                condition=Q(is_active=False) | Q(outcome="activated"), name="text_model_active_was_activated"
            ),
        ]
        indexes = [models.Index(fields=["aspect", "-id"], name="text_model_newest")]


class TextReadingQuerySet(models.QuerySet["TextReading"]):
    def visible_to(self, user: User) -> TextReadingQuerySet:
        """Return the readings of texts of customers that ``user`` may see."""
        if user.sees_all:
            return self
        return self.filter(customer__in=Customer.objects.visible_to(user))  # type: ignore[attr-defined]

    def unsure(self, aspect: str) -> TextReadingQuerySet:
        """Return those that the reader was not sure about and nobody has corrected."""
        return self.filter(aspect=aspect, is_sure=False, corrected="")


class TextReading(models.Model):
    """What one text says in one aspect: what the reader takes for it, and what a person said it is.

    ``code``: a sentiment, an urgency or the code of a cause; ``""``: the reader has no idea. ``percent``:
    how likely it is right, empty for keywords, which know no likelihood. ``is_sure``: whether it counts.
    What a person said stands above it, and counts at the next training.
    """

    subject_kind = models.CharField(max_length=16)  # of ``customers.text.sources``
    subject_id = models.BigIntegerField()
    aspect = models.CharField(max_length=9, choices=Aspect.choices)
    customer = models.ForeignKey(
        "customers.Customer", null=True, on_delete=models.PROTECT, related_name="text_readings"
    )
    language = models.CharField(max_length=5)
    text_recorded_at = models.DateTimeField()  # of the version that was read
    code = models.CharField(max_length=64, blank=True)
    percent = models.PositiveSmallIntegerField(null=True)
    is_sure = models.BooleanField(default=False)
    model = models.ForeignKey(TextModel, null=True, on_delete=models.PROTECT, related_name="+")
    read_at = models.DateTimeField()
    corrected = models.CharField(max_length=64, blank=True)
    corrected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    corrected_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[TextReading]] = TextReadingQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id subject_kind subject_id aspect language text_recorded_at model read_at",
        conduct_keep="customer",
        conduct_destroy="code percent is_sure corrected",
        staff_keep="corrected_by corrected_at",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject_kind", "subject_id", "aspect"], name="text_reading_once"
            ),
            models.CheckConstraint(
                condition=Q(percent__isnull=True) | Q(percent__lte=100), name="text_reading_percent"
            ),
            models.CheckConstraint(
                condition=Q(is_sure=False) | ~Q(code=""), name="text_reading_sure_of_something"
            ),
            models.CheckConstraint(
                condition=Q(corrected="", corrected_by__isnull=True, corrected_at__isnull=True)
                | ~Q(corrected="") & Q(corrected_at__isnull=False),
                name="text_reading_correction_whole",
            ),
        ]
        indexes = [
            models.Index(
                fields=["aspect", "-id"], condition=Q(is_sure=False, corrected=""), name="text_reading_unsure"
            ),
            models.Index(
                fields=["aspect", "-corrected_at"],
                condition=~Q(corrected=""),
                name="text_reading_corrected",
            ),
        ]

    @property
    def stands(self) -> str:
        """Return the code that counts: what a person said, else what the reader is sure of, else ``""``."""
        return self.corrected or (self.code if self.is_sure else "")
