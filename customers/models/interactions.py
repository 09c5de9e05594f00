"""Every contact between the company and a customer."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare


class Interaction(Fact):
    """A call, visit, message or meeting. Logging a follow-up call writes one (decision 3)."""

    class Kind(models.TextChoices):
        CALL = "call", _("call")
        VISIT = "visit", _("visit")
        MEETING = "meeting", _("meeting")
        CHAT = "chat", _("chat")
        EMAIL = "email", _("e-mail")

    class Direction(models.TextChoices):
        OUT = "out", _("we contacted them")
        IN = "in", _("they contacted us")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    direction = models.CharField(
        _("direction"), max_length=3, choices=Direction.choices, default=Direction.OUT
    )
    reached = models.BooleanField(_("reached"), default=True)  # an unanswered call is no contact
    contact = models.ForeignKey(
        "customers.Contact", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(_("what was said"), blank=True)
    next_step = models.CharField(_("next step"), max_length=500, blank=True, db_default="")

    privacy = {
        **FACT_PRIVACY,
        **declare(
            conduct_keep="kind direction reached contact", staff_keep="by", text_blank="text next_step"
        ),
    }

    class Meta:
        indexes = [
            models.Index(
                fields=[
                    "customer",
                    "occurred_day",
                    "occurred_at",
                    "recorded_at",
                    "void",
                    "reached",
                    "direction",
                ],
                name="interaction_pass",
            ),
            models.Index(fields=["occurred_day", "customer"], name="interaction_crossing"),
        ]


InteractionVersion = twin_of(Interaction)
