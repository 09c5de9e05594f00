"""Indicators: figures of the company's own about a customer, one value after the other."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare

THOUSANDTHS = 1000


class Worse(models.TextChoices):
    """Which way an indicator gets worse."""

    LOWER = "lower", _("lower is worse")
    HIGHER = "higher", _("higher is worse")


class Indicator(models.Model):
    """One figure that the company keeps an eye on; code and direction never change."""

    code = models.SlugField(_("code"), max_length=32, unique=True)
    name_en = models.CharField(_("English name"), max_length=100)
    name_zh = models.CharField(_("Chinese name"), max_length=100)
    unit = models.CharField(_("unit"), max_length=20, blank=True)
    worse = models.CharField(_("direction"), max_length=6, choices=Worse.choices)
    is_retired = models.BooleanField(default=False)

    privacy = declare(none_keep="id code name_en name_zh unit worse is_retired")

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name_zh if (translation.get_language() or "").startswith("zh") else self.name_en


class IndicatorValue(Fact):
    """What an indicator stood at from a moment on.

    ``worse`` repeats the indicator's, which never changes, so that a pass need not look it up.
    ``milli`` is the value in thousandths: whole numbers compare alike on every database.
    """

    indicator = models.ForeignKey(Indicator, on_delete=models.PROTECT, related_name="+")
    worse = models.CharField(max_length=6, choices=Worse.choices)
    milli = models.BigIntegerField()

    privacy = {**FACT_PRIVACY, **declare(conduct_keep="indicator worse milli")}

    class Meta:
        indexes = [
            models.Index(
                fields=[
                    "customer",
                    "indicator",
                    "-occurred_at",
                    "-id",
                    "occurred_day",
                    "recorded_at",
                    "milli",
                    "worse",
                    "void",
                ],
                name="indicator_pass",
            ),
            models.Index(fields=["occurred_day", "customer"], name="indicator_crossing"),
        ]

    @property
    def value(self) -> Decimal:
        """Return the value as a plain number."""
        return Decimal(self.milli) / THOUSANDTHS


IndicatorValueVersion = twin_of(IndicatorValue)
