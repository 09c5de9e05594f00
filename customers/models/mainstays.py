"""Whom we lost at a customer: the main contact who left, and who followed: dated facts."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare
from customers.models.customers import Contact


class MainContactChange(Fact):
    """The main contact left the customer, or another one took over after that.

    Who was main is frozen here when it happens: who is main now says nothing about then.
    """

    class Kind(models.TextChoices):
        LEFT = "left", _("the main contact left")
        FOLLOWED = "followed", _("another main contact followed")

    kind = models.CharField(max_length=8, choices=Kind.choices)
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="+", db_index=False)

    privacy = {**FACT_PRIVACY, **declare(none_keep="kind contact")}

    class Meta:
        indexes = [
            models.Index(
                fields=["customer", "occurred_at", "id", "recorded_at", "kind", "occurred_day", "void"],
                name="main_contact_pass",
            ),
            models.Index(fields=["contact"], name="main_contact_contact"),
        ]


MainContactChangeVersion = twin_of(MainContactChange)
