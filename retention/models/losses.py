"""Losses: a customer that left, what counts as leaving, and when the lost are visited again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from customers.models import Contract, Customer, User
from retention.models.cases import RetentionCase
from retention.models.warnings import EarlyWarning


class LossKind(models.TextChoices):
    """By what a loss was known."""

    HAND = "hand", _("a case closed as lost")
    CONTRACT = "contract", _("contract ended or lapsed")
    WINDOW = "window", _("no order for a fixed time")
    PERSONAL = "personal", _("no order for many times the own rhythm")
    PARTIAL = "partial", _("spend far below the own past")


class LossDefinition(models.Model):
    """What counts as lost, from ``made_at`` on: of each kind the newest row counts, none is changed.

    ``days``: the window, or the least days of silence of a personal one. ``percent``: a multiple of the own
    interval (300 = three times), or the share of last year's spend at which a customer is partly lost.
    """

    kind = models.CharField(max_length=8, choices=LossKind.choices)
    is_on = models.BooleanField()
    days = models.PositiveSmallIntegerField(null=True)
    percent = models.PositiveSmallIntegerField(null=True)
    made_at = models.DateTimeField()
    by = models.ForeignKey("customers.User", null=True, on_delete=models.PROTECT, related_name="+")

    privacy = declare(none_keep="id kind is_on days percent made_at", staff_keep="by")

    class Meta:
        indexes = [models.Index(fields=["kind", "-made_at"], name="loss_definition_newest")]


class RevisitPolicy(models.Model):
    """How many days after a loss its customer is visited again: one row, none without one."""

    days = models.CharField(max_length=60, blank=True)  # "30,90,180"

    privacy = declare(none_keep="id days")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="revisit_policy_one_row")]


class LossQuerySet(models.QuerySet["Loss"]):
    def visible_to(self, user: User) -> LossQuerySet:
        """Return the losses of the customers that ``user`` may see."""
        return self.filter(customer__in=Customer.objects.visible_to(user))  # type: ignore[attr-defined]

    def found_by(self, kind: LossKind) -> LossQuerySet:
        """Return those known by ``kind``, also from before that was kept: see ``Loss.found_by``."""
        found = models.Q(definition=kind)
        old = {LossKind.CONTRACT: False, LossKind.HAND: True}.get(kind)
        return self.filter(found if old is None else found | models.Q(definition="", contract__isnull=old))


class Loss(models.Model):
    """One spell of being lost, by hand or by a definition; see docs/losses.md.

    It began at ``occurred_at`` and was found at ``recorded_at``; it ended at ``ended_at``, which was known
    from ``end_recorded_at`` on.
    """

    class Ended(models.TextChoices):
        HAND = "hand", _("regained")
        ORDER = "order", _("ordered again")
        CONTRACT = "contract", _("a contract goes on")
        RECOVERED = "recovered", _("spends as before")
        TOTAL = "total", _("left altogether")

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
    end_recorded_at = models.DateTimeField(null=True)
    ended_because = models.CharField(
        max_length=9, choices=Ended.choices, blank=True, default="", db_default=""
    )
    # empty: recorded before definitions were kept, by a contract or else by hand
    definition = models.CharField(
        _("found by"), max_length=8, choices=LossKind.choices, blank=True, default="", db_default=""
    )
    is_valuable = models.BooleanField(null=True)  # its margin would have put it into tier A or B
    last_order_day = models.IntegerField(null=True)  # of a silent one, as known when it was found
    spend_before = models.BigIntegerField(null=True)  # of a partial loss: what was spent the year before
    detected_by = models.ForeignKey(
        EarlyWarning, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    days_ahead = models.PositiveIntegerField(null=True)  # of the loss, that the warning came
    revisit_day = models.IntegerField(null=True)  # local day of the next revisit
    revisits = models.PositiveSmallIntegerField(db_default=0, default=0)  # that became a call

    objects: ClassVar[models.Manager[Loss]] = LossQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id case contract churn_type ended_because definition detected_by",
        conduct_keep="customer occurred_at recorded_at margin_365d ended_at end_recorded_at is_valuable "
        "last_order_day spend_before days_ahead revisit_day revisits",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer"], condition=models.Q(ended_at__isnull=True), name="loss_one_open"
            )
        ]

    @property
    def found_by(self) -> LossKind:
        """Return by what the loss was known, also of those that say nothing of it."""
        if self.definition:
            return LossKind(self.definition)
        return LossKind.CONTRACT if self.contract_id else LossKind.HAND

    @property
    def named_in_interviews(self) -> list[int]:
        """Return the causes that the customer named in exit interviews; prefetch ``stated`` before."""
        return sorted({one.cause_id for one in self.stated.all() if one.withdrawn_at is None})
