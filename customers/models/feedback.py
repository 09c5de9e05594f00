"""Feedback from somebody whom we do not know yet."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from customers.models.complaints import Complaint, FeedbackKind
from customers.models.customers import Customer
from customers.models.people import Role, User


class UnknownFeedbackQuerySet(models.QuerySet["UnknownFeedback"]):
    def open(self) -> UnknownFeedbackQuerySet:
        """Return what somebody still has to see to."""
        return self.filter(state=UnknownFeedback.State.OPEN)

    def visible_to(self, user: User) -> UnknownFeedbackQuerySet:
        """Return what ``user`` may see: all for leads and who sees everybody, else what is hers.

        Once it is linked it is seen by those of them who may see the customer.
        """
        if not user.is_active or user.role == Role.INTEGRATION:
            return self.none()
        if user.sees_all:
            return self
        visible = Customer.objects.visible_to(user).values("pk")  # type: ignore[attr-defined]
        seen = self.filter(Q(complaint=None) | Q(complaint__customer__in=visible))
        return seen if user.role == Role.TEAM_LEAD else seen.filter(owner=user)


class UnknownFeedback(models.Model):
    """What somebody told us of whom it is not known which customer she is, if any.

    It becomes a complaint (or suggestion, question, praise) of a customer when it is linked; or it is
    handled without one.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        LINKED = "linked", _("linked to a customer")
        HANDLED = "handled", _("handled without a customer")

    class Answer(models.TextChoices):
        """How it was answered where it is nobody's."""

        DIRECT = "direct", _("answered directly")
        PUBLIC = "public", _("answered in public")
        GENERAL = "general", _("answered in general")
        NONE = "none", _("nothing to answer: advertising, or a mistake")

    kind = models.CharField(_("kind"), max_length=10, choices=FeedbackKind.choices)
    channel = models.CharField(_("channel"), max_length=8, choices=Complaint.Channel.choices)
    text = models.TextField(_("in the customer's words"), blank=True)
    stated_name = models.CharField(_("name"), max_length=200, blank=True)
    stated_reach = models.CharField(_("e-mail or phone"), max_length=254, blank=True)
    stated_order = models.CharField(_("order number"), max_length=64, blank=True)
    product = models.ForeignKey(
        "customers.Product", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    severity = models.PositiveSmallIntegerField(
        _("severity"), choices=Complaint.Severity.choices, default=Complaint.Severity.MEDIUM
    )
    language = models.CharField(max_length=10)  # in which she wrote
    source = models.CharField(max_length=32)  # with external_id: what was received twice is one
    external_id = models.CharField(max_length=200)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    respond_by = models.DateTimeField()
    due_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    complaint = models.OneToOneField(
        Complaint, null=True, on_delete=models.PROTECT, related_name="was_unknown"
    )
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    answered = models.CharField(
        _("how it was answered"), max_length=8, choices=Answer.choices, blank=True, default="", db_default=""
    )
    answer_text = models.TextField(_("what was answered"), blank=True, default="", db_default="")
    salt = models.CharField(max_length=40, default="", db_default="")  # of the link to follow it
    token_hash = models.CharField(max_length=64, unique=True, null=True)

    objects: ClassVar[models.Manager[UnknownFeedback]] = UnknownFeedbackQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id kind channel product severity language source state complaint answered",
        conduct_keep="occurred_at recorded_at respond_by due_at ended_at",
        identity_blank="stated_name",
        reach_blank="stated_reach",
        text_blank="text stated_order external_id answer_text",
        staff_keep="owner ended_by",
        key_keep="salt token_hash",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=~Q(external_id=""), name="unknown_feedback_once"
            ),
            models.CheckConstraint(
                condition=Q(state="linked", complaint__isnull=False)
                | Q(state__in=["open", "handled"], complaint__isnull=True),
                name="unknown_feedback_linked_has_complaint",
            ),
            models.CheckConstraint(
                condition=Q(state="handled") & ~Q(answered="")
                | Q(state__in=["open", "linked"]) & Q(answered=""),
                name="unknown_feedback_handled_is_answered",
            ),
        ]
        indexes = [
            models.Index(
                fields=["respond_by", "id"], condition=Q(state="open"), name="unknown_feedback_open"
            ),
        ]


class FeedbackFile(models.Model):
    """A file that came with feedback of somebody unknown; with the link it goes to the customer's files."""

    unknown = models.ForeignKey(UnknownFeedback, on_delete=models.PROTECT, related_name="files")
    name = models.CharField(_("name"), max_length=200)
    type = models.CharField(max_length=8)  # what its content is, see ``attachments.TYPES``
    size = models.BigIntegerField()
    stored_as = models.CharField(max_length=32, unique=True)
    added_at = models.DateTimeField()

    privacy = declare(none_keep="id unknown type size stored_as added_at", text_destroy="name")
