"""How long each class of data is kept."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare


class KeepPeriod(models.Model):
    """The period of one class (``customers.keeping``) where it differs from what is delivered."""

    code = models.CharField(max_length=32, unique=True)
    months = models.PositiveSmallIntegerField(_("months"), null=True)  # empty: for ever

    privacy = declare(none_keep="id code months")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(months__isnull=True) | Q(months__gte=1, months__lte=600), name="keep_months_sane"
            )
        ]
