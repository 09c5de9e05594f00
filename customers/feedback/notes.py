"""What colleagues note while they deal with feedback."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import Complaint, ComplaintNote, User

MOST_LETTERS = 4000


class NothingNoted(Refused):
    code = "note_without_text"
    message = _("Write what is to be noted.")


def note(complaint: Complaint, *, text: str, by: User | None, at: datetime) -> ComplaintNote:
    """Note something about feedback for colleagues; the customer does not see it.

    Raises :class:`NothingNoted`. Side effects: audit ``complaint.note``.
    """
    text = text.strip()[:MOST_LETTERS]
    if not text:
        raise NothingNoted()
    with transaction.atomic():
        row = ComplaintNote.objects.create(
            complaint=complaint,
            customer_id=complaint.customer_id,
            contact_id=complaint.contact_id,
            text=text,
            by=by,
            at=at,
        )
        audit.record("complaint.note", obj=complaint, by=by, at=at, customer_id=complaint.customer_id)
    return row
