"""Files that belong to a customer's file."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from customers.models.customers import Customer


class Attachment(models.Model):
    """A file kept under a random name below MEDIA_ROOT and served as a download only."""

    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="attachments", db_index=False
    )
    complaint = models.ForeignKey(  # what it was sent with, if that is what it belongs to
        "customers.Complaint",
        null=True,
        on_delete=models.PROTECT,
        related_name="attachments",
        db_index=False,
    )
    name = models.CharField(_("name"), max_length=200)
    note = models.CharField(_("note"), max_length=200, blank=True)
    type = models.CharField(max_length=8)  # what its content is, see ``attachments.TYPES``
    size = models.BigIntegerField()
    stored_as = models.CharField(max_length=32, unique=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    privacy = declare(
        none_keep="id customer complaint type size stored_as added_at",
        staff_keep="by",
        text_destroy="name note",
    )

    class Meta:
        indexes = [
            models.Index(fields=["customer", "-id"], name="attachment_customer"),
            models.Index(
                fields=["complaint", "-id"],
                condition=models.Q(complaint__isnull=False),
                name="attachment_complaint",
            ),
        ]

    def __str__(self) -> str:
        return self.name
