"""What a person agreed to, and whether she objects to being profiled."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from customers.ground import guards
from customers.ground.privacy import declare


class Purpose(models.TextChoices):
    """What we want to reach or use somebody for: the classes of contact, and profiling."""

    SERVICE = "service", pgettext_lazy("purpose of contact", "service")
    SURVEY = "survey", pgettext_lazy("purpose of contact", "surveys")
    OFFER = "offer", pgettext_lazy("purpose of contact", "offers and marketing")
    CARE = "care", pgettext_lazy("purpose of contact", "care")
    PROFILING = "profiling", pgettext_lazy("purpose of contact", "profiling")


class Channel(models.TextChoices):
    """By which way we reach somebody."""

    PHONE = "phone", _("phone")
    EMAIL = "email", _("e-mail")
    SMS = "sms", _("text message")
    MESSENGER = "messenger", _("messenger")
    POST = "post", _("post")


HELP: dict[str, str | Promise] = {
    Purpose.SERVICE: _("What the customer needs from us anyway: complaints, promises, receipts, the law."),
    Purpose.SURVEY: _("Asking how satisfied somebody is."),
    Purpose.OFFER: _("Prices, vouchers, news about what we sell."),
    Purpose.CARE: _("Calls and greetings without a special reason, to keep in touch."),
    Purpose.PROFILING: _("Working out early warnings and segments from what somebody did."),
}
REACHING = (Purpose.SERVICE, Purpose.SURVEY, Purpose.OFFER, Purpose.CARE)


class ConsentText(models.Model):
    """One version of the words that somebody agreed to; a new wording is a new version."""

    code = models.SlugField(_("code"), max_length=64)
    version = models.PositiveIntegerField(_("version"))
    text_en = models.TextField(_("text in English"), blank=True)
    text_zh = models.TextField(_("text in Chinese"), blank=True)
    valid_from = models.DateField(_("valid from"))

    privacy = declare(none_keep="id code version text_en text_zh valid_from")

    class Meta:
        ordering = ["code", "-version"]
        constraints = [models.UniqueConstraint(fields=["code", "version"], name="consent_text_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.version}"

    @property
    def text(self) -> str:
        """The words in the reader's language, else in the other."""
        both = (self.text_zh, self.text_en)
        first, second = both if (get_language() or "en").startswith("zh") else both[::-1]
        return first or second


class Consent(models.Model):
    """One statement: a contact agreed to a purpose by a channel, or took that back. Append-only.

    The newest statement counts; of two of the same moment, the one that takes back. Profiling has no
    channel.
    """

    class Source(models.TextChoices):
        FORM = "form", pgettext_lazy("where a consent came from", "form")
        CALL = "call", pgettext_lazy("where a consent came from", "call")
        IMPORT = "import", pgettext_lazy("where a consent came from", "import")
        LINK = "link", pgettext_lazy("where a consent came from", "link")
        REPLY = "reply", pgettext_lazy("where a consent came from", "reply")
        MERGE = "merge", pgettext_lazy("where a consent came from", "merge of two records")

    contact = models.ForeignKey(
        "customers.Contact", on_delete=models.PROTECT, related_name="consents", db_index=False
    )
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose.choices)
    channel = models.CharField(_("channel"), max_length=12, choices=Channel.choices, blank=True)
    is_given = models.BooleanField(pgettext_lazy("consent", "given"))
    source = models.CharField(_("source"), max_length=8, choices=Source.choices)
    text = models.ForeignKey(ConsentText, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    batch = models.ForeignKey("customers.ImportBatch", null=True, on_delete=models.PROTECT, related_name="+")

    privacy = declare(
        none_keep="id text batch",
        conduct_keep="contact purpose channel is_given source occurred_at recorded_at",
        staff_keep="by",
    )

    class Meta:
        indexes = [
            # the state of one contact: the newest statement by purpose and channel
            models.Index(
                fields=["contact", "purpose", "channel", "is_given", "-occurred_at"], name="consent_state"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose="profiling", channel="") | (~Q(purpose="profiling") & ~Q(channel="")),
                name="consent_channel_unless_profiling",
            )
        ]

    @property
    def text_name(self) -> str | None:
        """Code and version of the text that was agreed to."""
        return str(self.text) if self.text is not None else None


class ObjectionQuerySet(models.QuerySet["Objection"]):
    def standing(self) -> ObjectionQuerySet:
        """Return the objections that nobody took back."""
        return self.filter(lifted_at__isnull=True)


class Objection(models.Model):
    """Somebody objects to being profiled, until she takes it back.

    Without a contact it is the customer as a whole that objects. Any standing objection keeps the
    customer out of rules.
    """

    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, related_name="objections", db_index=False
    )
    contact = models.ForeignKey(
        "customers.Contact", null=True, blank=True, on_delete=models.PROTECT, related_name="objections"
    )
    source = models.CharField(_("source"), max_length=8, choices=Consent.Source.choices)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects: ClassVar[models.Manager[Objection]] = ObjectionQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id",
        conduct_keep="customer contact source occurred_at recorded_at lifted_at",
        staff_keep="by lifted_by",
    )

    class Meta:
        indexes = [
            # whom the rules leave alone
            models.Index(fields=["customer"], condition=Q(lifted_at__isnull=True), name="objection_standing"),
            models.Index(fields=["customer", "-occurred_at"], name="objection_customer"),
        ]


guards.append_only(Consent, movable=["contact_id"])
