"""Warning rules and their versions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare


class CaseKind(models.TextChoices):
    SAVE = "save", _("save")
    RECOVERY = "recovery", _("recovery")
    WIN_BACK = "win_back", _("win-back")


class Severity(models.IntegerChoices):
    LOW = 1, _("low")
    MEDIUM = 2, _("medium")
    HIGH = 3, _("high")


class WarningRule(models.Model):
    """A condition over measures that, when it holds, warns about a customer."""

    code = models.SlugField(max_length=64, unique=True)
    name_en = models.CharField(_("English name"), max_length=120)
    name_zh = models.CharField(_("Chinese name"), max_length=120)
    condition = models.JSONField()
    severity = models.PositiveSmallIntegerField(choices=Severity.choices, default=Severity.MEDIUM)
    case_kind = models.CharField(max_length=8, choices=CaseKind.choices, default=CaseKind.SAVE)
    cool_down_days = models.PositiveSmallIntegerField(default=30)  # counted from the close of its case
    call_within_minutes = models.PositiveIntegerField(default=16 * 60)  # working minutes to the first call
    is_enabled = models.BooleanField(default=False)
    is_ready_made = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)
    enabled_at = models.DateTimeField(null=True)
    broken_since = models.DateTimeField(null=True)  # set aside by a sweep: it stopped compiling or failed
    position = models.PositiveSmallIntegerField(default=0)

    privacy = declare(
        none_keep="id code name_en name_zh condition severity case_kind cool_down_days call_within_minutes "
        "is_enabled is_ready_made version enabled_at broken_since position"
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(severity__in=[1, 2, 3]), name="rule_severity_known"),
            models.CheckConstraint(condition=Q(call_within_minutes__gt=0), name="rule_deadline_positive"),
        ]

    def __str__(self) -> str:
        return self.name_zh if (translation.get_language() or "").startswith("zh") else self.name_en


class RuleVersion(models.Model):
    """A rule as it stood at one time; warnings and cases keep the version that made them."""

    rule = models.ForeignKey(WarningRule, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    condition = models.JSONField()
    severity = models.PositiveSmallIntegerField()
    made_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    privacy = declare(none_keep="id rule version condition severity made_at", staff_keep="by")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "version"], name="rule_version_once")]
