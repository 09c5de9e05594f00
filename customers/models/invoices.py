"""What customers owe us and pay."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare


class Invoice(Fact):
    """An invoice, issued at ``occurred_at``; what was paid of it is told by its events.

    Amounts are in minor units; ``amount_base`` at the rate of the day of issue, frozen (decision 10).
    """

    number = models.CharField(max_length=64, blank=True)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    amount_base = models.BigIntegerField()
    due_day = models.IntegerField()  # local day number by whose end it must be paid
    settled = models.BigIntegerField(default=0)  # cache: what was paid or written off, in ``currency``

    privacy = {
        **FACT_PRIVACY,
        **declare(
            none_keep="currency", reach_blank="number", conduct_keep="amount amount_base due_day settled"
        ),
    }

    class Meta:
        indexes = [models.Index(fields=["customer", "-occurred_at", "-id"], name="invoice_newest")]
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="invoice_amount_above_zero")]

    @property
    def owed(self) -> int:
        """Return what is still to be paid, in minor units of its currency."""
        return max(0, self.amount - self.settled)


InvoiceVersion = twin_of(Invoice, caches=("settled",))


class InvoiceEvent(Fact):
    """One dated step of an invoice: issued, a payment, a payment that failed; measures read these.

    ``amount`` and ``amount_base`` are what it was issued over, or what was paid (or should have been), at
    the invoice's own rate, so that what is paid in full leaves nothing owed. As of a moment an invoice is
    open while less was paid and written off than it was issued over.
    """

    class Kind(models.TextChoices):
        ISSUED = "issued", _("issued")
        PAID = "paid", _("paid")
        FAILED = "failed", _("payment failed")
        WRITTEN_OFF = "written_off", _("written off")

    class Method(models.TextChoices):
        TRANSFER = "transfer", _("bank transfer")
        CARD = "card", _("card")
        DIRECT_DEBIT = "debit", _("direct debit")
        ALIPAY = "alipay", _("Alipay")
        WECHAT = "wechat", _("WeChat Pay")
        CASH = "cash", _("cash")
        OTHER = "other", _("other")

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    amount = models.BigIntegerField()
    amount_base = models.BigIntegerField()
    due_day = models.IntegerField(null=True)  # of ``issued`` alone
    method = models.CharField(max_length=8, choices=Method.choices, blank=True)

    privacy = {**FACT_PRIVACY, **declare(conduct_keep="invoice kind amount amount_base due_day method")}

    class Meta:
        indexes = [
            models.Index(
                fields=[
                    "customer",
                    "invoice",
                    "occurred_at",
                    "recorded_at",
                    "occurred_day",
                    "kind",
                    "amount",
                    "amount_base",
                    "due_day",
                    "void",
                ],
                name="invoice_event_pass",
            ),
            models.Index(fields=["occurred_day", "customer"], name="invoice_event_crossing"),
            # whose invoice fell due since the last pass (retention/measures/changes)
            models.Index(
                fields=["due_day", "customer"],
                condition=Q(due_day__isnull=False),
                name="invoice_event_due",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="invoice_event_not_negative"),
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(kind="issued"), name="invoice_issued_once"
            ),
        ]


InvoiceEventVersion = twin_of(InvoiceEvent)
SETTLING = (InvoiceEvent.Kind.PAID, InvoiceEvent.Kind.WRITTEN_OFF)
"""The steps after which less is owed."""
