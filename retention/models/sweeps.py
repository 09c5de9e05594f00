"""Runs of the sweep."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare


class SweepRun(models.Model):
    """One sweep: what it looked at, when, and what it found.

    ``seconds`` are those of all shards together, by phase: ``measures``, ``rules``, ``cases``. ``details``
    tells more::

        {"rows": {"measures": wide rows written, "rules": warnings raised and closed,
                  "cases": cases opened and calls planned},
         "scan": {"seconds": of the one scan for all rules, "alone": rules tried alone},
         "rules": {CODE: {"matches": who matches, "raised": new warnings,
                          "seconds": only of a rule that had to be tried alone}}}

    A run over everybody is divided into :class:`SweepShard` rows, which any worker takes; ``codes`` are
    its rules and ``slot`` the day of a nightly one.
    """

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
    codes = models.JSONField(null=True)  # of the rules that judge
    slot = models.CharField(max_length=64, blank=True, default="", db_default="")
    details = models.JSONField(null=True)

    privacy = declare(
        none_keep="id scope status as_of day fingerprint started_at finished_at customers warnings "
        "warnings_closed cases_opened calls_created failed_rules seconds shards_done shards codes slot "
        "details"
    )

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["scope", "status", "-day"], name="sweep_last")]


class SweepShard(models.Model):
    """A range of customers of one run: claimed by lease, done once, with what it found.

    ``found`` holds the same counts as the run, of this range alone; the run sums them up at its end.
    """

    run = models.ForeignKey(SweepRun, on_delete=models.PROTECT, related_name="parts")
    number = models.PositiveIntegerField()
    low = models.BigIntegerField()  # customers from here
    high = models.BigIntegerField()  # to here, included
    lease_until = models.DateTimeField(null=True)  # real time
    lease_token = models.CharField(max_length=32, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=100, blank=True)  # the class of the last failure, no content
    done_at = models.DateTimeField(null=True)  # real time
    found = models.JSONField(default=dict)

    privacy = declare(none_keep="id run number low high lease_until lease_token attempts error done_at found")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="sweep_shard_once")]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(done_at__isnull=True), name="sweep_shard_undone")
        ]
