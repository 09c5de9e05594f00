"""Distributions: whom a survey is sent to, when, by which way and how many a day; and each ask of them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground.privacy import declare
from customers.models import Customer, User
from customers.models.channels import SENDABLE
from customers.models.people import Role
from surveys.models.surveys import Survey

LIMITS = {
    "share": (1, 100),
    "per_day": (1, 100_000),
    "remind_after": (1, 28),
    "useful_days": (1, 90),
    "not_asked_days": (0, 730),
    "delay_days": (0, 365),
    "period_days": (7, 730),
}
"""The least and the most of each number, the same for forms, the API and the database."""


class DistributionQuerySet(models.QuerySet["Distribution"]):
    def visible_to(self, user: User) -> DistributionQuerySet:
        """Return the distributions that ``user`` may see: those of her team, or all."""
        if not user.is_active:
            return self.none()
        if user.sees_all:
            return self
        if user.role == Role.TEAM_LEAD and user.team_id is not None:
            return self.filter(team=user.team_id)
        return self.none()


class Distribution(models.Model):
    """That a survey is sent to certain people: once, after an event, or again and again.

    Its planning is kept in the row, so that whoever dies goes on where it stood: ``planned_through`` and
    ``planning_day`` are local day numbers, ``cursor`` the last customer that was looked at.
    """

    class Kind(models.TextChoices):
        LIST = "list", _("chosen people, once")
        SEGMENT = "segment", _("everybody of a group, once")
        EVENT = "event", _("after an event")
        PERIODIC = "periodic", _("again and again, spread evenly")

    class Status(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("of a distribution", "draft")
        LIVE = "live", pgettext_lazy("of a distribution", "running")
        PAUSED = "paused", pgettext_lazy("of a distribution", "paused")
        ENDED = "ended", pgettext_lazy("of a distribution", "ended")

    class Whom(models.TextChoices):
        MAIN = "main", _("the main contact of each customer")
        ALL = "all", _("all contacts of each customer")

    class Fault(models.TextChoices):
        """Why it stands still though it runs: a closed vocabulary."""

        AUDIENCE = "audience", _("The group of customers is not there any more, or cannot be read.")

    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, related_name="distributions")
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    team = models.ForeignKey("customers.Team", null=True, on_delete=models.PROTECT, related_name="+")
    audience = models.CharField(max_length=20, blank=True)  # code of a kind of group; empty: everybody
    audience_id = models.BigIntegerField(null=True)
    trigger = models.CharField(max_length=30, blank=True)
    delay_days = models.PositiveSmallIntegerField(default=0)
    period_days = models.PositiveSmallIntegerField(null=True)
    whom = models.CharField(max_length=4, choices=Whom.choices, default=Whom.MAIN)
    channel = models.CharField(max_length=12, choices=[(c, c.label) for c in SENDABLE])
    fallback = models.CharField(max_length=12, choices=[(c, c.label) for c in SENDABLE], blank=True)
    share = models.PositiveSmallIntegerField(default=100)  # per cent
    per_day = models.PositiveIntegerField(null=True)  # empty: as many as there are
    remind_after = models.PositiveSmallIntegerField(null=True)  # days; empty: never
    useful_days = models.PositiveSmallIntegerField(default=14)
    not_asked_days = models.PositiveSmallIntegerField(default=30)
    status = models.CharField(max_length=6, choices=Status.choices, default=Status.DRAFT)
    made_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    is_planned = models.BooleanField(default=False)  # of one that asks once: everybody stands in the log
    planned_through = models.IntegerField(null=True)
    planning_day = models.IntegerField(null=True)
    cursor = models.BigIntegerField(default=0)
    asked_day = models.IntegerField(null=True)
    asked_today = models.PositiveIntegerField(default=0)  # on ``asked_day``
    full_until = models.DateTimeField(null=True)  # the day's number is reached
    fault = models.CharField(max_length=8, choices=Fault.choices, blank=True)

    objects: ClassVar[models.Manager[Distribution]] = DistributionQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id survey name kind team audience audience_id trigger delay_days period_days whom channel "
        "fallback share per_day remind_after useful_days not_asked_days status made_at started_at paused_at "
        "ended_at is_planned planned_through planning_day cursor asked_day asked_today full_until fault",
        staff_keep="by",
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="event") & ~Q(trigger="") | ~Q(kind="event") & Q(trigger=""),
                name="distribution_event_has_trigger",
            ),
            models.CheckConstraint(
                condition=Q(kind="periodic", period_days__isnull=False)
                | ~Q(kind="periodic") & Q(period_days__isnull=True),
                name="distribution_periodic_has_period",
            ),
            models.CheckConstraint(
                condition=Q(audience="", audience_id__isnull=True) & ~Q(kind="segment")
                | ~Q(audience="") & Q(audience_id__isnull=False) & ~Q(kind="list"),
                name="distribution_audience_whole",
            ),
            models.CheckConstraint(
                condition=Q(share__range=LIMITS["share"])
                & Q(useful_days__range=LIMITS["useful_days"])
                & Q(not_asked_days__range=LIMITS["not_asked_days"])
                & Q(delay_days__range=LIMITS["delay_days"])
                & (Q(per_day__isnull=True) | Q(per_day__gte=1))
                & (Q(remind_after__isnull=True) | Q(remind_after__gte=1))
                & (Q(period_days__isnull=True) | Q(period_days__range=LIMITS["period_days"])),
                name="distribution_numbers",
            ),
            models.CheckConstraint(condition=~Q(channel=F("fallback")), name="distribution_two_channels"),
            models.CheckConstraint(
                condition=Q(status="draft", started_at__isnull=True, ended_at__isnull=True)
                | Q(status__in=["live", "paused"], started_at__isnull=False, ended_at__isnull=True)
                | Q(status="ended", ended_at__isnull=False),
                name="distribution_status_whole",
            ),
        ]
        indexes = [models.Index(fields=["survey", "-id"], name="distribution_survey")]

    def __str__(self) -> str:
        return self.name


class PlannedAskQuerySet(models.QuerySet["PlannedAsk"]):
    def visible_to(self, user: User) -> PlannedAskQuerySet:
        """Return the asks of customers that ``user`` may see."""
        visible: models.QuerySet[Customer] = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        return self.filter(customer__in=visible.order_by().values("pk"))


class PlannedAsk(models.Model):
    """That one person is to be asked, by which distribution and from when on; once for each ``key``."""

    class State(models.TextChoices):
        PLANNED = "planned", pgettext_lazy("ask", "planned")
        ASKED = "asked", pgettext_lazy("ask", "asked")
        SKIPPED = "skipped", pgettext_lazy("ask", "not asked")

    class Reason(models.TextChoices):
        """Why somebody is not asked: a closed vocabulary. What the sending says stands there."""

        NOT_SAMPLED = "not_sampled", _("not in the sample")
        ASKED_LATELY = "asked_lately", _("was asked the same not long ago")
        TOO_LATE = "too_late", _("not sent: too late")
        UNDONE = "undone", _("what happened does not hold any more")
        GONE = "gone", _("left or erased")
        ENDED = "ended", _("the distribution was ended")
        SURVEY_CLOSED = "survey_closed", _("the survey was closed")

    distribution = models.ForeignKey(
        Distribution, on_delete=models.PROTECT, related_name="asks", db_index=False
    )
    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey("customers.Contact", on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=100, unique=True)
    occasion_type = models.CharField(max_length=64, blank=True)
    occasion_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.PLANNED)
    reason = models.CharField(max_length=13, choices=Reason.choices, blank=True)
    planned_at = models.DateTimeField()
    due_at = models.DateTimeField()
    latest_at = models.DateTimeField(
        null=True
    )  # after that it is of no use; empty: counts from the asking on
    ended_at = models.DateTimeField(null=True)  # asked or not
    dispatch = models.OneToOneField(
        "surveys.SurveyDispatch", null=True, on_delete=models.PROTECT, related_name="planned"
    )

    objects: ClassVar[models.Manager[PlannedAsk]] = PlannedAskQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id distribution key occasion_type occasion_id state reason due_at latest_at dispatch",
        conduct_keep="customer contact planned_at ended_at",
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="planned", reason="", ended_at__isnull=True)
                | Q(state="asked", reason="", ended_at__isnull=False)
                | Q(state="skipped", ended_at__isnull=False) & ~Q(reason=""),
                name="planned_ask_state_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["distribution", "-id"], name="planned_ask_log"),
            # what is to be asked next, and what nobody asked in time
            models.Index(
                fields=["distribution", "due_at", "id"], condition=Q(state="planned"), name="planned_ask_due"
            ),
        ]

    @property
    def reason_text(self) -> str | Promise:
        """Why nobody was asked, in words."""
        return self.get_reason_display() if self.reason else ""
