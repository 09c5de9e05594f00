"""What leaves the company: senders, messages, the attempts to send them, and what came back."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground.privacy import declare
from customers.models.consents import Channel
from customers.models.contacting import ContactClass
from customers.models.customers import Customer
from customers.models.people import User

SENDABLE = (Channel.EMAIL, Channel.SMS, Channel.MESSENGER)
"""The channels by which the product itself sends."""


class Sender(models.Model):
    """One way out: a mail server, or an address that takes messages by HTTP; secrets lie under seal."""

    class Kind(models.TextChoices):
        SMTP = "smtp", _("mail server (SMTP)")
        HTTP = "http", _("web address (HTTP)")

    name = models.CharField(_("name"), max_length=100)
    channel = models.CharField(_("channel"), max_length=12, choices=[(c, c.label) for c in SENDABLE])
    kind = models.CharField(max_length=4, choices=Kind.choices)
    is_active = models.BooleanField(_("in use"), default=False)
    config = models.JSONField(default=dict)  # all but secrets
    secret_names = models.JSONField(default=list)
    sealed = models.ForeignKey("ground.SealedValue", null=True, on_delete=models.PROTECT, related_name="+")
    hook = models.CharField(max_length=43, unique=True)  # of the address that takes receipts and replies
    made_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    paused_until = models.DateTimeField(null=True)  # it did not answer, or asked us to wait

    privacy = declare(
        none_keep="id name channel kind is_active config secret_names sealed hook made_at changed_at "
        "paused_until"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel"], condition=Q(is_active=True), name="sender_one_a_channel"
            ),
            models.CheckConstraint(
                condition=Q(channel__in=[str(one) for one in SENDABLE]), name="sender_channel"
            ),
            models.CheckConstraint(
                condition=Q(kind="http") | Q(channel="email"), name="sender_smtp_for_mail"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, user: User) -> MessageQuerySet:
        """Return the messages to customers that ``user`` may see; no tests."""
        visible: models.QuerySet[Customer] = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        return self.filter(customer__in=visible.order_by().values("pk"))

    def tests(self) -> MessageQuerySet:
        """Return the messages that tried a sender out."""
        return self.filter(contact__isnull=True)


class Message(models.Model):
    """One message to one person by one channel; without a contact it tries a sender out."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("message", "waiting")
        SENDING = "sending", pgettext_lazy("message", "being sent")
        SENT = "sent", pgettext_lazy("message", "sent")
        DELIVERED = "delivered", pgettext_lazy("message", "delivered")
        FAILED = "failed", pgettext_lazy("message", "failed")
        BOUNCED = "bounced", pgettext_lazy("message", "address does not work")
        UNKNOWN = "unknown", pgettext_lazy("message", "unknown whether sent")
        DROPPED = "dropped", pgettext_lazy("message", "not sent")

    MAY_HAVE_ARRIVED = frozenset({State.SENT, State.DELIVERED, State.UNKNOWN})

    class Reason(models.TextChoices):
        """Why it waits, failed or was not sent: a closed vocabulary."""

        QUIET_HOURS = "quiet_hours", _("quiet hours")
        NO_SENDER = "no_sender", _("no sender is set up for this channel")
        NOT_REACHED = "not_reached", _("the provider was not reached")
        BUSY = "busy", _("the provider asked to try later")
        REFUSED = "refused", _("the provider refused it")
        DEAD_ADDRESS = "dead_address", _("the address does not work")
        NO_ANSWER = "no_answer", _("no answer after it was handed over")
        GIVEN_UP = "given_up", _("tried often enough")
        TOO_LATE = "too_late", _("not sent: too late")
        NO_CONSENT = "no_consent", _("not agreed to")
        NO_ADDRESS = "no_address", _("no address to reach")
        GONE = "gone", _("left or erased")
        TAKEN_BACK = "taken_back", _("no longer needed")

    customer = models.ForeignKey(
        "customers.Customer", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    contact = models.ForeignKey(
        "customers.Contact", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    reservation = models.OneToOneField(
        "customers.ContactReservation", null=True, on_delete=models.PROTECT, related_name="message"
    )
    sender = models.ForeignKey(Sender, null=True, on_delete=models.PROTECT, related_name="messages")
    channel = models.CharField(_("channel"), max_length=12, choices=Channel.choices)
    purpose = models.CharField(_("class of contact"), max_length=20, choices=ContactClass.choices)
    to = models.CharField(_("to"), max_length=254, blank=True)  # filled when it is sent
    to_key = models.CharField(max_length=254, blank=True)  # the same as replies are found by
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    text = models.TextField(_("text"), blank=True)
    html = models.TextField(blank=True)
    template = models.CharField(max_length=64, blank=True)
    params = models.TextField(blank=True)  # JSON: what fills the provider's template
    uid = models.CharField(max_length=32, unique=True)  # of its Message-ID and webhook-id
    provider_id = models.CharField(max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.WAITING)
    reason = models.CharField(_("reason"), max_length=12, choices=Reason.choices, blank=True)
    code = models.CharField(max_length=64, blank=True)  # what the provider calls it
    answer = models.CharField(max_length=500, blank=True)  # the provider's last words
    made_at = models.DateTimeField(_("written"))
    due_at = models.DateTimeField()
    latest_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    lease_token = models.CharField(max_length=32, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    objects: ClassVar[models.Manager[Message]] = MessageQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id reservation sender channel purpose template uid state reason code due_at latest_at "
        "tries lease_until lease_token",
        reach_blank="to to_key provider_id",
        text_blank="subject text html params answer",
        conduct_keep="customer contact made_at ended_at",
        staff_keep="by",
    )

    class Meta:
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(state="waiting"), name="message_due"),
            models.Index(fields=["lease_until"], condition=Q(state="sending"), name="message_leased"),
            models.Index(fields=["customer", "-id"], name="message_customer"),
            models.Index(fields=["contact", "-id"], name="message_contact"),
            models.Index(fields=["state", "-id"], name="message_state"),
            models.Index(fields=["to_key", "-id"], condition=~Q(to_key=""), name="message_to"),
            models.Index(
                fields=["sender", "provider_id"], condition=~Q(provider_id=""), name="message_provider"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(contact__isnull=True, customer__isnull=True, reservation__isnull=True)
                | Q(contact__isnull=False, customer__isnull=False, reservation__isnull=False),
                name="message_of_a_reservation",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "sending"], ended_at__isnull=True)
                | (~Q(state__in=["waiting", "sending"]) & Q(ended_at__isnull=False)),
                name="message_ended",
            ),
        ]

    @property
    def reason_text(self) -> str | Promise:
        """Why it waits, failed or was not sent, in words."""
        return self.get_reason_display() if self.reason else ""


class Attempt(models.Model):
    """One try to send a message, committed before anything leaves; ends once, or stays unknown."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", pgettext_lazy("attempt", "accepted")
        LATER = "later", pgettext_lazy("attempt", "to be tried again")
        FAILED = "failed", pgettext_lazy("attempt", "refused")
        BOUNCED = "bounced", pgettext_lazy("attempt", "address does not work")
        UNKNOWN = "unknown", pgettext_lazy("attempt", "unknown")

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    sender = models.ForeignKey(Sender, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True)  # empty: running
    status = models.PositiveSmallIntegerField(null=True)  # of HTTP or SMTP
    code = models.CharField(max_length=64, blank=True)

    privacy = declare(none_keep="id message number sender started_at outcome status code")

    class Meta:
        ordering = ["message", "number"]
        constraints = [models.UniqueConstraint(fields=["message", "number"], name="attempt_once")]


class DeadAddress(models.Model):
    """An address of a contact that does not work; no longer of any meaning once it is another one."""

    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    contact = models.ForeignKey(
        "customers.Contact", on_delete=models.PROTECT, related_name="dead_addresses", db_index=False
    )
    channel = models.CharField(max_length=12, choices=Channel.choices)
    address = models.CharField(max_length=254)
    code = models.CharField(max_length=64, blank=True)
    found_at = models.DateTimeField()
    task = models.ForeignKey("customers.Reminder", null=True, on_delete=models.SET_NULL, related_name="+")

    privacy = declare(none_keep="id customer contact channel code found_at task", reach_destroy="address")

    class Meta:
        indexes = [models.Index(fields=["customer"], name="dead_address_customer")]
        constraints = [
            models.UniqueConstraint(fields=["contact", "channel", "address"], name="dead_address_once")
        ]


class UnsubscribeLink(models.Model):
    """A link by which one takes back consent for a channel: of its 256 random bits only a hash is stored."""

    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    contact = models.ForeignKey(
        "customers.Contact", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    channel = models.CharField(max_length=12, choices=Channel.choices)
    secret_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()  # real time

    privacy = declare(none_keep="id customer contact channel expires_at", key_destroy="secret_hash")

    class Meta:
        indexes = [
            models.Index(fields=["customer"], name="unsubscribe_customer"),
            models.Index(fields=["contact"], name="unsubscribe_contact"),
            models.Index(fields=["expires_at"], name="unsubscribe_expires"),
        ]


class Received(models.Model):
    """What a provider told us already: a call or a reply that comes again is taken once."""

    class Kind(models.TextChoices):
        CALL = "call"
        REPLY = "reply"

    sender = models.ForeignKey(Sender, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    provider_id = models.CharField(max_length=200)
    at = models.DateTimeField(db_index=True)  # real time

    privacy = declare(none_keep="id sender kind provider_id at")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sender", "kind", "provider_id"], name="received_once")
        ]
