"""One file brought in: what was asked, how far it came, what became of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare


class ImportBatch(models.Model):
    """An import by page, command or API; every fact it wrote points to it."""

    class Status(models.TextChoices):
        UPLOADED = "uploaded", _("uploaded")
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        REFUSED = "refused", _("could not be read")

    kind = models.CharField(max_length=32)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.UPLOADED)
    file_name = models.CharField(max_length=255, blank=True)
    stored_as = models.CharField(max_length=255, blank=True)  # below var/imports, random name
    error_stored_as = models.CharField(max_length=255, blank=True)
    mapping = models.JSONField(default=dict)
    size = models.BigIntegerField(default=0)  # bytes
    position = models.BigIntegerField(default=0)  # lines done so far
    lines = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    created = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    problem = models.TextField(blank=True)  # why nothing could be read, in the user's words
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    privacy = declare(
        none_keep="id kind status file_name stored_as error_stored_as mapping size position lines accepted refused "
        "created updated unchanged problem made_at started_at finished_at",
        staff_keep="by",
    )

    class Meta:
        ordering = ["-id"]
