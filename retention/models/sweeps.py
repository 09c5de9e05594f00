"""Runs of the sweep."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare


class SweepRun(models.Model):
    """One sweep: what it looked at, when, and what it found."""

    class Scope(models.TextChoices):
        FULL = "full", _("all customers")
        CHANGED = "changed", _("changed customers")
        TOUCHED = "touched", _("customers whose data has just changed")
        BASELINE = "baseline", _("customers who matched when a rule was switched on")

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    scope = models.CharField(max_length=8, choices=Scope.choices)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.RUNNING)
    as_of = models.DateTimeField()
    day = models.IntegerField()  # local day number of as_of
    fingerprint = models.CharField(max_length=64)  # of the measure registry
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    customers = models.BigIntegerField(default=0)
    warnings = models.JSONField(default=dict)  # rule code -> number raised
    warnings_closed = models.BigIntegerField(default=0)
    cases_opened = models.BigIntegerField(default=0)
    calls_created = models.BigIntegerField(default=0)
    failed_rules = models.JSONField(default=dict)  # rule code -> error code
    seconds = models.JSONField(default=dict)  # phase -> seconds
    shards_done = models.PositiveIntegerField(default=0)
    shards = models.PositiveIntegerField(default=1)

    privacy = declare(
        none_keep="id scope status as_of day fingerprint started_at finished_at customers warnings "
        "warnings_closed cases_opened calls_created failed_rules seconds shards_done shards"
    )

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["scope", "status", "-day"], name="sweep_last")]
