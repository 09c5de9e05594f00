"""Who else courts our customers, and what they were seen to offer."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare


class Competitor(models.Model):
    """A company that courts our customers.

    One that was merged into another stays as a pointer to it, so that what was seen of it follows
    without any fact being written anew.
    """

    name = models.CharField(_("name"), max_length=200)
    products = models.TextField(_("products"), blank=True, max_length=2000)
    talking_points = models.TextField(_("talking points"), blank=True, max_length=5000)
    is_checked = models.BooleanField(default=False)  # False: somebody typed it, nobody looked at it yet
    merged_into = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="merged")

    privacy = declare(none_keep="id name products talking_points is_checked merged_into")

    class Meta:
        ordering = ["name", "id"]
        indexes = [models.Index(fields=["name", "id"], name="competitor_by_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def standing(self) -> Competitor:
        """Return the competitor that it counts as: itself, or the one that it was merged into."""
        return self.merged_into or self


class CompetitorName(models.Model):
    """One way to write a competitor: its own name, or an alias. Retyped spellings have the same key."""

    competitor = models.ForeignKey(Competitor, on_delete=models.CASCADE, related_name="names")
    name = models.CharField(max_length=200)
    key = models.CharField(max_length=200, unique=True)  # see ``customers.competitors.key_of``

    privacy = declare(none_keep="id competitor name key")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class CompetitorSighting(Fact):
    """What a competitor was seen to offer a customer, at ``occurred_at``.

    Prices are in minor units of ``currency``; the base amounts at the rate of the day, frozen
    (decision 10). Either price may be unknown.
    """

    class LearntFrom(models.TextChoices):
        CUSTOMER = "customer", _("the customer said so")
        VISIT = "visit", _("seen on a visit")
        SURVEY = "survey", _("answer to a survey")
        PUBLIC = "public", _("public source")
        OTHER = "other", _("other")

    competitor = models.ForeignKey(Competitor, on_delete=models.PROTECT, related_name="+")
    product = models.ForeignKey("customers.Product", null=True, on_delete=models.PROTECT, related_name="+")
    offered = models.TextField(_("what it offered"), blank=True, max_length=2000)
    learnt_from = models.CharField(max_length=8, choices=LearntFrom.choices, default=LearntFrom.CUSTOMER)
    currency = models.CharField(max_length=3, blank=True)  # empty without any price
    price_seen = models.BigIntegerField(null=True)
    price_ours = models.BigIntegerField(null=True)
    price_seen_base = models.BigIntegerField(null=True)
    price_ours_base = models.BigIntegerField(null=True)

    privacy = {
        **FACT_PRIVACY,
        **declare(
            none_keep="currency",
            conduct_keep="competitor product learnt_from price_seen price_ours"
            " price_seen_base price_ours_base",
            text_blank="offered",
        ),
    }

    class Meta:
        indexes = [
            models.Index(
                fields=[
                    "customer",
                    "-occurred_at",
                    "-id",
                    "occurred_day",
                    "recorded_at",
                    "price_seen_base",
                    "price_ours_base",
                    "void",
                ],
                name="sighting_pass",
            ),
            models.Index(fields=["occurred_day", "customer"], name="sighting_crossing"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(price_seen__isnull=True) | Q(price_seen__gt=0), name="sighting_price_above_zero"
            ),
            models.CheckConstraint(
                condition=Q(price_ours__isnull=True) | Q(price_ours__gt=0), name="sighting_ours_above_zero"
            ),
        ]


CompetitorSightingVersion = twin_of(CompetitorSighting)
