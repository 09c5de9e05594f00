"""Follow-up calls: planned with a deadline, logged with an outcome."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from customers.models import User
from retention.models.cases import RetentionCase


class CallQuerySet(models.QuerySet["FollowUpCall"]):
    def visible_to(self, user: User) -> CallQuerySet:
        """Return the calls that ``user`` may see: those of the cases that she may see."""
        return self.filter(case__in=RetentionCase.objects.visible_to(user))  # type: ignore[attr-defined]


class FollowUpCall(models.Model):
    """One attempt to speak with the customer; the next attempt is the next row."""

    class Status(models.TextChoices):
        PLANNED = "planned", _("planned")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")

    class Outcome(models.TextChoices):
        REACHED = "reached", _("reached")
        NO_ANSWER = "no_answer", _("no answer")
        LEFT_MESSAGE = "left_message", _("left message")
        CALL_LATER = "call_later", _("call me later")
        WRONG_NUMBER = "wrong_number", _("wrong number")
        DO_NOT_CALL = "do_not_call", _("do not call")

    class Purpose(models.TextChoices):
        REVISIT = "revisit", _("revisit of a lost customer")

    case = models.ForeignKey(RetentionCase, on_delete=models.PROTECT, related_name="calls")
    purpose = models.CharField(max_length=8, choices=Purpose.choices, blank=True, default="", db_default="")
    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="+")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="calls"
    )
    attempt = models.PositiveSmallIntegerField(default=1)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.PLANNED)
    due_at = models.DateTimeField()
    reason = models.CharField(_("what to talk about"), max_length=500, blank=True, db_default="")
    planned_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True)
    note = models.TextField(_("note"), blank=True)
    overdue_at = models.DateTimeField(null=True)  # when it was marked overdue
    escalated_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    interaction = models.ForeignKey(
        "customers.Interaction", null=True, on_delete=models.PROTECT, related_name="+"
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    objects: ClassVar[models.Manager[FollowUpCall]] = CallQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id case purpose attempt status outcome interaction",
        conduct_keep="customer due_at planned_at done_at overdue_at",
        staff_keep="assignee escalated_to by",
        text_blank="note reason",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(status="planned"), name="call_one_planned_per_case"
            ),
            models.CheckConstraint(
                condition=Q(status="done", done_at__isnull=False, outcome__gt="")
                | Q(~Q(status="done"), outcome=""),
                name="call_done_has_outcome",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(status="planned"), name="call_due"),
            models.Index(fields=["case", "-id"], name="call_case"),
        ]
