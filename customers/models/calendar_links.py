"""Links for calendar programs."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from customers.ground.privacy import declare


class CalendarLink(models.Model):
    """A link to one's renewals for a calendar program: 256 random bits of which a hash is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    secret_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    privacy = declare(none_keep="id created_at revoked_at", staff_keep="user", key_keep="secret_hash")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(revoked_at__isnull=True), name="calendar_link_one"
            )
        ]
