"""Complaints and what else customers tell us; their steps: opened, acknowledged, resolved, reopened …"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare


class FeedbackKind(models.TextChoices):
    """What somebody tells us: each kind has its own deadlines and rule of closing."""

    COMPLAINT = "complaint", _("complaint")
    SUGGESTION = "suggestion", _("suggestion")
    QUESTION = "question", _("question or request")
    PRAISE = "praise", _("praise")


class Complaint(Fact):
    """What a customer complained about, proposed, asked or praised (``kind``).

    Its state is told by its events; columns are caches.
    """

    class Channel(models.TextChoices):
        PHONE = "phone", _("phone")
        EMAIL = "email", _("e-mail")
        CHAT = "chat", _("chat")
        VISIT = "visit", _("visit")
        WEB = "web", _("web form")
        OTHER = "other", _("other")

    class Severity(models.IntegerChoices):
        LOW = 1, _("low")
        MEDIUM = 2, _("medium")
        HIGH = 3, _("high")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        RESOLVED = "resolved", _("resolved")

    kind = models.CharField(
        _("kind"),
        max_length=10,
        choices=FeedbackKind.choices,
        default=FeedbackKind.COMPLAINT,
        db_default=FeedbackKind.COMPLAINT,
    )
    channel = models.CharField(_("channel"), max_length=8, choices=Channel.choices, default=Channel.PHONE)
    category = models.CharField(_("category"), max_length=64, blank=True)
    cause = models.ForeignKey(  # the company's assessment
        "customers.Cause", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    product = models.ForeignKey(
        "customers.Product", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    lot = models.CharField(_("lot"), max_length=64, blank=True, default="", db_default="")
    praised = models.ForeignKey(
        "customers.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    severity = models.PositiveSmallIntegerField(
        _("severity"), choices=Severity.choices, default=Severity.MEDIUM
    )
    contact = models.ForeignKey(
        "customers.Contact", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    order = models.ForeignKey(
        "customers.Order", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    text = models.TextField(_("what went wrong"), blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)  # cache
    escalated = models.BooleanField(default=False, db_default=False)  # the second failure within 60 days
    respond_by = models.DateTimeField(null=True)  # by when the customer should have heard from us
    promised_by = models.DateTimeField(null=True)  # what that was before a due day brought it forward
    due_at = models.DateTimeField(null=True)  # cache of the newest due moment

    privacy = {
        **FACT_PRIVACY,
        **declare(
            none_keep="cause product lot",
            conduct_keep="kind channel category severity contact order state escalated respond_by "
            "promised_by due_at",
            staff_keep="praised",
            text_blank="text",
        ),
    }

    class Meta:
        indexes = [
            models.Index(fields=["customer", "state"], name="complaint_customer"),
            models.Index(fields=["id"], condition=models.Q(state="open", void=False), name="complaint_open"),
            models.Index(
                fields=["customer", "id"],
                condition=models.Q(state="open", void=False),
                name="complaint_open_customer",
            ),
            # whom somebody praised, on her first page
            models.Index(
                fields=["praised", "-id"],
                condition=models.Q(praised__isnull=False, void=False),
                name="complaint_praised",
            ),
        ]


ComplaintVersion = twin_of(Complaint, caches=("state", "respond_by", "promised_by", "due_at"))


class ComplaintEvent(Fact):
    """One dated step of a complaint; measures read these (decision 3).

    A suggestion, question or praise has ``received`` in the place of ``opened`` and ``reopened``.
    As of a moment a complaint is open when it has an ``opened`` or ``reopened`` event and the last of
    them occurred after its last ``resolved`` one, if any; its due day is that of the last event (by
    occurrence, then id) that carries one.
    """

    class Kind(models.TextChoices):
        OPENED = "opened", _("opened")
        RECEIVED = "received", _("received")  # of what is no complaint: measures do not see it
        DUE = "due", _("due date set")
        ACKNOWLEDGED = "acknowledged", _("acknowledged")
        RESOLVED = "resolved", _("resolved")
        REOPENED = "reopened", _("reopened")

    complaint = models.ForeignKey(Complaint, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    due_day = models.IntegerField(null=True)  # local day number by whose end it must be resolved

    privacy = {**FACT_PRIVACY, **declare(conduct_keep="complaint kind due_day")}

    class Meta:
        indexes = [
            models.Index(
                fields=[
                    "customer",
                    "complaint",
                    "-occurred_at",
                    "-id",
                    "recorded_at",
                    "occurred_day",
                    "due_day",
                    "void",
                    "kind",
                ],
                name="complaint_event_pass",
            ),
            models.Index(fields=["occurred_day", "customer"], name="complaint_event_crossing"),
            # whose complaint fell due since the last pass (retention/measures/changes)
            models.Index(
                fields=["due_day"], condition=models.Q(due_day__isnull=False), name="complaint_event_due"
            ),
        ]


ComplaintEventVersion = twin_of(ComplaintEvent)
