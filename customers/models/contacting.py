"""Who may be contacted for what: limits, quiet hours, and every contact that was asked for."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground.privacy import declare
from customers.models.consents import Channel, Purpose
from customers.models.customers import Customer
from customers.models.people import User


class ContactClass(models.TextChoices):
    """The classes of contact (decision 15); each has limits of its own."""

    SERVICE = "service", pgettext_lazy("class of contact", "service")
    EVENT_SURVEY = "event_survey", pgettext_lazy("class of contact", "survey after an event")
    RELATIONSHIP_SURVEY = "relationship_survey", pgettext_lazy("class of contact", "relationship survey")
    OFFER = "offer", pgettext_lazy("class of contact", "offers and marketing")
    CARE = "care", pgettext_lazy("class of contact", "care")


CONSENT_FOR: dict[str, Purpose] = {
    ContactClass.SERVICE: Purpose.SERVICE,
    ContactClass.EVENT_SURVEY: Purpose.SURVEY,
    ContactClass.RELATIONSHIP_SURVEY: Purpose.SURVEY,
    ContactClass.OFFER: Purpose.OFFER,
    ContactClass.CARE: Purpose.CARE,
}
"""The purpose that somebody must have agreed to for each class of contact."""
LIMITED = tuple(one for one in ContactClass if one != ContactClass.SERVICE)
TOGETHER = "together"
"""The code of the limit over all classes but service."""


class ContactReason(models.TextChoices):
    """Why a contact waits or was not made: a closed vocabulary."""

    QUIET_HOURS = "quiet_hours", _("quiet hours")
    LIMIT_REACHED = "limit_reached", _("contacted often enough")
    TOO_LATE = "too_late", _("not sent: too late")
    NO_CONSENT = "no_consent", _("not agreed to")
    NO_ADDRESS = "no_address", _("no address to reach")
    DEAD_ADDRESS = "dead_address", _("the address does not work")
    GONE = "gone", _("left or erased")
    TAKEN_BACK = "taken_back", _("no longer needed")


WAITING_FOR: frozenset[str] = frozenset({ContactReason.QUIET_HOURS, ContactReason.LIMIT_REACHED})


class ContactLimit(models.Model):
    """What the company said of one class (or of all together); what was never said stays as delivered."""

    code = models.CharField(max_length=20, unique=True)  # a ContactClass, or "together"
    most = models.PositiveSmallIntegerField(null=True)  # contacts of one person; empty: as many as wanted
    days = models.PositiveSmallIntegerField(default=1)  # local days, today included

    privacy = declare(none_keep="id code most days")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(code__in=[TOGETHER, *(str(one) for one in LIMITED)]), name="contact_limit_known"
            ),
            models.CheckConstraint(
                condition=Q(most__isnull=True) | Q(most__gte=1), name="contact_limit_most"
            ),
            models.CheckConstraint(condition=Q(days__gte=1), name="contact_limit_days"),
        ]


class QuietHours(models.Model):
    """When nobody is contacted but for service, on the customer's wall clock; both equal: never."""

    starts = models.PositiveSmallIntegerField()  # minutes since midnight
    ends = models.PositiveSmallIntegerField()

    privacy = declare(none_keep="id starts ends")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="quiet_hours_one_row"),
            models.CheckConstraint(condition=Q(starts__lt=1440, ends__lt=1440), name="quiet_hours_of_a_day"),
        ]


class ContactGate(models.Model):
    """How many contacts of a person were granted so far: what two who ask at once contend for."""

    contact = models.ForeignKey(
        "customers.Contact", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    granted = models.PositiveIntegerField(default=0)

    privacy = declare(none_keep="id", conduct_keep="contact granted")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact"], name="contact_gate_once")]


class ContactReservationQuerySet(models.QuerySet["ContactReservation"]):
    def visible_to(self, user: User) -> ContactReservationQuerySet:
        """Return the reservations of customers that ``user`` may see."""
        visible: models.QuerySet[Customer] = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        return self.filter(customer__in=visible.order_by().values("pk"))

    def due(self, at: object) -> ContactReservationQuerySet:
        """Return the deferred ones that are to be decided anew at ``at``."""
        return self.filter(state=ContactReservation.State.DEFERRED, due_at__lte=at).order_by("due_at", "id")


class ContactReservation(models.Model):
    """One contact that somebody wants to make: granted, deferred with its reason, or closed."""

    class State(models.TextChoices):
        GRANTED = "granted", pgettext_lazy("contact", "granted")
        DEFERRED = "deferred", pgettext_lazy("contact", "deferred")
        CLOSED = "closed", pgettext_lazy("contact", "not made")

    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    contact = models.ForeignKey(
        "customers.Contact", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    purpose = models.CharField(_("class of contact"), max_length=20, choices=ContactClass.choices)
    channel = models.CharField(_("channel"), max_length=12, choices=Channel.choices)
    key = models.CharField(max_length=120)  # what it is about, for example "case:12"
    state = models.CharField(_("state"), max_length=8, choices=State.choices)
    reason = models.CharField(_("reason"), max_length=16, choices=ContactReason.choices, blank=True)
    asked_at = models.DateTimeField(_("asked"))
    due_at = models.DateTimeField(null=True)  # deferred: when it is decided anew
    latest_at = models.DateTimeField(_("latest"), null=True)  # after that it is of no use
    ended_at = models.DateTimeField(null=True)  # granted or closed
    granted_day = models.PositiveIntegerField(null=True)  # local day number
    tries = models.PositiveSmallIntegerField(default=1)
    follows = models.ForeignKey(  # it reminds of that one, so that both are one in the limit of their class
        "self", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    objects: ClassVar[models.Manager[ContactReservation]] = ContactReservationQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id purpose channel key state reason tries latest_at due_at follows",
        conduct_keep="customer contact asked_at ended_at granted_day",
        staff_keep="by",
    )

    class Meta:
        indexes = [
            # how often somebody was contacted lately
            models.Index(
                fields=["contact", "granted_day"],
                condition=Q(state="granted") & ~Q(purpose="service"),
                name="reservation_granted",
            ),
            models.Index(fields=["due_at", "id"], condition=Q(state="deferred"), name="reservation_due"),
            models.Index(fields=["customer", "-id"], name="reservation_customer"),
            models.Index(fields=["state", "-id"], name="reservation_state"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["purpose", "key"], name="reservation_once"),
            models.UniqueConstraint(
                fields=["follows"], condition=Q(follows__isnull=False), name="reservation_followed_once"
            ),
            models.CheckConstraint(condition=~Q(key=""), name="reservation_about_something"),
            models.CheckConstraint(
                condition=Q(state="granted", reason="", granted_day__isnull=False, ended_at__isnull=False)
                | Q(state="deferred", due_at__isnull=False, ended_at__isnull=True, granted_day__isnull=True)
                & ~Q(reason="")
                | Q(state="closed", ended_at__isnull=False, granted_day__isnull=True) & ~Q(reason=""),
                name="reservation_state_whole",
            ),
            models.CheckConstraint(
                condition=Q(latest_at__isnull=True) | Q(latest_at__gte=F("asked_at")),
                name="reservation_latest_ahead",
            ),
        ]

    @property
    def reason_text(self) -> str | Promise:
        """Why it waits or was not made, in words."""
        return self.get_reason_display() if self.reason else ""
