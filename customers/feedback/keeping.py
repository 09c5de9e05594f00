"""What becomes of feedback from somebody unknown when a person is erased, and when it was kept long enough.

Once it is linked her words stand in the complaint as well; what she stated of herself stays here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from customers import keeping, movers
from customers.duplicates.keys import email_key, phone_key
from customers.feedback import files
from customers.models import Contact, FeedbackFile, UnknownFeedback

_BLANK = dict.fromkeys(
    ("stated_name", "stated_reach", "stated_order", "text", "external_id", "answer_text"), ""
)
MONTHS = 24


def register() -> None:
    """Enter what erasing a customer or contact does, and how long it is kept (in ``ready()``).

    Before the contacts themselves: whose address somebody wrote is told by what stands there.
    """
    movers.register(UnknownFeedback, mover=movers.stay, eraser=erase, exporter=export)
    keeping.register(
        keeping.DataClass(
            "unknown_feedback",
            _("Feedback of people who are no customers"),
            _("Names, addresses, words and files; kind, deadlines and how it was answered stay."),
            MONTHS,
            clear,
        )
    )


def erase(person: str, pk: int) -> int:
    """Empty what a person who was erased had stated of herself, linked or not; files go with it."""
    rows = list(_of(person, pk).exclude(**_BLANK))
    files.forget(rows)
    return UnknownFeedback.objects.filter(pk__in=[row.pk for row in rows]).update(**_BLANK) if rows else 0


def export(person: str, pk: int) -> list[dict[str, Any]]:
    """Return what a person stated of herself."""
    fields = ("id", "kind", "occurred_at", "text", "stated_name", "stated_reach", "stated_order")
    return list(_of(person, pk).order_by("pk").values(*fields))


def clear(before: datetime, most: int, at: datetime) -> int:
    """Empty what ended before then; files go with it."""
    old = UnknownFeedback.objects.filter(ended_at__lt=before).exclude(**_BLANK).order_by("pk")
    rows = list(old[:most])
    files.forget(rows)
    return UnknownFeedback.objects.filter(pk__in=[row.pk for row in rows]).update(**_BLANK) if rows else 0


def files_of(person: str, pk: int) -> QuerySet[FeedbackFile]:
    """Return the files that came with what a person stated and that no customer has."""
    return FeedbackFile.objects.filter(unknown__in=_of(person, pk))


def _of(person: str, pk: int) -> QuerySet[UnknownFeedback]:
    hers = Q(**{f"complaint__{person}_id": pk})
    return UnknownFeedback.objects.filter(hers | Q(pk__in=_unlinked(pk) if person == "contact" else []))


def _unlinked(pk: int) -> list[int]:
    """Return what is nobody's by name, but was written from a contact's own address or number."""
    contact = Contact.objects.filter(pk=pk).first()
    if contact is None:
        return []
    email, phone = email_key(contact.email), phone_key(contact.phone)
    stated = UnknownFeedback.objects.filter(complaint=None).exclude(stated_reach="")
    return [
        number
        for number, reach in stated.values_list("pk", "stated_reach").iterator()
        if (email and email_key(reach) == email) or (phone and "@" not in reach and phone_key(reach) == phone)
    ]
