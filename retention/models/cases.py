"""Cases: one open per customer, warnings group in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import (
    BigIntegerField,
    Case,
    DateTimeField,
    Exists,
    F,
    GeneratedField,
    OuterRef,
    Q,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from customers.ground import guards
from customers.ground.models import Company
from customers.ground.privacy import declare
from customers.models import Customer, Team, User
from customers.models.customers import open_access
from customers.models.people import Role
from retention.models.rules import CaseKind, Severity

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Stands for the deadline of a case without a planned call: after all others."""
_MOST_MARGIN = 3 * 10**18  # three times more does not fit a bigint


class CaseQuerySet(models.QuerySet["RetentionCase"]):
    def open(self) -> CaseQuerySet:
        """Return cases that are not closed."""
        return self.exclude(status=RetentionCase.Status.CLOSED)

    def visible_to(self, user: User) -> CaseQuerySet:
        """Return the cases that ``user`` may see.

        Those of customers she may see, and while they are open those she holds; for leads also those
        that the team holds and those that nobody could take.
        """
        if not user.is_active:
            return self.none()
        if user.sees_all:
            return self
        held = Q(assignee=user)
        if user.role == Role.TEAM_LEAD:
            held |= Q(assignee__isnull=True) | Q(assignee__team_id=user.team_id, assignee__team__isnull=False)
        # EXISTS, which the database may ask row by row or all at once, as there are few rows or many
        if user.role == Role.TEAM_LEAD:
            hers = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
            seen = Q(Exists(hers.filter(pk=OuterRef("customer_id"))))
        else:
            opened = open_access(user).filter(customer=OuterRef("customer_id"))
            seen = Q(customer__owner=user) | Q(Exists(opened))
        return self.filter(seen | held & ~Q(status=RetentionCase.Status.CLOSED))


class RetentionCase(models.Model):
    """The work on one customer: save, recover or win back."""

    class Status(models.TextChoices):
        UNASSIGNED = "unassigned", _("unassigned")
        ASSIGNED = "assigned", _("assigned")
        WORKING = "working", _("in progress")
        CLOSED = "closed", _("closed")

    class ChurnType(models.TextChoices):
        ACTIVE = "active", _("active churn")
        PASSIVE = "passive", _("passive churn")
        HIDDEN = "hidden", _("hidden churn")
        COMPETITIVE = "competitive", _("competitive churn")

    class Outcome(models.TextChoices):
        SAVED = "saved", _("saved")
        REGAINED = "regained", _("regained")
        LOST = "lost", _("lost")
        UNREACHABLE = "unreachable", _("unreachable")
        NOT_PURSUED = "not_pursued", _("not pursued")
        RECOVERED = "recovered", _("recovered by itself")
        MERGED = "merged", _("joined with another case")

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="cases")
    kind = models.CharField(_("kind"), max_length=8, choices=CaseKind.choices, default=CaseKind.SAVE)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.UNASSIGNED)
    severity = models.PositiveSmallIntegerField(
        _("severity"), choices=Severity.choices, default=Severity.MEDIUM
    )
    margin_365d = models.BigIntegerField(default=0)  # value at stake: base minor units when last joined
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.TextField(_("reason"), blank=True)  # given by a person who opened it by hand
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="cases"
    )
    assigned_at = models.DateTimeField(null=True)
    assign_reason = models.CharField(max_length=32, blank=True)  # code; data beside it
    assign_data = models.JSONField(default=dict)
    due_at = models.DateTimeField(null=True)  # of the next planned call; copied for the queue's order
    churn_type = models.CharField(_("type of churn"), max_length=12, choices=ChurnType.choices, blank=True)
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome.choices, blank=True)
    outcome_reason = models.TextField(_("why"), blank=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    complaint = models.ForeignKey(
        "customers.Complaint", null=True, on_delete=models.PROTECT, related_name="+"
    )
    joined_into = models.ForeignKey(  # its customer was merged with another that had an open case, too
        "self", null=True, editable=False, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    causes = models.ManyToManyField("customers.Cause", through="CaseCause", related_name="+")

    # What the queue is ordered and narrowed by, stored so that an index holds it (retention/cases/queue.py).
    rank = GeneratedField(  # minus severity × margin: the heaviest first, as the other two go upwards
        expression=Case(
            When(margin_365d__gt=_MOST_MARGIN, then=F("severity") * Value(-_MOST_MARGIN)),
            When(margin_365d__gt=0, then=F("severity") * F("margin_365d") * Value(-1)),
            default=Value(0),
        ),
        output_field=BigIntegerField(),
        db_persist=True,
    )
    due = GeneratedField(
        expression=Coalesce("due_at", Value(NEVER, output_field=DateTimeField())),
        output_field=DateTimeField(),
        db_persist=True,
    )
    team = models.ForeignKey(  # the customer's, copied by a trigger
        Team, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )

    objects: ClassVar[models.Manager[RetentionCase]] = CaseQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id kind status severity assign_reason assign_data churn_type outcome causes team "
        "joined_into",
        conduct_keep="customer margin_365d opened_at assigned_at due_at closed_at complaint rank due",
        staff_keep="opened_by assignee closed_by",
        text_blank="reason outcome_reason",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer"], condition=~Q(status="closed"), name="case_one_open_per_customer"
            ),
            models.CheckConstraint(
                condition=Q(status="closed", closed_at__isnull=False, outcome__gt="")
                | Q(~Q(status="closed"), closed_at__isnull=True, outcome=""),
                name="case_closed_has_outcome",
            ),
            models.CheckConstraint(
                condition=Q(status="unassigned", assignee__isnull=True)
                | Q(status="closed")
                | Q(status__in=["assigned", "working"], assignee__isnull=False),
                name="case_assigned_has_assignee",
            ),
        ]
        indexes = [
            # the queue of one colleague, of a team, of everybody, each in its order
            models.Index(
                fields=["assignee", "rank", "due", "id"], condition=~Q(status="closed"), name="case_queue"
            ),
            models.Index(
                fields=["team", "rank", "due", "id"], condition=~Q(status="closed"), name="case_queue_team"
            ),
            models.Index(fields=["rank", "due", "id"], condition=~Q(status="closed"), name="case_queue_all"),
            # what is overdue or due soon, counted and listed
            models.Index(fields=["due", "rank", "id"], condition=~Q(status="closed"), name="case_due"),
            models.Index(fields=["customer", "-opened_at"], name="case_customer"),
        ]

    @property
    def is_open(self) -> bool:
        """Say whether somebody still has to work on it."""
        return self.status != self.Status.CLOSED


# the gate is the desk that every opening of cases holds (retention/cases/holders.py)
guards.copied(RetentionCase, column="team_id", source=Customer, key="customer_id", gate=Company)


class CaseCause(models.Model):
    """A cause that the diagnosis of a case names: the company's assessment."""

    case = models.ForeignKey(RetentionCase, on_delete=models.CASCADE)
    cause = models.ForeignKey("customers.Cause", on_delete=models.PROTECT)
    is_main = models.BooleanField(default=False)

    privacy = declare(none_keep="id case cause is_main")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "cause"], name="case_cause_once")]


class StatedCause(models.Model):
    """A cause that the customer named; what the company makes of it stands in :class:`CaseCause`."""

    case = models.ForeignKey(RetentionCase, on_delete=models.CASCADE, related_name="stated")
    cause = models.ForeignKey("customers.Cause", on_delete=models.PROTECT, related_name="+")

    privacy = declare(none_keep="id case cause")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "cause"], name="stated_cause_once")]


class MoveKind(models.TextChoices):
    """What a step in the life of a case was; each is worded as what somebody did."""

    OPENED = "opened", _("opened the case")
    JOINED = "joined", _("added a new reason to the case")
    ASSIGNED = "assigned", _("gave the case to somebody")
    REASSIGNED = "reassigned", _("gave the case to somebody else")
    UNASSIGNED = "unassigned", _("took the case back")
    WORKING = "working", _("began to work on the case")
    PLANNED = "planned", _("planned a call")
    CALLED = "called", _("logged a call")
    NEEDS_DATA = "needs_data", _("found that the phone number is wrong")
    DO_NOT_CALL = "do_not_call", _("noted that the customer wants no calls")
    ESCALATED = "escalated", _("escalated an overdue call")
    DIAGNOSED = "diagnosed", _("entered the diagnosis")
    CLOSED = "closed", _("closed the case")
    RECOVERED = "recovered", _("closed the case: the signs are gone")
    OBJECTED = "objected", _("closed the case: profiling was objected to")
    MERGED = "merged", _("made one case of two")
    PARTED = "parted", _("made two cases of one again")
    DISMISSED = "dismissed", _("said that a warning is no sign")
    POINTS = "points", _("granted recovery points")


class CaseMove(models.Model):
    """One step in the life of a case: every move of status, assignment, severity or diagnosis."""

    case = models.ForeignKey(RetentionCase, on_delete=models.PROTECT, related_name="moves")
    kind = models.CharField(max_length=16, choices=MoveKind.choices)
    from_status = models.CharField(max_length=10, blank=True)
    to_status = models.CharField(max_length=10)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    codes = models.JSONField(default=dict)  # ids and codes only: assignee, reason code, warning, outcome

    privacy = declare(
        none_keep="id case kind from_status to_status codes", conduct_keep="at", staff_keep="by"
    )

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["case", "at", "id"], name="case_move_case")]


guards.append_only(CaseMove, movable=["case_id"])
