"""What is left of people who were erased: that it happened, and what keeps them from coming back."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.ground import guards
from customers.ground.privacy import declare


class ErasureReceipt(models.Model):
    """That somebody was erased: who did it, when, why, and how many rows it concerned. Names nobody."""

    class Person(models.TextChoices):
        CONTACT = "contact", _("contact")
        CUSTOMER = "customer", _("customer")

    class Reason(models.TextChoices):
        REQUEST = "request", _("the person asked for it")
        WITHDRAWN = "withdrawn", _("consent was withdrawn")
        PERIOD = "period", _("the retention period is over")
        UNLAWFUL = "unlawful", _("the data should not have been collected")
        OTHER = "other", _("another reason")

    number = models.CharField(max_length=32, unique=True)
    person = models.CharField(max_length=8, choices=Person.choices)
    object_id = models.BigIntegerField()
    reason = models.CharField(max_length=12, choices=Reason.choices)
    counts = models.JSONField(default=dict)  # table → rows that were blanked or destroyed
    names = models.PositiveIntegerField(default=0)  # ids of other systems that are refused from now on
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    is_replay = models.BooleanField(default=False)  # done again after a restore

    privacy = declare(
        none_keep="id number person object_id reason counts names at is_replay", staff_keep="by"
    )

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["person", "object_id"], name="erasure_receipt_person")]

    def __str__(self) -> str:
        return self.number

    def rows(self) -> list[tuple[str, int]]:
        """Return the tables by their codes, and how many of their rows were concerned."""
        return sorted(self.counts.items())


class ErasedName(models.Model):
    """The keyed hash of an id by which another system calls somebody who was erased: it is refused."""

    source = models.CharField(max_length=64)
    kind = models.CharField(max_length=32)
    digest = models.CharField(max_length=64)
    erased_at = models.DateTimeField()

    privacy = declare(none_keep="id source kind digest erased_at")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "kind", "digest"], name="erased_name_once")]


class ErasureBook(models.Model):
    """The name of this database in the log of erasures, which stands outside of it."""

    name = models.UUIDField(default=uuid.uuid4)

    privacy = declare(none_keep="id name")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="erasure_book_one_row")]


guards.append_only(ErasureReceipt)
guards.append_only(ErasedName)
