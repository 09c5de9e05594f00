"""What the business itself wants to know of its customers: typed attributes and their dated values."""

from __future__ import annotations

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare


class Attribute(models.Model):
    """A typed attribute of the business's own."""

    class Kind(models.TextChoices):
        NUMBER = "number", _("number")
        CHOICE = "choice", _("choice")
        DATE = "date", _("date")
        TEXT = "text", _("text")

    code = models.SlugField(max_length=64, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    label_en = models.CharField(max_length=100)
    label_zh = models.CharField(max_length=100)
    choices = models.JSONField(default=list, blank=True)  # codes allowed, for kind choice
    choice_labels = models.JSONField(default=dict, blank=True, db_default={})  # code -> [English, Chinese]
    retired_at = models.DateTimeField(null=True)  # since then nobody is asked for it; values stay

    privacy = declare(none_keep="id code kind label_en label_zh choices choice_labels retired_at")

    @property
    def label(self) -> str:
        """Return its name in the language of the reader."""
        return self.label_zh if (get_language() or "").startswith("zh") else self.label_en

    def label_of(self, choice: str) -> str:
        """Return what one of its choices is called in the language of the reader; else its code."""
        english, chinese = self.choice_labels.get(choice, (choice, choice))
        return str(chinese if (get_language() or "").startswith("zh") else english)

    def __str__(self) -> str:
        return self.label


class AttributeValue(Fact):
    """What an attribute was worth from ``occurred_at`` on, until a later value; all empty: unknown."""

    attribute = models.ForeignKey(Attribute, on_delete=models.PROTECT, related_name="values")
    number = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    choice = models.CharField(max_length=64, blank=True)
    day = models.IntegerField(null=True)  # local day number
    text = models.CharField(max_length=500, blank=True)

    privacy = {**FACT_PRIVACY, **declare(conduct_keep="attribute number choice day", text_blank="text")}

    class Meta:
        indexes = [
            models.Index(fields=["customer", "attribute", "occurred_at"], name="attribute_value_customer")
        ]


AttributeValueVersion = twin_of(AttributeValue)
