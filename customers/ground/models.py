"""Tables that know no customer."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.ground import guards
from customers.ground.privacy import declare


class ClockOffset(models.Model):
    """The offset between real time and this database's time, fixed once (decision 4)."""

    offset_us = models.BigIntegerField()

    privacy = declare(none_keep="id offset_us")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="clock_one_row")]


class Company(models.Model):
    """The one company that this installation serves."""

    name = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=10, default="en")
    base_currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=64)
    default_margin_bp = models.PositiveIntegerField(default=3000)  # basis points of net amount
    calendar_country = models.CharField(max_length=2, blank=True)
    week = models.JSONField(default=list)  # seven lists of [start minute, end minute], Monday first
    is_demo = models.BooleanField(default=False)

    privacy = declare(
        none_keep="id name language base_currency time_zone default_margin_bp calendar_country week is_demo"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="company_one_row"),
            models.CheckConstraint(condition=Q(default_margin_bp__lte=10000), name="company_margin_share"),
        ]

    def __str__(self) -> str:
        return self.name or "—"


class CalendarException(models.Model):
    """A day whose working windows differ from the week: none = closed."""

    day = models.DateField(unique=True)
    windows = models.JSONField(default=list)  # list of [start minute, end minute]
    label = models.CharField(max_length=100, blank=True)
    is_own = models.BooleanField(default=False)  # entered by the company, not delivered

    privacy = declare(none_keep="id day windows label is_own")


class ExchangeRate(models.Model):
    """One unit of ``currency`` is worth ``rate`` units of the base currency from ``day`` on."""

    currency = models.CharField(max_length=3)
    day = models.DateField()
    rate = models.DecimalField(max_digits=18, decimal_places=8)

    privacy = declare(none_keep="id currency day rate")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["currency", "day"], name="rate_once_a_day"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="rate_positive"),
        ]


class Event(models.Model):
    """Something that happened, told upward (decision 5): ids, codes and numbers only."""

    kind = models.CharField(max_length=64)
    customer_id = models.BigIntegerField(null=True, db_index=True)
    subject_type = models.CharField(max_length=64, blank=True)
    subject_id = models.BigIntegerField(null=True)
    occurred_at = models.DateTimeField()
    data = models.JSONField(default=dict)

    privacy = declare(
        none_keep="id kind subject_type subject_id data", conduct_keep="customer_id occurred_at"
    )

    class Meta:
        indexes = [models.Index(fields=["subject_type", "subject_id"], name="event_subject")]


class OutboxRow(models.Model):
    """Work to be done later: claimed by lease, done once per ``dedupe_key`` (decision 6)."""

    handler = models.CharField(max_length=100)
    event = models.ForeignKey(Event, null=True, on_delete=models.PROTECT, related_name="+")
    payload = models.JSONField(default=dict)  # references only, never content
    order_key = models.CharField(max_length=100, blank=True)
    dedupe_key = models.CharField(max_length=200, unique=True)
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    lease_token = models.CharField(max_length=32, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=100, blank=True)  # the class of the last failure, no content
    done_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)
    # The request (or task) whose change asked for this work; what the work writes carries it on.
    request_id = models.CharField(max_length=64, blank=True, default="", db_default="")

    privacy = declare(
        none_keep="id handler event payload order_key dedupe_key due_at lease_until lease_token attempts "
        "error done_at dead_at request_id"
    )

    class Meta:
        indexes = [
            # the drain: what is due and neither done nor dead
            models.Index(
                fields=["due_at", "id"],
                condition=Q(done_at__isnull=True, dead_at__isnull=True),
                name="outbox_due",
            ),
            models.Index(
                fields=["order_key", "id"],
                condition=Q(done_at__isnull=True, dead_at__isnull=True) & ~Q(order_key=""),
                name="outbox_order",
            ),
            # the page of background work: what failed and is tried again, and what is dead
            models.Index(
                fields=["due_at", "id"],
                condition=Q(done_at__isnull=True, dead_at__isnull=True) & ~Q(error=""),
                name="outbox_failed",
            ),
            models.Index(fields=["id"], condition=Q(dead_at__isnull=False), name="outbox_dead"),
        ]


class AuditEvent(models.Model):
    """Who did what to which object, when and from where. Append-only; holds no personal text."""

    at = models.DateTimeField(db_index=True)
    actor_id = models.BigIntegerField(null=True)  # a user's id; empty for the system
    act = models.CharField(max_length=64)
    object_type = models.CharField(max_length=64, blank=True)
    object_id = models.BigIntegerField(null=True)
    customer_id = models.BigIntegerField(null=True, db_index=True)
    channel = models.CharField(max_length=16)  # page, api, task, command, system
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    # The request that this act follows up, when a worker did it later.
    caused_by = models.CharField(max_length=64, blank=True, default="", db_default="")
    codes = models.JSONField(default=dict)  # ids, codes and numbers that explain the act

    privacy = declare(
        none_keep="id at act object_type object_id channel request_id caused_by codes",
        conduct_keep="customer_id",
        staff_keep="actor_id address",
    )

    class Meta:
        indexes = [models.Index(fields=["object_type", "object_id"], name="audit_object")]


class HolderKey(models.Model):
    """The key of one person's sealed values; destroying it makes them unreadable for ever."""

    holder = models.CharField(max_length=64, unique=True)  # "contact:12", "user:3", "company:1"
    wrapped = models.BinaryField()

    privacy = declare(none_keep="id holder", key_destroy="wrapped")


class SealedValue(models.Model):
    """Old texts and before/after values, encrypted with the holder's key."""

    holder = models.CharField(max_length=64, db_index=True)
    subject_type = models.CharField(max_length=64)
    subject_id = models.BigIntegerField()
    sealed = models.BinaryField()

    privacy = declare(none_keep="id holder subject_type subject_id", text_destroy="sealed")

    class Meta:
        indexes = [models.Index(fields=["subject_type", "subject_id"], name="sealed_subject")]


class BackgroundRun(models.Model):
    """One scheduled run, made at most once per name and slot whoever asks for it."""

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    name = models.CharField(max_length=64)
    slot = models.CharField(max_length=64)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.RUNNING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField()

    privacy = declare(none_keep="id name slot status started_at finished_at lease_until")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "slot"], name="run_once_a_slot")]


class TaskRun(models.Model):
    """When each task of the schedule last ran: one row a task, overwritten by the next run."""

    task = models.CharField(max_length=100, unique=True)
    finished_at = models.DateTimeField()  # real time: the schedule goes by it
    seconds = models.FloatField()
    is_done = models.BooleanField()  # False: it failed

    privacy = declare(none_keep="id task finished_at seconds is_done")


class ApiAnswer(models.Model):
    """The answer of an API call that changed something, kept so that a repeat acts no more.

    ``answer`` opens only with the key that the caller sent; here stands the key's hash.
    """

    holder = models.CharField(max_length=64)  # "user:3"
    key_hash = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)  # of method, address and content
    status = models.PositiveSmallIntegerField(default=0)
    answer = models.BinaryField()
    made_at = models.DateTimeField(db_index=True)  # real time

    privacy = declare(
        none_keep="id holder key_hash fingerprint status made_at",
        text_destroy="answer",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["holder", "key_hash"], name="api_answer_once")]


class RateCounter(models.Model):
    """How many API calls of one minute were handed out to a token, a user or an address."""

    holder = models.CharField(max_length=64, unique=True)  # "token:12", "user:3", "address:10.0.0.1"
    minute = models.BigIntegerField()  # since 1970, real time
    taken = models.IntegerField()

    privacy = declare(none_keep="id minute taken", staff_destroy="holder")


class Heartbeat(models.Model):
    """One process of ours as it last said that it lives; on real time (health checks, the page of work)."""

    class Kind(models.TextChoices):
        WEB = "web", _("web")
        WORKER = "worker", _("worker")
        BEAT = "beat", _("scheduler")

    process = models.CharField(max_length=12)  # the beginning of the lease tokens that it writes
    kind = models.CharField(max_length=8, choices=Kind.choices)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    doing = models.CharField(max_length=100, blank=True)  # what it is at; empty: it waits for work
    since = models.DateTimeField(null=True)  # of ``doing``

    privacy = declare(none_keep="id process kind host pid started_at seen_at doing since")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["process", "kind"], name="heartbeat_once")]


class Tally(models.Model):
    """One counter of all processes together; each adds what it counted since it last did (metrics)."""

    metric = models.CharField(max_length=64)
    labels = models.CharField(max_length=255, blank=True)
    value = models.FloatField(default=0)

    privacy = declare(none_keep="id metric labels value")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["metric", "labels"], name="tally_once")]


guards.append_only(Event, movable=["customer_id"])
guards.append_only(AuditEvent, movable=["customer_id"], clearable=["address"])
