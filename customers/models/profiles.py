"""Imports that come again: which kind, how its columns are read, and who may send the file."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from customers.models.people import Role, User


class ImportProfileQuerySet(models.QuerySet["ImportProfile"]):
    def visible_to(self, user: User) -> ImportProfileQuerySet:
        """Return the recurring imports that ``user`` may see: an admin all, a lead her own."""
        if user.is_active and user.role == Role.ADMIN:
            return self
        if user.is_active and user.role == Role.TEAM_LEAD:
            return self.filter(by=user)
        return self.none()


class ImportProfile(models.Model):
    """A saved import: files that are sent with its token land with its mapping, as ``by``.

    The token is 256 random bits, of which only a hash is stored; it opens nothing but this upload.
    """

    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(max_length=32)
    mapping = models.JSONField(default=dict)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    prefix = models.CharField(max_length=16)  # the first characters, to recognise the token by
    secret_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)  # real time, as that of other tokens

    objects: ClassVar[models.Manager[ImportProfile]] = ImportProfileQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id name kind mapping prefix made_at revoked_at", staff_keep="by", key_keep="secret_hash"
    )

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name
