"""Invitations that are to reach somebody by a message: asked for, waiting, sent, or not and why."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground.privacy import declare
from customers.models import Customer, User
from customers.models.channels import SENDABLE
from surveys.models.invitations import Invitation
from surveys.models.surveys import Survey


class SurveyDispatchQuerySet(models.QuerySet["SurveyDispatch"]):
    def visible_to(self, user: User) -> SurveyDispatchQuerySet:
        """Return those to customers that ``user`` may see."""
        visible: models.QuerySet[Customer] = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        return self.filter(customer__in=visible.order_by().values("pk"))


class SurveyDispatch(models.Model):
    """That somebody is asked by a message; its invitation is made when the contact is granted.

    ``reservation`` says whether and when, and has the message; ``reminder`` is that of the one reminder.
    """

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("invitation", "waits")
        SENDING = "sending", pgettext_lazy("invitation", "being sent")
        SENT = "sent", pgettext_lazy("invitation", "sent")
        CLOSED = "closed", pgettext_lazy("invitation", "not sent")

    class Reason(models.TextChoices):
        """Why it was not sent or did not arrive: a closed vocabulary."""

        TOO_LATE = "too_late", _("too late to be of use")
        NO_CONSENT = "no_consent", _("not agreed to")
        NO_ADDRESS = "no_address", _("no address to reach")
        DEAD_ADDRESS = "dead_address", _("the address does not work")
        GONE = "gone", _("left or erased")
        TAKEN_BACK = "taken_back", _("no longer needed")
        SURVEY_CLOSED = "survey_closed", _("the survey was closed")
        REFUSED = "refused", _("the provider refused it")
        GIVEN_UP = "given_up", _("tried often enough")

    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, related_name="dispatches", db_index=False)
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    contact = models.ForeignKey("customers.Contact", on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(_("channel"), max_length=12, choices=[(c, c.label) for c in SENDABLE])
    key = models.CharField(max_length=100)  # what it asks about: once, whoever asks
    occasion_type = models.CharField(max_length=64, blank=True)
    occasion_id = models.BigIntegerField(null=True)
    reservation = models.OneToOneField(
        "customers.ContactReservation", on_delete=models.PROTECT, related_name="survey_dispatch"
    )
    invitation = models.OneToOneField(
        Invitation, null=True, on_delete=models.PROTECT, related_name="dispatch"
    )
    state = models.CharField(_("state"), max_length=7, choices=State.choices, default=State.WAITING)
    reason = models.CharField(_("reason"), max_length=13, choices=Reason.choices, blank=True)
    remind_after = models.PositiveSmallIntegerField(null=True)  # days after it was sent; empty: never
    reminder = models.OneToOneField(
        "customers.ContactReservation", null=True, on_delete=models.PROTECT, related_name="survey_reminder"
    )
    asked_at = models.DateTimeField(_("asked"))
    ended_at = models.DateTimeField(null=True)  # sent or not sent
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    objects: ClassVar[models.Manager[SurveyDispatch]] = SurveyDispatchQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id survey channel key occasion_type occasion_id reservation invitation state reason "
        "remind_after reminder",
        conduct_keep="customer contact asked_at ended_at",
        staff_keep="by",
    )

    class Meta:
        indexes = [
            models.Index(fields=["customer", "-id"], name="dispatch_customer"),
            models.Index(fields=["survey", "state", "-id"], name="dispatch_survey"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="waiting", reason="", invitation__isnull=True, ended_at__isnull=True)
                | Q(state="sending", reason="", invitation__isnull=False, ended_at__isnull=True)
                | Q(state="sent", reason="", invitation__isnull=False, ended_at__isnull=False)
                | Q(state="closed", ended_at__isnull=False) & ~Q(reason=""),
                name="dispatch_state_whole",
            ),
            models.CheckConstraint(
                condition=Q(remind_after__isnull=True) | Q(remind_after__range=(1, 28)),
                name="dispatch_reminds_in_time",
            ),
        ]

    @property
    def reason_text(self) -> str | Promise:
        """Why it was not sent, in words."""
        return self.get_reason_display() if self.reason else ""
