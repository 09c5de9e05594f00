"""Loops: one for each piece of feedback, closed only when the customer was told and asked."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from customers.ground import guards
from customers.ground.privacy import declare
from customers.models import Customer, Team, User
from customers.models.complaints import FeedbackKind
from customers.models.people import Role


class LoopClosureQuerySet(models.QuerySet["LoopClosure"]):
    def open(self) -> LoopClosureQuerySet:
        """Return the loops that still need somebody."""
        return self.filter(state__in=LoopClosure.OPEN_STATES)

    def visible_to(self, user: User) -> LoopClosureQuerySet:
        """Return the loops that ``user`` may see.

        Those of customers she may see and those she owns; for leads also those of her team and those of
        nobody. What nobody known wrote is seen by leads, by who sees everybody and by its owner.
        """
        if not user.is_active:
            return self.none()
        if user.sees_all:
            return self
        visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        seen = Q(Exists(visible.filter(pk=OuterRef("customer_id")))) | Q(owner=user)
        if user.role == Role.TEAM_LEAD:
            seen |= Q(owner__isnull=True) | Q(owner__team_id=user.team_id, owner__team__isnull=False)
            seen |= Q(customer__isnull=True)
        return self.filter(seen)


class LoopClosure(models.Model):
    """The way back to the customer for one piece of feedback: contact, cause, action, message, her word.

    Exactly one of ``complaint``, ``response``, ``mention`` and ``unknown`` is set (decision 13).
    ``customer`` is empty while nobody knows who it was.
    """

    class Source(models.TextChoices):
        COMPLAINT = "complaint", _("complaint")
        RESPONSE = "response", _("survey answer")
        MENTION = "mention", _("mention")
        UNKNOWN = "unknown", _("feedback from somebody unknown")

    class State(models.TextChoices):
        RECEIVED = "received", _("received")
        ASSIGNED = "assigned", _("assigned")
        WORKING = "working", _("in progress")
        ASKED = "asked", _("told; asked whether it is solved")
        CONFIRMED = "confirmed", _("confirmed by the customer")
        UNCONFIRMED = "unconfirmed", _("not answered")
        ANSWERED = "answered", _("answered in general or in public")
        WITHDRAWN = "withdrawn", _("taken back")

    OPEN_STATES = (State.RECEIVED, State.ASSIGNED, State.WORKING, State.ASKED)

    class Action(models.TextChoices):
        EXPLAINED = "explained", _("explained")
        APOLOGISED = "apologised", _("apologised")
        CORRECTED = "corrected", _("put right")
        REPLACED = "replaced", _("replaced or repaired")
        REFUNDED = "refunded", _("refunded or compensated")
        IMPROVED = "improved", _("improvement begun")
        THANKED = "thanked", _("thanked and passed on")
        REFUSED = "refused", _("declined, with the reason")

    source = models.CharField(_("source"), max_length=10, choices=Source.choices)
    kind = models.CharField(_("kind"), max_length=10, choices=FeedbackKind.choices)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.PROTECT, related_name="loops")
    contact = models.ForeignKey("customers.Contact", null=True, on_delete=models.PROTECT, related_name="+")
    complaint = models.OneToOneField(
        "customers.Complaint", null=True, on_delete=models.PROTECT, related_name="loop"
    )
    response = models.OneToOneField(
        "surveys.SurveyResponse", null=True, on_delete=models.PROTECT, related_name="loop"
    )
    mention = models.OneToOneField(
        "customers.Mention", null=True, on_delete=models.PROTECT, related_name="loop"
    )
    unknown = models.OneToOneField(
        "customers.UnknownFeedback", null=True, on_delete=models.PROTECT, related_name="loop"
    )
    case = models.ForeignKey(
        "retention.RetentionCase", null=True, on_delete=models.PROTECT, related_name="loops"
    )
    severity = models.PositiveSmallIntegerField(_("severity"), default=2)
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.RECEIVED)
    level = models.PositiveSmallIntegerField(default=1)  # 2: with the lead, after "not solved"
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="loops"
    )
    team = models.ForeignKey(Team, null=True, editable=False, on_delete=models.PROTECT, related_name="+")
    received_at = models.DateTimeField()
    respond_by = models.DateTimeField()  # the promised time of the first contact
    due_at = models.DateTimeField()  # by when it is to be resolved
    first_due_at = models.DateTimeField(null=True)  # the deadline before it was not solved; figures keep it
    contacted_at = models.DateTimeField(null=True)  # the first contact, or the last of the attempts
    cause = models.ForeignKey("customers.Cause", null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(_("action"), max_length=12, choices=Action.choices, blank=True)
    action_text = models.TextField(_("what was done"), blank=True)
    message_text = models.TextField(_("message to the customer"), blank=True)
    asked_at = models.DateTimeField(null=True)  # when she was told and asked, last
    asked_message = models.ForeignKey(  # that asked her last; none where the link was passed on by hand
        "customers.Message", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    confirmed_by_us = models.BooleanField(
        default=False, db_default=False
    )  # told to a colleague, not by the link
    ended_at = models.DateTimeField(null=True)
    reopened = models.PositiveSmallIntegerField(default=0)
    salt = models.CharField(max_length=40)  # of the link to the status page
    token_hash = models.CharField(max_length=64, unique=True)

    objects: ClassVar[models.Manager[LoopClosure]] = LoopClosureQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id source kind complaint response mention unknown case severity state level cause action "
        "team reopened confirmed_by_us asked_message",
        conduct_keep="customer contact received_at respond_by due_at first_due_at contacted_at asked_at "
        "ended_at",
        text_blank="action_text message_text",
        staff_keep="owner",
        key_keep="salt token_hash",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    source="complaint",
                    complaint__isnull=False,
                    response__isnull=True,
                    mention__isnull=True,
                    unknown__isnull=True,
                )
                | Q(
                    source="response",
                    complaint__isnull=True,
                    response__isnull=False,
                    mention__isnull=True,
                    unknown__isnull=True,
                )
                | Q(
                    source="mention",
                    complaint__isnull=True,
                    response__isnull=True,
                    mention__isnull=False,
                    unknown__isnull=True,
                )
                | Q(
                    source="unknown",
                    complaint__isnull=True,
                    response__isnull=True,
                    mention__isnull=True,
                    unknown__isnull=False,
                ),
                name="loop_of_one_feedback",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["received", "assigned", "working", "asked"],
                    ended_at__isnull=True,
                )
                | Q(
                    state__in=["confirmed", "unconfirmed", "answered", "withdrawn"],
                    ended_at__isnull=False,
                ),
                name="loop_ended_has_moment",
            ),
            models.CheckConstraint(
                condition=~Q(state="asked") | Q(asked_at__isnull=False), name="loop_asked_has_moment"
            ),
        ]
        indexes = [
            models.Index(
                fields=["owner", "due_at", "id"],
                condition=Q(state__in=["received", "assigned", "working", "asked"]),
                name="loop_open_owner",
            ),
            models.Index(
                fields=["due_at", "id"],
                condition=Q(state__in=["received", "assigned", "working", "asked"]),
                name="loop_open",
            ),
            models.Index(fields=["-received_at", "-id"], name="loop_newest"),
            # whose silence ends it (retention/loop/answering)
            models.Index(fields=["asked_at", "id"], condition=Q(state="asked"), name="loop_asked"),
        ]

    @property
    def told_as(self) -> str:
        """Return in a word what it is: a survey answer or mention, else what she told us, by its kind."""
        is_told = self.source in (self.Source.COMPLAINT, self.Source.UNKNOWN)
        return self.get_kind_display() if is_told else self.get_source_display()

    @property
    def is_open(self) -> bool:
        """Say whether somebody, or the customer, still has a word to say."""
        return self.state in self.OPEN_STATES


class LoopStep(models.Model):
    """One dated step of a loop; figures read these. Only added to."""

    class Kind(models.TextChoices):
        RECEIVED = "received", _("received")
        ASSIGNED = "assigned", _("assigned")
        ATTEMPTED = "attempted", _("contact tried")
        CONTACTED = "contacted", _("contact")
        DIAGNOSED = "diagnosed", _("cause named")
        ACTED = "acted", _("action taken")
        ASKED = "asked", _("told; asked whether it is solved")
        CONFIRMED = "confirmed", _("confirmed by the customer")
        NOT_SOLVED = "not_solved", _("not solved, says the customer")
        UNCONFIRMED = "unconfirmed", _("not answered")
        ANSWERED = "answered", _("answered in general or in public")
        LINKED = "linked", _("linked to a customer")
        WITHDRAWN = "withdrawn", _("taken back")
        REVISED = "revised", _("another deadline or severity")

    loop = models.ForeignKey(LoopClosure, on_delete=models.PROTECT, related_name="steps", db_index=False)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(blank=True)

    privacy = declare(none_keep="id loop kind", conduct_keep="at", staff_keep="by owner", text_blank="text")

    class Meta:
        indexes = [models.Index(fields=["loop", "at", "id"], name="loop_step")]


guards.append_only(LoopStep, may_update=True)


class LoopPolicy(models.Model):
    """What the company says about loops; one row, and none while nobody changed what is delivered."""

    SILENT_DAYS = 7
    MOST_DAYS = 60

    silent_days = models.PositiveSmallIntegerField(_("days without a word"), default=SILENT_DAYS)

    privacy = declare(none_keep="id silent_days")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="loop_policy_one_row"),
            models.CheckConstraint(
                condition=Q(silent_days__gte=1, silent_days__lte=60), name="loop_policy_days"
            ),
        ]
