"""Links that work once: for the first admin, and for a colleague's password."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from customers.ground.privacy import declare


class OneTimeLinkQuerySet(models.QuerySet["OneTimeLink"]):
    def live(self, at: datetime) -> OneTimeLinkQuerySet:
        """Return the links that open something at ``at`` (real time)."""
        return self.filter(
            Q(user=None) | Q(user__is_active=True), used_at=None, voided_at=None, expires_at__gt=at
        )


class OneTimeLink(models.Model):
    """A link: 256 random bits of which only a hash is stored. All of its moments are real time."""

    class Purpose(models.TextChoices):
        FIRST_ADMIN = "first_admin"
        PASSWORD = "password"  # noqa: S105 — what the link is for

    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    user = models.ForeignKey(  # whose password it sets
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="links"
    )
    secret_hash = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)  # a newer one took its place

    objects: ClassVar[models.Manager[OneTimeLink]] = OneTimeLinkQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id purpose made_at expires_at used_at voided_at",
        staff_keep="user made_by",
        key_keep="secret_hash",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose="first_admin", user__isnull=True)
                | Q(purpose="password", user__isnull=False),
                name="link_user_by_purpose",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("made_at")), name="link_expires"),
            models.UniqueConstraint(
                fields=["purpose"],
                condition=Q(user__isnull=True, used_at__isnull=True, voided_at__isnull=True),
                name="link_one_for_first_admin",
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(used_at__isnull=True, voided_at__isnull=True),
                name="link_one_for_user",
            ),
        ]
