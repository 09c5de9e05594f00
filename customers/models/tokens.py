"""Tokens by which programs call the API."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from customers.models.people import Role, User


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def visible_to(self, user: User) -> ApiTokenQuerySet:
        """Return the tokens that ``user`` may see and revoke: an admin all, others their own."""
        if not user.is_active:
            return self.none()
        return self if user.role == Role.ADMIN else self.filter(user=user)

    def live(self, at: datetime) -> ApiTokenQuerySet:
        """Return the tokens that open something at ``at``."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=at, user__is_active=True)


class ApiToken(models.Model):
    """A token: 256 random bits of which only a hash is stored. All of its moments are real time."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_tokens", verbose_name=_("user")
    )
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(max_length=16)  # the first characters, to recognise it by
    secret_hash = models.CharField(max_length=64, unique=True)  # SHA-256: nothing to guess in 256 bits
    scopes = models.JSONField(default=list)
    addresses = models.JSONField(default=list, blank=True)  # networks it may be used from; empty: any
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[ApiToken]] = ApiTokenQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id prefix scopes addresses created_at expires_at revoked_at",
        staff_keep="user name",
        key_keep="secret_hash",
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="api_token_expires")
        ]

    def __str__(self) -> str:
        return self.name
