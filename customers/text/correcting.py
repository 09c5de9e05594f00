"""A person says what a text says: one press, which counts at the next training."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.causes import UNKNOWN, choices
from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import Aspect, Sentiment, TextReading, Urgency, User


class NotAnAnswer(Refused):
    code = "text_answer"
    message = _("That is no answer here. Choose one of those that are offered.")


class TextGone(Refused):
    code = "text_gone"
    message = _("This text is not there any more. Load the page again.")


def correct_reading(reading: TextReading, *, code: str, by: User | None, at: datetime) -> TextReading:
    """Say what a text says in one aspect; it stands above the reader, and weighs most when it learns.

    Args:
        code: one of :func:`answers`; ``""`` takes back what was said, so that the reader counts again.

    Raises :class:`NotAnAnswer`, :class:`TextGone`. Side effects: audit ``text.correct``, unless nothing
    changes.
    """
    with transaction.atomic():
        row = TextReading.objects.select_for_update().filter(pk=reading.pk).first()
        if row is None:
            raise TextGone()
        if code and code != row.corrected and code not in answers(row.aspect):
            raise NotAnAnswer()
        if row.corrected != code:
            before = row.stands
            row.corrected = code
            row.corrected_by = by if code else None
            row.corrected_at = at if code else None
            row.save(update_fields=["corrected", "corrected_by", "corrected_at"])
            codes = {"aspect": row.aspect, "code": code, "before": before}
            audit.record("text.correct", obj=row, by=by, at=at, customer_id=row.customer_id, codes=codes)
    return row


def answers(aspect: str) -> dict[str, str]:
    """Return what may be said in an aspect: code → name in the active language, in order."""
    if aspect == Aspect.SENTIMENT:
        return {code: str(label) for code, label in Sentiment.choices}
    if aspect == Aspect.URGENCY:
        return {code: str(label) for code, label in Urgency.choices}
    return {cause.code: str(cause) for cause in choices().exclude(code=UNKNOWN)}
