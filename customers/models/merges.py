"""Two files that were one customer: who went into whom, and what moved, as long as it can be taken back."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from customers.models.customers import Customer
from customers.models.people import User


class MergeQuerySet(models.QuerySet["Merge"]):
    def visible_to(self, user: User) -> MergeQuerySet:
        """Return the merges into customers that ``user`` may see."""
        return self.filter(survivor__in=Customer.objects.visible_to(user))  # type: ignore[attr-defined]

    def standing(self) -> MergeQuerySet:
        """Return those that were not taken back."""
        return self.filter(undone_at__isnull=True)


class Merge(models.Model):
    """``merged`` went into ``survivor``: its facts, cases and references stand there since ``at``."""

    survivor = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="merges")
    merged = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(_("reason"), blank=True)
    moved = models.JSONField(default=dict)  # model label -> rows moved
    made = models.JSONField(default=dict)  # what the merge itself wrote: name -> id
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects: ClassVar[models.Manager[Merge]] = MergeQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id survivor merged moved made at undone_at",
        text_blank="reason",
        staff_keep="by undone_by",
    )

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["merged"], condition=Q(undone_at__isnull=True), name="merge_once_standing"
            ),
            models.CheckConstraint(condition=~Q(survivor=F("merged")), name="merge_of_two"),
        ]
        indexes = [models.Index(fields=["survivor", "-at"], name="merge_survivor")]


class MergedRow(models.Model):
    """One row that a merge re-pointed (``column``) or changed (``before`` and ``after``), for its undo.

    Kept for 30 days. The values are ids, codes, numbers and moments; texts are sealed beside the merge.
    """

    merge = models.ForeignKey(Merge, on_delete=models.CASCADE, related_name="rows", db_index=False)
    model = models.CharField(max_length=64)
    column = models.CharField(max_length=64, blank=True)
    object_id = models.BigIntegerField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    privacy = declare(none_keep="id merge model column object_id before after")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merge", "model", "column", "object_id"], name="merged_row_once")
        ]
