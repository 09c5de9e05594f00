"""Losses: a customer that left."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from customers.models import Contract, Customer, User
from retention.models.cases import RetentionCase


class LossQuerySet(models.QuerySet["Loss"]):
    def visible_to(self, user: User) -> LossQuerySet:
        """Return the losses of the customers that ``user`` may see."""
        return self.filter(customer__in=Customer.objects.visible_to(user))  # type: ignore[attr-defined]


class Loss(models.Model):
    """One spell of being lost: recorded when a case closes as lost, or the night after a contract lapsed."""

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="losses")
    case = models.OneToOneField(RetentionCase, null=True, on_delete=models.PROTECT, related_name="loss")
    contract = models.OneToOneField(Contract, null=True, on_delete=models.PROTECT, related_name="loss")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    churn_type = models.CharField(
        _("type"), max_length=12, choices=RetentionCase.ChurnType.choices, blank=True
    )
    margin_365d = models.BigIntegerField(default=0)  # base minor units lost a year
    ended_at = models.DateTimeField(null=True)  # returned

    objects: ClassVar[models.Manager[Loss]] = LossQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id case contract churn_type",
        conduct_keep="customer occurred_at recorded_at margin_365d ended_at",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer"], condition=models.Q(ended_at__isnull=True), name="loss_one_open"
            )
        ]
