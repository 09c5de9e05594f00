"""When a contract's end becomes a case, and that it did."""

from __future__ import annotations

from django.db import models

from customers.ground.privacy import declare
from customers.models import Contract
from retention.models.cases import RetentionCase


class RenewalCase(models.Model):
    """The case that a contract's term brought, once; ``missed_at``: its notice date had passed."""

    contract = models.OneToOneField(Contract, on_delete=models.PROTECT, related_name="renewal_case")
    case = models.ForeignKey(RetentionCase, null=True, on_delete=models.PROTECT, related_name="renewals")
    opened_at = models.DateTimeField()
    missed_at = models.DateTimeField(null=True)

    privacy = declare(none_keep="id contract case opened_at missed_at")


class RenewalPolicy(models.Model):
    """How many days before its notice date a contract becomes a case: one row, the default without one."""

    days_before = models.PositiveSmallIntegerField(default=30)

    privacy = declare(none_keep="id days_before")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="renewal_policy_one_row"),
            models.CheckConstraint(
                condition=models.Q(days_before__gte=1, days_before__lte=365), name="renewal_policy_days"
            ),
        ]
