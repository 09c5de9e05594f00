"""The loyalty programme: what a point is worth, when it counts and when it goes, and its versions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.ground import guards
from customers.ground.privacy import declare


class Programme(models.Model):
    """A loyalty programme. At most one is live or paused; what it says is kept in versions.

    Days are local day numbers, amounts minor units of the base currency.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        LIVE = "live", _("live")
        PAUSED = "paused", _("paused")  # nothing is earned; what was earned can be used and expires

    class Rounding(models.TextChoices):
        DOWN = "down", _("down to the whole point")
        HALF_UP = "half_up", _("to the nearest point, a half upwards")

    class Expiry(models.TextChoices):
        NEVER = "never", _("points never expire")
        MONTHS = "months", _("a number of months after they were earned")
        YEAR_END = "year_end", _("at the end of the year after the number of months")
        INACTIVITY = "inactivity", _("all of them, so many months after the last movement")

    class OnSpentReturn(models.TextChoices):
        REFUSE = "refuse", _("take back what is left and note the rest for a person to decide")
        DEBT = "debt", _("the rest is a debt that the next points pay first")

    class Basis(models.TextChoices):
        POINTS = "points", _("points earned")
        SPEND = "spend", _("money spent, net of returns")

    class Window(models.TextChoices):
        CALENDAR = "calendar", _("calendar year")
        ROLLING = "rolling", _("the last days")
        LIFETIME = "lifetime", _("everything since the customer joined")

    class Fall(models.TextChoices):
        ONE_STEP = "one_step", _("one tier down at a time")
        BY_BALANCE = "by_balance", _("to the tier that was reached")

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=100)
    name_alt = models.CharField(_("name in the other language"), max_length=100, blank=True)
    state = models.CharField(max_length=6, choices=State.choices, default=State.DRAFT)
    starts_day = models.IntegerField(null=True)  # orders from this local day on earn; empty: none yet
    currency = models.CharField(max_length=3)  # the base currency when it was made
    pending_days = models.PositiveSmallIntegerField(_("return window in days"), default=0)
    rounding = models.CharField(_("rounding"), max_length=8, choices=Rounding.choices, default=Rounding.DOWN)
    worth_of_100 = models.PositiveBigIntegerField(_("worth of 100 points"), default=0)  # minor units
    expiry = models.CharField(_("expiry"), max_length=10, choices=Expiry.choices, default=Expiry.MONTHS)
    expiry_months = models.PositiveSmallIntegerField(_("months until points expire"), default=12)
    remind_days = models.JSONField(_("reminders, days before"), default=list)  # e.g. [30, 15, 7, 1]
    on_spent_return = models.CharField(
        _("when goods come back whose points are spent"),
        max_length=6,
        choices=OnSpentReturn.choices,
        default=OnSpentReturn.REFUSE,
    )
    adjust_limit = models.PositiveBigIntegerField(_("points that one person adjusts alone"), default=1000)
    recovery_limit = models.PositiveBigIntegerField(_("recovery points a case"), default=2000)
    recovery_budget = models.PositiveBigIntegerField(_("recovery points a month"), null=True)  # empty: none
    breakage_bp = models.PositiveIntegerField(_("share that is never used"), null=True)  # empty: as measured
    tier_basis = models.CharField(_("tiers by"), max_length=6, choices=Basis.choices, default=Basis.SPEND)
    tier_window = models.CharField(
        _("counted over"), max_length=8, choices=Window.choices, default=Window.ROLLING
    )
    tier_window_days = models.PositiveSmallIntegerField(_("days counted"), default=365)
    tier_grace_days = models.PositiveSmallIntegerField(_("days of grace"), default=30)
    tier_fall = models.CharField(_("on falling"), max_length=10, choices=Fall.choices, default=Fall.ONE_STEP)
    referral_referrer = models.PositiveBigIntegerField(_("points for who refers"), default=0)
    referral_referred = models.PositiveBigIntegerField(_("points for who was referred"), default=0)
    version = models.PositiveIntegerField(default=0)  # number of the newest ``ProgrammeVersion``
    tiers_as_of_day = models.IntegerField(null=True)  # the local day on which tiers were last computed

    privacy = declare(
        none_keep="id code name name_alt state starts_day currency pending_days rounding worth_of_100 expiry "
        "expiry_months remind_days on_spent_return adjust_limit recovery_limit recovery_budget breakage_bp "
        "tier_basis tier_window tier_window_days tier_grace_days tier_fall referral_referrer "
        "referral_referred version tiers_as_of_day"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(models.Value(1), condition=~Q(state="draft"), name="programme_one_runs"),
            models.CheckConstraint(
                condition=Q(expiry="never") | Q(expiry_months__gte=1), name="programme_expiry_ahead"
            ),
            models.CheckConstraint(
                condition=Q(breakage_bp__isnull=True) | Q(breakage_bp__lte=10_000), name="programme_breakage"
            ),
            models.CheckConstraint(condition=Q(tier_window_days__gte=1), name="programme_tier_window"),
        ]

    def __str__(self) -> str:
        return self.name


class ProgrammeVersion(models.Model):
    """How the programme was from a moment on, who said so and why. Append-only."""

    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="versions", db_index=False
    )
    number = models.PositiveIntegerField()
    document = models.JSONField()  # every setting by its field name
    reason = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    privacy = declare(none_keep="id programme number document at reason", staff_keep="by")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["programme", "number"], name="programme_version_once")]


guards.append_only(ProgrammeVersion)


class EarningRule(models.Model):
    """A rule by which points are earned; its document stands in its versions (see ``loyalty.earning``)."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="rules")
    code = models.SlugField(max_length=40)
    name = models.CharField(_("name"), max_length=100)
    name_alt = models.CharField(_("name in the other language"), max_length=100, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    is_on = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=0)  # number of the newest ``EarningRuleVersion``

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    privacy = declare(none_keep="id programme code name name_alt position is_on version")

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["programme", "code"], name="earning_rule_once")]

    def __str__(self) -> str:
        return self.name


class EarningRuleVersion(models.Model):
    """What a rule said from a moment on, who wrote it and why. Append-only."""

    rule = models.ForeignKey(EarningRule, on_delete=models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    is_on = models.BooleanField()
    document = models.JSONField()
    reason = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    privacy = declare(none_keep="id rule number is_on document reason at", staff_keep="by")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "number"], name="earning_rule_version_once")]


guards.append_only(EarningRuleVersion)
