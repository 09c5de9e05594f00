"""Measures that an admin made without code, over an attribute or an indicator of the company's own."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare


class Way(models.TextChoices):
    """How a value is made of the facts."""

    NUMBER = "number", _("its number")
    DAY = "day", _("its day")
    DAYS_SINCE = "days_since", _("days since its day")
    DAYS_UNTIL = "days_until", _("days until its day")
    CHOICE = "choice", _("what was chosen")
    IS_CHOICE = "is_choice", _("whether one thing was chosen")
    NEWEST = "newest", _("newest value")
    CHANGE = "change", _("newest value minus the one so many days ago")
    WORST = "worst", _("worst value of so many days")
    AVERAGE = "average", _("average of the values of so many days")
    DAYS_SINCE_VALUE = "days_since_value", _("days since the newest value")


class OwnMeasure(models.Model):
    """One measure of the company's own; what it counts never changes, its names may."""

    code = models.SlugField(_("code"), max_length=32, unique=True)
    label_en = models.CharField(_("English name"), max_length=100)
    label_zh = models.CharField(_("Chinese name"), max_length=100)
    way = models.CharField(_("way"), max_length=16, choices=Way.choices)
    attribute = models.ForeignKey(
        "customers.Attribute", null=True, on_delete=models.PROTECT, related_name="+"
    )
    indicator = models.ForeignKey(
        "customers.Indicator", null=True, on_delete=models.PROTECT, related_name="+"
    )
    days = models.PositiveIntegerField(null=True)
    choice = models.CharField(max_length=64, blank=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    retired_at = models.DateTimeField(null=True)  # since then conditions that name it are set aside

    privacy = declare(
        none_keep="id code label_en label_zh way attribute indicator days choice made_at made_by retired_at"
    )

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(attribute__isnull=False, indicator__isnull=True)
                | Q(attribute__isnull=True, indicator__isnull=False),
                name="own_measure_of_one",
            ),
            models.UniqueConstraint(Lower("label_en"), name="own_measure_name_en"),
            models.UniqueConstraint(Lower("label_zh"), name="own_measure_name_zh"),
        ]

    def __str__(self) -> str:
        return self.label_zh if (get_language() or "").startswith("zh") else self.label_en
