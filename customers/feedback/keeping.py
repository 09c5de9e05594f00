"""What becomes of feedback from somebody unknown when a person is erased, and when it was kept long enough.

Once it is linked her words stand in the complaint as well; what she stated of herself stays here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from customers import keeping, movers
from customers.erasure import names
from customers.feedback import files, stated, unknown
from customers.ground import clock
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
    movers.register_ending("customers.feedback", end_emptied)
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
    """Empty what a person who was erased had stated of herself, linked or not; files go with it.

    Its link goes too: the hash alone stays until what follows it was asked (:func:`emptied_now`).
    """
    rows = of_person(person, pk).exclude(**_BLANK).select_for_update(of=("self",)).order_by("pk")
    return _empty(list(rows), at=clock.real_now(), salt="")


def emptied_now() -> QuerySet[UnknownFeedback]:
    """Return what the erasing that is under way emptied; whoever asked takes the hashes of the links."""
    return UnknownFeedback.objects.filter(text="", salt="").exclude(token_hash=None)


def end_emptied(at: datetime) -> None:
    """End what waits in the inbox and has no word left, as somebody was erased: nothing is to be answered."""
    waiting = UnknownFeedback.objects.filter(state=unknown.State.OPEN, text="")
    for row in waiting.select_for_update().order_by("pk"):
        unknown.handle_without_customer(row, answered=unknown.Answer.NONE, words="", by=None, at=at)


def export(person: str, pk: int) -> list[dict[str, Any]]:
    """Return what a person stated of herself."""
    fields = ("id", "kind", "occurred_at", "text", "stated_name", "stated_reach", "stated_order")
    return list(of_person(person, pk).order_by("pk").values(*fields))


def clear(before: datetime, most: int, at: datetime) -> int:
    """Empty what ended before then; files go with it."""
    old = UnknownFeedback.objects.filter(ended_at__lt=before).exclude(**_BLANK).order_by("pk")
    return _empty(list(old[:most]), at=at)


def files_of(person: str, pk: int) -> QuerySet[FeedbackFile]:
    """Return the files that came with what a person stated and that no customer has."""
    return FeedbackFile.objects.filter(unknown__in=of_person(person, pk))


def _empty(rows: Sequence[UnknownFeedback], *, at: datetime, **also: str) -> int:
    """Empty rows, ``also`` other columns, and delete their files; what programs sent cannot be sent again."""
    if not rows:
        return 0
    files.forget(rows)
    sent = [(row.source, row.external_id) for row in rows if row.source.startswith(unknown.PROGRAM)]
    names.remember(names.of_named(unknown.ERASED, [one for one in sent if one[1]]), at=at)
    return UnknownFeedback.objects.filter(pk__in=[row.pk for row in rows]).update(**_BLANK, **also)


def of_person(person: str, pk: int) -> QuerySet[UnknownFeedback]:
    """Return what a person stated, linked or not, as far as her address or the link tells."""
    hers = Q(**{f"complaint__{person}_id": pk})
    return UnknownFeedback.objects.filter(hers | Q(pk__in=_unlinked(pk) if person == "contact" else []))


def _unlinked(pk: int) -> list[int]:
    """Return what is nobody's by name, or her customer's alone, but came from a contact's own address."""
    contact = Contact.objects.filter(pk=pk).first()
    if contact is None:
        return []
    theirs = Q(complaint__customer=contact.customer_id, complaint__contact=None)
    rows = UnknownFeedback.objects.filter(Q(complaint=None) | theirs).exclude(stated_reach="")
    found = rows.values_list("pk", "stated_reach").iterator()
    return [number for number, reach in found if stated.is_of(reach, contact)]
