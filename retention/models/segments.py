"""Segments: groups of customers that somebody named, by a condition or by a list."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare


class Segment(models.Model):
    """A named group of customers: who meets a condition, or who stands on a list."""

    class Kind(models.TextChoices):
        CONDITION = "condition", _("by a condition")
        LIST = "list", _("a list")

    code = models.SlugField(_("code"), max_length=64, unique=True)
    name_en = models.CharField(_("English name"), max_length=120)
    name_zh = models.CharField(_("Chinese name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=9, choices=Kind.choices)
    condition = models.JSONField(null=True)
    list = models.OneToOneField(
        "customers.CustomerList", null=True, on_delete=models.PROTECT, related_name="segment"
    )
    version = models.PositiveIntegerField(default=1)
    made_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    privacy = declare(none_keep="id code name_en name_zh kind condition list version made_at retired_at")

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="condition", condition__isnull=False, list__isnull=True)
                | Q(kind="list", condition__isnull=True, list__isnull=False),
                name="segment_is_condition_or_list",
            )
        ]

    def __str__(self) -> str:
        return self.name_zh if (translation.get_language() or "").startswith("zh") else self.name_en


class SegmentVersion(models.Model):
    """The condition of a segment as it stood at one time."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    condition = models.JSONField()
    made_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    privacy = declare(none_keep="id segment version condition made_at", staff_keep="by")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "version"], name="segment_version_once")]


class SegmentUse(models.Model):
    """One segment stands in the condition of another."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="uses")
    used = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="used_by")

    privacy = declare(none_keep="id segment used")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["segment", "used"], name="segment_use_once"),
            models.CheckConstraint(condition=~Q(segment=F("used")), name="segment_uses_another"),
        ]


class SegmentCount(models.Model):
    """How many customers belonged to a segment on one local day, as counted then."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="counts")
    day = models.IntegerField()  # local day number
    customers = models.IntegerField()

    privacy = declare(none_keep="id segment day customers")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "day"], name="segment_count_once_a_day")]
