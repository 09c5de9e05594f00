"""How customers stand: value tier, RFM scores and stage of life, as dated facts, and what they rest on."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare


class Tier(models.TextChoices):
    A = "A", "A"
    B = "B", "B"
    C = "C", "C"
    D = "D", "D"


class Stage(models.TextChoices):
    NEW = "new", _("new")
    GROWING = "growing", _("growing")
    MATURE = "mature", _("mature")
    DECLINING = "declining", _("declining")
    DORMANT = "dormant", _("dormant")
    LOST = "lost", _("lost")
    RETURNED = "returned", _("returned")


class ValuePolicy(models.Model):
    """Of which shares of the margin the tiers are made, from ``made_at`` on: the newest row counts.

    ``share_a``: A are the customers with the greatest margin that bring so many percent of it together;
    ``share_b`` and ``share_c`` go on from there. ``band``: percent by which a margin must pass the
    limit between two tiers before its customer moves.
    """

    share_a = models.PositiveSmallIntegerField(default=50)
    share_b = models.PositiveSmallIntegerField(default=80)
    share_c = models.PositiveSmallIntegerField(default=95)
    band = models.PositiveSmallIntegerField(default=10)
    made_at = models.DateTimeField()
    by = models.ForeignKey("customers.User", null=True, on_delete=models.PROTECT, related_name="+")

    privacy = declare(none_keep="id share_a share_b share_c band made_at", staff_keep="by")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    share_a__gte=1,
                    share_b__gt=models.F("share_a"),
                    share_c__gt=models.F("share_b"),
                    share_c__lte=99,
                    band__lte=50,
                ),
                name="value_policy_shares",
            )
        ]


class CutPoints(models.Model):
    """Where tiers and scores end, fitted to everybody: a moment uses the newest fitted at it or before.

    ``tiers``: the least margins of A, B and C. The others: four values of the measure, best first; see
    ``standing.cutting``. Rows are never changed.
    """

    fitted_as_of = models.DateTimeField(unique=True)
    tiers = models.JSONField()
    recency = models.JSONField()  # days since the last order
    frequency = models.JSONField()  # orders of 365 days
    monetary = models.JSONField()  # margin of 365 days
    band = models.PositiveSmallIntegerField()
    customers = models.PositiveIntegerField()

    privacy = declare(none_keep="id fitted_as_of tiers recency frequency monetary band customers")


class Standing(Fact):
    """How a customer stood from a moment on, until the next one. ``NULL`` is unknown."""

    value_tier = models.CharField(max_length=1, choices=Tier.choices, null=True)
    lifecycle_stage = models.CharField(max_length=9, choices=Stage.choices, null=True)
    recency_score = models.PositiveSmallIntegerField(null=True)
    frequency_score = models.PositiveSmallIntegerField(null=True)
    monetary_score = models.PositiveSmallIntegerField(null=True)

    privacy = {
        **FACT_PRIVACY,
        **declare(
            conduct_keep="value_tier lifecycle_stage recency_score frequency_score monetary_score",
        ),
    }

    class Meta:
        indexes = [
            models.Index(
                fields=[
                    *("customer", "occurred_at", "id", "recorded_at", "value_tier", "lifecycle_stage"),
                    *("recency_score", "frequency_score", "monetary_score", "void"),
                ],
                name="standing_pass",
            ),
            models.Index(fields=["occurred_day", "customer"], name="standing_day"),
        ]


StandingVersion = twin_of(Standing, is_derived=True)
