"""Backtests: what was asked of a rule's past, and what came of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from retention.models.rules import WarningRule


class BacktestRun(models.Model):
    """One backtest, kept with the version of the rule; while it waits or runs, its row is the work to do.

    ``version`` is empty for a condition that was not stored. ``result`` is what
    ``retention.backtest.counting`` says it is; ``progress`` is ``{"done": n, "total": m}`` in ranges of
    customers. ``counted_at`` and ``ingested_until`` are real time, as ``ingested_at`` is.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    rule = models.ForeignKey(WarningRule, null=True, on_delete=models.PROTECT, related_name="backtests")
    version = models.PositiveIntegerField(null=True)
    condition = models.JSONField()
    re_fire_days = models.PositiveIntegerField()
    first_day = models.IntegerField()
    last_day = models.IntegerField()
    step_days = models.PositiveIntegerField()
    horizon_days = models.PositiveIntegerField()
    gap_days = models.PositiveIntegerField()
    comparison = models.PositiveIntegerField(null=True)  # which leaf of the condition is moved
    minutes_per_call = models.PositiveIntegerField()

    status = models.CharField(max_length=9, choices=Status.choices, default=Status.WAITING)
    progress = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)  # real time
    lease_token = models.CharField(max_length=32, blank=True)
    error = models.CharField(max_length=100, blank=True)  # a code or the class of the failure, no content

    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    fingerprint = models.CharField(max_length=64)  # of the measure registry
    counted_at = models.DateTimeField(null=True)
    ingested_until = models.DateTimeField(null=True)
    assumed_share = models.FloatField(null=True)
    result = models.JSONField(null=True)

    privacy = declare(
        none_keep="id rule version condition re_fire_days first_day last_day step_days horizon_days gap_days "
        "comparison minutes_per_call status progress attempts lease_until lease_token error made_at "
        "finished_at fingerprint counted_at ingested_until assumed_share result",
        staff_keep="by",
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(first_day__lte=models.F("last_day"), step_days__gt=0, horizon_days__gt=0),
                name="backtest_span_in_order",
            ),
            models.CheckConstraint(
                condition=Q(status="done", result__isnull=False) | ~Q(status="done"),
                name="backtest_done_has_result",
            ),
        ]
        indexes = [
            models.Index(fields=["rule", "-id"], name="backtest_of_rule"),
            # the drain: what waits or runs
            models.Index(fields=["id"], condition=Q(status__in=["waiting", "running"]), name="backtest_open"),
        ]
