"""How long what people said and wrote of themselves is kept: this app's classes of ``customers.keeping``."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.keeping import DataClass, register, texts
from customers.undo import names
from surveys.models import Interview, InterviewAnswer, Invitation, SurveyAnswer, SurveyResponse

_answers = texts(InterviewAnswer, "note", "quote", moment="occurred_at")


def _clear(before: datetime, most: int, at: datetime) -> int:
    """Empty what was noted and quoted; what was typed and never finished goes, too."""
    typed = Interview.objects.filter(Q(saved_at__lt=before), draft__isnull=False).order_by("pk")
    ids = list(typed.values_list("pk", flat=True)[:most])
    if ids:
        return Interview.objects.filter(pk__in=ids).update(draft=None)
    return _answers(before, most, at)


_words = texts(SurveyAnswer, "text", moment="occurred_at")
_comments = texts(SurveyResponse, "comment", moment="occurred_at")


def _clear_words(before: datetime, most: int, at: datetime) -> int:
    """Empty what people wrote in answers, and where the first of it stands with the response."""
    return _words(before, most, at) or _comments(before, most, at)


def _clear_unsent(before: datetime, most: int, at: datetime) -> int:
    """Empty what was filled in and never sent, once its link has been dead for that long."""
    dead = Invitation.objects.filter(expires_at__lt=before, answers__isnull=False).order_by("pk")
    ids = list(dead.values_list("pk", flat=True)[:most])
    return Invitation.objects.filter(pk__in=ids, answered_at=None).update(answers=None) if ids else 0


def register_all() -> None:
    """Enter the classes, and what the records are called (in ``ready()``)."""
    register(
        DataClass(
            "interviews",
            _("What was said in interviews"),
            _("Notes and quotes; the codes stay."),
            None,
            _clear,
        )
    )
    register(
        DataClass(
            "survey_answers",
            _("What people wrote in surveys"),
            _("The words; scores and choices stay."),
            None,
            _clear_words,
        )
    )
    register(
        DataClass(
            "survey_unsent",
            _("What was filled in at surveys and never sent"),
            _("All of it, so long after the link expired."),
            3,
            _clear_unsent,
        )
    )
    register(
        DataClass(
            "survey_names",
            _("What people wrote of themselves at open links"),
            _("Name and address or number; the answer stays, also where it is a customer's."),
            24,
            texts(SurveyResponse, "stated_name", "stated_reach", moment="occurred_at"),
        )
    )
    names.register("surveys.interview", _("interview"), _("Interviews"))
    names.register("surveys.interviewanswer", _("answer in an interview"), _("Answers in interviews"))
