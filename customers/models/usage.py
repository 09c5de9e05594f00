"""What customers do with what they have: logins, visits to a shop, the balance that they hold."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare

THOUSANDTHS = 1000


class UsageKind(models.TextChoices):
    """How the quantities of a metric count together."""

    USE = "use", _("adds up (logins, visits)")
    BALANCE = "balance", _("stands until the next one (a balance held)")


class UsageMetric(models.Model):
    """One thing that is counted. What is delivered may be renamed; admins add their own."""

    code = models.SlugField(_("code"), max_length=32, unique=True)
    kind = models.CharField(_("kind"), max_length=8, choices=UsageKind.choices)
    name_en = models.CharField(_("English name"), max_length=100)
    name_zh = models.CharField(_("Chinese name"), max_length=100)
    position = models.PositiveSmallIntegerField(default=0)
    is_retired = models.BooleanField(default=False)

    privacy = declare(none_keep="id code kind name_en name_zh position is_retired")

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name_zh if (translation.get_language() or "").startswith("zh") else self.name_en


class Usage(Fact):
    """How much of a metric was counted at a moment, perhaps of one product.

    ``kind`` repeats the metric's, which never changes, so that a pass need not look it up.
    ``milli`` is the quantity in thousandths: whole numbers add up alike on every database.
    """

    metric = models.ForeignKey(UsageMetric, on_delete=models.PROTECT, related_name="+")
    product = models.ForeignKey("customers.Product", null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=UsageKind.choices)
    milli = models.BigIntegerField()

    privacy = {**FACT_PRIVACY, **declare(conduct_keep="metric product kind milli")}

    class Meta:
        indexes = [
            # Those of one kind only; yet the kind is in them, for SQLite reads it again.
            models.Index(
                fields=["customer", "occurred_day", "occurred_at", "recorded_at", "milli", "void", "kind"],
                condition=Q(kind=UsageKind.USE),
                name="usage_pass",
            ),
            models.Index(
                fields=[
                    "customer",
                    "metric",
                    "product",
                    "-occurred_at",
                    "-id",
                    "occurred_day",
                    "recorded_at",
                    "milli",
                    "void",
                    "kind",
                ],
                condition=Q(kind=UsageKind.BALANCE),
                name="balance_pass",
            ),
            models.Index(fields=["occurred_day", "customer"], name="usage_crossing"),
        ]

    @property
    def quantity(self) -> Decimal:
        """Return the quantity as a plain number."""
        return Decimal(self.milli) / THOUSANDTHS


UsageVersion = twin_of(Usage)
