"""How feedback is dealt with: deadlines by kind, notes, and what is given to make up for a failure."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from customers.models.complaints import Complaint, FeedbackKind
from customers.models.customers import Contact, Customer
from customers.models.people import Role, User


class FeedbackDeadline(models.Model):
    """What the company said of one kind of feedback; of what was never said the delivered one counts."""

    kind = models.CharField(max_length=10, choices=FeedbackKind.choices, unique=True)
    respond_hours = models.PositiveSmallIntegerField(_("first response, working hours"))
    resolve_days = models.PositiveSmallIntegerField(_("resolved, working days"))
    profile = models.CharField(max_length=20, blank=True)  # of a statute, see ``feedback.deadlines``

    privacy = declare(none_keep="id kind respond_hours resolve_days profile")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(respond_hours__gte=1, resolve_days__gte=1), name="feedback_deadline_ahead"
            ),
        ]


class ComplaintNote(models.Model):
    """What a colleague noted while dealing with a complaint; the customer does not see it."""

    complaint = models.ForeignKey(Complaint, on_delete=models.PROTECT, related_name="notes", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey(Contact, null=True, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(_("note"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    privacy = declare(
        none_keep="id complaint at", conduct_keep="customer contact", staff_keep="by", text_blank="text"
    )

    class Meta:
        indexes = [models.Index(fields=["complaint", "-id"], name="complaint_note")]


class CompensationLimit(models.Model):
    """Up to how much, in minor units of the base currency, a role gives away on one complaint by itself."""

    role = models.CharField(max_length=16, choices=Role.choices, unique=True)
    most = models.BigIntegerField(null=True)  # empty: as much as wanted

    privacy = declare(none_keep="id role most")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(most__isnull=True) | Q(most__gte=0), name="compensation_limit_positive"
            ),
        ]


class CompensationQuerySet(models.QuerySet["Compensation"]):
    def visible_to(self, user: User) -> CompensationQuerySet:
        """Return those given to customers that ``user`` may see."""
        visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        return self.filter(customer__in=visible.order_by().values("pk"))


class Compensation(models.Model):
    """What a customer gets to make up for a failure; above the giver's limit somebody must approve it."""

    class Kind(models.TextChoices):
        REFUND = "refund", _("refund")
        CREDIT = "credit", _("credit note")
        GOODS = "goods", _("goods")
        POINTS = "points", _("points")

    class State(models.TextChoices):
        ASKED = "asked", _("waits for approval")
        GRANTED = "granted", _("granted")
        DECLINED = "declined", _("declined")

    complaint = models.ForeignKey(
        Complaint, on_delete=models.PROTECT, related_name="compensations", db_index=False
    )
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey(Contact, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    amount = models.BigIntegerField(_("amount"))  # minor units; of goods and points what they are worth
    currency = models.CharField(max_length=3)
    amount_base = models.BigIntegerField()  # at the rate of the day, frozen
    reason = models.TextField(_("reason"))
    state = models.CharField(max_length=8, choices=State.choices)
    key = models.CharField(max_length=64)  # of the form that was sent: sent twice it is given once
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Compensation]] = CompensationQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id complaint kind amount currency amount_base state key",
        conduct_keep="customer contact at decided_at",
        staff_keep="by approved_by",
        text_blank="reason",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["complaint", "key"], name="compensation_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="compensation_of_something"),
            models.CheckConstraint(
                condition=Q(state="asked", decided_at__isnull=True)
                | Q(state__in=["granted", "declined"], decided_at__isnull=False),
                name="compensation_decided_has_moment",
            ),
            models.CheckConstraint(  # nobody approves what she asked for
                condition=Q(approved_by__isnull=True) | Q(by__isnull=True) | ~Q(approved_by=F("by")),
                name="compensation_four_eyes",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state="asked"), name="compensation_asked"),
        ]
