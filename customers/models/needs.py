"""What customers need, like and dislike: dated, with where we know it from."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare
from customers.models.customers import Contact


class Need(Fact):
    """Something that the customer, or one contact, needs, prefers or wants to be spared."""

    class Kind(models.TextChoices):
        NEED = "need", pgettext_lazy("of a customer", "need")
        PREFERENCE = "preference", _("preference")
        DISLIKE = "dislike", _("dislikes")
        PLAN = "plan", pgettext_lazy("of a customer", "plan")

    class Topic(models.TextChoices):
        PRODUCT = "product", _("product and quality")
        PRICE = "price", _("price and terms")
        DELIVERY = "delivery", _("delivery")
        SERVICE = "service", _("service and support")
        CONTACT = "contact", _("how and when to reach them")
        PERSONAL = "personal", _("personal")
        OTHER = "other", pgettext_lazy("topic of a need", "other")

    class Source(models.TextChoices):
        CALL = "call", _("said in a call")
        VISIT = "visit", _("said at a visit or meeting")
        MESSAGE = "message", _("written by the customer")
        SURVEY = "survey", _("survey")
        COMPLAINT = "complaint", _("complaint")
        OBSERVED = "observed", _("seen by us")
        OTHER = "other", pgettext_lazy("source of a need", "other")

    contact = models.ForeignKey(
        Contact, null=True, on_delete=models.PROTECT, related_name="needs", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    topic = models.CharField(_("about"), max_length=12, choices=Topic.choices)
    source = models.CharField(_("known from"), max_length=12, choices=Source.choices)
    text = models.CharField(_("what exactly"), max_length=500, blank=True)

    privacy = {
        **FACT_PRIVACY,
        **declare(none_keep="contact", conduct_keep="kind topic source", text_blank="text"),
    }

    class Meta:
        indexes = [
            models.Index(fields=["customer", "occurred_at", "id"], name="need_customer"),
            models.Index(fields=["contact"], name="need_contact"),
        ]


NeedVersion = twin_of(Need)
