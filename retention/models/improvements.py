"""Improvements: what is done about causes, for whom, what it moved, and what the weekly watch found."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground.privacy import declare
from customers.models import Customer, Message, User
from customers.models.contacting import ContactReason
from retention.models.loops import LoopClosure

WHY_NOT = list({**dict(ContactReason.choices), **dict(Message.Reason.choices)}.items())
"""Why a notice waits or was not sent: the contact was not granted, or the message did not leave."""


class ImprovementQuerySet(models.QuerySet["ImprovementAction"]):
    def open(self) -> ImprovementQuerySet:
        """Return what is planned or running."""
        return self.filter(state__in=ImprovementAction.OPEN_STATES)

    def visible_to(self, user: User) -> ImprovementQuerySet:
        """Return all to whoever works here: improvements belong to the company, their customers do not."""
        return self if user.is_active else self.none()


class ImprovementAction(models.Model):
    """What the company does about a cause, a product or a lot, and the figure that it should move."""

    class State(models.TextChoices):
        PLANNED = "planned", pgettext_lazy("improvement", "planned")
        RUNNING = "running", pgettext_lazy("improvement", "running")
        DONE = "done", pgettext_lazy("improvement", "done")
        DROPPED = "dropped", pgettext_lazy("improvement", "dropped")

    OPEN_STATES = (State.PLANNED, State.RUNNING)

    class Moves(models.TextChoices):
        """The figure that it should move: a closed vocabulary."""

        COMPLAINTS = "complaints", _("complaints about it in 30 days")
        SCORE = "score", _("score of a survey")
        RETURNS = "returns", _("share of the product's lines that come back")
        MEAN = "mean", _("mean of a measure over the customers concerned")

    title = models.CharField(_("title"), max_length=200)
    causes = models.ManyToManyField("customers.Cause", blank=True, related_name="+")
    product = models.ForeignKey(
        "customers.Product", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    lot = models.CharField(_("lot"), max_length=64, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="improvements")
    cost = models.BigIntegerField(null=True)  # minor units of the base currency
    begins_on = models.DateField(_("begins"), null=True)  # local days
    due_on = models.DateField(_("due"))
    moves = models.CharField(_("should move"), max_length=10, choices=Moves.choices)
    survey = models.ForeignKey("surveys.Survey", null=True, on_delete=models.PROTECT, related_name="+")
    measure = models.CharField(_("measure"), max_length=64, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.PLANNED)
    reason = models.CharField(_("reason"), max_length=500, blank=True)  # why it was dropped
    told_en = models.TextField(_("what we did, in English"), blank=True)
    told_zh = models.TextField(_("what we did, in Chinese"), blank=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    begun_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_on = models.DateField(null=True)  # the local day of it: figures are compared around it
    telling_at = models.DateTimeField(null=True)  # since when those who raised it are told

    objects: ClassVar[models.Manager[ImprovementAction]] = ImprovementQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id title causes product lot cost begins_on due_on moves survey measure state reason "
        "told_en told_zh made_at begun_at ended_at ended_on telling_at",
        staff_keep="owner made_by",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["planned", "running"], ended_at__isnull=True, ended_on__isnull=True)
                | Q(state__in=["done", "dropped"], ended_at__isnull=False, ended_on__isnull=False),
                name="improvement_ended_has_moment",
            ),
            models.CheckConstraint(
                condition=~Q(moves="score") | Q(survey__isnull=False), name="improvement_score_has_survey"
            ),
            models.CheckConstraint(
                condition=~Q(moves="returns") | Q(product__isnull=False),
                name="improvement_returns_of_product",
            ),
            models.CheckConstraint(
                condition=~Q(moves="mean") | ~Q(measure=""), name="improvement_mean_has_measure"
            ),
            models.CheckConstraint(
                condition=Q(telling_at__isnull=True) | Q(state="done"), name="improvement_told_when_done"
            ),
        ]
        indexes = [models.Index(fields=["state", "due_on", "id"], name="improvement_due")]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        """Say whether it is planned or running."""
        return self.state in self.OPEN_STATES


class ImprovementFeedbackQuerySet(models.QuerySet["ImprovementFeedback"]):
    def visible_to(self, user: User) -> ImprovementFeedbackQuerySet:
        """Return what was said by customers that ``user`` may see, or in loops that she may see."""
        visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        loops = LoopClosure.objects.visible_to(user)  # type: ignore[attr-defined]
        return self.filter(
            Exists(visible.filter(pk=OuterRef("complaint__customer_id")))
            | Exists(loops.filter(pk=OuterRef("loop_id")))
        )

    def standing(self) -> ImprovementFeedbackQuerySet:
        """Return what still counts: no complaint that is void, no loop that was taken back."""
        withdrawn = LoopClosure.objects.filter(state=LoopClosure.State.WITHDRAWN)
        return self.exclude(complaint__void=True).exclude(
            Exists(withdrawn.filter(pk=OuterRef("loop_id")))
            | Exists(withdrawn.filter(complaint=OuterRef("complaint_id")))
        )


class ImprovementFeedback(models.Model):
    """Feedback that an improvement answers: a complaint (of any kind), or the loop of another."""

    action = models.ForeignKey(ImprovementAction, on_delete=models.PROTECT, related_name="feedback")
    complaint = models.ForeignKey(
        "customers.Complaint", null=True, on_delete=models.PROTECT, related_name="improvements"
    )
    loop = models.ForeignKey(LoopClosure, null=True, on_delete=models.PROTECT, related_name="improvements")
    attached_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    objects: ClassVar[models.Manager[ImprovementFeedback]] = ImprovementFeedbackQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(none_keep="id action complaint loop attached_at", staff_keep="by")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["action", "complaint"], name="improvement_complaint_once"),
            models.UniqueConstraint(fields=["action", "loop"], name="improvement_loop_once"),
            models.CheckConstraint(
                condition=Q(complaint__isnull=False, loop__isnull=True)
                | Q(complaint__isnull=True, loop__isnull=False),
                name="improvement_of_one_feedback",
            ),
        ]


class ImprovementNoticeQuerySet(models.QuerySet["ImprovementNotice"]):
    def visible_to(self, user: User) -> ImprovementNoticeQuerySet:
        """Return those to customers that ``user`` may see."""
        visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        return self.filter(Exists(visible.filter(pk=OuterRef("customer_id"))))


class ImprovementNotice(models.Model):
    """“You said, we did”: what one person is told of one improvement, once."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("notice", "waits")
        WRITTEN = "written", pgettext_lazy("notice", "sent")
        CLOSED = "closed", pgettext_lazy("notice", "not sent")

    action = models.ForeignKey(ImprovementAction, on_delete=models.PROTECT, related_name="notices")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey("customers.Contact", on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(_("channel"), max_length=12)
    reservation = models.OneToOneField(
        "customers.ContactReservation", on_delete=models.PROTECT, related_name="improvement_notice"
    )
    state = models.CharField(_("state"), max_length=7, choices=State.choices, default=State.WAITING)
    reason = models.CharField(_("reason"), max_length=13, choices=WHY_NOT, blank=True)
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[ImprovementNotice]] = ImprovementNoticeQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id action channel reservation state reason",
        conduct_keep="customer contact asked_at ended_at",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["action", "contact"], name="improvement_told_once"),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at__isnull=True)
                | Q(state__in=["written", "closed"], ended_at__isnull=False),
                name="improvement_notice_whole",
            ),
        ]

    @property
    def reason_text(self) -> str | Promise:
        """Why it waits or was not sent, in words."""
        return self.get_reason_display() if self.reason else ""


class ImprovementReading(models.Model):
    """The mean of a measure over the customers concerned, read when it was done and again later."""

    class Moment(models.TextChoices):
        BEFORE = "before", _("before")
        AFTER = "after", _("after")

    action = models.ForeignKey(ImprovementAction, on_delete=models.PROTECT, related_name="readings")
    moment = models.CharField(max_length=6, choices=Moment.choices)
    on = models.DateField()
    number = models.PositiveIntegerField()  # customers of whom it was known
    mean = models.FloatField(null=True)
    deviation = models.FloatField(null=True)  # of the sample

    privacy = declare(none_keep="id action moment on number mean deviation")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["action", "moment"], name="improvement_read_once")]


class RiseAlarmQuerySet(models.QuerySet["RiseAlarm"]):
    def visible_to(self, user: User) -> RiseAlarmQuerySet:
        """Return all to whoever works here: products belong to the company."""
        return self if user.is_active else self.none()


class RiseAlarm(models.Model):
    """That a product or lot draws more complaints, or comes back more often, than it did before."""

    class Kind(models.TextChoices):
        COMPLAINTS = "complaints", pgettext_lazy("alarm", "complaints")
        RETURNS = "returns", pgettext_lazy("alarm", "returns")

    class Basis(models.TextChoices):
        """What the counts are measured against."""

        LINES = "lines", _("lines sold")
        DAYS = "days", _("days")

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("alarm", "open")
        ACTED = "acted", pgettext_lazy("alarm", "improvement planned")
        DISMISSED = "dismissed", pgettext_lazy("alarm", "dismissed")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    product = models.ForeignKey("customers.Product", on_delete=models.PROTECT, related_name="+")
    lot = models.CharField(_("lot"), max_length=64, blank=True)
    on = models.DateField()  # the last local day that was counted
    recent = models.PositiveIntegerField()
    before = models.PositiveIntegerField()
    recent_of = models.PositiveIntegerField()  # lines sold, or days
    before_of = models.PositiveIntegerField()
    basis = models.CharField(max_length=5, choices=Basis.choices)
    p = models.FloatField()  # one-sided, exact
    q = models.FloatField()  # corrected for how many were looked at
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.OPEN)
    raised_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    action = models.ForeignKey(ImprovementAction, null=True, on_delete=models.PROTECT, related_name="alarms")

    objects: ClassVar[models.Manager[RiseAlarm]] = RiseAlarmQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id kind product lot on recent before recent_of before_of basis p q state raised_at "
        "decided_at reason action",
        staff_keep="decided_by",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "product", "lot"], condition=Q(state="open"), name="rise_alarm_open_once"
            ),
            models.CheckConstraint(
                condition=Q(state="open", decided_at__isnull=True, action__isnull=True)
                | Q(state="acted", decided_at__isnull=False, action__isnull=False)
                | Q(state="dismissed", decided_at__isnull=False, action__isnull=True) & ~Q(reason=""),
                name="rise_alarm_whole",
            ),
        ]
        indexes = [models.Index(fields=["-raised_at", "-id"], name="rise_alarm_newest")]
