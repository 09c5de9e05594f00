"""Warnings: a rule held for a customer, with the evidence frozen."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from customers.models import Customer, User
from retention.models.cases import RetentionCase
from retention.models.rules import WarningRule


class WarningQuerySet(models.QuerySet["EarlyWarning"]):
    def open(self) -> WarningQuerySet:
        """Return warnings whose sign still stands, those that open no case included."""
        return self.exclude(state=EarlyWarning.State.CLOSED)

    def calling(self) -> WarningQuerySet:
        """Return warnings that ask for a case: neither a rule's baseline nor withheld."""
        return self.filter(state=EarlyWarning.State.OPEN, is_baseline=False, no_case_because="")

    def visible_to(self, user: User) -> WarningQuerySet:
        """Return the warnings that ``user`` may see: those of her cases, and of her customers' warnings only.

        What was withheld, or a rule's baseline, never got a case and is told to nobody (decision 14),
        also after its sign has gone.
        """
        cases = RetentionCase.objects.visible_to(user)  # type: ignore[attr-defined]
        customers = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        of_no_case = Q(no_case_because=EarlyWarning.NoCase.WARNS_ONLY, customer__in=customers)
        return self.told().filter(Q(case__in=cases) | of_no_case)

    def told(self) -> WarningQuerySet:
        """Return the warnings that people may hear of: those of cases, and of rules that warn only."""
        told = self.exclude(state=EarlyWarning.State.WITHHELD).filter(is_baseline=False)
        return told.filter(Q(case__isnull=False) | Q(no_case_because=EarlyWarning.NoCase.WARNS_ONLY))


class EarlyWarning(models.Model):
    """One episode of a rule holding for a customer; at most one open per customer and rule."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")
        WITHHELD = "withheld", _("withheld")

    class Closed(models.TextChoices):
        SIGN_GONE = "sign_gone", _("the sign is gone")
        CASE_CLOSED = "case_closed", _("its case was closed")
        RULE_OFF = "rule_off", _("the rule was switched off")
        OBJECTED = "objected", _("profiling was objected to")
        MERGED = "merged", _("the customer was merged with another that had the same warning")
        RULE_MOVED = "rule_moved", _("the rule moved to another state")
        DISMISSED = "dismissed", _("somebody said that it is no sign")

    class NoCase(models.TextChoices):
        """Why a warning opened no case, beside being a baseline; nobody is told apart from analysis."""

        SHADOW = "shadow", _("the rule was in shadow")
        CAP = "cap", _("the rule had opened its cases of the day")
        HELD_OUT = "held_out", _("the customer is held out")
        WARNS_ONLY = "warns", _("the rule warns only")

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="warnings")
    rule = models.ForeignKey(WarningRule, on_delete=models.PROTECT, related_name="warnings")
    rule_version = models.PositiveIntegerField()
    severity = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    raised_at = models.DateTimeField()
    as_of_day = models.IntegerField()
    closed_at = models.DateTimeField(null=True)
    closed_because = models.CharField(max_length=12, choices=Closed.choices, blank=True)
    evidence = models.TextField()  # canonical JSON of stored columns, own measures and as_of_day
    fingerprint = models.CharField(max_length=64)
    sweep_run = models.ForeignKey("retention.SweepRun", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey(
        "retention.RetentionCase", null=True, on_delete=models.PROTECT, related_name="warnings"
    )

    # Matched already when the rule was switched on: it opens no case, and stands in the way of a
    # warning until the sign has gone away (decision 14's wording: "this rule opened no case").
    is_baseline = models.BooleanField(default=False)

    # Not "" on what is withheld, for good, and on what only warns.
    no_case_because = models.CharField(
        max_length=8, choices=NoCase.choices, blank=True, default="", db_default=""
    )
    released_day = models.IntegerField(null=True)  # local day on which a limited rule let it open a case

    objects: ClassVar[models.Manager[EarlyWarning]] = WarningQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id rule rule_version severity state closed_because fingerprint sweep_run case is_baseline "
        "no_case_because released_day",
        conduct_keep="customer raised_at as_of_day closed_at evidence",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "rule"],
                condition=Q(state__in=["open", "withheld"]),
                name="warning_one_open",
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False)
                | Q(~Q(state="closed"), closed_at__isnull=True),
                name="warning_closed_has_moment",
            ),
        ]
        indexes = [
            models.Index(fields=["rule", "customer", "-closed_at"], name="warning_cool_down"),
            models.Index(fields=["sweep_run", "customer"], name="warning_run_customer"),
            models.Index(fields=["case"], name="warning_case"),
            models.Index(
                fields=["-raised_at", "-id"],
                condition=Q(state="open", is_baseline=False),
                name="warning_news",
            ),
            models.Index(  # what waits for a limited rule, and what it released today
                fields=["rule", "released_day"],
                condition=Q(no_case_because="cap") | Q(released_day__isnull=False),
                name="warning_waits",
            ),
            # what a rule raised in a span: its health
            models.Index(fields=["rule", "raised_at"], name="warning_rule_raised"),
        ]


class Dismissal(models.Model):
    """Somebody said that a warning was noise: there was nothing to be warned of."""

    class Reason(models.TextChoices):
        USUAL = "usual", _("usual for this customer or this season")
        ONE_OFF = "one_off", _("it has a reason that passes")
        KNOWN = "known", _("known already and taken care of")
        WRONG_DATA = "wrong_data", _("the data is wrong or late")
        TOO_EARLY = "too_early", _("too early to mean anything")

    warning = models.OneToOneField(EarlyWarning, on_delete=models.PROTECT, related_name="dismissal")
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    privacy = declare(none_keep="id warning reason", conduct_keep="at", staff_keep="by")
