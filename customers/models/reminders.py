"""What somebody wants to be reminded of."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from customers.models.people import User


class ReminderQuerySet(models.QuerySet["Reminder"]):
    def visible_to(self, user: User) -> ReminderQuerySet:
        """Return the reminders that ``user`` may see: her own."""
        return self.filter(user=user) if user.is_active else self.none()

    def waiting(self) -> ReminderQuerySet:
        """Return those that are not done, the next one first."""
        return self.filter(done_at__isnull=True).order_by("due_at", "id")

    def due(self, at: datetime) -> ReminderQuerySet:
        """Return those whose moment has come and that are not done."""
        return self.waiting().filter(due_at__lte=at)


class Reminder(models.Model):
    """A note to oneself for a moment to come, about a customer or about nobody."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reminders")
    customer = models.ForeignKey(
        "customers.Customer", null=True, blank=True, on_delete=models.PROTECT, related_name="reminders"
    )
    text = models.CharField(_("what to think of"), max_length=500, blank=True)  # blank: it was erased
    due_at = models.DateTimeField(_("when"))
    made_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Reminder]] = ReminderQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id", staff_keep="user made_at done_at due_at", conduct_keep="customer", text_blank="text"
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["user", "due_at", "id"], condition=Q(done_at__isnull=True), name="reminder_waiting"
            ),
            models.Index(fields=["user", "-done_at", "-id"], name="reminder_done"),
            models.Index(fields=["customer", "user"], name="reminder_customer"),
        ]
