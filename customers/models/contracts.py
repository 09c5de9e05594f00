"""What was agreed for a time."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare


class Contract(Fact):
    """A contract; ``occurred_at`` is when it was signed. Days are local day numbers.

    It counts as running while ``starts_day <= today <= ends_day`` and it was neither terminated
    (``terminated_day``) nor renewed (``renewed_day``).
    """

    class Renewal(models.TextChoices):
        SAME = "same", _("renewed")
        RENEGOTIATED = "renegotiated", _("renegotiated")
        LONGER = "longer", _("longer term")
        ITSELF = "itself", _("renewed by itself")

    number = models.CharField(max_length=64, blank=True)
    starts_day = models.IntegerField()
    ends_day = models.IntegerField()
    notice_day = models.IntegerField(null=True)
    auto_renew = models.BooleanField(default=False)
    renewed_day = models.IntegerField(null=True)
    terminated_day = models.IntegerField(null=True)
    currency = models.CharField(max_length=3)
    value = models.BigIntegerField(default=0)  # minor units over the whole term
    value_base = models.BigIntegerField(default=0)
    owner = models.ForeignKey(  # who answers for it
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        db_index=False,
        on_delete=models.PROTECT,
        related_name="contracts",
    )
    renews = models.ForeignKey(  # the contract before, which this one goes on with
        "self", null=True, blank=True, db_index=False, on_delete=models.PROTECT, related_name="renewals"
    )
    renewal = models.CharField(max_length=12, choices=Renewal.choices, blank=True, db_default="")

    privacy = {
        **FACT_PRIVACY,
        **declare(
            none_keep="currency renews renewal",
            reach_blank="number",
            conduct_keep="starts_day ends_day notice_day auto_renew renewed_day terminated_day value "
            "value_base",
            staff_keep="owner",
        ),
    }

    class Meta:
        indexes = [
            models.Index(
                fields=[
                    "customer",
                    "occurred_day",
                    "occurred_at",
                    "recorded_at",
                    "value_base",
                    "starts_day",
                    "ends_day",
                    "renewed_day",
                    "terminated_day",
                    "void",
                    "auto_renew",
                ],
                name="contract_pass",
            ),
            # what the night and the calendar look for: undecided contracts by their end
            models.Index(
                fields=["ends_day", "customer"],
                condition=Q(void=False, renewed_day__isnull=True, terminated_day__isnull=True),
                name="contract_undecided",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_day__gte=F("starts_day")), name="contract_ends_after_start"
            ),
            models.UniqueConstraint(
                fields=["renews"], condition=Q(renews__isnull=False, void=False), name="contract_renewed_once"
            ),
        ]


ContractVersion = twin_of(Contract)
