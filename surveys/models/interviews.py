"""Interviews: the guides by which they are held, each in versions, and what was said, as dated facts."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import translation
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground import guards
from customers.ground.privacy import declare
from customers.models import Customer, Interaction, User
from customers.models.people import Role
from surveys.guides.document import Document, read


class Purpose(models.TextChoices):
    """What an interview is held for; the causes of an exit interview count for the loss."""

    EXIT = "exit", pgettext_lazy("purpose of an interview", "exit")
    RELATIONSHIP = "relationship", pgettext_lazy("purpose of an interview", "relationship")
    WIN_BACK = "win_back", pgettext_lazy("purpose of an interview", "win-back")
    FREE = "free", pgettext_lazy("purpose of an interview", "something else")


class GuideQuerySet(models.QuerySet["Guide"]):
    def visible_to(self, user: User) -> GuideQuerySet:
        """Return the guides that ``user`` may see: they belong to the company, so all or none."""
        return self if user.is_active and user.role in Role.values else self.none()


class Guide(models.Model):
    """What is asked in one kind of interview; its questions stand in its versions."""

    code = models.SlugField(_("code"), max_length=64, unique=True)
    name_en = models.CharField(_("English name"), max_length=120)
    name_zh = models.CharField(_("Chinese name"), max_length=120)
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose.choices)
    version = models.PositiveIntegerField(default=1)  # the newest: interviews begin with it
    revision = models.PositiveIntegerField(default=1)  # counts what was saved: of two who save, one is told
    is_retired = models.BooleanField(default=False)
    made_at = models.DateTimeField()

    objects: ClassVar[models.Manager[Guide]] = GuideQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(none_keep="id code name_en name_zh purpose version revision is_retired made_at")

    class Meta:
        ordering = ["is_retired", "code"]

    def __str__(self) -> str:
        return self.name_zh if (translation.get_language() or "").startswith("zh") else self.name_en


class GuideVersion(models.Model):
    """What a guide asked from one change to the next; interviews keep theirs for good."""

    guide = models.ForeignKey(Guide, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    made_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    privacy = declare(none_keep="id guide number document made_at", staff_keep="by")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["guide", "number"], name="guide_version_once")]

    @cached_property
    def definition(self) -> Document:
        """Return what it asks."""
        return read(self.document)


guards.append_only(GuideVersion)


class InterviewQuerySet(models.QuerySet["Interview"]):
    def visible_to(self, user: User) -> InterviewQuerySet:
        """Return the interviews with customers that ``user`` may see."""
        visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        return self.filter(Exists(visible.filter(pk=OuterRef("customer_id"))))


class Interview(models.Model):
    """One interview: held, with what was written so far in ``draft``; then finished, or dropped.

    What was said stands in its answers from when it was finished. ``may_quote``: whether the customer
    agreed to be quoted, nothing while she was not asked.
    """

    class Status(models.TextChoices):
        OPEN = "open", pgettext_lazy("of an interview", "being held")
        DONE = "done", pgettext_lazy("of an interview", "finished")
        DROPPED = "dropped", pgettext_lazy("of an interview", "not held")

    class Agreed(models.TextChoices):
        """How the customer agreed to be quoted."""

        SPOKEN = "spoken", _("said so in the interview")
        MESSAGE = "message", _("by e-mail or message")
        SIGNED = "signed", _("signed a release")

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="interviews")
    contact = models.ForeignKey("customers.Contact", null=True, on_delete=models.PROTECT, related_name="+")
    guide = models.ForeignKey(Guide, on_delete=models.PROTECT, related_name="interviews")
    version = models.ForeignKey(GuideVersion, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose.choices)  # the guide's, of then
    kind = models.CharField(
        _("kind"), max_length=8, choices=Interaction.Kind.choices, default=Interaction.Kind.CALL
    )
    status = models.CharField(_("status"), max_length=7, choices=Status.choices, default=Status.OPEN)
    begun_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    revision = models.PositiveIntegerField(default=1)  # counts what was saved: of two who save, one is told
    draft = models.JSONField(null=True)
    saved_at = models.DateTimeField(null=True)
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    saved_from = models.CharField(max_length=32, blank=True)  # the page that saved last
    held_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)  # finished or dropped
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    may_quote = models.BooleanField(null=True)
    agreed_how = models.CharField(max_length=7, choices=Agreed.choices, blank=True)
    agreed_on = models.DateField(null=True)
    interaction = models.ForeignKey(
        "customers.Interaction", null=True, on_delete=models.PROTECT, related_name="+"
    )
    sighting = models.ForeignKey(
        "customers.CompetitorSighting", null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects: ClassVar[models.Manager[Interview]] = InterviewQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id guide version purpose kind status begun_at revision saved_at saved_from "
        "ended_at interaction sighting",
        conduct_keep="customer contact held_at may_quote agreed_how agreed_on",
        text_blank="draft",
        staff_keep="by saved_by ended_by",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="open", ended_at__isnull=True)
                | Q(~Q(status="open"), ended_at__isnull=False, draft__isnull=True),
                name="interview_ended_keeps_no_draft",
            ),
            models.CheckConstraint(
                condition=~Q(status="done") | Q(held_at__isnull=False, interaction__isnull=False),
                name="interview_done_was_held",
            ),
            models.CheckConstraint(
                condition=Q(may_quote=True, agreed_on__isnull=False, agreed_how__gt="")
                | Q(Q(may_quote__isnull=True) | Q(may_quote=False), agreed_on__isnull=True, agreed_how=""),
                name="interview_quoted_by_consent",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-id"], name="interview_customer"),
            models.Index(fields=["guide", "-held_at", "-id"], name="interview_guide"),
            models.Index(fields=["status", "-id"], name="interview_status"),
        ]


class AnswerQuerySet(models.QuerySet["InterviewAnswer"]):
    def standing(self) -> AnswerQuerySet:
        """Return what was said in finished interviews, and not taken back since."""
        return self.filter(void=False, interview__status=Interview.Status.DONE)

    def quotable(self) -> AnswerQuerySet:
        """Return the answers with words that the customer agreed to be quoted with.

        Wherever a quote is shown but in the interview itself, it comes from here.
        """
        return self.standing().filter(interview__may_quote=True).exclude(quote="")


class InterviewAnswer(Fact):
    """What was said to one question of a guide: coded, noted, and in the customer's own words.

    ``chosen``: codes of the question, or of causes where it is about causes.
    """

    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, related_name="interviewanswers", db_index=False
    )
    interview = models.ForeignKey(Interview, on_delete=models.PROTECT, related_name="answers")
    contact = models.ForeignKey("customers.Contact", null=True, on_delete=models.PROTECT, related_name="+")
    question = models.CharField(max_length=40)
    chosen = models.JSONField(default=list)
    note = models.TextField(_("notes"), blank=True)
    quote = models.TextField(_("in the customer's words"), blank=True)

    objects: ClassVar[models.Manager[InterviewAnswer]] = AnswerQuerySet.as_manager()  # type: ignore[assignment]

    privacy = {
        **FACT_PRIVACY,
        **declare(none_keep="interview question", conduct_keep="contact chosen", text_blank="note quote"),
    }

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["interview", "question"], name="interview_answer_once_a_question")
        ]
        indexes = [
            models.Index(fields=["customer", "-occurred_at", "-id"], name="interview_answer_customer"),
            models.Index(fields=["occurred_at", "question"], name="interview_answer_when"),
        ]


InterviewAnswerVersion = twin_of(InterviewAnswer)
