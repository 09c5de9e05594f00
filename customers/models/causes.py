"""Why customers leave: the two-level catalogue of R14."""

from __future__ import annotations

from django.db import models
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare


class Cause(models.Model):
    """One cause; those with a parent are the second level."""

    code = models.SlugField(max_length=64, unique=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    name_en = models.CharField(_("English name"), max_length=100)
    name_zh = models.CharField(_("Chinese name"), max_length=100)
    position = models.PositiveSmallIntegerField(default=0)
    is_retired = models.BooleanField(default=False)

    privacy = declare(none_keep="id code parent name_en name_zh position is_retired")

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name_zh if (translation.get_language() or "").startswith("zh") else self.name_en
