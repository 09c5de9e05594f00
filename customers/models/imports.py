"""One file brought in: what was asked, how far it came, what became of it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.ground import guards
from customers.ground.privacy import declare
from customers.models.people import Role, User


class ImportQuerySet(models.QuerySet["ImportBatch"]):
    def visible_to(self, user: User) -> ImportQuerySet:
        """Return the imports that ``user`` may see: an admin all, a lead or a program its own."""
        if user.is_active and user.role == Role.ADMIN:
            return self
        if user.is_active and user.role in {Role.TEAM_LEAD, Role.INTEGRATION}:
            return self.filter(by=user)
        return self.none()

    def ended_badly(self) -> ImportQuerySet:
        """Return the runs of recurring imports that failed or refused lines, are the last that ended of
        theirs, and that nobody has opened yet.
        """
        ended = ImportBatch.objects.filter(status__in=[ImportBatch.Status.DONE, ImportBatch.Status.REFUSED])
        later = ended.filter(profile=models.OuterRef("profile"), pk__gt=models.OuterRef("pk"))
        bad = models.Q(status=ImportBatch.Status.REFUSED) | models.Q(
            status=ImportBatch.Status.DONE, refused__gt=0
        )
        unseen = self.filter(bad, profile__isnull=False, problem_seen_at__isnull=True)
        return unseen.exclude(models.Exists(later)).order_by("-pk")


class ImportBatch(models.Model):
    """An import by page, command or API; every fact it wrote points to it."""

    class Status(models.TextChoices):
        UPLOADED = "uploaded", _("uploaded")
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        REFUSED = "refused", _("could not be read")
        UNDOING = "undoing", _("being taken back")
        UNDONE = "undone", _("taken back")

    kind = models.CharField(max_length=32)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.UPLOADED)
    file_name = models.CharField(max_length=255, blank=True)
    stored_as = models.CharField(max_length=255, blank=True)  # below MEDIA_ROOT/imports, random name
    error_stored_as = models.CharField(max_length=255, blank=True)
    mapping = models.JSONField(default=dict)
    size = models.BigIntegerField(default=0)  # bytes
    position = models.BigIntegerField(default=0)  # chunks landed and counted
    progress = models.JSONField(default=dict)  # phase, done, total: for the page
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)  # real time; who works on it
    lease_token = models.CharField(max_length=32, blank=True)
    lines = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    created = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    problem = models.TextField(blank=True)  # why nothing could be read, in the user's words
    problem_seen_at = models.DateTimeField(null=True)  # opened from the notice about a recurring import
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    profile = models.ForeignKey(  # of a recurring import
        "customers.ImportProfile", null=True, on_delete=models.PROTECT, related_name="runs"
    )
    made_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    undo_reason = models.CharField(max_length=500, blank=True, db_default="")
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    undo_asked_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[ImportBatch]] = ImportQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id profile kind status stored_as error_stored_as mapping size position progress "
        "attempts "
        "lease_until lease_token lines accepted refused created updated unchanged made_at started_at "
        "finished_at undo_asked_at undone_at problem_seen_at",
        staff_keep="by undone_by",
        text_blank="file_name problem undo_reason",  # may say what somebody wrote into the file
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            # the drain: what waits or runs
            models.Index(
                fields=["id"],
                condition=models.Q(status__in=["waiting", "running"]),
                name="import_batch_open",
            ),
        ]


class ImportChange(models.Model):
    """A record, not a fact, that an import made or changed, and what it held before (append-only).

    Facts point to their batch themselves; here they stand only when a personal text was overwritten.
    ``before`` holds what is no personal value, and the names of personal ones that were empty; the
    others are sealed. ``at`` is the ``updated_at`` that the import wrote, empty where it wrote none.
    """

    batch = models.ForeignKey(ImportBatch, on_delete=models.PROTECT, related_name="changes")
    model = models.CharField(max_length=64)
    object_id = models.BigIntegerField()
    is_new = models.BooleanField()
    before = models.JSONField(default=dict)
    sealed_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(null=True)

    privacy = declare(none_keep="id batch model object_id is_new sealed_id at", conduct_keep="before")

    class Meta:
        indexes = [
            models.Index(fields=["batch", "model", "id"], name="import_change_batch"),
            models.Index(fields=["model", "object_id"], name="import_change_object"),
        ]


guards.append_only(ImportChange)


class HistoryTakenBack(models.Model):
    """An import was taken back: what was counted before ``noted_at`` about ``recorded_from`` on may differ.

    Kept results (backtests, models) carry the moment at which they were counted and the time they are
    about; ``customers.undo.history_taken_back`` says whether such a row lies in between. Append-only.
    """

    batch = models.OneToOneField(ImportBatch, on_delete=models.PROTECT, related_name="taken_back")
    at = models.DateTimeField()
    noted_at = models.DateTimeField(auto_now_add=True)  # real time, as ``ingested_at`` is
    facts = models.BigIntegerField()
    recorded_from = models.DateTimeField(null=True)  # the earliest moment at which one of them counted

    privacy = declare(none_keep="id batch at noted_at facts recorded_from")

    class Meta:
        indexes = [models.Index(fields=["noted_at"], name="history_taken_back")]


guards.append_only(HistoryTakenBack)
