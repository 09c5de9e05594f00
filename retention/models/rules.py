"""Warning rules and their versions."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground.privacy import declare


class CaseKind(models.TextChoices):
    SAVE = "save", _("save")
    RECOVERY = "recovery", _("recovery")
    WIN_BACK = "win_back", _("win-back")


class Severity(models.IntegerChoices):
    LOW = 1, _("low")
    MEDIUM = 2, _("medium")
    HIGH = 3, _("high")


class RuleState(models.TextChoices):
    """Where a rule stands in its life; the moves between them are in ``retention.rules.life``."""

    DRAFT = "draft", pgettext_lazy("state of a rule", "draft")
    SHADOW = "shadow", pgettext_lazy("state of a rule", "shadow")
    LIMITED = "limited", pgettext_lazy("state of a rule", "limited")
    LIVE = "live", pgettext_lazy("state of a rule", "live")
    RETIRED = "retired", pgettext_lazy("state of a rule", "retired")


class WorkTo(models.TextChoices):
    """Who gets the cases of a rule."""

    OWNER = "owner", _("the customer's account manager, else the team")
    TEAM = "team", _("a team")
    PERSON = "person", _("a person, else the customer's account manager")


IN_STATE: dict[str, Q] = {
    RuleState.DRAFT: Q(is_enabled=False, retired_at__isnull=True),
    RuleState.SHADOW: Q(is_enabled=True, stage=RuleState.SHADOW),
    RuleState.LIMITED: Q(is_enabled=True, stage=RuleState.LIMITED),
    RuleState.LIVE: Q(is_enabled=True, stage=""),
    RuleState.RETIRED: Q(is_enabled=False, retired_at__isnull=False),
}
"""The state of a rule as its columns hold it: ``is_enabled`` says that sweeps look at it."""

HOLD_DAYS = (0, 1, 2, 3, 5, 7, 14, 30)


class WarningRuleQuerySet(models.QuerySet["WarningRule"]):
    def in_state(self, *states: str) -> WarningRuleQuerySet:
        """Return the rules that stand in one of ``states``."""
        wanted = Q(pk__in=[])
        for state in states:
            wanted |= IN_STATE[state]
        return self.filter(wanted)


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

    # How it is on: nothing for live. See ``state``.
    stage = models.CharField(
        max_length=8,
        blank=True,
        default="",
        db_default="",
        choices=[(RuleState.SHADOW.value, "shadow"), (RuleState.LIMITED.value, "limited")],
    )
    cases_a_day = models.PositiveIntegerField(null=True)  # while limited
    retired_at = models.DateTimeField(null=True)
    hold_days = models.PositiveSmallIntegerField(default=0, db_default=0)
    clear_condition = models.JSONField(null=True)  # nothing: clear as soon as the condition is not met
    opens_work = models.BooleanField(default=True, db_default=True)  # else it warns only
    work_to = models.CharField(max_length=6, choices=WorkTo.choices, default="owner", db_default="owner")
    work_team = models.ForeignKey("customers.Team", null=True, on_delete=models.PROTECT, related_name="+")
    work_person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    # A draft that was proposed in the place of another rule, which it does not touch.
    replaces = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="replacements", db_index=False
    )

    # Hold-out, in hundredths of a percent: of whoever matches first after ``holdout_from``.
    holdout_from = models.DateTimeField(null=True)
    holdout_share = models.PositiveSmallIntegerField(default=0, db_default=0)
    holdout_salt = models.CharField(max_length=64, blank=True, default="", db_default="")

    objects: ClassVar[models.Manager[WarningRule]] = WarningRuleQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id code name_en name_zh condition severity case_kind cool_down_days call_within_minutes "
        "is_enabled is_ready_made version enabled_at broken_since position stage cases_a_day retired_at "
        "hold_days clear_condition opens_work work_to work_team replaces holdout_from holdout_share "
        "holdout_salt",
        staff_keep="work_person",
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(severity__in=[1, 2, 3]), name="rule_severity_known"),
            models.CheckConstraint(condition=Q(call_within_minutes__gt=0), name="rule_deadline_positive"),
        ]

    @property
    def state(self) -> RuleState:
        """Return where it stands in its life."""
        if self.is_enabled:
            return RuleState(self.stage) if self.stage else RuleState.LIVE
        return RuleState.RETIRED if self.retired_at else RuleState.DRAFT

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
    content = models.JSONField(null=True)  # everything that matters, by name; older ones have none
    reason = models.CharField(max_length=300, blank=True, default="", db_default="")

    privacy = declare(none_keep="id rule version condition severity made_at content reason", staff_keep="by")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "version"], name="rule_version_once")]


class RuleMove(models.Model):
    """A rule moved from one state to another."""

    rule = models.ForeignKey(WarningRule, on_delete=models.PROTECT, related_name="moves")
    before = models.CharField(max_length=8, choices=RuleState.choices)
    after = models.CharField(max_length=8, choices=RuleState.choices)
    version = models.PositiveIntegerField()
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True)

    privacy = declare(none_keep="id rule before after version at reason", staff_keep="by")

    class Meta:
        ordering = ["at", "id"]


class Silence(models.Model):
    """For a time a rule opens no case: for one customer, or for all."""

    rule = models.ForeignKey(WarningRule, on_delete=models.PROTECT, related_name="silences")
    customer = models.ForeignKey(
        "customers.Customer", null=True, on_delete=models.PROTECT, related_name="silences"
    )
    starts_at = models.DateTimeField()
    until_day = models.IntegerField()  # the last local day
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)  # before its time
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    privacy = declare(
        none_keep="id rule customer starts_at until_day ended_at",
        text_blank="reason",
        staff_keep="by ended_by",
    )

    class Meta:
        ordering = ["-starts_at", "-id"]
        indexes = [models.Index(fields=["rule", "customer", "until_day"], name="silence_of_rule")]


class PendingMatch(models.Model):
    """Since which local day a rule that must hold for days has been matching a customer without a break."""

    customer = models.ForeignKey("customers.Customer", on_delete=models.CASCADE, related_name="+")
    rule = models.ForeignKey(WarningRule, on_delete=models.CASCADE, related_name="+")
    since_day = models.IntegerField()

    privacy = declare(none_keep="id rule", conduct_destroy="customer since_day")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "customer"], name="pending_match_once")]


class Holdout(models.Model):
    """A draw, kept for good: whether a customer is held out, of a rule or of the programme (no rule)."""

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="+")
    rule = models.ForeignKey(WarningRule, null=True, on_delete=models.PROTECT, related_name="holdouts")
    bucket = models.PositiveSmallIntegerField()
    share = models.PositiveSmallIntegerField()  # that it was drawn against, in hundredths of a percent
    is_held_out = models.BooleanField()
    drawn_at = models.DateTimeField()

    privacy = declare(none_keep="id customer rule bucket share is_held_out drawn_at")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer"], condition=Q(rule__isnull=True), name="holdout_programme_once"
            ),
            models.UniqueConstraint(
                fields=["customer", "rule"], condition=Q(rule__isnull=False), name="holdout_rule_once"
            ),
        ]


class HoldoutProgramme(models.Model):
    """The company's one hold-out over all rules that were launched with one; a single row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    share = models.PositiveSmallIntegerField(default=0)
    salt = models.CharField(max_length=64)
    started_at = models.DateTimeField()

    privacy = declare(none_keep="id share salt started_at")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_holdout_programme")]
